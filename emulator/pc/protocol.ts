import type { HostState } from './ip/host.ts'
import type { Streamed } from './mux.ts'

/** What the thread of a PC and the kernel's say to each other. */

/** What is started; drives are read over the protocol. */
export interface Config {
  /** Bytes. */
  memory: number
  kernel?: { multiboot?: Uint8Array; bzimage?: Uint8Array; initrd?: Uint8Array; cmdline?: string }
  bios?: Uint8Array
  vgabios?: Uint8Array
  /** Bytes that each has. */
  hda?: number
  hdb?: number
  net: boolean
  uart1: boolean
  state?: Uint8Array
  host?: HostState
}

export interface Stats {
  host?: HostState
  /** Milliseconds that v86 has computed. */
  computed: number
  /** Bytes read from the images. */
  moved: number
}

/** The stream of serial line n is stream n; those from FIRST on are TCP connections. */
export const FIRST = 2

/** What the kernel asks for; each is answered by `done`, with the result that its line tells. */
export type Call =
  | { op: 'start'; config: Config }
  | { op: 'run' }
  | { op: 'pause' }
  /** { state: Uint8Array, host: HostState | undefined } */
  | { op: 'save' }
  /** Stats */
  | { op: 'stats' }
  /** Connects to a port of the guest: stream s. */
  | { op: 'dial'; port: number; s: number }
  /** Takes the guest's calls to a port: `accepted`. */
  | { op: 'listen'; port: number }
  /** Bytes of a drive as the guest sees it: Uint8Array */
  | { op: 'read'; drive: 0 | 1; offset: number; n: number }
  /** Waits for a change of the screen since that version: { version: number, mode: string } */
  | { op: 'vga'; after: number }
  /** Its text: string; its picture, as image(6): Uint8Array */
  | { op: 'text' }
  | { op: 'screen' }
  | { op: 'keys'; codes: Uint8Array }
  | { op: 'mouse'; dx: number; dy: number; buttons: number }
  /** Gives up a call. */
  | { op: 'flush'; oldseq: number }

export type Down =
  | { t: 'call'; seq: number; call: Call }
  /** The answer to `image`. */
  | { t: 'bytes'; seq: number; bytes?: Uint8Array; err?: string }
  | Streamed

export type Up =
  | { t: 'done'; seq: number; result?: unknown; err?: string }
  /** Bytes of a drive's image are wanted. */
  | { t: 'image'; seq: number; drive: 0 | 1; offset: number; n: number }
  | { t: 'accepted'; s: number; port: number }
  /** The PC is no more. */
  | { t: 'failed'; reason: string }
  | Streamed
