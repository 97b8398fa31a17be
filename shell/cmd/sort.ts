import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { Enovmem } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { chartorune, runetochar, utf8 } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

/** A sort key's place in a line and the rules for it. Positions are fields to skip, then characters; -1 is none. */
interface Field {
  beg1: number
  beg2: number
  end1: number
  end2: number
  flags: Set<string>
  /** `b` on the beginning is apart from `b` on the end. */
  begblank: boolean
}

const newfield = (): Field => ({ beg1: -1, beg2: -1, end1: -1, end2: -1, flags: new Set(), begblank: false })

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']

/** A key under way: bytes that compare, in order, as the lines are to be sorted. */
class Key {
  buf = new Uint8Array(256)
  n = 0

  put(c: number): void {
    if (this.n === this.buf.length) {
      const b = new Uint8Array(2 * this.n)
      b.set(this.buf)
      this.buf = b
    }
    this.buf[this.n++] = c
  }

  /** As a string of bytes, which JavaScript compares fast and in the right order. */
  toString(): string {
    let s = ''
    for (let i = 0; i < this.n; i += 8192) s += String.fromCharCode(...this.buf.subarray(i, Math.min(i + 8192, this.n)))
    return s
  }
}

/** The letter under the accent, upper case: of Latin-1's letters, which are all that `-f` and `-d` know of. */
const unaccent = (c: number): number | undefined => {
  // Ð is a D, Ø an O, Æ an A; ß, Þ and ÿ are under no letter.
  const own = { 208: 68, 240: 68, 216: 79, 248: 79, 198: 65, 230: 65 }[c]
  if (own !== undefined) return own
  if (c < 0xc0 || c >= 0xff) return undefined
  const base = String.fromCharCode(c).normalize('NFD')
  return base.length > 1 ? base.toUpperCase().charCodeAt(0) : undefined
}

/** What rules d, f, i and w make of the characters below 256: 0 is left out. */
function mapping(flags: Set<string>): Uint8Array {
  const map = new Uint8Array(256)
  for (let i = 0; i < 256; i++) {
    let c = i
    const ch = String.fromCharCode(i)
    const blank = i === 32 || i === 9
    if (flags.has('i') && (i < 0o40 || i > 0o176)) continue
    if (flags.has('w') && blank) continue
    if (flags.has('d') && !blank && !/[A-Za-z0-9]/.test(ch) && unaccent(i) === undefined) continue
    if (flags.has('f')) c = i >= 97 && i <= 122 ? i - 32 : (unaccent(i) ?? i)
    map[i] = flags.has('r') && i < 0x80 ? ~c & 0xff : c
  }
  return map
}

type KeyMaker = (k: Key, line: Uint8Array, from: number, to: number) => void

/** The whole of it, byte by byte. */
const plainkey =
  (reverse: boolean): KeyMaker =>
  (k, line, from, to) => {
    const x = reverse ? 0xff : 0
    for (let i = from; i < to; i++) k.put(line[i]! ^ x)
    k.put(x)
  }

const textkey = (flags: Set<string>): KeyMaker => {
  const map = mapping(flags)
  const reverse = flags.has('r')
  return (k, line, from, to) => {
    const rune = new Uint8Array(4)
    for (let i = from; i < to; ) {
      const x = chartorune(line, i, to)
      i += x & 7
      let c = x >>> 3
      if (c !== 0 && c < 0x80) {
        if (map[c] !== 0) k.put(map[c]!)
        continue
      }
      if (c !== 0 && c < 256) {
        c = map[c]!
        if (c === 0) continue
      } else if (map[255] === 0) continue
      const n = runetochar(rune, 0, c)
      for (let j = 0; j < n; j++) k.put(reverse ? ~rune[j]! : rune[j]!)
    }
    k.put(reverse ? 0xff : 0)
  }
}

