import { OREAD, OWRITE } from '../../../plan9/9p/const.ts'
import { cleanname, dirreadall, dirstat } from '../../../plan9/libc/dirread.ts'
import { attempt, eprint, r } from '../../../plan9/libc/sysfatal.ts'
import { now } from '../../../plan9/libc/tm.ts'
import { Archives } from './archive.ts'
import { Fatal, type Mk } from './state.ts'

/** The times of targets, in seconds; 0 for one that is not there. Directories are read whole, once. */
export class Files {
  readonly mk: Mk
  readonly #archives: Archives
  readonly #read = new Set<string>()

  constructor(mk: Mk) {
    this.mk = mk
    this.#archives = new Archives(mk)
  }

  /** What is known of the target; with `fresh`, what is so now. */
  async time(name: string, fresh = false): Promise<number> {
    if (name.includes('(')) return this.#archives.time(name, fresh)
    const known = this.mk.times.get(name)
    if (!fresh && known !== undefined) return known
    const file = cleanname(name)
    if (fresh) return (await dirstat(this.mk.sys, file))?.mtime ?? 0
    await this.#dirtimes(file)
    return this.mk.times.get(file) ?? 0
  }

  /** The times of all files beside this one; those that -w gave stay. */
  async #dirtimes(file: string): Promise<void> {
    const { sys, times } = this.mk
    const dir = file.slice(0, file.lastIndexOf('/') + 1)
    if (this.#read.has(dir)) return
    this.#read.add(dir)
    const fd = await attempt(sys.open(dir === '' ? '.' : dir, OREAD))
    if (fd === undefined) return
    for (const d of (await attempt(dirreadall(sys, fd))) ?? []) {
      const name = dir + d.name
      if (!times.has(name)) times.set(name, d.mtime || 1)
    }
    await sys.close(fd)
  }

  /** -t: the target is as new as can be; a file that is not there is made. @throws Fatal */
  async touch(name: string): Promise<void> {
    const { mk } = this
    await mk.out.write(`touch(${name})\n`)
    if (mk.flags.noexec) return
    const { sec } = await now(mk.sys)
    try {
      if (name.includes('(')) await this.#archives.touch(name, sec)
      else if ((await dirstat(mk.sys, name)) !== undefined) await mk.sys.wstat(name, { mtime: sec })
      else await mk.sys.close(await mk.sys.create(name, OWRITE, 0o666))
    } catch (e) {
      if (e instanceof Fatal) throw e
      throw new Fatal(`${name}: ${r(e)}`)
    }
  }

  async remove(name: string): Promise<void> {
    const { mk } = this
    if (name.includes('(')) await eprint(mk.sys, "hoon off; mk can'tdelete archive members\n")
    else await attempt(mk.sys.remove(name), err => eprint(mk.sys, `${name}: ${err}\n`))
  }
}
