// Vectors. Pointers are byte offsets, 16-aligned; the order of every float operation is forward.ts's: numerics.md.

/** o = weight * (x / sqrt(mean of squares + eps)); o may be x. */
export function rmsnorm(o: usize, x: usize, weight: usize, size: i32, eps: f32): void {
  let ss: f32 = 0
  for (let j = 0; j < size; j++) {
    const v = load<f32>(x + (j << 2))
    ss += v * v
  }
  ss /= <f32>size
  ss += eps
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

/** x / temperature, and their softmax. x has room for a multiple of 4. */
export function temper(x: usize, size: i32, temperature: f32): void {
  const t = f32x4.splat(temperature)
  for (let i = 0; i < size; i += 4) {
    const at = x + (i << 2)
    v128.store(at, f32x4.div(v128.load(at), t))
  }
  softmax(x, size)
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
