import { attach, type Kernels, type Module } from './kernels.ts'

/** What a helper's thread needs to take part in an engine's work; structured clone carries it. */
export interface ThreadInit {
  module: Module
  memory: WebAssembly.Memory
  /** Where the model is described, and the threads' common memory. */
  model: number
  common: number
  /** This thread's number, from 1 on, and how many there are. */
  index: number
  threads: number
}

/** How a host makes threads that run `help`. */
export interface ThreadMaker {
  /** Threads that there is a core for, this one included. */
  cores: number
  make(init: ThreadInit): { terminate(): void }
}

let maker: ThreadMaker | undefined

/** Tells how threads are made here. Without it, and where memory cannot be shared, engines run on the one that calls them. */
export function setThreads(how: ThreadMaker | undefined): void {
  maker = how
}

export const threadMaker = (): ThreadMaker | undefined => (typeof SharedArrayBuffer === 'undefined' ? undefined : maker)

/** A helper's thread: returns when the engine is closed. */
export function help(init: ThreadInit): void {
  let k: Kernels | undefined
  try {
    k = attach(init.module, init.memory)
    k.attach(init.model, init.index)
    k.join(init.common, init.threads, false)
    k.help()
  } catch (e) {
    k?.fail()
    throw e
  }
}
