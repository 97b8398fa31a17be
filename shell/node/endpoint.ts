import type { MessagePort, Worker } from 'node:worker_threads'

interface Listening {
  data: unknown
}
type Listener = ((event: Listening) => void) | { handleEvent(event: Listening): void }

/** A worker, or its parent's port, with the four methods by which comlink talks. */
export function endpoint(port: Worker | MessagePort) {
  const handlers = new Map<Listener, (data: unknown) => void>()
  return {
    postMessage: (message: unknown, transfer?: ArrayBuffer[]) => port.postMessage(message, transfer),
    addEventListener: (_type: string, listener: Listener) => {
      const handler = (data: unknown) =>
        typeof listener === 'function' ? listener({ data }) : listener.handleEvent({ data })
      handlers.set(listener, handler)
      port.on('message', handler)
    },
    removeEventListener: (_type: string, listener: Listener) => {
      const handler = handlers.get(listener)
      if (handler) port.off('message', handler)
      handlers.delete(listener)
    },
  }
}
