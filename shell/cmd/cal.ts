import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { now, tmtime, tzload } from '../../plan9/libc/tm.ts'

const help = 'usage: cal [-s 1..7] [month] [year]'
const days = ['Su', ' M', 'Tu', ' W', 'Th', ' F', 'Sa']
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

/** The last year that began in the old style. */
const REFORM = 1752

/** The day of the week on which a year begins; 0 is Sunday. */
function jan1(year: number): number {
  const y = year - 1
  const old = 6 + 365 * y + Math.floor(y / 4)
  return (year <= REFORM ? old : old - 5 - Math.floor(y / 100) + Math.floor(y / 400) + 7) % 7
}

/** The days of a month (from 0), as they are written. */
function dates(month: number, year: number): number[] {
  const leap = year % 4 === 0 && (year <= REFORM || year % 100 !== 0 || year % 400 === 0)
  const n = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]!
  const all = Array.from({ length: n }, (_, i) => i + 1)
  // What was the 3rd of September became the 14th.
  return year === REFORM && month === 8 ? all.filter(d => d < 3 || d > 13) : all
}

/** Six lines of 20 columns, the weeks beginning with day `first`. */
function page(month: number, year: number, first: number): string[] {
  let day = jan1(year)
  for (let m = 0; m < month; m++) day += dates(m, year).length
  const cells: string[] = new Array(42).fill('  ')
  dates(month, year).forEach((d, i) => {
    cells[((day + 7 - first) % 7) + i] = String(d).padStart(2)
  })
  return [0, 1, 2, 3, 4, 5].map(week => cells.slice(7 * week, 7 * week + 7).join(' '))
}

/** A number, or a month by its name, negative; 0 is neither. */
function number(s: string): number {
  const month = months.findIndex(m => m.toLowerCase() === s || m.slice(0, 3).toLowerCase() === s)
  if (month >= 0) return -(month + 1)
  if (s === 'sept') return -9
  return /^[0-9]+$/.test(s) ? Number(s) : 0
}

const cal: Program = async (sys, argv) => {
  let first = 0
  const arg = new Arg(argv)
  for (const c of arg) {
    const s = c === 's' ? arg.argf() : undefined
    if (s === undefined) await usage(sys, help)
    first = atoi(s!)
    if (first < 0 || first > 7) await usage(sys, help)
    first %= 7
  }
  const args = arg.argv.map(number)
  if (args.length > 2) await usage(sys, help)
  let month = 0
  let year = 0
  const [a, b] = args
  if (b !== undefined) [month, year] = [Math.abs(a!), b]
  else if (a !== undefined && Math.abs(a) > 12) year = a
  else {
    try {
      const today = tmtime((await now(sys)).sec, await tzload(sys, 'local'))
      month = a === undefined ? today.mon + 1 : Math.abs(a)
      year = a === 0 ? 0 : today.year + 1900
    } catch (e) {
      return sysfatal(sys, 'cal', `timezone: ${r(e)}`)
    }
  }
  if ((args.length !== 1 || month !== 0) && (month < 1 || month > 12)) year = 0
  if (year < 1 || year > 9999) {
    await write(sys, 1, 'cal: bad argument\n')
    // What a program that returns from main ends with.
    return 'main'
  }
  const lines: string[] = []
  const head = [...days, ...days].slice(first, first + 7).join(' ')
  if (month !== 0) lines.push(`   ${months[month - 1]} ${year}`, head, ...page(month - 1, year, first))
  else {
    lines.push('', '', '', `${' '.repeat(32)}${year}`, '')
    for (let m = 0; m < 12; m += 3) {
      const three = [m, m + 1, m + 2]
      const names = three.map(i => months[i]!.slice(0, 3)).join(' '.repeat(20))
      const pages = three.map(i => page(i, year, first))
      lines.push(`${' '.repeat(9)}${names}`, `${head}   ${head}   ${head}`)
      for (let week = 0; week < 6; week++) lines.push(pages.map(p => p[week]!).join('   '))
    }
    lines.push('', '', '')
  }
  await write(sys, 1, lines.map(l => `${l.trimEnd()}\n`).join(''))
  return ''
}
export default cal
