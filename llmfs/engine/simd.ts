import { type Checkpoint, type CheckpointSource, readRows, type Tensor, type TensorName } from './checkpoint.ts'
import { CheckpointError, type Config, head_size, kv_dim, NORM_EPS } from './config.ts'
import { type Engine, type EngineOptions, type Pass, quantName, type Result, type State } from './engine.ts'
import { attach, type Kernels, kernels, type Module } from './kernels.ts'
import { ropeTable } from './math.ts'
import { threadMaker } from './threads.ts'

const PAGE = 65536
/** Passes at once, at most: the weights are read seldom while a prompt is fed, and a call is still short. */
const BATCH = 32
/** Bytes of an item of the kernels' forward. */
const ITEM = 16
/** What 32-bit pointers reach. */
export const MOST = 65535 * PAGE
/** Bytes of the weights that a token takes below which other threads cost more than they bring. */
const WORTH_THREADS = 8 << 20
/** Threads that are taken without being asked for. */
const AUTOMATIC = 8
/** Multiplications of a classifier below which screening brings nothing. */
const WORTH_SCREENING = 1 << 20
/** Greedy tokens after which the classifier is stored for it: who asks for a few does not wait for that. */
const SCREEN_AFTER = 8

const round16 = (n: number): number => Math.ceil(n / 16) * 16

/** The WebAssembly memory of one engine, handed out from the bottom up. */
export class Arena {
  readonly memory: WebAssembly.Memory
  private top = 16

