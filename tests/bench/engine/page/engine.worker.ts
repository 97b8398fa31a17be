import { type Engine, loadEngine } from '../../../../llmfs/engine/engine.ts'
import { setThreads } from '../../../../llmfs/engine/threads.ts'
import { type Options, type Rates, rates, settle } from '../ours.ts'

setThreads({
  cores: navigator.hardwareConcurrency,
  make(init) {
    const worker = new Worker(new URL('../../../../web/thread.worker.ts', import.meta.url), { type: 'module' })
    worker.postMessage(init)
    return worker
  },
})

export type Request = { url: string; options: Options } | { name: keyof Rates; args: number[] }

let engine: Engine
let measured: Rates

addEventListener('message', async ({ data }: MessageEvent<Request>) => {
  if ('url' in data) {
    const bytes = new Uint8Array(await (await fetch(data.url)).arrayBuffer())
    const read = async (offset: number, count: number) => bytes.slice(offset, offset + count)
    engine = await loadEngine({ size: bytes.length, read }, { simd: true, threads: 1, ...data.options })
    await settle(engine)
    measured = rates(engine)
    postMessage(0)
  } else {
    const [steps = 0, n = 0] = data.args
    postMessage(measured[data.name](steps, n))
  }
})
