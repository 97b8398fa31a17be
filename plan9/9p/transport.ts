import { ProtocolError } from '../error.ts'

/**
 * Carries whole 9P messages, both ways, in order. Made unstarted: messages that arrive before `start` are kept.
 *
 *   send     the bytes belong to the transport from here on (a MessagePort may transfer them). The promise, where there
 *            is one, resolves when the transport can take more; a sender of bulk data waits for it.
 *   start    `onmessage` gets each message, size field included, its bytes the receiver's own; `onclose` is called once,
 *            with the reason unless this end closed it. Where `onmessage` returns a promise, a transport that can hold
 *            back the other end (a stream) delivers nothing until it resolves.
 */
export interface Transport {
  send(msg: Uint8Array): void | Promise<void>
  start(onmessage: (msg: Uint8Array) => void | Promise<void>, onclose: (err?: Error) => void): void
  close(err?: Error): void
}

/** One end in memory: what the other sends waits here until a turn of its own, so that no call runs inside another's. */
class PipeEnd implements Transport {
  peer!: PipeEnd
  private queue: Uint8Array[] = []
  private scheduled = false
  private onmessage: ((msg: Uint8Array) => void) | undefined
  private onclose: ((err?: Error) => void) | undefined
  /** The other end has closed; messages before that are still delivered. */
  private hungup = false
  private reason: Error | undefined
  private closed = false

  send(msg: Uint8Array): void {
    if (!this.closed) this.peer.deliver(msg)
  }

  start(onmessage: (msg: Uint8Array) => void, onclose: (err?: Error) => void): void {
    this.onmessage = onmessage
    this.onclose = onclose
    this.schedule()
  }

  close(err?: Error): void {
    if (this.closed) return
    this.closed = true
    this.queue = []
    const { onclose } = this
    this.onclose = undefined
    this.peer.hangup(err)
    if (onclose) queueMicrotask(() => onclose(err))
  }

  private deliver(msg: Uint8Array): void {
    if (this.closed) return
    this.queue.push(msg)
    this.schedule()
  }

  private hangup(err?: Error): void {
    this.hungup = true
    this.reason = err
    this.schedule()
  }

  private schedule(): void {
    if (this.scheduled || !this.onmessage || (this.queue.length === 0 && !this.hungup)) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      this.drain()
    })
  }

  private drain(): void {
    const msgs = this.queue
    this.queue = []
    for (const msg of msgs) {
      if (this.closed) return
      this.onmessage!(msg)
    }
    if (!this.hungup || this.closed || this.queue.length > 0) return
    this.closed = true
    this.onclose?.(this.reason ?? new Error('hungup'))
  }
}

/** Two ends of a connection in memory. A message is handed over as it is, without a copy. */
export function pipeTransport(): [Transport, Transport] {
  const a = new PipeEnd()
  const b = new PipeEnd()
  a.peer = b
  b.peer = a
  return [a, b]
}

/**
 * 9P over a MessagePort: an ArrayBuffer, transferred, a message; null says that the sender has closed. (A port does not
 * tell of the other side's end by itself in every host; where it does, that ends the connection too.)
 */
export function portTransport(port: MessagePort): Transport {
  const early: unknown[] = []
  let onmessage: ((msg: Uint8Array) => void) | undefined
  let onclose: ((err?: Error) => void) | undefined
  let closed = false

  function end(err?: Error): void {
    if (closed) return
    closed = true
    port.close()
    onclose?.(err)
  }
  function receive(data: unknown): void {
    if (closed) return
    if (data instanceof ArrayBuffer) onmessage!(new Uint8Array(data))
    else if (data === null) end(new Error('hungup'))
    else end(new ProtocolError('not a 9P message'))
  }
  port.onmessage = ({ data }) => {
    if (onmessage) receive(data)
    else early.push(data)
  }
  // Where the host tells: the other side's worker has ended without a word.
  port.addEventListener('close', () => {
    if (onclose) end(new Error('hungup'))
    else early.push(null)
  })
  port.onmessageerror = () => end(new ProtocolError('message could not be received'))
  port.start()

  return {
    send(msg) {
      if (closed) return
      const whole = msg.byteLength === msg.buffer.byteLength && msg.buffer instanceof ArrayBuffer
      const buf = whole ? msg.buffer : msg.slice().buffer
      port.postMessage(buf, [buf])
    },
    start(message, close) {
      onmessage = message
      onclose = close
      for (const data of early.splice(0)) receive(data)
    },
    close(err) {
      if (closed) return
      port.postMessage(null)
      end(err)
    },
  }
}
