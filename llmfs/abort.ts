import { Eintr, PlanError } from '../plan9/error.ts'

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
