// The engine's kernels, in AssemblyScript: WebAssembly with SIMD, no runtime, memory imported. All pointers are byte
// offsets, 16-aligned. The order of every float operation is forward.ts's, so the results are too: numerics.md.
//
// A matrix (d, n) is packed by blocks of 16 rows, the last one filled up with zeros:
//   f32   block, column, row in block                                  a lane a row
//   q80   block, group, pair of columns, row in block, column of pair  int8; a group of odd size is filled up with a column of zeros
//         block, group, row in block                                   the scales, float32
// So a lane sums its row in column order, and the 16 rows of a block share each load of x.

// ---- vectors -----------------------------------------------------------------------------------------------------

/** o = weight * (x / sqrt(mean of squares + 1e-5)); o may be x. */
export function rmsnorm(o: usize, x: usize, weight: usize, size: i32): void {
  let ss: f32 = 0
  for (let j = 0; j < size; j++) {
    const v = load<f32>(x + (j << 2))
    ss += v * v
  }
  ss /= <f32>size
  ss += <f32>1e-5
  ss = <f32>1 / sqrt<f32>(ss)
  const scale = f32x4.splat(ss)
  let j = 0
  for (; j + 4 <= size; j += 4) {
    const at = j << 2
    v128.store(o + at, f32x4.mul(v128.load(weight + at), f32x4.mul(scale, v128.load(x + at))))
  }
  for (; j < size; j++) {
    const at = j << 2
    store<f32>(o + at, load<f32>(weight + at) * (ss * load<f32>(x + at)))
  }
}

/** x += y */
export function add(x: usize, y: usize, size: i32): void {
  let j = 0
  for (; j + 4 <= size; j += 4) {
    const at = j << 2
    v128.store(x + at, f32x4.add(v128.load(x + at), v128.load(y + at)))
  }
  for (; j < size; j++) {
    const at = j << 2
    store<f32>(x + at, load<f32>(x + at) + load<f32>(y + at))
  }
}

/** e^x as math.ts's exp, two lanes at a time: x and the result are float64. */
// @ts-expect-error: decorator
@inline
function exp2(x: v128): v128 {
  const big = f64x2.gt(x, f64x2.splat(128))
  const small = f64x2.lt(x, f64x2.splat(-128))
  // Out of range any k will do; it must only be one that the exponent can hold.
  const c = f64x2.min(f64x2.max(x, f64x2.splat(-128)), f64x2.splat(128))
  const k = f64x2.floor(f64x2.add(f64x2.mul(c, f64x2.splat(1.4426950408889634)), f64x2.splat(0.5)))
  const r = f64x2.sub(
    f64x2.sub(c, f64x2.mul(k, f64x2.splat(0.6931471803691238))),
    f64x2.mul(k, f64x2.splat(1.9082149292705877e-10)),
  )
  let p = f64x2.splat(2.505210838544172e-8)
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(2.755731922398589e-7))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.0000027557319223985893))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.0000248015873015873))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.0001984126984126984))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.001388888888888889))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.008333333333333333))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.041666666666666664))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.16666666666666666))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(0.5))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1))
  p = f64x2.add(f64x2.mul(p, r), f64x2.splat(1))
  const e = i32x4.trunc_sat_f64x2_s_zero(k)
  const pow2 = i64x2.shl(i64x2.add(i64x2.extend_low_i32x4_s(e), i64x2.splat(1023)), 52)
  let y = f64x2.mul(p, pow2)
  y = v128.bitselect(f64x2.splat(Infinity), y, big)
  return v128.andnot(y, small)
}

/** e^x of four float32, each rounded once. */
// @ts-expect-error: decorator
@inline
function exp4(x: v128): v128 {
  const lo = f32x4.demote_f64x2_zero(exp2(f64x2.promote_low_f32x4(x)))
  const hi = f32x4.demote_f64x2_zero(exp2(f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3))))
  return v128.shuffle<i32>(lo, hi, 0, 1, 4, 5)
}

