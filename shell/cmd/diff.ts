import { OREAD } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout, readall } from '../../plan9/libc/bio.ts'
import { dirreadall, dirstat, isdir } from '../../plan9/libc/dirread.ts'
import { chartorune, strcmp, UTFmax } from '../../plan9/libc/rune.ts'
import { eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { type Blanks, Lines, match } from './diff/match.ts'

const help = 'usage: diff [-abcefmnruw] file1 ... file2'

/** Lines of context around a change, for -c and -u. */
const Context = 3

/** Lines a to b of the old file become lines c to d of the new one; b is a-1, or d is c-1, when there are none. */
interface Change {
  a: number
  b: number
  c: number
  d: number
}

function* changes(mate: Int32Array, m: number, n: number): Iterable<Change> {
  let i = 0
  let j = 0
  for (let x = 1; x <= m + 1; x++) {
    const y = x > m ? n + 1 : mate[x]!
    if (y === 0) continue
    if (x > i + 1 || y > j + 1) yield { a: i + 1, b: x - 1, c: j + 1, d: y - 1 }
    i = x
    j = y
  }
}

const range = (a: number, b: number, sep = ',') => (a < b ? `${a}${sep}${b}` : `${b}`)

/** As the manual says, open to debate: a NUL, or a control character of Latin-1, near the beginning. */
function binary(data: Uint8Array): boolean {
  const n = Math.min(data.length, 1024)
  for (let i = 0; i < n - UTFmax; ) {
    const x = chartorune(data, i, n)
    const c = x >>> 3
    if (c === 0 || (c > 0x7f && c <= 0xa0)) return true
    i += x & 7
  }
  return false
}

class Diff {
  readonly sys: Sys
  readonly out: Bout
  /** How changes are shown: '' or one of e f n c a u. */
  mode = ''
  blanks: Blanks = 'kept'
  recurse = false
  /** A line that names the files before the changes of each pair. */
  header = false
  differ = false

  constructor(sys: Sys) {
    this.sys = sys
    this.out = new Bout(sys, 1)
  }

  async fatal(msg: string): Promise<never> {
    await this.out.flush()
    return sysfatal(this.sys, 'diff', msg)
  }

  async print(s: string | Uint8Array): Promise<void> {
    const w = this.out.write(s)
    if (w) await w
  }

  async stat(name: string): Promise<Dir> {
    const d = await dirstat(this.sys, name)
    if (d !== undefined) return d
    try {
      return name === '-' ? await this.sys.fstat(0) : await this.sys.stat(name)
    } catch (e) {
      return this.fatal(`cannot stat ${name}: ${r(e)}`)
    }
  }

  /** Standard input is read for `-` where there is no such file. */
  async contents(name: string): Promise<Uint8Array> {
    const { sys } = this
    let fd = 0
    try {
      if (name !== '-' || (await dirstat(sys, name)) !== undefined) fd = await sys.open(name, OREAD)
      const data = await readall(sys, fd)
      if (fd !== 0) await sys.close(fd)
      return data
    } catch (e) {
      return this.fatal(`cannot open ${name}: ${r(e)}`)
    }
  }

  async pair(from: string, to: string, level: number): Promise<void> {
    const fd = isdir(await this.stat(from))
    const td = isdir(await this.stat(to))
    const last = (name: string) => name.slice(name.lastIndexOf('/') + 1)
    if (!fd || !td) return this.files(from, to, td ? `${to}/${last(from)}` : to, fd ? `${from}/${last(to)}` : from)
    if (this.recurse || level === 0) return this.dirs(from, to, level)
    await this.print(`Common subdirectories: ${from} and ${to}\n`)
  }

  async entries(name: string): Promise<string[]> {
    const { sys } = this
    try {
      const fd = await sys.open(name, OREAD)
      const all = await dirreadall(sys, fd)
      await sys.close(fd)
      return all.map(d => d.name).sort(strcmp)
    } catch (e) {
      await eprint(sys, `diff: can't open ${name}: ${r(e)}\n`)
      return []
    }
  }

  async dirs(from: string, to: string, level: number): Promise<void> {
    const f = await this.entries(from)
    const t = await this.entries(to)
    for (let i = 0, j = 0; i < f.length || j < t.length; ) {
      const order = f[i] === undefined ? 1 : t[j] === undefined ? -1 : strcmp(f[i]!, t[j]!)
      if (order === 0) await this.pair(`${from}/${f[i++]}`, `${to}/${t[j++]}`, level + 1)
      else {
        const only = order < 0 ? `${from}: ${f[i++]}` : `${to}: ${t[j++]}`
        if (this.mode === '' || this.mode === 'n') await this.print(`Only in ${only}\n`)
      }
    }
  }

  /** Compares two files; `from` and `to` are what they are called in the output. */
  async files(from: string, to: string, tofile: string, fromfile: string): Promise<void> {
    const f = await this.contents(fromfile)
    const t = await this.contents(tofile)
    if (binary(f) || binary(t)) {
      if (f.length !== t.length || f.some((c, i) => c !== t[i])) await this.print(`binary files ${from} ${to} differ\n`)
      return
    }
    const old = new Lines(f)
    const new_ = new Lines(t)
    let mate: Int32Array
    try {
      mate = await match(old, new_, this.blanks, () => this.sys.sleep(0))
    } catch (e) {
      return this.fatal(`${from} ${to}: ${r(e)}`)
    }
    const all = [...changes(mate, old.n, new_.n)]
    if (all.length === 0) return
    this.differ = true
    const { mode } = this
    if (this.header) await this.print(`diff ${mode === '' ? '' : `-${mode} `}${from} ${to}\n`)
    if (mode === 'c' || mode === 'a' || mode === 'u') return this.context(all, from, to, old, new_)
    if (mode === 'e') all.reverse()
    for (const change of all) await this.change(change, from, to, old, new_)
  }

  async change({ a, b, c, d }: Change, from: string, to: string, old: Lines, new_: Lines): Promise<void> {
    const verb = a > b ? 'a' : c > d ? 'd' : 'c'
    switch (this.mode) {
      case 'e':
        await this.print(`${range(a, b)}${verb}\n`)
        break
      case 'f':
        await this.print(`${verb}${range(a, b, ' ')}\n`)
        break
      case 'n':
        await this.print(`${from}:${range(a, b)} ${verb} ${to}:${range(c, d)}\n`)
        break
      default:
        await this.print(`${range(a, b)}${verb}${range(c, d)}\n`)
    }
    if (this.mode === 'e' || this.mode === 'f') {
      await this.lines(new_, c, d, '')
      if (c <= d) await this.print('.\n')
      return
    }
    await this.lines(old, a, b, '< ')
    if (verb === 'c') await this.print('---\n')
    await this.lines(new_, c, d, '> ')
  }

  /** -c, -u: changes with the lines around them, those together whose surroundings touch. -a: all of it. */
  async context(all: Change[], from: string, to: string, old: Lines, new_: Lines): Promise<void> {
    const unified = this.mode === 'u'
    if (unified) await this.print(`--- ${from}\n+++ ${to}\n`)
    const [same, minus, plus] = unified ? [' ', '-', '+'] : ['  ', '- ', '+ ']
    const around = this.mode === 'a' ? Math.max(old.n, new_.n) : Context
    for (let i = 0, j = 0; i < all.length; i = j) {
      for (j = i + 1; j < all.length && all[j - 1]!.b + 1 + 2 * around > all[j]!.a; j++);
      const a = Math.max(all[i]!.a - around, 1)
      const b = Math.min(all[j - 1]!.b + around, old.n)
      const c = Math.max(all[i]!.c - around, 1)
      const d = Math.min(all[j - 1]!.d + around, new_.n)
      await this.print(
        unified ? `@@ -${a},${b - a + 1} +${c},${d - c + 1} @@\n` : `${from}:${range(a, b)} - ${to}:${range(c, d)}\n`,
      )
      let at = a
      for (const change of all.slice(i, j)) {
        await this.lines(old, at, change.a - 1, same!)
        await this.lines(old, change.a, change.b, minus!)
        await this.lines(new_, change.c, change.d, plus!)
        at = change.b + 1
      }
      await this.lines(old, at, b, same!)
    }
  }

  async lines(f: Lines, a: number, b: number, prefix: string): Promise<void> {
    for (let i = a; i <= b; i++) {
      const line = f.line(i)
      await this.print(prefix)
      await this.print(line)
      if (line[line.length - 1] !== 10) await this.print('\n\\ No newline at end of file\n')
    }
  }
}

const diff: Program = async (sys, argv) => {
  const d = new Diff(sys)
  const arg = new Arg(argv)
  for (const c of arg) {
    if ('acefnu'.includes(c)) d.mode = c
    else if (c === 'b') d.blanks = 'folded'
    else if (c === 'w') d.blanks = 'removed'
    else if (c === 'r') d.recurse = true
    else if (c === 'm') d.header = true
    else await usage(sys, help)
  }
  if (arg.argv.length < 2) await usage(sys, help)
  const to = arg.argv.pop()!
  const from = arg.argv
  const directory = async (name: string) => {
    const dir = await dirstat(sys, name)
    if (dir === undefined && name !== '-') await sysfatal(sys, 'diff', `can't stat ${name}`)
    return dir !== undefined && isdir(dir)
  }
  const t = await directory(to)
  if (from.length > 1 && !t) return sysfatal(sys, 'diff', `not directory: ${to}`)
  if (from.length > 1 || ((await directory(from[0]!)) && t)) d.header = true
  for (const f of from) await d.pair(f, to, 0)
  await d.out.flush()
  return d.differ ? 'some' : ''
}
export default diff
