import { abs, cut, type Num, ten } from './number.ts'

/** Characters of a line, which a backslash ends. */
const LINE = 70

/** The characters of a number, in lines. */
class Lines {
  text = ''
  readonly #length: number
  #left: number

  constructor(length: number) {
    this.#length = this.#left = length
  }

  /** One character. */
  put(c: string): void {
    this.text += c
    this.#count(1)
  }

  /** Two digits; a line is not ended between them. */
  pair(s: string): void {
    this.text += s
    this.#count(2)
  }

  #count(n: number): void {
    this.#left -= n
    if (this.#left > 0) return
    this.text += '\\\n'
    this.#left = this.#length
  }
}

function decimal(out: Lines, v: bigint, scale: number): void {
  const digits = v.toString()
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  const pairs = v === 0n ? [] : even.match(/../g)!
  let sc = scale
  let first = true
  while (pairs.length > 0 && (pairs.length - 1) * 2 >= sc) {
    const p = pairs.shift()!
    out.pair(first ? String(Number(p)) : p)
    first = false
  }
  if (sc === 0) return
  if (pairs.length * 2 > sc) {
    const p = pairs.shift()!
    out.pair(`${p[0]}.`)
    out.put(p[1]!)
    sc--
  } else out.put('.')
  for (; sc > pairs.length * 2; sc--) out.put('0')
  for (; sc > 1; sc -= 2) out.pair(pairs.shift()!)
  if (sc === 1) out.put(pairs.shift()![0]!)
}

/**
 * A number in base `base`, and a newline. In bases above 16 each digit is a group of decimal ones; `k` digits after the point
 * are as good as they can be. Bases 1 and 0 write as many marks as the number is.
 */
export function print(x: Num, base: number, k: number): string {
  if (x.v === 0n) return '0\n'
  // As many decimal digits as the greatest digit has, and a blank.
  const width = base > 16 ? String(base - 1).length + 1 : 1
  const out = new Lines(width < LINE ? Math.floor(LINE / width) * width : LINE)
  if (x.v < 0n) out.put('-')
  const v = abs(x.v)
  if (base <= 1) {
    const mark = base === 1 ? '1' : 'd'
    for (let n = cut(v, x.scale); n > 0n; n--) out.put(mark)
    return `${out.text}\n`
  }
  if (base === 10) {
    decimal(out, v, x.scale)
    return `${out.text}\n`
  }
  const big = BigInt(base)
  const scaled = k >= x.scale ? v * ten(k - x.scale) : v / ten(x.scale - k)
  const one = ten(k)
  const digit = (d: bigint, after: boolean) => {
    if (base <= 16) return d.toString(16)
    const s = d.toString().padStart(width - 1, '0')
    return after ? `${s} ` : ` ${s}`
  }
  let whole = ''
  for (let n = scaled / one; n > 0n; n /= big) whole = digit(n % big, false) + whole
  for (const c of whole) out.put(c)
  if (k === 0) return `${out.text}\n`
  out.put('.')
  const bits = 3 * k
  let left = Math.max(1, Math.floor((Math.floor(bits / 10) + bits) / Math.floor(Math.log2(base))))
  for (let fraction = scaled % one; left > 0; left--) {
    fraction *= big
    for (const c of digit(fraction / one, true)) out.put(c)
    fraction %= one
  }
  return `${out.text}\n`
}
