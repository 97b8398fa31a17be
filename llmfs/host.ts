import { type Remote, transfer, wrap } from 'comlink'
import type { Transport } from '../plan9/9p/transport.ts'
import { Eintr, Enonexist, PlanError } from '../plan9/error.ts'
import { orAbort } from '../plan9/libc/abort.ts'
import type { Progress } from '../plan9/libc/progress.ts'
import type { EngineApi, EngineEvent, GenerateParams, ModelInfo } from './worker.ts'

/** A thread that runs `serveEngine` (worker.ts), as the host made it. */
export interface EngineWorker {
  /** Where its calls go in: a Worker, a MessagePort, or comlink's node adapter over one. */
  endpoint: Parameters<typeof wrap>[0]
  /** Resolves with the reason when the thread dies by itself. */
  failed: Promise<string>
  terminate(): void
}

let make: (() => EngineWorker) | undefined

/** Tells how threads are made here. Without it the engine runs in this thread, between other things. */
export function setEngineWorker(how: (() => EngineWorker) | undefined): void {
  make = how
}

/** A file that an engine loads from. */
export interface ModelFile {
  /** Bytes. */
  size: number
  /** Exactly `count` bytes, unless the file ends before: in `into`, or in a buffer of their own, which is given away. */
  read(offset: number, count: number, into?: Uint8Array): Promise<Uint8Array>
  /** All of the file `name` in the same directory. @throws PlanError also when it is longer than 1 MB */
  beside?(name: string): Promise<Uint8Array>
}

export interface LoadOptions {
  simd: boolean
  /** Threads to compute in; as many as suit the machine where it is absent. */
  threads?: number
  /** Gives up equal bits for speed, where the machine can. */
  fast?: boolean
  /** Is told of what is read. */
  progress?: Progress
  /** Ends the loading before its next read. */
  signal?: AbortSignal
}

/** What a generation tells, in order; `end` is the last. Called between other things: they must not throw. */
export interface Sink {
  tokens(pos: number, ids: number[], logprobs: number[], texts: string[]): void
  /** A chat wants its next turn: `say`. */
  turn?(): void
  end(pos: number, rate: number, error?: string): void
}

/** Bytes of a read from which on it is worth to use the same memory for all. */
const LARGE = 1 << 16

/**
 * The reads of one load, each before the next. Passing pieces come to the engine in the same two buffers all the time: it is
 * done with one when it asks for the next. A buffer for each would be garbage that adds up to the size of the model before
 * it is collected. What goes to another thread must be shared memory for that.
 *
 * While the engine has one such piece, the next is read.
 */
class Reads {
  readonly file: ModelFile
  readonly opts: LoadOptions
  readonly #make: ((n: number) => Uint8Array) | undefined
  /** The one that the engine has, and the one that is read into. */
  #given: Uint8Array | undefined
  #spare: Uint8Array | undefined
  #next: { offset: number; count: number; bytes: Promise<Uint8Array> } | undefined

  constructor(file: ModelFile, opts: LoadOptions, thread: boolean) {
    this.file = file
    this.opts = opts
    if (!thread) this.#make = n => new Uint8Array(n)
    else if (typeof SharedArrayBuffer !== 'undefined') this.#make = n => new Uint8Array(new SharedArrayBuffer(n))
  }

  async read(offset: number, count: number, passing: boolean): Promise<Uint8Array> {
    const again = passing && count >= LARGE && this.#make !== undefined
    const bytes = await (again ? this.#piece(offset, count) : this.file.read(offset, count))
    this.opts.progress?.add(bytes.length)
    return bytes
  }

  async #piece(offset: number, count: number): Promise<Uint8Array> {
    const next = this.#next
    const hit = next?.offset === offset && next.count >= count
    const { bytes } = hit ? next : this.#start(offset, count, next?.bytes)
    const found = await bytes
    const given = this.#spare
    this.#spare = this.#given
    this.#given = given
    const after = offset + count
    this.#next = after < this.file.size ? this.#start(after, count) : undefined
    return found.subarray(0, count)
  }

