import type { Dir } from '../9p/dir.ts'
import { Eio, PlanError } from '../error.ts'
import { sysexec } from './exec.ts'
import { deliver, procalarm } from './note.ts'
import type { Await, Proc } from './portdat.ts'
import { pexit, pwait, stopme, Unwind, unwind } from './proc.ts'
import type { NoteHandler, Sys, Waitmsg } from './sys.ts'
import * as file from './sysfile.ts'
import * as proc from './sysproc.ts'

const encoder = new TextEncoder()

function bytes(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? encoder.encode(data) : data
}

/** The system-call table of one program in one process, and the boundary between the two. */
export class Syscalls implements Sys {
  private readonly up: Proc
  private readonly gen: number

  constructor(up: Proc, gen: number) {
    this.up = up
    this.gen = gen
  }

  get pid(): number {
    return this.up.pid
  }

  get user(): string {
    return this.up.user
  }

  /**
   * Goes in, does f, and comes out. Notes that came while the program ran are seen to on the way in, and interrupt f
   * where it would wait: it may be just what they are to end. Those that come meanwhile are seen to on the way out,
   * before the caller hears of the result or of the interruption.
   */
  private async call<T>(name: string, f: (up: Proc) => Await<T>): Promise<T> {
    const { up, gen } = this
    const { k } = up
    if ((++k.stats.syscall & 63) === 0 || k.parked) {
      const parked = k.preempt()
      if (parked) await parked
    }
    if (up.gen !== gen) throw unwind
    let late = false
    if (up.attn && !up.delivering) {
      late = up.notepending
      await this.attend()
      if (late) up.procinterrupt()
    }
    const handling = up.delivering
    up.incall++
    up.psstate = name
    let result: T | undefined
    let err: unknown
    try {
      const r = f(up)
      result = r instanceof Promise ? await this.blocked(r) : r
    } catch (e) {
      err = this.refusal(name, e)
    }
    up.incall--
    if (up.attn || up.gen !== gen) {
      if (up.delivering && up.delivering === handling) up.clearinterrupt()
      else await this.attend()
      if (up.gen !== gen) throw unwind
    } else if (late) up.clearinterrupt()
    if (err !== undefined) throw err
    return result as T
  }

  /** What a program is told of something thrown: bugs of the kernel are logged, and are i/o errors. */
  private refusal(name: string, e: unknown): unknown {
    if (e instanceof PlanError || e instanceof Unwind) return e
    const { up } = this
    if (up.gen === this.gen) up.k.printerr(`${up.text} ${up.pid}: ${name}`, e)
    return new PlanError(Eio)
  }

  private blocked<T>(r: Promise<T>): Promise<T> {
    this.up.k.stats.cs++
    return r
  }

  /** Runs the note handler, or waits for its run under way: for calls that began before it did. Stops when told to. */
  async attend(): Promise<void> {
    const { up, gen } = this
    if (up.gen === gen && (up.notes.length > 0 || up.notepending) && !up.delivering) {
      const run: Promise<void> = Promise.resolve()
        .then(() => deliver(up))
        .finally(() => {
          if (up.delivering === run) up.delivering = undefined
        })
      up.delivering = run
    }
    if (up.delivering) await up.delivering
    while (up.stopreq && up.gen === gen) await stopme(up)
    if (up.gen !== gen) throw unwind
  }

  open(name: string, mode: number): Promise<number> {
    return this.call('Open', up => file.sysopen(up, name, mode))
  }

  create(name: string, mode: number, perm: number): Promise<number> {
    return this.call('Create', up => file.syscreate(up, name, mode, perm))
  }

  close(fd: number): Promise<void> {
    return this.call('Close', up => file.sysclose(up, fd))
  }

  dup(oldfd: number, newfd: number): Promise<number> {
    return this.call('Dup', up => file.sysdup(up, oldfd, newfd))
  }

  read(fd: number, n: number): Promise<Uint8Array> {
    return this.call('Pread', up => file.sysread(up, fd, n))
  }

  pread(fd: number, n: number, offset: number): Promise<Uint8Array> {
    return this.call('Pread', up => file.sysread(up, fd, n, offset))
  }

  write(fd: number, data: Uint8Array | string): Promise<number> {
    return this.call('Pwrite', up => file.syswrite(up, fd, bytes(data)))
  }

  pwrite(fd: number, data: Uint8Array | string, offset: number): Promise<number> {
    return this.call('Pwrite', up => file.syswrite(up, fd, bytes(data), offset))
  }

  seek(fd: number, offset: number, whence: number): Promise<number> {
    return this.call('Seek', up => file.sysseek(up, fd, offset, whence))
  }

  stat(name: string): Promise<Dir> {
    return this.call('Stat', up => file.sysstat(up, name))
  }

  fstat(fd: number): Promise<Dir> {
    return this.call('Fstat', up => file.sysfstat(up, fd))
  }

  wstat(name: string, dir: Partial<Dir>): Promise<void> {
    return this.call('Wstat', up => file.syswstat(up, name, dir))
  }

  fwstat(fd: number, dir: Partial<Dir>): Promise<void> {
    return this.call('Fwstat', up => file.sysfwstat(up, fd, dir))
  }

  remove(name: string): Promise<void> {
    return this.call('Remove', up => file.sysremove(up, name))
  }

  chdir(name: string): Promise<void> {
    return this.call('Chdir', up => file.syschdir(up, name))
  }

  fd2path(fd: number): Promise<string> {
    return this.call('Fd2path', up => file.sysfd2path(up, fd))
  }

  pipe(): Promise<[number, number]> {
    return this.call('Pipe', up => file.syspipe(up))
  }

  bind(newname: string, old: string, flag: number): Promise<number> {
    return this.call('Bind', up => file.sysbind(up, newname, old, flag))
  }

  mount(fd: number, afd: number, old: string, flag: number, aname: string): Promise<number> {
    return this.call('Mount', up => file.sysmount(up, fd, afd, old, flag, aname))
  }

  unmount(newname: string | undefined, old: string): Promise<void> {
    return this.call('Unmount', up => file.sysunmount(up, newname, old))
  }

  rfork(flags: number, child?: (sys: Sys) => Promise<string>): Promise<number> {
    return this.call('Rfork', up => proc.sysrfork(up, flags, child))
  }

  exec(name: string, argv: string[]): Promise<never> {
    return this.call('Exec', up => sysexec(up, name, argv))
  }

  exits(status: string): never {
    if (this.up.gen === this.gen) pexit(this.up, status)
    throw unwind
  }

  wait(): Promise<Waitmsg> {
    return this.call('Await', up => pwait(up, up))
  }

  notify(handler: NoteHandler | undefined): void {
    if (this.up.gen !== this.gen) throw unwind
    this.up.notify = handler
  }

  postnote(kind: number, pid: number, note: string): Promise<void> {
    return this.call('Pwrite', up => proc.syspostnote(up, kind, pid, note))
  }

  alarm(ms: number): number {
    if (this.up.gen !== this.gen) throw unwind
    return procalarm(this.up, ms)
  }

  sleep(ms: number): Promise<void> {
    return this.call('Sleep', up => proc.syssleep(up, ms))
  }

  rendezvous<T>(tag: unknown, value: T): Promise<T> {
    return this.call('Rendez', up => proc.sysrendezvous(up, tag, value)) as Promise<T>
  }

  interrupted(): AbortSignal {
    return this.up.gen === this.gen ? this.up.lend() : AbortSignal.abort()
  }
}
