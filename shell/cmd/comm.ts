import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { Lines } from '../../plan9/libc/blocks.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: comm [-123] file1 file2'

async function open(sys: Sys, name: string): Promise<Lines> {
  try {
    return new Lines(new Bin(sys, await sys.open(name === '-' ? '/fd/0' : name, OREAD)))
  } catch (e) {
    await eprint(sys, `comm: cannot open ${name}: ${r(e)}\n`)
    return sys.exits('open')
  }
}

function compare(a: Lines, b: Lines): number {
  const n = Math.min(a.end - a.start, b.end - b.start)
  const [x, y] = [a.buf, b.buf]
  for (let i = 0; i < n; i++) {
    const d = x[a.start + i]! - y[b.start + i]!
    if (d !== 0) return d
  }
  return a.end - a.start - (b.end - b.start)
}

const comm: Program = async (sys, argv) => {
  const without = new Set<string>()
  const arg = new Arg(argv)
  for (const c of arg) {
    if (!'123'.includes(c)) await usage(sys, help)
    without.add(c)
  }
  if (arg.argv.length < 2) await usage(sys, help)
  const a = await open(sys, arg.argv[0]!)
  const b = await open(sys, arg.argv[1]!)
  const out = new Bout(sys, 1)
  const second = without.has('1') ? '' : '\t'
  const both = without.has('2') ? second : `${second}\t`
  const print = (column: string, lead: string, line: Lines) => {
    if (without.has(column)) return
    out.put(lead)
    out.put(line.buf, line.start, line.end)
    out.put('\n')
  }
  let more1 = a.next() || (await a.fill())
  let more2 = b.next() || (await b.fill())
  while (more1 || more2) {
    const d = !more2 ? -1 : !more1 ? 1 : compare(a, b)
    if (d < 0) print('1', '', a)
    else if (d > 0) print('2', second, b)
    else print('3', both, a)
    if (out.full) await out.flush()
    if (d <= 0) more1 = a.next() || (await a.fill())
    if (d >= 0) more2 = b.next() || (await b.fill())
  }
  await out.flush()
  return ''
}
export default comm
