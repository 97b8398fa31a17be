import { OREAD } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const blank = (c: number | undefined) => c === 32 || c === 9

/** Where in a line the comparison begins: after some fields with the blanks before them, then some characters. */
function skip({ buf, start, end }: Line, fields: number, letters: number): number {
  let i = start
  for (; fields > 0; fields--) {
    while (i < end && blank(buf[i])) i++
    while (i < end && !blank(buf[i])) i++
  }
  return Math.min(i + letters, end)
}

/** A line without its newline: the bytes of `buf` from `start` to `end`. */
interface Line {
  buf: Uint8Array
  start: number
  end: number
}

function equal(a: Line, b: Line, fields: number, letters: number): boolean {
  const skipped = fields > 0 || letters > 0
  let i = skipped ? skip(a, fields, letters) : a.start
  let j = skipped ? skip(b, fields, letters) : b.start
  if (a.end - i !== b.end - j) return false
  const [x, y] = [a.buf, b.buf]
  while (i < a.end) if (x[i++] !== y[j++]) return false
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
  let cur: Line | undefined
  let n = 0
  const done = () => {
    if (cur === undefined || (mode === 'u' && n > 1) || (mode === 'd' && n === 1)) return
    if (mode === 'c') out.put(`${String(n).padStart(4)} `)
    out.put(cur.buf, cur.start, cur.end)
    out.put(nl)
  }
  for (;;) {
    const buf = await b.rdlines()
    if (buf.length === 0) break
    for (let start = 0; start < buf.length; ) {
      const i = buf.indexOf(10, start)
      const next = { buf, start, end: i < 0 ? buf.length : i }
      start = next.end + 1
      if (cur !== undefined && equal(cur, next, fields, letters)) {
        n++
        continue
      }
      done()
      cur = next
      n = 1
      if (out.full) await out.flush()
    }
  }
  done()
  await out.flush()
  return ''
}
export default uniq
