import { Eintr, PlanError } from '../../plan9/error.ts'
import { type Answer, changed, delay, Echanged, Lost, request, STALL, WAITS, within } from '../../plan9/libc/http.ts'
import type { Blocks } from '../disk/blocks.ts'

/** An image that stays where it is on the web: what is read of it is fetched, by ranges, and kept. */

/** Bytes that are asked for and kept as one. */
export const BLOCK = 256 * 1024
/** Blocks of one request at most, and requests at a time. */
const RUN = 16
const PARALLEL = 4
/** Blocks that are fetched ahead of one who reads on, at first and at most. */
const AHEAD = 2
const MOST = 16

/** Which file a cache is of. */
export interface Identity {
  url: string
  size: number
  etag?: string
  modified?: string
}

/** Blocks that have been fetched. What it throws is as if it had nothing: it is asked for the block another time. */
export interface Cache {
  /** Of the last `begin`; undefined for a new one. */
  readonly of: Identity | undefined
  /** Forgets all, and is from now on of this file. */
  begin(of: Identity): Promise<void>
  has(k: number): boolean
  read(k: number): Promise<Uint8Array | undefined>
  write(k: number, data: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** A cache in memory: of this many bytes at most, the blocks that were read last. */
export class MemoryCache implements Cache {
  of: Identity | undefined
  private readonly blocks = new Map<number, Uint8Array>()
  private readonly most: number

  constructor(bytes = 64 << 20) {
    this.most = Math.max(1, Math.floor(bytes / BLOCK))
  }

  async begin(of: Identity): Promise<void> {
    this.of = of
    this.blocks.clear()
  }

  has(k: number): boolean {
    return this.blocks.has(k)
  }

  async read(k: number): Promise<Uint8Array | undefined> {
    const b = this.blocks.get(k)
    if (b) await this.write(k, b)
    return b
  }

  async write(k: number, data: Uint8Array): Promise<void> {
    this.blocks.delete(k)
    this.blocks.set(k, data)
    for (const old of this.blocks.keys()) {
      if (this.blocks.size <= this.most) break
      this.blocks.delete(old)
    }
  }

  async close(): Promise<void> {}
}

export interface RangedOptions {
  cache?: Cache
  /** Ends the opening alone. */
  signal?: AbortSignal
  /** Milliseconds before each try after the first; without a byte, after which a connection is given up. */
  waits?: readonly number[]
  stall?: number
}

/** A block that is on its way. */
interface Pending {
  promise: Promise<Uint8Array>
  resolve(b: Uint8Array): void
  reject(e: unknown): void
}

function pending(): Pending {
  const p = {} as Pending
  p.promise = new Promise((resolve, reject) => {
    p.resolve = resolve
    p.reject = reject
  })
  // Nobody may wait for what is fetched ahead.
  p.promise.catch(() => {})
  return p
}

export class Ranged implements Blocks {
  readonly url: string
  readonly size: number
  /** Bytes that came over the net so far, and requests that were made. */
  moved = 0
  requests = 0
  private readonly first: Answer
  private readonly cache: Cache
  private readonly waits: readonly number[]
  private readonly stall: number
  private readonly stop = new AbortController()
  private readonly pending = new Map<number, Pending>()
  /** Of these, the ones that no request has asked for yet. */
  private readonly queue = new Set<number>()
  private active = 0
  private pumping = false
  /** Where the last read ended, and how many blocks ahead of it are fetched. */
  private end = 0
  private ahead = 0

  private constructor(url: string, first: Answer, size: number, cache: Cache, o: RangedOptions) {
    this.url = url
    this.first = first
    this.size = size
    this.cache = cache
    this.waits = o.waits ?? WAITS
    this.stall = o.stall ?? STALL
  }

  /**
   * Asks for the first bytes: how many there are, and whether the server sends ranges.
   *
   * @throws PlanError it does not, or does not tell the size; what is wrong with the address or the answer; Eintr
   */
  static async open(url: string, o: RangedOptions = {}): Promise<Ranged> {
    let href: string
    try {
      href = new URL(url).href
    } catch {
      throw new PlanError('bad url')
    }
    const stop = new AbortController()
    const signal = o.signal ? AbortSignal.any([o.signal, stop.signal]) : stop.signal
    try {
      let first = await request(href, 0, signal, { stall: o.stall, to: 1, fresh: true })
      if (!first.ranges || first.end !== Math.min(1, first.size ?? 1))
        throw new PlanError('server sends no ranges: fetch the file whole')
      let { size } = first
      if (size === undefined) {
        // A page of another site is not shown the size of the file, but that of an answer.
        const whole = await request(href, 0, signal, { stall: o.stall, fresh: true })
        size = whole.size
        whole.done()
        if (size === undefined) throw new PlanError('server does not tell the size')
        first = { ...first, size }
      }
      const cache = o.cache ?? new MemoryCache()
      const of: Identity = { url: href, size }
      if (first.etag !== null) of.etag = first.etag
      if (first.modified !== null) of.modified = first.modified
      const { of: was } = cache
      const known = was && (of.etag ?? of.modified) !== undefined
      if (!known || was.url !== href || was.size !== size || was.etag !== of.etag || was.modified !== of.modified)
        await cache.begin(of)
      const r = new Ranged(href, first, size, cache, o)
      r.moved = 1
      r.requests = 1
      return r
    } catch (e) {
      if (o.signal?.aborted) throw new PlanError(Eintr)
      throw e instanceof Lost ? new PlanError(e.message) : e
    } finally {
      stop.abort()
    }
  }

  /** @throws PlanError the file changed; the server cannot be had, or refuses */
  async read(offset: number, n: number): Promise<Uint8Array> {
    const end = Math.min(offset + n, this.size)
    if (offset >= end) return new Uint8Array(0)
    const first = Math.floor(offset / BLOCK)
    const last = Math.floor((end - 1) / BLOCK)
    const blocks: Promise<Uint8Array>[] = []
    for (let k = first; k <= last; k++) blocks.push(this.block(k))
    this.readahead(offset, end, last)
    const parts = await Promise.all(blocks)
    if (first === last) return parts[0]!.slice(offset - first * BLOCK, end - first * BLOCK)
    const out = new Uint8Array(end - offset)
    parts.forEach((b, i) => {
      const at = (first + i) * BLOCK
      const from = Math.max(offset - at, 0)
      out.set(b.subarray(from, end - at), at + from - offset)
    })
    return out
  }

  /** Ends what is under way: reads that wait are interrupted. */
  async close(): Promise<void> {
    this.stop.abort()
    for (const p of this.pending.values()) p.reject(new PlanError(Eintr))
    await this.cache.close()
  }

  /** One who reads on where he ended gets the more ahead, the longer he does. */
  private readahead(offset: number, end: number, last: number): void {
    this.ahead = offset === this.end && offset > 0 ? Math.min(Math.max(AHEAD, this.ahead * 2), MOST) : 0
    this.end = end
    const most = Math.min(last + this.ahead, Math.floor((this.size - 1) / BLOCK))
    for (let k = last + 1; k <= most; k++) if (!this.cache.has(k)) this.want(k)
  }

  private async block(k: number): Promise<Uint8Array> {
    const p = this.pending.get(k)
    if (p) return p.promise
    if (this.cache.has(k)) {
      const b = await this.cache.read(k).catch(() => undefined)
      if (b) return b
    }
    return this.want(k)
  }

  private want(k: number): Promise<Uint8Array> {
    let p = this.pending.get(k)
    if (!p) {
      p = pending()
      this.pending.set(k, p)
      this.queue.add(k)
      this.pump()
    }
    return p.promise
  }

  /** Makes requests of what is wanted, neighbours in one; a moment later, when all that is wanted now is known. */
  private pump(): void {
    if (this.pumping) return
    this.pumping = true
    queueMicrotask(() => {
      this.pumping = false
      while (this.active < PARALLEL && this.queue.size > 0) {
        let [from] = this.queue as Iterable<number> as [number]
        while (this.queue.has(from - 1)) from--
        let to = from
        while (to - from < RUN && this.queue.delete(to)) to++
        this.active++
        void this.run(from, to).finally(() => {
          this.active--
          this.pump()
        })
      }
    })
  }

  /** Fetches blocks [from, to). */
  private async run(from: number, to: number): Promise<void> {
    let k = from
    for (let tries = 0; k < to; ) {
      const begun = k
      try {
        k = await this.fetch(k, to, done => {
          k = done
        })
        tries = 0
      } catch (e) {
        if (k > begun) tries = 0
        const wait = this.waits[tries++]
        if (this.stop.signal.aborted || !(e instanceof Lost) || wait === undefined) {
          const why = this.stop.signal.aborted ? new PlanError(Eintr) : e instanceof Lost ? new PlanError(e.message) : e
          for (; k < to; k++) this.settle(k, p => p.reject(why))
          return
        }
        await delay(wait, this.stop.signal)
      }
    }
  }

  private settle(k: number, f: (p: Pending) => void): void {
    const p = this.pending.get(k)
    this.pending.delete(k)
    if (p) f(p)
  }

  /** One request; `got` is told the first block that has not come. Returns that too. @throws Lost, PlanError */
  private async fetch(from: number, to: number, got: (k: number) => void): Promise<number> {
    this.requests++
    const start = from * BLOCK
    const a = await request(this.url, start, this.stop.signal, {
      stall: this.stall,
      to: Math.min(to * BLOCK, this.size),
      fresh: true,
    })
    try {
      if (changed(this.first, a)) throw new PlanError(Echanged)
      if (!a.ranges || a.start !== start) throw new PlanError('server sends no ranges')
      const reader = a.body?.getReader()
      let k = from
      let block = new Uint8Array(Math.min(BLOCK, this.size - start))
      let n = 0
      while (reader && k < to) {
        const { done, value } = await within(this.stall, this.lost(reader.read()))
        if (done) break
        if (!value) continue
        this.moved += value.length
        for (let i = 0; i < value.length && k < to; ) {
          const part = value.subarray(i, i + block.length - n)
          block.set(part, n)
          n += part.length
          i += part.length
          if (n < block.length) continue
          this.came(k++, block)
          got(k)
          block = new Uint8Array(Math.max(0, Math.min(BLOCK, this.size - k * BLOCK)))
          n = 0
        }
      }
      // A server may send less than was asked for, but not nothing.
      if (k === from) throw new Lost('connection lost')
      return k
    } finally {
      a.done()
    }
  }

  private async lost<T>(p: Promise<T>): Promise<T> {
    try {
      return await p
    } catch {
      throw new Lost('connection lost')
    }
  }

  /** Who waits for it has it now; it is on its way until it is kept. */
  private came(k: number, block: Uint8Array): void {
    this.pending.get(k)?.resolve(block)
    this.cache
      .write(k, block)
      .catch(() => {})
      .finally(() => this.pending.delete(k))
  }
}
