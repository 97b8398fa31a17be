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
  const dlpairs = f.slice(4).map(Number)
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

/** Broken-down time. @param sec seconds since the epoch */
export function tmtime(sec: number, tz: Tzone = GMT, nsec = 0): Tm {
  let zone = tz.stname
  let tzoff = tz.stdiff
  for (let i = 0; i + 1 < tz.dlpairs.length; i += 2)
    if (sec >= tz.dlpairs[i]! && sec < tz.dlpairs[i + 1]!) {
      zone = tz.dlname
      tzoff = tz.dldiff
    }
  const d = new Date((sec + tzoff) * 1000)
  return {
    nsec,
    sec: d.getUTCSeconds(),
    min: d.getUTCMinutes(),
    hour: d.getUTCHours(),
    mday: d.getUTCDate(),
    mon: d.getUTCMonth(),
    year: d.getUTCFullYear() - 1900,
    wday: d.getUTCDay(),
    yday: Math.floor((d.getTime() - Date.UTC(d.getUTCFullYear(), 0, 1)) / 86400000),
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

const zero = (n: number, w: number) => String(n).padStart(w, '0')

/** tmfmt(2): a Tm by a format of tmdate(2). @throws PlanError for a component that has no meaning at that length */
export function tmfmt(tm: Tm, fmt: string): string {
  let out = ''
  const year = tm.year + 1900
  const off = Math.abs(tm.tzoff)
  const sign = tm.tzoff < 0 ? '-' : '+'
  const hhmm = [zero(Math.floor(off / 3600), 2), zero(Math.floor(off / 60) % 60, 2)]
  const ms = Math.floor(tm.nsec / 1e6)
  const us = Math.floor(tm.nsec / 1e3)
  const forms: Record<string, (string | number)[]> = {
    Y: [year, zero(year % 100, 2), '', zero(year, 4)],
    M: [tm.mon + 1, zero(tm.mon + 1, 2), months[tm.mon]!.slice(0, 3), months[tm.mon]!],
    D: [tm.mday, zero(tm.mday, 2)],
    W: [tm.wday + 1, days[tm.wday]!.slice(0, 3), days[tm.wday]!],
    H: [tm.hour % 12 || 12, zero(tm.hour % 12 || 12, 2)],
    h: [tm.hour, zero(tm.hour, 2)],
    m: [tm.min, zero(tm.min, 2)],
    s: [tm.sec, zero(tm.sec, 2)],
    t: [ms, zero(ms, 3)],
    u: [us % 1000, zero(us % 1000, 3), us, zero(us, 6)],
    n: [tm.nsec % 1000, zero(tm.nsec % 1000, 3), tm.nsec % 1e6, zero(tm.nsec % 1e6, 6), tm.nsec, zero(tm.nsec, 9)],
    Z: [sign + hhmm.join(''), sign + hhmm.join(':'), tm.zone],
    a: [tm.hour < 12 ? 'am' : 'pm'],
    A: [tm.hour < 12 ? 'AM' : 'PM'],
    o: [tm.mday % 100 >= 11 && tm.mday % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][tm.mday % 10] ?? 'th')],
  }
  let pad = 0
  for (let i = 0; i < fmt.length; ) {
    const c = fmt[i]!
    if (c === '[') {
      const end = fmt.indexOf(']', i)
      if (end < 0) throw new PlanError('bad format: no closing ]')
      out += fmt.slice(i + 1, end)
      i = end + 1
      continue
    }
    const form = forms[c]
    if (c === '_') {
      pad++
      i++
      continue
    }
    if (c === '?' || c === '~') {
      i++
      continue
    }
    if (form === undefined) {
      out += c
      i++
      continue
    }
    let n = 1
    while (fmt[i + n] === c) n++
    const v = String(form[n - 1] ?? '')
    if (v === '') throw new PlanError(`invalid format ${c.repeat(n)}`)
    out += v.padStart(pad > 0 ? pad + n : 0)
    pad = 0
    i += n
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
