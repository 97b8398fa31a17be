import { expose } from 'comlink'
import { PlanError } from '../plan9/error.ts'
import { MAXSESSIONS } from './ctl.ts'
import type { CheckpointSource } from './engine/checkpoint.ts'
import type { Config } from './engine/config.ts'
import { type Engine, type EngineOptions, loadCheckpoint, type Pass, type Result } from './engine/engine.ts'
import { readCheckpoint } from './engine/formats.ts'
import { Lookup } from './engine/lookup.ts'
import { exp, log } from './engine/math.ts'
import { Sampler } from './engine/sampler.ts'
import { Tokenizer } from './engine/tokenizer.ts'
import { Text } from './text.ts'

/** What a loaded checkpoint is: the numbers of its header, and what follows from them. */
export interface ModelInfo extends Config {
  params: number
  /** `f32`, or `q80 G` with its group size. */
  quant: string
  /** The checkpoint file's. */
  bytes: number
  /** Bytes of memory that it takes with MAXSESSIONS sessions, about. */
  memory: number
  /** Threads that it is computed on, where they get a core. */
  threads: number
  /** Whether the checkpoint has a tokenizer in it. */
  tokenizer: boolean
}

export interface GenerateParams {
  prompt: Uint8Array
  temp: number
  topp: number
  seed: bigint
  /** Positions; 0 or more than seq_len is seq_len. */
  steps: number
  /** Whether each token's logprob is wanted. */
  logprobs: boolean
  /** A chat, as llama2.c's: `prompt` is the first turn's, as rendered; each end of the assistant's turn is a `turn` event. */
  chat: boolean
  /** False: none of the ways to the same tokens that do less work, screening and speculation. */
  shortcuts?: boolean
}

/** What the engine has to tell, in order. `gen` is the number that `generate` was given. */
export type EngineEvent =
  /** Asks for `count` bytes of the checkpoint being loaded, `passing` as CheckpointSource has it; `data` answers. */
  | { type: 'read'; offset: number; count: number; passing: boolean }
  /** Asks for all of a small file in the checkpoint's directory; `data` answers. */
  | { type: 'beside'; name: string }
  /**
   * Consecutive tokens, the first at position `pos` (the token after BOS is at 1). `texts` together are the text so far. A logprob
   * that nobody asked for is NaN.
   */
  | { type: 'tokens'; gen: number; pos: number; ids: number[]; logprobs: number[]; texts: string[] }
  /** A chat waits for `say`. */
  | { type: 'turn'; gen: number }
  /** The generation is over at position `pos`; `rate` in tokens a second as llama2.c counts them, 0 where it gives none. */
  | { type: 'end'; gen: number; pos: number; rate: number; error?: string }

/**
 * The engine's thread, seen from the other side; comlink carries it. One model at a time.
 * Every error is an Error whose message is for the user when its name is PlanError.
 */
export interface EngineApi {
  /** Reads a checkpoint by `read` events and keeps it aside; `use` puts it in the place of the model before. */
  load(size: number, opts: EngineOptions): Promise<ModelInfo>
  /**
   * With `tokenizer`'s bytes, or the tokenizer that the model itself has, the model read last becomes the one in use; if they
   * do not fit it, it is dropped.
   */
  use(tokenizer?: Uint8Array): Promise<void>
  /** Answers the one `read` or `beside` event outstanding; a string is why it failed. */
  data(bytes: Uint8Array | string): Promise<void>
  unload(): Promise<void>
  /** Starts a generation of `session`, from position 0, in the session's own KV cache. Resolves when it is under way. */
  generate(gen: number, session: number, params: GenerateParams): Promise<void>
  say(gen: number, prompt: Uint8Array): Promise<void>
  /** Ends a generation before its next forward pass; its `end` event follows. Nothing when it is over already. */
  stop(gen: number): Promise<void>
  /** Frees what a session holds: KV cache and logits. Its generation must have ended. */
  forget(session: number): Promise<void>
  /** float32, vocab_size of them, of the session's last forward pass; empty before the first. */
  logits(session: number): Promise<Float32Array>
  /**
   * The natural logarithms of the probabilities that the session's tokens were drawn with, of those at positions `from` to `to`
   * that there are; 0 for those given. Computed anew. Fewer when the session begins another generation meanwhile. Not of a chat.
   */
  logprobs(session: number, from: number, to: number): Promise<Float64Array>
  /** From now on a generation's `tokens` events have logprobs. Nothing when it is over. */
  watch(gen: number): Promise<void>
  /** Everything that happened since the last call, at least one thing. One call at a time. */
  events(): Promise<EngineEvent[]>
}

