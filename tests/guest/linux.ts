import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const machines = ['386', 'amd64'] as const

/** A guest's program as a Linux program, of one of `machines` or, with sanitizers, of one with `-asan`. */
export function program(machine: string, name: string): string {
  const path = join(import.meta.dirname, '..', '..', 'dist', 'guest', 'linux', machine, name)
  if (!existsSync(path)) throw new Error(`${path} is missing: npm run guest linux makes it`)
  return path
}

export interface Ran {
  out: Buffer
  err: string
  /** 0 where it ended well; null where a signal ended it. */
  code: number | null
}

/** Runs a program to its end. */
export function run(path: string, argv: readonly string[], input: string | Uint8Array = ''): Ran {
  const { stdout, stderr, status, error } = spawnSync(path, argv, { input, maxBuffer: 1 << 28 })
  // EPIPE: it ended before it had read all.
  if (error && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  return { out: stdout, err: stderr.toString(), code: status }
}
