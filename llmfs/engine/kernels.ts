import { quantize } from './forward.ts'
import { plain, relaxed } from './kernels/kernels.gen.ts'

/** What kernels.as.ts exports; pointers are byte offsets in the memory. The sources' docstrings have the shapes. */
export interface Kernels {
  width(): number
  rmsnorm(o: number, x: number, weight: number, size: number, eps: number): void
  add(x: number, y: number, size: number): void
  softmax(x: number, size: number): void
  temper(x: number, size: number, temperature: number): void
  argmax(x: number, size: number): number
  multinomial(x: number, size: number, coin: number): number
  nucleus(x: number, size: number, topp: number, coin: number, heap: number): number
  swiglu(hb: number, hb2: number, size: number): void
  rotate(v: number, row: number, rope: number, head_size: number): void
  block(
    out: number,
    ostep: number,
    x: number,
    xstep: number,
    w: number,
    n: number,
    count: number,
    fast: number | boolean,
  ): void
  quantize(q: number, s: number, x: number, n: number, gs: number): void
  blockq(
    out: number,
    ostep: number,
    q: number,
    qstep: number,
    s: number,
    sstep: number,
    w: number,
    groups: number,
    runs: number,
    count: number,
  ): void
  pack(w: number, piece: number, n: number, rows: number): void
  packq(w: number, piece: number, n: number, rows: number, gs: number): void
  packs(w: number, piece: number, groups: number, rows: number, runs: number): void
  unpack(out: number, w: number, row: number, n: number): void
  store8(q: number, s: number, off: number, len: number, piece: number, n: number, gs: number, rows: number): void
  attach(model: number, index: number): void
  setScreen(w: number, off: number, len: number): void
  forward(items: number, count: number, whole: number, greedy: number): number
  join(at: number, threads: number, first: boolean): void
  joined(): number
  help(): void
  fail(): void
  quit(): void
}

export type Module = WebAssembly.Module

/** The bytes of one of kernels.gen.ts's modules, for a memory that is shared or not. */
function bytes(of: typeof plain, shared: boolean): Uint8Array<ArrayBuffer> {
  const wasm = Uint8Array.from(atob(of.base64), ch => ch.charCodeAt(0))
  wasm[of.shared] = shared ? 3 : 1
  return wasm
}

const compiled = new Map<string, Promise<Module>>()

/** The kernels, compiled once. Without `relaxedToo`, and where there is no relaxed SIMD or it is not to be trusted, the plain ones. */
export function kernels(opts: { shared: boolean; relaxedToo?: boolean }): Promise<Module> {
  const { shared, relaxedToo = true } = opts
  const key = `${shared} ${relaxedToo}`
  let module = compiled.get(key)
  if (!module) {
    module = choose(shared, relaxedToo)
    compiled.set(key, module)
  }
  return module
}

async function choose(shared: boolean, relaxedToo: boolean): Promise<Module> {
  if (relaxedToo) {
    const wasm = bytes(relaxed, shared)
    if (WebAssembly.validate(wasm)) {
      const module = await WebAssembly.compile(wasm)
      if (knownAnswer(module, shared)) return module
    }
  }
  return WebAssembly.compile(bytes(plain, shared))
}

/** The module's exports over a memory. */
export function attach(module: Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels
}

/**
 * Whether a module's integer dot products are right, on every int8 there is by every one that an activation can be: relaxed
 * SIMD's are the same everywhere as they are used here, but engines have had faults.
 */
export function knownAnswer(module: Module, shared: boolean): boolean {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared })
  const k = attach(module, memory)
  const gs = 64
  const runs = Math.ceil(gs / k.width())
  const [px, pq, ps, piece, pw, ones, out] = [16, 4096, 8192, 12288, 16384, 20480, 24576] as const
  const x = new Float32Array(memory.buffer, px, gs)
  const w = new Int8Array(memory.buffer, piece, 16 * gs)
  new Float32Array(memory.buffer, ones, 16).fill(1)
  for (let step = 0; step < 256; step++) {
    for (let i = 0; i < gs; i++) x[i] = ((i * 37 + step * 11) % 255) - 127
    x[step % gs] = 127
    for (let i = 0; i < w.length; i++) w[i] = i * 73 + step * 29
    k.quantize(pq, ps, px, gs, gs)
    k.packq(pw, piece, gs, 16, gs)
    k.packs(pw, ones, 1, 16, runs)
    k.blockq(out, 64, pq, 0, ps, 0, pw, 1, runs, 2)
    const want = quantize(x, gs)
    const got = new Float32Array(memory.buffer, out, 32)
    for (let row = 0; row < 16; row++) {
      let ival = 0
      for (let i = 0; i < gs; i++) ival += w[row * gs + i]! * want.q[i]!
      if (got[row] !== Math.fround(ival * want.s[0]!) || got[16 + row] !== got[row]) return false
    }
  }
  return true
}
