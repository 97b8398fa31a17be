import { Eintr, PlanError } from '../error.ts'

/** Bytes kept ahead of what is read, at most and about; and behind it, for those who go back a little. */
const AHEAD = 4 << 20
const BEHIND = 4 << 20
/** Milliseconds before each new try, after a connection was lost; the count begins again when bytes have come. */
export const WAITS = [250, 500, 1000, 2000, 4000]
/** Milliseconds without a byte after which a connection is given up. */
export const STALL = 30_000

export const Echanged = 'file changed'
export const Enoranges = 'server sends no ranges: cannot go on from byte'

const REASONS: Record<number, string> = {
  400: 'bad request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not found',
  410: 'gone',
  416: 'range not satisfiable',
  429: 'too many requests',
  500: 'internal server error',
  502: 'bad gateway',
  503: 'service unavailable',
  504: 'gateway timeout',
}

/** The error of a try that another may not have. */
export class Lost extends Error {}

export interface WebOptions {
  /** Where to begin; 0 unless told. */
  from?: number
  /** Ends the opening alone. */
  signal?: AbortSignal
  /** Milliseconds before each try after the first. */
  waits?: readonly number[]
  /** Milliseconds without a byte after which a connection is given up. */
  stall?: number
  /** Takes nothing that a browser has kept: it answers of itself with what the server no longer has. */
  fresh?: boolean
}

/** Why fetch gave no answer. Browsers do not say. */
function unanswered(e: unknown): string {
  const { code } = (e instanceof Error && (e as { cause?: { code?: unknown } }).cause) || {}
  switch (code) {
    case undefined:
      return 'no connection, or the server does not allow other sites (CORS)'
    case 'ECONNREFUSED':
      return 'connection refused'
    case 'ENOTFOUND':
      return 'host not found'
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
      return 'connection lost'
    default:
      return 'no connection'
  }
}

/** Whether a name is to be opened by `Webfile` and not in the name space. */
export const isurl = (name: string): boolean => /^https?:\/\//i.test(name)

/** What of an answer's headers tells where its bytes belong. */
export interface Answer {
  body: Response['body']
  /** Offset of its first byte, and of the byte after its last where that is known. */
  start: number
  end: number | undefined
  size: number | undefined
  etag: string | null
  modified: string | null
  ranges: boolean
  /** Lets go of the connection. */
  done(): void
}

/**
 * A file that a web server has, read by HTTP. One answer streams, ahead of the reader by a few megabytes; a read far from
 * the one before asks for a range. A connection that is lost is taken up again where it ended.
 *
 * Every range must be of the same file as the first: ETag, Last-Modified and size are compared. If-Range would have the
 * server do that, but makes a browser ask for leave first (CORS), which many servers do not give.
 */
export class Webfile {
  readonly url: string
  /** Bytes; undefined when the server does not tell. */
  readonly size: number | undefined
  /** Where the stream begins: `from`, or 0 when the server sent all of the file instead. */
  readonly start: number
  /** Last-Modified, in seconds since the epoch. */
  readonly mtime: number | undefined
  /** A browser shows it of its own site's files, and of others' when they say so. */
  readonly etag: string | undefined
  readonly #first: Answer
  readonly #waits: readonly number[]
  readonly #stall: number
  readonly #fresh: boolean
  /** The bytes at hand: from #low on, up to #high. */
  #chunks: Uint8Array[] = []
  #low: number
  #high: number
  /** What is read next. */
  #want: number
  #ended = false
  #error: PlanError | undefined
  #closed = false
  /** Ends the stream under way. */
  #stop: AbortController
  #waiting: (() => void)[] = []
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(url: string, first: Answer, o: WebOptions, stop: AbortController) {
    this.url = url
    this.size = first.size
    this.start = first.start
    const time = first.modified === null ? Number.NaN : Date.parse(first.modified)
    this.mtime = Number.isNaN(time) ? undefined : Math.floor(time / 1000)
    this.etag = first.etag ?? undefined
    this.#first = first
    this.#waits = o.waits ?? WAITS
    this.#stall = o.stall ?? STALL
    this.#fresh = o.fresh ?? false
    this.#low = first.start
    this.#high = first.start
    this.#want = first.start
    this.#stop = stop
    void this.#stream(stop, first)
  }

