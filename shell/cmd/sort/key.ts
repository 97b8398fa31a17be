import { chartorune, runetochar } from '../../../plan9/libc/rune.ts'
import type { Strings } from './strings.ts'

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']

/** The letter under the accent, upper case: of Latin-1's letters, which are all that `-f` and `-d` know of. */
const unaccent = (c: number): number | undefined => {
  // Ð is a D, Ø an O, Æ an A; ß, Þ and ÿ are under no letter.
  const own = { 208: 68, 240: 68, 216: 79, 248: 79, 198: 65, 230: 65 }[c]
  if (own !== undefined) return own
  if (c < 0xc0 || c >= 0xff) return undefined
  const base = String.fromCharCode(c).normalize('NFD')
  return base.length > 1 ? base.toUpperCase().charCodeAt(0) : undefined
}

/** What rules d, f, i and w make of the characters below 256: 0 is left out. */
function mapping(flags: Set<string>): Uint8Array {
  const map = new Uint8Array(256)
  for (let i = 0; i < 256; i++) {
    let c = i
    const ch = String.fromCharCode(i)
    const blank = i === 32 || i === 9
    if (flags.has('i') && (i < 0o40 || i > 0o176)) continue
    if (flags.has('w') && blank) continue
    if (flags.has('d') && !blank && !/[A-Za-z0-9]/.test(ch) && unaccent(i) === undefined) continue
    if (flags.has('f')) c = i >= 97 && i <= 122 ? i - 32 : (unaccent(i) ?? i)
    map[i] = flags.has('r') && i < 0x80 ? ~c & 0xff : c
  }
  return map
}

/** Puts into `k` what makes the bytes of `line` from `from` to `to` compare as they should. */
export type KeyMaker = (k: Strings, line: Uint8Array, from: number, to: number) => void

/** The whole of it, byte by byte. */
export const plainkey =
  (reverse: boolean): KeyMaker =>
  (k, line, from, to) => {
    const x = reverse ? 0xff : 0
    for (let i = from; i < to; i++) k.put(line[i]! ^ x)
    k.put(x)
  }

export const textkey = (flags: Set<string>): KeyMaker => {
  const map = mapping(flags)
  const reverse = flags.has('r')
  const rune = new Uint8Array(4)
  return (k, line, from, to) => {
    for (let i = from; i < to; ) {
      const x = chartorune(line, i, to)
      i += x & 7
      let c = x >>> 3
      if (c !== 0 && c < 0x80) {
        if (map[c] !== 0) k.put(map[c]!)
        continue
      }
      if (c !== 0 && c < 256) {
        c = map[c]!
        if (c === 0) continue
      } else if (map[255] === 0) continue
      const n = runetochar(rune, 0, c)
      for (let j = 0; j < n; j++) k.put(reverse ? ~rune[j]! : rune[j]!)
    }
    k.put(reverse ? 0xff : 0)
  }
}

const digit = (c: number | undefined): c is number => c !== undefined && c >= 48 && c <= 57
const blank = (c: number | undefined) => c === 32 || c === 9

/** A decimal number, of any length: a sign byte, the place of its point, its digits. */
export const numberkey = (flags: Set<string>): KeyMaker => {
  const exponents = flags.has('g')
  const reverse = flags.has('r')
  return (k, line, from, to) => {
    let i = from
    const at = () => (i < to ? line[i] : undefined)
    while (blank(at())) i++
    const minus = at() === 45
    if (minus || at() === 43) i++
    while (blank(at())) i++
    while (at() === 48) i++
    const whole = i
    while (digit(at())) i++
    const wholeEnd = i
    let frac = i
    if (at() === 46) frac = ++i
    while (digit(at())) i++
    let fracEnd = i
    let point = wholeEnd - whole
    if (point === 0) for (; frac < fracEnd && line[frac] === 48; frac++) point--
    while (fracEnd > frac && line[fracEnd - 1] === 48) fracEnd--
    let end = wholeEnd
    if (fracEnd === frac) while (end > whole && line[end - 1] === 48) end--
    if (end === whole && fracEnd === frac) {
      k.put(0x20)
      k.put(0)
      return
    }
    if (exponents && (at() === 101 || at() === 69)) {
      i++
      const down = at() === 45
      if (down || at() === 43) i++
      let e = 0
      for (let c = at(); digit(c); i++, c = at()) e = Math.min(10 * e + c - 48, 1e6)
      point += down ? -e : e
    }
    point = Math.min(Math.max(point + 0x4040, 0), 0xffff)
    const x = minus !== reverse ? 0xff : 0
    k.put(x ? 0x10 : 0x30)
    k.put((point >> 8) ^ x)
    k.put((point & 0xff) ^ x)
    for (let j = whole; j < end; j++) k.put(line[j]! ^ x)
    for (let j = frac; j < fracEnd; j++) k.put(line[j]! ^ x)
    k.put(x)
  }
}

export const monthkey = (flags: Set<string>): KeyMaker => {
  const x = flags.has('r') ? 0xff : 0
  return (k, line, from, to) => {
    let name = ''
    for (let i = from; i < to && name.length < 3; i++) {
      const c = line[i]!
      if (c !== 32 && c !== 9) name += String.fromCharCode(c).toUpperCase()
    }
    if (name.length === 3) k.put((months.indexOf(name) + 10) ^ x)
    k.put(x)
  }
}
