import { changes, convD2M, convM2D } from '../../plan9/9p/dir.ts'
import { Ebadarg, Ebadexec, Eio, Enoproc, Eprocdied, Etoobig, PlanError, ProtocolError } from '../../plan9/error.ts'
import { cclose } from '../../plan9/kernel/chan.ts'
import type { Execfile } from '../../plan9/kernel/exec.ts'
import type { Kernel } from '../../plan9/kernel/kernel.ts'
import { postnote } from '../../plan9/kernel/note.ts'
import { quote } from '../../plan9/kernel/parse.ts'
import type { Chan, Memory, Proc } from '../../plan9/kernel/portdat.ts'
import { stopme, Unwind } from '../../plan9/kernel/proc.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { crackhdr } from '../../plan9/libc/aout.ts'
import type { CpuWorker } from './image.ts'
import type { Header } from './mem.ts'
import type { Arg, Down, Up } from './protocol.ts'
import * as nr from './protocol.ts'

/** The kernel's side of the processor: a.out files are programs, whose system calls are those of any other. */

const UTZERO = 0x1000
const USTKBASE = 0xdffff000 - 16 * 1024 * 1024

/** The sizes of a 386 program. @throws PlanError Ebadexec */
function header(b: Uint8Array): Header {
  const f = crackhdr(b)
  if (!f) throw new PlanError(Ebadexec)
  const entry = Number(f.entry)
  const end = UTZERO + f.hdrsz + f.text
  const top = Math.ceil(end / 4096) * 4096 + f.data + f.bss
  if (entry < UTZERO + f.hdrsz || entry >= end || top + 4096 >= USTKBASE) throw new PlanError(Ebadexec)
  return { text: f.text, data: f.data, bss: f.bss, entry }
}

/** An executable file that the worker has, or had. */
interface Text {
  readonly id: number
  readonly key: string
  readonly chan: Chan
  /** Guests. */
  refs: number
}

/** Executable files that are kept open and in memory, for their next run. */
const NTEXT = 100

/** The 386 programs of a kernel, on one v86, which the first of them starts. */
export class Cpu {
  private readonly k: Kernel
  private readonly start: () => CpuWorker
  private instance: Instance | undefined

  constructor(k: Kernel, start: () => CpuWorker) {
    this.k = k
    this.start = start
  }

  /** @throws PlanError Ebadexec, Etoobig */
  async load(file: Execfile, up: Proc, argv: string[]): Promise<Program> {
    const h = header(file.header)
    const encoder = new TextEncoder()
    if (argv.reduce((n, a) => n + encoder.encode(a).length + nr.ARGSIZE, 0) > nr.ARGMAX) throw new PlanError(Etoobig)
    const text = await this.text(file, up)
    return async (sys, argv) => {
      const instance = (this.instance ??= new Instance(this.k, this.start(), i => this.gone(i)))
      return instance.exec(sys, text, h, argv)
    }
  }

  private gone(i: Instance): void {
    if (this.instance === i) this.instance = undefined
  }

  private async text(file: Execfile, up: Proc): Promise<{ key: string; chan: Chan }> {
    const { chan } = file
    const d = await chan.type.stat(up, chan)
    const server = chan.mchan ? `${chan.mchan.qid.path} ${chan.dev}` : `${chan.dev}`
    return { key: `${chan.type.dc} ${server} ${d.qid.path} ${d.qid.vers} ${d.mtime} ${d.length}`, chan }
  }
}

/** One processor, until it panics. */
class Instance {
  readonly k: Kernel
  private readonly worker: CpuWorker
  private readonly gone: (i: Instance) => void
  /** By key; the one executed last is last. */
  private readonly texts = new Map<string, Text>()
  private readonly guests = new Map<number, Guest>()
  private downs: Down[] = []
  private ids = 0
  private dead = false

