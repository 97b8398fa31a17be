import { DMDIR, OREAD } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, write } from '../../plan9/libc/bio.ts'
import { AEXIST, access } from '../../plan9/libc/dirread.ts'
import { runetochar } from '../../plan9/libc/rune.ts'
import { attempt, eprint } from '../../plan9/libc/sysfatal.ts'
import * as magic from './file/magic.ts'
import { type Kind, OCTET, PLAIN } from './file/magic.ts'
import * as prose from './file/text.ts'

/** Bytes of a file that are looked at, but for a few further on. */
const Nbuf = 6000

/** The devices whose files are just files: servers', and pipes. */
const MNT = 'M'.charCodeAt(0)
const PIPE = '|'.charCodeAt(0)

/** A character a byte. */
const latin1 = (b: Uint8Array) => Array.from(b, c => String.fromCharCode(c)).join('')

interface Subject {
  name: string
  fd: number
  dir: Dir
  /** The beginning of the file; that of a text without its byte order mark, and in UTF-8. */
  b: Uint8Array
  /** The same, a character a byte; and up to its first NUL. */
  s: string
  text: string
  n: prose.Counts
}

type Test = (f: Subject, sys: Sys) => Kind | undefined | Promise<Kind | undefined>

const plain = (name: string): Kind => [name, PLAIN]
const octet = (name: string | undefined): Kind | undefined => (name === undefined ? undefined : [name, OCTET])

const starts: Test = ({ b, s }) => {
  const x = new DataView(Uint8Array.of(b[0]!, b[1] ?? 0, b[2] ?? 0, b[3] ?? 0).buffer).getUint32(0, true)
  const number = magic.numbers.find(([want, mask]) => (x & mask) >>> 0 === want)
  if (number !== undefined) return number[2]
  const td = /^TYPE=([^\n]*)/.exec(s)
  return magic.strings.find(([start]) => s.startsWith(start))?.[1] ?? (td ? [`${td[1]} picture`, OCTET] : undefined)
}

const checkpoint: Test = ({ b, s, dir }) => {
  if (magic.legacyCheckpoint(b, Number(dir.length))) return ['llama2.c checkpoint', OCTET]
  return magic.safetensors(s) ? ['safetensors model', OCTET] : undefined
}

const elf: Test = ({ b }) => {
  const name = magic.elf(b)
  return name === undefined ? undefined : [name, 'application/x-elf-executable']
}

const script: Test = ({ s }) => {
  const m = /^#!(?:[^\n\t ]*\/)?([^\n\t ]*)/.exec(s.slice(0, 130))
  if (m === null) return undefined
  // The programs that are built in are files of one line, `#!js NAME`.
  if (m[1] === 'js') return plain('built-in executable file')
  const shell = /^(rc|sh|bash|awk|sed|perl)$/.test(m[1]!) ? m[1]! : 'unknown'
  return [`${shell} executable file`, shell.endsWith('sh') ? 'application/x-sh' : PLAIN]
}

const iff: Test = ({ s }) => {
  if (s.startsWith('FORM') && s.startsWith('AIFF', 8)) return ['aiff audio', 'audio/x-aiff']
  if (!s.startsWith('RIFF')) return undefined
  const kinds: Record<string, Kind> = {
    WAVE: ['wave audio', 'audio/wave'],
    'AVI ': ['avi video', 'video/avi'],
    WEBP: ['webp image', 'image/webp'],
  }
  return kinds[s.slice(8, 12)] ?? ['riff file', OCTET]
}

const further: Test = async ({ fd, dir }, sys) => {
  // What a pipe has further on is not to be waited for.
  if (dir.type === PIPE) return undefined
  for (const [offset, start, kind] of magic.offsets) {
    const b = await attempt(sys.pread(fd, start.length, offset))
    if (b !== undefined && latin1(b) === start) return kind
  }
  return undefined
}

const udiff: Test = ({ text }) => {
  // The first diff of the text, and no other one.
  const at = text.indexOf('diff')
  const after = at >= 0 && /^[^\n]*\n--- [^\n]*\n\+\+\+ [^\n]*\n@@ /.test(text.slice(at))
  return after ? plain('unified diff output') : undefined
}

