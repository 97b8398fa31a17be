import { setThreads } from '../llmfs/engine/threads.ts'

/** Lets this Worker's engine compute in Workers of its own; where the page is not isolated from other sites, nothing happens. */
export function useThreads(): void {
  // Memory is shared with the page's other threads only there.
  if (!crossOriginIsolated) return
  setThreads({
    cores: navigator.hardwareConcurrency,
    make(init) {
      const worker = new Worker(new URL('./thread.worker.ts', import.meta.url), { type: 'module', name: '9ml thread' })
      worker.postMessage(init)
      return worker
    },
  })
}
