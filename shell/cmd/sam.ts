import { DMAPPEND, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { Eintr, Enochild, PlanError } from '../../plan9/error.ts'
import { cleanname } from '../../plan9/kernel/parse.ts'
import { type Program, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bin, Bsize, readall, write } from '../../plan9/libc/bio.ts'
import { frombytes, fromtext, runeat, runebefore, tobytes, totext, utflen, utfskip } from '../../plan9/libc/bytes.ts'
import { getenv, getwd } from '../../plan9/libc/env.ts'
import type { Template } from '../../plan9/libc/substitute.ts'
import { attempt, eprint } from '../../plan9/libc/sysfatal.ts'
import { File } from './sam/file.ts'
import { type Addr, type Cmd, forms, newaddr, Parser, Question } from './sam/parse.ts'
import type { Pattern, Range } from './sam/pattern.ts'

/** A range of a file. */
interface Address extends Range {
  f: File
}

const newlines = (s: string, p1: number, p2: number) => {
  let n = 0
  for (let i = s.indexOf('\n', p1); i >= 0 && i < p2; i = s.indexOf('\n', i + 1)) n++
  return n
}

/** The range that is `n` lines before or after one, or from the beginning when `sign` is 0. */
function lineaddr(n: number, a: Address, sign: number): Address {
  const s = a.f.text
  if (sign >= 0) {
    let p1: number
    let p: number
    if (n === 0) {
      if (sign === 0 || a.p2 === 0) return { f: a.f, p1: 0, p2: 0 }
      p1 = a.p2
      p = a.p2 - 1
    } else {
      let line = 1
      p = 0
      if (sign !== 0 && a.p2 > 0) {
        line = s[a.p2 - 1] === '\n' ? 1 : 0
        p = a.p2
      }
      for (; line < n; line++) {
        const nl = s.indexOf('\n', p)
        if (nl < 0) throw new Question('address range')
        p = nl + 1
      }
      p1 = p
    }
    const nl = s.indexOf('\n', p)
    return { f: a.f, p1, p2: nl < 0 ? s.length : nl + 1 }
  }
  let p = a.p1
  let p2 = p
  if (n > 0) {
    for (let line = 0; line < n; ) {
      if (p === 0) {
        if (++line !== n) throw new Question('address range')
      } else if (s[p - 1] !== '\n' || ++line !== n) p--
    }
    p2 = p
    if (p > 0) p--
  }
  return { f: a.f, p1: p === 0 ? 0 : s.lastIndexOf('\n', p - 1) + 1, p2 }
}

function charaddr(n: number, a: Address, sign: number): Address {
  const s = a.f.text
  let p = sign === 0 ? 0 : sign > 0 ? a.p2 : a.p1
  if (sign < 0) for (let i = 0; i < n && p >= 0; i++) p -= p === 0 ? 1 : runebefore(s, p) & 7
  else if (n > utflen(s) - utflen(s, p)) p = -1
  else p = utfskip(s, n, p)
  if (p < 0) throw new Question('address range')
  return { f: a.f, p1: p, p2: p }
}

function nextmatch(a: Address, re: Pattern, sign: number): Address {
  const s = a.f.text
  const p = sign >= 0 ? a.p2 : a.p1
  const find = (p: number) => (sign >= 0 ? re.after(s, p) : re.before(s, p))
  let m = find(p)
  if (m === undefined) throw new Question('search')
  if (m.p1 === m.p2 && m.p1 === p) {
    // Nothing, and right here: the next one.
    if (sign >= 0) m = find(p >= s.length ? 0 : p + (runeat(s, p) & 7))
    else m = find(p === 0 ? s.length : p - (runebefore(s, p) & 7))
  }
  return { f: a.f, ...m! }
}

const replacement = (s: string): Template => {
  const to: Template = []
  for (let i = 0; i < s.length; i++) {
    const c = s[i]!
    if (c === '&') to.push(0)
    else if (c !== '\\' || i + 1 >= s.length) to.push(c)
    else {
      const d = s[++i]!
      to.push(d >= '1' && d <= '9' ? Number(d) : d)
    }
  }
  return to
}

class Sam {
  readonly #sys: Sys
  readonly #in: Bin
  readonly #parser: Parser
  /** By name; those whose name is empty come first. */
  #files: File[] = []
  #cur: File | undefined
  /** The number of the command under way. */
  #seq = 0
  /** Loops around the command, and X or Y. */
  #nest = 0
  #inX = false
  #quitok = true
  #addr: Address = { f: new File(), p1: 0, p2: 0 }
  /** Of ^ and _: lines to be read as commands. */
  #typed = ''
  #rc = ''
  #home = '/'
  #wd = ''
  #interrupted = false

  constructor(sys: Sys) {
    this.#sys = sys
    this.#in = new Bin(sys, 0)
    this.#parser = new Parser(() => this.#line())
  }

  async run(names: string[]): Promise<void> {
    const sys = this.#sys
    sys.notify(async note => {
      if (note === 'interrupt') this.#interrupted = true
      else await this.#rescue()
      return note === 'interrupt'
    })
    this.#home = (await getenv(sys, 'home')) ?? '/'
    await this.#getwd()
    for (const name of names) await this.#name(this.#new(), this.#full(fromtext(name)))
    if (names.length === 0) this.#new()
    this.#seq++
    this.#cur = this.#files[0]
    for (;;) {
      try {
        while (await this.#command());
        this.#tryquit()
        return
      } catch (e) {
        if (e instanceof PlanError)
          await this.#hiccough(e.message === Eintr ? 'interrupt' : `I/O error: "${e.message}"`)
        else if (e instanceof Question) await this.#hiccough(e.message)
        else throw e
      }
    }
  }

  /** One line of the input, without NUL. */
  async #line(): Promise<string | undefined> {
    const nl = this.#typed.indexOf('\n')
    if (nl >= 0) {
      const line = this.#typed.slice(0, nl + 1)
      this.#typed = this.#typed.slice(nl + 1)
      return line
    }
    const b = await this.#in.rdline()
    if (b === undefined || b[b.length - 1] !== 10) return undefined
    const s = frombytes(b)
    if (s.includes('\0')) await this.#warn('null characters elided')
    return s.replaceAll('\0', '')
  }

  /** Whether there are more to come. */
  async #command(): Promise<boolean> {
    if (this.#cur?.unread) await this.#load(this.#cur)
    const cmd = await this.#parser.command()
    if (cmd === undefined) return false
    if (!(await this.#exec(this.#cur, cmd))) return false
    await this.#update()
    return true
  }

  async #update(): Promise<void> {
    let any = false
    for (const f of [...this.#files]) {
      if (f.deleted) {
        this.#files = this.#files.filter(g => g !== f)
        if (f === this.#cur) this.#cur = undefined
      } else {
        const { name } = f
        if (!f.update(this.#seq)) continue
        if (f.name !== name) await this.#sort(f)
        if (f.mod) this.#quitok = false
        any = true
      }
    }
    if (any) this.#seq++
  }

  async #hiccough(words: string): Promise<void> {
    this.#interrupted = false
    await this.#tell(`?${words}\n`)
    this.#parser.reset()
    this.#nest = 0
    this.#inX = false
    for (const f of this.#files) f.backout(this.#seq)
    await this.#update()
    if (this.#cur !== undefined) this.#cur.unread = false
  }

  #tell(s: string): Promise<void> {
    return attempt(write(this.#sys, 2, tobytes(s))).then(() => undefined)
  }

  #warn(words: string): Promise<void> {
    return this.#tell(`?warning: ${words}\n`)
  }

  #tryquit(): void {
    if (this.#quitok || !this.#files.some(f => f.dirty)) return
    this.#quitok = true
    throw new Question('changed files')
  }

  /** Saves what is modified in a script that asks for each whether to write it. */
  async #rescue(): Promise<void> {
    const dirty = this.#files.filter(f => f.text !== '' && f.dirty)
    if (dirty.length === 0) return
    const fd = await attempt(this.#sys.create(`${this.#home}/sam.save`, OWRITE, 0o777))
    if (fd === undefined) return
    for (const [i, f] of dirty.entries()) {
      const name = f.name === '' ? `nameless.${i}` : f.name
      const script = `#!/bin/rc\n/sys/lib/samsave '${name}' $* <<'---${name}'\n${f.text}\n---${name}\n`
      await attempt(write(this.#sys, fd, tobytes(script)))
    }
  }

  // Files

  #new(): File {
    const f = new File()
    this.#files.unshift(f)
    return f
  }

  async #getwd(): Promise<void> {
    const wd = await attempt(getwd(this.#sys))
    if (wd === undefined) return this.#warn("can't run pwd")
    this.#wd = fromtext(wd.endsWith('/') ? wd : `${wd}/`)
  }

  /** A name as it is in the menu: relative to the directory if it is below. */
  #full(name: string): string {
    if (name === '') return ''
    const s = fromtext(cleanname(totext(name.startsWith('/') ? name : this.#wd + name)))
    return s.startsWith(this.#wd) && s !== this.#wd ? s.slice(this.#wd.length) : s
  }

  async #name(f: File, name: string): Promise<void> {
    const unread = f.unread
    f.rename(this.#seq, name)
    if (unread) await this.#sort(f)
  }

  async #sort(f: File): Promise<void> {
    const rest = this.#files.filter(g => g !== f)
    if (rest.some(g => g.name === f.name)) await this.#warn(`duplicate file name \`${f.name}'`)
    const i = rest.findIndex(g => g.name > f.name)
    rest.splice(i < 0 ? rest.length : i, 0, f)
    this.#files = rest
  }

  #menu(f: File, name = f.name): string {
    return `${f.mod ? "'" : ' '}-${f === this.#cur ? '.' : ' '} ${name}\n`
  }

  /** The files whose lines in the menu match. */
  #matching(f: File, re: Pattern): boolean {
    return re.test(this.#menu(f))
  }

  async #load(f: File): Promise<void> {
    await this.#tell(this.#menu(f))
    if (f.name !== '') await this.#edit(f, 'I', f.name)
    f.unread = false
    f.cleanseq = f.seq
  }

  /** Reads a file in: all of it, or r's into the range. */
  async #edit(f: File, command: string, name: string): Promise<void> {
    const sys = this.#sys
    const replaces = command !== 'r'
    const empty = replaces || (f.text === '' && (f.name === '' || f.name === name))
    let data: Uint8Array
    try {
      const fd = await sys.open(totext(name), OREAD)
      try {
        data = await readall(sys, fd)
        const d = await sys.fstat(fd)
        f.qid = d.qid.path
        f.mtime = d.mtime
      } finally {
        await sys.close(fd)
      }
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      throw new Question(`can't open "${name}": ${e.message}`)
    }
    const all = frombytes(data)
    const s = all.replaceAll('\0', '')
    const nulls = s.length < all.length
    if (nulls) await this.#warn('null characters elided')
    if (f.unread) f.text = s
    else {
      const { p1, p2 } = replaces ? { p1: 0, p2: f.text.length } : this.#addr
      f.change(this.#seq, p1, p2, s)
      f.ndot = replaces ? { p1: 0, p2: 0 } : { p1: p2, p2: p2 + s.length }
    }
    if (!replaces) await this.#tell(`#${utflen(s)}\n`)
    f.closeok = empty
    this.#quitok &&= empty
    f.unread = false
    f.mod = !empty || nulls
    if (empty && !nulls) f.cleanseq = f.seq
    if (command === 'e') await this.#tell(this.#menu(f, name))
  }

  async #write(f: File, name: string): Promise<void> {
    const sys = this.#sys
    const same = name === f.name
    const d = f.name === '' ? undefined : await attempt(sys.stat(totext(f.name)))
    if (d !== undefined && same && (f.qid !== d.qid.path || f.mtime < d.mtime)) {
      f.qid = d.qid.path
      f.mtime = d.mtime
      return this.#warn(`write might change good version of \`${name}'`)
    }
    let fd = -1
    try {
      fd = await sys.create(totext(name), OWRITE, 0o666)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      throw new Question(`can't create "${name}": ${e.message}`)
    }
    const { p1, p2 } = this.#addr
    try {
      await this.#tell(`${name}: `)
      const now = await attempt(sys.fstat(fd))
      if (now !== undefined && now.mode & DMAPPEND && now.length > 0) throw new Question('file is append-only')
      for (let p = p1; p < p2; p += Bsize) await write(sys, fd, tobytes(f.text.slice(p, Math.min(p + Bsize, p2))))
      if (f.name === '' || same) {
        if (p1 === 0 && p2 === f.text.length) f.cleanseq = f.seq
        f.mod = f.dirty
      }
      if (d === undefined) await this.#tell('(new file) ')
      if (p2 > 0 && f.text[p2 - 1] !== '\n') await this.#warn('last char not newline')
      await this.#tell(`#${utflen(f.text.slice(p1, p2))}\n`)
    } finally {
      await sys.close(fd)
    }
    const now = await attempt(sys.stat(totext(name)))
    if (now === undefined || !(f.name === '' || same)) return
    f.qid = now.qid.path
    f.mtime = now.mtime
    for (const g of this.#files)
      if (g !== f && g.qid === f.qid) await this.#warn(`files might be aliased: \`${f.name}' and \`${g.name}'`)
  }

  /** The name that a command gives, or the file's; which becomes that with `save`, or when it has none. */
  async #getname(f: File | undefined, arg: string, save: boolean): Promise<string> {
    if (arg === '') return f?.name ?? ''
    if (!/^[ \t]/.test(arg)) throw new Question('blank expected')
    const name = this.#full(arg.trim())
    if (f !== undefined && (save || f.name === '') && name !== f.name) {
      await this.#name(f, name)
      this.#quitok = f.closeok = false
      f.qid = -1n
      f.mtime = 0
      f.mod = true
    }
    return name
  }

  /** The names that b, B and D are given. */
  async #list(arg: string): Promise<string[]> {
    let s = arg.trim()
    if (arg !== '' && !/^[ \t]/.test(arg)) throw new Question('blank expected')
    if (s.startsWith('<')) s = await this.#collect(s.slice(1))
    return s
      .split(/[ \t\n]+/)
      .filter(n => n !== '')
      .map(n => this.#full(n))
  }

  #close(f: File): void {
    if (f.dirty && !f.closeok) {
      f.closeok = true
      throw new Question(`changes to "${f.name === '' ? 'nameless file' : f.name}"`)
    }
    f.deleted = true
  }

  // Addresses

  async #address(ap: Addr, at: Address, sign = 0): Promise<Address> {
    let a = at
    for (let x: Addr | undefined = ap; x !== undefined; x = x.next) {
      switch (x.type) {
        case 'l':
          a = lineaddr(x.num, a, sign)
          break
        case '#':
          a = charaddr(x.num, a, sign)
          break
        case '.':
          a = { f: a.f, ...a.f.dot }
          break
        case '$':
          a = { f: a.f, p1: a.f.text.length, p2: a.f.text.length }
          break
        case "'":
          a = { f: a.f, ...a.f.mark }
          break
        case '?':
        case '/':
          if (x.type === '?') sign = sign === 0 ? -1 : -sign
          a = nextmatch(a, x.re!, sign)
          break
        case '"': {
          const found = this.#files.filter(f => this.#matching(f, x.re!))
          if (found.length > 1) throw new Question('non-unique match for ""')
          const f = found[0]
          if (f === undefined) throw new Question('file search')
          if (f.unread) await this.#load(f)
          a = { f, ...f.dot }
          break
        }
        case '*':
          return { f: a.f, p1: 0, p2: a.f.text.length }
        case ',':
        case ';': {
          const from: Address = x.left === undefined ? { f: a.f, p1: 0, p2: 0 } : await this.#address(x.left, a)
          if (x.type === ';') {
            a = from
            a.f.dot = { p1: a.p1, p2: a.p2 }
          }
          const n = a.f.text.length
          const to = x.next === undefined ? { f: a.f, p1: n, p2: n } : await this.#address(x.next, a)
          if (from.f !== to.f || to.p2 < from.p1) throw new Question('addresses out of order')
          return { f: from.f, p1: from.p1, p2: to.p2 }
        }
        case '+':
        case '-':
          sign = x.type === '+' ? 1 : -1
          if (x.next === undefined || x.next.type === '+' || x.next.type === '-') a = lineaddr(1, a, sign)
      }
    }
    return a
  }

  // Commands

  /** False for q. */
  async #exec(file: File | undefined, cmd: Cmd): Promise<boolean> {
    let f = file
    if (this.#interrupted) throw new Question('interrupt')
    if (f?.unread) await this.#load(f)
    if (
      f === undefined &&
      cmd.addr?.type !== '"' &&
      !['b', 'B', 'n', 'q', 'U', 'X', 'Y', '!', '^', 'cd'].includes(cmd.name)
    )
      if (!(cmd.name === 'D' && cmd.text !== '')) throw new Question('no current file')
    const form = forms[cmd.name]
    let addr = cmd.addr
    if (form !== undefined && form.addr !== '') {
      const all = newaddr(form.addr)
      if (cmd.name !== '\n') {
        if (addr === undefined) addr = all
        else if (addr.type === '"' && addr.next === undefined) addr = { ...addr, next: all }
      }
      if (addr !== undefined) {
        const at = f ?? new File()
        this.#addr = await this.#address(addr, { f: at, ...at.dot })
        f = this.#addr.f
      }
    }
    this.#cur = f
    if (cmd.name === '{') {
      const dot = { f: f!, ...f!.dot }
      const a = addr === undefined ? dot : await this.#address(addr, dot)
      for (const c of cmd.body) {
        a.f.dot = { p1: a.p1, p2: a.p2 }
        await this.#exec(a.f, c)
      }
      return true
    }
    if (cmd.name === 'q') {
      this.#tryquit()
      return false
    }
    if (f === undefined) await this.#nofile(undefined, cmd)
    else if (!(await this.#nofile(f, cmd))) await this.#do(f, cmd)
    return true
  }

  /** Commands that need no file; whether it was one. */
  async #nofile(f: File | undefined, cmd: Cmd): Promise<boolean> {
    switch (cmd.name) {
      case 'b':
      case 'B': {
        const names = await this.#list(cmd.text)
        if (cmd.name === 'b') {
          const g = this.#files.find(g => (names.length === 0 ? g.name === '' : names.includes(g.name)))
          if (g === undefined) throw new Question(`not in menu: "${cmd.text.trim()}"`)
          this.#cur = g
        } else {
          if (names.length === 0) {
            this.#cur = this.#new()
            await this.#name(this.#cur, '')
          }
          for (const n of names) {
            let g = this.#files.find(g => g.name === n)
            if (g === undefined) {
              g = this.#new()
              await this.#name(g, n)
            }
            this.#cur = g
          }
        }
        if (this.#cur!.unread) await this.#load(this.#cur!)
        else if (this.#nest === 0) await this.#tell(this.#menu(this.#cur!))
        return true
      }
      case 'D': {
        if (cmd.text === '') {
          this.#close(f!)
          return true
        }
        const names = await this.#list(cmd.text)
        if (names.length === 0) throw new Question('newline expected')
        for (const n of names) {
          const g = this.#files.find(g => g.name === n)
          if (g === undefined) await this.#warn(`no such file \`${n}'`)
          else this.#close(g)
        }
        return true
      }
      case 'n':
        for (const g of this.#files) await this.#tell(this.#menu(g))
        return true
      case 'u':
        for (let n = Math.abs(cmd.num); n > 0 && f !== undefined; n--) {
          const seq = f.undoseq(cmd.num > 0)
          if (seq === 0) break
          for (const g of [...this.#files]) {
            if (g.undoseq(cmd.num > 0) !== seq) continue
            const { name } = g
            g.undo(cmd.num > 0)
            if (g.name !== name) await this.#sort(g)
            if (g.mod) this.#quitok = false
          }
        }
        return true
      case 'X':
      case 'Y': {
        if (this.#inX) throw new Question("can't nest X or Y")
        this.#inX = true
        this.#nest++
        const cur = this.#cur
        for (const g of [...this.#files])
          if (cmd.re === undefined || this.#matching(g, cmd.re) === (cmd.name === 'X'))
            await this.#exec(g, cmd.body[0]!)
        if (cur !== undefined && this.#files.includes(cur)) this.#cur = cur
        this.#inX = false
        this.#nest--
        return true
      }
      case '!':
      case '^':
        await this.#plan9(f, cmd)
        return true
      case 'cd': {
        const name = cmd.text === '' ? this.#home : totext(await this.#getname(undefined, cmd.text, false))
        const old = this.#files.map(
          g => [g, g.name === '' || g.name.startsWith('/') ? g.name : this.#wd + g.name] as const,
        )
        try {
          await this.#sys.chdir(name)
        } catch (e) {
          if (!(e instanceof PlanError)) throw e
          await this.#tell('chdir: ')
          throw e
        }
        await this.#tell('!\n')
        await this.#getwd()
        for (const [g, full] of old) g.name = this.#full(full)
        this.#files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
        return true
      }
    }
    return false
  }

  async #do(f: File, cmd: Cmd): Promise<void> {
    const { p1, p2 } = this.#addr
    const seq = this.#seq
    switch (cmd.name) {
      case '\n':
        return this.#newline(f, cmd)
      case 'a':
      case 'i':
      case 'c': {
        const at = cmd.name === 'i' ? p1 : p2
        f.change(seq, cmd.name === 'c' ? p1 : at, at, cmd.text)
        f.ndot = { p1: at, p2: at + cmd.text.length }
        return
      }
      case 'd':
        f.change(seq, p1, p2, '')
        f.ndot = { p1, p2: p1 }
        return
      case 'e':
      case 'r': {
        const name = await this.#getname(f, cmd.text, cmd.name === 'e')
        if (name === '') throw new Question('no file name')
        return this.#edit(f, cmd.name, name)
      }
      case 'f': {
        const name = await this.#getname(f, cmd.text, true)
        return this.#tell(this.#menu(f, name))
      }
      case 'g':
      case 'v':
        if (cmd.re!.search(f.text, p1, p2) !== (cmd.name === 'g')) return
        f.dot = { p1, p2 }
        await this.#exec(f, cmd.body[0]!)
        return
      case 'k':
        f.mark = { p1, p2 }
        return
      case 'm':
      case 't':
        return this.#move(f, cmd)
      case 'p':
        return this.#display(f)
      case 's':
        return this.#substitute(f, cmd)
      case 'w': {
        const fseq = f.seq
        const name = await this.#getname(f, cmd.text, false)
        if (name === '') throw new Question('no file name')
        if (fseq === seq) throw new Question(`can't write while changing: "${name}"`)
        return this.#write(f, name)
      }
      case 'x':
      case 'y':
        return cmd.re === undefined ? this.#lines(f, cmd) : this.#loop(f, cmd, cmd.re)
      case '=':
        return this.#position(f, cmd.text)
      default:
        return this.#plan9(f, cmd)
    }
  }

  async #display(f: File): Promise<void> {
    const { p1, p2 } = this.#addr
    for (let p = p1; p < p2; p += Bsize) await write(this.#sys, 1, tobytes(f.text.slice(p, Math.min(p + Bsize, p2))))
    f.dot = { p1, p2 }
  }

  #newline(f: File, cmd: Cmd): Promise<void> {
    if (cmd.addr === undefined) {
      const dot = { f, ...f.dot }
      const { p1 } = lineaddr(0, dot, -1)
      const { p2 } = lineaddr(0, dot, 1)
      this.#addr = p1 === f.dot.p1 && p2 === f.dot.p2 ? lineaddr(1, dot, 1) : { f, p1, p2 }
    }
    return this.#display(f)
  }

  async #move(f: File, cmd: Cmd): Promise<void> {
    const { p1, p2 } = this.#addr
    const to = await this.#address(cmd.to!, { f, ...f.dot })
    const s = f.text.slice(p1, p2)
    const before = p1 >= to.p2
    if (cmd.name === 'm' && !before && p2 > to.p2) throw new Question('addresses overlap')
    if (cmd.name === 'm' && !before) f.change(this.#seq, p1, p2, '')
    to.f.change(this.#seq, to.p2, to.p2, s)
    to.f.ndot = { p1: to.p2, p2: to.p2 + s.length }
    if (cmd.name === 'm' && before) f.change(this.#seq, p1, p2, '')
  }

  async #substitute(f: File, cmd: Cmd): Promise<void> {
    const { p1, p2 } = this.#addr
    const re = cmd.re!
    const s = f.text
    const to = replacement(cmd.text)
    let n = cmd.num
    let last = -1
    let by = 0
    let any = false
    for (let p = p1; p <= p2 && re.search(s, p, p2); ) {
      const { start, end } = re
      const step = end < s.length ? runeat(s, end) & 7 : 1
      if (start === end && start === last) {
        p += p < s.length ? runeat(s, p) & 7 : 1
        continue
      }
      p = start === end ? end + step : end
      last = end
      if (--n > 0) continue
      const text = re.fill(to, s, () => '')
      f.change(this.#seq, start, end, text)
      by += text.length - (end - start)
      any = true
      if (!cmd.all) break
    }
    if (!any && this.#nest === 0) throw new Question('substitution')
    f.ndot = { p1, p2: p2 + by }
  }

  /** x and y with an expression. */
  async #loop(f: File, cmd: Cmd, re: Pattern): Promise<void> {
    const { p1, p2 } = this.#addr
    const s = f.text
    const x = cmd.name === 'x'
    let last = x ? -1 : p1
    this.#nest++
    for (let p = p1, n = 0; p <= p2; n++) {
      let next: number
      if (re.search(s, p, p2)) {
        const { start, end } = re
        if (start === end && start === last) {
          p += p < s.length ? runeat(s, p) & 7 : 1
          continue
        }
        p = start === end ? end + (end < s.length ? runeat(s, end) & 7 : 1) : end
        f.dot = x ? { p1: start, p2: end } : { p1: last, p2: start }
        next = end
      } else {
        if (x || last > p2) break
        f.dot = { p1: last, p2 }
        p = p2 + 1
        next = last
      }
      last = next
      await this.#exec(f, cmd.body[0]!)
      if (n % 1024 === 1023) await this.#sys.sleep(0)
    }
    this.#nest--
  }

  /** x without an expression: lines. */
  async #lines(f: File, cmd: Cmd): Promise<void> {
    const { p1, p2 } = this.#addr
    this.#nest++
    for (let p = p1, n = 0; p < p2; n++) {
      const nl = f.text.indexOf('\n', p)
      const end = Math.min(p2, nl < 0 ? f.text.length : nl + 1)
      f.dot = { p1: p, p2: end }
      await this.#exec(f, cmd.body[0]!)
      p = end
      if (n % 1024 === 1023) await this.#sys.sleep(0)
    }
    this.#nest--
  }

  #position(f: File, arg: string): Promise<void> {
    if (arg !== '' && arg !== '#') throw new Question('newline expected')
    const { p1, p2 } = this.#addr
    let s = f.name === '' ? '' : `${f.name.startsWith('/') ? '' : this.#wd}${f.name}:`
    if (arg === '#') {
      const n = utflen(f.text, p1)
      s += `#${n}`
      if (p1 !== p2) s += `,#${n + utflen(f.text.slice(p1, p2))}`
    } else {
      const first = 1 + newlines(f.text, 0, p1)
      let last = first + newlines(f.text, p1, p2)
      if (p2 > p1 && f.text[p2 - 1] === '\n') last--
      s += last === first ? first : `${first},${last}`
    }
    return this.#tell(`${s}\n`)
  }

  // Commands of rc

  async #plan9(f: File | undefined, cmd: Cmd): Promise<void> {
    if (cmd.text.trim() !== '') this.#rc = cmd.text
    if (this.#rc === '') throw new Question('plan 9 command')
    const { p1, p2 } = this.#addr
    const input = '>|_'.includes(cmd.name) ? f!.text.slice(p1, p2) : undefined
    const { out, msg } = await this.#run(f, this.#rc, { input, output: '<|^_'.includes(cmd.name) })
    if (cmd.name === '<' || cmd.name === '|') {
      const s = out.replaceAll('\0', '')
      if (s.length < out.length) await this.#warn('null characters elided')
      f!.change(this.#seq, p1, p2, s)
      f!.ndot = { p1: p2, p2: p2 + s.length }
    } else this.#typed += out
    if ('<|^_'.includes(cmd.name) && msg !== '') await this.#warn(`exit status \`${fromtext(msg)}'`)
    if (this.#nest === 0) await this.#tell('!\n')
  }

  async #collect(command: string): Promise<string> {
    const { out, msg } = await this.#run(this.#cur, command, { output: true })
    if (msg !== '') await this.#warn(`exit status \`${fromtext(msg)}'`)
    await this.#tell('!\n')
    return out
  }

  async #setenv(f: File | undefined): Promise<void> {
    const dot =
      f === undefined ? [] : [1 + newlines(f.text, 0, f.dot.p1), utflen(f.text, f.dot.p1), utflen(f.text, f.dot.p2)]
    for (const [name, value] of [
      ['%', f?.name ?? ''],
      ['%dot', dot.join('\0')],
    ] as const) {
      const fd = await attempt(this.#sys.create(`/env/${name}`, OWRITE, 0o666))
      if (fd === undefined) continue
      await attempt(write(this.#sys, fd, tobytes(value)))
      await this.#sys.close(fd)
    }
  }

  /** Runs a command with the input that it is given, and collects its output if wanted. */
  async #run(
    f: File | undefined,
    command: string,
    { input, output = false }: { input?: string | undefined; output?: boolean },
  ): Promise<{ out: string; msg: string }> {
    const sys = this.#sys
    await this.#setenv(f)
    const from = input === undefined ? undefined : await sys.pipe()
    const to = output ? await sys.pipe() : undefined
    const pid = await sys.rfork(RFPROC | RFFDG, async child => {
      if (from !== undefined) await child.dup(from[0], 0)
      else if (output) await child.dup(await child.open('/dev/null', OREAD), 0)
      if (to !== undefined) await child.dup(to[1], 1)
      for (const fd of [...(from ?? []), ...(to ?? [])]) await child.close(fd)
      return child.exec('/bin/rc', ['rc', '-c', totext(command)])
    })
    if (to !== undefined) await sys.close(to[1])
    if (from !== undefined) {
      await sys.close(from[0])
      await sys.rfork(RFPROC | RFFDG, async child => {
        if (to !== undefined) await child.close(to[0])
        child.notify(() => true)
        await attempt(write(child, from[1], tobytes(input!)))
        return ''
      })
      await sys.close(from[1])
    }
    let out = ''
    if (to !== undefined) {
      out = frombytes(await readall(sys, to[0]))
      await sys.close(to[0])
    }
    for (;;) {
      try {
        const w = await sys.wait()
        if (w.pid === pid) return { out, msg: w.msg }
      } catch (e) {
        if (!(e instanceof PlanError) || e.message === Enochild) throw e
      }
    }
  }
}

const help = 'usage: sam -d [file ...]'

const sam: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  let commands = false
  for (const c of arg) {
    if (c === 'd') commands = true
    else if (c !== 'a' && c !== 'i') {
      await eprint(sys, `sam: unknown flag ${c}\n${help}\n`)
      return 'usage'
    }
  }
  if (!commands) {
    await eprint(sys, 'sam: there are no windows here; sam -d has the command language\n')
    return 'no graphics'
  }
  await new Sam(sys).run(arg.argv)
  return ''
}
export default sam
