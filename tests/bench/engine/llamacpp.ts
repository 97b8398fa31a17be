import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { tokenAt } from './ours.ts'
import { peer } from './peers.ts'
import { Missing } from './rows.ts'

/** What is used of node-llama-cpp: what is below its sequences, which cost more a token than a small model does. */
interface Addon {
  initBatch(size: number): void
  /** `logits` has the indices in `tokens` of those whose logits are wanted; returns their indices in the batch. */
  addToBatch(sequence: number, pos: number, tokens: Uint32Array, logits: Uint32Array): Uint32Array
  decodeBatch(): Promise<void>
  sampleToken(index: number, sampler: object): Promise<number>
  disposeSequence(sequence: number): void
}
interface ContextOptions {
  contextSize: number
  batchSize: number
  threads: number
  sequences: number
  flashAttention?: boolean
  experimentalKvCacheKeyType?: 'F32'
  experimentalKvCacheValueType?: 'F32'
}
interface Model {
  _model: object
  createContext(options: ContextOptions): Promise<{ _ctx: Addon; dispose(): Promise<void> }>
  dispose(): Promise<void>
}
interface Llama {
  _bindings: { AddonSampler: new (model: object) => { applyConfig(config: { temperature: number }): void } }
  loadModel(options: { modelPath: string; gpuLayers: number }): Promise<Model>
}

/** llama.cpp's native code on a model, on one thread. */
export interface LlamaCpp {
  /** Tokens a second of one sequence, from an empty cache, with logits. */
  decode(steps: number): Promise<number>
  /** Tokens a second of a prompt in one batch; logits of the last. */
  prefill(steps: number): Promise<number>
  /** The `count` tokens that greedy sampling adds to a prompt. */
  greedy(prompt: readonly number[], count: number): Promise<number[]>
  close(): Promise<void>
}

let llama: Llama | undefined

/** Nothing is downloaded or compiled: the binary is npm's. @throws Missing why it could not be had */
async function load(): Promise<Llama> {
  if (llama) return llama
  const dir = peer('node-llama-cpp')
  peer(
    `@node-llama-cpp/${{ darwin: 'mac', win32: 'win' }[process.platform as string] ?? process.platform}-${process.arch}`,
  )
  try {
    const { getLlama } = await import(pathToFileURL(join(dir, 'dist', 'index.js')).href)
    const options = { gpu: false, build: 'never', skipDownload: true, logLevel: 'error', progressLogs: false }
    llama = (await getLlama(options)) as Llama
    return llama
  } catch (err) {
    throw new Missing(`node-llama-cpp: ${err instanceof Error ? err.message.split('\n')[0] : String(err)}`)
  }
}

/**
 * Loads a GGUF file. `exact` keeps the KV cache in float32, without the attention that rounds to float16: for results that can be
 * compared; otherwise it is as llama.cpp has it by default.
 *
 * @throws Missing llama.cpp could not be had
 */
export async function openLlamaCpp(
  gguf: string,
  of: { vocab_size: number; contextSize: number; exact?: boolean },
): Promise<LlamaCpp> {
  const { _bindings, loadModel } = await load().then(l => ({ _bindings: l._bindings, loadModel: l.loadModel.bind(l) }))
  const { vocab_size, contextSize, exact = false } = of
  const model = await loadModel({ modelPath: gguf, gpuLayers: 0 })
  const context = await model.createContext({
    contextSize,
    batchSize: contextSize,
    threads: 1,
    sequences: 1,
    ...(exact && { flashAttention: false, experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' }),
  })
  const ctx = context._ctx
  /** One batch of tokens from `pos` on; the last one's index in it. */
  const pass = async (pos: number, tokens: Uint32Array): Promise<number> => {
    ctx.initBatch(tokens.length)
    const [index] = ctx.addToBatch(0, pos, tokens, Uint32Array.of(tokens.length - 1))
    await ctx.decodeBatch()
    return index!
  }
  const rate = async (steps: number, work: () => Promise<unknown>): Promise<number> => {
    ctx.disposeSequence(0)
    const start = performance.now()
    await work()
    return (steps / (performance.now() - start)) * 1000
  }
  const tokens = (n: number) => Uint32Array.from({ length: n }, (_, pos) => tokenAt(pos, vocab_size))
  return {
    decode: steps =>
      rate(steps, async () => {
        for (let pos = 0; pos < steps; pos++) await pass(pos, Uint32Array.of(tokenAt(pos, vocab_size)))
      }),
    prefill: steps => rate(steps, () => pass(0, tokens(steps))),
    async greedy(prompt, count) {
      ctx.disposeSequence(0)
      const sampler = new _bindings.AddonSampler(model._model)
      sampler.applyConfig({ temperature: 0 })
      let index = await pass(0, Uint32Array.from(prompt))
      const made: number[] = []
      for (let pos = prompt.length; ; pos++) {
        const token = await ctx.sampleToken(index, sampler)
        made.push(token)
        if (made.length === count) return made
        index = await pass(pos, Uint32Array.of(token))
      }
    },
    async close() {
      await context.dispose()
      await model.dispose()
    },
  }
}
