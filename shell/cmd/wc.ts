import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bsize, write } from '../../plan9/libc/bio.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

/** Lines, words, runes, bad runes, bytes: in the order that they are printed. */
const kinds = ['l', 'w', 'r', 'b', 'c']
type Counts = [number, number, number, number, number]

/**
 * Counts what comes in on a descriptor. A word is a run of bytes other than blank, tab and newline. A rune is one by
 * the shape of its first byte and its continuations alone; a byte that does not fit counts as a rune and as a bad one.
 * Runes and bad ones are counted when `runic`.
 */
async function count(sys: Sys, fd: number, runic: boolean, onerror: (err: string) => Promise<void>): Promise<Counts> {
  let [lines, words, runes, bad, bytes] = [0, 0, 0, 0, 0]
  let inword = false
  /** Continuation bytes that the rune under way still needs. */
  let need = 0
  for (;;) {
    let b: Uint8Array
    try {
      b = await sys.read(fd, Bsize)
    } catch (e) {
      await onerror(r(e))
      break
    }
    if (b.length === 0) break
    bytes += b.length
    for (let i = 0; i < b.length; i++) {
      const c = b[i]!
      if (c > 32) {
        if (!inword) words++
        inword = true
      } else if (c === 32 || c === 10 || c === 9) {
        inword = false
        if (c === 10) lines++
      } else if (!inword) {
        inword = true
        words++
      }
    }
    if (!runic) continue
    runes += b.length
    for (const c of b)
      if (c >= 0x80 && c < 0xc0) {
        if (need > 0) {
          need--
          runes--
        } else bad++
      } else {
        // What cuts a rune off is not counted once more.
        if (need > 0 || c >= 0xf8) bad++
        need = c < 0xc0 || c >= 0xf8 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3
      }
  }
  if (need > 0) bad++
  return [lines, words, runes, bad, bytes]
}

const wc: Program = async (sys, argv) => {
  let flags = new Set<string>()
  const arg = new Arg(argv)
  for (const c of arg) {
    if (!kinds.includes(c)) await usage(sys, `usage: ${arg.argv0} [-lwrbc] [file ...]`)
    flags.add(c)
  }
  if (flags.size === 0) flags = new Set(['l', 'w', 'c'])
  const report = (n: Counts, name?: string) => {
    const cols = n.filter((_, i) => flags.has(kinds[i]!)).map(v => String(v).padStart(7))
    return write(sys, 1, `${cols.join(' ')}${name === undefined ? '' : ` ${name}`}\n`)
  }
  const total: Counts = [0, 0, 0, 0, 0]
  let status = ''
  const runic = flags.has('r') || flags.has('b')
  if (arg.argv.length === 0) await report(await count(sys, 0, runic, err => eprint(sys, `${err}\n`)))
  for (const name of arg.argv) {
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      await eprint(sys, `${name}: ${r(e)}\n`)
      status = "can't open"
      continue
    }
    const n = await count(sys, fd, runic, err => eprint(sys, `${name}: ${err}\n`))
    await sys.close(fd)
    n.forEach((v, i) => {
      total[i]! += v
    })
    await report(n, name)
  }
  if (arg.argv.length > 1) await report(total, 'total')
  return status
}
export default wc
