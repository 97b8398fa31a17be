import { fromtext } from '../../../plan9/libc/bytes.ts'
import { RegexpError } from '../../../plan9/libc/regexp.ts'
import { Regexp, type Template } from '../../../plan9/libc/substitute.ts'

/** What ends sed with a message. */
export class Quit extends Error {
  override name = 'Quit'
}

/** `re` is undefined where no expression came before an empty second one: it never matches. */
export type Address = { t: '$' } | { t: 'line'; n: number } | { t: 're'; re: Regexp | undefined }

export interface Substitution {
  re: Regexp
  to: Template
  all: boolean
  print: '' | 'p' | 'P'
}

/** One command. Texts are strings of bytes. */
export interface Command {
  name: string
  from: Address | undefined
  to: Address | undefined
  not: boolean
  /** Inside its range: 1 on the line that began it, 2 after. */
  active: 0 | 1 | 2
  /** Of a, c, i; the file of r. */
  text: string
  /** Where b, t and { go on; a { is a branch around its group. */
  target: number
  sub: Substitution | undefined
  /** y's, by rune. */
  map: Map<number, string>
  /** Of w, and of s with one. */
  wfile: string | undefined
}

const blank = (c: string | undefined) => c === ' ' || c === '\t'

/** Reads scripts: first each with `add`, then `end`. Messages are as sed(1) has them. @throws Quit */
export class Script {
  readonly commands: Command[] = []
  /** Some first address is the last line. */
  dollar = false
  readonly #all: boolean
  readonly #labels = new Map<string, number>()
  readonly #branches: { c: Command; label: string }[] = []
  readonly #groups: Command[] = []
  #last: Regexp | undefined
  /** The line being read, its characters, and where we are in them. */
  #line = ''
  #chars: string[] = []
  #at = 0

  /** `all`: every substitution is global. */
  constructor(all: boolean) {
    this.#all = all
  }

  add(script: string): void {
    // A newline that a backslash stands before does not end a line.
    for (const [line] of script.matchAll(/(?:[^\\\n]|\\[\s\S]?)+/g)) {
      this.#line = line
      this.#chars = [...line]
      this.#at = 0
      while (this.#command());
    }
  }

  end(): Command[] {
    if (this.#groups.length > 0) throw new Quit("Too many {'s")
    for (const { c, label } of this.#branches) {
      const at = label === '' ? this.commands.length : this.#labels.get(label)
      if (at === undefined) throw new Quit(`Undefined label: ${label}`)
      c.target = at
    }
    return this.commands
  }

  #peek(): string | undefined {
    return this.#chars[this.#at]
  }

  #next(): string | undefined {
    return this.#chars[this.#at++]
  }

  #blanks(): void {
    while (blank(this.#peek())) this.#at++
  }

  #garbled(what: string): never {
    throw new Quit(`${what} command garbled: ${this.#line}`)
  }

  /** One command of the line; whether there may be more. */
  #command(): boolean {
    while (blank(this.#peek()) || this.#peek() === ';') this.#at++
    if (this.#peek() === undefined || this.#peek() === '#') return false
    const c: Command = {
      name: '',
      from: this.#address(),
      to: undefined,
      not: false,
      active: 0,
      text: '',
      target: 0,
      sub: undefined,
      map: new Map(),
      wfile: undefined,
    }
    if (c.from?.t === '$') this.dollar = true
    if (c.from?.t === 're' && c.from.re === undefined) throw new Quit('First RE may not be null')
    if (c.from !== undefined && (this.#peek() === ',' || this.#peek() === ';')) {
      this.#at++
      c.to = this.#address()
    }
    this.#blanks()
    for (; this.#peek() === '!'; this.#blanks()) {
      this.#at++
      c.not = true
    }
    c.name = this.#next() ?? ''
    switch (c.name) {
      case '{':
        c.not = !c.not
        this.#groups.push(c)
        this.commands.push(c)
        return true
      case '}': {
        this.#unaddressed(c)
        const group = this.#groups.pop()
        if (group === undefined) throw new Quit("Too many }'s")
        group.target = this.commands.length
        return true
      }
      case ':':
        this.#unaddressed(c)
        this.#label()
        return this.#done()
    }
    this.#argument(c)
    this.commands.push(c)
    return this.#done()
  }

  /** What follows a command: nothing, or a semicolon. */
  #done(): boolean {
    const c = this.#peek()
    if (c !== undefined && c !== ';') this.#garbled(this.#chars.slice(this.#at).join(''))
    return c === ';'
  }

  #unaddressed(c: Command): void {
    if (c.from !== undefined) throw new Quit(`No addresses allowed: ${this.#line}`)
  }

  #oneaddress(c: Command): void {
    if (c.to !== undefined) throw new Quit(`Only one address allowed: ${this.#line}`)
  }

