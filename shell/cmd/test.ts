import { DMAPPEND, DMDIR, DMEXCL, DMTMP } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { AEXEC, AEXIST, AREAD, AWRITE, access, dirstat } from '../../plan9/libc/dirread.ts'
import { strtol } from '../../plan9/libc/fmt.ts'
import { attempt, eprint } from '../../plan9/libc/sysfatal.ts'
import { now } from '../../plan9/libc/tm.ts'

const modes: Record<string, number> = { '-A': DMAPPEND, '-L': DMEXCL, '-T': DMTMP, '-d': DMDIR }
const accesses: Record<string, number> = { '-r': AREAD, '-w': AWRITE, '-x': AEXEC, '-e': AEXIST }
const compare: Record<string, (a: number, b: number) => boolean> = {
  '-eq': (a, b) => a === b,
  '-ne': (a, b) => a !== b,
  '-gt': (a, b) => a > b,
  '-lt': (a, b) => a < b,
  '-ge': (a, b) => a >= b,
  '-le': (a, b) => a <= b,
}

class Test {
  readonly sys: Sys
  readonly av: string[]
  ap = 0

  constructor(sys: Sys, av: string[]) {
    this.sys = sys
    this.av = av
  }

  async synbad(msg: string): Promise<never> {
    await eprint(this.sys, `test: ${msg}\n`)
    return this.sys.exits('bad syntax')
  }

  async arg(): Promise<string> {
    return this.av[this.ap++] ?? (await this.synbad('argument expected'))
  }

  /** As in C: the number that is the whole argument. */
  int(s: string | undefined): number | undefined {
    if (s === undefined) return undefined
    const { value, n } = strtol(s)
    return n === s.length ? value : undefined
  }

  async or(ev: boolean): Promise<boolean> {
    let p = await this.and(ev)
    while (this.av[this.ap] === '-o') {
      this.ap++
      const q = await this.and(ev && !p)
      p = p || (ev && q)
    }
    return p
  }

  async and(ev: boolean): Promise<boolean> {
    let p = await this.not(ev)
    while (this.av[this.ap] === '-a') {
      this.ap++
      const q = await this.not(ev && p)
      p = p && ev && q
    }
    return p
  }

  async not(ev: boolean): Promise<boolean> {
    let p = false
    while (this.av[this.ap] === '!') {
      this.ap++
      p = !p
    }
    if (this.ap >= this.av.length) return !p
    return p !== (await this.primary(ev))
  }

  async mode(file: string, bit: number): Promise<boolean> {
    const d = await dirstat(this.sys, file)
    return d !== undefined && (d.mode & bit) !== 0
  }

  async primary(ev: boolean): Promise<boolean> {
    const { sys } = this
    const a = await this.arg()
    if (a === '(') {
      const p = await this.or(ev)
      if ((await this.arg()) !== ')') await this.synbad(') expected')
      return p
    }
    if (Object.hasOwn(modes, a)) {
      const f = await this.arg()
      return ev && (await this.mode(f, modes[a]!))
    }
    if (Object.hasOwn(accesses, a)) {
      const f = await this.arg()
      return ev && (await access(sys, f, accesses[a]!))
    }
    switch (a) {
      case '-f': {
        const d = await dirstat(sys, await this.arg())
        return d !== undefined && (d.mode & DMDIR) === 0
      }
      case '-s': {
        const d = await dirstat(sys, await this.arg())
        return d !== undefined && d.length > 0n
      }
      case '-c':
      case '-b':
      case '-u':
      case '-g':
        return false
      case '-t': {
        if (this.ap >= this.av.length) return ev && (await this.isatty(1))
        const fd = this.int(this.av[this.ap])
        if (fd === undefined) return this.synbad('not a valid file descriptor number ')
        this.ap++
        return ev && (await this.isatty(fd))
      }
      case '-n':
        return (await this.arg()) !== ''
      case '-z':
        return (await this.arg()) === ''
    }
    const op = this.av[this.ap]
    if (op === undefined) return a !== ''
    this.ap++
    switch (op) {
      case '=':
        return (await this.arg()) === a
      case '!=':
        return (await this.arg()) !== a
      case '-older': {
        const t = await this.arg()
        return ev && (await this.isolder(t, a))
      }
      case '-ot':
        return this.times(a, await this.arg(), ev, (x, y) => x > y)
      case '-nt':
        return this.times(a, await this.arg(), ev, (x, y) => x < y)
    }
    const n1 = this.int(a)
    const n2 = this.int(this.av[this.ap])
    if (n1 !== undefined && n2 !== undefined && Object.hasOwn(compare, op)) {
      this.ap++
      return compare[op]!(n1, n2)
    }
    this.ap--
    return a !== ''
  }

  /** -nt and -ot: false unless both files are there. */
  async times(a: string, b: string, ev: boolean, is: (bt: number, at: number) => boolean): Promise<boolean> {
    const ad = await dirstat(this.sys, a)
    const bd = await dirstat(this.sys, b)
    return ev && ad !== undefined && bd !== undefined && is(bd.mtime, ad.mtime)
  }

  async isatty(fd: number): Promise<boolean> {
    const a: Dir | undefined = await attempt(this.sys.fstat(fd))
    const b = await dirstat(this.sys, '/dev/cons')
    return a !== undefined && b !== undefined && a.type === b.type && a.dev === b.dev && a.qid.path === b.qid.path
  }

  async isolder(spec: string, file: string): Promise<boolean> {
    const d = await dirstat(this.sys, file)
    if (d === undefined) return false
    const unit: Record<string, number> = { y: 360 * 86400, M: 30 * 86400, d: 86400, h: 3600, m: 60, s: 1 }
    let n = 0
    let absolute = false
    for (let p = spec; p !== ''; ) {
      const m = strtol(p)
      p = p.slice(m.n)
      if (p === '') {
        n = m.value
        absolute = true
        break
      }
      const u = unit[p[0]!]
      if (u === undefined) return this.synbad(`bad time syntax, ${spec}`)
      n += m.value * u
      p = p.slice(1)
    }
    return d.mtime < (absolute ? n : (await now(this.sys)).sec - n)
  }
}

const test: Program = async (sys, argv) => {
  const av = argv.slice(1)
  const t = new Test(sys, av)
  if (argv0(argv) === '[' && av.pop() !== ']') return t.synbad('] missing')
  if (av.length === 0) return 'usage'
  const p = await t.or(true)
  const rest = av[t.ap]
  if (rest !== undefined) return t.synbad(`unexpected operator/operand: ${rest}`)
  return p ? '' : 'false'
}
export default test
