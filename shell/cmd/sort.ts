import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { Enovmem } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { Bin, Bout, Bsize } from '../../plan9/libc/bio.ts'
import { chartorune } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'
import { type KeyMaker, monthkey, numberkey, plainkey, textkey } from './sort/key.ts'
import { order, Strings } from './sort/strings.ts'

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

  /**
   * Where in the line that `line` holds from `from` to `len` n1 fields and n2 characters have passed; undefined where it is
   * shorter, or there is no position.
   */
  skip(
    line: Uint8Array,
    from: number,
    len: number,
    n1: number,
    n2: number,
    blanks: boolean,
    endfield: boolean,
  ): number | undefined {
    if (endfield && n1 < 0) return undefined
    let i = from
    // The byte behind the last line is a newline, or none.
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

  /** The lines are their own keys. */
  get plain(): boolean {
    const [{ flags }] = this.fields as [Field]
    return this.fields.length === 1 && [...flags].every(c => c === 'b')
  }

  /** Makes the key of a line. */
  key(k: Strings, line: Uint8Array, start: number, end: number): void {
    const before = k.size
    for (let n = 1; n < this.fields.length; n++) {
      const f = this.fields[n]!
      const from = this.skip(line, start, end, f.beg1, f.beg2, f.begblank, false) ?? end
      const to = this.skip(line, start, end, f.end1, f.end2, f.flags.has('b'), true) ?? end
      this.makers[n]!(k, line, from, Math.max(from, to))
    }
    if (!(this.unique && k.size > before)) this.makers[0]!(k, line, start, end)
    k.close()
  }

  async done(msg: string, status: string): Promise<never> {
    await eprint(this.sys, `sort: ${msg}\n`)
    return this.sys.exits(status)
  }

  async open(name: string | undefined): Promise<Bin> {
    if (name === undefined || name === '-') return new Bin(this.sys, 0)
    try {
      return new Bin(this.sys, await this.sys.open(name, OREAD))
    } catch (e) {
      return this.done(`open ${name}: ${r(e)}`, 'open')
    }
  }

  /** Appends the lines of a file to `lines`, and their keys to `keys` unless that is the same. */
  async read(name: string | undefined, lines: Strings, keys: Strings): Promise<void> {
    const b = await this.open(name)
    for (;;) {
      const buf = await b.rdlines()
      if (buf.length === 0) break
      lines.room(buf.length + 1)
      const { bytes, size } = lines
      bytes.set(buf, size)
      lines.size += buf.length
      if (buf[buf.length - 1] !== NL) {
        await eprint(this.sys, 'sort: newline added\n')
        bytes[lines.size++] = NL
      }
      for (let at = size; at < lines.size; ) {
        const end = bytes.indexOf(NL, at)
        lines.closeAt(end + 1)
        if (keys !== lines) this.key(keys, bytes, at, end)
        at = end + 1
      }
      const used = lines.size + (keys === lines ? 0 : keys.size) + LINE * lines.n
      if (used > MEMORY) await this.done(`malloc: ${Enovmem}`, 'malloc')
    }
    if (b.fd !== 0) await this.sys.close(b.fd)
  }

  /** For -c: whether the lines of a file are in order. */
  async checked(name: string | undefined): Promise<boolean> {
    const b = await this.open(name)
    let keys = new Strings()
    for (;;) {
      const line = await b.rdline()
      if (line === undefined) return true
      const nl = line[line.length - 1] === NL
      if (!nl) await eprint(this.sys, 'sort: newline added\n')
      this.key(keys, line, 0, line.length - (nl ? 1 : 0))
      if (keys.n < 2) continue
      const d = keys.compare(keys.n - 2, keys.n - 1, 0)
      if (d > 0 || (this.unique && d === 0)) return false
      if (keys.size > Bsize) {
        keys = new Strings()
        this.key(keys, line, 0, line.length - (nl ? 1 : 0))
      }
    }
  }
}

const NL = 10
/** Bytes that the lines may take, and what each takes besides its text and its key: the host's memory ends not far beyond. */
const MEMORY = 1.5 * 2 ** 30
const LINE = 24

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
  if (s.check) {
    if (!(await s.checked(files[0]))) return s.done('-c file not in sort', 'order')
    return ''
  }
  const lines = new Strings(1)
  const keys = s.plain ? lines : new Strings()
  for (const name of files) await s.read(name, lines, keys)
  const all = await order(keys, () => sys.sleep(0))
  let fd = 1
  if (s.output !== undefined)
    try {
      fd = await sys.create(s.output, OWRITE, 0o666)
    } catch (e) {
      return s.done(`create ${s.output}: ${r(e)}`, 'create')
    }
  const out = new Bout(sys, fd)
  let old = -1
  for (const i of all) {
    if (s.unique && old >= 0 && keys.equal(i, old)) continue
    old = i
    out.put(lines.bytes, lines.start(i), lines.start(i + 1))
    if (out.full) await out.flush()
  }
  await out.flush()
  return ''
}
export default sort
