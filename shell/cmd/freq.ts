import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { Runeblocks } from '../../plan9/libc/blocks.ts'
import { chartorune, Runemax } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

/** How often each byte, or each rune, comes. What was counted before an error counts. */
async function count(sys: Sys, fd: number, name: string, runes: boolean): Promise<Float64Array> {
  const n = new Float64Array(runes ? Runemax + 1 : 256)
  const bin = new Bin(sys, fd)
  const blocks = new Runeblocks(bin)
  try {
    for (;;) {
      const b = await (runes ? blocks.read() : bin.chunk())
      if (b.length === 0) return n
      if (!runes) for (const c of b) n[c]!++
      else
        for (let i = 0; i < b.length; ) {
          const x = chartorune(b, i)
          n[x >>> 3]!++
          i += x & 7
        }
    }
  } catch (e) {
    r(e)
    await eprint(sys, `freq: read error on ${name}\n`)
    return n
  }
}

const freq: Program = async (sys, argv) => {
  let flags = new Set<string>()
  let runes = false
  const arg = new Arg(argv)
  for (const c of arg)
    if (c === 'r') runes = true
    else if ('cdox'.includes(c)) flags.add(c)
    else await usage(sys, 'usage: freq [-cdorx] [file ...]')
  if (flags.size === 0) flags = new Set('cdox')
  const out = new Bout(sys, 1)
  const histogram = async (fd: number, name: string) => {
    for (const [i, n] of (await count(sys, fd, name, runes)).entries()) {
      if (n === 0) continue
      if (flags.has('d')) out.put(`${String(i).padStart(3)} `)
      if (flags.has('o')) out.put(`${i.toString(8).padStart(3, '0')} `)
      if (flags.has('x')) out.put(`${i.toString(16).padStart(2, '0')} `)
      if (flags.has('c')) out.put(`${i <= 0x20 || (i >= 0x7f && i < 0xa0) ? '-' : String.fromCodePoint(i)} `)
      out.put(`${String(n).padStart(8)}\n`)
    }
    await out.flush()
  }
  if (arg.argv.length === 0) await histogram(0, '-')
  for (const name of arg.argv) {
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      await eprint(sys, `open ${name}: ${r(e)}\n`)
      continue
    }
    await histogram(fd, name)
    await sys.close(fd)
  }
  return ''
}
export default freq
