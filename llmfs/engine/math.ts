/**
 * exp, sin, cos and pow of our own, so that every machine computes the same bits: numerics.md. Each works in float64 with
 * the operations and the order written here, and is rounded once to float32 by its caller. The error before that rounding is
 * below 1e-12 of the result, so that the float32 is within 0.501 ulp. kernels/math.as.ts has exp again, bit for bit.
 */

// biome-ignore lint/suspicious/noApproximativeNumericConstant: the bits are part of the definition
const LOG2E = 1.4426950408889634 // 0x3FF71547652B82FE
/** ln 2 in two parts; the first has its low 20 bits clear, so that k * LN2HI is exact for |k| < 2^20. */
const LN2HI = 0.6931471803691238 // 0x3FE62E42FEE00000
const LN2LO = 1.9082149292705877e-10 // 0x3DEA39EF35793C76

/** 1/n! for n = 2 .. 11, each the nearest float64. */
const C2 = 0.5
const C3 = 0.16666666666666666 // 0x3FC5555555555555
const C4 = 0.041666666666666664 // 0x3FA5555555555555
const C5 = 0.008333333333333333 // 0x3F81111111111111
const C6 = 0.001388888888888889 // 0x3F56C16C16C16C17
const C7 = 0.0001984126984126984 // 0x3F2A01A01A01A01A
const C8 = 0.0000248015873015873 // 0x3EFA01A01A01A01A
const C9 = 0.0000027557319223985893 // 0x3EC71DE3A556C734
const C10 = 2.755731922398589e-7 // 0x3E927E4FB7789F5C
const C11 = 2.505210838544172e-8 // 0x3E5AE64567F544E4

/** 2^k for k = -256 .. 256. */
const POW2 = Float64Array.from({ length: 513 }, (_, i) => 2 ** (i - 256))

/** e^x in float64, for |x| up to 128; beyond, 0 or Infinity: what a float32 makes of it in any case. */
export function exp(x: number): number {
  if (x > 128) return Number.POSITIVE_INFINITY
  if (x < -128) return 0
  const k = Math.floor(x * LOG2E + 0.5)
  const r = x - k * LN2HI - k * LN2LO
  let p = C11
  p = p * r + C10
  p = p * r + C9
  p = p * r + C8
  p = p * r + C7
  p = p * r + C6
  p = p * r + C5
  p = p * r + C4
  p = p * r + C3
  p = p * r + C2
  p = p * r + 1
  p = p * r + 1
  // NaN has no exponent: it falls through the table's bounds as undefined.
  return p * (POW2[k + 256] ?? Number.NaN)
}

/** ln 10000. */
const LN10000 = 9.210340371976184 // 0x40226BB1BBB55516
const SQRT2 = Math.SQRT2 // 0x3FF6A09E667F3BCD

/** ln x for 1 <= x < 2^1000. */
export function log(x: number): number {
  let k = 0
  let m = x
  for (; m > SQRT2; m *= 0.5) k++
  // ln m = 2 atanh s; s is at most 0.172, and the series ends below 1e-17 of it.
  const s = (m - 1) / (m + 1)
  const z = s * s
  let p = 0
  for (let n = 21; n >= 3; n -= 2) p = (p + 1 / n) * z
  return k * LN2HI + (2 * s + (2 * s * p + k * LN2LO))
}

/** theta^y, 10000 or another base of RoPE's frequencies, for 0 <= y <= 1 and theta as `log` takes it, up to 1e12. */
export function powTheta(theta: number, y: number): number {
  return exp(y * (theta === 10000 ? LN10000 : log(theta)))
}

/** 10000^y, for 0 <= y <= 1. */
export function pow10000(y: number): number {
  return powTheta(10000, y)
}

const TWO_OVER_PI = 0.6366197723675814 // 0x3FE45F306DC9C883
/** pi/2 in three parts of 33 bits, so that k times the first two is exact for |k| < 2^20. */
const PIO2_1 = 1.5707963267341256 // 0x3FF921FB54400000
const PIO2_2 = 6.077100506303966e-11 // 0x3DD0B4611A600000
const PIO2_3 = 2.0222662487959506e-21 // 0x3BA3198A2E037073

const S3 = -0.16666666666666666
const S5 = 0.008333333333333333
const S7 = -0.0001984126984126984
const S9 = 0.0000027557319223985893
const S11 = -2.505210838544172e-8
const S13 = 1.6059043836821613e-10 // 0x3DE6124613A86D09
const S15 = -7.647163731819816e-13 // 0xBD6AE7F3E733B81F

const K2 = -0.5
const K4 = 0.041666666666666664
const K6 = -0.001388888888888889
const K8 = 0.0000248015873015873
const K10 = -2.755731922398589e-7
const K12 = 2.08767569878681e-9 // 0x3E21EED8EFF8D898
const K14 = -1.1470745597729725e-11 // 0xBDA93974A8C07C9D
const K16 = 4.779477332387385e-14 // 0x3D2AE7F3E733B81F

/** sin r for |r| <= pi/4. */
function ksin(r: number): number {
  const z = r * r
  let p = S15
  p = p * z + S13
  p = p * z + S11
  p = p * z + S9
  p = p * z + S7
  p = p * z + S5
  p = p * z + S3
  return r + r * z * p
}

/** cos r for |r| <= pi/4. */
function kcos(r: number): number {
  const z = r * r
  let p = K16
  p = p * z + K14
  p = p * z + K12
  p = p * z + K10
  p = p * z + K8
  p = p * z + K6
  p = p * z + K4
  p = p * z + K2
  return 1 + z * p
}

/** The quarter turn that x is nearest to, and what is left. For 0 <= x < 2^20. */
function reduce(x: number): { k: number; r: number } {
  const k = Math.floor(x * TWO_OVER_PI + 0.5)
  return { k: k % 4, r: x - k * PIO2_1 - k * PIO2_2 - k * PIO2_3 }
}

export function sin(x: number): number {
  const { k, r } = reduce(x)
  const v = k % 2 === 0 ? ksin(r) : kcos(r)
  return k < 2 ? v : -v
}

export function cos(x: number): number {
  const { k, r } = reduce(x)
  const v = k % 2 === 0 ? kcos(r) : ksin(r)
  return k === 0 || k === 3 ? v : -v
}

const f = Math.fround

/**
 * RoPE's rotations, as run.c computes them at every position: freq = 1 / pow(theta, head_dim / head_size), val = pos * freq,
 * each step a float32; its theta is 10000. Layout: (seq_len, head_size/2, 2) float32, cos then sin.
 */
export function ropeTable(seq_len: number, head_size: number, theta = 10000): Float32Array {
  const half = head_size / 2
  const table = new Float32Array(seq_len * head_size)
  for (let i = 0; i < half; i++) {
    const freq = f(1 / f(powTheta(theta, f((2 * i) / head_size))))
    for (let pos = 0; pos < seq_len; pos++) {
      const val = f(pos * freq)
      table[pos * head_size + 2 * i] = cos(val)
      table[pos * head_size + 2 * i + 1] = sin(val)
    }
  }
  return table
}
