import { OREAD } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { dirreadall, dirstat, isdir } from '../../plan9/libc/dirread.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

class Rm {
  readonly sys: Sys
  ignore = false
  /** The last error printed: the exit status. */
  status = ''

  constructor(sys: Sys) {
    this.sys = sys
  }

  async err(name: string, e: unknown): Promise<void> {
    const msg = r(e)
    if (this.ignore) return
    this.status = msg
    await eprint(this.sys, `rm: ${name}: ${msg}\n`)
  }

  /** Removes what is in a directory, then it. */
  async rmdir(name: string): Promise<void> {
    const { sys } = this
    let all: Dir[]
    try {
      const fd = await sys.open(name, OREAD)
      all = await dirreadall(sys, fd)
      await sys.close(fd)
    } catch (e) {
      return this.err(name, e)
    }
    for (const d of all) {
      const file = `${name}/${d.name}`
      try {
        await sys.remove(file)
      } catch (e) {
        r(e)
        if (isdir(d)) await this.rmdir(file)
        else await this.err(file, e)
      }
    }
    try {
      await sys.remove(name)
    } catch (e) {
      await this.err(name, e)
    }
  }
}

const rm: Program = async (sys, argv) => {
  const rm = new Rm(sys)
  let recurse = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'r') recurse = true
    else if (c === 'f') rm.ignore = true
    else await usage(sys, 'usage: rm [-fr] file ...')
  }
  for (const name of arg.argv) {
    try {
      await sys.remove(name)
    } catch (e) {
      const d = recurse ? await dirstat(sys, name) : undefined
      if (d !== undefined && isdir(d)) await rm.rmdir(name)
      else await rm.err(name, e)
    }
  }
  return rm.status
}
export default rm
