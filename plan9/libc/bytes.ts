import { Runeerror, Runemax } from './rune.ts'

/**
 * Strings of bytes: awk's strings. Each character is a byte (0 to 255) of UTF-8, or of what is not UTF-8; so nothing is
 * lost between input and output, and comparing is strcmp(2)'s.
 */

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const PIECE = 8192

/** The bytes as a string of bytes. */
export function frombytes(b: Uint8Array): string {
  let ascii = true
  for (let i = 0; i < b.length; i++)
    if (b[i]! >= 0x80) {
      ascii = false
      break
    }
  if (ascii) return decoder.decode(b)
  const parts: string[] = []
  for (let i = 0; i < b.length; i += PIECE) parts.push(String.fromCharCode(...b.subarray(i, i + PIECE)))
  return parts.join('')
}

export function tobytes(s: string): Uint8Array {
  const b = new Uint8Array(s.length)
  for (let i = 0; i < s.length; i++) b[i] = s.charCodeAt(i)
  return b
}

/** A string of bytes for text of JavaScript's. */
export const fromtext = (text: string): string => frombytes(encoder.encode(text))

/** JavaScript's text for a string of bytes; what is no UTF-8 becomes U+FFFD. */
export const totext = (s: string): string => decoder.decode(tobytes(s))

/** The rune at `s[i]` and its bytes, as chartorune in plan9/libc/rune.ts: `rune * 8 + length`. */
export function runeat(s: string, i: number): number {
  const c = s.charCodeAt(i)
  if (c < 0x80) return c * 8 + 1
  // charCodeAt is NaN past the end, which ^ takes for 0: no continuation byte.
  const c1 = s.charCodeAt(i + 1) ^ 0x80
  if (c < 0xc2 || c1 & 0xc0) return Runeerror * 8 + 1
  if (c < 0xe0) return (((c & 0x1f) << 6) | c1) * 8 + 2
  const c2 = s.charCodeAt(i + 2) ^ 0x80
  if (c2 & 0xc0) return Runeerror * 8 + 1
  if (c < 0xf0) {
    const r = ((c & 0x0f) << 12) | (c1 << 6) | c2
    return r < 0x800 ? Runeerror * 8 + 1 : r * 8 + 3
  }
  const c3 = s.charCodeAt(i + 3) ^ 0x80
  if (c > 0xf4 || c3 & 0xc0) return Runeerror * 8 + 1
  const r = ((c & 0x07) << 18) | (c1 << 12) | (c2 << 6) | c3
  return r < 0x10000 || r > Runemax ? Runeerror * 8 + 1 : r * 8 + 4
}

/** The rune that ends before `s[i]`, and its bytes; the inverse of `runeat`, `i` greater than 0. */
export function runebefore(s: string, i: number): number {
  const c = s.charCodeAt(i - 1)
  if (c < 0x80) return c * 8 + 1
  for (let n = 2; n <= 4 && n <= i; n++) {
    const x = runeat(s, i - n)
    if ((x & 7) === n) return x
  }
  return Runeerror * 8 + 1
}

/** utfnlen(2): the runes in `s`, or in its first `end` bytes; a byte that is no UTF-8 counts as one. */
export function utflen(s: string, end = s.length): number {
  let n = 0
  for (let i = 0; i < end; n++) {
    if (s.charCodeAt(i) < 0x80) i++
    else i += runeat(s, i) & 7
  }
  return n
}

/** The index in bytes of the n'th rune after `from`; the string's length when there are fewer. */
export function utfskip(s: string, n: number, from = 0): number {
  let i = from
  for (; n > 0 && i < s.length; n--) {
    if (s.charCodeAt(i) < 0x80) i++
    else i += runeat(s, i) & 7
  }
  return i
}

/** A copy that does not hold on to the string it was cut from. */
export function own(s: string): string {
  // The engine copies short strings anyway; a joined string that is cut is made flat, in memory of its own.
  return s.length < 13 ? s : ` ${s}`.slice(1)
}
