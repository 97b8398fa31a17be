import * as c from './const.ts'
import { convD2M, convM2D, type Dir, type Qid } from './dir.ts'
import type { Fcall } from './fcall.ts'

/** The messages' names, by their numbers. */
export const names: Record<number, string> = {
  [c.Tversion]: 'Tversion',
  [c.Rversion]: 'Rversion',
  [c.Tauth]: 'Tauth',
  [c.Rauth]: 'Rauth',
  [c.Tattach]: 'Tattach',
  [c.Rattach]: 'Rattach',
  [c.Rerror]: 'Rerror',
  [c.Tflush]: 'Tflush',
  [c.Rflush]: 'Rflush',
  [c.Twalk]: 'Twalk',
  [c.Rwalk]: 'Rwalk',
  [c.Topen]: 'Topen',
  [c.Ropen]: 'Ropen',
  [c.Tcreate]: 'Tcreate',
  [c.Rcreate]: 'Rcreate',
  [c.Tread]: 'Tread',
  [c.Rread]: 'Rread',
  [c.Twrite]: 'Twrite',
  [c.Rwrite]: 'Rwrite',
  [c.Tclunk]: 'Tclunk',
  [c.Rclunk]: 'Rclunk',
  [c.Tremove]: 'Tremove',
  [c.Rremove]: 'Rremove',
  [c.Tstat]: 'Tstat',
  [c.Rstat]: 'Rstat',
  [c.Twstat]: 'Twstat',
  [c.Rwstat]: 'Rwstat',
}

/**
 * A string as rc quotes it: as it is, or in single quotes when it is empty or holds anything that a word does not. So that
 * a message stays on its line, control characters and the backslash are written \xHH there.
 */