  constructor(k: Kernel, worker: CpuWorker, gone: (i: Instance) => void) {
    this.k = k
    this.worker = worker
    this.gone = gone
    worker.onmessage(ups => {
      for (const u of ups) this.up(u)
    })
    void worker.failed.then(msg => this.panic(msg))
  }

  /** To the worker, with all else of this turn. */
  down(d: Down): void {
    if (this.dead) return
    this.downs.push(d)
    if (this.downs.length > 1) return
    queueMicrotask(() => {
      const { downs } = this
      this.downs = []
      if (!this.dead) this.worker.postMessage(downs)
    })
  }

  exec(sys: Sys, file: { key: string; chan: Chan }, h: Header, argv: string[]): Promise<string> {
    let text = this.texts.get(file.key)
    if (text) this.texts.delete(file.key)
    else {
      file.chan.ref++
      text = { id: ++this.ids, key: file.key, chan: file.chan, refs: 0 }
    }
    this.texts.set(file.key, text)
    const p = this.proc(sys)
    const old = p.memory instanceof Guest && p.memory.instance === this ? p.memory : undefined
    const g = new Guest(this, ++this.ids, p, sys, text)
    this.down({ t: 'exec', id: g.id, from: old?.id ?? 0, image: text.id, header: h, argv, pid: sys.pid })
    for (const t of this.texts.values()) {
      if (this.texts.size <= NTEXT) break
      if (t.refs > 0 || t === text) continue
      this.texts.delete(t.key)
      this.down({ t: 'forget', image: t.id })
      cclose(t.chan)
    }
    const end = this.run(g)
    if (p.stopreq) void g.stop()
    return end
  }

  private proc(sys: Sys): Proc {
    const p = this.k.procs.get(sys.pid)
    if (!p) throw new PlanError(Enoproc)
    return p
  }

  /** The life of a guest's process; how it ends is the guest's doing, or the kernel's. */
  private async run(g: Guest): Promise<string> {
    this.guests.set(g.id, g)
    g.text.refs++
    g.p.memory = g
    try {
      return await g.live()
    } finally {
      this.guests.delete(g.id)
      g.over()
      const gone = () => {
        this.down({ t: 'kill', id: g.id })
        g.text.refs--
        if (g.p.memory === g) g.p.memory = undefined
      }
      if (g.p.dead) gone()
      // After exec another program is in its place soon, to which its attached segments go.
      else setTimeout(gone)
    }
  }

  /** The process that rfork made, and its part of the guest, which begins. */
  child(parent: Guest, id: number, sys: Sys): Promise<string> {
    const g = new Guest(this, id, this.proc(sys), sys, parent.text)
    if (parent.notifying) g.notify(true)
    this.down({ t: 'fork', id, pid: sys.pid })
    return this.run(g)
  }

  private up(u: Up): void {
    switch (u.t) {
      case 'pagein':
        void this.pagein(u)
        return
      case 'panic':
        this.panic(u.msg)
        return
      default: {
        const g = this.guests.get(u.id)
        if (g) g.up(u)
        else if (u.t === 'call') this.unborn(u.child)
      }
    }
  }

  /** The guest of an rfork that made no process. */
  unborn(child: number | undefined): void {
    if (child !== undefined && !this.guests.has(child)) this.down({ t: 'kill', id: child })
  }

  private async pagein(u: Extract<Up, { t: 'pagein' }>): Promise<void> {
    const text = [...this.texts.values()].find(t => t.id === u.image)
    const bytes = new Uint8Array(u.n)
    let err: string | undefined
    try {
      if (!text) throw new PlanError(Eprocdied)
      for (let n = 0; n < u.n; ) {
        const b = await text.chan.type.read(this.k.kproc, text.chan, u.n - n, u.offset + n)
        if (b.length === 0) break
        bytes.set(b.subarray(0, u.n - n), n)
        n += b.length
      }
    } catch (e) {
      if (!(e instanceof PlanError)) this.k.printerr('386: pagein', e)
      err = e instanceof PlanError ? e.message : Eio
    }
    this.down({ t: 'page', image: u.image, offset: u.offset, bytes, ...(err !== undefined && { err }) })
  }

