import { DMAPPEND, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { Enochild, PlanError } from '../../plan9/error.ts'
import { type Program, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bin, Bsize, readall, write } from '../../plan9/libc/bio.ts'
import { frombytes, fromtext, runeat, tobytes, totext, utflen } from '../../plan9/libc/bytes.ts'
import { RegexpError } from '../../plan9/libc/regexp.ts'
import { Regexp, type Template } from '../../plan9/libc/substitute.ts'
import { attempt } from '../../plan9/libc/sysfatal.ts'

/** A line without its newline, as a string of bytes. A line that is changed becomes another one. */
interface Line {
  text: string
  /** The global command is still to come to it. */
  marked: boolean
}

const line = (text: string): Line => ({ text, marked: false })

/** What is told as a question mark and its message. */
class Question extends Error {
  override name = 'Question'
}

const escapes: Record<string, string> = { '\b': '\\b', '\t': '\\t', '\\': '\\\\' }

/** The l command's form: folded, with its newline. */
function list(s: string): string {
  let out = ''
  let col = 0
  for (let i = 0; i < s.length; ) {
    const x = runeat(s, i)
    const c = s[i]!
    i += x & 7
    if (col > 64) {
      out += '\\\n\t'
      col = 8
    }
    const plain = c >= ' ' && c <= '~'
    const shown = escapes[c] ?? (plain ? c : `\\x${(x >>> 3).toString(16).padStart(4, '0')}`)
    out += shown
    col += shown.length
  }
  return `${out}${s.endsWith(' ') ? '\\n' : ''}\n`
}

/** Where commands come from: a line of the input, or the list of a global command. */
interface Source {
  text: string
  at: number
  global: boolean
}

class Ed {
  readonly #sys: Sys
  readonly #in: Bin
  /** Tells counts and asks before changes are lost. */
  readonly #verbose: boolean
  readonly #fd: number
  #out = ''
  #src: Source = { text: '', at: 0, global: false }
  /** Where `#unget` goes back to. */
  #prev = 0
  #name: string
  /** From 1; the one before it is no line. */
  #lines: Line[] = [line('')]
  #dot = 0
  #addr1 = 0
  #addr2 = 0
  /** Whether the command has addresses. */
  #given = false
  #marks = new Map<string, Line>()
  #pattern: Regexp | undefined
  /** What the last substitution made, and of what. */
  #undo: { now: Line; then: Line } | undefined
  #changed = false
  /** Print dot after the command, perhaps as l or n does. */
  #print = false
  #listed = false
  #numbered = false
  #page = { size: 20, listed: false, numbered: false }
  /** Input from a file is not read on after an error. */
  #skip = false
  #done = false
  #interrupted = false
  #waiting = false

  constructor(sys: Sys, { verbose, fd, name }: { verbose: boolean; fd: number; name: string }) {
    this.#sys = sys
    this.#in = new Bin(sys, 0)
    this.#verbose = verbose
    this.#fd = fd
    this.#name = name
  }

  get #dol(): number {
    return this.#lines.length - 1
  }

  /** `first` is a command to begin with, or nothing. */
  async run(first: 'a' | 'r' | ''): Promise<void> {
    this.#sys.notify(note => this.#note(note))
    for (let begin = first; ; begin = '') {
      try {
        if (begin === 'a') await this.#append(0)
        else if (begin === 'r') await this.#read(this.#name, 0)
        await this.#commands()
        this.#leave()
        break
      } catch (e) {
        if (e instanceof Question) this.#fail(e.message)
        else if (e instanceof PlanError) this.#fail(this.#interrupted ? undefined : '')
        else throw e
      }
    }
    await this.#flush()
  }

  /** Whatever is under way ends; `undefined` is an interrupt. */
  #fail(message: string | undefined): void {
    this.#interrupted = false
    this.#print = this.#listed = this.#numbered = false
    this.#src = { text: '', at: 0, global: false }
    this.#out += `${message === undefined ? '\n' : ''}?${message ?? ''}\n`
    this.#skip = true
  }

  async #note(note: string): Promise<boolean> {
    if (note === 'interrupt') {
      if (!this.#waiting) this.#interrupted = true
      return true
    }
    if (note === 'hangup' && this.#dol > 0) {
      const fd = await attempt(this.#sys.create('ed.hup', OWRITE, 0o666))
      if (fd !== undefined) await attempt(this.#put(fd, 1, this.#dol))
    }
    return false
  }

  async #flush(): Promise<void> {
    const b = tobytes(this.#out)
    this.#out = ''
    if (b.length > 0) await write(this.#sys, this.#fd, b)
  }

  /** Lets the kernel in. @throws PlanError when a note has come */
  async #pause(): Promise<void> {
    if (this.#out.length > Bsize) await this.#flush()
    await this.#sys.sleep(0)
  }

  /** The input's next line becomes the source; whether there is one. */
  async #more(): Promise<boolean> {
    await this.#flush()
    if (this.#skip) {
      await attempt(this.#sys.seek(0, 0, 2))
      this.#skip = false
    }
    const b = await this.#in.rdline()
    if (b === undefined) return false
    this.#src = { text: frombytes(b).replaceAll('\0', ''), at: 0, global: false }
    return true
  }

  /** The next character's bytes; none at the end of the source. */
  #getc(): string {
    const { text, at } = this.#src
    this.#prev = at
    if (at >= text.length) return ''
    this.#src.at += runeat(text, at) & 7
    return text.slice(at, this.#src.at)
  }

  #unget(): void {
    this.#src.at = this.#prev
  }

  #error(message = ''): never {
    throw new Question(message)
  }

  #leave(): void {
    if (!this.#verbose || !this.#changed || this.#dol === 0) return
    this.#changed = false
    this.#error()
  }

  /** The end of a command, or p, l or n and that. */
  #newline(): void {
    let c = this.#getc()
    if (c === '\n' || c === '') return
    if (c === 'p' || c === 'l' || c === 'n') {
      this.#print = true
      if (c === 'l') this.#listed = true
      if (c === 'n') this.#numbered = true
      c = this.#getc()
      if (c === '\n') return
    }
    this.#error()
  }

  #number(): number | undefined {
    let digits = ''
    for (let c = this.#getc(); ; c = this.#getc()) {
      if (c < '0' || c > '9' || c === '') break
      digits += c
    }
    this.#unget()
    return digits === '' ? undefined : Number(digits)
  }

  #address(): number | undefined {
    let a = this.#dot
    let sign = 1
    let count = 0
    let signed = -1
    do {
      let c = this.#getc()
      while (c === ' ' || c === '\t') c = this.#getc()
      if (c >= '0' && c <= '9') {
        this.#unget()
        if (count === 0) a = 0
        a += sign * this.#number()!
      } else if (c === '$' || c === '.') {
        if (count > 0) this.#error()
        a = c === '$' ? this.#dol : a
      } else if (c === "'") {
        const marked = this.#marks.get(this.#getc())
        if (count > 0 || marked === undefined) this.#error()
        a = this.#lines.indexOf(marked)
        if (a < 0) this.#error()
      } else if (c === '/' || c === '?') {
        this.#compile(c)
        a = this.#find(a, c === '?' ? -sign : sign)
      } else {
        if (signed === count) {
          a += sign
          if (a < 0 || a > this.#dol) break
        }
        if (c !== '+' && c !== '-' && c !== '^') {
          this.#unget()
          return count === 0 ? undefined : a
        }
        sign = c === '+' ? 1 : -1
        signed = ++count
        continue
      }
      sign = 1
      count++
    } while (a >= 0 && a <= this.#dol)
    return this.#error()
  }

  /** The next line that matches, around the end of the buffer if need be, and at last the line itself. */
  #find(from: number, step: number): number {
    const n = this.#lines.length
    for (let i = 1; i <= n; i++) {
      const a = (((from + step * i) % n) + n) % n
      if (this.#matches(a)) return a
    }
    return this.#error()
  }

  #matches(a: number): boolean {
    return a > 0 && this.#pattern!.test(this.#lines[a]!.text)
  }

  /** Reads an expression up to `end` or the end of the line; none is the last one. */
  #compile(end: string): void {
    let source = ''
    let c = this.#getc()
    for (; c !== end && c !== '\n' && c !== ''; c = this.#getc()) {
      if (c === '\\') {
        source += c
        c = this.#getc()
        if (c === '\n') this.#error()
      }
      source += c
    }
    if (c === '\n') this.#unget()
    if (source === '') {
      if (this.#pattern === undefined) this.#error()
      return
    }
    this.#pattern = undefined
    try {
      this.#pattern = new Regexp(totext(source))
    } catch (e) {
      if (!(e instanceof RegexpError)) throw e
      this.#error()
    }
  }

  #wide(): void {
    if (this.#given) return
    this.#addr1 = Math.min(1, this.#dol)
    this.#addr2 = this.#dol
  }

  #noaddress(): void {
    if (this.#given) this.#error()
  }

  /** The addresses are lines, `least` or more. */
  #squeeze(least: number): void {
    if (this.#addr1 < least || this.#addr2 > this.#dol || this.#addr1 > this.#addr2) this.#error()
  }

  /** Commands up to the end of the input, or of the global command's list. */
  async #commands(): Promise<void> {
    for (;;) {
      if (this.#print) {
        this.#addr1 = this.#addr2 = this.#dot
        this.#printlines()
      }
      if (!this.#src.global && this.#src.at >= this.#src.text.length && !(await this.#more())) return
      let sep = '\n'
      let first: number | undefined
      let a: number | undefined
      let c: string
      for (;;) {
        a = this.#address()
        c = this.#getc()
        if (c !== ',' && c !== ';') break
        if (sep === ',') this.#error()
        a ??= Math.min(1, this.#dol)
        first = a
        if (c === ';') this.#dot = a
        sep = c
      }
      if (sep !== '\n') a ??= this.#dol
      this.#given = a !== undefined
      this.#addr2 = a ?? this.#dot
      this.#addr1 = first ?? this.#addr2
      if (c === '') return
      if (c === '\n') {
        if (!this.#given) this.#addr1 = this.#addr2 = this.#dot + 1
        if (sep === ';') this.#addr1 = this.#addr2
        this.#printlines()
      } else {
        await this.#command(c)
        if (this.#done) return
      }
    }
  }

  async #command(c: string): Promise<void> {
    switch (c) {
      case 'a':
      case 'i':
        if (c === 'i' && (this.#given || this.#dol > 0)) {
          this.#addr1--
          this.#addr2--
        }
        this.#squeeze(0)
        this.#newline()
        await this.#append(this.#addr2)
        return
      case 'b':
        this.#squeeze(1)
        this.#browse()
        return
      case 'c':
      case 'd':
        this.#squeeze(1)
        this.#newline()
        this.#delete(this.#addr1, this.#addr2)
        if (c === 'c') await this.#append(this.#addr1 - 1)
        return
      case 'E':
      case 'e': {
        if (c === 'E') this.#changed = false
        this.#noaddress()
        if (this.#verbose && this.#changed) {
          this.#changed = false
          this.#error()
        }
        const name = this.#filename('e')
        this.#marks.clear()
        this.#undo = undefined
        this.#lines = [line('')]
        this.#dot = 0
        await this.#read(name, 0)
        return
      }
      case 'f':
        this.#noaddress()
        this.#filename(c)
        this.#out += `${this.#name}\n`
        return
      case 'g':
      case 'v':
        await this.#global(c === 'g')
        return
      case 'j':
        if (!this.#given) this.#addr2++
        this.#newline()
        this.#join()
        return
      case 'k': {
        this.#squeeze(1)
        const x = this.#getc()
        if (x < 'a' || x > 'z') this.#error()
        this.#newline()
        this.#marks.set(x, this.#lines[this.#addr2]!)
        return
      }
      case 'm':
      case 't':
        this.#move(c === 't')
        return
      case 'l':
      case 'n':
      case 'p':
      case 'P':
        if (c === 'l') this.#listed = true
        if (c === 'n') this.#numbered = true
        this.#newline()
        this.#printlines()
        return
      case 'Q':
      case 'q':
        if (c === 'Q') this.#changed = false
        this.#noaddress()
        this.#newline()
        this.#quit()
        return
      case 'r': {
        const name = this.#filename(c)
        this.#wide()
        this.#squeeze(0)
        await this.#read(name, this.#addr2)
        return
      }
      case 's':
        this.#squeeze(1)
        await this.#substitute()
        return
      case 'u':
        this.#squeeze(1)
        this.#newline()
        if (this.#undo === undefined || this.#lines[this.#addr2] !== this.#undo.now) this.#error()
        this.#lines[this.#addr2] = this.#undo.then
        this.#dot = this.#addr2
        return
      case 'W':
      case 'w':
        await this.#write(c)
        return
      case '=':
        this.#wide()
        this.#squeeze(0)
        this.#newline()
        this.#out += `${this.#addr2}\n`
        return
      case '!':
        await this.#rc()
        return
    }
    this.#error()
  }

  /** @throws Question when changes would be lost */
  #quit(): void {
    this.#leave()
    this.#done = true
  }

  #printlines(): void {
    this.#squeeze(1)
    for (let a = this.#addr1; a <= this.#addr2; a++) {
      const { text } = this.#lines[a]!
      if (this.#numbered) this.#out += `${a}\t`
      this.#out += this.#listed ? list(text) : `${text}\n`
    }
    this.#dot = this.#addr2
    this.#print = this.#listed = this.#numbered = false
  }

  #browse(): void {
    const c = this.#getc()
    const back = c === '-'
    if (c !== '-' && c !== '+') this.#unget()
    const n = this.#number()
    if (n !== undefined && n > 0) this.#page.size = n
    this.#newline()
    if (this.#print) {
      this.#page.listed = this.#listed
      this.#page.numbered = this.#numbered
    } else {
      this.#listed = this.#page.listed
      this.#numbered = this.#page.numbered
    }
    this.#addr1 = this.#addr2
    if (back) this.#addr1 = Math.max(1, this.#addr2 - this.#page.size)
    else this.#addr2 = Math.min(this.#dol, this.#addr2 + this.#page.size)
    this.#printlines()
  }

  #insert(after: number, lines: Line[]): void {
    this.#lines = this.#lines.slice(0, after + 1).concat(lines, this.#lines.slice(after + 1))
    this.#dot = after + lines.length
    if (lines.length > 0) this.#changed = true
  }

  /** Takes text up to a period, after a line. */
  async #append(after: number): Promise<void> {
    const lines: Line[] = []
    try {
      for (;;) {
        if (!this.#src.global && !(await this.#more())) return
        const { text, at } = this.#src
        const nl = text.indexOf('\n', at)
        this.#src.at = nl < 0 ? text.length : nl + 1
        if (nl < 0) return
        const t = text.slice(at, nl)
        if (t === '.') return
        lines.push(line(t))
      }
    } finally {
      this.#insert(after, lines)
    }
  }

  #delete(from: number, to: number): void {
    this.#lines = this.#lines.slice(0, from).concat(this.#lines.slice(to + 1))
    this.#dot = Math.min(from, this.#dol)
    this.#changed = true
  }

  #join(): void {
    this.#squeeze(1)
    const text = this.#lines.slice(this.#addr1, this.#addr2 + 1).map(l => l.text)
    this.#lines[this.#addr1] = line(text.join(''))
    if (this.#addr1 < this.#addr2) this.#delete(this.#addr1 + 1, this.#addr2)
    this.#changed = true
    this.#dot = this.#addr1
  }

  #move(copy: boolean): void {
    this.#squeeze(1)
    const to = this.#address() ?? this.#error()
    this.#newline()
    const [from, end] = [this.#addr1, this.#addr2 + 1]
    const lines = this.#lines.slice(from, end)
    if (copy) {
      this.#insert(
        to,
        lines.map(l => line(l.text)),
      )
      return
    }
    if (to >= from && to < end) this.#error()
    for (const l of lines) l.marked = false
    this.#lines = this.#lines.slice(0, from).concat(this.#lines.slice(end))
    this.#insert(to < from ? to : to - lines.length, lines)
  }

  /** The file that a command names. */
  #filename(command: string): string {
    let c = this.#getc()
    if (c === '\n' || c === '') {
      if (this.#name === '' && command !== 'f') this.#error()
      return this.#name
    }
    if (c !== ' ') this.#error()
    while (c === ' ') c = this.#getc()
    if (c === '\n') this.#error()
    let name = ''
    for (; c !== '\n'; c = this.#getc()) {
      if (c === ' ' || c === '') this.#error()
      name += c
    }
    if (this.#name === '' || command === 'e' || command === 'f') this.#name = name
    return name
  }

  #count(n: number): void {
    if (this.#verbose) this.#out += `${n}\n`
  }

  async #read(name: string, after: number): Promise<void> {
    const sys = this.#sys
    const fd = await attempt(sys.open(totext(name), OREAD))
    if (fd === undefined) return this.#error(name)
    try {
      const d = await attempt(sys.fstat(fd))
      if (d !== undefined && d.mode & DMAPPEND) this.#out += `warning: ${name} is append only\n`
      let text = frombytes(await readall(sys, fd))
      const changed = this.#dol > 0
      if (text !== '' && !text.endsWith('\n')) {
        this.#out += "'\\n' appended\n"
        text += '\n'
      }
      this.#insert(after, text.split('\n').slice(0, -1).map(line))
      this.#changed = changed
      this.#count(utflen(text))
    } finally {
      await sys.close(fd)
    }
  }

  /** Writes lines, closes the file and returns how many characters they are. */
  async #put(fd: number, from: number, to: number): Promise<number> {
    let n = 0
    let text = ''
    try {
      for (let a = from; a <= to; a++) {
        text += `${this.#lines[a]!.text}\n`
        if (text.length < Bsize && a < to) continue
        n += utflen(text)
        await write(this.#sys, fd, tobytes(text))
        text = ''
      }
    } finally {
      await this.#sys.close(fd)
    }
    return n
  }

  async #write(command: 'w' | 'W'): Promise<void> {
    const sys = this.#sys
    this.#wide()
    this.#squeeze(Math.min(1, this.#dol))
    const q = this.#getc()
    if (q !== 'q' && q !== 'Q') this.#unget()
    const name = this.#filename(command)
    let fd: number | undefined
    if (command === 'W') fd = await attempt(sys.open(totext(name), OWRITE))
    if (fd !== undefined) await attempt(sys.seek(fd, 0, 2))
    fd ??= await attempt(sys.create(totext(name), OWRITE, 0o666))
    if (fd === undefined) this.#error(name)
    this.#count(await this.#put(fd, Math.max(1, this.#addr1), this.#addr2))
    if ((this.#addr1 <= 1 && this.#addr2 === this.#dol) || q === 'Q') this.#changed = false
    if (q === 'q' || q === 'Q') this.#quit()
  }

  async #global(matching: boolean): Promise<void> {
    if (this.#src.global) this.#error()
    this.#wide()
    this.#squeeze(Math.min(1, this.#dol))
    const end = this.#getc()
    if (end === '\n' || end === '') this.#error()
    this.#compile(end)
    let text = ''
    for (let c = this.#getc(); c !== '\n'; c = this.#getc()) {
      if (c === '') this.#error()
      if (c === '\\') {
        c = this.#getc()
        if (c !== '\n') text += '\\'
        else await this.#more()
      }
      text += c
    }
    if (text === '') text = 'p'
    for (const [a, l] of this.#lines.entries())
      l.marked = a >= this.#addr1 && a <= this.#addr2 && this.#matches(a) === matching
    if (text === 'd' && this.#dol > 0) {
      this.#deletemarked()
      return
    }
    let n = 0
    try {
      for (let a = 0; a <= this.#dol && !this.#done; a++) {
        const l = this.#lines[a]!
        if (!l.marked) continue
        l.marked = false
        this.#dot = a
        const lines = this.#lines
        this.#src = { text: `${text}\n`, at: 0, global: true }
        await this.#commands()
        if (++n % 256 === 0) await this.#pause()
        // Lines may stand elsewhere now.
        if (this.#lines !== lines) a = -1
      }
    } finally {
      this.#src = { text: '', at: 0, global: false }
    }
  }

  /** g/.../d, all at once. */
  #deletemarked(): void {
    const last = this.#lines.findLastIndex(l => l.marked)
    if (last < 0) return
    const rest = this.#lines.filter(l => !l.marked)
    this.#dot = Math.min(rest.length - 1, this.#lines.slice(0, last).filter(l => !l.marked).length)
    this.#lines = rest
    this.#changed = true
  }

  async #substitute(): Promise<void> {
    const nth = this.#number() ?? 0
    const { to, all } = await this.#replacement()
    let any = this.#src.global
    for (let a = this.#addr1; a <= this.#addr2; a++) {
      const then = this.#lines[a]!
      const text = this.#pattern!.replace(then.text, to, { nth: Math.max(1, nth), all, atend: true }, () =>
        this.#error(),
      )
      if (text === undefined) continue
      any = true
      const [first, ...more] = text.split('\n')
      const now = line(first!)
      then.marked = false
      for (const [name, l] of this.#marks) if (l === then) this.#marks.set(name, now)
      this.#undo = { now, then }
      this.#lines[a] = now
      this.#changed = true
      this.#dot = a
      if (more.length > 0) {
        this.#insert(a, more.map(line))
        this.#addr2 += more.length
        a += more.length
      }
      if (a % 4096 === 0) await this.#pause()
    }
    if (!any) this.#error()
  }

  async #replacement(): Promise<{ to: Template; all: boolean }> {
    const end = this.#getc()
    if (end === '\n' || end === ' ' || end === '') this.#error()
    this.#compile(end)
    const to: Template = []
    for (;;) {
      let c = this.#getc()
      if (c === '') this.#error()
      if (c === '\n' && !(this.#src.global && this.#src.at < this.#src.text.length)) {
        this.#unget()
        this.#print = true
        break
      }
      if (c === end) break
      if (c === '&') to.push(0)
      else if (c === '\\') {
        c = this.#getc()
        if (c === '\n' && !this.#src.global && !(await this.#more())) this.#error()
        to.push(c >= '1' && c <= '8' ? Number(c) : c)
      } else to.push(c)
    }
    const all = this.#getc() === 'g'
    if (!all) this.#unget()
    this.#newline()
    return { to, all }
  }

  async #rc(): Promise<void> {
    this.#noaddress()
    const { text, at } = this.#src
    const nl = text.indexOf('\n', at)
    const command = text.slice(at, nl < 0 ? text.length : nl)
    this.#src.at = nl < 0 ? text.length : nl + 1
    await this.#flush()
    this.#waiting = true
    try {
      const pid = await this.#sys.rfork(RFPROC | RFFDG, child => child.exec('/bin/rc', ['rc', '-c', totext(command)]))
      // An interrupt is the command's.
      let gone = false
      while (!gone)
        await attempt(
          this.#sys.wait().then(w => {
            gone = w.pid === pid
          }),
          async err => {
            gone = err === Enochild
          },
        )
    } finally {
      this.#waiting = false
    }
    if (this.#verbose) this.#out += '!\n'
  }
}

const ed: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  let output = false
  for (const c of arg) if (c === 'o') output = true
  const silent = arg.argv[0] === '-'
  if (silent) arg.argv.shift()
  const name = output ? '/fd/1' : fromtext(arg.argv[0] ?? '')
  const e = new Ed(sys, { verbose: !output && !silent, fd: output ? 2 : 1, name })
  await e.run(output ? 'a' : name === '' ? '' : 'r')
  return ''
}
export default ed
