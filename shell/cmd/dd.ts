import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { Enovmem } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Memmax } from '../../plan9/libc/bio.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'

const Int = 0x7fffffff
const SP = 32
const NL = 10

/** The code of each ASCII byte in EBCDIC, as POSIX's dd has it. The bytes past 127 stand for the codes that are left. */
const ebcdic = Uint8Array.from(
  (
    '00010203372d2e2f1605250b0c0d0e0f101112133c3d322618193f271c1d1e1f' +
    '404f7f7b5b6c507d4d5d5c4e6b604b61f0f1f2f3f4f5f6f7f8f97a5e4c7e6e6f' +
    '7cc1c2c3c4c5c6c7c8c9d1d2d3d4d5d6d7d8d9e2e3e4e5e6e7e8e94ae05a5f6d' +
    '79818283848586878889919293949596979899a2a3a4a5a6a7a8a9c06ad0a107' +
    '202122232415061728292a2b2c090a1b30311a333435360838393a3b04143ee1' +
    '4142434445464748495152535455565758596263646566676869707172737475' +
    '767778808a8b8c8d8e8f909a9b9c9d9e9fa0aaabacadaeafb0b1b2b3b4b5b6b7' +
    'b8b9babbbcbdbebfcacbcccdcecfdadbdcdddedfeaebecedeeeffafbfcfdfeff'
  ).match(/../g)!,
  h => Number.parseInt(h, 16),
)
const ibm = ebcdic.slice()
for (const [c, code] of Object.entries({ '!': 0x5a, '[': 0xad, ']': 0xbd, '|': 0x4f })) ibm[c.charCodeAt(0)] = code
const ascii = new Uint8Array(256)
ebcdic.forEach((code, c) => {
  ascii[code] = c
})
const same = Uint8Array.from({ length: 256 }, (_, i) => i)

/** A byte becomes another; then lines become records of one length (`block`) or records lines (`unblock`). */
interface Conversion {
  table: Uint8Array
  shape: 'stream' | 'block' | 'unblock'
}

const conversions: Record<string, Conversion> = {
  ascii: { table: ascii, shape: 'unblock' },
  ebcdic: { table: ebcdic, shape: 'block' },
  ibm: { table: ibm, shape: 'block' },
  block: { table: same, shape: 'block' },
  unblock: { table: same, shape: 'unblock' },
}

class Dd {
  readonly sys: Sys
  readonly n = {
    ibs: 512,
    obs: 512,
    bs: 0,
    cbs: 0,
    skip: 0,
    iseek: 0,
    oseek: 0,
    count: 0,
    files: 1,
    trunc: 1,
    quiet: 0,
  }
  readonly flags = new Set<string>()
  readonly names: { if?: string; of?: string } = {}
  conv: Conversion | undefined
  ifd = 0
  ofd = 1
  obuf = new Uint8Array(0)
  obc = 0
  /** Column of the record, and blanks held back because they may be its last. */
  col = 0
  blanks = 0
  full = { in: 0, out: 0 }
  partial = { in: 0, out: 0 }
  truncated = 0

  constructor(sys: Sys) {
    this.sys = sys
  }

  async fatal(msg: string, status: string): Promise<never> {
    await eprint(this.sys, `dd: ${msg}\n`)
    return this.sys.exits(status)
  }

  async number(s: string, max: number): Promise<number> {
    const digits = /^\d*/.exec(s)![0]
    let n = Number(digits)
    for (let i = digits.length; i < s.length; i++) {
      if (s[i] === 'x') {
        n *= await this.number(s.slice(i + 1), Number.MAX_SAFE_INTEGER)
        break
      }
      const unit = { m: 1024 * 1024, k: 1024, b: 512 }[s[i]!]
      if (unit === undefined) await this.fatal(`invalid size suffix '${s[i]}'`, 'invalid')
      n *= unit!
    }
    if (n > max) await this.fatal(`argument ${n} out of range`, 'range')
    return n
  }

