import type { PcWorker } from '../../emulator/pc/thread.ts'
import { failure, worker } from './worker.ts'

/** A thread for a whole PC. */
export function pcWorker(): PcWorker {
  const thread = worker('pc')
  return {
    postMessage: down => thread.postMessage(down),
    onmessage: f => void thread.on('message', f),
    failed: failure(thread),
    terminate: () => void thread.terminate(),
  }
}
