import { loadEngine } from '../../../llmfs/engine/engine.ts'
import { setThreads } from '../../../llmfs/engine/threads.ts'
import { threads } from '../../../shell/node/threads.ts'
import { fileSource } from './models.ts'
import { type Options, type Rates, rates, settle } from './ours.ts'

type Later<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<R> | R : never }

/** An engine that is loaded somewhere. */
export interface Ours extends Later<Rates> {
  close(): Promise<void>
}

/** Where the engine runs. */
export interface Place {
  name: string
  /** Whether its WebAssembly has relaxed SIMD, without which there is no fast mode. */
  relaxed: boolean
  open(bin: string, options?: Options): Promise<Ours>
}

export const node: Place = {
  name: 'Node',
  relaxed: false,
  async open(bin, options) {
    setThreads(threads)
    const engine = await loadEngine(fileSource(bin), { simd: true, threads: 1, ...options })
    await settle(engine)
    return { ...rates(engine), close: async () => engine.close() }
  },
}
