import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout } from '../../plan9/libc/bio.ts'
import { atof, efmt, gfmt } from '../../plan9/libc/fmt.ts'
import { eprint } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: seq [-fformat] [-w] [first [incr]] last'

/** A function that prints a number as print(2)'s format with one %e, %f or %g in it does. */
function formatter(format: string): (x: number) => string {
  const m = /^((?:[^%]|%%)*)%([-+ #0]*)(\d*)(?:\.(\d*))?([eEfFgG])((?:[^%]|%%)*)$/s.exec(format)
  if (m === null) return () => format.replaceAll('%%', '%')
  const [, before, flags, w, p, verb, after] = m
  const width = Number(w)
  const prec = p === undefined ? 6 : Number(p)
  const plain = (s: string) => s.replaceAll('%%', '%')
  return x => {
    const v = verb!.toLowerCase()
    let s: string
    if (!Number.isFinite(x)) s = gfmt(x)
    else if (v === 'f') s = x.toFixed(Math.min(prec, 100))
    else if (v === 'g') s = gfmt(x, prec, flags!.includes('#'))
    else {
      const [mant, exp] = x.toExponential(Math.min(prec, 100)).split('e') as [string, string]
      s = mant + efmt(Number(exp))
    }
    if (verb !== v) s = s.toUpperCase()
    if (!s.startsWith('-')) s = (flags!.includes('+') ? '+' : flags!.includes(' ') ? ' ' : '') + s
    if (flags!.includes('-')) s = s.padEnd(width)
    else if (flags!.includes('0')) {
      const sign = /^[-+ ]?/.exec(s)![0]
      s = sign + s.slice(sign.length).padStart(width - sign.length, '0')
    } else s = s.padStart(width)
    return plain(before!) + s + plain(after!)
  }
}

/** -w: the narrowest %f that holds every number of the sequence; %g when one of them needs an exponent. */
function constantWidth(min: number, max: number, incr: number): (x: number) => string {
  let maxw = 0
  let maxp = 0
  for (let v = min; v <= max; v += incr) {
    const s = gfmt(v)
    if (s.includes('e')) return x => gfmt(x)
    const [i, f] = s.split('.') as [string, string | undefined]
    maxw = Math.max(maxw, i.length)
    maxp = Math.max(maxp, f?.length ?? 0)
  }
  if (maxp > 0) maxw += maxp + 1
  return x => x.toFixed(maxp).padStart(maxw, '0')
}

const seq: Program = async (sys, argv) => {
  const args = argv.slice(1)
  let format: string | undefined
  let constant = false
  // Not all of Arg: a negative number ends the options.
  const arg = new Arg(['seq', ...args])
  while (/^-(w|f|-$)/.test(arg.argv[0] ?? '')) {
    const a = arg.argv.shift()!
    if (a === '--') break
    for (let i = 1; i < a.length; i++) {
      if (a[i] === 'w') constant = true
      else if (a[i] === 'f') {
        format = a.slice(i + 1) || (arg.argv.shift() ?? (await usage(sys, help)))
        break
      } else await usage(sys, help)
    }
  }
  const rest = arg.argv
  if (rest.length < 1 || rest.length > 3) await usage(sys, help)
  const max = atof(rest[rest.length - 1]!)
  const min = rest.length > 1 ? atof(rest[0]!) : 1
  const incr = rest.length > 2 ? atof(rest[1]!) : 1
  if (incr === 0) {
    await eprint(sys, 'seq: zero increment\n')
    return 'zero increment'
  }
  const out = new Bout(sys, 1)
  const print =
    format !== undefined ? formatter(format) : constant ? constantWidth(min, max, incr) : (x: number) => gfmt(x)
  const nl = format?.endsWith('\n') ? '' : '\n'
  for (let v = min; incr > 0 ? v <= max : v >= max; v += incr) {
    let s = print(v)
    if (constant && format !== undefined) s = s.replace(/^ +/, b => '0'.repeat(b.length))
    const p = out.write(s + nl)
    if (p) await p
  }
  await out.flush()
  return ''
}
export default seq
