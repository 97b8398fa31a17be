import type { ByteStream } from '../../plan9/9p/framer.ts'
import { PlanError } from '../../plan9/error.ts'

/** Streams of bytes between two threads, by number, over the port that they have. */
export type Streamed =
  | { t: 'data'; s: number; bytes: Uint8Array }
  /** Nothing comes any more. */
  | { t: 'end'; s: number }
  /** The other side has read so many bytes. */
  | { t: 'took'; s: number; n: number }

/** Bytes of a stream that are on their way before a writer waits. */
const WINDOW = 256 * 1024

class End implements ByteStream {
  private readonly s: number
  private readonly post: (m: Streamed) => void
  private readonly gone: () => void
  private chunks: Uint8Array[] = []
  private ended = false
  private closed = false
  private inflight = 0
  private readers: (() => void)[] = []
  private writers: (() => void)[] = []

  constructor(s: number, post: (m: Streamed) => void, gone: () => void) {
    this.s = s
    this.post = post
    this.gone = gone
  }

  async read(): Promise<Uint8Array> {
    while (this.chunks.length === 0 && !this.ended && !this.closed)
      await new Promise<void>(resolve => this.readers.push(resolve))
    const b = this.chunks.shift()
    if (!b) return new Uint8Array(0)
    if (!this.closed) this.post({ t: 'took', s: this.s, n: b.length })
    return b
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.closed || this.ended) throw new PlanError('hungup')
    // Copied: the bytes are the caller's again when this resolves.
    this.post({ t: 'data', s: this.s, bytes: data.slice() })
    this.inflight += data.length
    while (this.inflight > WINDOW && !this.ended && !this.closed)
      await new Promise<void>(resolve => this.writers.push(resolve))
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.post({ t: 'end', s: this.s })
    this.wake()
    if (this.ended) this.gone()
  }

  private wake(): void {
    for (const f of this.readers.splice(0)) f()
    for (const f of this.writers.splice(0)) f()
  }

  receive(m: Streamed): void {
    if (m.t === 'data') {
      if (!this.closed) this.chunks.push(m.bytes)
    } else if (m.t === 'took') this.inflight -= m.n
    else {
      this.ended = true
      if (this.closed) this.gone()
    }
    this.wake()
  }
}

export class Mux {
  private readonly post: (m: Streamed) => void
  private readonly ends = new Map<number, End>()

  constructor(post: (m: Streamed) => void) {
    this.post = post
  }

  /** This side's end of stream s. */
  open(s: number): ByteStream {
    const end = new End(s, this.post, () => this.ends.delete(s))
    this.ends.set(s, end)
    return end
  }

  receive(m: Streamed): void {
    this.ends.get(m.s)?.receive(m)
  }

  /** The other side is no more. */
  hangup(): void {
    for (const [s, end] of this.ends) end.receive({ t: 'end', s })
  }
}