type State = ReturnType<Engine['newState']>

interface Session {
  state?: State
  /** The token at each position; the one at `done` is still to be fed, where there is one. */
  tokens: number[]
  /** Positions below are given, not drawn. */
  given: number
  /** Forward passes done. */
  done: number
  /** Those of the last pass, where they were computed. */
  logits?: Float32Array | undefined
}

interface Generation {
  gen: number
  session: Session
  params: GenerateParams
  sampler: Sampler
  text: Text
  steps: number
  /** What is still to be fed before anything is drawn; the token at `fed` is next. */
  prompt: number[]
  fed: number
  /** The token to feed next. */
  token: number
  pos: number
  /** Milliseconds, when the first token was done; 0 before. */
  start: number
  waiting: boolean
  /** Guesses at what comes next. */
  lookup: Lookup | undefined
}

const BOS = 1
const EOS = 2

/** Lets everything that came in meanwhile be served first: a turn of the host's event loop. */
const turn: () => Promise<void> = (() => {
  const { setImmediate } = globalThis as { setImmediate?: (f: () => void) => void }
  if (setImmediate) return () => new Promise<void>(resolve => setImmediate(resolve))
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  port1.onmessage = () => waiting.shift()?.()
  return () =>
    new Promise<void>(resolve => {
      waiting.push(resolve)
      port2.postMessage(0)
    })
})()

/** Natural logarithm of the probability that `logits` give to `token`. */
function logprob(logits: Float32Array, token: number): number {
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += exp(logits[i]! - max)
  return logits[token]! - max - log(sum)
}

/**
 * The engine on the thread it runs on: the model, a KV cache a session, and the generations under way, which go through the
 * weights together. Between two batches the event loop turns, so calls are served while it generates.
 */
export class EngineHost implements EngineApi {
  #engine: Engine | undefined
  #tokenizer: Tokenizer | undefined
  #next: { engine: Engine; tokenizer: (() => Uint8Array) | undefined } | undefined
  readonly #sessions = new Map<number, Session>()
  readonly #gens = new Map<number, Generation>()
  #running = false
  #events: EngineEvent[] = []
  #listener: ((events: EngineEvent[]) => void) | undefined
  #read: { resolve: (bytes: Uint8Array) => void; reject: (e: Error) => void } | undefined

  async load(size: number, opts: EngineOptions): Promise<ModelInfo> {
    const ask = (event: EngineEvent) =>
      new Promise<Uint8Array>((resolve, reject) => {
        this.#read = { resolve, reject }
        this.#emit(event)
      })
    const src: CheckpointSource = {
      size,
      read: (offset, count, passing = false) => ask({ type: 'read', offset, count, passing }),
      beside: name => ask({ type: 'beside', name }),
    }
    const ckpt = await readCheckpoint(src)
    const engine = await loadCheckpoint(src, ckpt, opts)
    this.#next?.engine.close()
    this.#next = { engine, tokenizer: ckpt.tokenizer }
    return {
      ...engine.config,
      params: engine.params,
      quant: engine.quant,
      bytes: engine.bytes,
      memory: engine.memory(MAXSESSIONS),
      threads: engine.threads,
      tokenizer: ckpt.tokenizer !== undefined,
    }
  }

  async use(tokenizer?: Uint8Array): Promise<void> {
    const next = this.#next
    this.#next = undefined
    if (!next) throw new PlanError('model not loaded')
    const { engine } = next
    let vocab: Tokenizer
    try {
      const file = tokenizer ?? next.tokenizer?.()
      if (!file) throw new PlanError('no tokenizer in the model')
      vocab = new Tokenizer(file, engine.config.vocab_size)
    } catch (e) {
      engine.close()
      throw e
    }
    await this.unload()
    this.#engine = engine
    this.#tokenizer = vocab
  }

  async data(bytes: Uint8Array | string): Promise<void> {
    const waiting = this.#read
    this.#read = undefined
    if (typeof bytes === 'string') waiting?.reject(new PlanError(bytes))
    else waiting?.resolve(bytes)
  }

