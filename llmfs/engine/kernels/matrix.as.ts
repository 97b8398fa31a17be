// Matrices, packed by blocks of 16 rows, the last one filled up with zeros:
//   f32   block, column, row in block                             a lane a row
//   q80   block, group: run of columns, row in block, column      int8; a group is filled up with columns of zeros to whole runs
//                       row in block                              the group's scales, float32
// A run is WIDTH columns. So a lane sums its row in column order, and the 16 rows of a block share each load of x.
// Pointers are byte offsets, 16-aligned; the order of every float operation is forward.ts's.

/** Columns that an integer dot product takes at once: a pair as int16, or with relaxed SIMD four as they are. */
export const WIDTH: i32 = ASC_FEATURE_RELAXED_SIMD ? 4 : 2

/** a + x*y; with `fast`, where there is an instruction for it, rounded once. */
// @ts-ignore: decorator
@inline
function madd(a: v128, x: v128, y: v128, fast: bool): v128 {
  if (ASC_FEATURE_RELAXED_SIMD && fast) return f32x4.relaxed_madd(x, y, a)
  return f32x4.add(a, f32x4.mul(x, y))
}

/**
 * One block of w by `count` x: out (count, 16). n numbers an x; the rows of x and out begin xstep and ostep bytes apart.
 * `fast` gives up the order's bits for speed.
 */
export function block(out: usize, ostep: usize, x: usize, xstep: usize, w: usize, n: i32, count: i32, fast: bool): void {
  let b = 0
  for (; b + 2 <= count; b += 2) {
    if (ASC_FEATURE_RELAXED_SIMD && fast) columns(out, out + ostep, x, x + xstep, w, n, true)
    else columns(out, out + ostep, x, x + xstep, w, n, false)
    out += ostep << 1
    x += xstep << 1
  }
  if (b == count) return
  if (ASC_FEATURE_RELAXED_SIMD && fast) column(out, x, w, n, true)
  else column(out, x, w, n, false)
}

/** One block of w by one x: 16 sums, each in column order. */
// @ts-ignore: decorator
@inline
function column(out: usize, x: usize, w: usize, n: i32, fast: bool): void {
  let a0 = f32x4.splat(0)
  let a1 = a0
  let a2 = a0
  let a3 = a0
  let j = 0
  for (; j + 2 <= n; j += 2) {
    const x0 = v128.load32_splat(x + (j << 2))
    a0 = madd(a0, v128.load(w), x0, fast)
    a1 = madd(a1, v128.load(w, 16), x0, fast)
    a2 = madd(a2, v128.load(w, 32), x0, fast)
    a3 = madd(a3, v128.load(w, 48), x0, fast)
    const x1 = v128.load32_splat(x + (j << 2), 4)
    a0 = madd(a0, v128.load(w, 64), x1, fast)
    a1 = madd(a1, v128.load(w, 80), x1, fast)
    a2 = madd(a2, v128.load(w, 96), x1, fast)
    a3 = madd(a3, v128.load(w, 112), x1, fast)
    w += 128
  }
  if (j < n) {
    const x0 = v128.load32_splat(x + (j << 2))
    a0 = madd(a0, v128.load(w), x0, fast)
    a1 = madd(a1, v128.load(w, 16), x0, fast)
    a2 = madd(a2, v128.load(w, 32), x0, fast)
    a3 = madd(a3, v128.load(w, 48), x0, fast)
  }
  v128.store(out, a0)
  v128.store(out, a1, 16)
  v128.store(out, a2, 32)
  v128.store(out, a3, 48)
}

/** One block of w by two x: each load of w serves both. */
// @ts-ignore: decorator
@inline
function columns(out0: usize, out1: usize, x0: usize, x1: usize, w: usize, n: i32, fast: bool): void {
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
    a0 = madd(a0, r, p, fast)
    b0 = madd(b0, r, q, fast)
    r = v128.load(w, 16)
    a1 = madd(a1, r, p, fast)
    b1 = madd(b1, r, q, fast)
    r = v128.load(w, 32)
    a2 = madd(a2, r, p, fast)
    b2 = madd(b2, r, q, fast)
    r = v128.load(w, 48)
    a3 = madd(a3, r, p, fast)
    b3 = madd(b3, r, q, fast)
    w += 64
  }
  v128.store(out0, a0)
  v128.store(out0, a1, 16)
  v128.store(out0, a2, 32)
  v128.store(out0, a3, 48)
  v128.store(out1, b0)
  v128.store(out1, b1, 16)
  v128.store(out1, b2, 32)
  v128.store(out1, b3, 48)
}