  /** v86 is lost, and with it what ran there. */
  private panic(msg: string): void {
    if (this.dead) return
    this.dead = true
    this.k.print(`386: panic: ${msg}\n`)
    this.gone(this)
    this.worker.terminate()
    for (const g of [...this.guests.values()]) void g.suicide(`sys: processor panic: ${msg}`, true)
    for (const text of this.texts.values()) cclose(text.chan)
  }
}

/** A program in v86 as its process in the kernel sees it. */
class Guest implements Memory {
  readonly instance: Instance
  readonly id: number
  readonly p: Proc
  readonly text: Text
  private readonly sys: Sys
  /** It has a handler of notes. */
  notifying = false
  /** It has come to its end. */
  private ended = false
  /** Notes that were passed on. */
  private notes = 0
  private resolve!: (status: string) => void
  private reject!: (e: unknown) => void
  private noted: ((cont: boolean) => void) | undefined
  /** The note of its last trap: who leaves such a one to the system is a suicide. */
  private trap: string | undefined
  private held: ((call: boolean) => void) | undefined
  private readonly peeks = new Map<number, { resolve(b: Uint8Array): void; reject(e: PlanError): void }>()
  private seq = 0

  constructor(instance: Instance, id: number, p: Proc, sys: Sys, text: Text) {
    this.text = text
    this.instance = instance
    this.id = id
    this.p = p
    this.sys = sys
  }

  live(): Promise<string> {
    const end = new Promise<string>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    void this.watch()
    return end
  }

  /** Sees to notes that come while the program computes. Those that find it in a call are the call's. */
  private async watch(): Promise<void> {
    try {
      for (;;) {
        const signal = this.sys.interrupted()
        if (!signal.aborted)
          await new Promise<void>(resolve => signal.addEventListener('abort', resolve, { once: true }))
        await this.sys.attend()
      }
    } catch (e) {
      this.reject(e)
    }
  }

  up(u: Up): void {
    switch (u.t) {
      case 'call':
        this.p.utime = u.time
        void this.call(u)
        return
      case 'notify':
        this.notify(u.on)
        return
      case 'noted':
        this.noted?.(u.cont)
        this.noted = undefined
        return
      case 'trap':
        this.p.utime = u.time
        void this.suicide(u.msg)
        return
      case 'exits':
        this.p.utime = u.time
        void this.exits(u.status, u.print)
        return
      case 'held':
        this.held?.(u.call)
        return
      case 'peeked': {
        const peek = this.peeks.get(u.seq)
        this.peeks.delete(u.seq)
        if (u.err === undefined) peek?.resolve(u.data)
        else peek?.reject(new PlanError(u.err))
      }
    }
  }

  notify(on: boolean): void {
    this.notifying = on
    const handler = async (msg: string) => {
      const cont = await new Promise<boolean>(resolve => {
        this.noted = resolve
        this.notes++
        this.instance.down({ t: 'note', id: this.id, msg })
      })
      if (!cont && msg === this.trap) await this.pprint(`suicide: ${msg}`)
      return cont
    }
    try {
      this.sys.notify(on ? handler : undefined)
    } catch (e) {
      this.reject(e)
    }
  }

  private async exits(status: string, print?: string): Promise<void> {
    if (print !== undefined) await this.pprint(print)
    this.resolve(status)
  }

  /** Posts the note of a trap. Who does not handle it ends with it, and says so. */
  async suicide(msg: string, now = false): Promise<void> {
    const { p } = this
    // The kernel hears only later that a handler is done, which has gone on meanwhile.
    if (!now && !this.noted && p.notified) await p.delivering?.catch(() => {})
    if (now || p.notify === undefined || p.notified) await this.pprint(`suicide: ${msg}`)
    this.trap = msg
    if (!postnote(p, msg, now ? 'exit' : 'debug')) this.resolve(msg)
  }