  async unload(): Promise<void> {
    for (const s of this.#sessions.values()) this.#free(s)
    this.#sessions.clear()
    this.#engine?.close()
    this.#engine = undefined
    this.#tokenizer = undefined
  }

  async generate(gen: number, number: number, params: GenerateParams): Promise<void> {
    const engine = this.#engine
    const tokenizer = this.#tokenizer
    if (!engine || !tokenizer) throw new PlanError('model not loaded')
    const session: Session = this.#sessions.get(number) ?? { tokens: [], given: 0, done: 0 }
    this.#sessions.set(number, session)
    session.state ??= engine.newState()
    const { seq_len } = engine.config
    const prompt = tokenizer.encode(params.prompt, true, false)
    Object.assign(session, { tokens: [prompt[0]!], given: prompt.length, done: 0 })
    this.#gens.set(gen, {
      gen,
      session,
      params,
      sampler: new Sampler(params.temp, params.topp, params.seed),
      text: new Text(),
      steps: params.steps === 0 || params.steps > seq_len ? seq_len : params.steps,
      prompt,
      fed: 1,
      token: prompt[0]!,
      pos: 0,
      start: 0,
      waiting: false,
      lookup: (params.shortcuts ?? true) && !params.chat ? new Lookup(prompt) : undefined,
    })
    void this.#run()
  }

  async say(gen: number, prompt: Uint8Array): Promise<void> {
    const g = this.#gens.get(gen)
    if (!g?.waiting) return
    g.prompt = this.#tokenizer!.encode(prompt, true, false)
    g.token = g.prompt[0]!
    g.fed = 1
    g.waiting = false
    void this.#run()
  }

  async stop(gen: number): Promise<void> {
    const g = this.#gens.get(gen)
    if (g) this.#end(g)
  }

  async forget(session: number): Promise<void> {
    const s = this.#sessions.get(session)
    if (s) this.#free(s)
    this.#sessions.delete(session)
  }

  async logits(number: number): Promise<Float32Array> {
    const session = this.#sessions.get(number)
    if (!session?.state || session.done === 0) return new Float32Array(0)
    if (!session.logits) {
      // The pass again, which leaves the cache as it is.
      const pos = session.done - 1
      session.logits = this.#engine!.forward(session.state, session.tokens[pos]!, pos).slice()
    }
    return session.logits.slice()
  }

  async logprobs(number: number, from: number, to: number): Promise<Float64Array> {
    const session = this.#sessions.get(number)
    const engine = this.#engine
    if (!session?.state || !engine) return new Float64Array(0)
    const { tokens, given, state } = session
    const end = Math.min(to, tokens.length)
    const result = new Float64Array(Math.max(0, end - from))
    for (let pos = Math.max(from, given); pos < end; pos += engine.batch) {
      const passes: Pass[] = []
      for (let p = pos; p < Math.min(pos + engine.batch, end); p++)
        passes.push({ state, token: tokens[p - 1]!, pos: p - 1, want: 'logits' })
      engine.forwardAll(passes).forEach((logits, i) => {
        result[pos + i - from] = logprob(logits as Float32Array, tokens[pos + i]!)
      })
      await turn()
      if (session.tokens !== tokens || session.state !== state) return result.slice(0, pos + passes.length - from)
    }
    return result
  }

  async watch(gen: number): Promise<void> {
    const g = this.#gens.get(gen)
    if (g) g.params.logprobs = true
  }

  events(): Promise<EngineEvent[]> {
    return new Promise(resolve => {
      this.#listener = resolve
      this.#tell()
    })
  }

  #free(s: Session): void {
    if (s.state) this.#engine?.free(s.state)
    s.state = undefined
    s.logits = undefined
    s.done = 0
  }

  #emit(e: EngineEvent): void {
    this.#events.push(e)
    this.#tell()
  }

  #tell(): void {
    if (!this.#listener || this.#events.length === 0) return
    const listener = this.#listener
    const events = this.#events
    this.#listener = undefined
    this.#events = []
    listener(events)
  }

  async #run(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      for (;;) {
        const ready = [...this.#gens.values()].filter(g => !g.waiting)
        if (ready.length === 0) return
        this.#batch(ready)
        await turn()
      }
    } finally {
      this.#running = false
    }
  }

  /**
   * Forward passes of all generations through the weights at once: the next one of each, and while there is room more of the
   * prompts that are being fed. A generation that there is no room for is the first next time.
   */
  #batch(ready: Generation[]): void {
    const engine = this.#engine!
    const taken = ready.slice(0, engine.batch)
    for (const g of taken) {
      this.#gens.delete(g.gen)
      this.#gens.set(g.gen, g)
    }
    let room = engine.batch - taken.length
    const begun = performance.now()
    const lists = taken.map(g => {
      const passes = this.#passes(g, 1 + room)
      room -= passes.length - 1
      return passes
    })
    let results: Result[]
    try {
      results = engine.forwardAll(lists.flat())
    } catch (e) {
      // It may be the fault of one of them: passes can be done again, each generation's by itself.
      if (taken.length > 1) for (const g of taken) this.#batch([g])
      else this.#end(taken[0]!, e instanceof Error ? e.message : String(e))
      return
    }
    const ms = performance.now() - begun
    let at = 0
    taken.forEach((g, i) => {
      const { length } = lists[i]!
      // As llama2.c: the clock starts when the first pass is done.
      if (g.start === 0) g.start = begun + ms / length
      lists[i]!.every((pass, j) => this.#fits(g, pass) && this.#step(g, results[at + j]))
      at += length
    })
  }

  /** The next passes of a generation, `most` at most: the one that draws a token and guesses after it, or the prompt's. */
  #passes(g: Generation, most: number): Pass[] {
    const { steps, prompt, params, session } = g
    const state = session.state!
    const shortcuts = params.shortcuts ?? true
    const draws = shortcuts && params.temp === 0 && !params.logprobs ? 'greatest' : 'logits'
    const passes: Pass[] = []
    let token = g.token
    for (let i = 0; ; i++) {
      const next = params.chat ? undefined : prompt[g.fed + i]
      // The end of the generation has its logits too: they are those of the last pass.
      const last = next === undefined || next === BOS || g.pos + i + 1 === steps
      passes.push({ state, token, pos: g.pos + i, want: last ? draws : 'nothing' })
      if (passes.length === most) return passes
      if (last) break
      token = next
    }
    if (g.fed >= prompt.length)
      for (const guess of g.lookup?.guesses(Math.min(most - 1, steps - g.pos - 1)) ?? [])
        passes.push({ state, token: guess, pos: g.pos + passes.length, want: draws })
    return passes
  }

  /** Whether a pass is the one that the generation has come to: a guess may have been wrong, or the end been reached. */
  #fits(g: Generation, { token, pos }: Pass): boolean {
    return this.#gens.get(g.gen) === g && !g.waiting && token === g.token && pos === g.pos
  }

  /** What llama2.c's generate() or chat() makes of one forward pass. A pass without a result fed the prompt. */
  #step(g: Generation, result: Result): boolean {
    const { chat, logprobs } = g.params
    const { session } = g
    session.tokens[g.pos] = g.token
    session.done = g.pos + 1
    if (result instanceof Float32Array) {
      session.logits ??= new Float32Array(result.length)
      session.logits.set(result)
    } else session.logits = undefined
    const given = g.fed < g.prompt.length
    // llama2.c's chat draws, and so moves the generator on, while it feeds the prompt too
    const drawn =
      given && !chat
        ? undefined
        : result instanceof Float32Array
          ? g.sampler.sample(result, this.#engine!)
          : (result as number)
    const next = given && !chat ? g.prompt[g.fed]! : drawn!
    g.pos++

    if (!chat) {
      if (given) g.fed++
      else g.lookup?.add(next)
      if (next === BOS) {
        this.#end(g)
        return false
      }
      this.#token(g, next, given ? 0 : logprobs ? logprob(session.logits!, next) : Number.NaN)
      g.token = next
      session.tokens[g.pos] = next
    } else {
      const over = g.token === EOS && !given
      if (!given && next !== EOS) this.#token(g, next, 0)
      if (next === EOS) this.#emitText(g, '\n')
      g.token = given ? g.prompt[g.fed++]! : next
      if (over && g.pos < g.steps) {
        g.waiting = true
        this.#emit({ type: 'turn', gen: g.gen })
      }
    }
    if (g.pos >= g.steps) this.#end(g)
    return true
  }

  #token(g: Generation, id: number, logprob: number): void {
    const text = g.text.add(this.#tokenizer!.decode(g.token, id))
    const last = this.#events.at(-1)
    if (last?.type === 'tokens' && last.gen === g.gen) {
      last.ids.push(id)
      last.logprobs.push(logprob)
      last.texts.push(text)
    } else this.#emit({ type: 'tokens', gen: g.gen, pos: g.pos, ids: [id], logprobs: [logprob], texts: [text] })
  }

  #emitText(g: Generation, text: string): void {
    this.#emit({ type: 'tokens', gen: g.gen, pos: g.pos, ids: [], logprobs: [], texts: [text] })
  }

  #end(g: Generation, error?: string): void {
    this.#gens.delete(g.gen)
    const ms = performance.now() - g.start
    const rate = g.start > 0 && g.pos > 1 && ms > 0 ? ((g.pos - 1) / ms) * 1000 : 0
    this.#emit({ type: 'end', gen: g.gen, pos: g.pos, rate, error })
  }
}

/** What an engine worker's entry does: answers the calls of `EngineApi` that come through `endpoint`, or to the worker itself. */
export function serveEngine(endpoint?: Parameters<typeof expose>[1]): void {
  expose(new EngineHost(), endpoint)
}
