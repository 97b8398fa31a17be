import { OEXCL, OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { strtoul } from '../../plan9/libc/fmt.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'
import { now } from '../../plan9/libc/tm.ts'

const help = 'usage: touch [-c] [-t time] files'

async function touch1(sys: Sys, name: string, mtime: number, nocreate: boolean): Promise<boolean> {
  try {
    await sys.wstat(name, { mtime })
    return true
  } catch (e) {
    const err = r(e)
    if (nocreate) {
      await eprint(sys, `touch: ${name}: cannot wstat: ${err}\n`)
      return false
    }
  }
  try {
    const fd = await sys.create(name, OREAD | OEXCL, 0o666)
    await attempt(sys.fwstat(fd, { mtime }))
    await sys.close(fd)
    return true
  } catch (e) {
    await eprint(sys, `touch: ${name}: cannot create: ${r(e)}\n`)
    return false
  }
}

const touch: Program = async (sys, argv) => {
  let time = (await now(sys)).sec
  let nocreate = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'c') nocreate = true
    else if (c === 't') {
      const t = arg.argf() ?? (await usage(sys, help))
      const { value, n } = strtoul(t)
      if (n === 0 || n !== t.length) await usage(sys, help)
      time = value
    } else await usage(sys, help)
  }
  if (arg.argv.length === 0) await usage(sys, help)
  let ok = true
  for (const name of arg.argv) ok = (await touch1(sys, name, time, nocreate)) && ok
  return ok ? '' : 'touch'
}
export default touch