/** Maximum, e^(x - max) and their sum in index order, division by the sum. x has room for a multiple of 4. */
export function softmax(x: usize, size: i32): void {
  let max = load<f32>(x)
  for (let i = 1; i < size; i++) {
    const v = load<f32>(x + (i << 2))
    if (v > max) max = v
  }
  const m = f32x4.splat(max)
  for (let i = 0; i < size; i += 4) {
    const at = x + (i << 2)
    v128.store(at, exp4(f32x4.sub(v128.load(at), m)))
  }
  let sum: f32 = 0
  for (let i = 0; i < size; i++) sum += load<f32>(x + (i << 2))
  const s = f32x4.splat(sum)
  for (let i = 0; i < size; i += 4) {
    const at = x + (i << 2)
    v128.store(at, f32x4.div(v128.load(at), s))
  }
}

/** hb = hb * (1 / (1 + e^-hb)) * hb2. Both have room for a multiple of 4. */
export function swiglu(hb: usize, hb2: usize, size: i32): void {
  const one = f32x4.splat(1)
  for (let i = 0; i < size; i += 4) {
    const at = i << 2
    const v = v128.load(hb + at)
    const g = f32x4.mul(v, f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(v)))))
    v128.store(hb + at, f32x4.mul(g, v128.load(hb2 + at)))
  }
}

/** RoPE: rotates each pair of each head of `vec` by `rope`, (head_size/2, 2) cos and sin at this position. */
export function rotate(vec: usize, size: i32, rope: usize, head_size: i32): void {
  for (let h = 0; h < size; h += head_size) {
    for (let i = 0; i < head_size; i += 2) {
      const at = vec + ((h + i) << 2)
      const fcr = load<f32>(rope + (i << 2))
      const fci = load<f32>(rope + (i << 2), 4)
      const v0 = load<f32>(at)
      const v1 = load<f32>(at, 4)
      store<f32>(at, v0 * fcr - v1 * fci)
      store<f32>(at, v0 * fci + v1 * fcr, 4)
    }
  }
}

// ---- matrices ----------------------------------------------------------------------------------------------------

/**
 * xout (count, d rounded up to 16) = x (count, n) w^T (n, d; packed), each x by itself. The rows of x and xout begin xstep and
 * ostep bytes apart. A block of w is used for every x while it is in the cache.
 */
export function matmul(
  xout: usize,
  x: usize,
  w: usize,
  n: i32,
  d: i32,
  count: i32,
  xstep: usize,
  ostep: usize,
): void {
  const blockBytes: usize = n << 6
  for (let i = 0; i < d; i += 16) {
    let xb = x
    let at = xout + (i << 2)
    let b = 0
    for (; b + 2 <= count; b += 2) {
      columns(at, at + ostep, xb, xb + xstep, w, n)
      xb += xstep << 1
      at += ostep << 1
    }
    if (b < count) column(at, xb, w, n)
    w += blockBytes
  }
}

/** One block of w by one x: 16 sums, each in column order. */
// @ts-ignore: decorator
@inline
function column(at: usize, x: usize, w: usize, n: i32): void {
  let a0 = f32x4.splat(0)
  let a1 = a0
  let a2 = a0
  let a3 = a0
  let j = 0
  for (; j + 2 <= n; j += 2) {
    const x0 = v128.load32_splat(x + (j << 2))
    a0 = f32x4.add(a0, f32x4.mul(v128.load(w), x0))
    a1 = f32x4.add(a1, f32x4.mul(v128.load(w, 16), x0))
    a2 = f32x4.add(a2, f32x4.mul(v128.load(w, 32), x0))
    a3 = f32x4.add(a3, f32x4.mul(v128.load(w, 48), x0))
    const x1 = v128.load32_splat(x + (j << 2), 4)
    a0 = f32x4.add(a0, f32x4.mul(v128.load(w, 64), x1))
    a1 = f32x4.add(a1, f32x4.mul(v128.load(w, 80), x1))
    a2 = f32x4.add(a2, f32x4.mul(v128.load(w, 96), x1))
    a3 = f32x4.add(a3, f32x4.mul(v128.load(w, 112), x1))
    w += 128
  }
  if (j < n) {
    const x0 = v128.load32_splat(x + (j << 2))
    a0 = f32x4.add(a0, f32x4.mul(v128.load(w), x0))
    a1 = f32x4.add(a1, f32x4.mul(v128.load(w, 16), x0))
    a2 = f32x4.add(a2, f32x4.mul(v128.load(w, 32), x0))
    a3 = f32x4.add(a3, f32x4.mul(v128.load(w, 48), x0))
  }
  v128.store(at, a0)
  v128.store(at, a1, 16)
  v128.store(at, a2, 32)
  v128.store(at, a3, 48)
}

