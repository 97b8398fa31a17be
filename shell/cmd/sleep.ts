import type { Program } from '../../plan9/kernel/sys.ts'
import { strtol } from '../../plan9/libc/fmt.ts'

/** The longest single sleep, seconds: a timer's milliseconds fit in 31 bits. */
const MAXSEC = Math.floor(0x7ffffc00 / 1000)

const sleep: Program = async (sys, argv) => {
  const s = argv[1]
  if (s === undefined) return ''
  let { value: sec, n } = strtol(s)
  for (; sec > MAXSEC; sec -= MAXSEC) await sys.sleep(MAXSEC * 1000)
  const frac = /^\.(\d{1,3})/.exec(s.slice(n))
  const ms = sec * 1000 + (frac ? Number(frac[1]!.padEnd(3, '0')) : 0)
  if (ms > 0) await sys.sleep(ms)
  return ''
}
export default sleep
