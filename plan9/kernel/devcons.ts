import { DMDIR, QTDIR } from '../9p/const.ts'
import { Ebadarg, Ebadctl, Ebadspec, Eintr, Eio, Enoctl, Eperm, PlanError } from '../error.ts'
import {
  devattach,
  devdefaults,
  devdirread,
  devopen,
  devstat,
  devwalk,
  dirtab,
  numfmt,
  readstr,
  tabgen,
} from './dev.ts'
import type { Kernel } from './kernel.ts'
import { lookupcmd, parsecmd } from './parse.ts'
import { type Await, type Chan, COPEN, type Dev, NUMSIZE, type Proc } from './portdat.ts'
import { orintr, Rendez } from './qio.ts'
import type { ConsDriver } from './sys.ts'

/** cons(3), with consctl, and swap(3)'s file beside them. */
const VLNUMSIZE = 22

const Qdir = 0
const Qbintime = 1
const Qcons = 2
const Qconsctl = 3
const Qcputime = 4
const Qdrivers = 5
const Qhostdomain = 6
const Qhostowner = 7
const Qkmesg = 8
const Qkprint = 9
const Qnull = 10
const Qosversion = 11
const Qpid = 12
const Qppid = 13
const Qrandom = 14
const Qswap = 15
const Qsysname = 16
const Qsysstat = 17
const Qtime = 18
const Quser = 19
const Qzero = 20

const consdir = [
  dirtab('.', Qdir, (DMDIR | 0o555) >>> 0),
  dirtab('bintime', Qbintime, 0o664, 24),
  dirtab('cons', Qcons, 0o660),
  dirtab('consctl', Qconsctl, 0o220),
  dirtab('cputime', Qcputime, 0o444, 6 * NUMSIZE),
  dirtab('drivers', Qdrivers, 0o666),
  dirtab('hostdomain', Qhostdomain, 0o444),
  dirtab('hostowner', Qhostowner, 0o444),
  dirtab('kmesg', Qkmesg, 0o440),
  dirtab('kprint', Qkprint, 0o440),
  dirtab('null', Qnull, 0o666),
  dirtab('osversion', Qosversion, 0o444),
  dirtab('pid', Qpid, 0o444, NUMSIZE),
  dirtab('ppid', Qppid, 0o444, NUMSIZE),
  dirtab('random', Qrandom, 0o444),
  dirtab('swap', Qswap, 0o444),
  dirtab('sysname', Qsysname, 0o664),
  dirtab('sysstat', Qsysstat, 0o664),
  dirtab('time', Qtime, 0o664, NUMSIZE + 3 * VLNUMSIZE),
  dirtab('user', Quser, 0o666),
  dirtab('zero', Qzero, 0o444),
]
const gen = tabgen(consdir)

/** What kmesg keeps, in bytes. */
const KMESGSIZE = 16 * 1024
const empty = new Uint8Array(0)

/** The last of what the kernel printed, and of what was written to a console. */
export class Kmesg {
  private buf = new Uint8Array(KMESGSIZE)
  private n = 0
  /** Bytes ever. */
  total = 0
  private readonly more = new Rendez()

  puts(b: Uint8Array): void {
    const tail = b.length > KMESGSIZE ? b.subarray(b.length - KMESGSIZE) : b
    const over = this.n + tail.length - KMESGSIZE
    if (over > 0) {
      this.buf.copyWithin(0, over, this.n)
      this.n -= over
    }
    this.buf.set(tail, this.n)
    this.n += tail.length
    this.total += b.length
    this.more.wakeup()
  }

  read(n: number, offset: number): Uint8Array {
    return this.buf.slice(offset, Math.min(offset + n, this.n))
  }

  /** What came after `from` bytes had come; waits for some. */
  async after(from: number, n: number, signal: AbortSignal): Promise<Uint8Array> {
    while (this.total <= from) await this.more.sleep(signal)
    const back = Math.min(this.total - from, this.n)
    return this.buf.slice(this.n - back, Math.min(this.n - back + n, this.n))
  }
}

/** Text of fixed-width numbers: seconds, nanoseconds, ticks, ticks a second. */
function timetext(k: Kernel): string {
  const ns = k.todget()
  const big = (n: bigint) => `${String(n).padStart(VLNUMSIZE - 1)} `
  return numfmt(Number(ns / 1_000_000_000n)) + big(ns) + big(k.fastticks()) + big(k.fasthz)
}

