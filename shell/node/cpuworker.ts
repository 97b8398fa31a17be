import type { CpuWorker } from '../../emulator/cpu/image.ts'
import { failure, worker } from './worker.ts'

/** A thread for the processor of 386 programs. */
export function cpuWorker(): CpuWorker {
  const thread = worker('cpu')
  return {
    postMessage: downs => thread.postMessage(downs),
    onmessage: f => void thread.on('message', f),
    failed: failure(thread),
    terminate: () => void thread.terminate(),
  }
}
