/** What emulator/cpu and emulator/pc have in common of v86. */

/** v86's parts: its module's class, and the bytes of its wasm. */
export interface Parts<E> {
  V86: new (options: object) => E
  wasm: Uint8Array
}

/** What of v86's scheduler is used. */
export interface Scheduler {
  running: boolean
  yield(t: number, tick: number): void
  yield_callback(tick: number): void
  unregister_yield(): void
  do_tick(): void
}

/** v86 says why before it throws: the option `wasm_fn`, and what was said. */
export async function instantiator(wasm: Uint8Array): Promise<{
  wasm_fn(env: Record<string, Record<string, unknown>>): Promise<Record<string, unknown>>
  said: { reason: string }
}> {
  const module = await WebAssembly.compile(wasm)
  const said = { reason: '' }
  return {
    said,
    async wasm_fn(env) {
      const imports = env['env'] as { console_log_from_wasm(offset: number, length: number): void }
      imports.console_log_from_wasm = (offset, length) => {
        // `panicked at FILE:LINE:COLUMN:`, and the reason.
        const text = new TextDecoder().decode(new Uint8Array(memory(), offset, length))
        said.reason = text.slice(text.indexOf('\n') + 1)
      }
      const { exports } = await WebAssembly.instantiate(module, env)
      const memory = () => (exports['memory'] as WebAssembly.Memory).buffer
      return exports
    },
  }
}

/**
 * v86's own way to give others their turn is a Worker made of a Blob, which pages may forbid. This one is a message to
 * oneself; `later` is called where v86 would sleep, for so many milliseconds.
 *
 * @returns what ends it
 */
export function turns(v86: Scheduler, later: (ms: number, tick: number) => void): () => void {
  v86.unregister_yield()
  const { port1, port2 } = new MessageChannel()
  port2.onmessage = e => v86.yield_callback(e.data as number)
  const { setImmediate } = globalThis as { setImmediate?: (f: () => void) => void }
  v86.yield = (t, tick) => {
    if (t >= 1) later(t, tick)
    else if (setImmediate) setImmediate(() => v86.yield_callback(tick))
    else port1.postMessage(tick)
  }
  return () => port2.close()
}
