import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { Bin, write } from '../../plan9/libc/bio.ts'
import { atof } from '../../plan9/libc/fmt.ts'
import { text } from '../../plan9/libc/rune.ts'
import { eprint } from '../../plan9/libc/sysfatal.ts'
import { candidates } from './primes/wheel.ts'

/** Numbers above are not all exact. */
const big = 2 ** 53

/** Candidates between two moments in which others may run. */
const SLICE = 1 << 22

async function factor(sys: Sys, n: number): Promise<void> {
  let s = `${n}\n`
  if (n > 0) {
    let todo = SLICE
    for (const d of candidates()) {
      for (; n % d === 0; n /= d) s += `     ${d}\n`
      if (d * d > n) break
      if (--todo === 0) {
        await sys.sleep(0)
        todo = SLICE
      }
    }
    if (n > 1) s += `     ${n}\n`
    s += '\n'
  }
  await write(sys, 1, s)
}

const main: Program = async (sys, argv) => {
  const ok = async (n: number) => {
    if (n >= 0 && n <= big) return true
    await eprint(sys, `${argv0(argv)}: limits exceeded\n`)
    return false
  }
  for (const a of argv.slice(1)) {
    const n = Math.trunc(atof(a))
    if (!(await ok(n))) return 'limits'
    await factor(sys, n)
  }
  if (argv.length > 1) return ''
  const b = new Bin(sys, 0)
  for (;;) {
    const line = await b.rdline()
    const n = line === undefined ? 0 : Math.trunc(atof(text(line)))
    if (n <= 0) return ''
    if (!(await ok(n))) return 'limits'
    await factor(sys, n)
  }
}
export default main
