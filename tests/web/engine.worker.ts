import { type EngineOptions, loadEngine } from '../../llmfs/engine/engine.ts'
import { attach, kernels, knownAnswer } from '../../llmfs/engine/kernels.ts'
import { useThreads } from '../../web/threads.ts'

useThreads()

export interface Asked {
  url: string
  opts: Omit<EngineOptions, 'simd'>
  /** The tokens to feed, one session, in batches of so many. */
  tokens: number[]
  batch: number
}

export interface Told {
  /** Of each position, the logits' bits and the token screened for. */
  logits: number[][]
  greatest: number[]
  threads: number
  /** Columns at once of the integer dot product: 4 is relaxed SIMD. */
  width: number
  error?: string
}

async function answer({ url, opts, tokens, batch }: Asked): Promise<Told> {
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer())
  const read = async (offset: number, count: number) => bytes.slice(offset, offset + count)
  const engine = await loadEngine({ size: bytes.length, read }, { simd: true, ...opts })
  while (engine.helpers() < engine.threads - 1) await new Promise(resolve => setTimeout(resolve, 5))
  const state = engine.newState()
  const logits: number[][] = []
  const greatest: number[] = []
  for (let pos = 0; pos < tokens.length; pos += batch) {
    const some = tokens.slice(pos, pos + batch)
    const passes = (want: 'logits' | 'greatest') => some.map((token, i) => ({ state, token, pos: pos + i, want }))
    for (const l of engine.forwardAll(passes('logits')) as Float32Array[])
      logits.push([...new Uint32Array(l.slice().buffer)])
    greatest.push(...(engine.forwardAll(passes('greatest')) as number[]))
  }
  const module = await kernels({ shared: false, relaxedToo: opts.relaxed ?? true })
  const k = attach(module, new WebAssembly.Memory({ initial: 1, maximum: 1 }))
  if (!knownAnswer(module, false)) throw new Error('the kernels do not know the answer')
  const { threads } = engine
  engine.close()
  return { logits, greatest, threads, width: k.width() }
}

addEventListener('message', async ({ data }: MessageEvent<Asked>) => {
  const none = { logits: [], greatest: [], threads: 0, width: 0 }
  const told = await answer(data).catch((e: unknown): Told => ({ ...none, error: String(e) }))
  postMessage(told)
})