const mail: Test = ({ text }) => {
  const lines = text.split('\n').slice(0, -1)
  let count = 0
  for (const [i, l] of lines.entries()) {
    if (i === 0 && l.startsWith('From ') && l.includes(' remote from ')) count++
    else if (l[0] === '\t' || l[0] === ' ') continue
    else if (!l.includes(':')) break
    else if (/^(from|date|to|subject|received|reply to|sender):/i.test(l)) count++
  }
  if (count >= 3) return ['email file', 'message/rfc822']
  if (lines[0]?.startsWith('From ') && !lines[0].includes(' remote from ')) return ['mail box', 'application/mbox']
  return undefined
}

const tar: Test = ({ b }) => {
  if (b.length < 512 || b[0] === 0) return undefined
  const header = b.subarray(0, 512)
  const sum = header.reduce((sum, c, i) => sum + (i >= 148 && i < 156 ? 32 : c), 0)
  const want = /^\s*([0-7]+)/.exec(latin1(header.subarray(148, 156)))
  if (want === null || Number.parseInt(want[1]!, 8) !== sum) return undefined
  return latin1(header.subarray(257, 263)) === 'ustar\0'
    ? ['posix tar archive', 'application/x-ustar']
    : ['tar archive', 'application/x-tar']
}

const object: Test = ({ b }) => {
  const name = magic.object(b)
  return octet(name === undefined ? undefined : `${name} intermediate`)
}

const tags =
  'a b basefont big blink blockquote body br button caption center code dd dir div dl dt em embed font form ' +
  'frame frameset h1 h2 h3 h4 h5 h6 head hr html i iframe img input label li link menu meta noframes object ol ' +
  'option p param pre q script select small span strong style sub sup table tbody td textarea tfoot th thead ' +
  'title tr tt u ul !-- !DOCTYPE ![CDATA[ ?xml'
const tag = new RegExp(`</?(${tags.replace(/[![\]?]/g, '\\$&').replaceAll(' ', '|')})[\\t\\r\\n />]`, 'gi')

const html: Test = ({ s }) => ([...s.matchAll(tag)].length > 2 ? ['HTML file', 'text/html'] : undefined)

const program: Test = ({ n }) => {
  if (n.words.limbo >= 4) return plain('limbo program')
  const c = prose.program(n)
  if (c !== undefined) return plain(c)
  return n.words.as >= 2 ? plain('as program') : undefined
}

/** A height, an ascent, and lines of a range of characters and a subfont file that is there. */
const font: Test = async ({ name, text }, sys) => {
  const lines = text.split('\n')
  if (!/^\s*\d+\s+\d+\s*$/.test(lines[0] ?? '')) return undefined
  const base = name.slice(0, name.lastIndexOf('/') + 1)
  let found = 0
  for (const l of lines.slice(1)) {
    const m = /^\s*(?:0[xX][0-9a-fA-F]+|\d+)\s+(?:0[xX][0-9a-fA-F]+|\d+)\s+(?:\d+\s+)?(\S+)$/.exec(l)
    if (m === null) break
    const path = m[1]!.startsWith('/') ? m[1]! : base + m[1]
    if (!(await access(sys, path, AEXIST)) && !(await access(sys, `${path}.0`, AEXIST))) return undefined
    found++
  }
  return found > 0 ? plain('font file') : undefined
}

/** Bits of a pixel by an image's channels, or by the logarithm that images of old had. */
function depth(chan: string): { bits: number; old: string } | undefined {
  if (/^\d+$/.test(chan)) return Number(chan) > 5 ? undefined : { bits: 1 << Number(chan), old: 'old ' }
  if (!/^([rgbkamx]\d+)+$/.test(chan)) return undefined
  const bits = [...chan.matchAll(/\d+/g)].reduce((sum, [d]) => sum + Number(d), 0)
  return bits > 0 && (bits % 8 === 0 || 8 % bits === 0) ? { bits, old: '' } : undefined
}

