import { Eintr, PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'

/** `p`, unless `signal` aborts first. What becomes of `p` then is nobody's business. @throws PlanError Eintr */
export async function orAbort<T>(p: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return p
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new PlanError(Eintr))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([aborted, p])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** `p`, which is nothing of the kernel's, to be ended by a note as a system call is. */
export async function orNote<T>(sys: Sys, p: Promise<T>): Promise<T> {
  const note = sys.interrupted()
  try {
    return await orAbort(p, note)
  } catch (e) {
    if (note.aborted) await sys.attend()
    throw e
  }
}
