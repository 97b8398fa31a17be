import { Eintr, PlanError } from '../plan9/error.ts'
import { quoterc } from '../plan9/libc/quote.ts'
import { Enosession, type Settings } from './ctl.ts'

const utf8 = new TextEncoder()

/** Bytes that are only ever added to. */
export class Bytes {
  #buf = new Uint8Array(256)
  length = 0

  add(text: string): void {
    const bytes = utf8.encode(text)
    const need = this.length + bytes.length
    if (need > this.#buf.length) {
      const buf = new Uint8Array(Math.max(need, 2 * this.#buf.length))
      buf.set(this.#buf.subarray(0, this.length))
      this.#buf = buf
    }
    this.#buf.set(bytes, this.length)
    this.length = need
  }

  /** A copy of at most `count` bytes from `offset`. */
  read(offset: number, count: number): Uint8Array {
    return this.#buf.slice(Math.min(offset, this.length), Math.min(offset + count, this.length))
  }
}

/** One generation: all that it made, kept as long as the session or a fid knows of it. */
export class Generation {
  readonly stream = new Bytes()
  /** The lines of the tokens up to the first whose logprob is not known. */
  readonly tokens = new Bytes()
  readonly #ids: number[] = []
  readonly #texts: string[] = []
  /** NaN where it is not known. */
  readonly #logprobs: number[] = []
  #lines = 0
  /** Whether the engine has been told to give the logprobs. */
  watched = false
  /** Positions done, and at most. */
  pos = 0
  readonly steps: number
  /** Set when it is over; `rate` in tokens a second. */
  ended: { rate: number; error?: string } | undefined
  /** Resolves then. */
  readonly over: Promise<void>
  readonly #over: () => void
  /** The engine's number for it; rejects when the engine refused. */
  begun: Promise<number> = Promise.resolve(0)

  constructor(steps: number) {
    this.steps = steps
    let over = () => {}
    this.over = new Promise(resolve => {
      over = resolve
    })
    this.#over = over
  }

  end(rate: number, error?: string): void {
    if (this.ended) return
    this.ended = error === undefined ? { rate } : { rate, error }
    this.#over()
  }

  /** Tokens from position `pos` on, which follow those before. */
  add(pos: number, ids: number[], logprobs: number[], texts: string[]): void {
    this.#ids.push(...ids)
    this.#texts.push(...texts)
    this.#logprobs.push(...logprobs)
    for (const text of texts) this.stream.add(text)
    this.pos = pos + ids.length - 1
    this.#settle()
  }

  /** The positions whose logprobs are the next to be found out, from `from` to `to`; undefined when all are known. */
  unknown(): { from: number; to: number } | undefined {
    if (this.#lines === this.#ids.length) return undefined
    const known = this.#logprobs.findIndex((p, i) => i > this.#lines && !Number.isNaN(p))
    return { from: this.#lines + 1, to: (known < 0 ? this.#ids.length : known) + 1 }
  }

  /** Logprobs of the positions from `from` on. */
  fill(from: number, logprobs: ArrayLike<number>): void {
    for (let i = 0; i < logprobs.length; i++) this.#logprobs[from - 1 + i] = logprobs[i]!
    this.#settle()
  }

  #settle(): void {
    for (let i = this.#lines; i < this.#ids.length; i++) {
      const logprob = this.#logprobs[i]!
      if (Number.isNaN(logprob)) return
      this.tokens.add(`${i + 1} ${this.#ids[i]} ${logprob.toFixed(6)} ${quoterc(this.#texts[i]!)}\n`)
      this.#lines = i + 1
    }
  }
}

/** A session, as its files show it. What it holds on the engine's side goes by its serial number. */
export class Session {
  readonly number: number
  /** Unique for ever; the number is not. */
  readonly serial: number
  /** Who opened clone. */
  readonly uid: string
  settings: Settings
  prompt = new Uint8Array(0)
  current: Generation | undefined
  closed = false
  mtime: number
  readonly #waiting = new Set<() => void>()

  constructor(number: number, serial: number, uid: string, seed: bigint, now: number) {
    this.number = number
    this.serial = serial
    this.uid = uid
    this.settings = { temp: 1, topp: 0.9, seed, steps: 256, shortcuts: true }
    this.mtime = now
  }

  get generating(): boolean {
    return this.current !== undefined && this.current.ended === undefined
  }

  status(): string {
    const g = this.current
    if (!g) return 'idle\n'
    if (!g.ended) return `generating ${g.pos}/${g.steps}\n`
    if (g.ended.error !== undefined) return `error ${g.ended.error}\n`
    return `done ${g.ended.rate.toFixed(2)} tok/s\n`
  }

  /** The prompt as the engine gets it: the one newline that echo puts at the end is not part of it. */
  promptText(): Uint8Array {
    const p = this.prompt
    return p.at(-1) === 10 ? p.slice(0, -1) : p.slice()
  }

  /** To be called after anything a reader may wait for. */
  changed(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /**
   * Waits for the next change.
   *
   * @throws PlanError Eintr when `signal` aborts; Enosession when the session is closed
   */
  async change(signal?: AbortSignal): Promise<void> {
    if (this.closed) throw new PlanError(Enosession)
    if (signal?.aborted) throw new PlanError(Eintr)
    await new Promise<void>((resolve, reject) => {
      const wake = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const abort = () => {
        this.#waiting.delete(wake)
        reject(new PlanError(Eintr))
      }
      this.#waiting.add(wake)
      signal?.addEventListener('abort', abort, { once: true })
    })
    if (this.closed) throw new PlanError(Enosession)
  }
}
