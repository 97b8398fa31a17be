import { type Codec, double, html, jiskanji, normal, single, table, unicode, utf } from './codec.ts'

export interface Charset {
  name: string
  chatter: string
  codec: Codec
}

const ascii = table(() => Array.from({ length: 256 }, (_, c) => (c < 0x80 ? c : -1)))
const latin1 = table(() => Array.from({ length: 256 }, (_, c) => c))
/** The hosts have Latin-5 and the Thai set with additions of Microsoft's where these have control characters, or none. */
const latin5 = table(single('windows-1254', c => (c < 0xa0 ? c : undefined)))
const thai = table(single('windows-874', c => (c >= 0x80 && c <= 0xa0 ? 0xfffd : undefined)))
const gbk = double('gbk', [[0x81, 0xfe]], 0x40)
const sjis = double(
  'shift_jis',
  [
    [0x81, 0x9f],
    [0xe0, 0xec],
    [0xef, 0xfc],
    [0xed, 0xee],
  ],
  0x40,
)
const big5 = double(
  'big5',
  [
    [0xa1, 0xfe],
    [0x81, 0xa0],
  ],
  0x40,
  // Of two codes for one of these the later is the usual one.
  '十卅═╞╡╪',
)

const parts: [number, string, Codec?][] = [
  [1, 'Latin-1: western and northern Europe', latin1],
  [2, 'Latin-2: eastern Europe'],
  [3, 'Latin-3: Mediterranean, Esperanto'],
  [4, 'Latin-4: Scandinavia, Baltic'],
  [5, 'Cyrillic'],
  [6, 'Arabic'],
  [7, 'Greek'],
  [8, 'Hebrew'],
  [9, 'Latin-5: Turkey', latin5],
  [10, 'Latin-6: northern Europe'],
  [15, 'Latin-9: western Europe with the euro'],
]

const windows: [number, string][] = [
  [1250, 'central Europe'],
  [1251, 'Cyrillic'],
  [1252, 'Latin-1'],
  [1253, 'Greek'],
  [1254, 'Turkish'],
  [1255, 'Hebrew'],
  [1256, 'Arabic'],
  [1257, 'Baltic'],
  [1258, 'Vietnamese'],
]

/** Some hosts take Latin-1 for this set: what differs stands here. */
const cp1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'
const microsoft = table(() =>
  Array.from({ length: 256 }, (_, c) => (cp1252[c - 0x80] ?? String.fromCharCode(c)).charCodeAt(0)),
)
const koi8 = table(single('koi8-r'))

/** In the order of their listing. */
export const charsets: Charset[] = [
  ...parts.map(([n, chatter, codec]) => ({
    name: `8859-${n}`,
    chatter,
    codec: codec ?? table(single(`iso-8859-${n}`)),
  })),
  { name: 'ascii', chatter: 'ASCII, 7 bits', codec: ascii },
  { name: 'big5', chatter: 'Big 5 (Chinese)', codec: big5 },
  { name: 'euc-k', chatter: 'EUC (Korean)', codec: double('euc-kr', [[0x81, 0xfe]], 0x41) },
  { name: 'gb2312', chatter: 'GB 2312 (Chinese)', codec: double('gbk', [[0xa1, 0xf7]], 0xa1) },
  { name: 'gbk', chatter: 'GBK (Chinese)', codec: gbk },
  { name: 'html', chatter: 'references of HTML, by number', codec: html },
  { name: 'ibm866', chatter: 'IBM code page 866 (Russian)', codec: table(single('ibm866')) },
  { name: 'jis-kanji', chatter: 'ISO 2022-JP (Japanese)', codec: jiskanji },
  { name: 'koi8', chatter: 'KOI-8 (Russian)', codec: koi8 },
  { name: 'macrom', chatter: 'Macintosh Roman', codec: table(single('macintosh')) },
  { name: 'microsoft', chatter: 'alias of windows-1252', codec: microsoft },
  { name: 'ms-kanji', chatter: 'Shift-JIS (Japanese)', codec: sjis },
  { name: 'nfc', chatter: 'UTF-8, to normal form C', codec: normal('NFC') },
  { name: 'nfd', chatter: 'UTF-8, to normal form D', codec: normal('NFD') },
  { name: 'tis-620', chatter: 'ASCII and Thai', codec: thai },
  {
    name: 'ujis',
    chatter: 'EUC (Japanese)',
    codec: double(
      'euc-jp',
      [
        [0xa1, 0xfe],
        [0x8e, 0x8e],
      ],
      0xa1,
    ),
  },
  { name: 'unicode', chatter: 'UTF-16, with a mark of the byte order', codec: unicode() },
  { name: 'unicode-be', chatter: 'UTF-16, big endian', codec: unicode('be') },
  { name: 'unicode-le', chatter: 'UTF-16, little endian', codec: unicode('le') },
  { name: 'utf', chatter: 'UTF-8', codec: utf },
  ...windows.map(([n, chatter]) => ({
    name: `windows-${n}`,
    chatter: `Windows code page ${n} (${chatter})`,
    codec: n === 1252 ? microsoft : table(single(`windows-${n}`)),
  })),
]

/** Other names, most of them MIME's. */
const aliases: Record<string, string> = {
  ...Object.fromEntries(parts.map(([n]) => [`iso-8859-${n}`, `8859-${n}`])),
  euc_kr: 'euc-k',
  'iso-2022-jp': 'jis-kanji',
  'koi8-r': 'koi8',
  latin1: '8859-1',
  tis: 'tis-620',
  gb: 'gb2312',
  'us-ascii': 'ascii',
  'utf-16': 'unicode',
  'utf-16be': 'unicode-be',
  'utf-16le': 'unicode-le',
  'utf-8': 'utf',
  utf8: 'utf',
}

/** A set by one of its names, in either case. */
export function charset(name: string): Charset | undefined {
  const lower = name.toLowerCase()
  return charsets.find(c => c.name === (aliases[lower] ?? lower))
}