function bintime(k: Kernel, n: number): Uint8Array {
  const b = new Uint8Array(24)
  const v = new DataView(b.buffer)
  v.setBigUint64(0, k.todget())
  v.setBigUint64(8, k.fastticks())
  v.setBigUint64(16, k.fasthz)
  return b.subarray(0, Math.min(24, n - (n % 8)))
}

/**
 * Processor, context switches, interrupts, system calls, page faults, TLB faults, TLB purges, load, idle, interrupt time.
 * What no counter of ours stands behind (this kernel has no pages, and does not see its host's idle time) is 0.
 */
function sysstat(k: Kernel): string {
  const running = [...k.procs.values()].filter(p => !p.kp && !p.dead && p.incall === 0).length
  const { cs, intr, syscall } = k.stats
  return `${[0, cs, intr, syscall, 0, 0, 0, running * 1000, 0, 0].map(n => numfmt(n)).join('')}\n`
}

/** swap(3)'s lines, of what the host says of its memory; without that, of nothing. */
function swap(k: Kernel): string {
  const pagesize = 4096
  const { used, total } = k.memory()
  const pages = (n: number) => Math.ceil(n / pagesize)
  return (
    `${total} memory\n${pagesize} pagesize\n${pages(used)} kernel\n0/${pages(Math.max(0, total - used))} user\n` +
    `0/0 swap\n${used}/${used}/${total} kernel malloc\n0/0/0 kernel draw\n0/0/0 kernel secret\n`
  )
}

