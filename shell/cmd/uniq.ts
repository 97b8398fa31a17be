import { OREAD } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const blank = (c: number | undefined) => c === 32 || c === 9

/** Where in a line the comparison begins: after some fields with the blanks before them, then some characters. */
function skip(s: Uint8Array, fields: number, letters: number): number {
  let i = 0
  for (; fields > 0; fields--) {
    while (blank(s[i])) i++
    while (i < s.length && !blank(s[i])) i++
  }
  return Math.min(i + letters, s.length)
}

function equal(a: Uint8Array, b: Uint8Array, fields: number, letters: number): boolean {
  let i = skip(a, fields, letters)
  let j = skip(b, fields, letters)
  if (a.length - i !== b.length - j) return false
  while (i < a.length) if (a[i++] !== b[j++]) return false
  return true
}

const nl = Uint8Array.of(10)

const uniq: Program = async (sys, argv) => {
  const args = argv.slice(1)
  let mode = ''
  let fields = 0
  let letters = 0
  for (; args[0]?.startsWith('-') || args[0]?.startsWith('+'); args.shift()) {
    const a = args[0]!
    if (a[0] === '+') letters = atoi(a.slice(1))
    else if (/^-\d/.test(a)) fields = atoi(a.slice(1))
    else mode = a[1] ?? ''
  }
  let fd = 0
  if (args[0] !== undefined)
    try {
      fd = await sys.open(args[0], OREAD)
    } catch (e) {
      r(e)
      return sysfatal(sys, argv0(argv), `cannot open ${args[0]}`)
    }
  if (args[1] !== undefined) return sysfatal(sys, argv0(argv), `unexpected argument ${args[1]}`)
  const b = new Bin(sys, fd)
  const out = new Bout(sys, 1)
  const chop = (l: Uint8Array | undefined) => (l !== undefined && l[l.length - 1] === 10 ? l.subarray(0, -1) : l)
  let cur = chop(await b.rdline())
  while (cur !== undefined) {
    let n = 1
    let next = chop(await b.rdline())
    for (; next !== undefined && equal(cur, next, fields, letters); next = chop(await b.rdline())) n++
    if (!(mode === 'u' && n > 1) && !(mode === 'd' && n === 1)) {
      // Writes that only fill the buffer are not waited for.
      for (const part of mode === 'c' ? [`${String(n).padStart(4)} `, cur, nl] : [cur, nl]) {
        const w = out.write(part)
        if (w) await w
      }
    }
    cur = next
  }
  await out.flush()
  return ''
}
export default uniq
