import { ORDWR, OREAD, OWRITE } from '../../../plan9/9p/const.ts'
import { PlanError } from '../../../plan9/error.ts'
import { ARMAG, type Member, members, readarchive, SARDATE, SARNAME } from '../../../plan9/libc/ar.ts'
import { dirstat } from '../../../plan9/libc/dirread.ts'
import { stringtorunes, text, utf8 } from '../../../plan9/libc/rune.ts'
import { attempt } from '../../../plan9/libc/sysfatal.ts'
import { Fatal, type Mk } from './state.ts'

/** Targets `archive(member)`: members of ar(6) archives. */
export class Archives {
  readonly mk: Mk
  /** The times of the archives when their members' were taken. */
  readonly #taken = new Map<string, number>()
  readonly #missing = new Set<string>()

  constructor(mk: Mk) {
    this.mk = mk
  }

  async time(name: string, fresh: boolean): Promise<number> {
    const { mk } = this
    const { archive, member } = await this.#split(name)
    const t = (await dirstat(mk.sys, archive))?.mtime ?? 0
    const taken = this.#taken.get(archive)
    if (taken === undefined || fresh || t > taken) {
      for (const m of await this.#members(archive)) {
        // A member is older than its archive, and not as old as what is missing.
        mk.times.set(`${archive}(${m.name})`, Math.max(m.date >= t ? t - 1 : m.date, 1))
      }
      this.#taken.set(archive, t)
    }
    return mk.times.get(`${archive}(${cut(member)})`) ?? 0
  }

  /** Writes the time into the member's header. */
  async touch(name: string, sec: number): Promise<void> {
    const { sys } = this.mk
    const { archive, member } = await this.#split(name)
    if ((await dirstat(sys, archive)) === undefined) {
      const fd = await sys.create(archive, OWRITE, 0o666)
      await sys.write(fd, ARMAG)
      await sys.close(fd)
      return
    }
    const m = (await this.#members(archive)).find(m => m.name === cut(member))
    if (m === undefined) return
    const fd = await sys.open(archive, ORDWR)
    await sys.pwrite(fd, String(sec).padEnd(SARDATE), m.offset + SARNAME)
    await sys.close(fd)
  }

  /** The members up to where the archive is broken. */
  async #members(archive: string): Promise<Member[]> {
    const all: Member[] = []
    try {
      const ar = await readarchive(this.mk.sys, archive)
      if (ar !== undefined) for (const m of members(ar)) all.push(m)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
    return all
  }

  async #split(name: string): Promise<{ archive: string; member: string }> {
    const { sys, out } = this.mk
    const [, archive, member] = /^([^(]*)\(([^)]*)/.exec(name)!
    const fd = await attempt(sys.open(archive!, OREAD))
    if (fd === undefined) {
      if (!this.#missing.has(archive!)) await out.write(`${archive} doesn't exist: assuming it will be an archive\n`)
      this.#missing.add(archive!)
    } else {
      const head = await sys.read(fd, ARMAG.length)
      await sys.close(fd)
      if (text(head) !== ARMAG) throw new Fatal(`mk: '${name}' is not an archive`)
    }
    return { archive: archive!, member: member! }
  }
}

/** A member's name as an archive's header holds it: as many whole characters as there is room for. */
function cut(member: string): string {
  let s = ''
  let n = 0
  for (const r of stringtorunes(member)) {
    const c = String.fromCodePoint(r)
    n += utf8(c).length
    if (n > SARNAME) break
    s += c
  }
  return s
}
