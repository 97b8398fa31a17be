// The samplers: which token, by logits or by probabilities. The order of every float operation is sampler.ts's.

/** The index of the greatest; of equals the first. */
export function argmax(x: usize, size: i32): i32 {
  let max = v128.load32_splat(x)
  let i = 0
  for (; i + 4 <= size; i += 4) max = f32x4.pmax(max, v128.load(x + (i << 2)))
  let best = f32x4.extract_lane(max, 0)
  for (let lane = 1; lane < 4; lane++) {
    max = v128.shuffle<i32>(max, max, 1, 2, 3, 0)
    const v = f32x4.extract_lane(max, 0)
    if (v > best) best = v
  }
  for (; i < size; i++) {
    const v = load<f32>(x + (i << 2))
    if (v > best) best = v
  }
  for (let j = 0; j < size; j++) if (load<f32>(x + (j << 2)) == best) return j
  return 0
}

/** The token at which the sum of the probabilities x passes `coin`. */
export function multinomial(x: usize, size: i32, coin: f32): i32 {
  let cdf: f32 = 0
  for (let i = 0; i < size; i++) {
    cdf += load<f32>(x + (i << 2))
    if (coin < cdf) return i
  }
  return size - 1
}

/** Whether token a comes before token b: by probability, then by number. */
// @ts-expect-error: decorator
@inline
function before(x: usize, a: u32, b: u32): bool {
  const p = load<f32>(x + (a << 2))
  const q = load<f32>(x + (b << 2))
  return p > q || (p == q && a < b)
}

/** Moves `token` down to its place in the heap of n at `heap`, from the hole at i. */
function sift(x: usize, heap: usize, n: i32, i: i32, token: u32): void {
  for (;;) {
    let child = 2 * i + 1
    if (child >= n) break
    let c = load<u32>(heap + (child << 2))
    if (child + 1 < n) {
      const d = load<u32>(heap + ((child + 1) << 2))
      if (before(x, d, c)) {
        child++
        c = d
      }
    }
    if (!before(x, c, token)) break
    store<u32>(heap + (i << 2), c)
    i = child
  }
  store<u32>(heap + (i << 2), token)
}

/**
 * Top-p sampling of the probabilities x: the most probable tokens that together pass `topp`, and of these the one at which
 * their sum passes `coin`. `heap` is room for `size` numbers; what is taken from the heap stands behind it, the last first.
 */
export function nucleus(x: usize, size: i32, topp: f32, coin: f32, heap: usize): i32 {
  // What is smaller cannot be among the most probable that make up topp.
  const cutoff: f32 = (<f32>1 - topp) / <f32>(size - 1)
  const c = f32x4.splat(cutoff)
  let n = 0
  for (let i = 0; i < size; i += 4) {
    if (!v128.any_true(f32x4.ge(v128.load(x + (i << 2)), c))) continue
    const end = min(i + 4, size)
    for (let j = i; j < end; j++)
      if (load<f32>(x + (j << 2)) >= cutoff) {
        store<u32>(heap + (n << 2), j)
        n++
      }
  }
  if (n == 0) return size - 1
  for (let i = (n >> 1) - 1; i >= 0; i--) sift(x, heap, n, i, load<u32>(heap + (i << 2)))

  let cumulative: f32 = 0
  let left = n
  while (left > 0 && !(cumulative > topp)) {
    const top = load<u32>(heap)
    cumulative += load<f32>(x + (top << 2))
    left--
    sift(x, heap, left, 0, load<u32>(heap + (left << 2)))
    store<u32>(heap + (left << 2), top)
  }
  const r: f32 = coin * cumulative
  let cdf: f32 = 0
  for (let i = n - 1; i >= left; i--) {
    const token = load<u32>(heap + (i << 2))
    cdf += load<f32>(x + (token << 2))
    if (r < cdf) return token
  }
  return load<u32>(heap + (left << 2))
}
