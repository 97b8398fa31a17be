import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where `npm run guest` puts the guest's programs as Linux programs, a folder for each of `machines` and, with sanitizers, `-asan`. */
const built = process.env.GUEST_LINUX ?? join(import.meta.dirname, '..', '..', 'dist', 'guest', 'linux')

export const machines = ['386', 'amd64'] as const

/** A guest's program on Linux: its path. */
export const program = (machine: string, name: string): string => join(built, machine, name)

/** Whether a program is there to test; says so where it is not. */
export function haveProgram(name: string): boolean {
  const missing = machines.map(m => program(m, name)).filter(path => !existsSync(path))
  for (const path of missing) console.warn(`not run: tests of ${path}, which npm run guest makes`)
  return missing.length === 0
}

export interface Ran {
  out: Buffer
  err: string
  /** 0 where it ended well. */
  code: number | null
}

/** Runs a program to its end. */
export function run(path: string, argv: readonly string[], input: string | Uint8Array = ''): Ran {
  const { stdout, stderr, status, error } = spawnSync(path, argv, { input, maxBuffer: 1 << 28 })
  if (error) throw error
  return { out: stdout, err: stderr.toString(), code: status }
}