/** image(6): five fields of 12, the pixels; a subfont has three more behind them. */
const image: Test = ({ s, dir }) => {
  const compressed = s.startsWith('compressed\n')
  const at = compressed ? 11 : 0
  const [chan, ...corners] = [0, 12, 24, 36, 48].map(i => s.slice(at + i, at + i + 12))
  const d = depth(chan!.trim())
  if (d === undefined || !corners.every(f => f.length === 12 && /^ *-?\d+ $/.test(f))) return undefined
  const [x0, y0, x1, y1] = corners.map(Number) as [number, number, number, number]
  const [dx, dy] = [x1 - x0, y1 - y0]
  if (dx <= 0 || dy <= 0) return undefined
  const what = `depth ${d.bits}, size ${dx}x${dy}`
  const mime = 'image/p9bit'
  if (compressed) return [`Compressed ${d.old}plan 9 image or subfont, ${what}`, mime]
  const length = 60 + dy * (d.bits < 8 ? Math.ceil(dx / (8 / d.bits)) : Math.floor((dx * d.bits) / 8))
  const actual = Number(dir.length)
  // A pipe has no length; and some programs add a little at the end.
  if (actual === 0 || (actual >= length && actual < length + 12)) return [`${d.old}plan 9 image, ${what}`, mime]
  if (length + 36 > Nbuf || /^( *\d+ ){3}/.test(s.slice(length, length + 36)))
    return [`${d.old}subfont file, ${what}`, mime]
  return undefined
}

const others: Test = ({ b, s, text }) => {
  if (text.includes('\\rtf1')) return ['rich text format', 'application/rtf']
  if (s.startsWith('MZ')) return ['MSDOS executable', 'application/x-msdownload']
  if (/^\0\0[\x01\x02]\0(?!\0\0).{5}\0/s.test(s))
    return [`Microsoft ${b[2] === 1 ? 'icon' : 'cursor'} file`, 'image/x-icon']
  const face = /^(?:(?:0x[0-9a-fA-F]+,[ \t]*){3}\n){3}/.test(s) && (s[10] === ',' ? 2 : s[6] === ',' ? 1 : 0)
  return face ? [`face image depth ${face}`, 'application/x-face'] : undefined
}

/** A header of 18 bytes whose parts agree. */
const tga: Test = ({ b }) => {
  if (b.length < 18) return undefined
  const short = (i: number) => b[i]! | (b[i + 1]! << 8)
  const [mapped, type, palette] = [b[1]!, b[2]! & 3, short(5)]
  if (short(12) === 0 || short(14) === 0 || ![8, 15, 16, 24, 32].includes(b[16]!) || b[2]! & ~0x0b) return undefined
  const ok =
    mapped === 0
      ? (type === 2 || type === 3) && palette === 0
      : mapped === 1 && type === 1 && b[7] !== 0 && palette !== 0
  return ok ? ['targa image', 'image/tga'] : undefined
}

const media: Test = ({ b, s }) => {
  if (s.startsWith('OggS') && s.startsWith('vorbis', 29)) return ['Ogg Vorbis I profile', 'audio/ogg;codecs=vorbis']
  if (s.startsWith('OggS') && s.startsWith('OpusHead', 28)) return ['Ogg Opus profile', 'audio/ogg;codecs=opus']
  if (/^.{4}ftyp(isom|mp4)/s.test(s)) return ['mp4 video', 'video/mp4']
  if (/^.{4}ftypM4A /s.test(s)) return ['m4a audio', 'audio/m4a']
  for (let i = b.indexOf(0xff); i >= 0; i = b.indexOf(0xff, i + 1))
    if ((b[i + 1]! & 0xfe) === 0xfa) return ['mp3 audio', 'audio/mpeg']
  return undefined
}

/** Bytes that come all about as often are compressed or encrypted. */
const entropy: Test = ({ b, s }) => {
  if (b.length < 64) return undefined
  const bucket = new Array<number>(8).fill(0)
  for (const c of b.subarray(-64)) bucket[c >> 5]!++
  if (bucket.reduce((sum, n) => sum + (n - 8) ** 2, 0) / 8 > 24.322) return undefined
  return s.startsWith('\x78\x9c') ? ['zlib compressed', 'application/x-deflate'] : ['encrypted', OCTET]
}

const english: Test = ({ n, s }) =>
  n.binary + n.utf + n.latin === 0 && (n.control > 0 || n.nul === 0) && prose.english(n, s)
    ? plain('English text')
    : undefined