/** One block of w by two x: each load of w serves both. */
// @ts-ignore: decorator
@inline
function columns(at0: usize, at1: usize, x0: usize, x1: usize, w: usize, n: i32): void {
  let a0 = f32x4.splat(0)
  let a1 = a0
  let a2 = a0
  let a3 = a0
  let b0 = a0
  let b1 = a0
  let b2 = a0
  let b3 = a0
  for (let j = 0; j < n; j++) {
    const p = v128.load32_splat(x0 + (j << 2))
    const q = v128.load32_splat(x1 + (j << 2))
    let r = v128.load(w)
    a0 = f32x4.add(a0, f32x4.mul(r, p))
    b0 = f32x4.add(b0, f32x4.mul(r, q))
    r = v128.load(w, 16)
    a1 = f32x4.add(a1, f32x4.mul(r, p))
    b1 = f32x4.add(b1, f32x4.mul(r, q))
    r = v128.load(w, 32)
    a2 = f32x4.add(a2, f32x4.mul(r, p))
    b2 = f32x4.add(b2, f32x4.mul(r, q))
    r = v128.load(w, 48)
    a3 = f32x4.add(a3, f32x4.mul(r, p))
    b3 = f32x4.add(b3, f32x4.mul(r, q))
    w += 64
  }
  v128.store(at0, a0)
  v128.store(at0, a1, 16)
  v128.store(at0, a2, 32)
  v128.store(at0, a3, 48)
  v128.store(at1, b0)
  v128.store(at1, b1, 16)
  v128.store(at1, b2, 32)
  v128.store(at1, b3, 48)
}

/**
 * runq.c's quantize, of n numbers in groups of gs: q as int16, a group filled up to an even size; s float32, one a group.
 * q = round half away from zero of x / scale, scale = max |x| / 127. A group of zeros has scale and values 0.
 */
export function quantize(q: usize, s: usize, x: usize, n: i32, gs: i32): void {
  for (let g = 0; g < n; g += gs) {
    let wmax: f32 = 0
    for (let i = 0; i < gs; i++) wmax = max<f32>(wmax, abs<f32>(load<f32>(x + (i << 2))))
    const scale = wmax / <f32>127
    store<f32>(s, scale)
    s += 4
    for (let i = 0; i < gs; i++) {
      let v: i32 = 0
      if (scale != 0) {
        // In float64 the sum with a half is exact, so that truncation rounds as C's round does.
        const f = <f64>(load<f32>(x + (i << 2)) / scale)
        v = <i32>(f + copysign<f64>(0.5, f))
      }
      store<i16>(q + (i << 1), <i16>v)
    }
    x += gs << 2
    q += gs << 1
    if (gs & 1) {
      store<i16>(q, 0)
      q += 2
    }
  }
}

/**
 * As matmul, of Q8_0: w (d, n; packed) with scales ws; xq (count, n) and xs are quantize's, in groups of gs, their rows xqstep
 * and xsstep bytes apart.
 */
