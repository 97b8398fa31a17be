import { frombytes, runeat, utflen, utfskip } from '../../../plan9/libc/bytes.ts'
import { runetochar } from '../../../plan9/libc/rune.ts'
import type { Searcher } from '../../../plan9/libc/search.ts'
import { toint } from './number.ts'
import { ARR, Cell, numof, strof, type Val } from './value.ts'

/** The functions of awk that need nothing but their arguments. */

export const length = (v: Val): number => (v instanceof Cell && v.t & ARR ? v.table().map.size : utflen(strof(v)))

/** ASCII only; other letters stay. */
export const toupper = (s: string): string => s.replace(/[a-z]+/g, x => x.toUpperCase())
export const tolower = (s: string): string => s.replace(/[A-Z]+/g, x => x.toLowerCase())

/** The rune of a number, in UTF-8. */
export function utf(x: number): string {
  const b = new Uint8Array(4)
  const r = toint(x)
  return frombytes(b.subarray(0, runetochar(b, 0, r < 0 ? 0xfffd : r)))
}

export function index(s: string, t: string): number {
  const i = s === '' ? -1 : s.indexOf(t)
  return i < 0 ? 0 : utflen(s, i) + 1
}

const ascii = (s: string): boolean => {
  for (let i = 0; i < s.length; i++) if (s.charCodeAt(i) >= 0x80) return false
  return true
}

/** The m'th rune and those after it, n at most; an m less than 1 is 1. */
export function substr(s: string, m: number, n: number | undefined): string {
  const from = Math.max(toint(m), 1) - 1
  const count = n === undefined ? s.length : Math.max(toint(n), 0)
  if (ascii(s)) return s.slice(from, from + count)
  const start = utfskip(s, from)
  return s.slice(start, utfskip(s, count, start))
}

/** The replacement of a match: & is the match, \& an &, \\& a backslash and the match, \\\& a backslash and &. */
export function replacement(to: string): (match: string) => string {
  if (to !== last.to) last = { to, f: replacer(to) }
  return last.f
}

/** The replacement that was asked for last: it mostly stays the same. */
let last = { to: '', f: (_: string) => '' }

function replacer(to: string): (match: string) => string {
  if (!/[\\&]/.test(to)) return () => to
  /** Texts, with a match between every two. */
  const parts: string[] = ['']
  const put = (s: string) => {
    parts[parts.length - 1] += s
  }
  for (let i = 0; i < to.length; ) {
    const m = /^(?:\\\\\\&|\\\\&|\\\\|\\&|&)/.exec(to.slice(i, i + 4))
    if (m === null) put(to[i++]!)
    else {
      i += m[0].length
      if (m[0] === '&') parts.push('')
      else if (m[0] === '\\&') put('&')
      else if (m[0] === '\\\\\\&') put('\\&')
      else if (m[0] === '\\\\') put('\\\\')
      else {
        // The & is still to be read.
        put('\\')
        i--
      }
    }
  }
  return match => parts.join(match)
}

/** sub() in a string; undefined when nothing matches. */
export function sub(s: string, re: Searcher, to: string): string | undefined {
  if (!re.search(s)) return undefined
  const { start, end } = re
  return s.slice(0, start) + replacement(to)(s.slice(start, end)) + s.slice(end)
}

/** gsub() in a string: the result, and how many matches were replaced; undefined when nothing matches. */
export function gsub(s: string, re: Searcher, to: string): { s: string; n: number } | undefined {
  if (!re.search(s)) return undefined
  const replace = replacement(to)
  let out = ''
  let n = 0
  /** What is before it is done with; and whether a match ended there. */
  let at = 0
  let after = false
  do {
    const { start, end } = re
    if (end > start || start >= s.length) {
      out += s.slice(at, start) + replace(s.slice(start, end))
      n++
      at = end
      if (at >= s.length) break
      after = true
    } else {
      // Right after a match nothing is no match.
      out += s.slice(at, start)
      if (!after || start > at) {
        out += replace('')
        n++
      }
      at = start + (runeat(s, start) & 7)
      out += s.slice(start, at)
      after = false
    }
  } while (re.search(s, at))
  return { s: out + s.slice(at), n }
}

/** Raises to a power that is a whole number, by squaring. */
function ipow(x: number, n: number): number {
  if (n <= 0) return 1
  const v = ipow(x, Math.trunc(n / 2))
  return n % 2 === 0 ? v * v : x * v * v
}

/** What `check` makes of results that are no finite numbers: they are complained of, and are 1. */
export type Check = (x: number, what: string) => number

export const power = (x: number, y: number, check: Check): number =>
  y >= 0 && Number.isInteger(y) && y < 2 ** 31 ? ipow(x, y) : check(x ** y, 'pow')

export const number = (f: string, v: Val, check: Check): number => {
  const x = numof(v)
  switch (f) {
    case 'int':
      return Math.trunc(x)
    case 'log':
      return check(Math.log(x), 'log')
    case 'exp':
      return check(Math.exp(x), 'exp')
    case 'sqrt':
      return check(Math.sqrt(x), 'sqrt')
    case 'sin':
      return Math.sin(x)
    default:
      return Math.cos(x)
  }
}
