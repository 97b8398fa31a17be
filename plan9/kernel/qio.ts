import { MSIZE } from '../9p/const.ts'
import { Ehungup, Eintr, PlanError } from '../error.ts'

/** Where processes wait for an event. */
export class Rendez {
  private waiters = new Set<() => void>()

  /** Until the next wakeup. @throws PlanError Eintr when the signal aborts first */
  sleep(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(new PlanError(Eintr))
    return new Promise((resolve, reject) => {
      const woken = () => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }
      const aborted = () => {
        this.waiters.delete(woken)
        reject(new PlanError(Eintr))
      }
      this.waiters.add(woken)
      signal.addEventListener('abort', aborted, { once: true })
    })
  }

  wakeup(): void {
    if (this.waiters.size === 0) return
    const all = [...this.waiters]
    this.waiters.clear()
    for (const w of all) w()
  }
}

/** Waits for p, or for the signal. What p then comes to is dropped. @throws PlanError Eintr */
export function orintr<T>(p: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(new PlanError(Eintr))
    if (signal.aborted) {
      p.catch(() => {})
      return aborted()
    }
    signal.addEventListener('abort', aborted, { once: true })
    p.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}

/** Bytes of one block at most: a write up to this (any 9P message of ours) is one block, read whole. */
export const qiomaxatomic = MSIZE
const empty = new Uint8Array(0)

/**
 * A queue of blocks of bytes, with a limit. One write makes one block (of more than qiomaxatomic bytes: several, in
 * one piece), and a read takes from one block only. A write of no bytes is an end of file that a reader sees once.
 */
export class Queue {
  /** Bytes waiting. */
  len = 0
  limit: number
  private blocks: Uint8Array[] = []
  private head = 0
  /** No more will be written: readers drain it, then see the end. */
  private hungup = false
  /** Nobody reads any more. */
  private closed = false
  private readers = new Rendez()
  private writers = new Rendez()
  /** A write of many blocks is under way. */
  private wlock = false

  constructor(limit: number) {
    this.limit = limit
  }

  qread(n: number, signal: () => AbortSignal): Uint8Array | Promise<Uint8Array> {
    if (this.head < this.blocks.length) return this.take(n)
    if (this.hungup || this.closed) return empty
    return this.qwait(n, signal())
  }

  private async qwait(n: number, signal: AbortSignal): Promise<Uint8Array> {
    while (this.head >= this.blocks.length) {
      if (this.hungup || this.closed) return empty
      await this.readers.sleep(signal)
    }
    return this.take(n)
  }

  private take(n: number): Uint8Array {
    let b = this.blocks[this.head]!
    if (b.length > n) {
      this.blocks[this.head] = b.subarray(n)
      b = b.subarray(0, n)
    } else {
      this.blocks[this.head++] = empty
      if (this.head === this.blocks.length || this.head > 256) {
        this.blocks.splice(0, this.head)
        this.head = 0
      }
    }
    const full = this.len >= this.limit
    this.len -= b.length
    if (full && this.len < this.limit) this.writers.wakeup()
    if (this.head < this.blocks.length) this.readers.wakeup()
    return b
  }

  private put(b: Uint8Array): void {
    this.blocks.push(b)
    this.len += b.length
    this.readers.wakeup()
  }

  /** Copies data. @throws PlanError Ehungup */
  qwrite(data: Uint8Array, signal: () => AbortSignal): number | Promise<number> {
    if (this.closed || this.hungup) throw new PlanError(Ehungup)
    if (this.len < this.limit && data.length <= qiomaxatomic && !this.wlock) {
      this.put(data.slice())
      return data.length
    }
    return this.qwriteall(data, signal())
  }

  private async qwriteall(data: Uint8Array, signal: AbortSignal): Promise<number> {
    while (this.wlock) await this.writers.sleep(signal)
    this.wlock = true
    try {
      let n = 0
      do {
        while (this.len >= this.limit && !this.closed && !this.hungup) await this.writers.sleep(signal)
        if (this.closed || this.hungup) throw new PlanError(Ehungup)
        const b = data.slice(n, n + qiomaxatomic)
        this.put(b)
        n += b.length
      } while (n < data.length)
      return n
    } finally {
      this.wlock = false
      this.writers.wakeup()
    }
  }

  /** The writing end has gone. */
  qhangup(): void {
    this.hungup = true
    this.readers.wakeup()
    this.writers.wakeup()
  }

  /** The reading end has gone, and what was queued with it. */
  qclose(): void {
    this.closed = true
    this.blocks = []
    this.head = 0
    this.len = 0
    this.readers.wakeup()
    this.writers.wakeup()
  }

  qreopen(): void {
    this.closed = false
    this.hungup = false
  }
}