export function matmulq(
  xout: usize,
  xq: usize,
  xs: usize,
  w: usize,
  ws: usize,
  n: i32,
  d: i32,
  gs: i32,
  count: i32,
  xqstep: usize,
  xsstep: usize,
  ostep: usize,
): void {
  const pairs = (gs + 1) >> 1
  const groups = n / gs
  const blockBytes: usize = (groups * pairs) << 5
  for (let i = 0; i < d; i += 16) {
    let q = xq
    let s = xs
    let at = xout + (i << 2)
    let b = 0
    for (; b + 2 <= count; b += 2) {
      columnsq(at, at + ostep, q, q + xqstep, s, s + xsstep, w, ws, pairs, groups)
      q += xqstep << 1
      s += xsstep << 1
      at += ostep << 1
    }
    if (b < count) columnq(at, q, s, w, ws, pairs, groups)
    w += blockBytes
    ws += groups << 6
  }
}

/** One block of w by one x: for each of 16 rows, the groups' dot products, scaled, in their order. */
// @ts-ignore: decorator
@inline
function columnq(at: usize, x: usize, xs: usize, w: usize, ws: usize, pairs: i32, groups: i32): void {
  let v0 = f32x4.splat(0)
  let v1 = v0
  let v2 = v0
  let v3 = v0
  for (let g = 0; g < groups; g++) {
    let a0 = i32x4.splat(0)
    let a1 = a0
    let a2 = a0
    let a3 = a0
    for (let p = 0; p < pairs; p++) {
      const xx = v128.load32_splat(x)
      const lo = v128.load(w)
      const hi = v128.load(w, 16)
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(lo), xx))
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(lo), xx))
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(hi), xx))
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(hi), xx))
      x += 4
      w += 32
    }
    const s = v128.load32_splat(xs + (g << 2))
    v0 = f32x4.add(v0, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a0), v128.load(ws)), s))
    v1 = f32x4.add(v1, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a1), v128.load(ws, 16)), s))
    v2 = f32x4.add(v2, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a2), v128.load(ws, 32)), s))
    v3 = f32x4.add(v3, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a3), v128.load(ws, 48)), s))
    ws += 64
  }
  v128.store(at, v0)
  v128.store(at, v1, 16)
  v128.store(at, v2, 32)
  v128.store(at, v3, 48)
}

/** As columnq, of two x: each load of w, made int16, serves both. 8 rows at a time, for want of registers. */
// @ts-ignore: decorator
@inline
function columnsq(
  at0: usize,
  at1: usize,
  x0: usize,
  x1: usize,
  xs0: usize,
  xs1: usize,
  w: usize,
  ws: usize,
  pairs: i32,
  groups: i32,
): void {
  for (let half: usize = 0; half < 2; half++) {
    let u0 = f32x4.splat(0)
    let u1 = u0
    let v0 = u0
    let v1 = u0
    let x = x0
    let y = x1
    let wh = w + (half << 4)
    let wsh = ws + (half << 5)
    for (let g = 0; g < groups; g++) {
      let a0 = i32x4.splat(0)
      let a1 = a0
      let b0 = a0
      let b1 = a0
      for (let p = 0; p < pairs; p++) {
        const xx = v128.load32_splat(x)
        const yy = v128.load32_splat(y)
        const r = v128.load(wh)
        const lo = i16x8.extend_low_i8x16_s(r)
        const hi = i16x8.extend_high_i8x16_s(r)
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(lo, xx))
        b0 = i32x4.add(b0, i32x4.dot_i16x8_s(lo, yy))
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(hi, xx))
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(hi, yy))
        x += 4
        y += 4
        wh += 32
      }
      const s = v128.load32_splat(xs0 + (g << 2))
      const t = v128.load32_splat(xs1 + (g << 2))
      const w0 = v128.load(wsh)
      const w1 = v128.load(wsh, 16)
      u0 = f32x4.add(u0, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a0), w0), s))
      v0 = f32x4.add(v0, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(b0), w0), t))
      u1 = f32x4.add(u1, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a1), w1), s))
      v1 = f32x4.add(v1, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(b1), w1), t))
      wsh += 64
    }
    v128.store(at0 + (half << 5), u0)
    v128.store(at0 + (half << 5), u1, 16)
    v128.store(at1 + (half << 5), v0)
    v128.store(at1 + (half << 5), v1, 16)
  }
}

