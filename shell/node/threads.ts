import { availableParallelism } from 'node:os'
import type { ThreadMaker } from '../../llmfs/engine/threads.ts'
import { worker } from './worker.ts'

/** The engine's helpers as threads of Node: `setThreads(threads)`. */
export const threads: ThreadMaker = {
  cores: availableParallelism(),
  make(init) {
    const thread = worker('thread', { workerData: init })
    thread.unref()
    // What fails there is told by way of the memory: `fail` in threads.as.ts.
    thread.on('error', () => {})
    return { terminate: () => void thread.terminate() }
  },
}
