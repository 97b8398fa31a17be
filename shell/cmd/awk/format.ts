import { utflen, utfskip } from '../../../plan9/libc/bytes.ts'
import { type Conversion, conversions, floating, integer, simple, string, toint, tolong } from './number.ts'
import { Fatal, flagsof, NUM, numof, strof, type Val } from './value.ts'

/** Formats that were used last, cut up. */
const cache = new Map<string, Conversion[]>()

function parsed(fmt: string): Conversion[] {
  let c = cache.get(fmt)
  if (c === undefined) {
    c = conversions(fmt)
    if (cache.size >= 200) cache.clear()
    cache.set(fmt, c)
  }
  return c
}

/**
 * The string that printf makes of its arguments. `warn` is told of a conversion that there is not.
 *
 * @throws Fatal when arguments are missing
 */
export function sprintf(fmt: string, args: Val[], warn: (msg: string) => void): string {
  let out = ''
  let n = 0
  const next = (): Val => {
    const v = args[n++]
    if (v === undefined) throw new Fatal(`not enough args in printf(${fmt})`)
    return v
  }
  for (let c of parsed(fmt)) {
    if (c.verb === '') {
      out += c.text
      continue
    }
    if (c.width === -2 || c.prec === -2) {
      c = { ...c }
      if (c.width === -2) {
        c.width = toint(numof(next()))
        if (c.width < 0) {
          c.width = -c.width
          c.flags += '-'
        }
      }
      if (c.prec === -2) c.prec = Math.max(toint(numof(next())), 0)
    }
    switch (c.verb) {
      case 'f':
      case 'e':
      case 'g':
      case 'E':
      case 'G':
        out += floating(numof(next()), c)
        break
      case 'd':
      case 'i': {
        const x = numof(next())
        // -0.5 is 0, not -0.
        out += simple(x, c) ? Math.trunc(x) + 0 : integer(tolong(x), c)
        break
      }
      case 'u':
      case 'o':
      case 'x':
      case 'X': {
        const x = numof(next())
        out += integer(c.long ? BigInt.asUintN(64, tolong(x)) : BigInt(toint(x) >>> 0), c)
        break
      }
      case 's': {
        let s = strof(next())
        if (c.prec >= 0) s = s.slice(0, utfskip(s, c.prec))
        out += c.width < 0 ? s : string(s, utflen(s), c)
        break
      }
      case 'c': {
        const v = next()
        // Of a number its low byte, of a string its first.
        if (flagsof(v) & NUM) out += String.fromCharCode(toint(numof(v)) & 0xff)
        else out += strof(v).slice(0, 1)
        break
      }
      default: {
        warn(`weird printf conversion ${c.text}`)
        out += c.text + strof(next())
      }
    }
  }
  return out
}
