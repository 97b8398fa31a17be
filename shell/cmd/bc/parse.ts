import type { Kind, Lex, Token } from './lex.ts'

/** What is said of input that is no bc; the token at fault is gone, and reading goes on behind it. */
export class Bad extends Error {
  readonly fatal: boolean
  constructor(message = 'syntax error', fatal = false) {
    super(message)
    this.fatal = fatal
  }
}

/** dc's registers: a function's and an array's by their letters, and those of the bodies of if, while and for. */
const func = (letter: string) => `<${letter.charCodeAt(0) - 96}>`
const array = (letter: string) => `<${letter.charCodeAt(0) - 97 + 221}>`
const BODIES = 128
const LAST = 220

/** dc compares the top with what is below it. */
const relations: Record<string, string> = { '==': '=', '<': '>', '>': '<', '!=': '!=', '>=': '!>', '<=': '!<' }
const precedence: Record<string, number> = { '+': 1, '-': 1, '*': 2, '/': 2, '%': 2, '^': 3 }
const NEGATED = 2

interface Expr {
  code: string
  /** What is no expression for an operator: an assignment is not printed, one to a base leaves nothing, an array is passed. */
  kind: 'value' | 'assignment' | 'base' | 'array'
}
const value = (code: string): Expr => ({ code, kind: 'value' })

/** Where an expression stands, for what only some places allow. */
type Place = 'statement' | 'argument' | 'inner'

export class Parser {
  readonly #lex: Lex
  readonly #put: (code: string) => Promise<void>
  readonly #silent: boolean
  #ahead: Token | undefined
  /** Nothing was taken since the last error: a NUL is one. */
  #fresh = true
  /** The next register for a body, and the first one that no function needs. */
  #body = BODIES
  #kept = BODIES
  /** Strings of dc's that are in execution where the code will be, and where the loops began. */
  #level = 0
  #loops: number[] = []
  /** What a function does first and last with its parameters and automatic variables. */
  #pre = ''
  #post = ''

  /**
   * @param put - takes code for dc, as soon as it is complete
   * @param silent - values are not printed
   */
  constructor(lex: Lex, put: (code: string) => Promise<void>, silent: boolean) {
    this.#lex = lex
    this.#put = put
    this.#silent = silent
  }

  /** After an error. */
  reset(): void {
    this.#ahead = undefined
    this.#fresh = true
    this.#body = this.#kept
    this.#level = 0
    this.#loops = []
    this.#post = ''
  }

