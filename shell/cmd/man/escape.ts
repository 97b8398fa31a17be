/** troff's escapes, as far as text on a terminal has a use for them. */

/** Basic units in a character cell: nroff's 240 an inch at ten characters an inch. */
export const EM = 24
const units: Record<string, number> = { i: 240, c: 94, p: 240 / 72, P: 40, m: EM, n: EM, v: 40, u: 1 }

/** What stands for a space that is neither broken at nor stretched, until the line is printed. */
export const NBSP = '\u00a0'

const special: Record<string, string> = {
  hy: '-',
  en: '–',
  em: '—',
  bu: '•',
  sq: '□',
  ru: '_',
  ul: '_',
  rn: '‾',
  br: '|',
  or: '|',
  bv: '|',
  dd: '‡',
  dg: '†',
  aq: "'",
  aa: '´',
  ga: '`',
  lq: '“',
  rq: '”',
  oq: '‘',
  cq: '’',
  '``': '“',
  "''": '”',
  fm: '′',
  sc: '§',
  de: '°',
  '14': '¼',
  '12': '½',
  '34': '¾',
  ct: '¢',
  rg: '®',
  co: '©',
  tm: '™',
  pl: '+',
  mi: '-',
  eq: '=',
  '**': '*',
  sl: '/',
  '>=': '≥',
  '<=': '≤',
  '==': '≡',
  '!=': '≠',
  '~=': '≈',
  ap: '~',
  '->': '→',
  '<-': '←',
  ua: '↑',
  da: '↓',
  mu: '×',
  di: '÷',
  '+-': '±',
  cu: '∪',
  ca: '∩',
  sb: '⊂',
  sp: '⊃',
  ib: '⊆',
  ip: '⊇',
  if: '∞',
  pd: '∂',
  gr: '∇',
  no: '¬',
  is: '∫',
  pt: '∝',
  es: '∅',
  mo: '∈',
  sr: '√',
  lh: '☜',
  rh: '☞',
  bs: '*',
  ci: '○',
  fi: 'fi',
  fl: 'fl',
  ff: 'ff',
  Fi: 'ffi',
  Fl: 'ffl',
  hb: '-',
  '*a': 'α',
  '*b': 'β',
  '*g': 'γ',
  '*d': 'δ',
  '*e': 'ε',
  '*z': 'ζ',
  '*y': 'η',
  '*h': 'θ',
  '*i': 'ι',
  '*k': 'κ',
  '*l': 'λ',
  '*m': 'μ',
  '*n': 'ν',
  '*c': 'ξ',
  '*o': 'ο',
  '*p': 'π',
  '*r': 'ρ',
  '*s': 'σ',
  '*t': 'τ',
  '*u': 'υ',
  '*f': 'φ',
  '*x': 'χ',
  '*q': 'ψ',
  '*w': 'ω',
  '*S': 'Σ',
  '*D': 'Δ',
  '*W': 'Ω',
  '*P': 'Π',
  lc: '⌈',
  rc: '⌉',
  lf: '⌊',
  rf: '⌋',
  lb: '{',
  rb: '}',
  lt: '{',
  rt: '}',
  lk: '{',
  rk: '}',
  tp: '⊤',
  td: '~',
  ha: '^',
  'a!': '¡',
  'r!': '¿',
  'e`': 'è',
  "e'": 'é',
  'a`': 'à',
  "a'": 'á',
  'o:': 'ö',
  'u:': 'ü',
  'a:': 'ä',
  ss: 'ß',
  Po: '£',
}

/** The names that escapes look up: strings of .ds, number registers of .nr, arguments of a macro under way. */
export interface Names {
  string(name: string): string
  register(name: string): number
  args: string[]
}

/** Text with its escapes done. `cont` is set by `\c`: what follows joins on. */
export interface Expanded {
  text: string
  cont: boolean
}

/** A name after \f, \*, \n or \s: one character, or two after `(`, or any in `[]`. Returns it and the index after it. */
function name(s: string, i: number): [string, number] {
  if (s[i] === '(') return [s.slice(i + 1, i + 3), i + 3]
  if (s[i] === '[') {
    const end = s.indexOf(']', i)
    if (end > 0) return [s.slice(i + 1, end), end + 1]
  }
  return [s[i] ?? '', i + 1]
}

/** An argument in delimiters, as of \w'...'. */
function delimited(s: string, i: number): [string, number] {
  const delim = s[i]
  if (delim === undefined) return ['', i]
  let end = i + 1
  while (end < s.length && s[end] !== delim) end += s[end] === '\\' ? 2 : 1
  return [s.slice(i + 1, end), Math.min(end + 1, s.length)]
}

/** Cells that some text takes on a terminal. */
export function width(text: string): number {
  let n = 0
  for (const c of text) if (c >= ' ') n++
  return n
}

