import { IF, Ucs, UDSEL, Uds, UESEL, Ues, Uflagmask, Uflags, Ufs, Ugs, Upc, Uss, Uwords } from './layout.ts'
import type { Pagein, Segment, Space } from './mem.ts'
import type { Down } from './protocol.ts'

/** What a guest waits for. */
export type Wait =
  | { k: 'call'; seq: number; out: number; max: number; reply?: Reply }
  | { k: 'sem'; seg: Segment; offset: number; timer?: unknown }
  /** That the kernel posts the note of a trap. */
  | { k: 'trap' }
  /** The child of rfork: for the kernel's word. */
  | { k: 'fork' }
  /** The end. */
  | { k: 'exit' }
export type Reply = Extract<Down, { t: 'reply' }>

/** One program in one process. */
export class Guest {
  readonly id: number
  readonly space: Space
  readonly regs = new Int32Array(Uwords)
  /** Where its floating-point state is while it does not run. */
  readonly fx: number
  errstr = ''
  notify = 0
  notified = false
  /** Of the note being handled, where it lies in the program. */
  ureg = 0
  readonly notes: string[] = []
  /** What notes interrupted. */
  readonly saved: { wait: Wait | undefined; retry: boolean; pc: number; sp: number; fx: Uint8Array }[] = []
  wait: Wait | undefined
  /** Bytes of a file that it needs first. */
  page: Pagein | undefined
  /** Its system call begins anew, once they are there. */
  retry = false
  held = false
  queued = false
  /** By rfork, whose floating-point state is on its way. */
  child: Guest | undefined
  /** Its turn was over. */
  spent = false
  dead = false
  /** Milliseconds that it has had of the processor. */
  time = 0

  constructor(id: number, space: Space, fx: number) {
    this.id = id
    this.space = space
    this.fx = fx
  }

  get runnable(): boolean {
    return !this.wait && !this.page && !this.held && !this.dead
  }

  get pc(): number {
    return this.regs[Upc]! >>> 0
  }

  /** Registers from a program's hands: selectors and flags are such as a program may have. */
  sane(): void {
    const { regs } = this
    regs[Ucs] = UESEL
    regs[Uss] = regs[Uds] = regs[Ues] = UDSEL
    regs[Ufs] = regs[Ugs] = 0
    regs[Uflags] = (regs[Uflags]! & Uflagmask) | IF | 2
  }
}