  /** Reads into the spare buffer, once `before` is done with it. */
  #start(offset: number, count: number, before?: Promise<unknown>) {
    const read = async () => {
      await before?.catch(() => {})
      if (!this.#spare || this.#spare.length < count) this.#spare = this.#make!(count)
      const into = this.#spare
      const found = await this.file.read(offset, count, into)
      if (found.buffer === into.buffer) return found
      into.set(found)
      return into.subarray(0, found.length)
    }
    const bytes = read()
    // Nobody may ask for it.
    bytes.catch(() => {})
    return { offset, count, bytes }
  }

  /** What to send: the bytes, given away where they are nobody's. */
  sent(bytes: Uint8Array): Uint8Array {
    return bytes.buffer === this.#given?.buffer ? bytes : transfer(bytes, [bytes.buffer])
  }
}

/** What the engine's thread threw, as an error for the user where it is one. Its class does not come through. */
function told(e: Error): Error {
  if (e.name === 'PlanError' || e.name === 'CheckpointError') return new PlanError(e.message)
  if (e.name === 'RangeError') return new PlanError(`out of memory: ${e.message}`)
  return e
}

/**
 * An engine of one's own: one thread, one model. Made without starting anything; the thread starts with the first call.
 *
 * When the thread dies, every call and generation under way ends with an error, the model is gone (`onlost`), and the next
 * load starts a new thread.
 */
export class Link {
  #worker: EngineWorker | undefined
  #api: EngineApi | Remote<EngineApi> | undefined
  #died: Promise<never> | undefined
  #die: (e: PlanError) => void = () => {}
  #loading: Reads | undefined
  readonly #sinks = new Map<number, Sink>()
  #gen = 0
  readonly #onlost: ((reason: string) => void) | undefined

  constructor(onlost?: (reason: string) => void) {
    this.#onlost = onlost
  }