/** Packs 16 rows of a row-major (rows, n) float32 piece, rows <= 16, into one block. */
export function pack(w: usize, piece: usize, n: i32, rows: i32): void {
  const stride = n << 2
  for (let j = 0; j < n; j++) {
    for (let r = 0; r < 16; r++) {
      store<f32>(w, r < rows ? load<f32>(piece + r * stride + (j << 2)) : 0)
      w += 4
    }
  }
}

/** Packs rows of int8, as `pack` does; groups of gs are filled up to an even size. */
export function packq(w: usize, piece: usize, n: i32, rows: i32, gs: i32): void {
  const even = (gs + 1) & ~1
  for (let g = 0; g < n; g += gs) {
    for (let p = 0; p < even; p += 2) {
      for (let r = 0; r < 16; r++) {
        const at = piece + r * n + g + p
        store<i8>(w, r < rows ? load<i8>(at) : 0)
        store<i8>(w, r < rows && p + 1 < gs ? load<i8>(at, 1) : 0, 1)
        w += 2
      }
    }
  }
}

// ---- attention ---------------------------------------------------------------------------------------------------

/**
 * One position's attention, all heads: xb (n_heads, head_size) from q of the same shape.
 *
 *   keys    this layer's (n_kv_heads, seq/4 blocks, head_size, 4): four positions a block, a lane a position, so that each
 *           score sums in the order of head_size
 *   values  this layer's (seq, kv_dim)
 *   att     room for pos + 1 scores, rounded up to 4
 */
export function attention(
  xb: usize,
  q: usize,
  keys: usize,
  values: usize,
  att: usize,
  pos: i32,
  n_heads: i32,
  kv_mul: i32,
  head_size: i32,
  kv_dim: i32,
  blocks: i32,
): void {
  const root = f32x4.splat(sqrt<f32>(<f32>head_size))
  const bytes = head_size << 2
  for (let h = 0; h < n_heads; h++) {
    const kvh = h / kv_mul
    const qh = q + h * bytes
    let k = keys + kvh * blocks * (head_size << 4)
    for (let t = 0; t <= pos; t += 4) {
      let score = f32x4.splat(0)
      for (let i = 0; i < head_size; i++) {
        score = f32x4.add(score, f32x4.mul(v128.load32_splat(qh + (i << 2)), v128.load(k)))
        k += 16
      }
      v128.store(att + (t << 2), f32x4.div(score, root))
    }
    softmax(att, pos + 1)

    const out = xb + h * bytes
    const v = values + kvh * bytes
    const row = kv_dim << 2
    let i = 0
    for (; i + 16 <= head_size; i += 16) {
      let a0 = f32x4.splat(0)
      let a1 = a0
      let a2 = a0
      let a3 = a0
      let at = v + (i << 2)
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
      let at = v + (i << 2)
      for (let t = 0; t <= pos; t++) {
        a0 = f32x4.add(a0, f32x4.mul(v128.load32_splat(att + (t << 2)), v128.load(at)))
        at += row
      }
      v128.store(out + (i << 2), a0)
    }
    for (; i < head_size; i++) {
      let a: f32 = 0
      let at = v + (i << 2)
      for (let t = 0; t <= pos; t++) {
        a += load<f32>(att + (t << 2)) * load<f32>(at)
        at += row
      }
      store<f32>(out + (i << 2), a)
    }
  }
}

/** Puts a position's keys, (n_kv_heads, head_size), where `attention` looks for them. */
export function keep(keys: usize, k: usize, pos: i32, n_kv_heads: i32, head_size: i32, blocks: i32): void {
  for (let h = 0; h < n_kv_heads; h++) {
    let at = keys + (h * blocks + (pos >> 2)) * (head_size << 4) + ((pos & 3) << 2)
    for (let i = 0; i < head_size; i++) {
      store<f32>(at, load<f32>(k))
      k += 4
      at += 16
    }
  }
}

// ---- the forward pass --------------------------------------------------------------------------------------------

// The model, set once by `configure`. Pointers to weights are in a table of their own: for each layer
// rms_att wq wk wv wo rms_ffn w1 w2 w3, and after the layers rms_final wcls token_embedding_table; a matrix has two
// entries, weights and scales (0 for float32), a vector one.

