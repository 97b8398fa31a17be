/**
 * Numbers as print(2) writes them: seventeen significant digits at most, rounded half up from those; fifteen when they
 * are enough to tell the number from its neighbours and more were asked for.
 */

const NSIGNIF = 17
const FDIGIT = 30
const FDEFLT = 6

/** The digits of a number greater than or equal to 0, and the exponent of the first. */
interface Decimal {
  digits: number[]
  e: number
}

/** Adds v at the n'th digit. */
function add(d: Decimal, n: number, v: number): void {
  if (n < 0 || n >= NSIGNIF) return
  for (let i = n; i >= 0; i--) {
    const c = d.digits[i]! + v
    if (c <= 9) {
      d.digits[i] = c
      return
    }
    d.digits[i] = 0
    v = 1
  }
  d.digits[0] = 1
  d.e++
}

const decimal = (s: string): Decimal => {
  const [mant, exp] = s.split('e') as [string, string]
  const digits = Array.from(mant.replace('.', ''), Number)
  while (digits.length < NSIGNIF) digits.push(0)
  return { digits, e: Number(exp) }
}

function expand(f: number, many: boolean): Decimal {
  const all = f.toExponential(NSIGNIF - 1)
  if (many && f !== 0) {
    const few = f.toExponential(NSIGNIF - 3)
    if (Number(few) === f) return decimal(few)
  }
  return decimal(all)
}

const exponent = (e: string): string => (e.length < 3 ? `${e[0]}0${e[1]}` : e)

/** The same for few digits, which the host's conversions have right: they round half up too. */
function shortefg(f: number, verb: 'e' | 'f' | 'g', prec: number): string | undefined {
  if (verb === 'f') return prec <= 6 && f < 1e7 ? f.toFixed(prec) : undefined
  if (prec > 13) return undefined
  if (verb === 'e') {
    const s = f.toExponential(prec)
    const i = s.indexOf('e')
    return `${s.slice(0, i)}e${exponent(s.slice(i + 1))}`
  }
  const digits = Math.max(prec, 1)
  if (f === 0) return '0'
  const s = f < 1e-4 ? f.toExponential(digits - 1) : f.toPrecision(digits)
  const i = s.indexOf('e')
  let mant = i < 0 ? s : s.slice(0, i)
  if (mant.includes('.')) {
    let end = mant.length
    while (mant[end - 1] === '0') end--
    mant = mant.slice(0, mant[end - 1] === '.' ? end - 1 : end)
  }
  return i < 0 ? mant : `${mant}e${exponent(s.slice(i + 1))}`
}

/**
 * The conversions e, f and g of a number, without sign and width; prec -1 is the default. What is not finite is NaN or
 * Inf.
 */
export function efg(x: number, verb: 'e' | 'f' | 'g', prec: number, sharp = false): string {
  if (Number.isNaN(x)) return 'NaN'
  const f = Math.abs(x)
  if (f === Number.POSITIVE_INFINITY) return 'Inf'
  prec = Math.min(prec < 0 ? FDEFLT : prec, FDIGIT)
  const short = sharp ? undefined : shortefg(f, verb, prec)
  if (short !== undefined) return short
  const exp10 = f === 0 ? 0 : Number(f.toExponential(1).split('e')[1])
  const d = expand(f, prec + 1 + (verb === 'f' ? exp10 : 0) >= NSIGNIF - 2)

  if (verb === 'g' && prec > 0) prec--
  let fixed = verb === 'f'
  // Digits after the point, of those that come; zeros before the digits; digits.
  let after = prec
  let zeros = 0
  let count = prec + 1
  if (verb === 'f') {
    add(d, count + d.e, 5)
    zeros = -d.e
    if (zeros > prec) zeros = count
    count += d.e
  } else {
    add(d, count, 5)
    if (verb === 'g' && d.e >= -4 && d.e <= prec) {
      zeros = -d.e
      after = prec - d.e
      fixed = true
    }
  }
  let s = '0'.repeat(Math.max(zeros, 0))
  for (let i = 0; i < count; i++) s += i < NSIGNIF ? d.digits[i] : 0
  const point = s.length - after
  if (after > 0) s = `${s.slice(0, point)}.${s.slice(point)}`
  if (sharp) {
    if (after === 0) s += '.'
  } else if (verb === 'g' && after > 0) s = s.replace(/\.?0+$/, '')
  if (fixed) return s
  const e = Math.abs(d.e)
  return `${s}e${d.e < 0 ? '-' : '+'}${e < 10 ? '0' : ''}${e}`
}

/** A number as a string, by the format when it is not whole. */
export function numstring(n: number, fmt: string): string {
  if (Number.isInteger(n)) {
    if (n < 1e15 && n > -1e15) return n === 0 && Object.is(n, -0) ? '-0' : String(n)
    return (n < 0 ? '-' : '') + efg(n, 'g', 30)
  }
  if (fmt === '%.6g' || !Number.isFinite(n)) return (n < 0 ? '-' : '') + efg(n, 'g', 6)
  return format(fmt, [n])
}

