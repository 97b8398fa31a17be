import { loadEngine } from '../../../../llmfs/engine/engine.ts'
import { setEngineWorker } from '../../../../llmfs/host.ts'
import { useThreads } from '../../../../web/threads.ts'
import { fetchAlone, firstToken } from '../loading.ts'
import { type Options, type Rates, rates, settle } from '../ours.ts'

useThreads()
setEngineWorker(() => {
  const worker = new Worker(new URL('../../../../web/engine.worker.ts', import.meta.url), { type: 'module' })
  const failed = new Promise<string>(resolve => {
    worker.onerror = err => resolve(err.message)
  })
  return { endpoint: worker, failed, terminate: () => worker.terminate() }
})

export type Request =
  | { url: string; options: Options }
  | { name: keyof Rates; args: number[] }
  | { load: 'firstToken' | 'fetchAlone'; from: string }

let measured: Rates

async function answer(request: Request): Promise<number> {
  if ('load' in request) return { firstToken, fetchAlone }[request.load](request.from)
  if ('name' in request) {
    const [steps = 0, n = 0] = request.args
    return measured[request.name](steps, n)
  }
  const bytes = new Uint8Array(await (await fetch(request.url)).arrayBuffer())
  const read = async (offset: number, count: number) => bytes.slice(offset, offset + count)
  const engine = await loadEngine({ size: bytes.length, read }, { simd: true, threads: 1, ...request.options })
  await settle(engine)
  measured = rates(engine)
  return 0
}

addEventListener('message', ({ data }: MessageEvent<Request>) => {
  answer(data).then(postMessage, (err: unknown) => postMessage(String(err)))
})