let dim: i32 = 0
let hidden_dim: i32 = 0
let n_layers: i32 = 0
let n_heads: i32 = 0
let n_kv_heads: i32 = 0
let vocab_size: i32 = 0
let blocks: i32 = 0
let group: i32 = 0
let table: usize = 0
let rope: usize = 0
// Activations: a row for each pass of a batch. Rows are as far apart as `steps` in bytes.
let x: usize = 0
let xb: usize = 0
let xb2: usize = 0
let hb: usize = 0
let hb2: usize = 0
let qv: usize = 0
let kv: usize = 0
let att: usize = 0
let xq: usize = 0
let xs: usize = 0
let logits: usize = 0
/** Bytes from row to row of x, xb, xb2 and qv; of hb and hb2; of kv; of xq; of xs; of logits. */
let dstep: usize = 0
let hstep: usize = 0
let kstep: usize = 0
let xqstep: usize = 0
let xsstep: usize = 0
let lstep: usize = 0

export function configure(
  dim_: i32,
  hidden_dim_: i32,
  n_layers_: i32,
  n_heads_: i32,
  n_kv_heads_: i32,
  vocab_size_: i32,
  blocks_: i32,
  group_: i32,
  table_: usize,
  rope_: usize,
): void {
  dim = dim_
  hidden_dim = hidden_dim_
  n_layers = n_layers_
  n_heads = n_heads_
  n_kv_heads = n_kv_heads_
  vocab_size = vocab_size_
  blocks = blocks_
  group = group_
  table = table_
  rope = rope_
}

/** The buffers, in the order that simd.ts allocates them. */
export function buffers(
  x_: usize,
  xb_: usize,
  xb2_: usize,
  hb_: usize,
  hb2_: usize,
  q_: usize,
  k_: usize,
  att_: usize,
  xq_: usize,
  xs_: usize,
  logits_: usize,
): void {
  x = x_
  xb = xb_
  xb2 = xb2_
  hb = hb_
  hb2 = hb2_
  qv = q_
  kv = k_
  att = att_
  xq = xq_
  xs = xs_
  logits = logits_
}

/** Bytes between the rows of the buffers. */
export function steps(d: usize, h: usize, k: usize, q: usize, s: usize, l: usize): void {
  dstep = d
  hstep = h
  kstep = k
  xqstep = q
  xsstep = s
  lstep = l
}

// @ts-ignore: decorator
@inline
function mul(
  xout: usize,
  v: usize,
  w: usize,
  n: i32,
  d: i32,
  count: i32,
  vstep: usize,
  ostep: usize,
): void {
  if (group > 0)
    matmulq(xout, xq, xs, load<u32>(w), load<u32>(w, 4), n, d, group, count, xqstep, xsstep, ostep)
  else matmul(xout, v, load<u32>(w), n, d, count, vstep, ostep)
}

/** Quantizes the rows that a matmul will be of, where the weights are Q8_0. */
// @ts-ignore: decorator
@inline
function prepare(v: usize, n: i32, count: i32, vstep: usize): void {
  if (group == 0) return
  for (let b = 0; b < count; b++) quantize(xq + b * xqstep, xs + b * xsstep, v + b * vstep, n, group)
}

/** Row `token` of the packed embedding table into `out`. */
function embed(out: usize, w: usize, token: i32): void {
  const lane = token & 15
  const block = token >> 4
  if (group == 0) {
    let at = load<u32>(w) + ((block * dim) << 6) + (lane << 2)
    for (let j = 0; j < dim; j++) {
      store<f32>(out + (j << 2), load<f32>(at))
      at += 64
    }
    return
  }
  const even = (group + 1) & ~1
  const groups = dim / group
  for (let g = 0; g < groups; g++) {
    const s = load<f32>(load<u32>(w, 4) + ((block * groups + g) << 6) + (lane << 2))
    const at = load<u32>(w) + (block * groups + g) * (even << 4) + (lane << 1)
    for (let k = 0; k < group; k++)
      store<f32>(out + ((g * group + k) << 2), <f32>load<i8>(at + ((k >> 1) << 5) + (k & 1)) * s)
  }
}