/** A decimal number, of any length: a sign byte, the place of its point, its digits. */
const numberkey = (flags: Set<string>): KeyMaker => {
  const re = flags.has('g')
    ? /^[ \t]*([-+]?)[ \t]*(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d*))?/
    : /^[ \t]*([-+]?)[ \t]*(\d*)(?:\.(\d*))?/
  return (k, line, from, to) => {
    let s = ''
    for (let i = from; i < to; i++) {
      const c = line[i]!
      // All that a number can hold.
      if (!(c === 9 || c === 32 || c === 43 || c === 45 || c === 46 || c === 69 || c === 101 || (c >= 48 && c <= 57)))
        break
      s += String.fromCharCode(c)
    }
    const m = re.exec(s)!
    const whole = m[2]!.replace(/^0+/, '')
    const frac = m[3] ?? ''
    let digits = whole + frac
    let point = whole.length
    if (whole === '') {
      digits = frac.replace(/^0+/, '')
      point = digits.length - frac.length
    }
    digits = digits.replace(/0+$/, '')
    if (digits === '') {
      k.put(0x20)
      k.put(0)
      return
    }
    point += 0x4040 + Math.trunc(Number(m[4] ?? 0) || 0)
    point = Math.min(Math.max(point, 0), 0xffff)
    const down = (m[1] === '-') !== flags.has('r')
    const x = down ? 0xff : 0
    k.put(down ? 0x10 : 0x30)
    k.put((point >> 8) ^ x)
    k.put((point & 0xff) ^ x)
    for (let i = 0; i < digits.length; i++) k.put(digits.charCodeAt(i) ^ x)
    k.put(x)
  }
}

const monthkey = (flags: Set<string>): KeyMaker => {
  const x = flags.has('r') ? 0xff : 0
  return (k, line, from, to) => {
    let name = ''
    for (let i = from; i < to && name.length < 3; i++) {
      const c = line[i]!
      if (c !== 32 && c !== 9) name += String.fromCharCode(c).toUpperCase()
    }
    if (name.length === 3) k.put((months.indexOf(name) + 10) ^ x)
    k.put(x)
  }
}

class OptionError extends Error {
  readonly status: string
  constructor(message: string, status = 'option') {
    super(message)
    this.status = status
  }
}

class Sort {
  readonly sys: Sys
  /** fields[0] holds the global flags and compares the whole line. */
  readonly fields: Field[] = [newfield()]
  readonly files: string[] = []
  readonly warnings: string[] = []
  check = false
  unique = false
  output: string | undefined
  tab: number | undefined
  makers: KeyMaker[] = []

  constructor(sys: Sys) {
    this.sys = sys
  }

  flag(f: Field, c: string): void {
    if (!'bdfgiMnrw'.includes(c)) throw new OptionError(`unknown option: field.${c}`)
    f.flags.add(c)
  }

  /** Reads `m.nflags`; posix counts from 1. */
  position(f: Field, spec: string, off1: number, off2: number): { n1: number; n2: number } {
    const m = /^(\d*)(?:\.(\d*))?(.*)$/s.exec(spec)!
    const n1 = m[1] ? Number(m[1]) - off1 : -1
    const n2 = m[2] ? Number(m[2]) - off2 : -1
    if (m[1] && n1 < 0) throw new OptionError('field offset must be positive')
    if (m[2] && n2 < 0) throw new OptionError('character offset must be positive')
    for (const c of m[3]!) this.flag(f, c)
    return { n1, n2 }
  }

  begin(f: Field, spec: string, off: number): void {
    const { n1, n2 } = this.position(f, spec, off, off)
    f.beg1 = n1
    f.beg2 = n2
    if (f.flags.delete('b')) f.begblank = true
  }

