import type { Header } from './mem.ts'

/**
 * What the kernel and the processor's worker tell each other. A guest is one program in one process, named by a number:
 * above 0 when exec made it, below when rfork did. Lists of messages are posted, in order.
 */

/** To the worker. */
export type Down =
  /** A guest begins. `from`: the one whose place it takes, if that was one; it goes. */
  | { t: 'exec'; id: number; from: number; image: number; header: Header; argv: string[]; pid: number }
  /** The result of a call: a number, or the bytes that it asked for; or the error string. */
  | { t: 'reply'; id: number; seq: number; r: number; out?: Uint8Array; err?: string }
  /** What was asked for by `pagein`. */
  | { t: 'page'; image: number; offset: number; bytes: Uint8Array; err?: string }
  /** No guest of this image is left, and none comes. */
  | { t: 'forget'; image: number }
  /** What rfork made begins. */
  | { t: 'fork'; id: number; pid: number }
  | { t: 'note'; id: number; msg: string }
  | { t: 'kill'; id: number }
  /** Stands still, answered by `held`; or goes on. */
  | { t: 'hold'; id: number; on: boolean }
  /** For /proc: answered by `peeked`. */
  | { t: 'peek'; id: number; seq: number; what: 'mem' | 'regs' | 'segment'; addr: number; n: number; data?: Uint8Array }

/** From the worker. */
export type Up =
  /**
   * A system call. `handling`: by the handler of a note; `child`: the guest that rfork is to make, which begins by `fork`;
   * `time`, here and below: milliseconds that the guest has computed.
   */
  | { t: 'call'; id: number; seq: number; num: number; args: Arg[]; handling: boolean; time: number; child?: number }
  | { t: 'pagein'; image: number; offset: number; n: number }
  /** Whether the guest handles notes from now on. */
  | { t: 'notify'; id: number; on: boolean }
  /** A handler is done with a note: NCONT, or NDFLT. */
  | { t: 'noted'; id: number; cont: boolean }
  /** The guest did what it may not; it waits for the note. */
  | { t: 'trap'; id: number; msg: string; time: number }
  /** It has ended. `print`: what fd 2 is told. */
  | { t: 'exits'; id: number; status: string; time: number; print?: string }
  /** `call`: it is in a system call. */
  | { t: 'held'; id: number; call: boolean }
  | { t: 'peeked'; id: number; seq: number; data: Uint8Array; err?: string }
  /** v86 has thrown. Nothing else comes. */
  | { t: 'panic'; msg: string }

/** Numbers as the program passed them, 64-bit ones too; strings; bytes. */
export type Arg = number | string | Uint8Array

/** Bytes of a program's arguments at most; and what each takes beside its own. */
export const ARGMAX = 1024 * 1024
export const ARGSIZE = 5

/** <sys.h>'s numbers. */
export const SYSR1 = 0
export const _ERRSTR = 1
export const BIND = 2
export const CHDIR = 3
export const CLOSE = 4
export const DUP = 5
export const ALARM = 6
export const EXEC = 7
export const EXITS = 8
export const _FSESSION = 9
export const FAUTH = 10
export const _FSTAT = 11
export const SEGBRK = 12
export const _MOUNT = 13
export const OPEN = 14
export const _READ = 15
export const OSEEK = 16
export const SLEEP = 17
export const _STAT = 18
export const RFORK = 19
export const _WRITE = 20
export const PIPE = 21
export const CREATE = 22
export const FD2PATH = 23
export const BRK_ = 24
export const REMOVE = 25
export const _WSTAT = 26
export const _FWSTAT = 27
export const NOTIFY = 28
export const NOTED = 29
export const SEGATTACH = 30
export const SEGDETACH = 31
export const SEGFREE = 32
export const SEGFLUSH = 33
export const RENDEZVOUS = 34
export const UNMOUNT = 35
export const _WAIT = 36
export const SEMACQUIRE = 37
export const SEMRELEASE = 38
export const SEEK = 39
export const FVERSION = 40
export const ERRSTR = 41
export const STAT = 42
export const FSTAT = 43
export const WSTAT = 44
export const FWSTAT = 45
export const MOUNT = 46
export const AWAIT = 47
export const PREAD = 50
export const PWRITE = 51
export const TSEMACQUIRE = 52
export const _NSEC = 53

/**
 * The arguments of the calls that the kernel does, a letter each as they stand on the stack:
 * i an int, u an unsigned one, v a vlong, s a string, S a string or nil, a a list of strings,
 * b the address of bytes going in and after it their number, o the same of bytes to come out, 8 of a vlong to come out,
 * 2 of two ints to come out.
 */
export const signature: Readonly<Record<number, string>> = {
  [BIND]: 'ssi',
  [CHDIR]: 's',
  [CLOSE]: 'i',
  [DUP]: 'ii',
  [ALARM]: 'u',
  [EXEC]: 'sa',
  [FAUTH]: 'is',
  [_MOUNT]: 'isis',
  [OPEN]: 'si',
  [_READ]: 'io',
  [OSEEK]: 'iii',
  [SLEEP]: 'i',
  [RFORK]: 'u',
  [_WRITE]: 'ib',
  [PIPE]: '2',
  [CREATE]: 'siu',
  [FD2PATH]: 'io',
  [REMOVE]: 's',
  [RENDEZVOUS]: 'uu',
  [UNMOUNT]: 'Ss',
  [SEEK]: '8ivi',
  [FVERSION]: 'iio',
  [STAT]: 'so',
  [FSTAT]: 'io',
  [WSTAT]: 'sb',
  [FWSTAT]: 'ib',
  [MOUNT]: 'iisis',
  [AWAIT]: 'o',
  [PREAD]: 'iov',
  [PWRITE]: 'ibv',
  [_NSEC]: '8',
}

/** Those which are known, and no more: by their name in <sys.h>. */
export const old: Readonly<Record<number, string>> = {
  [_FSESSION]: '_fsession',
  [_FSTAT]: '_fstat',
  [_STAT]: '_stat',
  [_WSTAT]: '_wstat',
  [_FWSTAT]: '_fwstat',
  [_WAIT]: '_wait',
}
