import type { ProgramTable } from '../../plan9/kernel/sys.ts'
import type { Cache } from '../image/ranged.ts'
import type { PcWorker } from './thread.ts'

/** How threads of a PC are made here. */
export const pcWorker: { make: (() => PcWorker) | undefined } = { make: undefined }

export function setPcWorker(how: (() => PcWorker) | undefined): void {
  pcWorker.make = how
}

/** Where what was read of an image on the web is kept, by its address; without one in memory, while the PC is on. */
export const imageCache: { open: ((url: string) => Promise<Cache>) | undefined } = { open: undefined }

export function setImageCache(open: ((url: string) => Promise<Cache>) | undefined): void {
  imageCache.open = open
}

/** The command of the whole PC, for a host to put beside the shell's. */
export const pcPrograms: ProgramTable = {
  pc: () => import('./cmd.ts'),
  mkguestdisk: () => import('../disk/mkguestdisk.ts'),
}
