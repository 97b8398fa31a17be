// The engine's kernels, in AssemblyScript: WebAssembly with SIMD, no runtime, memory imported and shared by the threads, each of
// which has an instance of its own. All pointers are byte offsets, 16-aligned. The order of every float operation is
// forward.ts's, so the results are too, on any number of threads: numerics.md.
//
// A forward pass is a row of phases, each of which needs the one before to be whole; a phase consists of units that need not know of
// one another. Threads take them a chunk at a time (threads.as.ts).

import { attend, keep, rotate } from './attention.as'
import { block, blockBytes, blockq, quantize, unpack, unpackq, WIDTH } from './matrix.as'
import { blur, bounds, length } from './screen.as'
import { alone, begin, claim, done, epoch, finish, phase as phaseAtHand, take, threads, wait } from './threads.as'
import { add, rmsnorm, swiglu } from './vector.as'

export { add, rmsnorm, softmax, swiglu, temper } from './vector.as'
export { rotate } from './attention.as'
export { block, blockq, pack, packq, packs, quantize, unpack } from './matrix.as'
export { argmax, multinomial, nucleus } from './sample.as'
export { store8 } from './screen.as'
export { fail, join, joined, quit } from './threads.as'

/** Columns that q80 rows are filled up to a multiple of: matrix.as.ts. */
export function width(): i32 {
  return WIDTH
}

// ---- the model ---------------------------------------------------------------------------------------------------

// As simd.ts's `model` has it. Pointers to weights are in a table of their own: for each layer
// rms_att wq wk wv wo rms_ffn w1 w2 w3, and after the layers rms_final wcls token_embedding_table.
const LAYER: usize = 36
const RMS_FFN: usize = 20

let dim: i32 = 0
let hidden_dim: i32 = 0
let n_layers: i32 = 0
let n_kv_heads: i32 = 0
let n_heads: i32 = 0
let vocab_size: i32 = 0
/** Blocks of four positions. */
let blocks: i32 = 0
/** Q8_0's group size; 0 for float32. */
let group: i32 = 0
let eps: f32 = 0
let fast: bool = false
let table: usize = 0
let rope: usize = 0
/** The classifier for screening, 0 while there is none, and its group size: screen.as.ts. */
let screen: usize = 0
let off: usize = 0
let len: usize = 0
let sgroup: i32 = 0
// Activations that the threads share, a row for each pass: x, attention's output, the FFN's inner vector.
let x: usize = 0
let xb: usize = 0
let hb: usize = 0
let qv: usize = 0
let logits: usize = 0
/** u32, of each pass that wanted it. */
let best: usize = 0
/** Bytes from row to row of x, xb and qv; of hb; of xq; of xs; of logits. */
let dstep: usize = 0
let hstep: usize = 0
let qstep: usize = 0
let sstep: usize = 0
let lstep: usize = 0
/** Of each thread's own memory, where thread 0's is, and how many bytes it takes. */
let scratch0: usize = 0
let scratchSize: usize = 0
/** Offsets in it: normalized rows; the same or others quantized, and their scales; what a block gives, twice; scores. */
let atQ: usize = 0
let atS: usize = 0
let atOut: usize = 0
let atScores: usize = 0

/** This thread's scratch memory. */
let mine: usize = 0
/** The phase that the inputs in `mine` are of. */
let ready: u32 = 0
let head_size: i32 = 0
let kv_dim: i32 = 0

