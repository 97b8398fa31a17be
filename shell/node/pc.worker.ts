import { parentPort } from 'node:worker_threads'
import type { Emulator } from '../../emulator/pc/v86.ts'
import { servePc } from '../../emulator/pc/worker.ts'
import { parts } from './v86.ts'

/** v86 draws on one; Node has none. */
class Picture {
  readonly data: Uint8ClampedArray
  readonly width: number
  readonly height: number

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data
    this.width = width
    this.height = height
  }
}
Object.assign(globalThis, { ImageData: Picture })

const port = parentPort!
servePc({ postMessage: up => port.postMessage(up), onmessage: f => void port.on('message', f) }, parts<Emulator>)
