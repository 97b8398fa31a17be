import { readFile } from 'node:fs/promises'
import { V86 } from 'v86'
import type { Parts } from '../../emulator/v86.ts'

const wasm = import.meta.url.endsWith('.ts') ? '../../node_modules/v86/build/v86.wasm' : './v86.wasm'

/** v86 as the package has it, or beside the program. */
export async function parts<E>(): Promise<Parts<E>> {
  return { V86: V86 as unknown as Parts<E>['V86'], wasm: await readFile(new URL(wasm, import.meta.url)) }
}
