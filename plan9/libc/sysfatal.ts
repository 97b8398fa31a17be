import { PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'

/** The error string of a failed system call. What is no PlanError is not ours to handle: it is thrown on. */
export function r(e: unknown): string {
  if (e instanceof PlanError) return e.message
  throw e
}

/** fprint(2, ...): standard error that cannot be written to is nobody's trouble. */
export async function eprint(sys: Sys, s: string): Promise<void> {
  await attempt(sys.write(2, s))
}

/** Prints `argv0: msg` to standard error and ends the program with the status msg, as perror(2) has it. */
export async function sysfatal(sys: Sys, argv0: string, msg: string): Promise<never> {
  await eprint(sys, `${argv0}: ${msg}\n`)
  return sys.exits(msg)
}

/** The value of a system call, or undefined with the error string in `onerror`'s hands. */
export async function attempt<T>(p: Promise<T>, onerror?: (err: string) => Promise<unknown>): Promise<T | undefined> {
  try {
    return await p
  } catch (e) {
    const err = r(e)
    await onerror?.(err)
    return undefined
  }
}