  async options(args: string[]): Promise<void> {
    for (let i = 0; i < args.length; i += 2) {
      const key = args[i]!
      const value = args[i + 1]
      if (value === undefined) return this.fatal(`arg ${key} needs a value`, 'arg')
      const name = key[0] === '-' ? key.slice(1) : ''
      if (name === 'if' || name === 'of') this.names[name] = value
      else if (name === 'seek') this.n.oseek = await this.number(value, Number.MAX_SAFE_INTEGER)
      else if (Object.hasOwn(this.n, name))
        this.n[name as keyof Dd['n']] = await this.number(
          value,
          /skip|seek|count/.test(name) ? Number.MAX_SAFE_INTEGER : Int,
        )
      else if (name === 'conv') {
        const m = /^(?:,|ebcdic|ibm|ascii|block|unblock|lcase|ucase|swab|noerror|sync)*/.exec(value)![0]
        if (m !== value) return this.fatal(`bad conv ${value}`, 'arg')
        for (const word of value.match(/ebcdic|ibm|ascii|unblock|block|lcase|ucase|swab|noerror|sync/g) ?? [])
          if (conversions[word]) this.conv = conversions[word]
          else this.flags.add(word)
      } else return this.fatal(`bad arg: ${key}`, 'arg')
    }
    if (this.n.bs) this.n.ibs = this.n.obs = this.n.bs
    if (this.n.ibs === 0 || this.n.obs === 0) await this.fatal('counts: cannot be zero', 'counts')
    if (Math.max(this.n.ibs, this.n.obs) > Memmax) await this.fatal(`not enough memory: ${Enovmem}`, 'memory')
  }

  async open(): Promise<void> {
    const { sys, names } = this
    try {
      if (names.if !== undefined) this.ifd = await sys.open(names.if, OREAD)
    } catch (e) {
      return this.fatal(`open ${names.if}: ${r(e)}`, 'open')
    }
    try {
      if (names.of !== undefined)
        this.ofd = this.n.trunc ? await sys.create(names.of, OWRITE, 0o664) : await sys.open(names.of, OWRITE)
    } catch (e) {
      return this.fatal(`create ${names.of}: ${r(e)}`, 'create')
    }
    // Where one cannot seek, one is at the right place by being told so: as there.
    if (this.n.oseek) await attempt(sys.seek(this.ofd, this.n.obs * this.n.oseek, 1))
    if (this.n.iseek) await attempt(sys.seek(this.ifd, this.n.ibs * this.n.iseek, 1))
  }

  async stats(): Promise<void> {
    if (this.n.quiet) return
    const t = this.truncated ? `${this.truncated} truncated records\n` : ''
    await eprint(
      this.sys,
      `${this.full.in}+${this.partial.in} records in\n${this.full.out}+${this.partial.out} records out\n${t}`,
    )
  }

  async end(status: string): Promise<never> {
    await this.stats()
    return this.sys.exits(status)
  }

  async writeblock(b: Uint8Array): Promise<void> {
    if (b.length === 0) return
    let n = 0
    let err = 'short write'
    try {
      n = await this.sys.write(this.ofd, b)
    } catch (e) {
      err = r(e)
    }
    if (n !== b.length) {
      if (n > 0) this.partial.out++
      await eprint(this.sys, `write: ${err}\n`)
      return this.end('errors')
    }
    if (n === this.n.obs) this.full.out++
    else this.partial.out++
  }

  async flush(): Promise<void> {
    const b = this.obuf.slice(0, this.obc)
    this.obc = 0
    await this.writeblock(b)
  }

  put(c: number): Promise<void> | undefined {
    this.obuf[this.obc++] = c
    return this.obc === this.obuf.length ? this.flush() : undefined
  }

  async repeat(c: number, n: number): Promise<void> {
    while (n > 0) {
      const k = Math.min(n, this.obuf.length - this.obc)
      this.obuf.fill(c, this.obc, this.obc + k)
      this.obc += k
      n -= k
      if (this.obc === this.obuf.length) await this.flush()
    }
  }

