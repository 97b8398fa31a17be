// Attention. A session's caches hold, a layer,
//   keys    (n_kv_heads, seq/4 blocks, head_size, 4): four positions a block, a lane a position, so that each score sums in
//           the order of head_size
//   values  (seq, kv_dim)
// Pointers are byte offsets; the order of every float operation is forward.ts's.

import { softmax } from './vector.as'

/** RoPE: rotates the pairs of 16 rows of a vector of heads, `row` on, by `rope`, (head_size/2, 2) cos and sin at the position. */
export function rotate(v: usize, row: i32, rope: usize, head_size: i32): void {
  let i = row % head_size
  for (let at = v; at < v + 64; at += 8) {
    const fcr = load<f32>(rope + (i << 2))
    const fci = load<f32>(rope + (i << 2), 4)
    const v0 = load<f32>(at)
    const v1 = load<f32>(at, 4)
    store<f32>(at, v0 * fcr - v1 * fci)
    store<f32>(at, v0 * fci + v1 * fcr, 4)
    i += 2
    if (i == head_size) i = 0
  }
}

/** Puts 16 rows of a position's keys, `row` on, those below kv_dim, where `attend` looks for them. */
export function keep(keys: usize, k: usize, row: i32, pos: i32, kv_dim: i32, head_size: i32, blocks: i32): void {
  const head: usize = blocks * (head_size << 4)
  const last = min(row + 16, kv_dim)
  let i = row % head_size
  let at = keys + (row / head_size) * head + (pos >> 2) * (head_size << 4) + ((pos & 3) << 2)
  for (; row < last; row++) {
    store<f32>(at + (i << 4), load<f32>(k))
    k += 4
    if (++i == head_size) {
      i = 0
      at += head
    }
  }
}

/**
 * One head at one position: out (head_size,) from q of the same shape.
 *
 *   keys    the head's
 *   values  the head's, rows `row` bytes apart
 *   att     room for pos + 1 scores, rounded up to 16
 */
export function attend(
  out: usize,
  q: usize,
  keys: usize,
  values: usize,
  row: usize,
  att: usize,
  pos: i32,
  head_size: i32,
): void {
  const root = f32x4.splat(sqrt<f32>(<f32>head_size))
  const four: usize = head_size << 4
  let t = 0
  // Sixteen positions at once: each sum waits for itself only.
  for (; t + 12 <= pos; t += 16) {
    let s0 = f32x4.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    for (let i = 0; i < head_size; i++) {
      const v = v128.load32_splat(q + (i << 2))
      s0 = f32x4.add(s0, f32x4.mul(v, v128.load(keys)))
      s1 = f32x4.add(s1, f32x4.mul(v, v128.load(keys + four)))
      s2 = f32x4.add(s2, f32x4.mul(v, v128.load(keys + 2 * four)))
      s3 = f32x4.add(s3, f32x4.mul(v, v128.load(keys + 3 * four)))
      keys += 16
    }
    const at = att + (t << 2)
    v128.store(at, f32x4.div(s0, root))
    v128.store(at, f32x4.div(s1, root), 16)
    v128.store(at, f32x4.div(s2, root), 32)
    v128.store(at, f32x4.div(s3, root), 48)
    keys += 3 * four
  }
  for (; t <= pos; t += 4) {
    let score = f32x4.splat(0)
    for (let i = 0; i < head_size; i++) {
      score = f32x4.add(score, f32x4.mul(v128.load32_splat(q + (i << 2)), v128.load(keys)))
      keys += 16
    }
    v128.store(att + (t << 2), f32x4.div(score, root))
  }
  softmax(att, pos + 1)

  let i = 0
  for (; i + 16 <= head_size; i += 16) {
    let a0 = f32x4.splat(0)
    let a1 = a0
    let a2 = a0
    let a3 = a0
    let at = values + (i << 2)
    for (let t = 0; t <= pos; t++) {
      const a = v128.load32_splat(att + (t << 2))
      a0 = f32x4.add(a0, f32x4.mul(a, v128.load(at)))
      a1 = f32x4.add(a1, f32x4.mul(a, v128.load(at, 16)))
      a2 = f32x4.add(a2, f32x4.mul(a, v128.load(at, 32)))
      a3 = f32x4.add(a3, f32x4.mul(a, v128.load(at, 48)))
      at += row
    }
    v128.store(out + (i << 2), a0)
    v128.store(out + (i << 2), a1, 16)
    v128.store(out + (i << 2), a2, 32)
    v128.store(out + (i << 2), a3, 48)
  }
  for (; i + 4 <= head_size; i += 4) {
    let a0 = f32x4.splat(0)
    let at = values + (i << 2)
    for (let t = 0; t <= pos; t++) {
      a0 = f32x4.add(a0, f32x4.mul(v128.load32_splat(att + (t << 2)), v128.load(at)))
      at += row
    }
    v128.store(out + (i << 2), a0)
  }
  for (; i < head_size; i++) {
    let a: f32 = 0
    let at = values + (i << 2)
    for (let t = 0; t <= pos; t++) {
      a += load<f32>(att + (t << 2)) * load<f32>(at)
      at += row
    }
    store<f32>(out + (i << 2), a)
  }
}
