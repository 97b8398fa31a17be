import { RegexpError } from '../../../plan9/libc/regexp.ts'
import type { Searcher } from '../../../plan9/libc/search.ts'
import { Lexer, type Source, type Token } from './lex.ts'
import { compre } from './regex.ts'
import type { Arithop, Expr, Lvalue, Name, Regexp, Relop } from './tree.ts'
import { ARR, atof, Cell, CON, Fatal, FCN, NUM, STR } from './value.ts'

/** The program is wrong: the parser stops; messages were given. */
export class Stop extends Error {
  override name = 'Stop'
}

/** How tightly operators bind, from the loosest. A comparison does not stand beside another. */
export const COND = 1
const OR = 2
const AND = 3
const GETLINE = 4
const REL = 5
const CAT = 6
/** Those of terms. */
export const ADD = 1
const MUL = 2
const POW = 4

const relops = new Set(['<', '<=', '==', '!=', '>=', '>'])
/** Operators in a row, at most: the tree leans left. */
const MAXCHAIN = 1000
/** Tokens with which a term begins. */
const termstarts = new Set([
  ...['builtin', 'call', 'name', 'field', '$', 'number', 'string', 'NF', '(', '-', '+', '!', '++', '--', 'getline'],
  ...['gsub', 'index', 'match', 'split', 'sprintf', 'sub', 'substr'],
])
/** Parts of a program that may stand in each other. */
const MAXDEPTH = 500

const lvalue = (e: Expr): e is Lvalue =>
  e.t === 'var' || e.t === 'arg' || e.t === 'nf' || e.t === 'elem' || e.t === 'field'

export interface Options {
  argv0: string
  safe: boolean
}

/** Reads tokens, complains, and makes trees of expressions. */
export class ExpressionParser {
  /** What there is to complain of; the program is not run when there is anything. */
  errors = ''
  readonly #globals: Map<string, Cell>
  protected readonly opt: Options
  protected readonly lex: Lexer
  /** Constants by their text: numbers by what they look like, strings after a blank. */
  readonly #constants = new Map<string, Cell>()
  protected tok: Token = { kind: '', text: '' }
  #messages = 0
  #context = true
  protected loops = 0
  #depth = 0
  /** How deep in an action: what is wrong there is an illegal statement. */
  protected actions = 0
  protected function: string | undefined

  constructor(sources: Source[], globals: Map<string, Cell>, opt: Options) {
    this.#globals = globals
    this.opt = opt
    this.lex = new Lexer(sources, msg => this.syntax(msg))
  }

  protected syntax(msg: string): void {
    if (this.#messages++ > 2) return
    const { source, lineno } = this.lex
    this.errors += `${this.opt.argv0}: ${msg} at ${source === undefined ? 'line ' : `${source}:`}${lineno}`
    if (this.function !== undefined) this.errors += ` in function ${this.function}`
    this.errors += '\n'
    this.#where()
  }

  #where(): void {
    if (this.#context) this.errors += this.lex.context()
    this.#context = false
  }

  /** What cannot be gone on from, though the syntax is right. */
  #fatal(msg: string): never {
    const { source, lineno } = this.lex
    this.errors += `${this.opt.argv0}: ${msg}\n source ${source === undefined ? 'line ' : `${source}:`}${lineno}\n`
    this.#where()
    throw new Fatal(msg)
  }

  protected fail(): never {
    this.syntax('syntax error')
    if (this.actions > 0) this.syntax('illegal statement')
    this.errors += this.lex.unbalanced(this.actions > 0)
    if (this.actions === 0) this.syntax('bailing out')
    throw new Stop()
  }

  protected advance(): void {
    this.tok = this.lex.next()
  }

  protected is(kind: string): boolean {
    return this.tok.kind === kind
  }

  protected accept(kind: string): boolean {
    if (this.tok.kind !== kind) return false
    this.advance()
    return true
  }

  protected expect(kind: string): void {
    if (!this.accept(kind)) this.fail()
  }

  protected newlines(): void {
    while (this.accept('\n'));
  }

  protected separators(): void {
    while (this.accept('\n') || this.accept(';'));
  }