  async #peek(): Promise<Token> {
    this.#ahead ??= await this.#lex.token()
    return this.#ahead
  }

  /** Takes the next token if it is that. */
  async #accept(kind: Kind, text?: string): Promise<Token | undefined> {
    const t = await this.#peek()
    if (t.kind !== kind || (text !== undefined && t.text !== text)) return undefined
    this.#ahead = undefined
    return t
  }

  async #expect(kind: Kind, text?: string): Promise<Token> {
    const t = await this.#accept(kind, text)
    if (t === undefined) throw new Bad()
    return t
  }

  #char(c: string): Promise<Token | undefined> {
    return this.#accept('char', c)
  }

  async #tail(): Promise<boolean> {
    if (await this.#char('\n')) {
      this.#lex.line++
      return true
    }
    return (await this.#char(';')) !== undefined
  }

  /** A statement or a definition, and its end. @throws Bad, Eof */
  async statement(): Promise<void> {
    if (!this.#fresh && (await this.#char('\0'))) {
      this.#fresh = true
      return
    }
    if (await this.#accept('word', 'define')) await this.#define()
    else {
      const code = await this.#stat(true)
      if (!(await this.#tail())) throw new Bad()
      await this.#put(`${code}\n`)
      this.#body = this.#kept
    }
    this.#fresh = false
  }

  async #define(): Promise<void> {
    const name = (await this.#expect('letter')).text
    await this.#expect('char', '(')
    this.#pre = this.#post = ''
    this.#level = 1
    this.#loops = []
    if ((await this.#peek()).kind === 'letter') await this.#declare('')
    while (await this.#char(',')) await this.#declare('')
    await this.#expect('char', ')')
    await this.#expect('char', '{')
    if (!(await this.#tail())) throw new Bad()
    while (await this.#accept('word', 'auto')) {
      do await this.#declare('0')
      while (await this.#char(','))
      if (!(await this.#tail())) throw new Bad()
    }
    const body = await this.#list()
    await this.#put(`[${this.#pre}${body}${this.#post}0 1Q]s${func(name)}\n\n`)
    this.#kept = this.#body
    this.#level = 0
    this.#post = ''
  }

  /** A parameter, or an automatic variable with what it begins with. */
  async #declare(begin: string): Promise<void> {
    let register = (await this.#expect('letter')).text
    if (await this.#char('[')) {
      await this.#expect('char', ']')
      register = array(register)
    }
    this.#pre = `${begin}S${register}${this.#pre}`
    this.#post += `L${register}s.`
  }

  /** Statements up to a brace. */
  async #list(): Promise<string> {
    let code = ''
    do code += await this.#stat(false)
    while (await this.#tail())
    await this.#expect('char', '}')
    return code
  }

  /** @param top - of the program: a value is printed */
  async #stat(top: boolean): Promise<string> {
    const t = await this.#peek()
    if (t.kind === 'string') {
      this.#ahead = undefined
      return this.#text(t.text)
    }
    if (t.kind === 'char' && /[\n;}]/.test(t.text)) return ''
    if (await this.#char('{')) return this.#list()
    if (t.kind === 'word')
      switch (t.text) {
        case 'print':
          this.#ahead = undefined
          return `${await this.#e()}ps.`
        case 'display':
          this.#ahead = undefined
          return 'f'
        case 'break':
          return this.#break()
        case 'return': {
          this.#ahead = undefined
          const next = await this.#peek()
          const none = next.kind === 'char' && /[\n;}]/.test(next.text)
          return `${none ? '0' : await this.#e()}${this.#post} ${this.#level}Q`
        }
        case 'if':
          return this.#if()
        case 'while':
          return this.#while()
        case 'for':
          return this.#for()
      }
    const e = await this.#expr(0, 'statement')
    if (e.kind === 'base') return e.code
    return e.kind === 'value' && top && !this.#silent ? `${e.code}ps.` : `${e.code}s.`
  }

  #text(text: string): string {
    let depth = 0
    for (const c of text) {
      if (c === '[') depth++
      if (c === ']' && --depth < 0) break
    }
    if (depth !== 0) throw new Bad('unbalanced brackets in a string')
    return `[${text}]P`
  }

  #break(): string {
    this.#ahead = undefined
    const loop = this.#loops.at(-1)
    if (loop === undefined) throw new Bad()
    return ` ${this.#level - loop}Q`
  }

  /** A register for a body that follows, one level deeper. */
  #open(): string {
    if (this.#body >= LAST) throw new Bad('program too big', true)
    this.#level++
    return `<${this.#body++}>`
  }

  async #close(code: string, register: string): Promise<void> {
    await this.#put(`[${code}]s${register}\n`)
    this.#level--
  }

  async #if(): Promise<string> {
    this.#ahead = undefined
    const register = this.#open()
    await this.#expect('char', '(')
    const condition = await this.#relation()
    await this.#expect('char', ')')
    await this.#close(await this.#stat(false), register)
    return `${condition}${register} `
  }

  async #while(): Promise<string> {
    this.#ahead = undefined
    this.#loops.push(this.#level)
    const register = this.#open()
    await this.#expect('char', '(')
    const condition = await this.#relation()
    await this.#expect('char', ')')
    const body = await this.#stat(false)
    this.#loops.pop()
    await this.#close(`${body}${condition}${register}`, register)
    return `${condition}${register} `
  }

  async #for(): Promise<string> {
    this.#ahead = undefined
    await this.#expect('char', '(')
    const first = await this.#e()
    await this.#expect('char', ';')
    this.#loops.push(this.#level)
    const register = this.#open()
    const condition = await this.#relation()
    await this.#expect('char', ';')
    const next = await this.#e()
    await this.#expect('char', ')')
    const body = await this.#stat(false)
    this.#loops.pop()
    await this.#close(`${body}${next}s.${condition}${register}`, register)
    return `${first}s.${condition}${register} `
  }

  /** A condition; the register to execute is to follow. */
  async #relation(): Promise<string> {
    const left = await this.#e()
    const op = await this.#accept('relation')
    return op ? `${left}${await this.#e()}${relations[op.text]!}` : `${left} 0!=`
  }

  async #e(): Promise<string> {
    return (await this.#expr(0, 'inner')).code
  }

  /** @param least - the least precedence of the operators that belong to it */
  async #expr(least: number, place: Place): Promise<Expr> {
    let left = await this.#primary(place)
    for (;;) {
      if (left.kind === 'base' || left.kind === 'array') return left
      const t = await this.#peek()
      const p = t.kind === 'char' ? precedence[t.text] : undefined
      if (p === undefined || p < least) return left
      this.#ahead = undefined
      const right = await this.#expr(t.text === '^' ? p : p + 1, 'inner')
      left = value(`${left.code}${right.code}${t.text}`)
    }
  }

  async #primary(place: Place): Promise<Expr> {
    const t = await this.#peek()
    if (t.kind === 'digit' || (t.kind === 'char' && /[._]/.test(t.text))) return this.#number()
    this.#ahead = undefined
    switch (t.kind) {
      case 'letter':
        return this.#variable(t.text, place)
      case 'base':
        return this.#base(t.text, place)
      case 'incr': {
        const base = await this.#accept('base')
        if (base) return value(`${base.text}1${t.text}d${base.text.toLowerCase()}`)
        const letter = (await this.#expect('letter')).text
        if (!(await this.#char('['))) return value(`l${letter}1${t.text}ds${letter}`)
        const index = await this.#e()
        await this.#expect('char', ']')
        return value(`${index};${array(letter)}1${t.text}d${index}:${array(letter)}`)
      }
      case 'word':
        if (t.text === 'length') return value(`${await this.#argument()}Z`)
        if (t.text === 'sqrt') return value(`${await this.#argument()}v`)
        break
      case 'char':
        switch (t.text) {
          case '(': {
            const code = await this.#e()
            await this.#expect('char', ')')
            return value(code)
          }
          case '-':
            return value(` 0${(await this.#expr(NEGATED, 'inner')).code}-`)
          case '?':
            return value('?')
          case '~': {
            const letter = (await this.#expect('letter')).text
            if (place !== 'statement' || !(await this.#char('='))) return value(`L${letter}`)
            return { code: `${await this.#e()}S${letter}`, kind: 'base' }
          }
        }
    }
    throw new Bad()
  }

  async #argument(): Promise<string> {
    await this.#expect('char', '(')
    const code = await this.#e()
    await this.#expect('char', ')')
    return code
  }

  async #digits(): Promise<string> {
    let digits = (await this.#char('_')) ? '_' : ''
    for (let d = await this.#accept('digit'); d; d = await this.#accept('digit')) digits += d.text
    return digits
  }

  async #number(): Promise<Expr> {
    const whole = await this.#digits()
    if (!(await this.#char('.'))) return value(` ${whole} `)
    const fraction = await this.#digits()
    return value(whole === '' && fraction === '' ? 'l.' : ` ${whole}.${fraction} `)
  }

  async #base(name: string, place: Place): Promise<Expr> {
    const set = name.toLowerCase()
    if (place === 'statement') {
      if (await this.#char('=')) return { code: `${await this.#e()}${set}`, kind: 'base' }
      const op = await this.#accept('eqop')
      if (op) return { code: `${name}${await this.#e()}${op.text}${set}`, kind: 'base' }
    }
    const incr = await this.#accept('incr')
    if (incr) return value(`${name}d1${incr.text}${set}`)
    if (name === 'K' && (await this.#char('('))) {
      const code = await this.#e()
      await this.#expect('char', ')')
      return value(`${code}X`)
    }
    return value(name)
  }

  async #variable(letter: string, place: Place): Promise<Expr> {
    if (await this.#char('(')) {
      let code = ''
      if (!(await this.#char(')'))) {
        do code += (await this.#expr(0, 'argument')).code
        while (await this.#char(','))
        await this.#expect('char', ')')
      }
      return value(`${code}l${func(letter)}x`)
    }
    let load = `l${letter}`
    let save = `s${letter}`
    if (await this.#char('[')) {
      if (place === 'argument' && (await this.#char(']'))) return { code: `l${array(letter)}`, kind: 'array' }
      const index = await this.#e()
      await this.#expect('char', ']')
      load = `${index};${array(letter)}`
      save = `${index}:${array(letter)}`
    }
    const incr = await this.#accept('incr')
    if (incr) return value(`${load}d1${incr.text}${save}`)
    if (await this.#char('=')) return { code: `${await this.#e()}d${save}`, kind: 'assignment' }
    const op = await this.#accept('eqop')
    if (op) return { code: `${load}${await this.#e()}${op.text}d${save}`, kind: 'assignment' }
    return value(load)
  }
}
