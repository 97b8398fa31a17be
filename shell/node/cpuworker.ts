import { Worker } from 'node:worker_threads'
import type { CpuWorker } from '../../emulator/cpu/image.ts'

/** A thread for the processor of 386 programs, as engineWorker. */
export function cpuWorker(): CpuWorker {
  const entry = import.meta.url.endsWith('.ts') ? './cpu.source.mjs' : './cpu.worker.js'
  const worker = new Worker(new URL(entry, import.meta.url))
  const failed = new Promise<string>(resolve => {
    worker.on('error', e => resolve(e.message))
    worker.on('exit', () => resolve('thread ended'))
  })
  return {
    postMessage: downs => worker.postMessage(downs),
    onmessage: f => void worker.on('message', f),
    failed,
    terminate: () => void worker.terminate(),
  }
}
