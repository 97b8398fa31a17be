import { DMAPPEND, DMEXCL, DMTMP } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { usage } from '../../plan9/libc/arg.ts'
import { strtol } from '../../plan9/libc/fmt.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const who: Record<string, number> = { u: 0o700, g: 0o070, o: 0o007, a: 0o777 }
const perm: Record<string, number> = { r: 0o444, w: 0o222, x: 0o111, a: DMAPPEND, l: DMEXCL, t: DMTMP }

/** `[who]op[rwxalt]`, or octal: the bits that change and what they become. */
export function parsemode(spec: string): { mask: number; mode: number } | undefined {
  const { value, n } = strtol(spec, 8)
  if (n === spec.length) return { mask: 0o777, mode: value }
  const m = /^([ugoa]*)([-+=])([rwxalt]*)$/.exec(spec)
  if (m === null) return undefined
  let mask = DMAPPEND | DMEXCL | DMTMP
  for (const c of m[1] || 'a') mask |= who[c]!
  let mode = 0
  for (const c of m[3]!) mode |= perm[c]!
  if (m[2] !== '=') mask &= mode
  return { mask, mode: m[2] === '-' ? ~mode : mode }
}

const chmod: Program = async (sys, argv) => {
  if (argv.length < 3) await usage(sys, 'usage: chmod 0777 file ... or chmod [who]op[rwxalt] file ...')
  const change = parsemode(argv[1]!)
  if (change === undefined) {
    await eprint(sys, `chmod: bad mode: ${argv[1]}\n`)
    return 'mode'
  }
  const { mask, mode } = change
  for (const name of argv.slice(2)) {
    let old: number
    try {
      old = (await sys.stat(name)).mode
    } catch (e) {
      await eprint(sys, `chmod: can't stat ${name}: ${r(e)}\n`)
      continue
    }
    try {
      await sys.wstat(name, { mode: ((old & ~mask) | (mode & mask)) >>> 0 })
    } catch (e) {
      await eprint(sys, `chmod: can't wstat ${name}: ${r(e)}\n`)
    }
  }
  return ''
}
export default chmod