  protected deeper<T>(f: () => T): T {
    if (++this.#depth > MAXDEPTH) this.#fatal('program is nested too deeply')
    const x = f()
    this.#depth--
    return x
  }

  // Names.

  protected global(name: string): Cell {
    let c = this.#globals.get(name)
    if (c === undefined) {
      c = new Cell(name, NUM | STR)
      this.#globals.set(name, c)
    }
    return c
  }

  protected name(): Name {
    const { kind, text } = this.tok
    if (kind === 'NF') {
      this.advance()
      return { t: 'nf' }
    }
    if (kind !== 'name') this.fail()
    this.advance()
    const n = this.lex.infunc ? this.lex.args.indexOf(text) : -1
    return n >= 0 ? { t: 'arg', n } : { t: 'var', cell: this.global(text) }
  }

  protected array(): Name {
    return this.#asarray(this.name())
  }

  #asarray(name: Name): Name {
    if (name.t !== 'var') return name
    if (name.cell.t & FCN) this.syntax(`${name.cell.name} is a function, not an array`)
    else if (!(name.cell.t & ARR)) name.cell.clear()
    return name
  }

  protected subscripted(name: Name): Lvalue {
    if (!this.accept('[')) return name
    this.#asarray(name)
    const subs = this.list()
    this.expect(']')
    return { t: 'elem', arr: name, subs }
  }

  #var(): Lvalue {
    if (this.is('field')) {
      const cell = this.global(this.tok.text)
      this.advance()
      return { t: 'field', e: { t: 'var', cell } }
    }
    if (this.accept('$')) return { t: 'field', e: this.#operand() }
    return this.subscripted(this.name())
  }

