import { readFile } from 'node:fs/promises'
import { parentPort } from 'node:worker_threads'
import { V86 } from 'v86'
import type { Emulator } from '../../emulator/cpu/v86.ts'
import { serveCpu } from '../../emulator/cpu/worker.ts'
import type { Parts } from '../../emulator/v86.ts'

const wasm = import.meta.url.endsWith('.ts') ? '../../node_modules/v86/build/v86.wasm' : './v86.wasm'

const port = parentPort!
void serveCpu(
  {
    postMessage: ups => port.postMessage(ups),
    onmessage: f => void port.removeAllListeners('message').on('message', f),
  },
  async () => ({
    V86: V86 as unknown as Parts<Emulator>['V86'],
    wasm: await readFile(new URL(wasm, import.meta.url)),
  }),
)
