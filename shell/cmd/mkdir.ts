import { DMDIR, OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { AEXIST, access } from '../../plan9/libc/dirread.ts'
import { strtol } from '../../plan9/libc/fmt.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: mkdir [-p] [-m mode] dir...'

async function makedir(sys: Sys, name: string, mode: number): Promise<boolean> {
  if (await access(sys, name, AEXIST)) {
    await eprint(sys, `mkdir: ${name} already exists\n`)
    return false
  }
  try {
    await sys.close(await sys.create(name, OREAD, DMDIR + mode))
    return true
  } catch (e) {
    await eprint(sys, `mkdir: can't create ${name}: ${r(e)}\n`)
    return false
  }
}

const mkdir: Program = async (sys, argv) => {
  let mode = 0o777
  let pflag = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'p') pflag = true
    else if (c === 'm') {
      mode = strtol(arg.argf() ?? (await usage(sys, help)), 8).value
      if (mode > 0o777 || mode < 0) await usage(sys, help)
    } else await usage(sys, help)
  }
  let ok = true
  for (const name of arg.argv) {
    if (!pflag) {
      ok = (await makedir(sys, name, mode)) && ok
      continue
    }
    for (let i = name.indexOf('/', 1); ; i = name.indexOf('/', i + 1)) {
      const part = i < 0 ? name : name.slice(0, i)
      if (!(await access(sys, part, AEXIST)) && !(await makedir(sys, part, mode))) {
        ok = false
        break
      }
      if (i < 0) break
    }
  }
  return ok ? '' : 'error'
}
export default mkdir
