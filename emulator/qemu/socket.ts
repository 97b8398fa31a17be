import { connect, type Socket } from 'node:net'
import { Eintr, PlanError } from '../../plan9/error.ts'

/** A Unix socket to be read piece by piece. */
export class Unix {
  private readonly socket: Socket
  private readonly pieces: Uint8Array[] = []
  private over = false
  private wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', b => {
      this.pieces.push(new Uint8Array(b))
      this.wake?.()
    })
    const end = () => {
      this.over = true
      this.wake?.()
    }
    socket.on('error', end)
    socket.on('end', end)
    socket.on('close', end)
  }

  /** Undefined: nobody listens there. */
  static open(path: string): Promise<Unix | undefined> {
    return new Promise(resolve => {
      const socket = connect(path)
      socket.once('error', () => resolve(undefined))
      socket.once('connect', () => resolve(new Unix(socket)))
    })
  }

  /** What came; nothing at the end. @throws PlanError Eintr */
  async read(signal?: AbortSignal): Promise<Uint8Array> {
    const abort = () => this.wake?.()
    signal?.addEventListener('abort', abort)
    try {
      for (;;) {
        const b = this.pieces.shift()
        if (b) return b
        if (this.over) return new Uint8Array(0)
        if (signal?.aborted) throw new PlanError(Eintr)
        await new Promise<void>(resolve => {
          this.wake = resolve
        })
      }
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** What the other end does not take because it is gone is lost: `read` tells of it. */
  write(b: Uint8Array | string): Promise<void> {
    return new Promise(resolve => this.socket.write(b, () => resolve()))
  }

  close(): void {
    this.socket.destroy()
  }
}
