import { setThreads } from '../llmfs/engine/threads.ts'
import { serveEngine } from '../llmfs/worker.ts'

// Memory is shared with the page's other threads only where it is isolated from other sites.
if (crossOriginIsolated)
  setThreads({
    cores: navigator.hardwareConcurrency,
    make(init) {
      const worker = new Worker(new URL('./thread.worker.ts', import.meta.url), { type: 'module', name: '9ml thread' })
      worker.postMessage(init)
      return worker
    },
  })
serveEngine()
