import { OREAD } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { crackhdr, Hdrmax, symbols } from '../../plan9/libc/aout.ts'
import { isar, members } from '../../plan9/libc/ar.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout, readall } from '../../plan9/libc/bio.ts'
import { cleanname } from '../../plan9/libc/dirread.ts'
import { strcmp } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'
import { type ObjSym, objsyms, objtype } from './nm/obj.ts'

const help = 'usage: nm [-aghnsTu] file ...'
/** An archive's table of contents. */
const symdef = '__.SYMDEF'

class Nm {
  readonly sys: Sys
  readonly out: Bout
  readonly flags = new Set<string>()
  multifile = false
  status = ''

  constructor(sys: Sys) {
    this.sys = sys
    this.out = new Bout(sys, 1)
  }

  async error(msg: string): Promise<void> {
    this.status = 'errors'
    await eprint(this.sys, `nm: ${msg}\n`)
  }

  async file(name: string): Promise<void> {
    const { sys } = this
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      r(e)
      return this.error(`cannot open ${name}`)
    }
    try {
      const head = await new Bin(sys, fd).read(Hdrmax)
      await sys.seek(fd, 0, 0)
      const format = objtype(head)
      if (isar(head)) await this.archive(name, await readall(sys, fd))
      else if (format) await this.print(name, objsyms(await readall(sys, fd), format))
      else await this.executable(name, fd, head)
    } catch (e) {
      await this.error(`${name}: ${r(e)}`)
    } finally {
      await sys.close(fd)
    }
  }

  async archive(name: string, ar: Uint8Array): Promise<void> {
    this.multifile = true
    try {
      for (const m of members(ar)) {
        if (m.name === symdef) continue
        const format = objtype(m.data)
        if (format === undefined) return this.error(`inconsistent file ${m.name} in ${name}`)
        let all: ObjSym[]
        try {
          all = objsyms(m.data, format)
        } catch (e) {
          return this.error(`${r(e)} in file ${m.name}`)
        }
        await this.print(m.name, all)
      }
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      await this.error(e.message)
    }
  }

  async executable(name: string, fd: number, head: Uint8Array): Promise<void> {
    const { sys } = this
    const f = crackhdr(head)
    if (f === undefined) return this.error(`Can't read header for ${name}`)
    await sys.seek(fd, f.symoff, 0)
    const table = await new Bin(sys, fd).read(f.syms)
    if (table.length < f.syms) await this.error(`${name}: can't read ${f.syms} bytes of symbol table`)
    const all: ObjSym[] = []
    const elements: string[] = []
    try {
      for (const s of symbols(table, f)) {
        if (s.type === 'f') elements[Number(s.value)] = s.name
        all.push({ ...s, sig: 0 })
      }
    } catch (e) {
      if (table.length === f.syms) await this.error(`${name}: ${r(e)}`)
    }
    await this.print(name, all, elements)
  }

  wanted({ type, name }: ObjSym): boolean {
    const { flags } = this
    const all = flags.has('a')
    const special = name.startsWith('.') || name.startsWith('$')
    if ('TLDB'.includes(type)) return !flags.has('u') && (all || !special)
    if ('tldb'.includes(type)) return !flags.has('u') && !flags.has('g') && (all || !special)
    if (type === 'U') return !flags.has('g')
    if (type === 'Z') return all
    return all && !flags.has('u') && !flags.has('g')
  }

  async print(file: string, all: ObjSym[], elements: string[] = []): Promise<void> {
    const { flags, out } = this
    const syms = all.filter(s => this.wanted(s))
    if (!flags.has('s'))
      syms.sort((s, t) => (flags.has('n') ? (s.value < t.value ? -1 : +(s.value > t.value)) : strcmp(s.name, t.name)))
    const width = syms.some(s => s.value >= 1n << 32n) ? 16 : syms.some(s => s.value !== 0n) ? 8 : 0
    for (const s of syms) {
      const title = this.multifile && !flags.has('h') ? `${file}:` : ''
      const sig = flags.has('T') ? `${s.sig.toString(16).padStart(8)} ` : ''
      const value = s.value !== 0n || s.type === 'a' || s.type === 'p' ? s.value.toString(16) : ''
      const name = s.type === 'z' ? filename(s.path, elements) : s.name
      const w = out.write(`${title}${sig}${value.padStart(width)} ${s.type} ${name}\n`)
      if (w) await w
    }
  }
}

/** The name that a z symbol stands for. */
function filename(path: number[], elements: string[]): string {
  const s = path.map(n => elements[n] ?? '').reduce((a, e) => (a === '' || a.endsWith('/') ? a + e : `${a}/${e}`), '')
  return s.length > 1 ? cleanname(s) : s
}

const main: Program = async (sys, argv) => {
  const nm = new Nm(sys)
  const arg = new Arg(argv)
  for (const c of arg) {
    if (!'aghnsTu'.includes(c)) await usage(sys, help)
    nm.flags.add(c)
  }
  if (arg.argv.length === 0) await usage(sys, help)
  nm.multifile = arg.argv.length > 1
  for (const name of arg.argv) await nm.file(name)
  await nm.out.flush()
  return nm.status
}
export default main
