import { ORDWR, OREAD, OWRITE } from '../9p/const.ts'
import { type Conn, serve } from '../9p/server.ts'
import type { Transport } from '../9p/transport.ts'
import { Enoproc, errstr, PlanError } from '../error.ts'
import { devcons, Kmesg } from './devcons.ts'
import { dupdev } from './devdup.ts'
import { envdev, ksetenv } from './devenv.ts'
import { hostchan, hostdev } from './devhost.ts'
import { mntdev } from './devmnt.ts'
import { pipedev } from './devpipe.ts'
import { procdev } from './devproc.ts'
import { rootdev } from './devroot.ts'
import { devsrv, type Srvdev } from './devsrv.ts'
import { tapdev } from './devtap.ts'
import { type Image, jsimage } from './exec.ts'
import { exportsrv } from './export.ts'
import { newnstext, readfile } from './namespace.ts'
import { postnote, postnotepg } from './note.ts'
import { type Dev, Egrp, Fgrp, Path, Pgrp, Proc, Rgrp, shadow } from './portdat.ts'
import { launch, newproc, pexit } from './proc.ts'
import { type ConsDriver, MREPL, PNGROUP, type ProgramTable, type Sys } from './sys.ts'
import { Syscalls } from './syscall.ts'
import { yieldq } from './sysproc.ts'

export interface KernelOptions {
  programs: ProgramTable
  /** The root file server, posted as #s/boot. */
  root: Transport
  /** Other file servers of the host's, posted as #s/NAME. */
  services?: Record<string, Transport>
  /** The consoles, #c0 and on. */
  cons: ConsDriver[]
  /** Who owns the machine, and whom processes run as. */
  user: string
  sysname?: string
  /** $cputype; default js. */
  cputype?: string
  /** Milliseconds since the epoch. */
  now?: () => number
  /** Bytes of memory in use and available, for /dev/swap. */
  memory?: () => { used: number; total: number }
}

export interface StartOptions {
  argv: string[]
  /** The console that #c is. */
  cons: number
  /** Default: where /lib/namespace ends up. */
  dir?: string
  env?: Record<string, string | string[]>
  /** What to open as fds 0, 1 and 2; default /dev/cons. */
  fds?: [string, string, string]
}

/** The name space of a root that has no /lib/namespace. */
const namespace = `mount -cC #s/boot /root $rootspec
bind -ac $rootdir /
bind #c /dev
bind #d /fd
bind -c #e /env
bind #p /proc
bind -c #s /srv
bind /$cputype/bin /bin
bind -a /rc/bin /bin
`

/** Milliseconds that processes may keep the host out. */
const QUANTUM = 10

/** One Plan 9: its devices, its processes, its clock. */
export class Kernel {
  readonly programs: ProgramTable
  readonly cons: ConsDriver[]
  /** The host owner. */
  readonly eve: string
  sysname: string
  readonly cputype: string
  readonly devtab = new Map<string, Dev>()
  /** By pid. */
  readonly procs = new Map<number, Proc>()
  /** What exec understands, in the order in which it is tried. */
  readonly images: Image[] = [jsimage]
  readonly kmesg = new Kmesg()
  readonly stats = { cs: 0, intr: 0, syscall: 0 }
  /** In whose name the kernel reads and writes. */
  readonly kproc: Proc
  readonly memory: () => { used: number; total: number }
  readonly fasthz = 1_000_000_000n
  readonly boottime: number
  /** While the host has its turn: what system calls wait for. */
  parked: Promise<void> | undefined
  private lastturn = performance.now()
  private readonly now: () => number
  /** Milliseconds that the clock was set ahead. */
  private todoff = 0
  private pid = 0
  private readonly srv: Srvdev = devsrv()

  constructor(o: KernelOptions) {
    this.programs = o.programs
    this.cons = o.cons
    this.eve = o.user
    this.sysname = o.sysname ?? 'js'
    this.cputype = o.cputype ?? 'js'
    this.now = o.now ?? (() => performance.timeOrigin + performance.now())
    this.memory = o.memory ?? (() => ({ used: 0, total: 0 }))
    this.boottime = this.seconds()
    for (const d of [rootdev, devcons(this), mntdev, pipedev, this.srv, envdev, procdev, dupdev, hostdev, tapdev])
      this.devtab.set(d.dc, d)
    this.kproc = new Proc(this, o.user)
    this.kproc.kp = true
    this.kproc.text = 'kernel'
    for (const [name, t] of Object.entries({ boot: o.root, ...o.services })) this.post(name, t)
  }

  /** Posts a file server of the host's as #s/NAME. @throws PlanError Eexist */
  post(name: string, t: Transport): void {
    this.srv.post(name, this.eve, 0o600, hostchan(name, t))
  }

  nextpid(): number {
    return ++this.pid
  }

  seconds(): number {
    return Math.floor((this.now() + this.todoff) / 1000)
  }

  /** Nanoseconds since the epoch. */
  todget(): bigint {
    return BigInt(Math.floor((this.now() + this.todoff) * 1000)) * 1000n
  }

  todset(ns: bigint): void {
    this.todoff = Number(ns / 1000n) / 1000 - this.now()
  }

  fastticks(): bigint {
    return BigInt(Math.floor(performance.now() * 1e6))
  }

  /**
   * Gives the host a turn when it has had none for QUANTUM: processes that wait only for each other would let no key
   * press, timer or message in. All system calls wait then, or those that go on would keep the turn.
   */
  preempt(): Promise<void> | undefined {
    if (this.parked === undefined && performance.now() - this.lastturn > QUANTUM)
      this.parked = yieldq().then(() => {
        this.parked = undefined
        this.lastturn = performance.now()
      })
    return this.parked
  }