  #constant(key: string, make: () => Cell): Expr {
    let cell = this.#constants.get(key)
    if (cell === undefined) {
      cell = make()
      this.#constants.set(key, cell)
    }
    return { t: 'const', cell }
  }

  #number(text: string): Expr {
    if (text === '0') return this.#constant('0', () => new Cell('0', NUM | STR | CON, 0, '0'))
    return this.#constant(text, () => new Cell(text, NUM | CON, atof(text), text))
  }

  protected record(): Lvalue {
    return { t: 'field', e: this.#number('0') }
  }

  // Expressions.

  protected list(): Expr[] {
    const all = [this.pattern(COND)]
    while (this.accept(',')) {
      this.newlines()
      all.push(this.pattern(COND))
    }
    return all
  }

  /** An expression of print, where > is no comparison. */
  protected print(left?: Expr): Expr {
    return this.pattern(COND, left, true)
  }

  #literal(): Searcher {
    const re = this.#compile(this.lex.regexp())
    this.advance()
    return re
  }

  #compile(s: string): Searcher {
    try {
      return compre(s)
    } catch (e) {
      if (!(e instanceof RegexpError)) throw e
      return this.#fatal(e.message)
    }
  }

  /** An expression as a regular one: a constant is compiled now. */
  #regexp(e: Expr): Regexp {
    return e.t === 'const' ? { re: this.#compile(e.cell.s) } : { e }
  }

  /**
   * An expression whose operators bind at least as tightly as `min`.
   *
   *   left   its beginning, if that was read already
   *   print  it is print's: no comparison with > and no |getline, nor any other comparison
   */
  protected pattern(min: number, left?: Expr, print = false): Expr {
    return this.deeper(() => this.#pattern1(min, left, print))
  }

  #pattern1(min: number, begun: Expr | undefined, print: boolean): Expr {
    let left = begun === undefined ? this.#primary() : lvalue(begun) ? this.#lead(begun) : begun
    if (this.is('assign') && lvalue(left)) {
      const op = this.tok.text.slice(0, -1) as '' | Arithop
      const { lineno: line } = this.lex
      this.advance()
      return { t: 'assign', op, lv: left, e: this.pattern(COND, undefined, print), line }
    }
    for (let n = 0; ; n++) {
      if (n > MAXCHAIN) this.#fatal('expression is too long')
      const { kind } = this.tok
      if (kind === '?' && min <= COND) {
        this.advance()
        const a = this.pattern(COND, undefined, print)
        this.expect(':')
        left = { t: 'cond', c: left, a, b: this.pattern(COND, undefined, print) }
      } else if (kind === '||' && min <= OR) {
        this.advance()
        this.newlines()
        left = { t: 'or', a: left, b: this.pattern(AND, undefined, print) }
      } else if (kind === '&&' && min <= AND) {
        this.advance()
        this.newlines()
        left = { t: 'and', a: left, b: this.pattern(GETLINE, undefined, print) }
      } else if (relops.has(kind) && min <= REL && !print) {
        this.advance()
        left = { t: 'rel', op: kind as Relop, a: left, b: this.pattern(CAT) }
        this.#alone(print)
      } else if ((kind === '~' || kind === '!~') && min <= REL) {
        this.advance()
        const not = kind === '!~'
        if (this.is('/')) {
          left = { t: 'match', not, a: left, re: { re: this.#literal() } }
          continue
        }
        left = { t: 'match', not, a: left, re: this.#regexp(this.pattern(CAT, undefined, print)) }
        this.#alone(print)
      } else if (kind === 'in' && min <= REL) left = this.membership([left])
      else if (kind === '|' && min <= REL && !print) {
        this.advance()
        const { lineno: line } = this.lex
        this.expect('getline')
        const lv = this.#varstart() ? this.#var() : undefined
        if (this.opt.safe) this.syntax('cmd | getline is unsafe')
        left = { t: 'getline', mode: 'cmd|', lv, e: left, line }
      } else if (termstarts.has(kind) && (kind !== 'getline' || min <= GETLINE)) {
        left = { t: 'cat', a: left, b: this.term(ADD) }
      } else return left
    }
  }

  /** A comparison does not stand beside another. */
  #alone(print: boolean): void {
    const { kind } = this.tok
    if (kind === '~' || kind === '!~' || kind === 'in' || (!print && (relops.has(kind) || kind === '|'))) this.fail()
  }

  protected membership(subs: Expr[]): Expr {
    this.expect('in')
    return { t: 'in', subs, arr: this.array() }
  }

  /** The beginning of an expression: a term, a regular expression, a list that is looked for in an array. */
  #primary(): Expr {
    if (this.is('/')) return this.#matchrecord()
    if (this.is('!')) return this.#not()
    if (this.is('(')) {
      const p = this.parenthesized()
      return Array.isArray(p) ? this.membership(p) : this.term(ADD, p)
    }
    return this.term(ADD)
  }

  #matchrecord(): Expr {
    return { t: 'match', not: false, a: this.record(), re: { re: this.#literal() } }
  }

  /** ! of a regular expression, or of a term. */
  #not(): Expr {
    let n = 0
    while (this.accept('!')) n++
    const regexp = this.is('/')
    let e = regexp ? this.#matchrecord() : this.term(POW)
    for (; n > 0; n--) e = { t: 'not', a: e }
    return regexp ? e : this.term(ADD, e)
  }

  /** An expression in parentheses, or a list of several. */
  protected parenthesized(): Expr | Expr[] {
    this.expect('(')
    const all = this.list()
    this.expect(')')
    return all.length === 1 ? { t: 'group', e: all[0]! } : all
  }

  /** What an expression that begins with a variable begins with, after it. */
  #lead(v: Lvalue): Expr {
    return this.is('assign') ? v : this.term(ADD, this.#postfix(v))
  }

  #postfix(v: Lvalue): Expr {
    if (this.accept('++')) return { t: 'count', lv: v, by: 1, post: true }
    if (this.accept('--')) return { t: 'count', lv: v, by: -1, post: true }
    return v
  }

  /** A term whose operators bind at least as tightly as `min`. */
  protected term(min: number, begun?: Expr): Expr {
    let left = begun ?? this.#operand()
    for (let n = 0; ; n++) {
      if (n > MAXCHAIN) this.#fatal('expression is too long')
      const op = this.tok.kind
      const { lineno: line } = this.lex
      const level = op === '+' || op === '-' ? ADD : op === '*' || op === '/' || op === '%' ? MUL : op === '^' ? POW : 0
      if (level === 0 || level < min) return left
      this.advance()
      if (op === '/' && this.accept('assign')) {
        left = { t: 'assign', op: '/', lv: left, e: this.term(ADD), line }
        continue
      }
      const right = this.deeper(() => this.term(op === '^' ? POW : level + 1))
      left = { t: 'arith', op: op as Arithop, a: left, b: right, line }
    }
  }

  #operand(): Expr {
    return this.deeper(() => this.#operand1())
  }

  #varstart(): boolean {
    return this.is('name') || this.is('field') || this.is('$') || this.is('NF')
  }

  #operand1(): Expr {
    const { kind, text } = this.tok
    const { lineno: line } = this.lex
    switch (kind) {
      case '-':
        this.advance()
        return { t: 'neg', a: this.term(POW) }
      case '+':
        this.advance()
        return this.#plain(this.term(POW))
      case '!':
        this.advance()
        return { t: 'not', a: this.term(POW) }
      case '++':
      case '--':
        this.advance()
        return { t: 'count', lv: this.#var(), by: kind === '++' ? 1 : -1, post: false }
      case '(': {
        const p = this.parenthesized()
        if (Array.isArray(p)) return this.fail()
        return p
      }
      case 'number':
        this.advance()
        return this.#number(text)
      case 'string':
        this.advance()
        return this.#constant(` ${text}`, () => new Cell(text, STR | CON, 0, text))
      case '$': {
        this.advance()
        // $NF++ counts the field.
        const e: Expr = this.accept('NF') ? { t: 'nf' } : this.#operand()
        return this.#postfix({ t: 'field', e })
      }
      case 'name':
      case 'field':
      case 'NF':
        return this.#postfix(this.#var())
      case 'call': {
        const fn = this.global(text)
        this.advance()
        return { t: 'call', fn, args: this.#arguments(), line }
      }
      case 'builtin': {
        if (text === 'system' && this.opt.safe) this.syntax('system is unsafe')
        this.advance()
        const args = this.is('(') ? this.#arguments() : []
        return { t: 'builtin', f: text, args: args.length === 0 ? [this.record()] : args, line }
      }
      case 'getline': {
        this.advance()
        const lv = this.#varstart() ? this.#var() : undefined
        if (!this.accept('<')) return { t: 'getline', mode: '', lv, e: undefined, line }
        const e = this.term(ADD)
        if (this.opt.safe) this.syntax('getline < is unsafe')
        return { t: 'getline', mode: '<', lv, e, line }
      }
      case 'index':
      case 'match':
      case 'split':
      case 'sprintf':
      case 'sub':
      case 'gsub':
      case 'substr':
        this.advance()
        return this.#function1(kind, line)
      default:
        return this.fail()
    }
  }

  /** +x is x, but nothing that can be assigned to. */
  #plain(e: Expr): Expr {
    return lvalue(e) ? { t: 'group', e } : e
  }

  #arguments(): Expr[] {
    this.expect('(')
    if (this.accept(')')) return []
    const all = this.list()
    this.expect(')')
    return all
  }

  #comma(): void {
    this.expect(',')
    this.newlines()
  }

  /** An argument that is a regular expression: one between slashes and nothing else is that, not its match with $0. */
  #regexpargument(): Regexp {
    if (!this.is('/')) return this.#regexp(this.pattern(COND))
    const re = this.#literal()
    if (this.is(',') || this.is(')')) return { re }
    return this.#regexp(this.pattern(COND, { t: 'match', not: false, a: this.record(), re: { re } }))
  }

  #function1(name: 'index' | 'match' | 'split' | 'sprintf' | 'sub' | 'gsub' | 'substr', line: number): Expr {
    if (name === 'sprintf') {
      this.expect('(')
      const args = this.list()
      this.expect(')')
      return { t: 'sprintf', args, line }
    }
    this.expect('(')
    const e = this.#function2(name)
    this.expect(')')
    return e
  }

  #function2(name: 'index' | 'match' | 'split' | 'sub' | 'gsub' | 'substr'): Expr {
    if (name === 'sub' || name === 'gsub') {
      const re = this.#regexpargument()
      this.#comma()
      const to = this.pattern(COND)
      let lv = this.record()
      if (this.is(',')) {
        this.#comma()
        lv = this.#var()
      }
      return { t: 'sub', all: name === 'gsub', re, to, lv }
    }
    const a = this.pattern(COND)
    this.#comma()
    switch (name) {
      case 'index':
        if (this.is('/')) {
          const e: Expr = this.#matchrecord()
          if (this.is(')')) this.syntax("index() doesn't permit regular expressions")
          return { t: 'index', a, b: this.pattern(COND, e) }
        }
        return { t: 'index', a, b: this.pattern(COND) }
      case 'match':
        return { t: 'matchfn', s: a, re: this.#regexpargument() }
      case 'substr': {
        const m = this.pattern(COND)
        if (!this.is(',')) return { t: 'substr', s: a, m, n: undefined }
        this.#comma()
        return { t: 'substr', s: a, m, n: this.pattern(COND) }
      }
      case 'split': {
        const arr = this.array()
        if (!this.is(',')) return { t: 'split', s: a, arr, fs: undefined }
        this.#comma()
        if (!this.is('/')) return { t: 'split', s: a, arr, fs: { e: this.pattern(COND) } }
        return { t: 'split', s: a, arr, fs: this.#regexpargument() }
      }
    }
  }
}
