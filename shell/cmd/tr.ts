import { concat } from '../../plan9/9p/bit.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bsize, write } from '../../plan9/libc/bio.ts'
import { chartorune, fullrune, Runemax, runetochar, stringtorunes, UTFmax } from '../../plan9/libc/rune.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

class SpecError extends Error {}

/** The runes that a string1 or string2 stands for, ranges and escapes spelt out. */
function canon(spec: string): number[] {
  const s = stringtorunes(spec)
  const out: number[] = []
  let i = 0
  const one = (): number => {
    const c = s[i++]!
    if (c !== 92 || i >= s.length) return c
    const [base, max] = s[i] === 120 ? [16, 4] : [8, 3]
    if (base === 16) i++
    let n = 0
    let k = 0
    for (; k < max && i < s.length; k++, i++) {
      const d = Number.parseInt(String.fromCodePoint(s[i]!), 36)
      if (Number.isNaN(d) || d >= base) break
      n = base * n + d
    }
    if (k === 0) return base === 16 ? 120 : s[i++]!
    if (base === 8 && n > 0o377) throw new SpecError('character > 0377')
    return n
  }
  let last = -1
  while (i < s.length) {
    if (s[i] === 45 && last >= 0 && i + 1 < s.length) {
      i++
      const to = one()
      if (to < last) throw new SpecError('invalid range specification')
      for (let c = last + 1; c <= to; c++) out.push(c)
      last = to
    } else {
      last = one()
      out.push(last)
    }
  }
  return out
}

/** What becomes of a rune: another one, or -1 for nothing; and whether a run of it is squeezed. */
interface Map {
  to: (c: number) => number
  squeeze: (c: number) => boolean
}

function deletion(from: number[], to: number[], complement: boolean): Map {
  const f = new Set(from)
  const t = new Set(to)
  return { to: c => (f.has(c) === complement ? c : -1), squeeze: c => t.has(c) }
}

function translit(from: number[], to: number[]): Map {
  const map = new globalThis.Map<number, number>()
  from.forEach((c, i) => {
    const d = to[Math.min(i, to.length - 1)] ?? 0
    if (map.has(c) && map.get(c) !== d) throw new SpecError('ambiguous translation')
    map.set(c, d)
  })
  const t = new Set([...to, ...map.values()])
  return { to: c => map.get(c) ?? c, squeeze: c => t.has(c) }
}

/** Every rune not in `from`, in order, paired with `to`; the last of `to` serves for all that are left. */
function complemented(from: number[], to: number[]): Map {
  const f = new Set(from)
  const t = new Set(to)
  const high = Math.max(0, ...from, ...to)
  const map = new Int32Array(high + 1)
  let k = 0
  for (let c = 0; c <= high; c++) map[c] = f.has(c) ? c : (to[Math.min(k++, to.length - 1)] ?? 0)
  // Beyond what either string names, the same as at the end of that.
  const last = to[Math.min(Math.max(k - 1, 0), to.length - 1)] ?? 0
  return { to: c => (c <= high ? map[c]! : last), squeeze: c => t.has(c) }
}

async function filter(sys: Sys, argv0: string, map: Map, sflag: boolean): Promise<void> {
  let left = new Uint8Array(0)
  let last = Runemax + 1
  for (;;) {
    let b: Uint8Array
    try {
      b = await sys.read(0, Bsize)
    } catch (e) {
      return sysfatal(sys, argv0, `read error: ${r(e)}`)
    }
    // A rune cut off by the end of the file is dropped, as in Plan 9.
    if (b.length === 0) return
    const buf = left.length > 0 ? concat([left, b]) : b
    const out = new Uint8Array(buf.length * UTFmax)
    let n = 0
    let i = 0
    while (i < buf.length && fullrune(buf, i)) {
      const x = chartorune(buf, i)
      i += x & 7
      const c = map.to(x >>> 3)
      if (c < 0 || (sflag && c === last && map.squeeze(c))) continue
      last = c
      n += runetochar(out, n, c)
    }
    left = buf.slice(i)
    if (n === 0) continue
    try {
      await write(sys, 1, out.subarray(0, n))
    } catch (e) {
      return sysfatal(sys, argv0, `write error: ${r(e)}`)
    }
  }
}

const tr: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-cds] [string1 [string2]]`
  const flags = new Set<string>()
  for (const c of arg) {
    if (!'cds'.includes(c)) await usage(sys, help)
    flags.add(c)
  }
  const [dflag, sflag, cflag] = ['d', 's', 'c'].map(c => flags.has(c)) as [boolean, boolean, boolean]
  const want = dflag && !sflag ? 1 : 2
  if (arg.argv.length !== want) await usage(sys, help)
  let map: Map
  try {
    const from = canon(arg.argv[0]!)
    const to = canon(arg.argv[1] ?? '')
    map = dflag ? deletion(from, to, cflag) : cflag ? complemented(from, to) : translit(from, to)
  } catch (e) {
    if (e instanceof SpecError) return sysfatal(sys, arg.argv0, e.message)
    throw e
  }
  await filter(sys, arg.argv0, map, sflag)
  return ''
}
export default tr
