import type { Dir, Qid } from '../9p/dir.ts'
import { Eintr, PlanError } from '../error.ts'
import type { Image } from './exec.ts'
import type { Kernel } from './kernel.ts'
import type { NoteHandler, Waitmsg } from './sys.ts'

/** The kernel's objects, as portdat.h has them: what is in each, one phrase a field. */

export type Await<T> = T | Promise<T>

/** Chan.flag. */
export const COPEN = 0x0001
/** 9P goes through it: nobody else may read or write it. */
export const CMSG = 0x0002
/** Per file descriptor: closed by exec. */
export const CCEXEC = 0x0004
export const CRCLOSE = 0x0010
export const CCACHE = 0x0020

/** What namec is to do with what it finds. */
export const Aaccess = 'access'
export const Abind = 'bind'
export const Atodir = 'todir'
export const Aopen = 'open'
export const Amount = 'mount'
export const Acreate = 'create'
export const Aremove = 'remove'
export const Aunmount = 'unmount'
export type Amode = 'access' | 'bind' | 'todir' | 'open' | 'mount' | 'create' | 'remove' | 'unmount'

export const MORDER = 3
export const MMASK = 0x17

/** Milliseconds that the host's timers can wait, at most: 25 days. */
export const TIMEMAX = 0x7fffffff

/** Width of a number in the fixed-width text files, its blank included. */
export const NUMSIZE = 12

/**
 * A place in some device's tree. References are counted, since the last close is an event: it ends a pipe, clunks a
 * fid, removes an ORCLOSE file. Who stores one increfs, and ccloses it when done.
 */
export class Chan {
  ref = 1
  readonly type: Dev
  dev = 0
  qid: Qid = { type: 0x80, vers: 0, path: 0n }
  /** The name it was reached by. */
  path: Path | undefined
  mode = 0
  flag = 0
  /** In the fd's view; devoffset is what the device sees, which differs in directories that mountfix rewrites. */
  offset = 0
  devoffset = 0
  iounit = 0
  /** The mount point that c is on top of, when it is open and a union. */
  umh: Mhead | undefined
  /** The member of the union being read, and which it is. */
  umc: Chan | undefined
  uri = 0
  /** The next entry that devdirread makes. */
  dri = 0
  /** Entries that no longer fitted after mountfix. */
  dirrock: Uint8Array[] = []
  ismtpt = false
  /** #M: the channel to the server, and the fid there. */
  mchan: Chan | undefined
  fid = 0
  /** Of a channel that is a server's: what multiplexes 9P on it. */
  mux: Mux | undefined
  /** Its name in /srv. */
  srvname: string | undefined
  /** The device's own. */
  aux: unknown
  constructor(type: Dev) {
    this.type = type
  }
}

/** What a mount channel holds; closed with it. */
export interface Mux {
  close(): void
}

/**
 * The name of a Chan, an element a node. A node is never changed once shared (copied instead).
 * `mtpt` is what the element was mounted on, so that `..` can come back down.
 */
export class Path {
  ref = 1
  readonly s: string
  readonly parent: Path | undefined
  mtpt: Chan | undefined
  constructor(s: string, parent?: Path, mtpt?: Chan) {
    this.s = s
    this.parent = parent
    this.mtpt = mtpt
    if (parent) parent.ref++
    if (mtpt) mtpt.ref++
  }
}

export interface Walkqid {
  /** Absent when not all names were walked. */
  clone: Chan | undefined
  qid: Qid[]
}

/**
 * A device. Names and offsets have been checked; `up` is the process that asks, whose `signal` a device that waits must
 * heed (it then throws Eintr). Calls on one Chan may run alongside each other.
 */
export interface Dev {
  readonly dc: string
  readonly name: string
  attach(up: Proc, spec: string): Await<Chan>
  /** All names or a prefix: the clone is there only when all. @throws PlanError when not even the first is there */
  walk(up: Proc, c: Chan, names: string[]): Await<Walkqid>
  stat(up: Proc, c: Chan): Await<Dir>
  /** The result may be another Chan, with a reference of the caller's; c is then closed. */
  open(up: Proc, c: Chan, omode: number): Await<Chan>
  create(up: Proc, c: Chan, name: string, omode: number, perm: number): Await<Chan>
  close(c: Chan): void | Promise<void>
  /** Of a directory: whole stat records. */
  read(up: Proc, c: Chan, n: number, offset: number): Await<Uint8Array>
  /** Copies what it keeps of data. */
  write(up: Proc, c: Chan, data: Uint8Array, offset: number): Await<number>
  /** The caller closes c no more than by forgetting it: the device's close is not called. */
  remove(up: Proc, c: Chan): Await<void>
  wstat(up: Proc, c: Chan, dir: Partial<Dir>): Await<void>
}

export interface Dirtab {
  name: string
  qid: Qid
  length: number
  perm: number
}

/** One member of a union; to is what is there. */
export interface Mount {
  mountid: number
  to: Chan
  mflag: number
  spec: string
}

/** A mount point. The list is replaced, never changed, so that a reader of it may await. */
export class Mhead {
  ref = 1
  readonly from: Chan
  mount: readonly Mount[] = []
  constructor(from: Chan) {
    this.from = from
    from.ref++
  }
}

/** A name space. */
export class Pgrp {
  ref = 1
  /** By the path of the qid mounted upon. */
  mnthash = new Map<bigint, Mhead[]>()
  /** Device characters that may not be attached any more. */
  notallowed = new Set<string>()
}

export class Fgrp {
  ref = 1
  fd: (Chan | undefined)[] = []
  flag: number[] = []
}