  #argument(c: Command): void {
    switch (c.name) {
      case 'a':
      case 'i':
      case 'c':
        if (c.name !== 'c') this.#oneaddress(c)
        if (this.#peek() === '\\') this.#at++
        if (this.#next() !== '\n') this.#garbled(c.name)
        c.text = this.#text()
        return
      case 'r':
        this.#oneaddress(c)
        if (this.#next() !== ' ') this.#garbled('r')
        c.text = this.#text()
        return
      case 'w':
        if (this.#next() !== ' ') this.#garbled('w')
        c.wfile = this.#text()
        return
      case '=':
      case 'q':
        this.#oneaddress(c)
        return
      case 'b':
      case 't': {
        while (this.#peek() === ' ') this.#at++
        let label = ''
        while (this.#peek() !== undefined && this.#peek() !== ';') label += this.#next()
        this.#branches.push({ c, label })
        return
      }
      case 's':
        c.sub = this.#substitution(c)
        return
      case 'y':
        this.#transform(c)
        return
      default:
        if (c.name === '' || !'dDgGhHlnNpPx'.includes(c.name)) throw new Quit(`Unrecognized command: ${this.#line}`)
    }
  }

  #label(): void {
    while (this.#peek() === ' ') this.#at++
    let label = ''
    while (this.#peek() !== undefined && !/[; \t#]/.test(this.#peek()!)) label += this.#next()
    if (label === '') this.#garbled(':')
    if (this.#labels.has(label)) throw new Quit(`Duplicate labels: ${this.#line}`)
    this.#labels.set(label, this.commands.length)
    if (this.#peek() === '#') this.#at = this.#chars.length
  }

  /** The rest of the line, without blanks before each of its lines; a backslash hides what follows it. */
  #text(): string {
    let s = ''
    this.#blanks()
    for (let c = this.#next(); c !== undefined; c = this.#next()) {
      if (c === '\\') {
        c = this.#next()
        if (c === undefined) break
      }
      s += c
      if (c === '\n') this.#blanks()
    }
    return fromtext(s)
  }

  #address(): Address | undefined {
    const c = this.#peek()
    if (c === '$' || c === '/') this.#at++
    if (c === '$') return { t: '$' }
    if (c === '/') return { t: 're', re: this.#regexp('/') ?? this.#last }
    let digits = ''
    while (/^[0-9]$/.test(this.#peek() ?? '')) digits += this.#next()
    if (digits === '') return undefined
    if (Number(digits) === 0) throw new Quit('line number 0 is illegal')
    return { t: 'line', n: Number(digits) }
  }

  /** Up to `end`; undefined for none. */
  #regexp(end: string | undefined): Regexp | undefined {
    let source = ''
    for (;;) {
      let c = this.#next()
      if (c === end && c !== undefined) break
      if (c === '\\') {
        source += c
        c = this.#next()
        if (c === 'n') c = '\n'
      } else if (c === '\n') c = undefined
      if (c === undefined) throw new Quit(`Too much text: ${this.#line}`)
      source += c
    }
    if (source === '') return undefined
    try {
      this.#last = new Regexp(source)
    } catch (e) {
      if (!(e instanceof RegexpError)) throw e
      this.#garbled('r.e.-using')
    }
    return this.#last
  }

  #substitution(c: Command): Substitution {
    const end = this.#next()
    const re = this.#regexp(end) ?? this.#last
    if (re === undefined) throw new Quit('First RE may not be null')
    const to: Template = []
    let s = ''
    const part = (n: number) => {
      if (s !== '') to.push(fromtext(s))
      s = ''
      to.push(n)
    }
    for (let d = this.#next(); d !== end; d = this.#next()) {
      if (d === undefined) this.#garbled('s')
      if (d === '&') part(0)
      else if (d !== '\\') s += d
      else {
        const e = this.#next()
        if (e === undefined) this.#garbled('s')
        if (/^[1-9]$/.test(e)) part(Number(e))
        else s += e === 'n' ? '\n' : e
      }
    }
    if (s !== '') to.push(fromtext(s))
    const sub: Substitution = { re, to, all: this.#all, print: '' }
    if (this.#peek() === 'g') {
      this.#at++
      sub.all = true
    }
    for (const p of ['p', 'P'] as const)
      if (this.#peek() === p) {
        this.#at++
        sub.print = p
      }
    if (this.#peek() === 'w') {
      this.#at++
      if (this.#next() !== ' ') this.#garbled('s')
      c.wfile = this.#text()
    }
    return sub
  }

  /** y/abc/xyz/, in which \n is a newline, and a backslash hides the delimiter. */
  #transform(c: Command): void {
    const end = this.#next()
    const one = (): string => {
      const x = this.#next()
      if (x === undefined || x === '\n') this.#garbled('y')
      const y = this.#peek()
      if (x !== '\\' || (y !== 'n' && y !== end)) return x
      this.#at++
      return y === 'n' ? '\n' : y!
    }
    const from: string[] = []
    while (this.#peek() !== end) from.push(one())
    this.#at++
    for (const x of from) {
      if (this.#peek() === end) this.#garbled('y')
      c.map.set(x.codePointAt(0)!, fromtext(one()))
    }
    if (this.#next() !== end) this.#garbled('y')
  }
}