/** One conversion of a format: text before it, its flags, and what it is. */
export interface Conversion {
  text: string
  /** Its letter; '' for text that is no conversion, '?' for one that has no letter. */
  verb: string
  flags: string
  /** -1: none; -2: the next argument. */
  width: number
  prec: number
  /** `l` before the verb. */
  long: boolean
}

const LETTER = /[A-Za-z]/

/** Cuts a format, a string of bytes, into text and conversions. */
export function conversions(fmt: string): Conversion[] {
  const out: Conversion[] = []
  let text = ''
  const done = () => {
    if (text !== '') out.push({ text, verb: '', flags: '', width: -1, prec: -1, long: false })
    text = ''
  }
  for (let i = 0; i < fmt.length; ) {
    if (fmt[i] !== '%') {
      const j = fmt.indexOf('%', i)
      text += fmt.slice(i, j < 0 ? fmt.length : j)
      i = j < 0 ? fmt.length : j
      continue
    }
    if (fmt[i + 1] === '%') {
      text += '%'
      i += 2
      continue
    }
    done()
    let j = i + 1
    while (j < fmt.length && !(LETTER.test(fmt[j]!) && !'lhL'.includes(fmt[j]!))) j++
    const all = fmt.slice(i, j + 1)
    const c: Conversion = { text: all, verb: fmt[j] ?? '?', flags: '', width: -1, prec: -1, long: fmt[j - 1] === 'l' }
    const number = (s: string) => (s === '*' ? -2 : Math.min(Number(s), 1e8))
    // Flags and numbers may stand in any order there; a number after a point is the precision.
    for (const m of all.slice(1, -1).matchAll(/[-+# ,0]|[1-9]\d*|\*|\.(\d+|\*)?/g)) {
      if (m[0][0] === '.') c.prec = m[1] === undefined ? 0 : number(m[1])
      else if (/^[1-9*]/.test(m[0])) c.width = number(m[0])
      else c.flags += m[0]
    }
    out.push(c)
    i = j + 1
  }
  done()
  return out
}

const pad = (s: string, length: number, c: Conversion): string => {
  const n = c.width - length
  if (n <= 0) return s
  return c.flags.includes('-') ? s + ' '.repeat(n) : ' '.repeat(n) + s
}

const sign = (negative: boolean, flags: string): string =>
  negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''

/** The conversions d, u, o, x and X of a whole number. */
export function integer(n: bigint, c: Conversion): string {
  const base = c.verb === 'o' ? 8 : c.verb === 'x' || c.verb === 'X' ? 16 : 10
  const negative = n < 0n
  let s = (negative ? -n : n).toString(base)
  if (c.verb === 'X') s = s.toUpperCase()
  if (c.flags.includes(',')) s = s.replace(/(?!^)(?=(.{3})+$)/g, ',')
  if (c.prec > s.length) s = s.padStart(c.prec, '0')
  let head = sign(negative, c.flags)
  if (c.flags.includes('#')) {
    if (base === 16) head += `0${c.verb}`
    else if (base === 8 && s[0] !== '0') head += '0'
  }
  if (c.flags.includes('0') && !c.flags.includes('-') && c.prec < 0) s = s.padStart(c.width - head.length, '0')
  return pad(head + s, head.length + s.length, c)
}

/** The conversions e, f, g, E and G. */
export function floating(x: number, c: Conversion): string {
  const verb = c.verb.toLowerCase() as 'e' | 'f' | 'g'
  let s = efg(x, verb, c.prec, c.flags.includes('#'))
  if (verb !== c.verb && Number.isFinite(x)) s = s.toUpperCase()
  const all = sign(x < 0 || Object.is(x, -0), c.flags) + s
  return pad(all, all.length, c)
}

/** The conversion s of a string of `length` runes. */
export const string = (s: string, length: number, c: Conversion): string => pad(s, length, c)

/** Whether a whole number is written as it stands: d, with nothing else said. */
export const simple = (x: number, c: Conversion): boolean =>
  c.width < 0 && c.prec < 0 && c.flags === '' && x < 1e15 && x > -1e15

/** (long) of C, as the machine does it. */
export function tolong(x: number): bigint {
  return x < 2 ** 63 && x >= -(2 ** 63) ? BigInt(Math.trunc(x)) : -(2n ** 63n)
}

/** (int) of C. */
export const toint = (x: number): number => (x < 2 ** 31 && x > -(2 ** 31) - 1 ? Math.trunc(x) : -(2 ** 31))

/** A format of numbers alone, as CONVFMT is. */
function format(fmt: string, args: number[]): string {
  let s = ''
  for (const c of conversions(fmt)) {
    if (c.verb === '') s += c.text
    else if ('efgEG'.includes(c.verb)) s += floating(args[0] ?? 0, c)
    else if ('dioxXu'.includes(c.verb)) s += integer(tolong(args[0] ?? 0), c)
    else s += c.text
  }
  return s
}
