import type { ProgramTable } from '../../plan9/kernel/sys.ts'
import type { PcWorker } from './thread.ts'

/** How threads of a PC are made here. */
export const pcWorker: { make: (() => PcWorker) | undefined } = { make: undefined }

export function setPcWorker(how: (() => PcWorker) | undefined): void {
  pcWorker.make = how
}

/** The command of the whole PC, for a host to put beside the shell's. */
export const pcPrograms: ProgramTable = { pc: () => import('./cmd.ts') }
