import type { Readable, Writable } from 'node:stream'
import { Ehungup, Eintr, PlanError } from '../../plan9/error.ts'
import type { ConsDriver } from '../../plan9/kernel/sys.ts'

/** A console on streams of the host's, bytes as they are: for standard input, output and error that are no terminal. */
export class StdioCons implements ConsDriver {
  private readonly input: Readable | undefined
  private readonly output: Writable
  private left = new Uint8Array(0)
  private failed: Error | undefined
  private readonly onfail: (err: NodeJS.ErrnoException) => void

  /** `onfail` is told when the output is gone: whoever read it has stopped. */
  constructor(input: Readable | undefined, output: Writable, onfail: (err: NodeJS.ErrnoException) => void) {
    this.input = input
    this.output = output
    this.onfail = onfail
    output.on('error', err => {
      if (!this.failed) this.onfail(err)
      this.failed = err
    })
  }

  async read(n: number, signal: AbortSignal): Promise<Uint8Array> {
    if (this.left.length === 0) {
      const chunk = await this.next(signal)
      if (!chunk) return new Uint8Array(0)
      this.left = new Uint8Array(chunk)
    }
    const data = this.left.subarray(0, n)
    this.left = this.left.subarray(n)
    return data
  }

  /** The stream's next chunk, or null at its end. Nothing is lost when the signal aborts. */
  private next(signal: AbortSignal): Promise<Buffer | null> {
    const { input } = this
    return new Promise((resolve, reject) => {
      if (!input || input.readableEnded || input.destroyed) return resolve(null)
      const done = (f: () => void) => {
        input.off('readable', ready)
        input.off('end', ended)
        input.off('error', ended)
        signal.removeEventListener('abort', abort)
        f()
      }
      const ready = () => {
        const chunk: Buffer | null = input.read()
        if (chunk) done(() => resolve(chunk))
        else if (input.readableEnded) ended()
      }
      const ended = () => done(() => resolve(null))
      const abort = () => done(() => reject(new PlanError(Eintr)))
      if (signal.aborted) return abort()
      input.on('readable', ready)
      input.on('end', ended)
      input.on('error', ended)
      signal.addEventListener('abort', abort, { once: true })
      ready()
    })
  }

  write(data: Uint8Array): Promise<void> {
    if (this.failed) return Promise.reject(new PlanError(Ehungup))
    return new Promise((resolve, reject) => {
      this.output.write(data, err => (err ? reject(new PlanError(Ehungup)) : resolve()))
    })
  }
}
