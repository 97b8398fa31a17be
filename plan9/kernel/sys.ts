import type { Dir } from '../9p/dir.ts'

/** rfork(2)'s bits. */
export const RFNAMEG = 1 << 0
export const RFENVG = 1 << 1
export const RFFDG = 1 << 2
export const RFNOTEG = 1 << 3
export const RFPROC = 1 << 4
export const RFMEM = 1 << 5
export const RFNOWAIT = 1 << 6
export const RFCNAMEG = 1 << 10
export const RFCENVG = 1 << 11
export const RFCFDG = 1 << 12
export const RFREND = 1 << 13
export const RFNOMNT = 1 << 14

/** bind(2)'s flags. */
export const MREPL = 0
export const MBEFORE = 1
export const MAFTER = 2
export const MCREATE = 4
export const MCACHE = 16

/** postnote(2)'s kinds. */
export const PNPROC = 1
export const PNGROUP = 2

/** What wait(2) tells of a child. `msg` is '' for success, else `text pid: exitstr` as Plan 9 makes it. */
export interface Waitmsg {
  pid: number
  /** Milliseconds: user, system, real. */
  time: [number, number, number]
  msg: string
}

/** A note handler: true takes the note and goes on (NCONT), false leaves it to the default, which ends the process (NDFLT). */
export type NoteHandler = (note: string) => boolean | Promise<boolean>

/**
 * A program written in TypeScript: argv[0] is its name, the result its exit status ('' is success).
 * It ends by returning, by `sys.exits`, or by a note that it does not handle.
 */
export type Program = (sys: Sys, argv: string[]) => Promise<string>

/**
 * The system calls of section 2 of the manual, as one process sees them.
 *
 * Every call that can fail rejects with PlanError, whose message is the error string. A call that a note interrupts
 * rejects with PlanError(Eintr) after the note's handler has run. When the process is killed, or exec or exits ends
 * its program, the call rejects with something that is no PlanError: a program catches PlanError only, lets all else
 * pass, and undoes its own things in `finally`.
 *
 * Offsets, counts and sizes are bytes. Buffers that a read returns belong to the caller.
 */
export interface Sys {
  readonly pid: number
  /** Name of the process's owner, as in /dev/user. */
  readonly user: string

  open(name: string, mode: number): Promise<number>
  /** As create(2): truncates the file when it exists, unless OEXCL is in mode. */
  create(name: string, mode: number, perm: number): Promise<number>
  close(fd: number): Promise<void>
  /** newfd -1: the lowest free one. */
  dup(oldfd: number, newfd: number): Promise<number>
  /** At most n bytes from the fd's offset; an empty array is the end of file. A directory yields whole stat records. */
  read(fd: number, n: number): Promise<Uint8Array>
  pread(fd: number, n: number, offset: number): Promise<Uint8Array>
  write(fd: number, data: Uint8Array | string): Promise<number>
  pwrite(fd: number, data: Uint8Array | string, offset: number): Promise<number>
  /** whence 0 from the start, 1 from here, 2 from the end. */
  seek(fd: number, offset: number, whence: number): Promise<number>
  stat(name: string): Promise<Dir>
  fstat(fd: number): Promise<Dir>
  /** Only the members given are changed; the others go out as wstat's don't-touch values. */
  wstat(name: string, dir: Partial<Dir>): Promise<void>
  fwstat(fd: number, dir: Partial<Dir>): Promise<void>
  remove(name: string): Promise<void>
  chdir(name: string): Promise<void>
  fd2path(fd: number): Promise<string>
  pipe(): Promise<[number, number]>

  /** Binds newname onto old. Returns the mount id. */
  bind(newname: string, old: string, flag: number): Promise<number>
  /** Mounts the 9P server behind fd onto old; afd is -1, or an authenticated afid's. The fd is closed for the caller. */
  mount(fd: number, afd: number, old: string, flag: number, aname: string): Promise<number>
  unmount(newname: string | undefined, old: string): Promise<void>

  /**
   * Without RFPROC: changes this process and returns 0. With it: makes a child that runs `child` with a system-call
   * table of its own, and returns its pid. (A promise cannot be forked: what a C program does after `rfork` returned 0
   * is the function here.) RFMEM is accepted; TypeScript programs always share memory.
   */
  rfork(flags: number, child?: (sys: Sys) => Promise<string>): Promise<number>
  /** On success the caller never goes on: the new program runs in the same process, and every call of the old unwinds. */
  exec(name: string, argv: string[]): Promise<never>
  exits(status: string): never
  /** Waits for the next child to exit. @throws PlanError Enochild */
  wait(): Promise<Waitmsg>

  /** A child that rfork made, and a program that exec began, have no handler until they call this. */
  notify(handler: NoteHandler | undefined): void
  postnote(kind: number, pid: number, note: string): Promise<void>
  /** Posts the note "alarm" after ms milliseconds; 0 cancels. Returns what was left of the previous one. */
  alarm(ms: number): number
  sleep(ms: number): Promise<void>
  /** As rendezvous(2), on the process's rendezvous group. */
  rendezvous<T>(tag: unknown, value: T): Promise<T>

  /**
   * Aborts when a note is posted that the process must see: for programs that wait for something outside the kernel
   * (an engine's worker). Such a wait ends by awaiting `attend()`, which delivers the note.
   */
  interrupted(): AbortSignal
  /** Delivers notes that wait, and stops where that was asked for, as each system call does; interrupts none of them. */
  attend(): Promise<void>
}

/**
 * The programs compiled in, by name; loaded when first run. A file whose first line is `#!js NAME` is the program NAME:
 * so they stand in /js/bin as files that can be copied, bound and listed like any others.
 */
export type ProgramTable = Record<string, () => Promise<{ default: Program }>>

/** What stands behind one console, `#c` (or `#cN`): an xterm with its line discipline, a terminal, the host's fd 0 and 1. */
export interface ConsDriver {
  /** At most n bytes, as the line discipline releases them; an empty array is ^D. Aborts with the signal. */
  read(n: number, signal: AbortSignal): Promise<Uint8Array>
  /** Resolves when more can be taken. */
  write(data: Uint8Array): void | Promise<void>
  /** A write to consctl: rawon rawoff holdon holdoff, or the close of the last consctl fd, as 'rawoff'. */
  ctl?(msg: string): void
}