export function expand(s: string, names: Names, depth = 0): Expanded {
  let out = ''
  let cont = false
  for (let i = 0; i < s.length; ) {
    const c = s[i]!
    if (c !== '\\') {
      out += c
      i++
      continue
    }
    const e = s[i + 1]
    i += 2
    switch (e) {
      case undefined:
        break
      case '"':
        return { text: out, cont }
      case 'e':
      case '\\':
        out += '\\'
        break
      case '-':
        out += '-'
        break
      case "'":
        out += '´'
        break
      case '`':
        out += '`'
        break
      case ' ':
      case '0':
      case '~':
        out += NBSP
        break
      case 't':
        out += '\t'
        break
      case '&':
      case '|':
      case '^':
      case '%':
      case '/':
      case ',':
      case '{':
      case '}':
      case 'd':
      case 'u':
      case 'r':
      case 'p':
      case 'a':
      case ':':
      case ')':
        break
      case 'c':
        cont = true
        break
      case 'f':
      case 'k': {
        i = name(s, i)[1]
        break
      }
      case 's': {
        if (s[i] === '+' || s[i] === '-') i++
        if (s[i] === '(') i += 3
        else if (/\d/.test(s[i] ?? '')) i += /^[1-3]\d/.test(s.slice(i)) ? 2 : 1
        break
      }
      case '(': {
        const n = s.slice(i, i + 2)
        out += special[n] ?? ''
        i += 2
        break
      }
      case '[': {
        const [n, end] = name(s, i - 1)
        out += special[n] ?? ''
        i = end
        break
      }
      case '*': {
        const [n, end] = name(s, i)
        if (depth < 20) out += expand(names.string(n), names, depth + 1).text
        i = end
        break
      }
      case 'n': {
        if (s[i] === '+' || s[i] === '-') i++
        const [n, end] = name(s, i)
        out += String(names.register(n))
        i = end
        break
      }
      case '$': {
        out += names.args[Number(s[i]) - 1] ?? ''
        i++
        break
      }
      case 'w': {
        const [arg, end] = delimited(s, i)
        out += String(width(expand(arg, names, depth + 1).text) * EM)
        i = end
        break
      }
      case 'h': {
        const [arg, end] = delimited(s, i)
        const n = Math.round(number(expand(arg, names, depth + 1).text, EM) / EM)
        out += NBSP.repeat(Math.max(0, Math.min(n, 200)))
        i = end
        break
      }
      case 'l': {
        const [arg, end] = delimited(s, i)
        const m = /^([-+*/.\d]+[a-zA-Z]?)(.*)$/.exec(expand(arg, names, depth + 1).text)
        const n = m ? Math.round(number(m[1]!, EM) / EM) : 0
        out += (m?.[2] || '_').repeat(Math.max(0, Math.min(n, 200)))
        i = end
        break
      }
      case 'o': {
        const [arg, end] = delimited(s, i)
        out += [...expand(arg, names, depth + 1).text][0] ?? ''
        i = end
        break
      }
      case 'N': {
        const [arg, end] = delimited(s, i)
        out += String.fromCodePoint(Math.min(Number(arg) || 32, 0x10ffff))
        i = end
        break
      }
      case 'b':
      case 'v':
      case 'x':
      case 'D':
      case 'H':
      case 'S':
      case 'L':
      case 'X':
        i = delimited(s, i)[1]
        break
      case 'z':
        break
      default:
        out += e
    }
  }
  return { text: out, cont }
}

/** troff's arithmetic, in basic units: left to right, with units and parentheses. @param unit what a bare number counts */
export function number(s: string, unit: number): number {
  let i = 0
  const primary = (): number => {
    if (s[i] === '-') {
      i++
      return -primary()
    }
    if (s[i] === '+') {
      i++
      return primary()
    }
    if (s[i] === '(') {
      i++
      const v = sum()
      if (s[i] === ')') i++
      return v
    }
    const m = /^(\d*\.?\d*)([a-zA-Z]?)/.exec(s.slice(i))!
    i += m[0].length
    if (m[1] === '' || m[1] === '.') return 0
    return Number(m[1]) * (m[2] ? (units[m[2]] ?? unit) : unit)
  }
  const sum = (): number => {
    let v = primary()
    for (;;) {
      const op = s[i]
      if (op === undefined || !'+-*/%<>=&:'.includes(op)) return v
      i++
      if (s[i] === '=') i++
      // The scale of a factor is not a length: its bare number counts one.
      const save = unit
      if (op === '*' || op === '/' || op === '%') unit = 1
      const w = primary()
      unit = save
      if (op === '+') v += w
      else if (op === '-') v -= w
      else if (op === '*') v *= w
      else if (op === '/') v = w === 0 ? 0 : v / w
      else if (op === '%') v = w === 0 ? 0 : v % w
      else if (op === '<') v = v < w ? 1 : 0
      else if (op === '>') v = v > w ? 1 : 0
      else if (op === '=') v = v === w ? 1 : 0
      else if (op === '&') v = v > 0 && w > 0 ? 1 : 0
      else v = v > 0 || w > 0 ? 1 : 0
    }
  }
  return sum()
}