  /**
   * Asks for the file. Nothing is tried twice before the first answer.
   *
   * @throws PlanError `bad url`, the status and its name (`404 not found`), why there is no connection, Eintr
   */
  static async open(url: string, options: WebOptions = {}): Promise<Webfile> {
    let href: string
    try {
      href = new URL(url).href
    } catch {
      throw new PlanError('bad url')
    }
    const { from = 0, signal } = options
    const stop = new AbortController()
    const abort = () => stop.abort()
    if (signal?.aborted) throw new PlanError(Eintr)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      return new Webfile(href, await request(href, from, stop.signal, options), options, stop)
    } catch (e) {
      stop.abort()
      if (signal?.aborted) throw new PlanError(Eintr)
      throw e instanceof Lost ? new PlanError(e.message) : e
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Exactly `count` bytes, unless the file ends before; in `into`, or in a buffer of their own. @throws PlanError */
  read(
    offset: number,
    count: number,
    { signal, into }: { signal?: AbortSignal | undefined; into?: Uint8Array | undefined } = {},
  ): Promise<Uint8Array> {
    return this.#queue(async () => {
      const n = this.size === undefined ? count : Math.max(0, Math.min(count, this.size - offset))
      const out = into ? into.subarray(0, n) : new Uint8Array(n)
      let have = 0
      while (have < n) {
        if (!(await this.#at(offset + have, signal))) break
        have += this.#copy(out.subarray(have), offset + have)
      }
      return have === n ? out : into ? out.subarray(0, have) : out.slice(0, have)
    })
  }

  /** At least one byte and at most `count`, unless the file ends there. @throws PlanError */
  readSome(offset: number, count: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return this.#queue(async () => {
      if (!(await this.#at(offset, signal))) return new Uint8Array(0)
      const out = new Uint8Array(Math.min(count, this.#high - offset))
      this.#copy(out, offset)
      return out
    })
  }

  /** Ends the connection; a read under way is `interrupted`. */
  close(): void {
    this.#closed = true
    this.#chunks = []
    this.#stop.abort()
    this.#wake()
  }

  #queue<T>(f: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(f)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** Waits until the byte at `offset` is at hand; false when the file ends before it. */
  async #at(offset: number, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.size !== undefined && offset >= this.size) return false
    const far = this.#first.ranges && offset > this.#high + AHEAD
    if (offset < this.#low || far || (this.#error && offset >= this.#high)) this.#jump(offset)
    this.#want = offset
    this.#wake()
    for (;;) {
      if (this.#closed || signal?.aborted) throw new PlanError(Eintr)
      if (offset < this.#high) return true
      if (this.#error) throw this.#error
      if (this.#ended) return false
      await this.#change(signal)
    }
  }

  #jump(offset: number): void {
    if (this.#closed) return
    this.#stop.abort()
    this.#stop = new AbortController()
    this.#chunks = []
    this.#low = offset
    this.#high = offset
    this.#ended = false
    this.#error = undefined
    void this.#stream(this.#stop)
  }

  /** Copies what is at hand from `offset` on; lets go of what lies far behind it. */
  #copy(out: Uint8Array, offset: number): number {
    let n = 0
    let at = this.#low
    for (const chunk of this.#chunks) {
      const skip = offset + n - at
      if (skip < chunk.length) {
        const part = chunk.subarray(skip, skip + out.length - n)
        out.set(part, n)
        n += part.length
        if (n === out.length) break
      }
      at += chunk.length
    }
    this.#want = offset + n
    this.#forget()
    this.#wake()
    return n
  }

  #forget(): void {
    let drop = 0
    while (drop < this.#chunks.length && this.#low + this.#chunks[drop]!.length <= this.#want - BEHIND)
      this.#low += this.#chunks[drop++]!.length
    if (drop > 0) this.#chunks.splice(0, drop)
  }

  /** Fills the window from #high on, to the end of the file, an error, or `stop`. */
  async #stream(stop: AbortController, first?: Answer): Promise<void> {
    let answer = first
    let tries = 0
    while (!stop.signal.aborted) {
      try {
        if (answer === undefined) {
          answer = await request(this.url, this.#high, stop.signal, { stall: this.#stall, fresh: this.#fresh })
          this.#check(answer)
        }
        const from = this.#high
        await this.#receive(answer, stop, () => {
          tries = 0
        })
        const { size } = this
        if (stop.signal.aborted) return
        if (size === undefined || this.#high >= size) {
          this.#ended = true
          break
        }
        // A server may send less than was asked for.
        if (this.#high !== answer.end || this.#high === from) throw new Lost('connection lost')
      } catch (e) {
        answer?.done()
        if (stop.signal.aborted) return
        const wait = this.size === undefined ? undefined : this.#waits[tries++]
        if (e instanceof PlanError || wait === undefined) {
          const why = e instanceof Lost ? e.message : 'connection lost'
          this.#error = e instanceof PlanError ? e : new PlanError(`${why} at byte ${this.#high}`)
          break
        }
        await delay(wait, stop.signal)
      }
      answer = undefined
    }
    this.#wake()
  }

  async #receive(answer: Answer, stop: AbortController, came: () => void): Promise<void> {
    const reader = answer.body?.getReader()
    while (reader) {
      while (this.#high - this.#want >= AHEAD && !stop.signal.aborted) await this.#change(stop.signal)
      const { done, value } = await within(this.#stall, reader.read())
      if (done || stop.signal.aborted) return
      if (!value || value.length === 0) continue
      came()
      this.#chunks.push(value)
      this.#high += value.length
      this.#forget()
      this.#wake()
    }
  }

  /** @throws PlanError the answer to a further request is not of the same file, from #high on */
  #check(a: Answer): void {
    if (changed(this.#first, a)) throw new PlanError(Echanged)
    if (a.start !== this.#high) throw new PlanError(`${Enoranges} ${this.#high}`)
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async #change(signal: AbortSignal | undefined): Promise<void> {
    let wake = () => {}
    await new Promise<void>(resolve => {
      wake = resolve
      this.#waiting.push(wake)
      signal?.addEventListener('abort', wake, { once: true })
    })
    signal?.removeEventListener('abort', wake)
  }
}

/** Whether two answers cannot be of the same file, by all that both say. */
export function changed(a: Answer, b: Answer): boolean {
  const differ = (x: unknown, y: unknown) => x !== y && x !== null && y !== null && x !== undefined && y !== undefined
  return differ(a.etag, b.etag) || differ(a.modified, b.modified) || differ(a.size, b.size)
}

/** Waits for `p`, and no longer than `ms`. @throws Lost */
export async function within<T>(ms: number, p: Promise<T>): Promise<T> {
  let timer: unknown
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Lost('connection stalled')), ms)
  })
  try {
    return await Promise.race([p, late])
  } finally {
    clearTimeout(timer)
  }
}

export async function delay(ms: number, signal: AbortSignal): Promise<void> {
  let timer: unknown
  let abort = () => {}
  await new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
    abort = resolve
    signal.addEventListener('abort', abort, { once: true })
  })
  signal.removeEventListener('abort', abort)
  clearTimeout(timer)
}

/** A header's decimal number. */
function length(s: string | null | undefined): number | undefined {
  return s !== null && s !== undefined && /^\d{1,15}$/.test(s) ? Number(s) : undefined
}

export interface Asked {
  stall?: number | undefined
  fresh?: boolean | undefined
  /** Offset of the byte behind the last that is wanted. */
  to?: number
}

/**
 * Asks for a file from byte `from` on, as far as there is or up to byte `to`. Range stands in every request, the first too: so the server tells whether it knows
 * ranges, and sends the bytes of the file and no compressed form of them.
 *
 * @throws Lost there is no connection, or the server is busy; PlanError for any other status
 */
export async function request(
  url: string,
  from: number,
  signal: AbortSignal,
  { stall = STALL, to, fresh = false }: Asked = {},
): Promise<Answer> {
  const one = new AbortController()
  const done = () => one.abort()
  try {
    const Range = `bytes=${from}-${to === undefined ? '' : to - 1}`
    const answered = fetch(url, {
      headers: { Range },
      ...(fresh && { cache: 'no-store' }),
      signal: AbortSignal.any([signal, one.signal]),
    })
    const answer = read(await within(stall, answered), from, to === undefined, done)
    if (!answer.body) done()
    return answer
  } catch (e) {
    done()
    throw e instanceof Lost || e instanceof PlanError ? e : new Lost(unanswered(e))
  }
}

/** What an answer to `request` says; `open`: one that names no end. */
function read(res: Response, from: number, open: boolean, done: () => void): Answer {
  const { status, headers, body } = res
  const told = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '')
  const total = length(told?.[3])
  const sent = (headers.get('content-encoding') ?? 'identity') === 'identity' ? headers.get('content-length') : null
  const count = length(sent)
  const answer = { body, etag: headers.get('etag'), modified: headers.get('last-modified'), done }
  switch (status) {
    case 200:
      return { ...answer, start: 0, end: count, size: count, ranges: headers.get('accept-ranges') === 'bytes' }
    case 206: {
      const start = length(told?.[1]) ?? from
      const last = length(told?.[2])
      const end = last !== undefined ? last + 1 : count === undefined ? undefined : start + count
      // To a page of another site a server may show Content-Length and not Content-Range.
      return { ...answer, start, end, size: told ? total : open ? end : undefined, ranges: true }
    }
    case 416:
      if (total !== undefined && from >= total)
        return { ...answer, body: null, start: from, end: from, size: total, ranges: true }
  }
  const reason = `${status} ${REASONS[status] ?? res.statusText.toLowerCase()}`.trim()
  if (status === 408 || status === 429 || status >= 500) throw new Lost(reason)
  throw new PlanError(reason)
}
