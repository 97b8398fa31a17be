import type { Options, Rates } from '../ours.ts'
import type { Request } from './engine.worker.ts'

/** What is used of wllama. */
interface Wllama {
  loadModel(
    blobs: Blob[],
    params: { n_ctx: number; n_threads: number; n_batch: number; n_parallel: number },
  ): Promise<void>
  createCompletion(options: object): Promise<{ timings?: Timings }>
  exit(): Promise<void>
}
/** llama.cpp's own clock; each is of that part alone. */
interface Timings {
  prompt_n: number
  prompt_per_second: number
  predicted_n: number
  predicted_per_second: number
}

const engines: (Worker | undefined)[] = []
let wllama: Wllama | undefined
/** The worker that loads from URLs. */
let loader: number | undefined

const absolute = (url: string): string => new URL(url, location.href).href

const engineWorker = () => new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module' })

/** Asks an engine's worker, which does one thing at a time. */
function ask(id: number, request: Request): Promise<number> {
  const worker = engines[id]!
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (typeof data === 'number' ? resolve(data) : reject(new Error(data)))
    worker.onerror = err => reject(new Error(err.message))
    worker.postMessage(request)
  })
}

/** What tests/bench/engine/chromium.ts calls. */
const bench = {
  async open(url: string, options: Options): Promise<number> {
    const id = engines.push(engineWorker()) - 1
    await ask(id, { url: absolute(url), options })
    return id
  },
  measure: (id: number, name: keyof Rates, args: number[]): Promise<number> => ask(id, { name, args }),
  close(id: number): void {
    engines[id]?.terminate()
    engines[id] = undefined
  },

  /** Milliseconds; loading.ts has what is measured. */
  async load(load: 'firstToken' | 'fetchAlone', from: string): Promise<number> {
    loader ??= engines.push(engineWorker()) - 1
    return ask(loader, { load, from: absolute(from) })
  },

  async openWllama(url: string, n_ctx: number): Promise<void> {
    const module = await import(/* @vite-ignore */ absolute('wllama/index.js'))
    const made: Wllama = new module.Wllama(
      { default: absolute('wllama/wasm/wllama.wasm') },
      { suppressNativeLog: true, logger: module.LoggerWithoutDebug },
    )
    const blob = await (await fetch(absolute(url))).blob()
    await made.loadModel([blob], { n_ctx, n_threads: 1, n_batch: n_ctx, n_parallel: 1 })
    wllama = made
  },
  /** Tokens a second of a prompt of `tokens` tokens, in models.ts's tokenizer, and of the `count` that are made after it. */
  async wllama(tokens: number, count: number): Promise<{ prompt: number; decode: number }> {
    const { timings: t } = await wllama!.createCompletion({
      // After BOS and a space, a token for each letter.
      prompt: Array.from({ length: tokens - 2 }, (_, i) => String.fromCharCode(97 + ((7 * i) % 26))).join(''),
      n_predict: count,
      max_tokens: count,
      temperature: 0,
      top_k: 1,
      samplers: ['top_k'],
      ignore_eos: true,
      cache_prompt: false,
      stream: false,
    })
    if (!t || t.prompt_n !== tokens || t.predicted_n < count)
      throw new Error(`wllama: ${JSON.stringify(t)} for ${tokens} and ${count} tokens`)
    return { prompt: t.prompt_per_second, decode: t.predicted_per_second }
  },
  async closeWllama(): Promise<void> {
    await wllama?.exit()
    wllama = undefined
  },
}

Object.assign(globalThis, { bench })
