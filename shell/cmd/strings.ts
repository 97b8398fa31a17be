import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { Runeblocks } from '../../plan9/libc/blocks.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { chartorune, Runeerror } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: strings [-m min] [file...]'

function isprint(r: number): boolean {
  return r !== Runeerror && ((r >= 0x20 && r < 0x7f) || r > 0xa0)
}

/** Prints the runs of at least `min` printable runes, each with the offset of its first byte. */
async function stringit(sys: Sys, fd: number, out: Bout, min: number): Promise<void> {
  const blocks = new Runeblocks(new Bin(sys, fd))
  /** Offset in the file of the block. */
  let base = 0
  /** Runes of the run so far, the first one's offset in the file, and the bytes of it that stood in earlier blocks. */
  let n = 0
  let first = 0
  let before: Uint8Array[] = []
  for (;;) {
    const b = await blocks.read()
    if (b.length === 0) break
    /** Where in the block the part of the run begins that is not out or in `before`. */
    let from = 0
    for (let i = 0; i < b.length; ) {
      const x = chartorune(b, i)
      if (!isprint(x >>> 3)) {
        if (n >= min) {
          out.put(b, from, i)
          out.put('\n')
        }
        n = 0
      } else {
        if (n === 0) {
          first = base + i
          from = i
          before = []
        }
        if (++n === min) {
          out.put(`${String(first).padStart(8)}: `)
          for (const p of before) out.put(p)
        }
      }
      i += x & 7
    }
    if (n >= min) out.put(b, from)
    else if (n > 0) before.push(b.slice(from))
    base += b.length
    if (out.full) await out.flush()
  }
  if (n >= min) out.put('\n')
  await out.flush()
}

const strings: Program = async (sys, argv) => {
  let min = 6
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c !== 'm') await usage(sys, help)
    min = atoi(arg.argf() ?? (await usage(sys, help)))
    if (min <= 0) await usage(sys, help)
  }
  const out = new Bout(sys, 1)
  if (arg.argv.length === 0) await stringit(sys, 0, out, min)
  for (const name of arg.argv) {
    if (arg.argv.length > 1) await out.write(`${name}:\n`)
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      await eprint(sys, `open: ${r(e)}\n`)
      continue
    }
    await stringit(sys, fd, out, min)
    await sys.close(fd)
  }
  await out.flush()
  return ''
}
export default strings