export interface Evalue {
  name: string
  path: bigint
  vers: number
  /** Only the first len bytes count. */
  value: Uint8Array
  len: number
}

export class Egrp {
  ref = 1
  ent = new Map<string, Evalue>()
  bypath = new Map<bigint, Evalue>()
  vers = 0
  /** Bytes of values. */
  alloc = 0
}

export class Rgrp {
  ref = 1
  rend = new Map<unknown, { value: unknown; wake: (value: unknown) => void }>()
}

/** NUser waits while a note is being handled; NDebug and NExit end a process that is handling one. */
export type Noteflag = 'user' | 'debug' | 'exit'
export interface Note {
  msg: string
  flag: Noteflag
}
export const NNOTE = 5

/** What /proc shows and changes of a process that is machine code. @throws PlanError Ebadarg for what is not there */
export interface Memory {
  read(file: 'mem' | 'regs' | 'segment', n: number, offset: number): Promise<Uint8Array>
  write(file: 'mem' | 'regs', data: Uint8Array, offset: number): Promise<void>
  /** stopreq is set: stops also where the program makes no system call. */
  stop(): Promise<void>
}

/** The reason of every abort: without one the host makes an exception with a stack trace each time. */
const interrupted = new PlanError(Eintr)

/** A process. `up`, in the C sources, is an argument here: there is no telling who runs across an await. */
export class Proc {
  readonly k: Kernel
  pid = 0
  /** Its note group. */
  noteid = 0
  parentpid = 0
  parent: Proc | undefined
  nchild = 0
  waitq: Waitmsg[] = []
  waitr: (() => void)[] = []
  /** Somebody waits already. */
  qwaitr = false
  text = ''
  args: string[] = []
  /** What was written to /proc/n/args. */
  setargs: string | undefined
  user: string
  /** Which of the consoles #c is. */
  cons = 0
  /** A process of the kernel's own: no notes. */
  kp = false
  slash: Chan | undefined
  dot: Chan | undefined
  fgrp: Fgrp | undefined
  pgrp: Pgrp | undefined
  egrp: Egrp | undefined
  rgrp: Rgrp | undefined
  /** What it runs, open. */
  textc: Chan | undefined
  image: Image | undefined
  memory: Memory | undefined
  procmode = 0o640
  basepri = 10
  priority = 10

  notify: NoteHandler | undefined
  notes: Note[] = []
  notified = false
  /** A note that has not been looked at: whatever blocks is interrupted. */
  notepending = false
  /** The handler's run under way. */
  delivering: Promise<void> | undefined
  /** The next crossing of the system call boundary has something to see to: a note, a stop. */
  attn = false
  private intr: AbortController | undefined
  /** The program has its signal. */
  private lent = false

  /** Counts programs, and ends with the process: system calls of another generation unwind. */
  gen = 0
  dead = false
  /** Ends the wait for the closes of a process that is exiting. */
  exitnow: (() => void) | undefined
  stopreq = false
  stopped = false
  hang = false
  /** Called at each change of stopped and at exit. */
  stopr: (() => void)[] = []
  startr: (() => void)[] = []

  /** Calls under way, and the name of the latest. */
  incall = 0
  psstate = ''
  /** Milliseconds: when it began; of exited children: user, system, real. */
  starttime = 0
  ctime: [number, number, number] = [0, 0, 0]
  /** Milliseconds that it has computed, where that is known. */
  utime = 0
  alarm: { timer: unknown; when: number } | undefined

  /** Called when an exec has worked. */
  onexec: (() => void) | undefined
  exitstr = ''
  /** The exit status, once all is closed. */
  readonly exited: Promise<string>
  private exitdone!: (status: string) => void

  constructor(k: Kernel, user: string) {
    this.k = k
    this.user = user
    this.exited = new Promise(resolve => {
      this.exitdone = resolve
    })
  }

  /** Aborts when a note comes or the process ends. */
  get signal(): AbortSignal {
    if (this.intr === undefined) {
      this.intr = new AbortController()
      if (this.notepending || this.dead) this.intr.abort(interrupted)
    }
    return this.intr.signal
  }

  /** The same, for the program to wait with. */
  lend(): AbortSignal {
    this.lent = true
    return this.signal
  }

  /** Interrupts what blocks. */
  procinterrupt(): void {
    this.notepending = true
    // An abort costs much, and mostly nobody waits.
    if (this.incall > 0 || this.lent) this.intr?.abort(interrupted)
    else this.intr = undefined
  }

  /** What blocks from here on is not interrupted by what came before. */
  clearinterrupt(): void {
    this.notepending = false
    if (this.intr?.signal.aborted) this.intr = undefined
  }

  /** For exec: interrupts the calls of the old program alone. */
  newinterrupt(): void {
    this.clearinterrupt()
    if (this.incall <= 1 && !this.lent) return
    const old = this.intr
    this.intr = undefined
    this.lent = false
    old?.abort(interrupted)
  }

  finish(status: string): void {
    this.exitdone(status)
  }
}

/**
 * The same process with another signal (and, with fds, file descriptors of its own): in whose name a server of its name
 * space acts. It holds no reference to anything of the process's.
 */
export function shadow(p: Proc, signal: AbortSignal, fgrp?: Fgrp): Proc {
  const own: PropertyDescriptorMap = { signal: { value: signal } }
  if (fgrp) {
    own['fgrp'] = { value: fgrp, writable: true }
    own['gen'] = { value: 1, writable: true }
    own['attn'] = { value: false, writable: true }
    own['incall'] = { value: 0, writable: true }
    own['psstate'] = { value: '', writable: true }
  }
  return Object.create(p, own) as Proc
}