/** Takes the model over, as thread number `index`. */
export function attach(model: usize, index: i32): void {
  dim = load<i32>(model)
  hidden_dim = load<i32>(model, 4)
  n_layers = load<i32>(model, 8)
  n_heads = load<i32>(model, 12)
  n_kv_heads = load<i32>(model, 16)
  vocab_size = load<i32>(model, 20)
  blocks = load<i32>(model, 24)
  group = load<i32>(model, 28)
  eps = load<f32>(model, 32)
  fast = load<i32>(model, 36) != 0
  table = load<u32>(model, 40)
  rope = load<u32>(model, 44)
  sgroup = load<i32>(model, 48)
  x = load<u32>(model, 52)
  xb = load<u32>(model, 56)
  hb = load<u32>(model, 60)
  qv = load<u32>(model, 64)
  logits = load<u32>(model, 68)
  best = load<u32>(model, 72)
  dstep = load<u32>(model, 76)
  hstep = load<u32>(model, 80)
  qstep = load<u32>(model, 84)
  sstep = load<u32>(model, 88)
  lstep = load<u32>(model, 92)
  scratch0 = load<u32>(model, 96)
  scratchSize = load<u32>(model, 100)
  atQ = load<u32>(model, 104)
  atS = load<u32>(model, 108)
  atOut = load<u32>(model, 112)
  atScores = load<u32>(model, 116)
  mine = scratch0 + index * scratchSize
  ready = 0
  head_size = dim / n_heads
  kv_dim = n_kv_heads * head_size
}

/** From now on passes can be greedy: the classifier is stored for screening, and each row's two lengths. */
export function setScreen(w: usize, off_: usize, len_: usize): void {
  screen = w
  off = off_
  len = len_
}

// ---- the phases --------------------------------------------------------------------------------------------------

// A layer's, in their order, and after the layers the classifier, whole or screened.
const QKV: u32 = 1
const ATTENTION: u32 = 2
const WO: u32 = 3
const FFN: u32 = 4
const W2: u32 = 5
const WCLS: u32 = 6
const SCREEN: u32 = 7
/** With one of the others: its input is made beforehand, by rows, instead of by each thread for itself. */
const INPUT: u32 = 8

// The job: what forward was asked for. Thread 0 sets it, the others read it.
let items: usize = 0
let count: i32 = 0
/** Passes whose logits are wanted; they are the first. */
let whole: i32 = 0
/** Passes of which the greatest is wanted; they are next. */
let greedy: i32 = 0
/** Whether inputs are made beforehand. */
let split: bool = false

/** The kinds of a layer's phases, four bits each, the first one lowest. */
// @ts-ignore: decorator
@inline
function layerPlan(): u64 {
  if (!split) return 0x54321
  return group > 0 ? 0x5d4c3b219 : 0x54c3219
}

// @ts-ignore: decorator
@inline
function layerPhases(): i32 {
  if (!split) return 5
  return group > 0 ? 9 : 7
}

/** All phases. The last layer's only make keys and values where nothing more is wanted. */
function phases(): i32 {
  const ways = (whole > 0 ? 1 : 0) + (greedy > 0 ? 1 : 0)
  if (ways == 0) return (n_layers - 1) * layerPhases() + (split ? 2 : 1)
  return n_layers * layerPhases() + (split ? 2 * ways : ways)
}

function kindOf(phase: i32): u32 {
  const per = layerPhases()
  if (phase < n_layers * per) return <u32>(layerPlan() >> (<u64>(phase % per) << 2)) & 15
  const i = phase - n_layers * per
  const kind = (split ? i >> 1 : i) == 0 && whole > 0 ? WCLS : SCREEN
  return split && (i & 1) == 0 ? kind | INPUT : kind
}

// @ts-ignore: decorator
@inline
function layerOf(phase: i32): i32 {
  return min(phase / layerPhases(), n_layers)
}

/** Passes that a phase is of: of those whose logits nobody wants, the last layer's keys and values are all that is needed. */
function rows(kind: u32, layer: i32): i32 {
  kind &= 7
  if (kind == WCLS) return whole
  if (kind == SCREEN) return greedy
  return layer == n_layers - 1 && kind != QKV ? whole + greedy : count
}

// @ts-ignore: decorator
@inline
function blocksOf(d: i32): i32 {
  return (d + 15) >> 4
}

/** Units of a phase: passes, heads, or blocks of rows of its matrices. */
function units(kind: u32, layer: i32): i32 {
  if (kind & INPUT) return rows(kind, layer)
  if (kind == QKV) return blocksOf(dim) + 2 * blocksOf(kv_dim)
  if (kind == ATTENTION) return n_heads
  if (kind == FFN) return blocksOf(hidden_dim)
  if (kind == WCLS || kind == SCREEN) return blocksOf(vocab_size)
  return blocksOf(dim)
}

