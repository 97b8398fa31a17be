import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { atof } from '../../plan9/libc/fmt.ts'
import { text } from '../../plan9/libc/rune.ts'
import { eprint, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { candidates } from './primes/wheel.ts'

/** The last number of which all smaller ones are exact. */
const big = 2 ** 53

/** Odd numbers that are sieved at once, at first and at most. */
const FEW = 1 << 10
const MANY = 1 << 17

/** Milliseconds between two moments in which others may run. */
const SLICE = 20

/** Marks in `composite`, which stands for the odd numbers from `first` on, those that have a divisor. */
async function sieve(composite: Uint8Array, first: number, rest: () => Promise<unknown>): Promise<void> {
  const end = first + 2 * composite.length
  let until = performance.now() + SLICE
  let n = 0
  for (const d of candidates()) {
    if (d * d >= end) return
    if (d === 2) continue
    // The first odd multiple that is not less than the divisor's square.
    let m = Math.max(d * d, Math.ceil(first / d) * d)
    if (m % 2 === 0) m += d
    for (let i = (m - first) / 2; i < composite.length; i += d) composite[i] = 1
    if ((++n & 1023) === 0 && performance.now() > until) {
      await rest()
      until = performance.now() + SLICE
    }
  }
}

const primes: Program = async (sys, argv) => {
  const help = `usage: ${argv[0]} [start [finish]]`
  const limits = async (msg: string) => {
    await eprint(sys, `${msg}\n`)
    return 'limits'
  }
  const arg = new Arg(argv)
  for (const _ of arg) return limits(help)
  const [from, to] = arg.argv
  if (arg.argv.length > 2) return limits(help)
  const finish = to === undefined ? big : atof(to)
  if (finish < 0) return ''
  let start = 0
  if (from !== undefined) start = atof(from)
  else {
    const b = new Bin(sys, 0)
    let line = await b.rdline()
    while (line?.[0] === 10) line = await b.rdline()
    if (line !== undefined) start = atof(text(line))
    if (start < 0) return sysfatal(sys, 'primes', 'negative start')
  }
  if (!(start >= 0 && start <= big && finish <= big)) return limits('limits exceeded')

  const out = new Bout(sys, 1)
  if (start <= 2 && finish >= 2) out.put('2\n')
  let first = Math.max(3, Math.ceil(start))
  if (first % 2 === 0) first++
  for (let size = FEW; first <= finish; size = Math.min(2 * size, MANY)) {
    const composite = new Uint8Array(size)
    await sieve(composite, first, () => sys.sleep(0))
    for (let i = 0; i < size; i++) {
      if (composite[i] === 1) continue
      const p = first + 2 * i
      if (p > finish) break
      out.put(`${p}\n`)
    }
    await out.flush()
    first += 2 * size
  }
  await out.flush()
  return ''
}
export default primes
