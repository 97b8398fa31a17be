import type { EngineWorker } from '../llmfs/host.ts'

/** A thread for an engine, made by the kernel's worker: `setEngineWorker(engineWorker)`. */
export function engineWorker(): EngineWorker {
  const worker = new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module', name: 'engine' })
  const failed = new Promise<string>(resolve => {
    worker.addEventListener('error', e => resolve(`engine: ${e.message || 'the thread cannot start'}`))
  })
  return { endpoint: worker, failed, terminate: () => worker.terminate() }
}
