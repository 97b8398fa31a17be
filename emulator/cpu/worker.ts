import type { Parts } from '../v86.ts'
import { Machine } from './machine.ts'
import type { Down, Up } from './protocol.ts'
import { type Emulator, X86 } from './v86.ts'

/** Bytes of memory that the processor has. */
const MEMORY = 512 * 1024 * 1024

/** The thread of a processor, on whose port the lists of messages come and go: protocol.ts. */
export interface CpuPort {
  postMessage(ups: Up[]): void
  onmessage(f: (downs: Down[]) => void): void
}

/** Runs a processor until it panics. Messages that come before it is up wait. Resolves when it is up, or is not to be. */
export async function serveCpu(port: CpuPort, parts: () => Promise<Parts<Emulator>>): Promise<Machine> {
  const machine = new Machine(ups => port.postMessage(ups))
  const early: Down[] = []
  port.onmessage(downs => early.push(...downs))
  const panic = (msg: string) => port.postMessage([{ t: 'panic', msg }])
  try {
    const x86 = await X86.start(await parts(), MEMORY, {
      trap: () => machine.trap(),
      pause: () => machine.pause(),
      tick: now => machine.tick(now),
      panic,
    })
    machine.post(early)
    port.onmessage(downs => machine.post(downs))
    machine.start(x86)
  } catch (e) {
    panic(e instanceof Error ? e.message : String(e))
  }
  return machine
}