  async stream(b: Uint8Array): Promise<void> {
    for (let i = 0; i < b.length; ) {
      const k = Math.min(b.length - i, this.obuf.length - this.obc)
      this.obuf.set(b.subarray(i, i + k), this.obc)
      this.obc += k
      i += k
      if (this.obc === this.obuf.length) await this.flush()
    }
  }

  /** Lines to records: padded, or cut. */
  async block(b: Uint8Array, table: Uint8Array): Promise<void> {
    const cbs = this.n.cbs
    for (const c of b) {
      if (c === NL) {
        await this.repeat(table[SP]!, cbs - this.col)
        this.col = 0
        continue
      }
      if (this.col === cbs) this.truncated++
      if (this.col++ >= cbs) continue
      const w = this.put(table[c]!)
      if (w) await w
    }
  }

  /** Records to lines, without the blanks that padded them. */
  async unblock(b: Uint8Array, table: Uint8Array): Promise<void> {
    const cbs = this.n.cbs
    for (const from of b) {
      const c = table[from]!
      if (c === SP) this.blanks++
      else {
        if (this.blanks > 0) await this.repeat(SP, this.blanks)
        this.blanks = 0
        const w = this.put(c)
        if (w) await w
      }
      if (++this.col < cbs) continue
      this.col = this.blanks = 0
      const w = this.put(NL)
      if (w) await w
    }
  }

  /** The conversion's table with -conv lcase and ucase in it; for ASCII is what they change. */
  table(): Uint8Array {
    const fold = (c: number) => {
      if (this.flags.has('ucase') && c >= 0x61 && c <= 0x7a) c -= 32
      if (this.flags.has('lcase') && c >= 0x41 && c <= 0x5a) c += 32
      return c
    }
    const { table, shape } = this.conv ?? { table: same, shape: 'stream' }
    return same.map(c => (shape === 'block' ? table[fold(c)]! : fold(table[c]!)))
  }

  /** A record; undefined when it could not be read, and that is no end. */
  async readblock(): Promise<Uint8Array | undefined> {
    const { sys, flags } = this
    try {
      return await sys.read(this.ifd, this.n.ibs)
    } catch (e) {
      await eprint(sys, `read: ${r(e)}\n`)
      if (!flags.has('noerror')) {
        await this.flush()
        return this.end('errors')
      }
      await attempt(sys.seek(this.ifd, this.n.ibs, 1))
      await this.stats()
      return undefined
    }
  }

  async copy(): Promise<never> {
    const { n, flags } = this
    const ibs = n.ibs
    const table = this.table()
    const plain = table.every((c, i) => c === i)
    const shape = n.cbs ? (this.conv?.shape ?? 'stream') : 'stream'
    const direct = ibs === n.obs && this.conv === undefined && plain
    if (!direct) this.obuf = new Uint8Array(n.obs)
    for (let skip = n.skip ?? 0; skip > 0; skip--) await attempt(this.sys.read(this.ifd, ibs))
    for (;;) {
      const done = n.count && this.full.in + this.partial.in === n.count
      let b = done ? new Uint8Array(0) : await this.readblock()
      if (b?.length === 0 && --n.files <= 0) {
        await this.flush()
        return this.end('')
      }
      b ??= new Uint8Array(0)
      if (b.length === ibs) this.full.in++
      else {
        this.partial.in++
        if (flags.has('sync')) {
          const padded = new Uint8Array(ibs)
          padded.set(b)
          b = padded
        }
      }
      if (flags.has('swab'))
        for (let i = 0; i + 3 < b.length; i += 4) b.set([b[i + 1]!, b[i]!, b[i + 3]!, b[i + 2]!], i)
      if (direct) await this.writeblock(b)
      else if (shape === 'stream') await this.stream(plain ? b : b.map(c => table[c]!))
      else await this[shape](b, table)
    }
  }
}

const dd: Program = async (sys, argv) => {
  const d = new Dd(sys)
  await d.options(argv.slice(1))
  await d.open()
  return d.copy()
}
export default dd
