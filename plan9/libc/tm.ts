import { PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'
import { readfile } from './bio.ts'
import { getenv } from './env.ts'
import { text } from './rune.ts'

/** A time zone as timezone files have it: two names with their offsets in seconds, and when the second one holds. */
export interface Tzone {
  stname: string
  stdiff: number
  dlname: string
  dldiff: number
  /** Seconds since the epoch: begin and end of each spell of the second name. */
  dlpairs: number[]
}

const GMT: Tzone = { stname: 'GMT', stdiff: 0, dlname: 'GMT', dldiff: 0, dlpairs: [] }

/**
 * tzload(2): `local` is /env/timezone (GMT where that is not set), other names are files of /adm/timezone.
 * @throws PlanError for a name that is not there, or no timezone file
 */
export async function tzload(sys: Sys, name: string): Promise<Tzone> {
  if (name === 'GMT' || name === 'UTC') return GMT
  const s = name === 'local' ? await getenv(sys, 'timezone') : text(await readfile(sys, `/adm/timezone/${name}`))
  if (s === undefined || s.trim() === '') return GMT
  const f = s.trim().split(/\s+/)
  const [stname, stdiff, dlname, dldiff] = [f[0]!, Number(f[1]), f[2], Number(f[3] ?? 0)]
  const pairs = f.slice(4).map(Number)
  const end = pairs.indexOf(0)
  const dlpairs = end < 0 ? pairs : pairs.slice(0, end)
  if (Number.isNaN(stdiff) || Number.isNaN(dldiff) || dlpairs.some(Number.isNaN))
    throw new PlanError(`bad timezone file: ${name}`)
  return { stname, stdiff, dlname: dlname ?? stname, dldiff, dlpairs }
}

/** ctime(2)'s Tm, `year` counted from 1900 and `mon` from 0. */
export interface Tm {
  nsec: number
  sec: number
  min: number
  hour: number
  mday: number
  mon: number
  year: number
  wday: number
  yday: number
  zone: string
  tzoff: number
}

const DAY = 86400

/** The year (there is one before 1), month from 0, and day of the month of a number of days since 1970. */
function civil(days: number): { year: number; mon: number; mday: number } {
  // Years begin in March here, and eras of 400 years on 1 March 0.
  const z = days + 719468
  const era = Math.floor(z / 146097)
  const doe = z - era * 146097
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365)
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100))
  const mp = Math.floor((5 * doy + 2) / 153)
  const mon = (mp + 2) % 12
  return {
    year: yoe + era * 400 + (mon < 2 ? 1 : 0),
    mon,
    mday: doy - Math.floor((153 * mp + 2) / 5) + 1,
  }
}

/** Days before each month, in a common year. */
const before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]

const leap = (y: number) => y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0)

/**
 * Broken-down time. There is no year 0: the year before 1 is -1.
 * @param sec seconds since the epoch, whole; a bigint where a number has not the digits
 */