/** Four numbers as int32, rounded half away from zero; beyond 127 it is 127. */
// @ts-ignore: decorator
@inline
function round4(f: v128): v128 {
  const t = f32x4.trunc(f)
  const half = f32x4.ge(f32x4.abs(f32x4.sub(f, t)), f32x4.splat(0.5))
  const one = v128.or(f32x4.splat(1), v128.and(f, f32x4.splat(-0.0)))
  const r = f32x4.add(t, v128.and(half, one))
  return i32x4.trunc_sat_f32x4_s(f32x4.max(f32x4.min(r, f32x4.splat(127)), f32x4.splat(-127)))
}

/**
 * runq.c's quantize, of n numbers in groups of gs: q = round half away from zero of x / scale, s = scale = max |x| / 127, one a
 * group. A group of zeros has scale and values 0. Each group is filled up with zeros to whole runs:
 *
 *   runs of 2   int16
 *   runs of 4   int8: the four with zeros for the negative ones, then the four negated with zeros for the positive ones, for
 *               the second operand of the relaxed dot product is sure to be the same everywhere below 128 only
 */
export function quantize(q: usize, s: usize, x: usize, n: i32, gs: i32): void {
  for (let g = 0; g < n; g += gs) {
    let m = f32x4.splat(0)
    let i = 0
    for (; i + 4 <= gs; i += 4) m = f32x4.max(m, f32x4.abs(v128.load(x + (i << 2))))
    let wmax = max<f32>(
      max<f32>(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)),
      max<f32>(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)),
    )
    for (; i < gs; i++) wmax = max<f32>(wmax, abs<f32>(load<f32>(x + (i << 2))))
    const scale = wmax / <f32>127
    store<f32>(s, scale)
    s += 4
    const by = f32x4.splat(scale)
    const some = scale != 0 ? i32x4.splat(-1) : i32x4.splat(0)
    for (i = 0; i < gs; i += 4) {
      let f = v128.load(x + (i << 2))
      const left = gs - i
      if (left < 4) {
        f = f32x4.replace_lane(f, 3, 0)
        if (left < 3) f = f32x4.replace_lane(f, 2, 0)
        if (left < 2) f = f32x4.replace_lane(f, 1, 0)
      }
      const v = v128.and(round4(f32x4.div(f, by)), some)
      if (ASC_FEATURE_RELAXED_SIMD) {
        const zero = i32x4.splat(0)
        const both = i16x8.narrow_i32x4_s(i32x4.max_s(v, zero), i32x4.max_s(i32x4.neg(v), zero))
        v128.store64_lane(q, i8x16.narrow_i16x8_u(both, both), 0)
        q += 8
      } else {
        const pair = i16x8.narrow_i32x4_s(v, v)
        if (left > 2) {
          v128.store64_lane(q, pair, 0)
          q += 8
        } else {
          v128.store32_lane(q, pair, 0)
          q += 4
        }
      }
    }
    x += gs << 2
  }
}

/** Bytes of a block of q80 of `groups` groups of `runs` runs. */
// @ts-ignore: decorator
@inline
export function blockBytes(groups: i32, runs: i32): usize {
  return groups * (runs * WIDTH * 16 + 64)
}

/** As `block`, of Q8_0: q and s are quantize's, in `groups` groups of `runs` runs. */
export function blockq(
  out: usize,
  ostep: usize,
  q: usize,
  qstep: usize,
  s: usize,
  sstep: usize,
  w: usize,
  groups: i32,
  runs: i32,
  count: i32,
): void {
  let b = 0
  for (; b + 2 <= count; b += 2) {
    columnsq(out, out + ostep, q, q + qstep, s, s + sstep, w, groups, runs)
    out += ostep << 1
    q += qstep << 1
    s += sstep << 1
  }
  if (b < count) columnq(out, q, s, w, groups, runs)
}

/** v + (float)i * w * s */
// @ts-ignore: decorator
@inline
function scaled(v: v128, i: v128, w: v128, s: v128): v128 {
  return f32x4.add(v, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(i), w), s))
}

