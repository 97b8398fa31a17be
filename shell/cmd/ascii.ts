import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout } from '../../plan9/libc/bio.ts'
import { strtol } from '../../plan9/libc/fmt.ts'
import { utf8 } from '../../plan9/libc/rune.ts'
import { eprint } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: ascii [-8cnt] [-dox | -b n] [text]'

const control = [
  ...['nul', 'soh', 'stx', 'etx', 'eot', 'enq', 'ack', 'bel', 'bs ', 'ht ', 'nl ', 'vt ', 'ff ', 'cr ', 'so ', 'si '],
  ...['dle', 'dc1', 'dc2', 'dc3', 'dc4', 'nak', 'syn', 'etb', 'can', 'em ', 'sub', 'esc', 'fs ', 'gs ', 'rs ', 'us '],
  'sp ',
]

/** Three columns for a byte of Latin-1. */
function name(c: number): string {
  if (c === 0x7f) return 'del'
  if (c >= 0x80 && c <= 0xa0) return `x${c.toString(16)}`
  return control[c] ?? ` ${String.fromCharCode(c)} `
}

const ascii: Program = async (sys, argv) => {
  let nchars = 128
  let base = 16
  let to: 'text' | 'numbers' | undefined
  let strip = false
  const arg = new Arg(argv)
  for (const c of arg)
    if (c === '8') nchars = 256
    else if (c === 'x') base = 16
    else if (c === 'o') base = 8
    else if (c === 'd') base = 10
    else if (c === 'b') {
      base = strtol(arg.argf() ?? (await usage(sys, help))).value
      if (base < 2 || base > 36) await usage(sys, help)
    } else if (c === 'n') to = 'numbers'
    else if (c === 'c' || c === 't') {
      to = 'text'
      strip ||= c === 't'
    } else await usage(sys, help)
  /** Digits that 127 takes; of more only the last ones are shown. */
  const ncol = (127).toString(base).length
  const number = (c: number) => c.toString(base).padStart(ncol, '0').slice(-ncol)
  const value = (d: string) => (/[0-9a-z]/.test(d) ? Number.parseInt(d, 36) : base)
  const out = new Bout(sys, 1)
  if (arg.argv.length === 0)
    for (let c = 0; c < nchars; c++) await out.write(`|${number(c)} ${name(c)}${c % 8 === 7 ? '|\n' : ''}`)
  else to ??= [...arg.argv[0]!].every(d => value(d) < base) ? 'text' : 'numbers'
  for (const a of arg.argv) {
    if (to === 'numbers') {
      for (const c of utf8(a)) await out.write(`${number(c)}\n`)
      continue
    }
    let n = 0
    for (const d of a) {
      if (value(d) >= base) {
        await out.flush()
        await eprint(sys, `${arg.argv0}: bad input char ${d}\n`)
        return 'bad'
      }
      n = (n * base + value(d)) & 0xff
    }
    await out.write(strip ? Uint8Array.of(n) : `${name(n)}\n`)
  }
  await out.write('\n')
  await out.flush()
  return ''
}
export default ascii
