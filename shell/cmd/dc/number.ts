/** A number: v / 10^scale. */
export interface Num {
  v: bigint
  scale: number
}

export const zero: Num = { v: 0n, scale: 0 }
export const num = (v: bigint, scale = 0): Num => ({ v, scale })

export const abs = (v: bigint): bigint => (v < 0n ? -v : v)

const tens: bigint[] = [1n]
export function ten(n: number): bigint {
  for (let i = tens.length; i <= n && i < 1000; i++) tens.push(tens[i - 1]! * 10n)
  return tens[n] ?? 10n ** BigInt(n)
}

/** Without the last n digits. Pairs of digits go by rounding down, one by itself by rounding to zero: as dc keeps them. */
export function cut(v: bigint, n: number): bigint {
  const pairs = ten(n - (n % 2))
  let q = v / pairs
  if (v < 0n && q * pairs !== v) q--
  return n % 2 === 0 ? q : q / 10n
}

/** The integer in a number. */
export const integer = (x: Num): bigint => cut(x.v, x.scale)

export function add(x: Num, y: Num): Num {
  const scale = Math.max(x.scale, y.scale)
  return num(x.v * ten(scale - x.scale) + y.v * ten(scale - y.scale), scale)
}

export const negate = (x: Num): Num => num(-x.v, x.scale)

export function multiply(x: Num, y: Num, k: number): Num {
  const scale = Math.max(k, x.scale, y.scale)
  const v = x.v * y.v
  const have = x.scale + y.scale
  return have > scale ? num(cut(v, have - scale), scale) : num(v, have)
}

/** The quotient of scale k, and what remains. The divisor is not 0. */
export function divide(x: Num, y: Num, k: number): { quotient: Num; remainder: Num } {
  const more = k - x.scale + y.scale
  if (more >= 0) {
    const v = x.v * ten(more)
    return { quotient: num(v / y.v, k), remainder: num(v % y.v, y.scale + k) }
  }
  const v = x.v / ten(-more)
  const lost = x.v % ten(-more)
  return { quotient: num(v / y.v, k), remainder: num((v % y.v) * ten(-more) + lost, x.scale) }
}

/** x to the power n, n not negative. */
export function power(x: Num, n: bigint, k: number): Num {
  const v = x.v ** n
  const have = Number(n % 10000n) * x.scale
  const scale = Math.max(k, x.scale)
  return scale < have ? num(cut(v, have - scale), scale) : num(v, have)
}

/** The square root of a number that is not negative. */
export function sqrt(x: Num, k: number): Num {
  if (x.v === 0n) return x
  const scale = Math.max(k, x.scale)
  const v = x.v * ten(2 * scale - x.scale)
  // Newton's method, from above.
  let r = 1n << BigInt((v.toString(2).length >> 1) + 1)
  for (;;) {
    const next = (r + v / r) >> 1n
    if (next >= r) return num(r, scale)
    r = next
  }
}

/** A number as the real dc keeps it: digits of base 100, the lowest first, 255 behind a negative one's complement; the scale. */
export function bytes({ v, scale }: Num): string {
  let top = 1n
  while (v + top < 0n) top *= 100n
  let out = ''
  for (let left = v < 0n ? v + top : v; left > 0n || (v < 0n && top > 1n); left /= 100n, top /= 100n)
    out += String.fromCharCode(Number(left % 100n))
  return out + (v < 0n ? '\xff' : '') + String.fromCharCode(scale)
}