  /** A line to the process's fd 2, where it has one. */
  private async pprint(msg: string): Promise<void> {
    const { p } = this
    try {
      await this.sys.write(2, `${p.text} ${p.pid}: ${msg}\n`)
    } catch (e) {
      if (!(e instanceof PlanError || e instanceof Unwind)) throw e
    }
  }

  private async call(u: Extract<Up, { t: 'call' }>): Promise<void> {
    let d: Down
    try {
      if (!u.handling && this.p.delivering) await this.afternotes()
      const r = await this.syscall(u.num, u.args, u.child)
      d =
        typeof r === 'number'
          ? { t: 'reply', id: this.id, seq: u.seq, r }
          : { t: 'reply', id: this.id, seq: u.seq, r: r.r ?? r.out.length, out: alone(r.out) }
    } catch (e) {
      if (!(e instanceof PlanError)) return this.reject(e)
      d = { t: 'reply', id: this.id, seq: u.seq, r: -1, err: e.message }
    } finally {
      this.instance.unborn(u.child)
    }
    this.instance.down(d)
  }

  /**
   * A note that was on its way when the program made a call is handled first, and interrupts the call where it would wait:
   * it may be just what it is to end.
   */
  private async afternotes(): Promise<void> {
    const { p, notes } = this
    const late = this.noted !== undefined
    await this.sys.attend()
    if (!late && this.notes === notes) return
    p.attn = true
    p.procinterrupt()
  }

  private async syscall(num: number, a: Arg[], child?: number): Promise<number | { r?: number; out: Uint8Array }> {
    const { sys } = this
    const n = (i: number) => a[i] as number
    const s = (i: number) => a[i] as string
    const b = (i: number) => a[i] as Uint8Array
    switch (num) {
      case nr.BIND:
        return sys.bind(s(0), s(1), n(2))
      case nr.CHDIR:
        await sys.chdir(s(0))
        return 0
      case nr.CLOSE:
        await sys.close(n(0))
        return 0
      case nr.DUP:
        return sys.dup(n(0), n(1))
      case nr.ALARM:
        return sys.alarm(n(0))
      case nr.EXEC:
        return sys.exec(s(0), a.slice(1) as string[])
      case nr.FAUTH:
        throw new PlanError('fauth: authentication not required')
      case nr.FVERSION:
        throw new PlanError('fversion: done by mount')
      case nr._MOUNT:
        return sys.mount(n(0), -1, s(1), n(2), s(3))
      case nr.MOUNT:
        return sys.mount(n(0), n(1), s(2), n(3), s(4))
      case nr.UNMOUNT:
        await sys.unmount(a[0] === 0 ? undefined : s(0), s(1))
        return 0
      case nr.OPEN:
        return sys.open(s(0), n(1))
      case nr.CREATE:
        return sys.create(s(0), n(1), n(2))
      case nr.REMOVE:
        await sys.remove(s(0))
        return 0
      case nr._READ:
        return { out: await sys.read(n(0), n(1)) }
      case nr.PREAD:
        return { out: n(2) === -1 ? await sys.read(n(0), n(1)) : await sys.pread(n(0), n(1), n(2)) }
      case nr._WRITE:
        return sys.write(n(0), b(1))
      case nr.PWRITE:
        return n(2) === -1 ? sys.write(n(0), b(1)) : sys.pwrite(n(0), b(1), n(2))
      case nr.OSEEK:
        return sys.seek(n(0), n(1), n(2))
      case nr.SEEK:
        return { r: 0, out: vlong(BigInt(await sys.seek(n(0), n(1), n(2)))) }
      case nr._NSEC:
        return { r: 0, out: vlong(this.instance.k.todget()) }
      case nr.SLEEP:
        await sys.sleep(n(0))
        return 0
      case nr.PIPE: {
        const fds = await sys.pipe()
        return { r: 0, out: new Uint8Array(new Int32Array(fds).buffer) }
      }
      case nr.FD2PATH:
        return { r: 0, out: cut(await sys.fd2path(n(0)), n(1)) }
      case nr.AWAIT: {
        const w = await sys.wait()
        const out = cut(`${w.pid} ${w.time.join(' ')} ${quote(w.msg)}`, n(0))
        return { r: Math.max(0, out.length - 1), out }
      }
      case nr.RENDEZVOUS:
        return rendezvous(sys, n(0), n(1))
      case nr.STAT:
        return stat(convD2M(await sys.stat(s(0))), n(1))
      case nr.FSTAT:
        return stat(convD2M(await sys.fstat(n(0))), n(1))
      case nr.WSTAT:
        await sys.wstat(s(0), wstat(b(1)))
        return b(1).length
      case nr.FWSTAT:
        await sys.fwstat(n(0), wstat(b(1)))
        return b(1).length
      case nr.RFORK:
        return child === undefined ? sys.rfork(n(0)) : sys.rfork(n(0), sys => this.instance.child(this, child, sys))
      default:
        throw new PlanError(Ebadarg)
    }
  }

