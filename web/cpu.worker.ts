import { V86 } from 'v86'
import wasm from 'v86/build/v86.wasm?url'
import type { Emulator } from '../emulator/cpu/v86.ts'
import { serveCpu } from '../emulator/cpu/worker.ts'
import type { Parts } from '../emulator/v86.ts'

void serveCpu(
  {
    postMessage: ups => self.postMessage(ups),
    onmessage: f => {
      self.onmessage = ev => f(ev.data)
    },
  },
  async () => {
    const r = await fetch(wasm)
    if (!r.ok) throw new Error(`${wasm}: ${r.status} ${r.statusText}`)
    return { V86: V86 as unknown as Parts<Emulator>['V86'], wasm: new Uint8Array(await r.arrayBuffer()) }
  },
)
