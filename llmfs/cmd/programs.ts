import type { ProgramTable } from '../../plan9/kernel/sys.ts'

/** llmfs(4), run(1) and export(1), to stand beside the shell's programs. */
export const programs: ProgramTable = {
  export: () => import('./export.ts'),
  llmfs: () => import('./llmfs.ts'),
  run: () => import('./run.ts'),
  runq: () => import('./runq.ts'),
}
