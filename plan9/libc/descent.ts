import type { Dir } from '../9p/dir.ts'
import { PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'
import { cleanname } from './dirread.ts'
import { getwd } from './env.ts'
import { attempt } from './sysfatal.ts'

/** A name in a directory as a path: of a leading `#` the kernel would make a device. */
export const leaf = (name: string): string => (name.startsWith('#') ? `./${name}` : name)

const same = (a: Dir, b: Dir): boolean => a.qid.path === b.qid.path && a.dev === b.dev && a.type === b.type

/**
 * A way down a tree by chdir(2), and up again. Names from its top would make every file of a deep tree cost a walk as
 * long as its path.
 */
export class Descent {
  readonly sys: Sys
  readonly #above: { dir: Dir; name: string }[] = []
  #wd = ''

  constructor(sys: Sys) {
    this.sys = sys
  }

  /** @throws PlanError, and is where it was, when that is no directory to go into. */
  async enter(name: string): Promise<void> {
    if (this.#above.length === 0) this.#wd = (await attempt(getwd(this.sys))) ?? ''
    const dir = await this.sys.stat('.')
    await this.sys.chdir(name)
    this.#above.push({ dir, name })
  }

  /** Back to where the last `enter` was. @throws PlanError when that has been moved: nothing may be done by name then. */
  async leave(): Promise<void> {
    const { dir, name } = this.#above.pop()!
    const ways: string[] = []
    const names = this.#above.map(a => a.name)
    const elems = cleanname(name).split('/')
    if (!name.startsWith('/') && !elems.includes('..')) ways.push(elems.map(() => '..').join('/'))
    if (names[0]?.startsWith('/')) ways.push(names.join('/'))
    else if (this.#wd !== '') ways.push([this.#wd, ...names].join('/'))
    for (const to of ways)
      try {
        await this.sys.chdir(to)
        if (same(await this.sys.stat('.'), dir)) return
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
      }
    throw new PlanError(`no way back from ${name}`)
  }
}