/** One block of w by one x: for each of 16 rows, the groups' dot products, scaled, in their order. */
// @ts-ignore: decorator
@inline
function columnq(out: usize, q: usize, s: usize, w: usize, groups: i32, runs: i32): void {
  let v0 = f32x4.splat(0)
  let v1 = v0
  let v2 = v0
  let v3 = v0
  for (let g = 0; g < groups; g++) {
    let a0 = i32x4.splat(0)
    let a1 = a0
    let a2 = a0
    let a3 = a0
    if (ASC_FEATURE_RELAXED_SIMD) {
      let b0 = a0
      let b1 = a0
      let b2 = a0
      let b3 = a0
      for (let p = 0; p < runs; p++) {
        const plus = v128.load32_splat(q)
        const minus = v128.load32_splat(q, 4)
        let r = v128.load(w)
        a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r, plus, a0)
        b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r, minus, b0)
        r = v128.load(w, 16)
        a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r, plus, a1)
        b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r, minus, b1)
        r = v128.load(w, 32)
        a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r, plus, a2)
        b2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r, minus, b2)
        r = v128.load(w, 48)
        a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r, plus, a3)
        b3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r, minus, b3)
        q += 8
        w += 64
      }
      a0 = i32x4.sub(a0, b0)
      a1 = i32x4.sub(a1, b1)
      a2 = i32x4.sub(a2, b2)
      a3 = i32x4.sub(a3, b3)
    } else {
      let p = 0
      for (; p + 2 <= runs; p += 2) {
        const xx = v128.load32_splat(q)
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(w), xx))
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(w, 8), xx))
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load8x8_s(w, 16), xx))
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load8x8_s(w, 24), xx))
        const yy = v128.load32_splat(q, 4)
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(w, 32), yy))
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(w, 40), yy))
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load8x8_s(w, 48), yy))
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load8x8_s(w, 56), yy))
        q += 8
        w += 64
      }
      if (p < runs) {
        const xx = v128.load32_splat(q)
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(w), xx))
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(w, 8), xx))
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load8x8_s(w, 16), xx))
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load8x8_s(w, 24), xx))
        q += 4
        w += 32
      }
    }
    const by = v128.load32_splat(s + (g << 2))
    v0 = scaled(v0, a0, v128.load(w), by)
    v1 = scaled(v1, a1, v128.load(w, 16), by)
    v2 = scaled(v2, a2, v128.load(w, 32), by)
    v3 = scaled(v3, a3, v128.load(w, 48), by)
    w += 64
  }
  v128.store(out, v0)
  v128.store(out, v1, 16)
  v128.store(out, v2, 32)
  v128.store(out, v3, 48)
}

/** As columnq, of two x: each load of w serves both. 8 rows at a time, for want of registers. */
// @ts-ignore: decorator
@inline
function columnsq(
  out0: usize,
  out1: usize,
  q0: usize,
  q1: usize,
  s0: usize,
  s1: usize,
  w: usize,
  groups: i32,
  runs: i32,
): void {
  const half16: usize = ASC_FEATURE_RELAXED_SIMD ? 32 : 16
  for (let half: usize = 0; half < 2; half++) {
    let u0 = f32x4.splat(0)
    let u1 = u0
    let v0 = u0
    let v1 = u0
    let x = q0
    let y = q1
    let wh = w + half * half16
    const toScales = (half << 5) - half * half16
    for (let g = 0; g < groups; g++) {
      let a0 = i32x4.splat(0)
      let a1 = a0
      let b0 = a0
      let b1 = a0
      if (ASC_FEATURE_RELAXED_SIMD) {
        let c0 = a0
        let c1 = a0
        let d0 = a0
        let d1 = a0
        for (let p = 0; p < runs; p++) {
          const r0 = v128.load(wh)
          const r1 = v128.load(wh, 16)
          let one = v128.load32_splat(x)
          a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r0, one, a0)
          a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r1, one, a1)
          one = v128.load32_splat(x, 4)
          c0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r0, one, c0)
          c1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r1, one, c1)
          one = v128.load32_splat(y)
          b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r0, one, b0)
          b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r1, one, b1)
          one = v128.load32_splat(y, 4)
          d0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r0, one, d0)
          d1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(r1, one, d1)
          x += 8
          y += 8
          wh += 64
        }
        a0 = i32x4.sub(a0, c0)
        a1 = i32x4.sub(a1, c1)
        b0 = i32x4.sub(b0, d0)
        b1 = i32x4.sub(b1, d1)
      } else {
        for (let p = 0; p < runs; p++) {
          const xx = v128.load32_splat(x)
          const yy = v128.load32_splat(y)
          const lo = v128.load8x8_s(wh)
          const hi = v128.load8x8_s(wh, 8)
          a0 = i32x4.add(a0, i32x4.dot_i16x8_s(lo, xx))
          b0 = i32x4.add(b0, i32x4.dot_i16x8_s(lo, yy))
          a1 = i32x4.add(a1, i32x4.dot_i16x8_s(hi, xx))
          b1 = i32x4.add(b1, i32x4.dot_i16x8_s(hi, yy))
          x += 4
          y += 4
          wh += 32
        }
      }
      const s = v128.load32_splat(s0 + (g << 2))
      const t = v128.load32_splat(s1 + (g << 2))
      const w0 = v128.load(wh + toScales)
      const w1 = v128.load(wh + toScales, 16)
      u0 = scaled(u0, a0, w0, s)
      v0 = scaled(v0, b0, w0, t)
      u1 = scaled(u1, a1, w1, s)
      v1 = scaled(v1, b1, w1, t)
      wh += 64
    }
    v128.store(out0 + (half << 5), u0)
    v128.store(out0 + (half << 5), u1, 16)
    v128.store(out1 + (half << 5), v0)
    v128.store(out1 + (half << 5), v1, 16)
  }
}

