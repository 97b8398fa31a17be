import { ProtocolError } from '../error.ts'
import { MSIZE } from './const.ts'
import type { Transport } from './transport.ts'

/** A stream of bytes without boundaries: a pipe, a TCP connection, a serial line. */
export interface ByteStream {
  /** The next bytes, as many as there are; an empty array is the end. Rejects when the stream breaks. */
  read(): Promise<Uint8Array>
  /** Resolves when more can be taken. The bytes are the stream's until then. */
  write(data: Uint8Array): Promise<void> | void
  close(): void
}

/**
 * Cuts a stream into 9P messages by their size fields. A size is compared with `max` before anything is set aside for it.
 * What `push` returns are copies or views of what was pushed: the receiver's own.
 */
export class Framer {
  private readonly max: number
  private chunks: Uint8Array[] = []
  /** Bytes in chunks. */
  private have = 0

  constructor(max: number) {
    this.max = max
  }

  /** Bytes of a message that has begun and is not whole yet. */
  get pending(): number {
    return this.have
  }

  /** @throws ProtocolError a size below the header's 7 bytes, or above `max` */
  *push(data: Uint8Array): Generator<Uint8Array> {
    if (data.length > 0) {
      this.chunks.push(data)
      this.have += data.length
    }
    while (this.have >= 4) {
      const size = this.peekSize()
      if (size < 7 || size > this.max) throw new ProtocolError(`message size ${size} out of range`)
      if (this.have < size) return
      yield this.take(size)
    }
  }

  private peekSize(): number {
    let size = 0
    let i = 0
    for (const chunk of this.chunks) {
      for (let j = 0; j < chunk.length && i < 4; j++, i++) size += chunk[j]! * 2 ** (8 * i)
      if (i === 4) break
    }
    return size
  }

  private take(size: number): Uint8Array {
    this.have -= size
    const first = this.chunks[0]!
    if (first.length >= size) {
      if (first.length === size) this.chunks.shift()
      else this.chunks[0] = first.subarray(size)
      return first.subarray(0, size)
    }
    const msg = new Uint8Array(size)
    let at = 0
    let used = 0
    for (const chunk of this.chunks) {
      const n = Math.min(chunk.length, size - at)
      msg.set(chunk.subarray(0, n), at)
      at += n
      if (n < chunk.length) {
        this.chunks[used] = chunk.subarray(n)
        break
      }
      used++
      if (at === size) break
    }
    this.chunks.splice(0, used)
    return msg
  }
}

/**
 * 9P over a byte stream. `max` is the largest message taken, in bytes; a larger one ends the connection unread.
 * Messages are written in the order sent, one write at a time.
 */
export function streamTransport(stream: ByteStream, max = MSIZE): Transport {
  let onclose: ((err?: Error) => void) | undefined
  let closed = false
  /** The stream is of no use any more; after a `close` from this side what was sent still goes out. */
  let broken = false
  let writing = Promise.resolve()

  function end(err?: Error): void {
    if (closed) return
    closed = true
    broken = true
    stream.close()
    onclose?.(err)
  }

  async function readAll(onmessage: (msg: Uint8Array) => void | Promise<void>): Promise<void> {
    const framer = new Framer(max)
    try {
      for (;;) {
        const data = await stream.read()
        if (closed) return
        if (data.length === 0) break
        for (const msg of framer.push(data)) {
          const held = onmessage(msg)
          if (held) await held
          if (closed) return
        }
      }
      end(framer.pending > 0 ? new ProtocolError('stream ends within a message') : new Error('hungup'))
    } catch (e) {
      end(e instanceof Error ? e : new Error(String(e)))
    }
  }

  return {
    send(msg) {
      if (closed) return
      writing = writing
        .then(() => (broken ? undefined : stream.write(msg)))
        .catch(e => {
          broken = true
          end(e instanceof Error ? e : new Error(String(e)))
        })
      return writing
    },
    start(onmessage, close) {
      onclose = close
      void readAll(onmessage)
    },
    close(err) {
      if (closed) return
      // What was sent before goes out before the stream ends.
      closed = true
      void writing.finally(() => stream.close())
      onclose?.(err)
    },
  }
}
