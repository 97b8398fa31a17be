import { type Checkpoint, type CheckpointSource, readRows, type Tensor, type TensorName } from './checkpoint.ts'
import { CheckpointError, type Config, head_size, kv_dim } from './config.ts'
import { type Engine, type Pass, quantName, type State } from './engine.ts'
import { kernels } from './kernels/kernels.gen.ts'
import { ropeTable } from './math.ts'

/** What kernels.as.ts exports; pointers are byte offsets in the memory. Its docstrings have the shapes. */
export interface Kernels {
  rmsnorm(o: number, x: number, weight: number, size: number): void
  add(x: number, y: number, size: number): void
  softmax(x: number, size: number): void
  swiglu(hb: number, hb2: number, size: number): void
  rotate(vec: number, size: number, rope: number, head_size: number): void
  matmul(xout: number, x: number, w: number, n: number, d: number, count: number, xstep: number, ostep: number): void
  quantize(q: number, s: number, x: number, n: number, gs: number): void
  matmulq(
    xout: number,
    xq: number,
    xs: number,
    w: number,
    ws: number,
    n: number,
    d: number,
    gs: number,
    count: number,
    xqstep: number,
    xsstep: number,
    ostep: number,
  ): void
  pack(w: number, piece: number, n: number, rows: number): void
  packq(w: number, piece: number, n: number, rows: number, gs: number): void
  attention(
    xb: number,
    q: number,
    keys: number,
    values: number,
    att: number,
    pos: number,
    n_heads: number,
    kv_mul: number,
    head_size: number,
    kv_dim: number,
    blocks: number,
  ): void
  keep(keys: number, k: number, pos: number, n_kv_heads: number, head_size: number, blocks: number): void
  configure(
    dim: number,
    hidden_dim: number,
    n_layers: number,
    n_heads: number,
    n_kv_heads: number,
    vocab_size: number,
    blocks: number,
    group: number,
    table: number,
    rope: number,
  ): void
  buffers(
    x: number,
    xb: number,
    xb2: number,
    hb: number,
    hb2: number,
    q: number,
    k: number,
    att: number,
    xq: number,
    xs: number,
    logits: number,
  ): void
  steps(d: number, h: number, k: number, q: number, s: number, l: number): void
  forward(items: number, count: number): void
}

const PAGE = 65536
/** Passes at once, at most: enough for 16 sessions, and for the weights to be read seldom while a prompt is fed. */
const BATCH = 16
/** Bytes of an item of the kernels' forward. */
const ITEM = 20
/** What 32-bit pointers reach. */
const MOST = 65535 * PAGE

const round16 = (n: number): number => Math.ceil(n / 16) * 16

/** The WebAssembly memory of one engine, handed out from the bottom up. */
export class Arena {
  readonly memory: WebAssembly.Memory
  private top = 16

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1 })
  }

  /** The address of `size` bytes, zero, 16-aligned. @throws CheckpointError there is no more memory */
  alloc(size: number): number {
    const at = this.top
    const end = round16(at + size)
    const have = this.memory.buffer.byteLength
    if (end > have) {
      if (end > MOST) throw new CheckpointError(`${end} bytes do not fit into 4 GB of memory`)
      try {
        this.memory.grow(Math.ceil((end - have) / PAGE))
      } catch {
        throw new CheckpointError(`no memory for ${end} bytes`)
      }
    }
    this.top = end
    return at
  }

  /** Gives back everything from `at` on, and makes it zero again. */
  release(at: number): void {
    this.u8(at, this.top - at).fill(0)
    this.top = at
  }

  /** Views last until the next alloc. */
  u8(at: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, length)
  }
  f32(at: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, length)
  }
  u32(at: number, length: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, at, length)
  }
}

let compiled: Promise<WebAssembly.Module> | undefined

export async function instantiate(arena: Arena): Promise<Kernels> {
  compiled ??= WebAssembly.compile(Uint8Array.from(atob(kernels), ch => ch.charCodeAt(0)))
  const instance = await WebAssembly.instantiate(await compiled, { env: { memory: arena.memory } })
  return instance.exports as unknown as Kernels
}

/** A tensor in the arena: a vector as it is, a matrix packed, with its scales where it is Q8_0. */
interface Placed {
  w: number
  s: number
}

/** Sizes of the packed forms, in bytes. */
const packedF32 = (d: number, n: number): number => round16(d) * n * 4
const packedQ80 = (d: number, n: number, gs: number): number => round16(d) * (n / gs) * (gs + (gs & 1))
const packedScales = (d: number, n: number, gs: number): number => round16(d) * (n / gs) * 4

/** Reads a tensor from the file into its place, packed piece by piece by way of a small buffer. */
async function place(src: CheckpointSource, t: Tensor, gs: number, arena: Arena, k: Kernels): Promise<Placed> {
  const { d, n, offset } = t
  if (d === 1 && t.name.startsWith('rms')) {
    const w = arena.alloc(4 * n)
    await readRows(src, { offset, d: 1, n, width: 4, rows: 1 }, piece => arena.u8(w, 4 * n).set(piece))
    return { w, s: 0 }
  }
  /** Rows of `cols` elements of `width` bytes into blocks at `w`. */
  const pack = async (
    at: { offset: number; cols: number; width: number },
    w: number,
    one: (w: number, piece: number, rows: number) => void,
  ) => {
    const blockBytes = 16 * at.cols * at.width
    const scratch = arena.alloc(blockBytes)
    const step = packedSize(at.width, at.cols)
    await readRows(src, { offset: at.offset, d, n: at.cols, width: at.width, rows: 16 }, (piece, row) => {
      for (let used = 0; used < piece.length; used += blockBytes) {
        const block = piece.subarray(used, used + blockBytes)
        arena.u8(scratch, block.length).set(block)
        const first = row + used / (at.cols * at.width)
        one(w + (first / 16) * step, scratch, block.length / (at.cols * at.width))
      }
    })
    arena.release(scratch)
  }
  const packedSize = (width: number, cols: number) => (width === 4 ? packedF32(16, cols) : packedQ80(16, cols, gs))
  if (t.type === 'f32') {
    const w = arena.alloc(packedF32(d, n))
    await pack({ offset, cols: n, width: 4 }, w, (w, piece, rows) => k.pack(w, piece, n, rows))
    return { w, s: 0 }
  }
  const w = arena.alloc(packedQ80(d, n, gs))
  const s = arena.alloc(packedScales(d, n, gs))
  await pack({ offset, cols: n, width: 1 }, w, (w, piece, rows) => k.packq(w, piece, n, rows, gs))
  // A row's scales are packed as a row of float32 is.
  const groups = n / gs
  await pack({ offset: offset + d * n, cols: groups, width: 4 }, s, (w, piece, rows) => k.pack(w, piece, groups, rows))
  return { w, s }
}