/** Multiplications of a unit, about. */
function weight(kind: u32, layer: i32): i64 {
  const n = rows(kind, layer)
  if (kind & INPUT) return dim << 3
  if (kind == ATTENTION) {
    let positions: i64 = 0
    for (let b = 0; b < n; b++) positions += load<u32>(items + b * 16, 4)
    return positions * head_size * 2
  }
  const columns = kind == W2 ? hidden_dim : kind == FFN ? 2 * dim : dim
  return <i64>(columns * n) << 4
}

/** Below so many multiplications, some two microseconds, a chunk is not worth the taking. */
const LEAST: i64 = 16384

/** Units of the smallest chunk of a phase. */
function least(kind: u32, layer: i32, units: i32): i32 {
  return <i32>min(<i64>units, 1 + LEAST / max(1, weight(kind, layer)))
}

/**
 * Where chunk `part` of a phase begins, and for one too many its end: each chunk is a share of what is left, large ones first, for
 * memory is read best in long runs, and small ones last, so that all threads end at about the same time.
 */
function start(part: i32, units: i32, least: i32): i32 {
  const share = <i32>threads() << 1
  let left = units
  for (; part > 0 && left > 0; part--) left -= min(left, max(least, left / share))
  return units - left
}

function chunks(units: i32, least: i32): i32 {
  const share = <i32>threads() << 1
  let n = 0
  for (let left = units; left > 0; n++) left -= min(left, max(least, left / share))
  return n
}

/** One row of a phase's input: normalized, quantized, both or neither, into a thread's own memory. */
function input(kind: u32, layer: i32, b: i32, to: usize): void {
  const w = table + layer * LAYER
  let from = to + b * dstep
  let n = dim
  if (kind == WO) from = xb + b * dstep
  else if (kind == W2) {
    from = hb + b * hstep
    n = hidden_dim
  } else {
    // In the table the final norm stands where another layer's first would.
    const norm: usize = kind == FFN ? load<u32>(w, RMS_FFN) : load<u32>(w)
    const row = kind == SCREEN ? whole + b : b
    rmsnorm(from, x + row * dstep, norm, dim, eps)
  }
  const gs = kind == SCREEN ? sgroup : group
  if (gs > 0) quantize(to + atQ + b * qstep, to + atS + b * sstep, from, n, gs)
}

/** Makes a phase's input, unless that was done, and returns the memory where it stands. */
function inputs(kind: u32, layer: i32, n: i32, phase: u32): usize {
  if (split) return scratch0
  if (ready == phase) return mine
  for (let b = 0; b < n; b++) input(kind, layer, b, mine)
  ready = phase
  return mine
}

/** One block of the matrix of the entry at `w` by the input of n numbers that stands in `from`. */
// @ts-ignore: decorator
@inline
function mul(out: usize, ostep: usize, from: usize, w: usize, i: i32, n: i32, passes: i32, v: usize, vstep: usize): void {
  if (group > 0) {
    const groups = n / group
    const runs = (group + WIDTH - 1) / WIDTH
    blockq(
      out, ostep, from + atQ, qstep, from + atS, sstep,
      load<u32>(w) + i * blockBytes(groups, runs), groups, runs, passes,
    )
  } else block(out, ostep, v, vstep, load<u32>(w) + ((i * n) << 6), n, passes, fast)
}

/** n numbers; for so few memory.copy takes longer. */
// @ts-ignore: decorator
@inline
function copy(to: usize, from: usize, n: i32): void {
  let i = 0
  for (; i + 4 <= n; i += 4) v128.store(to + (i << 2), v128.load(from + (i << 2)))
  for (; i < n; i++) store<f32>(to + (i << 2), load<f32>(from + (i << 2)))
}

/** x += what a block gives, 16 rows of it. */
// @ts-ignore: decorator
@inline
function addOut(i: i32, out: usize, passes: i32): void {
  for (let b = 0; b < passes; b++) add(x + b * dstep + (i << 6), out + (b << 6), 16)
}

