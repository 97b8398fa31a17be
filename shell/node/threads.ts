import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { ThreadMaker } from '../../llmfs/engine/threads.ts'

/** The engine's helpers as threads of Node: `setThreads(threads)`. As engineworker.ts, from sources or built. */
export const threads: ThreadMaker = {
  cores: availableParallelism(),
  make(init) {
    const entry = import.meta.url.endsWith('.ts') ? './thread.source.mjs' : './thread.worker.js'
    const worker = new Worker(new URL(entry, import.meta.url), { workerData: init })
    worker.unref()
    // What fails there is told by way of the memory: `fail` in threads.as.ts.
    worker.on('error', () => {})
    return { terminate: () => void worker.terminate() }
  },
}