  /** Prints to /dev/kmesg and /dev/kprint. */
  print(s: string): void {
    this.kmesg.puts(new TextEncoder().encode(s))
  }

  /** Tells of a bug, whole: in kmesg, and where the host's own are told. */
  printerr(where: string, e: unknown): void {
    const text = e instanceof Error ? (e.stack ?? e.message) : String(e)
    this.print(`${where}: ${text}\n`)
    console.error(where, e)
  }

  /** A process with groups of its own, at the root of devroot. */
  private bootproc(cons: number, env: Record<string, string | string[]>): Proc {
    const p = newproc(this, this.eve)
    p.cons = cons
    p.text = 'boot'
    p.pgrp = new Pgrp()
    p.fgrp = new Fgrp()
    p.rgrp = new Rgrp()
    p.egrp = new Egrp()
    const slash = rootdev.attach(p, '')
    if (slash instanceof Promise) throw new Error('devroot waits')
    p.slash = p.dot = slash
    slash.path = new Path('/')
    slash.ref++
    const all = {
      cputype: this.cputype,
      objtype: this.cputype,
      rootdir: '/root',
      rootspec: '',
      srvspec: '',
      service: 'terminal',
      sysname: this.sysname,
      ...env,
    }
    for (const [name, value] of Object.entries(all)) ksetenv(p.egrp, name, value)
    return p
  }

  /** Builds the name space of /lib/namespace on the root server. Lines that fail are told in kmesg. */
  private async bootns(sys: Sys): Promise<void> {
    let text = namespace
    const fd = await sys.open('#s/boot', ORDWR)
    await sys.mount(fd, -1, '/root', MREPL, '')
    try {
      text = new TextDecoder().decode(await readfile(sys, '/root/lib/namespace'))
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      this.print(`boot: ${e.message}: the built-in name space is used\n`)
    }
    await newnstext(sys, sys.user, text, (line, err) => this.print(`namespace: ${line}: ${err}\n`))
  }

  /**
   * Starts a program: in a new process, with a name space, note group and environment of its own. Resolves when it runs.
   * `exited` resolves with its exit status, '' for success, when all it had open is closed.
   *
   * @throws PlanError the program cannot be executed, or the fds, or dir, not opened
   */
  start(o: StartOptions): Promise<{ pid: number; exited: Promise<string> }> {
    const p = this.bootproc(o.cons, o.env ?? {})
    return new Promise((resolve, reject) => {
      p.onexec = () => {
        p.onexec = undefined
        resolve({ pid: p.pid, exited: p.exited })
      }
      p.exited.then(status => reject(new PlanError(status)))
      launch(p, async sys => {
        try {
          await this.bootns(sys)
          const fds = o.fds ?? ['/dev/cons', '/dev/cons', '/dev/cons']
          for (let i = 0; i < 3; i++) {
            const fd = await sys.open(fds[i]!, i === 0 ? OREAD : OWRITE)
            if (fd !== i) {
              await sys.dup(fd, i)
              await sys.close(fd)
            }
          }
          if (o.dir !== undefined) await sys.chdir(o.dir)
          const argv0 = o.argv[0] ?? ''
          return await sys.exec(/^[/#.]/.test(argv0) ? argv0 : `/bin/${argv0}`, o.argv)
        } catch (e) {
          if (e instanceof PlanError) reject(e)
          throw e
        }
      })
    })
  }

  /** Posts a note to a process, or to the note group of one (or, that one gone, the group it led). */
  postnote(kind: number, pid: number, note: string): boolean {
    const p = this.procs.get(pid)
    if (kind !== PNGROUP) return p !== undefined && postnote(p, note)
    postnotepg(this.procs.values(), p?.noteid ?? pid, note)
    return true
  }

  /** Ends a process whatever it does. */
  kill(pid: number): void {
    const p = this.procs.get(pid)
    if (p) pexit(p, 'sys: killed', true)
  }

  /**
   * System calls in a process's name space and current directory, with file descriptors of their own: for whoever acts
   * beside the process, such as the completion of names. Not for rfork, exec, wait or notes. Close what you open.
   *
   * @throws PlanError Enoproc
   */
  sysFor(pid: number): Sys {
    const p = this.procs.get(pid)
    if (!p || p.dead) throw new PlanError(Enoproc)
    return new Syscalls(shadow(p, new AbortController().signal, new Fgrp()), 1)
  }

  /**
   * Serves a process's name space as it is at each moment; without pid, one built for the purpose. Ends with the
   * connection. When the process exits every request is refused.
   *
   * @throws PlanError Enoproc
   */
  export(t: Transport, o: { pid?: number; name?: string } = {}): Conn {
    const name = o.name ?? 'export'
    if (o.pid !== undefined) {
      const p = this.procs.get(o.pid)
      if (!p || p.dead) throw new PlanError(Enoproc)
      return serve(t, exportsrv(p), { name })
    }
    const p = this.bootproc(0, {})
    p.text = 'exportfs'
    const ready = new Promise<void>(resolve => {
      launch(p, async sys => {
        await this.bootns(sys).catch(e => {
          if (!(e instanceof PlanError)) throw e
          this.print(`exportfs: ${errstr(e)}\n`)
        })
        resolve()
        return new Promise(() => {})
      })
    })
    const srv = exportsrv(p, () => pexit(p, ''))
    const { attach } = srv
    return serve(t, { ...srv, attach: (u, a, req) => ready.then(() => attach.call(srv, u, a, req)) }, { name })
  }
}
