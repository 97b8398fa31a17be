// The greatest of many sums without most of the work: the classifier's rows in Q8_0, a quarter of the bytes, give every logit
// but for an error that has a bound; only the rows that might be the greatest are computed exactly.
//
// For a row w, of which w' is stored, and x, of which x' is used: |w x - w' x'| <= |w - w'| |x| + |w'| |x - x'|, the lengths
// Euclid's. The rounding of the sums themselves, exact one and stored one, is below SLACK(n) |w| |x|.

/** What the float32 sums of n products may be off by, as a part of |w| |x|: four times what theory says. */
// @ts-ignore: decorator
@inline
function SLACK(n: i32): f64 {
  return <f64>(n + 16) / 4194304
}

/**
 * Stores rows of a row-major (rows, n) float32 piece, in groups of gs, a multiple of 4: q (rows, n) int8 and s (rows, n/gs), row-major;
 * off (rows,) |w - w'| and len (rows,) |w'|.
 */
export function store8(q: usize, s: usize, off: usize, len: usize, piece: usize, n: i32, gs: i32, rows: i32): void {
  for (let r = 0; r < rows; r++) {
    let far: f64 = 0
    let long: f64 = 0
    for (let g = 0; g < n; g += gs) {
      let m = f32x4.splat(0)
      for (let i = 0; i < gs; i += 4) m = f32x4.max(m, f32x4.abs(v128.load(piece + (i << 2))))
      const wmax = max<f32>(
        max<f32>(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)),
        max<f32>(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)),
      )
      const scale = wmax / <f32>127
      const by = f32x4.splat(scale)
      const inverse = f32x4.splat(scale > 1e-30 ? <f32>1 / scale : 0)
      store<f32>(s, scale)
      s += 4
      let e2 = f32x4.splat(0)
      let w2 = f32x4.splat(0)
      for (let i = 0; i < gs; i += 4) {
        const w = v128.load(piece)
        // At 1.5 * 2^23 the last place is 1: the sum is rounded, and its bits count from the constant's.
        const sum = f32x4.add(f32x4.mul(w, inverse), f32x4.splat(12582912))
        const v = i32x4.sub(sum, f32x4.splat(12582912))
        const pair = i16x8.narrow_i32x4_s(v, v)
        v128.store32_lane(q, i8x16.narrow_i16x8_s(pair, pair), 0)
        const near = f32x4.mul(f32x4.sub(sum, f32x4.splat(12582912)), by)
        const e = f32x4.sub(w, near)
        e2 = f32x4.add(e2, f32x4.mul(e, e))
        w2 = f32x4.add(w2, f32x4.mul(near, near))
        piece += 16
        q += 4
      }
      far += sum4(e2)
      long += sum4(w2)
    }
    store<f32>(off, <f32>(sqrt<f64>(far) * 1.0001))
    store<f32>(len, <f32>(sqrt<f64>(long) * 1.0001))
    off += 4
    len += 4
  }
}

// @ts-ignore: decorator
@inline
function sum4(v: v128): f64 {
  return (
    <f64>f32x4.extract_lane(v, 0) +
    <f64>f32x4.extract_lane(v, 1) +
    <f64>f32x4.extract_lane(v, 2) +
    <f64>f32x4.extract_lane(v, 3)
  )
}

/** Length of x (n,). */
export function length(x: usize, n: i32): f64 {
  let sum: f64 = 0
  for (let i = 0; i < n; i++) {
    const v = <f64>load<f32>(x + (i << 2))
    sum += v * v
  }
  return sqrt<f64>(sum)
}

/** An upper bound of |x - x'|, x' being x by `quantize`, whose scales are s: half a step an element. */
export function blur(s: usize, groups: i32, gs: i32): f64 {
  let sum: f64 = 0
  for (let g = 0; g < groups; g++) {
    const half = <f64>load<f32>(s + (g << 2)) * 0.50001
    sum += half * half * <f64>gs
  }
  return sqrt<f64>(sum)
}

/**
 * The rows whose logit may be the greatest: from approx (d,), all of them rounded up to 4, off and len. x is |x|, away |x - x'|,
 * n the columns. approx becomes the upper bounds; the result is the greatest lower bound.
 */
export function bounds(approx: usize, off: usize, len: usize, d: i32, x: f64, away: f64, n: i32): f32 {
  const slack = SLACK(n) * x
  const byOff = f32x4.splat(<f32>((x + slack) * 1.00001))
  const byLen = f32x4.splat(<f32>((away + slack) * 1.00001))
  let best = f32x4.splat(-Infinity)
  let i = 0
  for (; i + 4 <= d; i += 4) {
    const at = i << 2
    const a = v128.load(approx + at)
    const b = f32x4.add(f32x4.mul(v128.load(off + at), byOff), f32x4.mul(v128.load(len + at), byLen))
    best = f32x4.max(best, f32x4.sub(a, b))
    v128.store(approx + at, f32x4.add(a, b))
  }
  let most = max<f32>(
    max<f32>(f32x4.extract_lane(best, 0), f32x4.extract_lane(best, 1)),
    max<f32>(f32x4.extract_lane(best, 2), f32x4.extract_lane(best, 3)),
  )
  for (; i < d; i++) {
    const at = i << 2
    const a = load<f32>(approx + at)
    const b = load<f32>(off + at) * f32x4.extract_lane(byOff, 0) + load<f32>(len + at) * f32x4.extract_lane(byLen, 0)
    most = max<f32>(most, a - b)
    store<f32>(approx + at, a + b)
  }
  return most
}
