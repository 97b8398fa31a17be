import { OREAD } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { utf8 } from '../../plan9/libc/rune.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const blank = (c: number | undefined) => c === 32 || c === 9

/** Where in a line the comparison begins: after some fields with the blanks before them, then some characters. */
function skip(buf: Uint8Array, start: number, end: number, fields: number, letters: number): number {
  let i = start
  for (; fields > 0; fields--) {
    while (i < end && blank(buf[i])) i++
    while (i < end && !blank(buf[i])) i++
  }
  return Math.min(i + letters, end)
}

/** Whether n bytes of x at i are those of y at j. */
function equal(x: Uint8Array, i: number, y: Uint8Array, j: number, n: number): boolean {
  for (const end = i + n; i < end; ) if (x[i++] !== y[j++]) return false
  return true
}

const nl = Uint8Array.of(10)
const once = utf8('   1 ')

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
  const skipping = fields > 0 || letters > 0
  // The line that the next one is compared with, without its newline, from `key`; and how often it has come.
  let cur: Uint8Array = nl
  let start = 0
  let key = 0
  let end = 0
  let n = 0
  const done = () => {
    if (n === 0 || (mode === 'u' && n > 1) || (mode === 'd' && n === 1)) return
    if (mode === 'c') out.put(n === 1 ? once : `${String(n).padStart(4)} `)
    if (end < cur.length) out.put(cur, start, end + 1)
    else {
      out.put(cur, start, end)
      out.put(nl)
    }
  }
  for (;;) {
    const buf = await b.rdlines()
    if (buf.length === 0) break
    for (let at = 0; at < buf.length; ) {
      const i = buf.indexOf(10, at)
      const to = i < 0 ? buf.length : i
      const from = skipping ? skip(buf, at, to, fields, letters) : at
      if (n > 0 && to - from === end - key && equal(buf, from, cur, key, to - from)) n++
      else {
        done()
        cur = buf
        start = at
        key = from
        end = to
        n = 1
        if (out.full) await out.flush()
      }
      at = to + 1
    }
  }
  done()
  await out.flush()
  return ''
}
export default uniq