  /**
   * Reads a checkpoint, aside from the model in use; `use` follows.
   *
   * @throws PlanError with what is wrong with it; Eintr when `signal` aborts: nothing is kept then
   */
  async load(file: ModelFile, opts: LoadOptions): Promise<ModelInfo> {
    await this.#start()
    if (opts.progress) opts.progress.size = file.size
    this.#loading = new Reads(file, opts, this.#worker !== undefined)
    try {
      const info = await this.#call(api =>
        api.load(file.size, { simd: opts.simd, fast: opts.fast ?? false, threads: opts.threads }),
      )
      if (!opts.signal?.aborted) {
        // Not every byte of a file need be read.
        if (opts.progress) opts.progress.bytes = file.size
        return info
      }
      // A tokenizer that fits no model has the one read last dropped.
      await this.use(new Uint8Array(0)).catch(() => {})
      throw new PlanError(Eintr)
    } finally {
      this.#loading = undefined
    }
  }

  /**
   * Puts the checkpoint read last in the place of the model in use, with the tokenizer that it has itself where none is given.
   *
   * @throws PlanError with what is wrong with the tokenizer; the model before is then still in use
   */
  use(tokenizer?: Uint8Array): Promise<void> {
    return this.#call(api => api.use(tokenizer))
  }

  unload(): Promise<void> {
    return this.#call(api => api.unload())
  }

  /** Starts a generation of session number `session`; what it makes goes to `sink`. Returns its number, for stop and say. */
  async generate(session: number, params: GenerateParams, sink: Sink): Promise<number> {
    const gen = ++this.#gen
    this.#sinks.set(gen, sink)
    try {
      await this.#call(api => api.generate(gen, session, params))
    } catch (e) {
      this.#sinks.delete(gen)
      throw e
    }
    return gen
  }

  say(gen: number, prompt: Uint8Array): Promise<void> {
    return this.#call(api => api.say(gen, prompt))
  }

  stop(gen: number): Promise<void> {
    return this.#call(api => api.stop(gen))
  }

  forget(session: number): Promise<void> {
    return this.#call(api => api.forget(session))
  }

  /** As EngineApi's. */
  logprobs(session: number, from: number, to: number): Promise<Float64Array> {
    return this.#call(api => api.logprobs(session, from, to))
  }

  watch(gen: number): Promise<void> {
    return this.#call(api => api.watch(gen))
  }

  /** float32, little-endian where the machine is; empty before the session's first forward pass. */
  logits(session: number): Promise<Float32Array> {
    return this.#call(api => api.logits(session))
  }

  /** Ends the thread, and with it everything under way. */
  terminate(): void {
    this.#worker?.terminate()
    this.#lose('engine stopped')
  }

  async #start(): Promise<void> {
    if (this.#api) return
    const worker = make?.()
    const api = worker ? wrap<EngineApi>(worker.endpoint) : new (await import('./worker.ts')).EngineHost()
    if (this.#api) return
    this.#worker = worker
    this.#api = api
    this.#died = new Promise((_, reject) => {
      this.#die = reject
    })
    this.#died.catch(() => {})
    void worker?.failed.then(reason => {
      if (this.#api === api) this.#lose(reason)
    })
    void this.#pump(api)
  }

  async #call<T>(f: (api: EngineApi | Remote<EngineApi>) => Promise<T>): Promise<T> {
    if (!this.#api || !this.#died) throw new PlanError('model not loaded')
    try {
      return await Promise.race([f(this.#api), this.#died])
    } catch (e) {
      throw e instanceof Error ? told(e) : e
    }
  }

  async #pump(api: EngineApi | Remote<EngineApi>): Promise<void> {
    while (this.#api === api) {
      const events = await api.events()
      if (this.#api === api) for (const e of events) this.#event(api, e)
    }
  }

  #event(api: EngineApi | Remote<EngineApi>, e: EngineEvent): void {
    if (e.type === 'read') {
      void this.#supply(api, reads => reads.read(e.offset, e.count, e.passing))
      return
    }
    if (e.type === 'beside') {
      void this.#supply(api, async ({ file }) => {
        if (!file.beside) throw new PlanError(`${e.name}: ${Enonexist}`)
        return file.beside(e.name)
      })
      return
    }
    const sink = this.#sinks.get(e.gen)
    if (e.type === 'tokens') sink?.tokens(e.pos, e.ids, e.logprobs, e.texts)
    else if (e.type === 'turn') sink?.turn?.()
    else {
      this.#sinks.delete(e.gen)
      sink?.end(e.pos, e.rate, e.error)
    }
  }

  async #supply(api: EngineApi | Remote<EngineApi>, get: (reads: Reads) => Promise<Uint8Array>): Promise<void> {
    const reads = this.#loading
    if (!reads) return
    const answer = await orAbort(get(reads), reads.opts.signal).catch((e: unknown) =>
      e instanceof PlanError ? e.message : String(e),
    )
    await api.data(typeof answer === 'string' ? answer : reads.sent(answer))
  }

  #lose(reason: string): void {
    if (!this.#api) return
    this.#die(new PlanError(reason))
    this.#api = undefined
    this.#worker = undefined
    const sinks = [...this.#sinks.values()]
    this.#sinks.clear()
    for (const sink of sinks) sink.end(0, 0, reason)
    this.#onlost?.(reason)
  }
}

/**
 * How a host takes connections from outside: `accept` gets each, until `close`.
 *
 * @throws PlanError the address cannot be announced
 */
export type Announce = (addr: string, accept: (t: Transport) => void) => Promise<{ close(): void }>

let announcer: Announce | undefined

export function setAnnounce(how: Announce | undefined): void {
  announcer = how
}

/** announce(2), as far as the host can: an address like `tcp!*!564`. */
export const announce: Announce = (addr, accept) =>
  announcer ? announcer(addr, accept) : Promise.reject(new PlanError(`no network to announce ${addr} on`))
