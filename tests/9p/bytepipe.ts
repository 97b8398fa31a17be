import type { ByteStream } from '../../plan9/9p/framer.ts'

class End implements ByteStream {
  peer!: End
  private chunks: Uint8Array[] = []
  private ended = false
  private wake: (() => void) | undefined

  async read(): Promise<Uint8Array> {
    while (this.chunks.length === 0) {
      if (this.ended) return new Uint8Array(0)
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
    return this.chunks.shift()!
  }

  write(data: Uint8Array): void {
    // As a socket would: what is written is the stream's only until this returns.
    if (data.length > 0) this.peer.put(data.slice())
  }

  close(): void {
    this.end()
    this.peer.end()
  }

  private put(data: Uint8Array): void {
    if (this.ended) return
    this.chunks.push(data)
    this.wake?.()
  }

  private end(): void {
    this.ended = true
    this.wake?.()
  }
}

/** A connection of bytes in memory. What was written before one end closed is still read at the other. */
export function bytePipe(): [ByteStream, ByteStream] {
  const [a, b] = [new End(), new End()]
  a.peer = b
  b.peer = a
  return [a, b]
}
