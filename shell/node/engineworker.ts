import { Worker } from 'node:worker_threads'
import type { EngineWorker } from '../../llmfs/host.ts'
import { endpoint } from './endpoint.ts'

/**
 * A thread for an engine: `setEngineWorker(engineWorker)`. From sources (under tsx or vitest) its entry is
 * engine.source.mjs; built, it is engine.worker.js beside the program.
 */
export function engineWorker(): EngineWorker {
  const entry = import.meta.url.endsWith('.ts') ? './engine.source.mjs' : './engine.worker.js'
  const worker = new Worker(new URL(entry, import.meta.url))
  const failed = new Promise<string>(resolve => {
    worker.on('error', e => resolve(`engine: ${e.message}`))
    worker.on('exit', () => resolve('engine: thread ended'))
  })
  return { endpoint: endpoint(worker), failed, terminate: () => void worker.terminate() }
}
