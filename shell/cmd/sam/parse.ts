import { runeat, totext } from '../../../plan9/libc/bytes.ts'
import { RegexpError } from '../../../plan9/libc/regexp.ts'
import { Pattern } from './pattern.ts'

/** What is told behind a question mark. */
export class Question extends Error {
  override name = 'Question'
}

/** An address; `next` is what follows it, `left` and `next` are the sides of , and ;. `*` is the whole file. */
export interface Addr {
  type: '#' | 'l' | '/' | '?' | '"' | '.' | '$' | "'" | '+' | '-' | ',' | ';' | '*'
  num: number
  re: Pattern | undefined
  left: Addr | undefined
  next: Addr | undefined
}

export const newaddr = (type: Addr['type']): Addr => ({ type, num: 0, re: undefined, left: undefined, next: undefined })

export interface Cmd {
  /** The command's character; `cd` is the only one of two. */
  name: string
  addr: Addr | undefined
  re: Pattern | undefined
  /** Text of a, c, i and s; a name, a command of rc. */
  text: string
  /** m's and t's. */
  to: Addr | undefined
  num: number
  all: boolean
  /** What x, g, X and their like run; what stands in braces. */
  body: Cmd[]
}

interface Form {
  /** The address it has when none is given; none: it takes no address. */
  addr: '.' | '*' | ''
  regexp?: boolean
  count?: 'positive' | 'any'
  text?: boolean
  to?: boolean
  /** The command that it runs, and that it runs when none is given. */
  body?: string
  /** It takes a word, or the rest of the line. */
  token?: 'word' | 'line'
}

export const forms: Record<string, Form> = {
  '\n': { addr: '.' },
  a: { addr: '.', text: true },
  b: { addr: '', token: 'line' },
  B: { addr: '', token: 'line' },
  c: { addr: '.', text: true },
  d: { addr: '.' },
  D: { addr: '', token: 'line' },
  e: { addr: '', token: 'word' },
  f: { addr: '', token: 'word' },
  g: { addr: '.', regexp: true, body: 'p' },
  i: { addr: '.', text: true },
  k: { addr: '.' },
  m: { addr: '.', to: true },
  n: { addr: '' },
  p: { addr: '.' },
  q: { addr: '' },
  r: { addr: '.', token: 'word' },
  s: { addr: '.', regexp: true, count: 'positive' },
  t: { addr: '.', to: true },
  u: { addr: '', count: 'any' },
  v: { addr: '.', regexp: true, body: 'p' },
  w: { addr: '*', token: 'word' },
  x: { addr: '.', regexp: true, body: 'p' },
  y: { addr: '.', regexp: true, body: 'p' },
  X: { addr: '', regexp: true, body: 'f' },
  Y: { addr: '', regexp: true, body: 'f' },
  '!': { addr: '', token: 'line' },
  '>': { addr: '.', token: 'line' },
  '<': { addr: '.', token: 'line' },
  '|': { addr: '.', token: 'line' },
  '^': { addr: '', token: 'line' },
  _: { addr: '.', token: 'line' },
  '=': { addr: '.', token: 'line' },
  cd: { addr: '', token: 'word' },
}

const blank = (c: string) => c === ' ' || c === '\t'
const digit = (c: string) => c >= '0' && c <= '9'

/** Reads commands from lines, which are strings of bytes. */
export class Parser {
  /** The next line with its newline; undefined at the end. */
  readonly #read: () => Promise<string | undefined>
  #line = ''
  #at = 0
  #last: Pattern | undefined

  constructor(read: () => Promise<string | undefined>) {
    this.#read = read
  }

  /** Drops the rest of the line. */
  reset(): void {
    this.#line = ''
    this.#at = 0
  }

  /** The next command; undefined at the end of the input. @throws Question */
  command(): Promise<Cmd | undefined> {
    return this.#command(0)
  }

