import * as c from '../9p/const.ts'

/** print(2)'s %M: a file's mode as `ls -l` shows it. */
export function dirmodefmt(m: number): string {
  const rwx = (n: number) => `${n & 4 ? 'r' : '-'}${n & 2 ? 'w' : '-'}${n & 1 ? 'x' : '-'}`
  const kind = m & c.DMDIR ? 'd' : m & c.DMAPPEND ? 'a' : m & c.DMAUTH ? 'A' : '-'
  return `${kind}${m & c.DMEXCL ? 'l' : '-'}${rwx(m >> 6)}${rwx(m >> 3)}${rwx(m)}`
}

/** print(2)'s %g at `prec` significant digits. */
export function gfmt(x: number, prec = 6, sharp = false): string {
  if (Number.isNaN(x)) return 'NaN'
  if (!Number.isFinite(x)) return x > 0 ? '+Inf' : '-Inf'
  if (prec === 0) prec = 1
  const [mant, exp] = x.toExponential(Math.min(prec, 101) - 1).split('e') as [string, string]
  const e = Number(exp)
  const trim = (s: string) => (sharp || !s.includes('.') ? s : s.replace(/\.?0+$/, ''))
  if (e < -4 || e >= prec) return `${trim(mant)}${efmt(e)}`
  return trim(x.toFixed(Math.min(Math.max(prec - 1 - e, 0), 100)))
}

/** The exponent of %e and %g, two digits at least. */
export function efmt(e: number): string {
  return `e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`
}

/** The number at the front of s as strtol(2) reads it: its digits' value, whether it is below 0, and where it ends. */
function integer(s: string, base: number): { digits: string; base: number; minus: boolean; n: number } {
  const m = /^[ \t\n]*([+-]?)/.exec(s)!
  let i = m[0].length
  if ((base === 0 || base === 16) && /^0[xX][0-9a-fA-F]/.test(s.slice(i))) {
    base = 16
    i += 2
  } else if (base === 0) base = s[i] === '0' ? 8 : 10
  const start = i
  while (i < s.length && Number.parseInt(s[i]!, 36) < base) i++
  return { digits: s.slice(start, i), base, minus: m[1] === '-', n: i === start ? 0 : i }
}

/**
 * strtol(2) with base 0 or 10, 8, 16: the number at the front of s and how many characters it took (0: none).
 * Blanks before it, a sign, 0x and 0 as C has them.
 */
export function strtol(s: string, base = 0): { value: number; n: number } {
  const { digits, base: b, minus, n } = integer(s, base)
  let value = 0
  for (const d of digits) value = value * b + Number.parseInt(d, 36)
  return { value: minus && n > 0 ? -value : value, n }
}

/** strtoul(2) of 32 bits, in the bases that strtol has: the greatest where there are more, and what is below 0 from the top. */
export function strtoul(s: string, base = 0): { value: number; n: number } {
  const { value, n } = strtol(s, base)
  return { value: Math.abs(value) > 0xffffffff ? 0xffffffff : value >>> 0, n }
}

/** strtoll(2), in the bases that strtol has: at most 63 bits, the nearest where there are more. */
export function strtoll(s: string, base = 0): { value: bigint; n: number } {
  const { digits, base: b, minus, n } = integer(s, base)
  let value = 0n
  const most = minus ? 1n << 63n : (1n << 63n) - 1n
  for (const d of digits) {
    value = value * BigInt(b) + BigInt(Number.parseInt(d, 36))
    if (value > most) value = most
  }
  return { value: minus ? -value : value, n }
}

/** atof(2): the number at the front of s; 0 when there is none. */
export function atof(s: string): number {
  const m = /^\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)/.exec(s)
  return m ? Number(m[0]) : 0
}

/** atoi(2), base 10. */
export function atoi(s: string): number {
  const m = /^\s*[+-]?\d+/.exec(s)
  return m ? Number(m[0]) : 0
}
