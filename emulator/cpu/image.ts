import type { Image } from '../../plan9/kernel/exec.ts'
import type { Kernel } from '../../plan9/kernel/kernel.ts'
import type { Cpu } from './cpu.ts'
import type { Down, Up } from './protocol.ts'

/** A thread in which `serveCpu` runs. */
export interface CpuWorker {
  postMessage(downs: Down[]): void
  onmessage(f: (ups: Up[]) => void): void
  /** Resolves with what went wrong when the thread itself ends. */
  readonly failed: Promise<string>
  terminate(): void
}

/** The first bytes of a 386 program: its magic number. */
const I_MAGIC = [0, 0, 1, 0xeb]

/** 386 programs for exec, one processor for all of a kernel's. Nothing is loaded before the first of them. */
export function aoutimage(start: () => CpuWorker): Image {
  const cpus = new WeakMap<Kernel, Cpu>()
  return {
    name: '386',
    async load(file, up, argv) {
      if (I_MAGIC.some((b, i) => file.header[i] !== b)) return undefined
      let cpu = cpus.get(up.k)
      if (!cpu) {
        const { Cpu } = await import('./cpu.ts')
        cpu = cpus.get(up.k) ?? new Cpu(up.k, start)
        cpus.set(up.k, cpu)
      }
      return cpu.load(file, up, argv)
    },
  }
}