export function quote(s: string): string {
  if (/^[^\s'"#;&|^$=`{}()<>\\\x00-\x1f\x7f]+$/.test(s)) return s
  const line = s.replace(/[\x00-\x1f\x7f\\]/g, ch =>
    ch === '\n' ? '\\n' : `\\x${ch.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `'${line.replaceAll("'", "''")}'`
}

function unquote(s: string): string {
  return s
    .replaceAll("''", "'")
    .replace(/\\(?:n|x([0-9a-f]{2}))/g, (_, h?: string) => (h ? String.fromCharCode(Number.parseInt(h, 16)) : '\n'))
}

const qidletters: [number, string][] = [
  [c.QTDIR, 'd'],
  [c.QTAPPEND, 'a'],
  [c.QTEXCL, 'l'],
  [c.QTAUTH, 'A'],
]

/** (path vers type), the type in letters as fcall(2)'s %F has them, or in hexadecimal where it has bits without one. */
export function qidfmt(q: Qid): string {
  const known = qidletters.reduce((all, [bit]) => all | bit, 0)
  const letters = qidletters.map(([bit, ch]) => (q.type & bit ? ch : '')).join('')
  const type = q.type & ~known ? `0x${q.type.toString(16)}` : letters
  return `(${q.path.toString(16).padStart(16, '0')} ${q.vers} ${type || "''"})`
}

/** Bytes: as quoted text where all of them are printable, else in hexadecimal after `0x`. */
function datafmt(data: Uint8Array): string {
  let s = ''
  for (const b of data) {
    if (b !== 10 && (b < 0x20 || b > 0x7e || b === 0x5c)) return `0x${hex(data)}`
    s += String.fromCharCode(b)
  }
  return quote(s)
}

function hex(data: Uint8Array): string {
  let s = ''
  for (const b of data) s += b.toString(16).padStart(2, '0')
  return s
}

const modebits: [number, string][] = [
  [c.DMDIR, 'd'],
  [c.DMAPPEND, 'a'],
  [c.DMEXCL, 'l'],
  [c.DMAUTH, 'A'],
  [c.DMTMP, 't'],
]

/** Permissions: the letters of the DM bits, then octal. */
function permfmt(mode: number): string {
  const letters = modebits.map(([bit, ch]) => (mode & bit ? ch : '')).join('')
  const known = modebits.reduce((all, [bit]) => all | bit, 0o777)
  return mode & ~known ? `0x${(mode >>> 0).toString(16)}` : `${letters}${(mode & 0o777).toString(8).padStart(3, '0')}`
}

function dirfmt(d: Dir): string {
  const { name, uid, gid, muid, qid, mode, atime, mtime, length, type, dev } = d
  return (
    `${quote(name)} ${quote(uid)} ${quote(gid)} ${quote(muid)} q ${qidfmt(qid)} m ${permfmt(mode)} ` +
    `at ${atime} mt ${mtime} l ${length} t ${type} d ${dev}`
  )
}

/** A stat record in words; in hexadecimal when it is none. */
function statfmt(stat: Uint8Array): string {
  try {
    const d = convM2D(stat)
    return d.name.startsWith('0x') ? `0x${hex(stat)}` : dirfmt(d)
  } catch {
    return `0x${hex(stat)}`
  }
}

/** A message on one line, in the manner of fcall(2)'s %F; `parsefcall` reads it back. */
export function fcallfmt(f: Fcall): string {
  const head = `${names[f.type]} tag ${f.tag === c.NOTAG ? 'NOTAG' : f.tag}`
  const rest = fields(f)
  return rest === '' ? head : `${head} ${rest}`
}

const fidfmt = (fid: number): string => (fid === c.NOFID ? 'NOFID' : String(fid))

function fields(f: Fcall): string {
  switch (f.type) {
    case c.Tversion:
    case c.Rversion:
      return `msize ${f.msize} version ${quote(f.version)}`
    case c.Tauth:
      return `afid ${fidfmt(f.afid)} uname ${quote(f.uname)} aname ${quote(f.aname)}`
    case c.Rauth:
      return `qid ${qidfmt(f.aqid)}`
    case c.Tattach:
      return `fid ${fidfmt(f.fid)} afid ${fidfmt(f.afid)} uname ${quote(f.uname)} aname ${quote(f.aname)}`
    case c.Rattach:
      return `qid ${qidfmt(f.qid)}`
    case c.Rerror:
      return `ename ${quote(f.ename)}`
    case c.Tflush:
      return `oldtag ${f.oldtag}`
    case c.Twalk:
      return [`fid ${fidfmt(f.fid)} newfid ${fidfmt(f.newfid)} nwname ${f.wname.length}`, ...f.wname.map(quote)].join(
        ' ',
      )
    case c.Rwalk:
      return [`nwqid ${f.wqid.length}`, ...f.wqid.map(qidfmt)].join(' ')
    case c.Topen:
      return `fid ${fidfmt(f.fid)} mode ${f.mode}`
    case c.Ropen:
    case c.Rcreate:
      return `qid ${qidfmt(f.qid)} iounit ${f.iounit}`
    case c.Tcreate:
      return `fid ${fidfmt(f.fid)} name ${quote(f.name)} perm ${permfmt(f.perm)} mode ${f.mode}`
    case c.Tread:
      return `fid ${fidfmt(f.fid)} offset ${f.offset} count ${f.count}`
    case c.Rread:
      return `count ${f.data.length} ${datafmt(f.data)}`
    case c.Twrite:
      return `fid ${fidfmt(f.fid)} offset ${f.offset} count ${f.data.length} ${datafmt(f.data)}`
    case c.Rwrite:
      return `count ${f.count}`
    case c.Tclunk:
    case c.Tremove:
    case c.Tstat:
      return `fid ${fidfmt(f.fid)}`
    case c.Rstat:
      return `stat ${statfmt(f.stat)}`
    case c.Twstat:
      return `fid ${fidfmt(f.fid)} stat ${statfmt(f.stat)}`
    default:
      return ''
  }
}

/** The words of a line: quoted, in parentheses, or between blanks. */
function* lex(line: string): Generator<string> {
  const word = /\s*(?:'((?:[^']|'')*)'|([()])|([^\s'()]+))/y
  while (word.lastIndex < line.length) {
    const m = word.exec(line)
    if (!m) return
    if (m[1] !== undefined) yield unquote(m[1])
    else yield m[2] ?? m[3]!
  }
}

class Reader {
  private readonly words: string[]
  private at = 0