  doargs(args: string[]): void {
    let hadplus = false
    const last = () => this.fields[this.fields.length - 1]!
    const add = () => {
      if (this.fields.length >= 20) throw new OptionError('too many fields specified')
      this.fields.push(newfield())
    }
    for (let i = 0; i < args.length; i++) {
      const s = args[i]!
      if (s[0] === '+') {
        if (!/^\+[.\d]/.test(s)) throw new OptionError(`unknown option: +${s[1] ?? ''}`)
        add()
        this.begin(last(), s.slice(1), 0)
        hadplus = true
      } else if (s[0] !== '-') this.files.push(s)
      else if (s === '-') {
        // What follows a lone - is files, standard input the first.
        this.files.push(...args.slice(i))
        return
      } else if (/^-[.\d]/.test(s)) {
        if (!hadplus) add()
        const f = last()
        const { n1, n2 } = this.position(f, s.slice(1), 0, 0)
        f.end1 = n1
        f.end2 = n2
        hadplus = false
      } else {
        let rest = [...s.slice(1)]
        const value = () => {
          const v = rest.length > 0 ? rest.join('') : args[++i]
          rest = []
          return v
        }
        for (;;) {
          const c = rest.shift()
          if (c === undefined) break
          switch (c) {
            case '-':
              this.files.push(...args.slice(i + 1))
              return
            case 'T':
            case 'l':
              value()
              break
            case 'o':
              this.output = value()
              break
            case 'k': {
              const p = value()
              if (p === undefined) break
              add()
              const f = last()
              const comma = p.indexOf(',')
              this.begin(f, comma < 0 ? p : p.slice(0, comma), 1)
              if (comma >= 0) {
                const { n1, n2 } = this.position(f, p.slice(comma + 1), 1, 0)
                f.end1 = n2 <= 0 ? n1 + 1 : n1
                f.end2 = n2
              }
              hadplus = false
              break
            }
            case 't':
              this.tab = (rest.shift() ?? args[++i])?.codePointAt(0)
              if (this.tab === 10) throw new OptionError('the separator of fields cannot be a newline', 'rob')
              break
            case 'c':
              this.check = true
              break
            case 'u':
              this.unique = true
              break
            case 'm':
            case 'v':
              break
            default:
              if (!'Mbdfginrw'.includes(c)) throw new OptionError(`unknown option: -${c}`)
              if (this.fields.length > 1) this.warnings.push('global field set after -k')
              this.flag(this.fields[0]!, c)
          }
        }
      }
    }
  }

  /** Global flags go for the keys that have none; then each key gets its maker. */
  prepare(): void {
    const global = this.fields[0]!
    for (const f of this.fields) {
      if (f.flags.size === 0 && !f.begblank) {
        f.flags = new Set(global.flags)
        if (f.flags.has('b')) f.begblank = true
      }
      const kinds = [...f.flags].filter(c => c !== 'b' && c !== 'r')
      const number = kinds.some(c => c === 'n' || c === 'g')
      if ((number && kinds.some(c => c !== 'n' && c !== 'g')) || (kinds.includes('M') && kinds.length > 1))
        throw new OptionError(`illegal combination of flags: ${[...f.flags].join('')}`)
      this.makers.push(
        number
          ? numberkey(f.flags)
          : kinds[0] === 'M'
            ? monthkey(f.flags)
            : kinds.length > 0
              ? textkey(f.flags)
              : plainkey(f.flags.has('r')),
      )
    }
    if (this.files.length > 1 && this.check) throw new OptionError('-c can have at most one input file')
  }

  /** Index in the line after n1 fields and n2 characters; undefined where the line is shorter, or there is no position. */
  skip(line: Uint8Array, n1: number, n2: number, blanks: boolean, endfield: boolean): number | undefined {
    if (endfield && n1 < 0) return undefined
    const len = line.length
    let i = 0
    const blank = (c: number | undefined) => c === 32 || c === 9
    if (this.tab !== undefined) {
      for (let k = n1; k > 0; k--) {
        for (;;) {
          if (i >= len) return undefined
          const x = chartorune(line, i)
          if (x >>> 3 === this.tab) {
            if (!(endfield && k === 1)) i += x & 7
            break
          }
          i += x & 7
        }
      }
    } else
      for (let k = n1; k > 0; k--) {
        while (blank(line[i])) i++
        while (!blank(line[i])) {
          if (i >= len) return undefined
          i++
        }
      }
    if (blanks) while (blank(line[i])) i++
    for (let k = n2; k > 0; k--) {
      if (i >= len) return undefined
      i += chartorune(line, i) & 7
    }
    return i
  }