export function devcons(k: Kernel): Dev {
  /** Opens of consctl, by console. */
  const ctls = new Map<number, number>()

  /** The console of c: the one it was attached for, or that of the process which opened it. */
  function consno(up: Proc, c: Chan): number {
    return c.dev > 0 ? c.dev - 1 : up.cons
  }

  function driver(c: Chan): ConsDriver {
    const d = k.cons[c.aux as number]
    if (!d) throw new PlanError(Eio)
    return d
  }

  async function consread(up: Proc, d: ConsDriver, n: number): Promise<Uint8Array> {
    const { signal } = up
    if (signal.aborted) throw new PlanError(Eintr)
    try {
      const data = await d.read(n, signal)
      k.stats.intr++
      return data
    } catch (e) {
      if (signal.aborted) throw new PlanError(Eintr)
      throw e
    }
  }

  function conswrite(up: Proc, d: ConsDriver, data: Uint8Array): Await<number> {
    const b = data.slice()
    k.kmesg.puts(b)
    const r = d.write(b)
    return r ? orintr(r, up.signal).then(() => b.length) : b.length
  }

  function chdev(up: Proc, data: Uint8Array): void {
    const f = parsecmd(data)
    const op = f[1]
    if (f[0] !== 'chdev' || op === undefined) throw new PlanError(Ebadarg)
    const mask = f[2] ?? ''
    if (op === '~' ? f.length !== 2 : (op !== '&' && op !== '&~') || f.length !== 3) throw new PlanError(Ebadarg)
    const { notallowed } = up.pgrp!
    for (const dc of k.devtab.keys()) if (mask.includes(dc) === (op === '&~')) notallowed.add(dc)
  }

  function read(up: Proc, c: Chan, n: number, offset: number): Await<Uint8Array> {
    if (n <= 0) return empty
    switch (Number(c.qid.path)) {
      case Qdir:
        return devdirread(up, c, n, gen)
      case Qbintime:
        return bintime(k, n)
      case Qcons:
        return consread(up, driver(c), n)
      case Qcputime: {
        const real = Math.round(performance.now() - up.starttime)
        return readstr([Math.round(up.utime), 0, real, ...up.ctime].map(t => numfmt(t)).join(''), n, offset)
      }
      case Qdrivers: {
        const devs = [...k.devtab.values()].filter(d => !up.pgrp!.notallowed.has(d.dc))
        return readstr(devs.map(d => `#${d.dc} ${d.name}\n`).join(''), n, offset)
      }
      case Qhostowner:
        return readstr(k.eve, n, offset)
      case Qkmesg:
        return k.kmesg.read(n, offset)
      case Qkprint:
        return k.kmesg.after((c.aux as number) + offset, n, up.signal)
      case Qnull:
      case Qhostdomain:
        return empty
      case Qosversion:
        return readstr('2000', n, offset)
      case Qpid:
        return readstr(numfmt(up.pid), n, offset)
      case Qppid:
        return readstr(numfmt(up.parentpid), n, offset)
      case Qrandom: {
        const b = new Uint8Array(n)
        for (let i = 0; i < n; i += 65536) crypto.getRandomValues(b.subarray(i, i + 65536))
        return b
      }
      case Qswap:
        return readstr(swap(k), n, offset)
      case Qsysname:
        return readstr(k.sysname, n, offset)
      case Qsysstat:
        return readstr(sysstat(k), n, offset)
      case Qtime:
        return readstr(timetext(k), n, offset)
      case Quser:
        return readstr(up.user, n, offset)
      case Qzero:
        return new Uint8Array(n)
      default:
        throw new PlanError(Eperm)
    }
  }

  function write(up: Proc, c: Chan, data: Uint8Array, offset: number): Await<number> {
    const text = () => new TextDecoder().decode(data)
    switch (Number(c.qid.path)) {
      case Qcons:
        return conswrite(up, driver(c), data)
      case Qconsctl: {
        const f = parsecmd(data)
        const cmd = lookupcmd(f, { rawon: 1, rawoff: 1, holdon: 1, holdoff: 1, comfort: 2, hint: 0 })
        if (cmd === 'comfort' && f[1] !== 'on' && f[1] !== 'off') throw new PlanError(Ebadctl)
        driver(c).ctl?.(cmd === 'hint' ? text().trimEnd() : f.join(' '))
        break
      }
      case Qdrivers:
        chdev(up, data)
        break
      case Qnull:
        break
      case Qsysname: {
        if (offset !== 0 || data.length === 0 || data.length >= 256) throw new PlanError(Ebadarg)
        k.sysname = text().replace(/\n$/, '')
        break
      }
      case Qsysstat:
        k.stats.cs = k.stats.intr = k.stats.syscall = 0
        break
      case Qtime: {
        if (up.user !== k.eve) throw new PlanError(Eperm)
        const sec = Number.parseInt(text(), 10)
        if (!(sec > 0)) throw new PlanError('bad time control')
        k.todset(BigInt(sec) * 1_000_000_000n)
        break
      }
      case Qbintime: {
        if (up.user !== k.eve) throw new PlanError(Eperm)
        if (data.length < 9 || data[0] !== 0x6e) throw new PlanError('bad time control')
        k.todset(new DataView(data.buffer, data.byteOffset, data.byteLength).getBigUint64(1))
        break
      }
      case Quser:
        // A process may become none, and nobody else.
        if (text() !== 'none') throw new PlanError(Eperm)
        up.user = 'none'
        break
      default:
        throw new PlanError(c.qid.type & QTDIR ? Eperm : Enoctl)
    }
    return data.length
  }

  const dev: Dev = {
    ...devdefaults,
    dc: 'c',
    name: 'cons',
    attach(_up, spec) {
      const c = devattach(dev, spec)
      if (spec !== '') {
        if (!/^[0-9]+$/.test(spec) || !k.cons[Number(spec)]) throw new PlanError(Ebadspec)
        c.dev = Number(spec) + 1
      }
      return c
    },
    walk: (up, c, names) => devwalk(up, c, names, gen),
    stat: (up, c) => devstat(up, c, gen),
    open(up, c, omode) {
      const t = Number(c.qid.path)
      devopen(up, c, omode, gen)
      if (t === Qcons || t === Qconsctl) c.aux = consno(up, c)
      if (t === Qkprint) c.aux = k.kmesg.total
      if (t === Qconsctl) ctls.set(c.aux as number, (ctls.get(c.aux as number) ?? 0) + 1)
      return c
    },
    close(c) {
      if (!(c.flag & COPEN) || Number(c.qid.path) !== Qconsctl) return
      const left = (ctls.get(c.aux as number) ?? 1) - 1
      ctls.set(c.aux as number, left)
      if (left === 0) driver(c).ctl?.('rawoff')
    },
    read,
    write,
  }
  return dev
}
