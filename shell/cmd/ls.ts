import { DMTMP, OREAD } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout } from '../../plan9/libc/bio.ts'
import { dirreadall, isdir } from '../../plan9/libc/dirread.ts'
import { dirmodefmt } from '../../plan9/libc/fmt.ts'
import { quoterc, quotestr } from '../../plan9/libc/quote.ts'
import { strcmp } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'
import { now, type Tzone, tmfmt, tmtime, tzload } from '../../plan9/libc/tm.ts'

interface NDir {
  d: Dir
  prefix: string | undefined
}

/** Slashes compressed, none at the end; dots are left alone. */
function xcleanname(s: string): string {
  const t = s.replace(/\/+/g, '/')
  return t.length > 1 && t.endsWith('/') ? t.slice(0, -1) : t
}

class Ls {
  readonly flags = new Set<string>()
  readonly sys: Sys
  readonly out: Bout
  dirbuf: NDir[] = []
  clk = 0
  tz: Tzone | undefined
  /** Column widths grow and never shrink, over all that is listed. */
  readonly width: Record<string, number> = {}

  constructor(sys: Sys) {
    this.sys = sys
    this.out = new Bout(sys, 1)
  }

  async ls(name: string, multi: boolean): Promise<boolean> {
    try {
      const d = await this.sys.stat(name)
      if (isdir(d) && !this.flags.has('d')) {
        await this.output()
        const fd = await this.sys.open(name, OREAD)
        const all = await dirreadall(this.sys, fd)
        await this.sys.close(fd)
        const prefix = multi ? xcleanname(name) : undefined
        this.dirbuf = all.map(d => ({ d, prefix }))
        await this.output()
      } else {
        const s = xcleanname(name)
        const i = s.lastIndexOf('/')
        this.dirbuf.push({ d, prefix: i >= 0 ? s.slice(0, i) : undefined })
      }
      return true
    } catch (e) {
      await eprint(this.sys, `ls: ${name}: ${r(e)}\n`)
      return false
    }
  }

  async output(): Promise<void> {
    const { flags } = this
    if (!flags.has('n')) {
      this.dirbuf.sort((a, b) => this.compar(a, b))
      if (flags.has('r')) this.dirbuf.reverse()
    }
    for (const { d } of this.dirbuf) this.dowidths(d)
    for (const { d, prefix } of this.dirbuf)
      await this.out.write(
        this.format(d, flags.has('p') || prefix === undefined ? d.name : `${prefix === '/' ? '' : prefix}/${d.name}`),
      )
    this.dirbuf = []
    await this.out.flush()
  }

  compar(a: NDir, b: NDir): number {
    if (this.flags.has('t')) return this.flags.has('u') ? b.d.atime - a.d.atime : b.d.mtime - a.d.mtime
    if (a.prefix !== undefined && b.prefix !== undefined)
      return strcmp(a.prefix, b.prefix) || strcmp(a.d.name, b.d.name)
    if (a.prefix !== undefined) return strcmp(a.prefix, b.d.name) || 1
    if (b.prefix !== undefined) return strcmp(a.d.name, b.prefix) || -1
    return strcmp(a.d.name, b.d.name)
  }

  size(d: Dir): string {
    return String((d.length + 1023n) / 1024n)
  }

  dowidths(d: Dir): void {
    const wide = (k: string, s: string) => {
      this.width[k] = Math.max(this.width[k] ?? 0, [...s].length)
    }
    wide('s', this.size(d))
    wide('q', String(d.qid.vers))
    wide('m', `[${quotestr(d.muid)}]`)
    wide('dev', String(d.dev))
    wide('uid', quotestr(d.uid))
    wide('gid', quotestr(d.gid))
    wide('length', String(d.length))
  }

  format(d: Dir, name: string): string {
    const { flags, width } = this
    let s = ''
    if (flags.has('s')) s += `${this.size(d).padStart(width.s!)} `
    if (flags.has('m')) s += `${`[${quotestr(d.muid)}]`.padEnd(width.m!)} `
    if (flags.has('q')) {
      const path = d.qid.path.toString(16).padStart(16, '0')
      s += `(${path} ${String(d.qid.vers).padStart(width.q!)} ${d.qid.type.toString(16).padStart(2, '0')}) `
    }
    if (flags.has('T')) s += d.mode & DMTMP ? 't ' : '- '
    if (flags.has('l')) {
      const cols = [
        dirmodefmt(d.mode),
        String.fromCodePoint(d.type === 0 ? 0x2d : d.type),
        String(d.dev).padStart(width.dev!),
        quotestr(d.uid).padEnd(width.uid!),
        quotestr(d.gid).padEnd(width.gid!),
        String(d.length).padStart(width.length!),
        this.asciitime(flags.has('u') ? d.atime : d.mtime),
      ]
      s += `${cols.join(' ')} `
    }
    const fileflag = !flags.has('F') ? '' : isdir(d) ? '/' : d.mode & 0o111 ? '*' : ''
    return `${s}${flags.has('Q') ? name : quoterc(name)}${fileflag}\n`
  }

  asciitime(sec: number): string {
    const tm = tmtime(sec, this.tz)
    const old = sec < this.clk - 180 * 86400 || this.clk + 86400 < sec
    return tmfmt(tm, old ? 'MMM _D  YYYY' : 'MMM _D hh:mm')
  }
}

const ls: Program = async (sys, argv) => {
  const l = new Ls(sys)
  const arg = new Arg(argv)
  for (const c of arg) {
    if (!'FdlmnpqrstuQT'.includes(c)) await usage(sys, 'usage: ls [-dlmnpqrstuFQT] [file ...]')
    l.flags.add(c)
  }
  if (l.flags.has('l')) {
    l.clk = (await now(sys)).sec
    l.tz = await tzload(sys, 'local')
  }
  let ok = true
  if (arg.argv.length === 0) ok = await l.ls('.', false)
  for (const name of arg.argv) ok = (await l.ls(name, true)) && ok
  await l.output()
  return ok ? '' : 'errors'
}
export default ls
