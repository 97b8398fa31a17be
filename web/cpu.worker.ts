import type { Emulator } from '../emulator/cpu/v86.ts'
import { serveCpu } from '../emulator/cpu/worker.ts'
import { parts } from './v86.ts'

void serveCpu(
  {
    postMessage: ups => self.postMessage(ups),
    onmessage: f => {
      self.onmessage = ev => f(ev.data)
    },
  },
  parts<Emulator>,
)
