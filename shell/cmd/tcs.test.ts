import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** 9base has no tcs: expected by 9front's tcs(1) and source, and by the host's decoders. */
const world = new World({ '/w/a': 'é', '/w/b': Uint8Array.of(0xe9, 0x41) })
const bytes = (s: string) => new TextEncoder().encode(s)

async function tcs(flags: string, input: string | Uint8Array) {
  const r = await world.run(['tcs', ...flags.split(' ').filter(f => f !== '')], input, '/w')
  return { bytes: [...r.bytes], stdout: r.stdout, stderr: r.stderr, status: r.status }
}

const names = [
  ...['8859-1', '8859-2', '8859-3', '8859-4', '8859-5', '8859-6', '8859-7', '8859-8', '8859-9', '8859-10', '8859-15'],
  ...['ascii', 'big5', 'euc-k', 'gb2312', 'gbk', 'html', 'ibm866', 'jis-kanji', 'koi8', 'macrom', 'microsoft'],
  ...['ms-kanji', 'nfc', 'nfd', 'tis-620', 'ujis', 'unicode', 'unicode-be', 'unicode-le', 'utf'],
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8].map(n => `windows-125${n}`),
]

it('-l names the sets, on standard error', async () => {
  expect(await tcs('-l', '')).toEqual({ bytes: [], stdout: '', stderr: `cs: ${names.join(' ')}\n`, status: '' })
  const { stderr, status } = await tcs('-z', '')
  expect([stderr.split('\n').slice(0, 3), status]).toEqual([
    [
      'usage: tcs [-slcv] [-f ics] [-t ocs] [file ...]',
      'character sets:',
      '\t8859-1\tLatin-1: western and northern Europe',
    ],
    'usage',
  ])
  expect((await tcs('-lv', '')).stderr.split('\n').length).toBe(names.length + 2)
})

const texts: [string, string][] = [
  ['8859-1', 'Grüße, naïve façade ÿ\u0080\u009f'],
  ['8859-2', 'Příliš žluťoučký kůň'],
  ['8859-5', 'Съешь ещё этих'],
  ['8859-7', 'Ξεσκεπάζω'],
  ['8859-9', 'Pijamalı hasta ğüşıöç\u0085'],
  ['8859-15', '€ œuvre'],
  ['iso-8859-15', '€ Ž'],
  ['koi8', 'Съешь ещё ─'],
  ['KOI8-R', 'Съешь'],
  ['ibm866', 'Съешь ░▒▓'],
  ['macrom', 'Größe ∞ ≠'],
  ['microsoft', '“quotes” – €'],
  ['windows-1251', 'Съешь ещё'],
  ['tis-620', 'สวัสดี'],
  ['ascii', 'plain\n\0\x7f'],
  ['big5', '中文繁體 text，。'],
  ['gbk', '中文简体 繁體 text'],
  ['gb2312', '中文简体 text'],
  ['euc-k', '한국어 漢字 text'],
  ['ujis', '日本語 カナ ｶﾅ text'],
  ['ms-kanji', '日本語 カナ ｶﾅ text、。'],
  ['jis-kanji', '日本語\nカナ text\n終'],
  ['html', 'a < b & é 日本 😀'],
  ['unicode', 'héé 日本 😀'],
  ['utf-16be', '日本 😀'],
  ['unicode-le', '日本 😀\n'],
  ['utf', 'é 😀 \ufeff'],
]

it.each(texts)('%s there and back', async (cs, text) => {
  const there = await tcs(`-t ${cs}`, text)
  expect([there.stderr, there.status]).toEqual(['', ''])
  expect(await tcs(`-f ${cs}`, Uint8Array.from(there.bytes))).toMatchObject({ stdout: text, stderr: '', status: '' })
})

it('long texts, whose characters the ends of blocks cut in two', async () => {
  for (const [cs, text] of texts) {
    const long = `x${text}`.repeat(5000)
    const there = await tcs(`-t ${cs}`, long)
    const back = await tcs(`-f ${cs}`, Uint8Array.from(there.bytes))
    expect([cs, back.stdout === long, back.status]).toEqual([cs, true, ''])
  }
})

it.each([
  ['8859-1', 'é', [0xe9]],
  ['microsoft', '€', [0x80]],
  ['koi8', 'Ю', [0xe0]],
  ['ms-kanji', '日ｱ', [0x93, 0xfa, 0xb1]],
  ['ujis', '日ｱ', [0xc6, 0xfc, 0x8e, 0xb1]],
  ['jis-kanji', 'a日b', [0x61, 0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42, 0x62]],
  ['jis-kanji', '日', [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42]],
  ['gb2312', '中', [0xd6, 0xd0]],
  ['big5', '中十', [0xa4, 0xa4, 0xa4, 0x51]],
  ['euc-k', '한', [0xc7, 0xd1]],
  ['unicode', 'a😀', [0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0x00, 0xde]],
  ['unicode-be', 'a😀', [0, 0x61, 0xd8, 0x3d, 0xde, 0x00]],
  ['html', 'é<', [...bytes('&#233;<')]],
  ['nfd', 'é한', [...bytes('e\u0301\u1112\u1161\u11ab')]],
  ['nfc', 'e\u0301\u1112\u1161\u11ab', [...bytes('é한')]],
])('to %s: %j', async (cs, text, want) => {
  expect((await tcs(`-t ${cs}`, text)).bytes).toEqual(want)
})