/** Units `from` to `to` of a phase. */
function run(kind: u32, layer: i32, from: i32, to: i32, phase: u32): void {
  const n = rows(kind, layer)
  if (kind & INPUT) {
    for (let b = from; b < to; b++) input(kind & 7, layer, b, scratch0)
    return
  }
  const w = table + layer * LAYER
  if (kind == ATTENTION) {
    attention(layer, from, to, n)
    return
  }
  const plain = group == 0
  const out = mine + atOut
  if (kind == WO || kind == W2) {
    const columns = kind == WO ? dim : hidden_dim
    const at = plain ? mine : inputs(kind, layer, n, phase)
    const v = kind == WO ? xb : hb
    const vstep = kind == WO ? dstep : hstep
    const entry = kind == WO ? w + 16 : w + 28
    for (let i = from; i < to; i++) {
      mul(out, 64, at, entry, i, columns, n, v, vstep)
      addOut(i, out, n)
    }
    return
  }
  const at = inputs(kind, layer, n, phase)
  if (kind == QKV) qkv(layer, from, to, n, at)
  else if (kind == FFN) {
    const out3 = out + (n << 6)
    for (let i = from; i < to; i++) {
      mul(out, 64, at, w + 24, i, dim, n, at, dstep)
      mul(out3, 64, at, w + 32, i, dim, n, at, dstep)
      swiglu(out, out3, n << 4)
      for (let b = 0; b < n; b++) copy(hb + b * hstep + (i << 6), out + (b << 6), 16)
    }
  } else if (kind == WCLS) {
    for (let i = from; i < to; i++) mul(logits + (i << 6), lstep, at, w + 4, i, dim, n, at, dstep)
  } else {
    const groups = dim / sgroup
    const runs = (sgroup + WIDTH - 1) / WIDTH
    for (let i = from; i < to; i++)
      blockq(
        logits + whole * lstep + (i << 6), lstep, at + atQ, qstep, at + atS, sstep,
        screen + i * blockBytes(groups, runs), groups, runs, n,
      )
  }
}

/** Queries, keys and values: blocks of wq, then of wk, then of wv. */
function qkv(layer: i32, from: i32, to: i32, n: i32, at: usize): void {
  const w = table + layer * LAYER
  const out = mine + atOut
  const nq = blocksOf(dim)
  const nk = blocksOf(kv_dim)
  const keys: usize = (layer * n_kv_heads * blocks * head_size) << 4
  const values: usize = (layer * blocks * kv_dim) << 4
  for (let unit = from; unit < to; unit++) {
    const which = unit < nq ? 0 : unit < nq + nk ? 1 : 2
    const i = which == 0 ? unit : which == 1 ? unit - nq : unit - nq - nk
    const row = i << 4
    mul(out, 64, at, w + 4 + (which << 2), i, dim, n, at, dstep)
    for (let b = 0; b < n; b++) {
      const o = out + (b << 6)
      const pos = load<u32>(items + b * 16, 4)
      if (which < 2) rotate(o, row, rope + ((pos * head_size) << 2), head_size)
      if (which == 0) copy(qv + b * dstep + (row << 2), o, 16)
      else if (which == 1) keep(load<u32>(items + b * 16, 8) + keys, o, row, pos, kv_dim, head_size, blocks)
      else {
        const to = load<u32>(items + b * 16, 12) + values + ((pos * kv_dim + row) << 2)
        copy(to, o, min(16, kv_dim - row))
      }
    }
  }
}

/** Heads `from` to `to` of all passes. */
function attention(layer: i32, from: i32, to: i32, n: i32): void {
  const kv_mul = n_heads / n_kv_heads
  const bytes = head_size << 2
  const head: usize = (blocks * head_size) << 4
  const keys: usize = layer * n_kv_heads * head
  const values: usize = (layer * blocks * kv_dim) << 4
  for (let h = from; h < to; h++) {
    const kvh = h / kv_mul
    for (let b = 0; b < n; b++) {
      const at = b * dstep + h * bytes
      attend(
        xb + at, qv + at,
        load<u32>(items + b * 16, 8) + keys + kvh * head,
        load<u32>(items + b * 16, 12) + values + kvh * bytes,
        kv_dim << 2, mine + atScores, load<u32>(items + b * 16, 4), head_size,
      )
    }
  }
}