  constructor(line: string) {
    this.words = [...lex(line)]
  }
  word(): string {
    const w = this.words[this.at++]
    if (w === undefined) throw new SyntaxError('line ends too early')
    return w
  }
  /** The value after its name; the name must be as expected. */
  named(name: string): string {
    const w = this.word()
    if (w !== name) throw new SyntaxError(`${w} where ${name} should be`)
    return this.word()
  }
  int(name: string): number {
    const w = this.named(name)
    if (w === 'NOTAG') return c.NOTAG
    if (w === 'NOFID') return c.NOFID
    const n = Number(w)
    if (!Number.isInteger(n)) throw new SyntaxError(`${name} ${w} is no number`)
    return n
  }
  qid(): Qid {
    const [, path, vers, letters, close] = [this.word(), this.word(), this.word(), this.word(), this.word()]
    if (close !== ')') throw new SyntaxError('a qid is (path vers type)')
    const type = letters.startsWith('0x')
      ? Number(letters)
      : qidletters.reduce((all, [bit, ch]) => (letters.includes(ch) ? all | bit : all), 0)
    return { path: BigInt(`0x${path}`), vers: Number(vers), type }
  }
  perm(): number {
    const w = this.word()
    if (w.startsWith('0x')) return Number(w)
    const m = /^([a-zA-Z]*)([0-7]+)$/.exec(w)
    if (!m) throw new SyntaxError(`${w} is no mode`)
    const bits = modebits.reduce((all, [bit, ch]) => (m[1]!.includes(ch) ? all + bit : all), 0)
    return bits + Number.parseInt(m[2]!, 8)
  }
  data(): Uint8Array {
    const count = this.int('count')
    const w = this.word()
    const bytes =
      w.startsWith('0x') && w.length === 2 + 2 * count
        ? Uint8Array.from(w.slice(2).match(/../g) ?? [], h => Number.parseInt(h, 16))
        : new TextEncoder().encode(w)
    if (bytes.length !== count) throw new SyntaxError(`count ${count}, but ${bytes.length} bytes`)
    return bytes
  }
  stat(): Uint8Array {
    const w = this.named('stat')
    if (/^0x([0-9a-f]{2})*$/.test(w)) return Uint8Array.from(w.slice(2).match(/../g) ?? [], h => Number.parseInt(h, 16))
    const [uid, gid, muid] = [this.word(), this.word(), this.word()]
    this.keyword('q')
    const qid = this.qid()
    this.keyword('m')
    const mode = this.perm()
    const [atime, mtime] = [this.int('at'), this.int('mt')]
    const length = BigInt(this.named('l'))
    return convD2M({
      name: w,
      uid,
      gid,
      muid,
      qid,
      mode,
      atime,
      mtime,
      length,
      type: this.int('t'),
      dev: this.int('d'),
    })
  }
  keyword(name: string): void {
    const w = this.word()
    if (w !== name) throw new SyntaxError(`${w} where ${name} should be`)
  }
  list<T>(name: string, one: () => T): T[] {
    return Array.from({ length: this.int(name) }, one)
  }
  end(): void {
    if (this.at < this.words.length) throw new SyntaxError(`${this.words[this.at]} after the end`)
  }
}

const types = new Map(Object.entries(names).map(([n, name]) => [name, Number(n)]))

/** Reads what `fcallfmt` writes. @throws SyntaxError */
export function parsefcall(line: string): Fcall {
  const r = new Reader(line)
  const name = r.word()
  const type = types.get(name)
  if (type === undefined) throw new SyntaxError(`${name} is no message`)
  const f = parsefields(r, type as Fcall['type'], r.int('tag'))
  r.end()
  return f
}

function parsefields(r: Reader, type: Fcall['type'], tag: number): Fcall {
  const qid = () => {
    r.keyword('qid')
    return r.qid()
  }
  const perm = () => {
    r.keyword('perm')
    return r.perm()
  }
  switch (type) {
    case c.Tversion:
    case c.Rversion:
      return { type, tag, msize: r.int('msize'), version: r.named('version') }
    case c.Tauth:
      return { type, tag, afid: r.int('afid'), uname: r.named('uname'), aname: r.named('aname') }
    case c.Rauth:
      return { type, tag, aqid: qid() }
    case c.Tattach:
      return { type, tag, fid: r.int('fid'), afid: r.int('afid'), uname: r.named('uname'), aname: r.named('aname') }
    case c.Rattach:
      return { type, tag, qid: qid() }
    case c.Rerror:
      return { type, tag, ename: r.named('ename') }
    case c.Tflush:
      return { type, tag, oldtag: r.int('oldtag') }
    case c.Twalk:
      return { type, tag, fid: r.int('fid'), newfid: r.int('newfid'), wname: r.list('nwname', () => r.word()) }
    case c.Rwalk:
      return { type, tag, wqid: r.list('nwqid', () => r.qid()) }
    case c.Topen:
      return { type, tag, fid: r.int('fid'), mode: r.int('mode') }
    case c.Ropen:
    case c.Rcreate:
      return { type, tag, qid: qid(), iounit: r.int('iounit') }
    case c.Tcreate:
      return { type, tag, fid: r.int('fid'), name: r.named('name'), perm: perm(), mode: r.int('mode') }
    case c.Tread:
      return { type, tag, fid: r.int('fid'), offset: BigInt(r.named('offset')), count: r.int('count') }
    case c.Rread:
      return { type, tag, data: r.data() }
    case c.Twrite:
      return { type, tag, fid: r.int('fid'), offset: BigInt(r.named('offset')), data: r.data() }
    case c.Rwrite:
      return { type, tag, count: r.int('count') }
    case c.Tclunk:
    case c.Tremove:
    case c.Tstat:
      return { type, tag, fid: r.int('fid') }
    case c.Rstat:
      return { type, tag, stat: r.stat() }
    case c.Twstat:
      return { type, tag, fid: r.int('fid'), stat: r.stat() }
    default:
      return { type, tag }
  }
}