  async #need(): Promise<boolean> {
    if (this.#at < this.#line.length) return true
    this.#line = (await this.#read()) ?? ''
    this.#at = 0
    return this.#line !== ''
  }

  #peek(): string {
    if (this.#at >= this.#line.length) return ''
    return this.#line.slice(this.#at, this.#at + (runeat(this.#line, this.#at) & 7))
  }

  #getc(): string {
    const c = this.#peek()
    this.#at += c.length
    return c
  }

  /** What comes after blanks. */
  #skip(): string {
    while (blank(this.#peek())) this.#at++
    return this.#peek()
  }

  #number(signed = false): number {
    let sign = 1
    if (signed && this.#peek() === '-') {
      sign = -1
      this.#at++
    }
    if (!digit(this.#peek())) return sign
    let n = 0
    while (digit(this.#peek())) n = n * 10 + Number(this.#getc())
    return sign * n
  }

  #newline(): void {
    if (this.#skip() !== '\n') throw new Question('newline expected')
    this.#at++
  }

  #delimiter(): string {
    const c = this.#getc()
    if (/^[\\a-zA-Z0-9]$/.test(c)) throw new Question(`bad delimiter \`${c}'`)
    return c
  }

  async #command(nest: number): Promise<Cmd | undefined> {
    if (!(await this.#need())) return undefined
    const cmd: Cmd = {
      name: '',
      addr: this.#compound(),
      re: undefined,
      text: '',
      to: undefined,
      num: 0,
      all: false,
      body: [],
    }
    this.#skip()
    cmd.name = this.#getc()
    if (cmd.name === 'c' && this.#peek() === 'd') cmd.name += this.#getc()
    if (cmd.name === '\n') return cmd
    if (cmd.name === '}') {
      this.#newline()
      if (nest === 0) throw new Question("unmatched `}'")
      return undefined
    }
    if (cmd.name === '{') {
      while (await this.#need()) {
        if (this.#skip() === '\n') this.#at++
        const c = await this.#command(nest + 1)
        if (c === undefined) break
        cmd.body.push(c)
      }
      return cmd
    }
    const form = Object.hasOwn(forms, cmd.name) ? forms[cmd.name] : undefined
    if (form === undefined) throw new Question(`unknown command \`${totext(cmd.name)}'`)
    if (form.addr === '' && cmd.addr !== undefined) throw new Question('command takes no address')
    if (form.count !== undefined) cmd.num = this.#number(form.count === 'any')
    if (form.regexp && !('xX'.includes(cmd.name) && (blank(this.#peek()) || this.#peek() === '\n'))) {
      if (this.#skip() === '\n' || this.#peek() === '') throw new Question('pattern expected')
      const delim = this.#delimiter()
      cmd.re = this.#regexp(delim)
      if (cmd.name === 's') {
        cmd.text = this.#rhs(delim, true)
        if (this.#peek() === delim) {
          this.#at += delim.length
          if (this.#peek() === 'g') {
            this.#at++
            cmd.all = true
          }
        }
      }
    }
    if (form.to) {
      cmd.to = this.#simple()
      if (cmd.to === undefined) throw new Question('address')
    }
    if (form.body !== undefined) {
      if (this.#skip() === '\n') {
        this.#at++
        cmd.body = [{ ...cmd, name: form.body, addr: undefined, re: undefined }]
      } else {
        const c = await this.#command(nest)
        if (c !== undefined) cmd.body = [c]
      }
    } else if (form.text) cmd.text = await this.#text()
    else if (form.token !== undefined) cmd.text = this.#token(form.token)
    else this.#newline()
    return cmd
  }

  async #text(): Promise<string> {
    if (this.#skip() === '\n') {
      this.#at++
      let s = ''
      while (await this.#need()) {
        const line = this.#line.slice(this.#at)
        this.#at = this.#line.length
        if (line === '.\n') break
        s += line
      }
      return s
    }
    const delim = this.#delimiter()
    const s = this.#rhs(delim, false)
    if (this.#peek() === delim) this.#at += delim.length
    this.#newline()
    return s
  }

  /** Text up to the delimiter, which stays. Of s, it keeps its backslashes. */
  #rhs(delim: string, sub: boolean): string {
    let s = ''
    for (let c = this.#peek(); c !== '' && c !== delim && c !== '\n'; c = this.#peek()) {
      this.#at += c.length
      if (c === '\\') {
        c = this.#peek()
        if (c === '') throw new Question('bad \\ in rhs')
        if (c === '\n') {
          s += '\\'
          break
        }
        this.#at += c.length
        if (c === 'n') c = '\n'
        else if (c !== delim && (sub || c !== '\\')) s += '\\'
      }
      s += c
    }
    return s
  }

  /** What follows a command, with the blanks before it. */
  #token(kind: 'word' | 'line'): string {
    let s = ''
    while (blank(this.#peek())) s += this.#getc()
    for (let c = this.#peek(); c !== '' && c !== '\n' && !(kind === 'word' && blank(c)); c = this.#peek()) {
      s += c
      this.#at += c.length
    }
    this.#newline()
    return s
  }

  #regexp(delim: string): Pattern {
    let s = ''
    for (let c = this.#getc(); c !== delim && c !== ''; c = this.#getc()) {
      if (c === '\n') {
        this.#at--
        break
      }
      if (c === '\\') {
        if (this.#peek() === delim) c = this.#getc()
        else if (this.#peek() === '\\') s += this.#getc()
      }
      s += c
    }
    if (s !== '') {
      try {
        this.#last = new Pattern(totext(s))
      } catch (e) {
        if (!(e instanceof RegexpError)) throw e
        throw new Question(malformed(s, e.message))
      }
    }
    if (this.#last === undefined) throw new Question('pattern')
    return this.#last
  }

  #simple(): Addr | undefined {
    const c = this.#skip()
    let a: Addr
    if (digit(c)) {
      a = newaddr('l')
      a.num = this.#number()
    } else
      switch (c) {
        case '#':
          this.#at++
          a = newaddr(c)
          a.num = this.#number()
          break
        case '/':
        case '?':
        case '"':
          this.#at++
          a = newaddr(c)
          a.re = this.#regexp(c)
          break
        case '.':
        case '$':
        case '+':
        case '-':
        case "'":
          this.#at++
          a = newaddr(c)
          break
        default:
          return undefined
      }
    a.next = this.#simple()
    switch (a.next?.type) {
      case '.':
      case '$':
      case "'":
        if (a.type !== '"') throw new Question('address')
        break
      case '"':
        throw new Question('address')
      case 'l':
      case '#':
      case '/':
      case '?':
        if (a.type === '+' || a.type === '-' || (a.type === '"' && 'l#'.includes(a.next.type))) break
        a.next = { ...newaddr('+'), next: a.next }
    }
    return a
  }

  #compound(): Addr | undefined {
    const left = this.#simple()
    const c = this.#skip()
    if (c !== ',' && c !== ';') return left
    this.#at++
    const next = this.#compound()
    if (next !== undefined && (next.type === ',' || next.type === ';') && next.left === undefined)
      throw new Question('address')
    return { ...newaddr(c), left, next }
  }
}

/** What is wrong with an expression, in sam's words. */
function malformed(s: string, message: string): string {
  if (/class/.test(message)) return "malformed `[]'"
  const bare = s.replace(/\\[\s\S]|\[(\\[\s\S]|[^\]])*\]/g, '')
  const n = (c: string) => bare.split(c).length
  if (n(')') > n('(')) return "unmatched `)'"
  const op = /syntax error: (.)/.exec(message)?.[1] ?? /[|(]$/.exec(bare)?.[0]
  if (op !== undefined) return `no operand for \`${op === ')' ? '(' : op}'`
  return /parenthes/.test(message) ? "unmatched `('" : 'malformed regexp'
}