interface SimdState extends State {
  key_cache: number
  value_cache: number
}

/** Bytes of one session's key cache, or value cache: positions in blocks of four. */
const cacheBytes = (c: Config): number => c.n_layers * Math.ceil(c.seq_len / 4) * 16 * kv_dim(c)

/** The engine on WebAssembly SIMD: the weights packed for 16 rows at a time, one call a forward pass. */
export async function loadSimd(src: CheckpointSource, ckpt: Checkpoint): Promise<Engine> {
  const { config, group_size: gs } = ckpt
  const { dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len } = config
  if (ckpt.bytes > MOST) throw new CheckpointError(`${ckpt.bytes} bytes do not fit into 4 GB of memory`)
  const arena = new Arena()
  const k = await instantiate(arena)

  const placed = new Map<string, Placed>()
  for (const t of ckpt.tensors) placed.set(`${t.name} ${t.layer}`, await place(src, t, gs, arena, k))
  const find = (name: TensorName, layer = 0) => placed.get(`${name} ${layer}`)

  const hs = head_size(config)
  const blocks = Math.ceil(seq_len / 4)
  const rope = arena.alloc(4 * seq_len * hs)
  arena.f32(rope, seq_len * hs).set(ropeTable(seq_len, hs, config.rope_theta))

  const entries: number[] = []
  for (let l = 0; l < n_layers; l++) {
    for (const name of ['rms_att_weight', 'wq', 'wk', 'wv', 'wo', 'rms_ffn_weight', 'w1', 'w2', 'w3'] as const) {
      const { w, s } = find(name, l)!
      entries.push(w)
      if (!name.startsWith('rms')) entries.push(s)
    }
  }
  const embedding = find('token_embedding_table')!
  const wcls = find('wcls') ?? embedding
  entries.push(find('rms_final_weight')!.w, wcls.w, wcls.s, embedding.w, embedding.s)
  const table = arena.alloc(4 * entries.length)
  arena.u32(table, entries.length).set(entries)

  const longest = Math.max(dim, hidden_dim)
  const step = {
    d: 4 * round16(dim),
    h: 4 * round16(hidden_dim),
    k: 4 * round16(kv_dim(config)),
    xq: gs > 0 ? round16(2 * (longest / gs) * (gs + (gs & 1))) : 0,
    xs: gs > 0 ? 4 * round16(longest / gs) : 0,
    l: 4 * round16(vocab_size),
  }
  const rows = (bytes: number) => arena.alloc(BATCH * bytes)
  const logits = rows(step.l)
  const items = arena.alloc(BATCH * ITEM)
  k.configure(dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, blocks, gs, table, rope)
  k.buffers(
    rows(step.d),
    rows(step.d),
    rows(step.d),
    rows(step.h),
    rows(step.h),
    rows(step.d),
    rows(step.k),
    arena.alloc(4 * round16(seq_len)),
    rows(step.xq),
    rows(step.xs),
    logits,
  )
  k.steps(step.d, step.h, step.k, step.xq, step.xs, step.l)

  const cache = cacheBytes(config)
  const spare: SimdState[] = []
  const mine = new Set<State>()

  function run(passes: readonly Pass[]): void {
    const table = arena.u32(items, (passes.length * ITEM) / 4)
    passes.forEach(({ state, token, pos, wantLogits }, i) => {
      if (!mine.has(state)) throw new Error('state of another engine, or freed')
      if (!(token >= 0 && token < vocab_size && pos >= 0 && pos < seq_len))
        throw new RangeError(`token ${token} at position ${pos}`)
      const { key_cache, value_cache } = state as SimdState
      table.set([token, pos, key_cache, value_cache, wantLogits ? 1 : 0], (i * ITEM) / 4)
    })
    k.forward(items, passes.length)
  }
  const row = (i: number) => arena.f32(logits + i * step.l, vocab_size)

  const engine: Engine = {
    config,
    params: ckpt.params,
    quant: quantName(ckpt),
    bytes: ckpt.bytes,
    batch: BATCH,
    newState() {
      const state = spare.pop() ?? { engine, key_cache: arena.alloc(cache), value_cache: arena.alloc(cache) }
      mine.add(state)
      return state
    },
    free(state) {
      if (mine.delete(state)) spare.push(state as SimdState)
    },
    forward(state, token, pos, wantLogits = true) {
      run([{ state, token, pos, wantLogits }])
      return row(0)
    },
    forwardAll(passes) {
      if (passes.length > BATCH) throw new RangeError(`${passes.length} passes at once`)
      run(passes)
      let wanted = 0
      return passes.map(pass => (pass.wantLogits ? row(wanted++) : undefined))
    },
  }
  return engine
}
