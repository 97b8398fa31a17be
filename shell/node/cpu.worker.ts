import { parentPort } from 'node:worker_threads'
import type { Emulator } from '../../emulator/cpu/v86.ts'
import { serveCpu } from '../../emulator/cpu/worker.ts'
import { parts } from './v86.ts'

const port = parentPort!
void serveCpu(
  {
    postMessage: ups => port.postMessage(ups),
    onmessage: f => void port.removeAllListeners('message').on('message', f),
  },
  parts<Emulator>,
)