/** Packs 16 rows of a row-major (rows, n) float32 piece, rows <= 16, into one block. */
export function pack(w: usize, piece: usize, n: i32, rows: i32): void {
  const row: usize = n << 2
  if (rows < 16) {
    for (let j = 0; j < n; j++) {
      for (let r = 0; r < 16; r++) {
        store<f32>(w, r < rows ? load<f32>(piece + r * row + (j << 2)) : 0)
        w += 4
      }
    }
    return
  }
  for (let j = 0; j < n; j++) {
    let at = piece + (j << 2)
    for (let r = 0; r < 4; r++) {
      let v = v128.load32_zero(at)
      v = v128.load32_lane(at + row, v, 1)
      v = v128.load32_lane(at + 2 * row, v, 2)
      v = v128.load32_lane(at + 3 * row, v, 3)
      v128.store(w, v)
      at += row << 2
      w += 16
    }
  }
}

/** Packs rows of int8, as `pack` does; groups of gs are filled up to whole runs, and the place for their scales is left. */
export function packq(w: usize, piece: usize, n: i32, rows: i32, gs: i32): void {
  if (rows < 16 || gs % WIDTH != 0) {
    for (let g = 0; g < n; g += gs) {
      for (let p = 0; p < gs; p += WIDTH) {
        for (let r = 0; r < 16; r++) {
          for (let c = 0; c < WIDTH; c++) {
            store<i8>(w, r < rows && p + c < gs ? load<i8>(piece + r * n + g + p + c) : 0)
            w += 1
          }
        }
      }
      w += 64
    }
    return
  }
  for (let g = 0; g < n; g += gs) {
    for (let j = g; j < g + gs; j += WIDTH) {
      let at = piece + j
      if (ASC_FEATURE_RELAXED_SIMD) {
        for (let r = 0; r < 4; r++) {
          let v = v128.load32_zero(at)
          v = v128.load32_lane(at + n, v, 1)
          v = v128.load32_lane(at + 2 * n, v, 2)
          v = v128.load32_lane(at + 3 * n, v, 3)
          v128.store(w, v)
          at += n << 2
          w += 16
        }
      } else {
        for (let r = 0; r < 2; r++) {
          let v = i16x8.splat(load<i16>(at))
          v = v128.load16_lane(at + n, v, 1)
          v = v128.load16_lane(at + 2 * n, v, 2)
          v = v128.load16_lane(at + 3 * n, v, 3)
          v = v128.load16_lane(at + 4 * n, v, 4)
          v = v128.load16_lane(at + 5 * n, v, 5)
          v = v128.load16_lane(at + 6 * n, v, 6)
          v = v128.load16_lane(at + 7 * n, v, 7)
          v128.store(w, v)
          at += n << 3
          w += 16
        }
      }
    }
    w += 64
  }
}

/** Puts the scales of 16 rows, a row-major (rows, groups) piece, into a block that packq made. */
export function packs(w: usize, piece: usize, groups: i32, rows: i32, runs: i32): void {
  for (let g = 0; g < groups; g++) {
    w += runs * WIDTH * 16
    for (let r = 0; r < 16; r++) {
      store<f32>(w, r < rows ? load<f32>(piece + ((r * groups + g) << 2)) : 0)
      w += 4
    }
  }
}

/** Row `row` of a packed (d, n) float32 matrix into `out`. */
export function unpack(out: usize, w: usize, row: i32, n: i32): void {
  let at = w + (((row >> 4) * n) << 6) + ((row & 15) << 2)
  for (let j = 0; j < n; j++) {
    store<f32>(out + (j << 2), load<f32>(at))
    at += 64
  }
}

/** Row `row` of a packed Q8_0 matrix into `out`, multiplied out. */
export function unpackq(out: usize, w: usize, row: i32, n: i32, gs: i32): void {
  const groups = n / gs
  const runs = (gs + WIDTH - 1) / WIDTH
  const lane = row & 15
  let at = w + (row >> 4) * blockBytes(groups, runs)
  for (let g = 0; g < groups; g++) {
    const scales = at + runs * WIDTH * 16
    const scale = load<f32>(scales + (lane << 2))
    const from = at + lane * WIDTH
    for (let k = 0; k < gs; k++) {
      store<f32>(out, <f32>load<i8>(from + (k / WIDTH) * WIDTH * 16 + k % WIDTH) * scale)
      out += 4
    }
    at = scales + 64
  }
}