// ---- the forward pass --------------------------------------------------------------------------------------------

/** Offsets of the job in the threads' common memory, for those that did not set it. */
function setJob(at: usize): void {
  store<u32>(at, <u32>items)
  store<i32>(at, count, 4)
  store<i32>(at, whole, 8)
  store<i32>(at, greedy, 12)
  store<i32>(at, split ? 1 : 0, 16)
  store<u32>(at, <u32>screen, 20)
}

function getJob(at: usize): void {
  items = load<u32>(at)
  count = load<i32>(at, 4)
  whole = load<i32>(at, 8)
  greedy = load<i32>(at, 12)
  split = load<i32>(at, 16) != 0
  screen = load<u32>(at, 20)
}

/**
 * `count` passes at once, through each matrix together: of several sessions, or several positions of one. Each gives the bits
 * that it gives alone.
 *
 *   items   (count, 4) u32: token, position, key cache, value cache. First stand the `whole` passes whose logits are wanted, then
 *           the `greedy` ones of which only the token with the greatest logit is
 *
 * The logits wanted are in the first rows of their buffer, the tokens in `best`. Returns 0 when another thread failed.
 */
export function forward(items_: usize, count_: i32, whole_: i32, greedy_: i32): i32 {
  items = items_
  count = count_
  whole = whole_
  greedy = greedy_
  split = threads() > 1 && count_ >= 4
  for (let b = 0; b < count; b++) {
    const to = x + b * dstep
    const token = load<u32>(items + b * 16)
    const w = load<u32>(table + n_layers * LAYER, 8)
    if (group == 0) unpack(to, w, token, dim)
    else unpackq(to, w, token, dim, group)
  }
  const n = phases()
  let last: u32 = 0
  if (threads() < 2) {
    for (let p = 0; p < n; p++) {
      const kind = kindOf(p)
      const layer = layerOf(p)
      last = alone()
      run(kind, layer, 0, units(kind, layer), last)
    }
  } else {
    setJob(begin(n))
    const end = finish()
    last = end - 1
    while (true) {
      const some = work()
      if (epoch() == end) break
      if (!some && !wait(true)) return 0
    }
  }
  if (greedy > 0) {
    const from = inputs(SCREEN, n_layers, greedy, last)
    for (let b = 0; b < greedy; b++) store<u32>(best + (b << 2), greatest(b, from))
  }
  return 1
}

/** Takes one chunk of the phase at hand and does it. Returns whether there was one. */
function work(): bool {
  const job = take()
  if (job == 0) return false
  getJob(job)
  const phase = phaseAtHand()
  const kind = kindOf(phase)
  const layer = layerOf(phase)
  const n = units(kind, layer)
  const small = least(kind, layer, n)
  const parts = chunks(n, small)
  const part = claim(parts)
  if (part < 0) return part == -1
  run(kind, layer, start(part, n, small), start(part + 1, n, small), epoch())
  done(parts)
  return true
}

/** What a helper's thread does, called again and again: takes part until there was nothing to do for a while. */
export function help(): void {
  while (work() || wait(false)) {}
}

/** The token of the greatest logit of greedy pass b, whose input is in `from`: the first of equal ones. */
function greatest(b: i32, from: usize): u32 {
  const v = from + b * dstep
  const approx = logits + (whole + b) * lstep
  const w = load<u32>(table + n_layers * LAYER, 4)
  const groups = dim / sgroup
  const floor = bounds(approx, off, len, vocab_size, length(v, dim), blur(from + atS + b * sstep, groups, sgroup), dim)
  let token: u32 = 0
  let most: f32 = -Infinity
  let some = false
  const out = mine + atOut
  let have = -1
  for (let i = 0; i < vocab_size; i++) {
    // Also where a number is not one.
    if (load<f32>(approx + (i << 2)) < floor) continue
    if (have != i >> 4) {
      have = i >> 4
      block(out, 64, v, dstep, w + ((have * dim) << 6), dim, 1, fast)
    }
    const exact = load<f32>(out + ((i & 15) << 2))
    if (!some || exact > most) {
      most = exact
      token = i
      some = true
    }
  }
  return token
}
