import type { Sys } from '../kernel/sys.ts'
import { eprint } from './sysfatal.ts'

/** Milliseconds that the rate is an average of. */
const WINDOW = 2000
/** Milliseconds between two samples, at least. */
const STEP = 100

/** How far a transfer has come, and how fast it goes now. */
export class Progress {
  bytes = 0
  /** Bytes in all; 0 while that is not known. */
  size = 0
  readonly #now: () => number
  #last = 0
  readonly #samples: { at: number; bytes: number }[] = []

  /** `now` in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#sample()
  }

  add(n: number): void {
    this.bytes += n
    if (this.size > 0) this.bytes = Math.min(this.bytes, this.size)
    this.#sample()
  }

  #sample(): void {
    const at = this.#now()
    this.#last = at
    const last = this.#samples.at(-1)
    if (last && at - last.at < STEP) return
    this.#samples.push({ at, bytes: this.bytes })
    while (this.#samples.length > 1 && at - this.#samples[1]!.at >= WINDOW) this.#samples.shift()
  }

  /** Bytes a second, of the last two seconds or so; 0 at the start. */
  rate(): number {
    const now = this.#now()
    if (now - this.#last >= WINDOW) return 0
    const from = this.#samples.findLast(s => now - s.at >= WINDOW) ?? this.#samples[0]!
    return now > from.at ? (1000 * (this.bytes - from.bytes)) / (now - from.at) : 0
  }

  /** `N/M bytes R MB/s`; without `/M` while that is not known. */
  toString(): string {
    const of = this.size > 0 ? `/${this.size}` : ''
    return `${this.bytes}${of} bytes ${(this.rate() / 1e6).toFixed(1)} MB/s`
  }
}

/** `p`; meanwhile how far it has come goes to standard error, a line a second, and a last one when it is over. */
export async function report<T>(sys: Sys, progress: Progress, p: Promise<T>): Promise<T> {
  const over = p.then(
    () => true,
    () => true,
  )
  for (;;) {
    let timer: unknown
    const second = new Promise<false>(resolve => {
      timer = setTimeout(() => resolve(false), 1000)
    })
    const done = await Promise.race([over, second])
    clearTimeout(timer)
    await eprint(sys, `${progress}\n`)
    if (done) return p
  }
}