it('every character that the host decodes', async () => {
  for (const [cs, label] of [
    ['ms-kanji', 'shift_jis'],
    ['gbk', 'gbk'],
    ['euc-k', 'euc-kr'],
    ['ujis', 'euc-jp'],
  ]) {
    const pairs: number[] = []
    for (let lead = 0x81; lead < 0xff; lead++)
      for (let t = 0x40; t < 0xff; t++) {
        const s = new TextDecoder(label).decode(Uint8Array.of(lead, t))
        if ([...s].length === 1 && s !== '\ufffd') pairs.push(lead, t)
      }
    const input = Uint8Array.from(pairs)
    const want = new TextDecoder(label).decode(input)
    const out = await tcs(`-f ${cs}`, input)
    expect([cs, out.stdout === want, out.stderr]).toEqual([cs, true, ''])
    const back = Uint8Array.from((await tcs(`-t ${cs}`, want)).bytes)
    expect([cs, new TextDecoder(label).decode(back) === want]).toEqual([cs, true])
  }
})

it('the mark at the beginning says the order of UTF-16', async () => {
  expect((await tcs('-f unicode', Uint8Array.of(0xfe, 0xff, 0, 0x61))).stdout).toBe('a')
  expect((await tcs('-f unicode', Uint8Array.of(0xff, 0xfe, 0x61, 0))).stdout).toBe('a')
  expect((await tcs('-f unicode', Uint8Array.of(0x61, 0))).stdout).toBe('a')
  expect(await tcs('-f unicode-be', Uint8Array.of(0xd8, 0, 0, 0x61, 0xdc))).toMatchObject({
    stdout: '\ufffda\ufffd',
    stderr: 'tcs: bad char 0xd800 near byte 0 in stdin\ntcs: bad char 0xdc near byte 4 in stdin\n',
    status: 'conversion error',
  })
})

it('references of HTML: those that would be markup stay', async () => {
  const out = await tcs('-f html', '&#233;&#x65E5; &#60;&#x26; &amp; &eacute; &#x; &; &#65 &#99999999;&')
  expect(out).toMatchObject({ stdout: 'é日 &#60;&#x26; &amp; &eacute; &#x; &; A &#99999999;&', status: '' })
})

it('a normal form over the ends of blocks', async () => {
  const marks = `e${'\u0301'.repeat(40_000)}`
  expect((await tcs('-t nfc', marks)).stdout.normalize('NFC')).toBe(marks.normalize('NFC'))
  const text = 'aé한e\u0323\u0302 '.repeat(20_000)
  const [d, c] = [await tcs('-t nfd', text), await tcs('-t nfc', text.normalize('NFD'))]
  expect([d.stdout === text.normalize('NFD'), d.stderr, c.stdout === text.normalize('NFC'), c.stderr]).toEqual([
    true,
    '',
    true,
    '',
  ])
})

it('what cannot be converted: U+FFFD or ?, left out with -c, not told with -s', async () => {
  const bad = Uint8Array.of(0x61, 0xff, 0x62)
  expect(await tcs('', bad)).toMatchObject({
    stdout: 'a\ufffdb',
    stderr: 'tcs: bad UTF sequence near byte 1 in input\n',
    status: 'conversion error',
  })
  expect(await tcs('-s', bad)).toMatchObject({ stdout: 'a\ufffdb', stderr: '', status: '' })
  expect(await tcs('-cs', bad)).toMatchObject({ stdout: 'ab', stderr: '', status: '' })
  expect(await tcs('-f ascii', bad)).toMatchObject({
    stdout: 'a\ufffdb',
    stderr: 'tcs: bad char 0xff near byte 1 in stdin\n',
  })
  expect(await tcs('-t ascii', 'aéb')).toMatchObject({
    stdout: 'a?b',
    stderr: 'tcs: rune 0xe9 not in output cs\n',
    status: 'conversion error',
  })
  expect(await tcs('-c -t ms-kanji', 'a😀b')).toMatchObject({ stdout: 'ab', status: 'conversion error' })
  expect(await tcs('-f ujis', Uint8Array.of(0x41, 0xc6))).toMatchObject({
    stdout: 'A\ufffd',
    stderr: 'tcs: bad char 0xc6 near byte 1 in stdin\n',
  })
})

it('-v: how much there was of all', async () => {
  expect(await tcs('-sv -f 8859-1 b', '')).toMatchObject({
    stdout: 'éA',
    stderr: 'tcs: 2 input bytes, 2 runes, 3 output bytes (0 errors)\n',
  })
  expect(await tcs('-v -t ascii a a', '')).toMatchObject({
    stdout: '??',
    stderr: `${'tcs: rune 0xe9 not in output cs\n'.repeat(2)}tcs: 4 input bytes, 2 runes, 2 output bytes (2 errors)\n`,
    status: 'conversion error',
  })
})

it('a set that is none; a file that is not there', async () => {
  expect(await tcs('-f ebcdic', '')).toMatchObject({
    stderr: "tcs: charset `ebcdic' unknown\n",
    status: "charset `ebcdic' unknown",
  })
  expect(await tcs('nosuch', '')).toMatchObject({ stderr: expect.stringMatching(/^tcs: nosuch: .*does not exist/) })
})
