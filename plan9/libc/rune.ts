/** UTF-8 as Plan 9 sees it, byte by byte: for programs that must not lose what is not UTF-8. */

export const Runeerror = 0xfffd
export const Runemax = 0x10ffff
export const UTFmax = 4

/**
 * The rune at `buf[off]`, and its bytes: `rune * 8 + length`. A byte that begins no rune (or a rune cut off at `end`)
 * is Runeerror of length 1; overlong forms and code points past Runemax are such bytes too.
 *
 * @see rune(2)
 */
export function chartorune(buf: Uint8Array, off: number, end = buf.length): number {
  const c = buf[off]!
  if (c < 0x80) return c * 8 + 1
  const c1 = off + 1 < end ? buf[off + 1]! ^ 0x80 : 0xff
  if (c < 0xc2 || c1 & 0xc0) return Runeerror * 8 + 1
  if (c < 0xe0) return (((c & 0x1f) << 6) | c1) * 8 + 2
  const c2 = off + 2 < end ? buf[off + 2]! ^ 0x80 : 0xff
  if (c2 & 0xc0) return Runeerror * 8 + 1
  if (c < 0xf0) {
    const r = ((c & 0x0f) << 12) | (c1 << 6) | c2
    return r < 0x800 ? Runeerror * 8 + 1 : r * 8 + 3
  }
  const c3 = off + 3 < end ? buf[off + 3]! ^ 0x80 : 0xff
  if (c > 0xf4 || c3 & 0xc0) return Runeerror * 8 + 1
  const r = ((c & 0x07) << 18) | (c1 << 12) | (c2 << 6) | c3
  return r < 0x10000 || r > Runemax ? Runeerror * 8 + 1 : r * 8 + 4
}

/** Whether the bytes from `off` to `end` are enough to decode a rune, right or wrong. */
export function fullrune(buf: Uint8Array, off: number, end = buf.length): boolean {
  const n = end - off
  if (n <= 0) return false
  const c = buf[off]!
  const want = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1
  if (n >= want) return true
  for (let i = 1; i < n; i++) if ((buf[off + i]! & 0xc0) !== 0x80) return true
  return false
}

/** Puts `r` at `buf[off]`; returns the number of bytes, at most UTFmax. */
export function runetochar(buf: Uint8Array, off: number, r: number): number {
  if (r < 0x80) {
    buf[off] = r
    return 1
  }
  if (r < 0x800) {
    buf[off] = 0xc0 | (r >> 6)
    buf[off + 1] = 0x80 | (r & 0x3f)
    return 2
  }
  if (r > Runemax) r = Runeerror
  if (r < 0x10000) {
    buf[off] = 0xe0 | (r >> 12)
    buf[off + 1] = 0x80 | ((r >> 6) & 0x3f)
    buf[off + 2] = 0x80 | (r & 0x3f)
    return 3
  }
  buf[off] = 0xf0 | (r >> 18)
  buf[off + 1] = 0x80 | ((r >> 12) & 0x3f)
  buf[off + 2] = 0x80 | ((r >> 6) & 0x3f)
  buf[off + 3] = 0x80 | (r & 0x3f)
  return 4
}

/**
 * The runes of some bytes, without loss: a byte b that is no UTF-8 stands as Runemax + 1 + b, which `runestobytes`
 * turns back.
 */
export function bytestorunes(buf: Uint8Array): Int32Array {
  const runes = new Int32Array(buf.length)
  let n = 0
  for (let i = 0; i < buf.length; ) {
    const x = chartorune(buf, i)
    const len = x & 7
    runes[n++] = len === 1 && buf[i]! >= 0x80 ? Runemax + 1 + buf[i]! : x >>> 3
    i += len
  }
  return runes.subarray(0, n)
}

/** The inverse of `bytestorunes`. */
export function runestobytes(runes: ArrayLike<number>, start = 0, end = runes.length): Uint8Array {
  const buf = new Uint8Array((end - start) * UTFmax)
  let n = 0
  for (let i = start; i < end; i++) {
    const r = runes[i]!
    if (r > Runemax) buf[n++] = r - Runemax - 1
    else n += runetochar(buf, n, r)
  }
  return buf.slice(0, n)
}

/** Code points of a string. */
export function stringtorunes(s: string): number[] {
  return Array.from(s, c => c.codePointAt(0)!)
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export const utf8 = (s: string): Uint8Array => encoder.encode(s)
/** As text; what is no UTF-8 becomes U+FFFD. */
export const text = (b: Uint8Array): string => decoder.decode(b)

/** strcmp(2): by code points, which is by UTF-8 bytes. JavaScript's own `<` goes by UTF-16 units. */
export function strcmp(a: string, b: string): number {
  if (a === b) return 0
  const x = [...a]
  const y = [...b]
  for (let i = 0; i < x.length && i < y.length; i++) {
    const d = x[i]!.codePointAt(0)! - y[i]!.codePointAt(0)!
    if (d !== 0) return d
  }
  return x.length - y.length
}
