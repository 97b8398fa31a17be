// What Plan 9 in TypeScript asks of any JavaScript host beyond the language: the part that browsers, their workers and
// Node share. The layers above compile against their own host's types instead; nothing else is in scope below them.

interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
  throwIfAborted(): void
}
declare const AbortSignal: { any(signals: Iterable<AbortSignal>): AbortSignal; abort(reason?: unknown): AbortSignal }
declare class AbortController {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number }
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean })
  decode(input?: Uint8Array, options?: { stream?: boolean }): string
}
interface MessagePort {
  onmessage: ((event: { data: unknown }) => void) | null
  onmessageerror: ((event: { data: unknown }) => void) | null
  addEventListener(type: 'close', listener: () => void): void
  postMessage(message: unknown, transfer?: unknown[]): void
  close(): void
  start(): void
}
declare class MessageChannel {
  readonly port1: MessagePort
  readonly port2: MessagePort
}
declare class URL {
  constructor(url: string, base?: string)
  readonly href: string
  readonly protocol: string
}
interface Response {
  readonly status: number
  /** Empty over HTTP/2. */
  readonly statusText: string
  readonly headers: { get(name: string): string | null }
  readonly body: {
    getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }> }
  } | null
}
declare function fetch(
  url: string,
  init?: { headers?: Record<string, string>; signal?: AbortSignal; cache?: 'no-store' },
): Promise<Response>
declare function setTimeout(callback: () => void, ms?: number): unknown
declare function clearTimeout(id: unknown): void
declare function queueMicrotask(callback: () => void): void
declare const performance: { now(): number; readonly timeOrigin: number }
declare const crypto: { getRandomValues<T extends Uint8Array | Uint32Array>(array: T): T }
declare function atob(base64: string): string
declare const console: { error(...data: unknown[]): void }
declare namespace WebAssembly {
  interface MemoryDescriptor {
    initial: number
    maximum?: number
    shared?: boolean
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor)
    readonly buffer: ArrayBuffer
    grow(delta: number): number
  }
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
  function validate(bytes: Uint8Array): boolean
  function compile(bytes: Uint8Array): Promise<Module>
  function instantiate(module: Module, imports?: Record<string, Record<string, unknown>>): Promise<Instance>
}
declare class CompressionStream {
  constructor(format: 'gzip')
  readonly readable: unknown
  readonly writable: unknown
}
declare class DecompressionStream {
  constructor(format: 'gzip')
  readonly readable: unknown
  readonly writable: unknown
}
