import type { EngineWorker } from '../../llmfs/host.ts'
import { endpoint } from './endpoint.ts'
import { failure, worker } from './worker.ts'

/** A thread for an engine: `setEngineWorker(engineWorker)`. */
export function engineWorker(): EngineWorker {
  const thread = worker('engine')
  return {
    endpoint: endpoint(thread),
    failed: failure(thread).then(why => `engine: ${why}`),
    terminate: () => void thread.terminate(),
  }
}
