import { V86 } from 'v86'
import wasm from 'v86/build/v86.wasm?url'
import type { Parts } from '../emulator/v86.ts'

/** v86, whose wasm is fetched. */
export async function parts<E>(): Promise<Parts<E>> {
  const r = await fetch(wasm)
  if (!r.ok) throw new Error(`${wasm}: ${r.status} ${r.statusText}`)
  return { V86: V86 as unknown as Parts<E>['V86'], wasm: new Uint8Array(await r.arrayBuffer()) }
}