  /** `shared` among threads or not. @throws RangeError there is no room for the addresses that a shared one may grow to */
  constructor(shared = false) {
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: MOST / PAGE, shared })
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

  /** Bytes handed out. */
  get used(): number {
    return this.top
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

/** How a checkpoint's tensors stand in the arena, in bytes. `width` is the kernels'. */
class Packing {
  readonly width: number

  constructor(width: number) {
    this.width = width
  }

  f32(d: number, n: number): number {
    return round16(d) * n * 4
  }
  /** Runs of a group. */
  runs(gs: number): number {
    return Math.ceil(gs / this.width)
  }
  q80(d: number, n: number, gs: number): number {
    return (round16(d) / 16) * (n / gs) * (this.runs(gs) * this.width * 16 + 64)
  }
  tensor({ d, n, type }: Tensor, gs: number): number {
    return type === 'f32' ? this.f32(d, n) : this.q80(d, n, gs)
  }
  screen(d: number, n: number, gs: number): number {
    return this.q80(d, n, gs) + 2 * 4 * round16(d)
  }
}

/** Group size of the screening classifier; 0 for none. */
function screenGroup(ckpt: Checkpoint): number {
  const { dim, vocab_size } = ckpt.config
  if (ckpt.group_size > 0 || dim * vocab_size < WORTH_SCREENING) return 0
  for (const gs of [64, 32]) if (dim % gs === 0) return gs
  return 0
}

/** Reads the tensors into their places, packed piece by piece by way of a small buffer. */
class Placer {
  readonly src: CheckpointSource
  readonly gs: number
  readonly arena: Arena
  readonly k: Kernels
  readonly packing: Packing

  constructor(src: CheckpointSource, gs: number, arena: Arena, k: Kernels) {
    this.src = src
    this.gs = gs
    this.arena = arena
    this.k = k
    this.packing = new Packing(k.width())
  }

  /** A vector stands in the arena as it is. Returns its address. */
  async vector({ offset, n }: Tensor): Promise<number> {
    const w = this.arena.alloc(4 * n)
    await readRows(this.src, { offset, d: 1, n, width: 4, rows: 1 }, piece => this.arena.u8(w, 4 * n).set(piece))
    return w
  }

  /** A matrix is packed. */
  async matrix(t: Tensor): Promise<number> {
    const { k, gs, arena, packing } = this
    const { d, n, offset } = t
    if (t.type === 'f32') {
      const w = arena.alloc(packing.f32(d, n))
      const step = packing.f32(16, n)
      await this.blocks({ offset, d, n, width: 4 }, (block, piece, rows) => k.pack(w + block * step, piece, n, rows))
      return w
    }
    const groups = n / gs
    const w = arena.alloc(packing.q80(d, n, gs))
    const step = packing.q80(16, n, gs)
    await this.blocks({ offset, d, n, width: 1 }, (block, piece, rows) => k.packq(w + block * step, piece, n, rows, gs))
    await this.blocks({ offset: offset + d * n, d, n: groups, width: 4 }, (block, piece, rows) =>
      k.packs(w + block * step, piece, groups, rows, packing.runs(gs)),
    )
    return w
  }

  /** Calls `use` with the address of each 16 rows. */
  private async blocks(
    at: { offset: number; d: number; n: number; width: number },
    use: (block: number, piece: number, rows: number) => void,
  ): Promise<void> {
    const { arena } = this
    const row = at.n * at.width
    const scratch = arena.alloc(16 * row)
    await readRows(this.src, { ...at, rows: 16 }, (piece, first) => {
      for (let used = 0; used < piece.length; used += 16 * row) {
        const block = piece.subarray(used, used + 16 * row)
        arena.u8(scratch, block.length).set(block)
        use(first / 16 + used / (16 * row), scratch, block.length / row)
      }
    })
    arena.release(scratch)
  }
}

/**
 * Stores a packed float32 classifier, (d, n), in groups of `group` for screening: screen.as.ts. Packed Q8_0, and each row's two
 * lengths.
 *
 * @throws CheckpointError there is no memory for it
 */
function storeScreen(arena: Arena, k: Kernels, wcls: number, d: number, n: number, group: number): void {
  const packing = new Packing(k.width())
  const w = arena.alloc(packing.q80(d, n, group))
  const [off, len] = [arena.alloc(4 * round16(d)), arena.alloc(4 * round16(d))]
  const rows = arena.alloc(64 * n)
  const q = arena.alloc(16 * n)
  const scales = arena.alloc((16 * n * 4) / group)
  for (let row = 0; row < d; row += 16) {
    for (let i = 0; i < 16; i++) k.unpack(rows + 4 * i * n, wcls, row + i, n)
    k.store8(q, scales, off + 4 * row, len + 4 * row, rows, n, group, 16)
    const to = w + packing.q80(row, n, group)
    k.packq(to, q, n, 16, group)
    k.packs(to, scales, n / group, 16, packing.runs(group))
  }
  arena.release(rows)
  k.setScreen(w, off, len)
}

/**
 * Reads all weights, and makes the table of their addresses that kernels.as.ts describes. Returns where it is, and the
 * classifier.
 */
async function placeWeights(placer: Placer, ckpt: Checkpoint): Promise<{ table: number; wcls: number }> {
  const { arena } = placer
  const placed = new Map<string, number>()
  for (const t of ckpt.tensors) {
    const vector = t.d === 1 && t.name.startsWith('rms')
    placed.set(`${t.name} ${t.layer}`, vector ? await placer.vector(t) : await placer.matrix(t))
  }
  const find = (name: TensorName, layer = 0) => placed.get(`${name} ${layer}`)!
  const entries: number[] = []
  for (let l = 0; l < ckpt.config.n_layers; l++) {
    for (const name of ['rms_att_weight', 'wq', 'wk', 'wv', 'wo', 'rms_ffn_weight', 'w1', 'w2', 'w3'] as const)
      entries.push(find(name, l))
  }
  const wcls = find(ckpt.shared_classifier ? 'token_embedding_table' : 'wcls')
  entries.push(find('rms_final_weight'), wcls, find('token_embedding_table'))
  const table = arena.alloc(4 * entries.length)
  arena.u32(table, entries.length).set(entries)
  return { table, wcls }
}

/** Memory for a model on so many threads, or on one where memory that they could share is not to be had. */
function arenaFor(threads: number): { arena: Arena; threads: number } {
  if (threads > 1)
    try {
      return { arena: new Arena(true), threads }
    } catch (e) {
      if (!(e instanceof RangeError)) throw e
    }
  return { arena: new Arena(), threads: 1 }
}

interface SimdState extends State {
  key_cache: number
  value_cache: number
}

/** Bytes of one session's key cache, or value cache: positions in blocks of four. */
const cacheBytes = (c: Config): number => c.n_layers * Math.ceil(c.seq_len / 4) * 16 * kv_dim(c)

/** Where a thread's own memory has what, and its size, in bytes. */
function scratchLayout(
  c: Config,
  gs: number,
  packing: Packing,
): Record<'q' | 's' | 'out' | 'scores' | 'size', number> &
  Record<'dstep' | 'hstep' | 'qstep' | 'sstep' | 'lstep', number> {
  const longest = Math.max(c.dim, c.hidden_dim)
  const dstep = 4 * round16(c.dim)
  const qstep = gs > 0 ? round16(2 * (longest / gs) * packing.runs(gs) * packing.width) : 0
  const sstep = gs > 0 ? 4 * round16(longest / gs) : 0
  const q = BATCH * dstep
  const s = q + BATCH * qstep
  const out = s + BATCH * sstep
  const scores = out + 2 * BATCH * 64
  return {
    q,
    s,
    out,
    scores,
    size: scores + 4 * round16(c.seq_len) + 64,
    dstep,
    hstep: 4 * round16(c.hidden_dim),
    qstep,
    sstep,
    lstep: 4 * round16(c.vocab_size),
  }
}

/**
 * The engine on WebAssembly SIMD: the weights packed for 16 rows at a time, one call a forward pass, on as many threads as
 * `opts` says.
 */
export async function loadSimd(src: CheckpointSource, ckpt: Checkpoint, opts: EngineOptions): Promise<Engine> {
  const { config, group_size: gs } = ckpt
  const { dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len } = config
  const maker = threadMaker()
  const automatic = ckpt.weights < WORTH_THREADS ? 1 : Math.min(maker?.cores ?? 1, AUTOMATIC)
  const { arena, threads } = arenaFor(maker ? (opts.threads ?? automatic) : 1)
  const module = await kernels({ shared: threads > 1, relaxedToo: opts.relaxed ?? true })
  const k = attach(module, arena.memory)
  const placer = new Placer(src, gs, arena, k)
  const { packing } = placer

  const cache = cacheBytes(config)
  const sgroup = (opts.screen ?? true) ? screenGroup(ckpt) : 0
  const layout = scratchLayout(config, gs || sgroup, packing)
  const hs = head_size(config)
  const rows = (bytes: number) => arena.alloc(BATCH * bytes)
  const wanted =
    ckpt.tensors.reduce((sum, t) => sum + packing.tensor(t, gs), 0) +
    (sgroup > 0 ? packing.screen(vocab_size, dim, sgroup) : 0) +
    4 * seq_len * hs +
    threads * layout.size +
    BATCH * (3 * layout.dstep + layout.hstep + layout.lstep) +
    layout.lstep +
    (1 << 20)
  if (wanted + 2 * cache > MOST) throw new CheckpointError(`${wanted + 2 * cache} bytes do not fit into 4 GB of memory`)

  const { table, wcls } = await placeWeights(placer, ckpt)
  const rope = arena.alloc(4 * seq_len * hs)
  arena.f32(rope, seq_len * hs).set(ropeTable(seq_len, hs, config.rope_theta))

  const items = arena.alloc(BATCH * ITEM)
  const best = arena.alloc(4 * BATCH)
  const heap = arena.alloc(4 * vocab_size)
  const [x, xb, qv, hb, logits] = [layout.dstep, layout.dstep, layout.dstep, layout.hstep, layout.lstep].map(rows)
  const scratch = arena.alloc(threads * layout.size)
  const common = arena.alloc(512 + 64)
  /** What kernels.as.ts's `attach` reads. */
  const fields = [
    ...[dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, Math.ceil(seq_len / 4), gs],
    ...[0, opts.fast ? 1 : 0, table, rope, sgroup],
    ...[x!, xb!, hb!, qv!, logits!, best],
    ...[layout.dstep, layout.hstep, layout.qstep, layout.sstep, layout.lstep],
    ...[scratch, layout.size, layout.q, layout.s, layout.out, layout.scores],
  ]
  const model = arena.alloc(4 * fields.length)
  arena.u32(model, fields.length).set(fields)
  arena.f32(model, fields.length)[8] = config.norm_eps ?? NORM_EPS
  k.attach(model, 0)
  const line = Math.ceil(common / 64) * 64
  k.join(line, threads, true)
  const helpers = startHelpers({ module, memory: arena.memory, model, common: line, threads })

  const fixed = arena.used
  const spare: SimdState[] = []
  const mine = new Set<State>()
  let broken: Error | undefined
  /** Greedy passes so far, and whether the classifier is stored for them: not yet, and not at all where there was no memory. */
  let greedily = 0
  let screening: boolean | undefined = sgroup > 0 ? undefined : false

  function run(passes: readonly Pass[], whole: number, greedy: number): void {
    if (broken) throw broken
    const table = arena.u32(items, (passes.length * ITEM) / 4)
    passes.forEach(({ state, token, pos }, i) => {
      if (!mine.has(state)) throw new Error('state of another engine, or freed')
      if (!(token >= 0 && token < vocab_size && pos >= 0 && pos < seq_len))
        throw new RangeError(`token ${token} at position ${pos}`)
      const { key_cache, value_cache } = state as SimdState
      table.set([token, pos, key_cache, value_cache], (i * ITEM) / 4)
    })
    let done = 0
    try {
      done = k.forward(items, passes.length, whole, greedy)
    } finally {
      // A thread that stopped midway leaves the others' work in disorder.
      if (done === 0 && threads > 1) broken = new Error('a thread of the engine failed: load the model again')
    }
    if (broken) throw broken
  }
  function screenable(): boolean {
    try {
      storeScreen(arena, k, wcls, vocab_size, dim, sgroup)
      return true
    } catch (e) {
      if (e instanceof CheckpointError) return false
      throw e
    }
  }
  const row = (i: number) => arena.f32(logits! + i * layout.lstep, vocab_size)

  const engine: Engine = {
    config,
    params: ckpt.params,
    quant: quantName(ckpt),
    bytes: ckpt.bytes,
    threads,
    helpers: () => (threads > 1 ? k.joined() : 0),
    screens: sgroup > 0,
    batch: BATCH,
    memory: sessions => fixed + 2 * cache * sessions + (sgroup > 0 ? packing.screen(vocab_size, dim, sgroup) : 0),
    newState() {
      const state = spare.pop() ?? { engine, key_cache: arena.alloc(cache), value_cache: arena.alloc(cache) }
      mine.add(state)
      return state
    },
    free(state) {
      if (mine.delete(state)) spare.push(state as SimdState)
    },
    forward(state, token, pos, wantLogits = true) {
      run([{ state, token, pos, want: wantLogits ? 'logits' : 'nothing' }], wantLogits ? 1 : 0, 0)
      return row(0)
    },
    forwardAll(passes) {
      if (passes.length > BATCH) throw new RangeError(`${passes.length} passes at once`)
      greedily += passes.filter(p => p.want === 'greatest').length
      if (screening === undefined && greedily > SCREEN_AFTER) screening = screenable()
      const screened = (p: Pass) => screening === true && p.want === 'greatest'
      const place = (p: Pass) => (p.want === 'nothing' ? 2 : screened(p) ? 1 : 0)
      const order = passes.map((_, i) => i).sort((a, b) => place(passes[a]!) - place(passes[b]!) || a - b)
      const sorted = order.map(i => passes[i]!)
      const whole = sorted.filter(p => place(p) === 0).length
      const greedy = sorted.filter(screened).length
      run(sorted, whole, greedy)
      const tokens = arena.u32(best, greedy)
      const results: Result[] = new Array(passes.length).fill(undefined)
      order.forEach((at, i) => {
        if (i < whole)
          results[at] = passes[at]!.want === 'logits' ? row(i) : k.argmax(logits! + i * layout.lstep, vocab_size)
        else if (i < whole + greedy) results[at] = tokens[i - whole]
      })
      return results
    },
    draw({ buffer, byteOffset: x, length }, temperature, topp, coin) {
      if (buffer !== arena.memory.buffer) throw new Error('logits of another engine')
      if (temperature === 0) return k.argmax(x, length)
      k.temper(x, length, temperature)
      return topp <= 0 || topp >= 1 ? k.multinomial(x, length, coin) : k.nucleus(x, length, topp, coin, heap)
    },
    close() {
      broken ??= new Error('engine closed')
      k.quit()
      for (const helper of helpers) helper.terminate()
    },
  }
  return engine
}

function startHelpers(init: {
  module: Module
  memory: WebAssembly.Memory
  model: number
  common: number
  threads: number
}) {
  const helpers: { terminate(): void }[] = []
  for (let index = 1; index < init.threads; index++) helpers.push(threadMaker()!.make({ ...init, index }))
  return helpers
}
