/**
 * Carries whole 9P messages, both ways, in order. Made unstarted: messages that arrive before `start` are kept.
 *
 *   send     the bytes belong to the transport from here on (a MessagePort may transfer them). The promise, where there
 *            is one, resolves when the transport can take more; a sender of bulk data waits for it.
 *   start    `onmessage` gets each message, size field included, its bytes the receiver's own; `onclose` is called once,
 *            with the reason unless this end closed it.
 */
export interface Transport {
  send(msg: Uint8Array): void | Promise<void>
  start(onmessage: (msg: Uint8Array) => void, onclose: (err?: Error) => void): void
  close(err?: Error): void
}
