import type { ProgramTable } from '../plan9/kernel/sys.ts'

/** The commands of language models, for a host to put beside the shell's. */
export const llmPrograms: ProgramTable = {
  compare: () => import('./cmd/compare.ts'),
  export: () => import('./cmd/export.ts'),
  llmfs: () => import('./cmd/llmfs.ts'),
  run: () => import('./cmd/run.ts'),
  runq: () => import('./cmd/runq.ts'),
}