  key(line: Uint8Array): string {
    const k = new Key()
    for (let n = 1; n < this.fields.length; n++) {
      const f = this.fields[n]!
      const from = this.skip(line, f.beg1, f.beg2, f.begblank, false) ?? line.length
      const to = this.skip(line, f.end1, f.end2, f.flags.has('b'), true) ?? line.length
      this.makers[n]!(k, line, from, Math.max(from, to))
    }
    if (!(this.unique && k.n > 0)) this.makers[0]!(k, line, 0, line.length)
    return k.toString()
  }

  async done(msg: string, status: string): Promise<never> {
    await eprint(this.sys, `sort: ${msg}\n`)
    return this.sys.exits(status)
  }

  async *lines(name: string | undefined): AsyncGenerator<{ key: string; line: Uint8Array }> {
    let fd = 0
    if (name !== undefined && name !== '-')
      try {
        fd = await this.sys.open(name, OREAD)
      } catch (e) {
        await this.done(`open ${name}: ${r(e)}`, 'open')
      }
    const b = new Bin(this.sys, fd)
    for (;;) {
      let line = await b.rdline()
      if (line === undefined) break
      if (line[line.length - 1] === 10) line = line.subarray(0, -1)
      else await eprint(this.sys, 'sort: newline added\n')
      yield { key: this.key(line), line }
    }
    if (fd !== 0) await this.sys.close(fd)
  }
}

/** Bytes that the lines may take, and what each takes besides its text: the host's memory ends not far beyond. */
const MEMORY = 1.5 * 2 ** 30
const LINE = 150

/** Sorted in runs of this many lines, so that a note is seen between them. */
const RUN = 20000

/** A merge sort, stable, that lets the kernel in now and then. */
async function mergesort<T extends { key: string }>(sys: Sys, all: T[]): Promise<T[]> {
  const cmp = (a: T, b: T) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  let runs: T[][] = []
  for (let i = 0; i < all.length; i += RUN) {
    runs.push(all.slice(i, i + RUN).sort(cmp))
    if (i > 0) await sys.sleep(0)
  }
  while (runs.length > 1) {
    const next: T[][] = []
    for (let i = 0; i < runs.length; i += 2) {
      const a = runs[i]!
      const b = runs[i + 1]
      if (b === undefined) {
        next.push(a)
        continue
      }
      const out: T[] = []
      let j = 0
      let k = 0
      while (j < a.length && k < b.length) out.push(cmp(a[j]!, b[k]!) <= 0 ? a[j++]! : b[k++]!)
      while (j < a.length) out.push(a[j++]!)
      while (k < b.length) out.push(b[k++]!)
      next.push(out)
      await sys.sleep(0)
    }
    runs = next
  }
  return runs[0] ?? []
}

const sort: Program = async (sys, argv) => {
  const s = new Sort(sys)
  try {
    s.doargs(argv.slice(1))
    s.prepare()
  } catch (e) {
    if (!(e instanceof OptionError)) throw e
    await eprint(sys, `${argv0(argv)}: ${e.message}\n`)
    return e.status
  }
  for (const w of s.warnings) await eprint(sys, `sort: ${w}\n`)
  const files = s.files.length === 0 ? [undefined] : s.files
  let all: { key: string; line: Uint8Array }[] = []
  let size = 0
  for (const name of files) {
    if (s.check) {
      let old: string | undefined
      for await (const { key } of s.lines(name)) {
        if (old !== undefined && (old > key || (s.unique && old === key))) return s.done('-c file not in sort', 'order')
        old = key
      }
      return ''
    }
    for await (const l of s.lines(name)) {
      all.push(l)
      size += LINE + l.line.length + l.key.length
      if (size > MEMORY) return s.done(`malloc: ${Enovmem}`, 'malloc')
    }
  }
  all = await mergesort(sys, all)
  let fd = 1
  if (s.output !== undefined)
    try {
      fd = await sys.create(s.output, OWRITE, 0o666)
    } catch (e) {
      return s.done(`create ${s.output}: ${r(e)}`, 'create')
    }
  const out = new Bout(sys, fd)
  const nl = utf8('\n')
  let old: string | undefined
  for (const { key, line } of all) {
    if (s.unique && key === old) continue
    old = key
    let p = out.write(line)
    if (p) await p
    p = out.write(nl)
    if (p) await p
  }
  await out.flush()
  return ''
}
export default sort
