import { Worker, type WorkerOptions } from 'node:worker_threads'

/** A thread that runs NAME.worker: from sources (under tsx or vitest) by source.mjs; built, it is NAME.worker.js beside the program. */
export function worker(name: 'cpu' | 'engine' | 'pc' | 'thread', options?: WorkerOptions): Worker {
  const entry = import.meta.url.endsWith('.ts') ? './source.mjs' : `./${name}.worker.js`
  return new Worker(new URL(entry, import.meta.url), { ...options, argv: [name] })
}

/** Why the thread is no more. */
export function failure(thread: Worker): Promise<string> {
  return new Promise(resolve => {
    thread.on('error', e => resolve(e.message))
    thread.on('exit', () => resolve('thread ended'))
  })
}