export function tmtime(sec: number | bigint, tz: Tzone = GMT, nsec = 0): Tm {
  let zone = tz.stname
  let tzoff = tz.stdiff
  // tmdate(2)'s edges: the second at which a spell begins is not in it, the one at which it ends is.
  for (let i = 0; i + 1 < tz.dlpairs.length; i += 2)
    if (sec > tz.dlpairs[i]! && sec <= tz.dlpairs[i + 1]!) {
      zone = tz.dlname
      tzoff = tz.dldiff
      break
    }
  const [quotient, rest] =
    typeof sec === 'bigint' ? [Number(sec / 86400n), Number(sec % 86400n)] : [Math.trunc(sec / DAY), sec % DAY]
  const carry = Math.floor((rest + tzoff) / DAY)
  const e = quotient + carry
  const t = rest + tzoff - carry * DAY
  const { year, mon, mday } = civil(e)
  return {
    nsec,
    sec: t % 60,
    min: Math.floor(t / 60) % 60,
    hour: Math.floor(t / 3600),
    mday,
    mon,
    year: (year <= 0 ? year - 1 : year) - 1900,
    wday: (((e + 4) % 7) + 7) % 7,
    yday: before[mon]! + mday - 1 + (mon > 1 && leap(year) ? 1 : 0),
    zone,
    tzoff,
  }
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** printf's %0*d. */
const zero = (n: number, w: number) => (n < 0 ? `-${String(-n).padStart(w - 1, '0')}` : String(n).padStart(w, '0'))

/** The forms of a component by the length of its run, and whether underscores pad it. */
type Forms = (tm: Tm) => (string | number)[]

const zones: Forms = ({ tzoff, zone }) => {
  const off = Math.abs(tzoff)
  const [h, m] = [zero(Math.floor(off / 3600), 2), zero(Math.floor(off / 60) % 60, 2)]
  const sign = tzoff < 0 ? '-' : '+'
  return [`${sign}${h}${m}`, `${sign}${h}:${m}`, zone]
}

const ordinal: Record<number, string> = { 1: 'st', 21: 'st', 31: 'st', 2: 'nd', 22: 'nd', 3: 'rd', 23: 'rd' }

const forms: Record<string, Forms> = {
  Y: ({ year }) => [year + 1900, year % 100, '', year + 1900],
  M: ({ mon }) => [mon + 1, zero(mon + 1, 2), months[mon]!.slice(0, 3), months[mon]!],
  D: ({ mday }) => [mday, zero(mday, 2)],
  o: ({ mday }) => [ordinal[mday] ?? 'th'],
  W: ({ wday }) => [wday + 1, days[wday]!.slice(0, 3), days[wday]!],
  H: ({ hour }) => [hour % 12, zero(hour % 12, 2)],
  h: ({ hour }) => [hour, zero(hour, 2)],
  m: ({ min }) => [min, zero(min, 2)],
  s: ({ sec }) => [sec, zero(sec, 2)],
  t: ({ nsec }) => {
    const v = Math.floor(nsec / 1e6)
    return [v, zero(v, 3), zero(v, 3)]
  },
  u: ({ nsec }) => {
    const v = Math.floor(nsec / 1e3)
    return [v % 1000, zero(v % 1000, 3), v, zero(v, 6)]
  },
  n: ({ nsec: v }) => [v % 1000, zero(v % 1000, 3), v % 1e6, zero(v % 1e6, 6), v, zero(v, 9)],
  z: tm => [zones(tm)[0]!],
  Z: zones,
  a: ({ hour }) => [hour < 12 ? 'am' : 'pm'],
  A: ({ hour }) => [hour < 12 ? 'AM' : 'PM'],
}

/** How wide a component is when its run of letters and the underscores before it come to `pad`. */
function width(c: string, n: number, pad: number): number {
  if (c === 'o') return 0
  if (c === 'Z' || c === 'z') return n < 3 ? Math.max(pad, 5) : pad
  // What fills a fixed number of digits is padded by what is over them, and so are the whole microseconds.
  const over = (digits: number, by: number) => (pad < digits ? 0 : pad - digits) + by
  if (c === 't' && n > 1) return over(3, 3)
  if (c === 'u' && n > 1) return n === 2 ? over(3, 3) : over(6, n === 3 ? 0 : 6)
  if (c === 'n' && n % 2 === 0) return over((n / 2) * 3, (n / 2) * 3)
  return pad
}

/** tmfmt(2): a Tm by a format of tmdate(2). @throws PlanError for a component of a length that it has not, or [ without ] */
export function tmfmt(tm: Tm, fmt: string): string {
  const f = [...fmt]
  let out = ''
  for (let i = 0; i < f.length; ) {
    const from = i
    while (f[i] === '_') i++
    const c = f[i]
    if (c === undefined) return out
    const at = i
    while (f[i] === c) i++
    const n = i - at
    if (c === '[') {
      let depth = 1
      for (; i < f.length; out += f[i++] ?? '') {
        if (f[i] === '[') depth++
        else if (f[i] === ']' && --depth === 0) break
        else if (f[i] === '\\') i++
      }
      if (f[i++] !== ']') throw new PlanError(`garbled format ${fmt}`)
    } else if (c in forms) {
      const v = forms[c]!(tm)[n - 1] ?? ''
      if (v !== '') out += String(v).padStart(width(c, n, i - from))
      // Four letters Z and more are nothing in Plan 9.
      else if (c !== 'Z') throw new PlanError(`garbled format ${fmt}`)
    } else if (c !== '?') out += c.repeat(n)
  }
  return out
}

/** The zone-bearing text of ctime(2), without its newline. */
export const CTIME = 'WW MMM _D hh:mm:ss ZZZ YYYY'

/** The time from /dev/time, in seconds and nanoseconds; where that is not in the name space, the host's clock. */
export async function now(sys: Sys): Promise<{ sec: number; nsec: number }> {
  try {
    const ns = BigInt(
      text(await readfile(sys, '/dev/time'))
        .trim()
        .split(/\s+/)[1] ?? '',
    )
    return { sec: Number(ns / 1000000000n), nsec: Number(ns % 1000000000n) }
  } catch (e) {
    if (!(e instanceof PlanError) && !(e instanceof SyntaxError)) throw e
    const ms = Date.now()
    return { sec: Math.floor(ms / 1000), nsec: (ms % 1000) * 1e6 }
  }
}
