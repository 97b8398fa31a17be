import { OREAD } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout } from '../../plan9/libc/bio.ts'
import { Descent, leaf } from '../../plan9/libc/descent.ts'
import { dirread, isdir } from '../../plan9/libc/dirread.ts'
import { gfmt, strtol } from '../../plan9/libc/fmt.ts'
import { quoterc } from '../../plan9/libc/quote.ts'
import { eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: du [-aefhnqstu] [-b size] [-p si-pfx] [file ...]'
const prefixes = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']

class Du {
  readonly sys: Sys
  readonly way: Descent
  readonly out: Bout
  readonly flags = new Set<string>()
  /** Bytes: a file takes up a whole number of blocks; amounts are printed in units. */
  blocksize = 1024
  unit = 0
  readonly seen = new Set<string>()

  constructor(sys: Sys) {
    this.sys = sys
    this.way = new Descent(sys)
    this.out = new Bout(sys, 1)
  }

  async warn(name: string, e: unknown): Promise<bigint> {
    const err = r(e)
    if (!this.flags.has('f')) await eprint(this.sys, `du: ${name}: ${err}\n`)
    return 0n
  }

  blocks(d: Dir): bigint {
    const b = BigInt(this.blocksize)
    return ((d.length + b - 1n) / b) * b
  }

  value(d: Dir, size: bigint): bigint {
    if (this.flags.has('q')) return d.qid.path
    if (this.flags.has('t')) return BigInt(this.flags.has('u') ? d.atime : d.mtime)
    return size
  }

  async print(amt: bigint, name: string): Promise<void> {
    let s: string
    if (this.flags.has('h')) {
      let val = Number(amt) / this.unit
      let scale = 0
      while (val >= 1024 && scale < prefixes.length - 1) {
        scale++
        val /= 1024
      }
      s = gfmt(val) + prefixes[scale]!
    } else if (this.flags.has('e')) s = gfmt(Number(amt) / this.unit)
    else {
      const n = (amt + BigInt(this.unit) - 1n) / BigInt(this.unit)
      s = this.flags.has('q') ? n.toString(16).padStart(16, '0') : String(n)
    }
    await this.out.write(`${s}\t${quoterc(name)}\n`)
  }

  /** @param name from here @param full as it is printed */
  async du(name: string, full: string, dir?: Dir): Promise<bigint> {
    const { sys, flags } = this
    let all: Dir[] = []
    let fd: number
    try {
      dir ??= await sys.stat(name)
      if (!isdir(dir)) return this.value(dir, this.blocks(dir))
      fd = await sys.open(name, OREAD)
    } catch (e) {
      return this.warn(full, e)
    }
    let inside = false
    try {
      // What was read before an error counts.
      for (let some = await dirread(sys, fd); some.length > 0; some = await dirread(sys, fd)) all.push(...some)
    } catch (e) {
      await this.warn(full, e)
    } finally {
      await sys.close(fd)
    }
    if (all.some(isdir))
      try {
        await this.way.enter(name)
        inside = true
      } catch (e) {
        await this.warn(full, e)
        all = all.filter(d => !isdir(d))
      }
    let total = 0n
    for (const d of all) {
      const file = `${full}/${d.name}`
      if (!isdir(d)) {
        let t = this.blocks(d)
        if (flags.has('a')) {
          t = this.value(d, t)
          await this.print(t, file)
        }
        total += t
        continue
      }
      const id = `${d.type} ${d.dev} ${d.qid.path}`
      if (this.seen.has(id)) continue
      this.seen.add(id)
      const t = await this.du(leaf(d.name), file, d)
      total += t
      if (!flags.has('s')) await this.print(this.value(d, t), file)
    }
    if (inside)
      try {
        await this.way.leave()
      } catch (e) {
        await this.out.flush()
        return sysfatal(sys, 'du', `${full}: ${r(e)}`)
      }
    return this.value(dir, total)
  }
}

const du: Program = async (sys, argv) => {
  const d = new Du(sys)
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'b') {
      const s = arg.argf()
      if (s === undefined) continue
      const { value, n } = strtol(s)
      d.blocksize = (n === 0 ? 1 : value) * 1024 ** /^k*/.exec(s.slice(n))![0].length
    } else if (c === 'p') {
      const s = arg.argf()
      if (s === undefined) continue
      const scale = prefixes.findIndex(p => p.toLowerCase() === s.toLowerCase())
      if (scale < 0) return sysfatal(sys, 'du', `unknown suffix ${s}`)
      d.unit = 1024 ** scale
    } else if (c === 'n') {
      d.flags.add('a')
      d.blocksize = d.unit = 1
    } else if ('aefhqstu'.includes(c)) d.flags.add(c)
    else await usage(sys, help)
  }
  if (d.unit === 0) d.unit = ['q', 't', 'u', 'h'].some(f => d.flags.has(f)) ? 1 : 1024
  d.blocksize = Math.max(d.blocksize, 1)
  for (const name of arg.argv.length === 0 ? ['.'] : arg.argv) await d.print(await d.du(name, name), name)
  await d.out.flush()
  return ''
}
export default du
