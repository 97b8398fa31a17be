import type { Emulator } from '../emulator/pc/v86.ts'
import { servePc } from '../emulator/pc/worker.ts'
import { parts } from './v86.ts'

servePc(
  {
    postMessage: up => self.postMessage(up),
    onmessage: f => {
      self.onmessage = ev => f(ev.data)
    },
  },
  parts<Emulator>,
)