/** In this order: what is sure, what is likely, what is a guess. */
const tests: Test[] = [
  starts,
  checkpoint,
  elf,
  ({ b }) => octet(magic.executable(b)),
  script,
  iff,
  further,
  udiff,
  mail,
  tar,
  object,
  html,
  program,
  font,
  image,
  others,
  tga,
  media,
  entropy,
  english,
]

/** What is left: the characters. */
function characters({ b, n }: Subject): Kind {
  const short = b.length < 100 ? 'short ' : ''
  const utf = n.binary === 0 && n.utf > 0 ? prose.utftext(n) : undefined
  if (utf !== undefined) return plain(short + utf)
  if (n.binary + n.utf > 0) return [`${short}binary`, OCTET]
  if (n.latin > 0) return plain(`${short}latin ascii`)
  if (n.control > 0) return plain(`${short}extended ascii`)
  return n.nul > 0 ? [`${short}binary`, OCTET] : plain(`${short}Ascii`)
}

/** A text by its byte order mark in UTF-8, and the name of what it was in. */
function unmark(b: Uint8Array): { b: Uint8Array; was: string } {
  const [c0, c1, c2, c3] = b
  if (b.length < 4) return { b, was: '' }
  if (c0 === 0xef && c1 === 0xbb && c2 === 0xbf) return { b: b.subarray(3), was: '' }
  if (c0 === 0 && c1 === 0 && c2 === 0xfe && c3 === 0xff) return { b, was: 'utf-32be ' }
  if (c0 === 0xff && c1 === 0xfe && c2 === 0 && c3 === 0) return { b, was: 'utf-32le ' }
  if (!((c0 === 0xfe && c1 === 0xff) || (c0 === 0xff && c1 === 0xfe))) return { b, was: '' }
  const view = new DataView(b.buffer, b.byteOffset, b.length)
  const out = new Uint8Array(2 * b.length)
  let n = 0
  for (let i = 2; i + 1 < b.length; i += 2) n += runetochar(out, n, view.getUint16(i, c0 === 0xff))
  return { b: out.slice(0, n), was: c0 === 0xfe ? 'utf-16be ' : 'utf-16le ' }
}

async function classify(sys: Sys, name: string, fd: number): Promise<Kind> {
  const dir = await sys.fstat(fd)
  if (dir.mode & DMDIR) return ['directory', OCTET]
  if (dir.type !== MNT && dir.type !== PIPE)
    return [`special file #${String.fromCharCode(dir.type)}/${dir.name}`, OCTET]
  const raw = await new Bin(sys, fd).read(Nbuf)
  if (raw.length === 0) return ['empty file', PLAIN]
  const { b, was } = unmark(raw)
  const n = prose.count(b)
  const s = latin1(b)
  if (n.binary === 0 && (n.utf + n.latin > 0 || n.control + n.nul === 0)) prose.words(n, s)
  const subject: Subject = { name, fd, dir, b, s, text: s.split('\0', 1)[0]!, n }
  for (const test of tests) {
    const kind = await test(subject, sys)
    if (kind !== undefined) return [was + kind[0], kind[1]]
  }
  const kind = characters(subject)
  return [was + kind[0], kind[1]]
}

const file: Program = async (sys, argv) => {
  let mime = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c !== 'm') await usage(sys, 'usage: file [-m] [file...]')
    mime = true
  }
  const show = async (name: string, fd: number) => {
    const kind = await classify(sys, name, fd)
    await write(sys, 1, `${kind[mime ? 1 : 0]}\n`)
  }
  const names = arg.argv
  if (names.length === 0) {
    if (!mime) await write(sys, 1, 'stdin: ')
    await attempt(show('', 0), err => eprint(sys, `cannot read: ${err}\n`))
  }
  const width = Math.max(...names.map(s => [...s].length))
  for (const name of names) {
    if (!mime || names.length > 1) await write(sys, 1, `${name}:${' '.repeat(width - [...name].length + 1)}`)
    const fd = await attempt(sys.open(name, OREAD), err => eprint(sys, `cannot open: ${err}\n`))
    if (fd === undefined) continue
    await attempt(show(name, fd), err => eprint(sys, `cannot read: ${err}\n`))
    await sys.close(fd)
  }
  return ''
}
export default file
