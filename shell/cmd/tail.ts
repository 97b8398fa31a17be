import { concat } from '../../plan9/9p/bit.ts'
import { OREAD } from '../../plan9/9p/const.ts'
import { Enovmem, PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { usage } from '../../plan9/libc/arg.ts'
import { Bout, Bsize, Memmax, write } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: tail [-n N] [-c N] [-f] [-r] [+-N[bc][fr]] [file]'
const NL = 10

class Tail {
  readonly sys: Sys
  fd = 0
  count: number | undefined
  follow = false
  fromStart = false
  chars = false
  reverse = false

  constructor(sys: Sys) {
    this.sys = sys
  }

  async fatal(msg: string, err = ''): Promise<never> {
    await eprint(this.sys, `tail: ${msg}: ${err}\n`)
    return this.sys.exits(msg)
  }

  /** Takes -N and +N. */
  async getnumber(s: string): Promise<boolean> {
    const m = /^([-+]?)(\d+)/.exec(s)
    if (m === null) return false
    if (m[1] === '+') this.fromStart = true
    if (this.count !== undefined) await this.fatal('excess option')
    this.count = atoi(m[2]!)
    if (this.count > 0x7fffffff) await this.fatal('too big')
    return true
  }

  async suffix(s: string): Promise<void> {
    const m = /^[-+\d]*([bcl]?)([rf]?)$/.exec(s)
    if (m === null) await usage(this.sys, help)
    if (m![1] === 'b') this.count! *= 1024
    if (m![1] === 'b' || m![1] === 'c') this.chars = true
    if (m![2] === 'r') this.reverse = true
    if (m![2] === 'f') this.follow = true
  }

  async options(args: string[]): Promise<string | undefined> {
    for (; args[0] !== undefined && (args[0][0] === '-' || args[0][0] === '+'); args.shift()) {
      const a = args[0]
      if (await this.getnumber(a)) {
        await this.suffix(a)
        continue
      }
      if (a.startsWith('--')) {
        args.shift()
        break
      }
      if (a[0] === '-' && (a[1] === 'c' || a[1] === 'n')) {
        if (a[1] === 'c') this.chars = true
        if (await this.getnumber(a.slice(2))) continue
        if (args[1] === undefined || !(await this.getnumber(args[1]))) await usage(this.sys, help)
        args.shift()
      } else if (a[0] === '-' && a[1] === 'r') this.reverse = true
      else if (a[0] === '-' && a[1] === 'f') this.follow = true
      else break
    }
    if (this.reverse && (this.chars || this.follow || this.fromStart)) await this.fatal('incompatible options')
    this.count ??= this.reverse ? Number.POSITIVE_INFINITY : 10
    if (args.length > 1) await usage(this.sys, help)
    return args[0]
  }

  async copy(): Promise<void> {
    for (;;) {
      const b = await this.sys.read(this.fd, Bsize)
      if (b.length === 0) return
      await write(this.sys, 1, b)
    }
  }

  /** From the start: past so many bytes or lines, then the rest. */
  async skip(count: number): Promise<void> {
    while (count > 0) {
      const b = await this.sys.read(this.fd, this.chars ? Math.min(count, Bsize) : Bsize)
      if (b.length === 0) return
      if (this.chars) {
        count -= b.length
        continue
      }
      let i = 0
      while (i < b.length && count > 0) if (b[i++] === NL) count--
      if (i < b.length) await write(this.sys, 1, b.subarray(i))
    }
    await this.copy()
  }

  /** Index in `buf` of its last `count` lines. */
  lines(buf: Uint8Array, count: number): number {
    let j = buf.length
    if (count === 0) return j
    if (buf[j - 1] === NL) j--
    for (; j > 0; j--) if (buf[j - 1] === NL && --count <= 0) break
    return j
  }

  /** Reads all there is, keeping no more than may be wanted, and prints the end of it. */
  async keep(count: number): Promise<void> {
    let kept: Uint8Array[] = []
    let n = 0
    // Joined and cut only when it has doubled: linear in all.
    let limit = 2 * Bsize
    const cut = () => {
      const buf = kept.length === 0 ? new Uint8Array(0) : concat(kept)
      const tail = buf.slice(this.chars ? Math.max(buf.length - count, 0) : this.lines(buf, count))
      kept = [tail]
      n = tail.length
      limit = Math.max(2 * Bsize, 2 * n)
      return tail
    }
    for (;;) {
      const b = await this.sys.read(this.fd, Bsize)
      if (b.length === 0) break
      kept.push(b)
      n += b.length
      if (n > limit && cut().length > Memmax) throw new PlanError(Enovmem)
    }
    let tail: Uint8Array = cut()
    if (!this.reverse) {
      if (tail.length > 0) await write(this.sys, 1, tail)
      return
    }
    if (tail.length > 0 && tail[tail.length - 1] !== NL) tail = concat([tail, new Uint8Array([NL])])
    const out = new Bout(this.sys, 1)
    for (let end = tail.length; end > 0; ) {
      let j = end - 1
      while (j > 0 && tail[j - 1] !== NL) j--
      await out.write(tail.subarray(j, end))
      end = j
    }
    await out.flush()
  }

  /** A file that can be sought in: backwards until there are lines enough, then forward from there. */
  async seekback(count: number, end: number): Promise<void> {
    if (this.chars) {
      await this.sys.seek(this.fd, Math.max(end - count, 0), 0)
      return this.copy()
    }
    let parts: Uint8Array[] = []
    let pos = end
    let newlines = 0
    while (pos > 0 && newlines <= count) {
      const n = Math.min(pos, Bsize)
      pos -= n
      const got: Uint8Array[] = []
      for (let off = pos; off < pos + n; ) {
        const b = await this.sys.pread(this.fd, pos + n - off, off)
        if (b.length === 0) throw new PlanError('length error')
        got.push(b)
        off += b.length
      }
      const b = concat(got)
      for (const c of b) if (c === NL) newlines++
      parts = [b, ...parts]
    }
    const buf = parts.length === 0 ? new Uint8Array(0) : concat(parts)
    await this.sys.seek(this.fd, pos + this.lines(buf, count), 0)
    await this.copy()
  }
}

const tail: Program = async (sys, argv) => {
  const t = new Tail(sys)
  const file = await t.options(argv.slice(1))
  if (file !== undefined)
    try {
      t.fd = await sys.open(file, OREAD)
    } catch (e) {
      return t.fatal(file, r(e))
    }
  /** Where it ends; -1 of what cannot be sought in. */
  let end = -1
  try {
    end = await sys.seek(t.fd, 0, 2)
    if (end > 0) await sys.seek(t.fd, 0, 0)
  } catch (e) {
    r(e)
    end = -1
  }
  const count = t.count!
  try {
    if (t.fromStart) await t.skip(t.chars ? count : Math.max(count - 1, 0))
    else if (end > 0 && !t.reverse) await t.seekback(count, end)
    else await t.keep(count)
    if (!t.follow || end < 0) return ''
    for (let length = 0n; ; await sys.sleep(1000)) {
      const d = await sys.fstat(t.fd)
      // A file made shorter is followed from its beginning.
      if (d.length < length) await sys.seek(t.fd, 0, 0)
      length = d.length
      await t.copy()
    }
  } catch (e) {
    return t.fatal('', r(e))
  }
}
export default tail
