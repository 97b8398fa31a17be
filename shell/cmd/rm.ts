import { OREAD } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Descent, leaf } from '../../plan9/libc/descent.ts'
import { dirreadall, dirstat, isdir } from '../../plan9/libc/dirread.ts'
import { eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'

class Rm {
  readonly sys: Sys
  readonly way: Descent
  ignore = false
  /** The last error printed: the exit status. */
  status = ''

  constructor(sys: Sys) {
    this.sys = sys
    this.way = new Descent(sys)
  }

  async err(name: string, e: unknown): Promise<void> {
    const msg = r(e)
    if (this.ignore) return
    this.status = msg
    await eprint(this.sys, `rm: ${name}: ${msg}\n`)
  }

  /** Removes what is in a directory, then it. @param name from here @param full as it is reported */
  async rmdir(name: string, full: string): Promise<void> {
    const { sys } = this
    let all: Dir[]
    let what = full
    try {
      const fd = await sys.open(name, OREAD)
      what = 'dirreadall'
      try {
        all = await dirreadall(sys, fd)
      } finally {
        await sys.close(fd)
      }
      what = full
      if (all.length > 0) await this.way.enter(name)
    } catch (e) {
      return this.err(what, e)
    }
    const dirs: Dir[] = []
    for (const d of all)
      try {
        await sys.remove(leaf(d.name))
      } catch (e) {
        if (isdir(d)) {
          r(e)
          dirs.push(d)
        } else await this.err(`${full}/${d.name}`, e)
      }
    for (const d of dirs) await this.rmdir(leaf(d.name), `${full}/${d.name}`)
    if (all.length > 0)
      try {
        await this.way.leave()
      } catch (e) {
        return sysfatal(sys, 'rm', `${full}: ${r(e)}`)
      }
    try {
      await sys.remove(name)
    } catch (e) {
      await this.err(full, e)
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
      if (d !== undefined && isdir(d)) await rm.rmdir(name, name)
      else await rm.err(name, e)
    }
  }
  return rm.status
}
export default rm
