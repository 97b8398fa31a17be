import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout } from '../../plan9/libc/bio.ts'
import { Runemax, runetochar, stringtorunes } from '../../plan9/libc/rune.ts'
import { eprint } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: unicode { [-t] hex hex ... | hexmin-hexmax ... | [-n] char ... }'

const hex = (r: number) => r.toString(16).padStart(4, '0')

/** The rune as bytes: a string has none for surrogates. */
function utf(r: number): Uint8Array {
  const b = new Uint8Array(4)
  return b.subarray(0, runetochar(b, 0, r))
}

/** A rune in hexadecimal, without a sign or 0x; undefined for what is none. */
function rune(s: string): number | undefined {
  const r = /^[0-9a-f]+$/i.test(s) ? Number.parseInt(s, 16) : Runemax + 1
  return r <= Runemax ? r : undefined
}

class Unicode {
  readonly sys: Sys
  readonly out: Bout

  constructor(sys: Sys) {
    this.sys = sys
    this.out = new Bout(sys, 1)
  }

  async bad(what: string, arg: string, status: string): Promise<string> {
    await this.out.flush()
    await eprint(this.sys, `unicode: bad ${what} ${arg}\n`)
    return status
  }

  async ranges(args: string[]): Promise<string> {
    const { out } = this
    for (const a of args) {
      const [lo, hi, more] = a.split('-')
      const min = rune(lo!)
      const max = rune(hi ?? '')
      if (min === undefined || max === undefined || max < min || more !== undefined)
        return this.bad('range', a, 'bad range')
      for (let r = min; r <= max; r++) {
        out.put(`${hex(r)} `)
        out.put(utf(r))
        out.put(r === max || (r - min) % 8 === 7 ? '\n' : '\t')
        if (out.full) await out.flush()
      }
    }
    await out.flush()
    return ''
  }

  async nums(args: string[]): Promise<string> {
    for (const a of args) for (const r of stringtorunes(a)) await this.out.write(`${hex(r)}\n`)
    await this.out.flush()
    return ''
  }

  async chars(args: string[], text: boolean): Promise<string> {
    for (const a of args) {
      const r = rune(a)
      if (r === undefined) return this.bad('unicode value', a, 'bad char')
      this.out.put(utf(r))
      if (!text) this.out.put('\n')
    }
    await this.out.flush()
    return ''
  }
}

const unicode: Program = async (sys, argv) => {
  let numeric = false
  let text = false
  const arg = new Arg(argv)
  for (const c of arg)
    if (c === 'n') numeric = true
    else if (c === 't') text = true
    else await usage(sys, help)
  const first = arg.argv[0] ?? (await usage(sys, help))
  const u = new Unicode(sys)
  if (!numeric && first.includes('-')) return u.ranges(arg.argv)
  if (numeric || !/^[0-9a-f]/i.test(first)) return u.nums(arg.argv)
  return u.chars(arg.argv, text)
}
export default unicode
