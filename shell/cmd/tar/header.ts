import type { Dir } from '../../../plan9/9p/dir.ts'
import { text, utf8 } from '../../../plan9/libc/rune.ts'

/** Everything in an archive is a whole number of these; they are written so many at a time. */
export const Tblock = 512
export const Dblock = 20

/** Link flags: what an entry is. A plain file is '\0' or '0'. */
export const LF_LINK = '1'
export const LF_SYMLINK1 = '2'
export const LF_SYMLINK2 = 's'
export const LF_DIR = '5'
export const LF_FIFO = '6'
/** GNU's: the data is the name, or the link's, of the entry that follows. */
export const LF_LONGNAME = 'L'
export const LF_LONGLINK = 'K'
/** POSIX's: the data is attributes of the entry that follows, or of all. */
export const LF_PAXHDR = 'x'
export const LF_PAXGLOBL = 'g'

const Namsiz = 100
const Maxpfx = 155

/**
 *   name[100] mode[8] uid[8] gid[8] size[12] mtime[12] chksum[8] linkflag[1] linkname[100]
 *   magic[6] version[2] uname[32] gname[32] devmajor[8] devminor[8] prefix[155]
 *
 * The second line is POSIX's. Numbers are octal text.
 */
const field = {
  name: [0, Namsiz],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  chksum: [148, 8],
  linkflag: [156, 1],
  magic: [257, 6],
  version: [263, 2],
  uname: [265, 32],
  gname: [297, 32],
  prefix: [345, Maxpfx],
} as const
type Field = keyof typeof field

/** The first byte of a number that is not text but binary, negative or not. */
const Binsize = 0x80
const Binnegsz = 0xff
/** From here on a size does not fit its field in octal. */
const Maxoctal = 8 ** 11

const bytes = (b: Uint8Array, f: Field) => b.subarray(field[f][0], field[f][0] + field[f][1])

/** A field of text, up to its NUL. */
export function str(b: Uint8Array, f: Field): string {
  const s = bytes(b, f)
  const n = s.indexOf(0)
  return text(n < 0 ? s : s.subarray(0, n))
}

/** A number; undefined where there is none. */
export function octal(b: Uint8Array, f: Field): number | undefined {
  const m = /^[ \0]*([0-7]+)/.exec(String.fromCharCode(...bytes(b, f)))
  return m === null ? undefined : Number.parseInt(m[1]!, 8)
}

/** The size that a header tells; undefined when it is none, or less than nothing. */
export function size(b: Uint8Array): number | undefined {
  const s = bytes(b, 'size')
  if (s[0] === Binnegsz) return undefined
  if (s[0] !== Binsize) return octal(b, 'size')
  const n = s.subarray(1).reduce((n, c) => n * 256 + c, 0)
  return n <= Number.MAX_SAFE_INTEGER ? n : undefined
}

/** The sum of a header's bytes, its own field taken for blanks. */
export function chksum(b: Uint8Array): number {
  const [at, n] = field.chksum
  let sum = 32 * n
  for (let i = 0; i < Tblock; i++) if (i < at || i >= at + n) sum += b[i]!
  return sum
}

export const isustar = (b: Uint8Array): boolean => String.fromCharCode(...bytes(b, 'magic')) === 'ustar\0'

export const linkflag = (b: Uint8Array): string => String.fromCharCode(b[field.linkflag[0]]!)

/** The name in a header; '' ends the archive. */
export function parsename(b: Uint8Array): string {
  const prefix = isustar(b) ? str(b, 'prefix') : ''
  return prefix === '' ? str(b, 'name') : `${prefix}/${str(b, 'name')}`
}

/**
 * A name as what stands in the fields prefix and name; in one piece when it fits, else cut at its last possible slash.
 * Undefined when no cut will do.
 */
function split(name: Uint8Array): [Uint8Array, Uint8Array] | undefined {
  if (name.length <= Namsiz) return [new Uint8Array(0), name]
  for (let i = name.lastIndexOf(47); i > 0; i = name.lastIndexOf(47, i - 1))
    if (i <= Maxpfx && name.length - 1 - i <= Namsiz && i < name.length - 1)
      return [name.subarray(0, i), name.subarray(i + 1)]
  return undefined
}

/** Its owner's and group's numbers are not in a Dir. */
export interface Options {
  posix: boolean
  uid: number
  gid: number
}

/** A header for a file; a message when its name does not fit. */
export function mkhdr(dir: Dir, isdir: boolean, file: string, o: Options): Uint8Array | string {
  const b = new Uint8Array(Tblock)
  const put = (f: Field, v: string | Uint8Array) => {
    const s = typeof v === 'string' ? utf8(v) : v
    b.set(s.subarray(0, field[f][1]), field[f][0])
  }
  const name = utf8(isdir ? `${file}/` : file)
  if (name.length > Namsiz && (!o.posix || name.length > Namsiz + 1 + Maxpfx))
    return `name too long for tar header: ${file}`
  const parts = split(name)
  if (parts === undefined) return `name can't be split to fit tar header: ${file}`
  put('name', parts[1])
  put('mode', `${(dir.mode & 0o777).toString(8).padStart(6)} `)
  put('uid', `${o.uid.toString(8).padStart(6)} `)
  put('gid', `${o.gid.toString(8).padStart(6)} `)
  const length = isdir ? 0n : dir.length
  if (length < Maxoctal) put('size', `${length.toString(8).padStart(11)} `)
  else
    put(
      'size',
      Uint8Array.from({ length: 12 }, (_, i) => (i === 0 ? Binsize : Number((length >> BigInt(88 - 8 * i)) & 0xffn))),
    )
  put('mtime', `${dir.mtime.toString(8).padStart(11)} `)
  if (isdir) put('linkflag', LF_DIR)
  if (o.posix) {
    put('magic', 'ustar')
    put('version', '00')
    put('uname', dir.uid)
    put('gname', dir.gid)
    put('prefix', parts[0])
  }
  put('chksum', chksum(b).toString(8).padStart(6))
  return b
}

/** The attributes of a pax header: `length key=value\n`, the length that of all of it. A message when it is none. */
export function parsepax(data: Uint8Array): Map<string, string> | string {
  const all = new Map<string, string>()
  for (let i = 0; i < data.length && data[i] !== 0; ) {
    const m = /^(\d{1,15}) /.exec(String.fromCharCode(...data.subarray(i, i + 16)))
    if (m === null) return 'invalid delimiter in pax header'
    const n = Number(m[1])
    const record = text(data.subarray(i + m[0].length, i + n - 1))
    const eq = record.indexOf('=')
    if (n <= m[0].length || i + n > data.length || eq < 0) return 'bad record in pax header'
    all.set(record.slice(0, eq), record.slice(eq + 1))
    i += n
  }
  return all
}