/**
 * `count` passes at once, through each matrix together: of several sessions, or several positions of one, in their order.
 * Each gives the bits that it gives alone.
 *
 *   items   (count, 5) u32: token, position, key cache, value cache, whether its logits are wanted
 *
 * The logits wanted are in the buffer's first rows, in the order of the items.
 */
export function forward(items: usize, count: i32): void {
  const head_size = dim / n_heads
  const kv_dim = n_kv_heads * head_size
  const kv_mul = n_heads / n_kv_heads
  const layerKeys: usize = (n_kv_heads * blocks * head_size) << 4
  const layerValues: usize = (blocks * kv_dim) << 4
  let w = table
  let keys: usize = 0
  let values: usize = 0

  for (let b = 0; b < count; b++) embed(x + b * dstep, table + n_layers * 64 + 12, load<u32>(items + b * 20))

  for (let l = 0; l < n_layers; l++) {
    for (let b = 0; b < count; b++) rmsnorm(xb + b * dstep, x + b * dstep, load<u32>(w), dim)
    prepare(xb, dim, count, dstep)
    mul(qv, xb, w + 4, dim, dim, count, dstep, dstep)
    mul(kv, xb, w + 12, dim, kv_dim, count, dstep, kstep)
    for (let b = 0; b < count; b++) {
      const pos = load<u32>(items + b * 20, 4)
      const turn = rope + ((pos * head_size) << 2)
      rotate(qv + b * dstep, dim, turn, head_size)
      rotate(kv + b * kstep, kv_dim, turn, head_size)
      keep(load<u32>(items + b * 20, 8) + keys, kv + b * kstep, pos, n_kv_heads, head_size, blocks)
    }
    mul(kv, xb, w + 20, dim, kv_dim, count, dstep, kstep)
    for (let b = 0; b < count; b++) {
      const pos = load<u32>(items + b * 20, 4)
      memory.copy(load<u32>(items + b * 20, 12) + values + ((pos * kv_dim) << 2), kv + b * kstep, kv_dim << 2)
    }
    for (let b = 0; b < count; b++)
      attention(
        xb + b * dstep,
        qv + b * dstep,
        load<u32>(items + b * 20, 8) + keys,
        load<u32>(items + b * 20, 12) + values,
        att,
        load<u32>(items + b * 20, 4),
        n_heads,
        kv_mul,
        head_size,
        kv_dim,
        blocks,
      )
    prepare(xb, dim, count, dstep)
    mul(xb2, xb, w + 28, dim, dim, count, dstep, dstep)
    for (let b = 0; b < count; b++) {
      add(x + b * dstep, xb2 + b * dstep, dim)
      rmsnorm(xb + b * dstep, x + b * dstep, load<u32>(w, 36), dim)
    }
    prepare(xb, dim, count, dstep)
    mul(hb, xb, w + 40, dim, hidden_dim, count, dstep, hstep)
    mul(hb2, xb, w + 56, dim, hidden_dim, count, dstep, hstep)
    for (let b = 0; b < count; b++) swiglu(hb + b * hstep, hb2 + b * hstep, hidden_dim)
    prepare(hb, hidden_dim, count, hstep)
    mul(xb, hb, w + 48, hidden_dim, dim, count, hstep, dstep)
    for (let b = 0; b < count; b++) add(x + b * dstep, xb + b * dstep, dim)

    w += 64
    keys += layerKeys
    values += layerValues
  }

  let wanted = 0
  for (let b = 0; b < count; b++) {
    if (load<u32>(items + b * 20, 16) == 0) continue
    rmsnorm(xb + wanted * dstep, x + b * dstep, load<u32>(w), dim)
    wanted++
  }
  if (wanted == 0) return
  prepare(xb, dim, wanted, dstep)
  mul(logits, xb, w + 4, dim, vocab_size, wanted, dstep, lstep)
}