  private peek(what: 'mem' | 'regs' | 'segment', addr: number, n: number, data?: Uint8Array): Promise<Uint8Array> {
    if (this.ended) return Promise.reject(new PlanError(Eprocdied))
    const seq = ++this.seq
    return new Promise((resolve, reject) => {
      this.peeks.set(seq, { resolve, reject })
      this.instance.down({ t: 'peek', id: this.id, seq, what, addr, n, ...(data && { data }) })
    })
  }

  read(file: 'mem' | 'regs' | 'segment', n: number, offset: number): Promise<Uint8Array> {
    return this.peek(file, offset, n)
  }

  async write(file: 'mem' | 'regs', data: Uint8Array, offset: number): Promise<void> {
    await this.peek(file, offset, 0, data)
  }

  /** No answer comes any more. */
  over(): void {
    this.ended = true
    for (const peek of this.peeks.values()) peek.reject(new PlanError(Eprocdied))
    this.peeks.clear()
  }

  /** Stops the program where it computes, until it is let go. One in a system call stops when that is done. */
  async stop(): Promise<void> {
    const { p } = this
    const call = await new Promise<boolean>(resolve => {
      this.held = resolve
      this.instance.down({ t: 'hold', id: this.id, on: true })
    })
    if (!call && p.stopreq && !p.dead) await stopme(p)
    this.instance.down({ t: 'hold', id: this.id, on: false })
  }
}

/** Without much else in its buffer, all of which would be posted. */
function alone(b: Uint8Array): Uint8Array {
  return b.buffer.byteLength > 2 * b.length ? b.slice() : b
}

function vlong(n: bigint): Uint8Array {
  return new Uint8Array(new BigInt64Array([n]).buffer)
}

/** At most n bytes of s, the last of them a NUL. */
function cut(s: string, n: number): Uint8Array {
  if (n < 1) throw new PlanError(Ebadarg)
  const out = new Uint8Array(n)
  return out.subarray(0, new TextEncoder().encodeInto(s, out.subarray(0, n - 1)).written + 1)
}

/** As stat(2): of a record that does not fit, its size. */
function stat(record: Uint8Array, n: number): { r: number; out: Uint8Array } {
  if (n < 2) throw new PlanError('stat buffer too small')
  return record.length <= n ? { r: record.length, out: record } : { r: 2, out: record.subarray(0, 2) }
}

function wstat(b: Uint8Array) {
  try {
    return changes(convM2D(b))
  } catch (e) {
    throw e instanceof ProtocolError ? new PlanError('bad stat buffer') : e
  }
}

/** An interrupted one has ~0. */
async function rendezvous(sys: Sys, tag: number, value: number): Promise<number> {
  const other = await sys.rendezvous<unknown>(tag, value)
  return typeof other === 'number' ? other : 0
}
