import { tobytes } from '../../../plan9/libc/bytes.ts'
import { gfmt } from '../../../plan9/libc/fmt.ts'
import { Hocerror, type Lexer, type Token } from './lex.ts'
import { after, type Fn, type Hoc, type Maybe, type Name } from './machine.ts'

/** What an expression or statement has become. Those without a value give 0. */
export type Code = () => Maybe<number>

/** How tightly the operators bind. */
const binary: Record<string, number> = {
  '||': 1,
  '&&': 2,
  ...{ '>': 3, '>=': 3, '<': 3, '<=': 3, '==': 3, '!=': 3 },
  ...{ '+': 4, '-': 4 },
  ...{ '*': 5, '/': 5, '%': 5 },
  '^': 7,
}
/** Of a minus and a not before an operand. */
const UNARY = 6

const keywords = new Set(['proc', 'func', 'return', 'if', 'else', 'while', 'for', 'print', 'read'])

/** Reads statements and makes functions of them. @throws Hocerror */
export class Parser {
  readonly #hoc: Hoc
  readonly #lex: Lexer
  /** In the definition of a function or procedure. */
  #defining: Fn | undefined

  constructor(hoc: Hoc, lex: Lexer) {
    this.#hoc = hoc
    this.#lex = lex
  }

  /** The next thing to run; undefined at the end of the input. A definition does nothing. */
  async top(): Promise<Code | undefined> {
    this.#defining = undefined
    for (;;) {
      const t = await this.#lex.peek()
      if (t.kind === 'eof') return undefined
      if (t.kind === 'newline') {
        await this.#lex.next()
        continue
      }
      const code = await this.#line(t)
      if ((await this.#lex.next()).kind !== 'newline') this.#fail()
      return code
    }
  }

  async #line(t: Token): Promise<Code> {
    if (t.kind === 'name' && (t.text === 'func' || t.text === 'proc')) return this.#define(t.text)
    if (await this.#statement0(t)) return this.#statement()
    const { code, assigns } = await this.#expression(0)
    if (assigns) return code
    const { out } = this.#hoc
    return () =>
      after(code(), v => {
        out.put(`${gfmt(v, 12)}\n`)
        this.#hoc.last(v)
        return 0
      })
  }

  #fail(): never {
    throw new Hocerror('syntax error')
  }

  async #is(kind: string): Promise<boolean> {
    const t = await this.#lex.peek()
    return t.kind === kind || (t.kind === 'name' && t.text === kind && keywords.has(kind))
  }

  async #accept(kind: string): Promise<boolean> {
    if (!(await this.#is(kind))) return false
    await this.#lex.next()
    return true
  }

  async #expect(kind: string): Promise<void> {
    if (!(await this.#accept(kind))) this.#fail()
  }

  /** A name that is no keyword. */
  async #name(): Promise<Name> {
    const t = await this.#lex.next()
    if (t.kind !== 'name' || keywords.has(t.text)) this.#fail()
    return this.#hoc.name(t.text)
  }

  /** Whether what begins with `t` is a statement other than an expression. */
  async #statement0(t: Token): Promise<boolean> {
    if (t.kind === '{') return true
    if (t.kind !== 'name') return false
    return keywords.has(t.text) ? t.text !== 'read' : this.#hoc.name(t.text).fn?.kind === 'proc'
  }

  async #statement(): Promise<Code> {
    const hoc = this.#hoc
    const t = await this.#lex.peek()
    if (!(await this.#statement0(t))) return (await this.#expression(0)).code
    await this.#lex.next()
    switch (t.kind === '{' ? '{' : t.text) {
      case '{':
        return this.#block()
      case 'print':
        return this.#print()
      case 'return':
        return this.#return()
      case 'while': {
        const c = await this.#condition()
        const body = await this.#statement()
        return () => hoc.loop(c, body, undefined)
      }
      case 'for': {
        await this.#expect('(')
        const first = (await this.#expression(0)).code
        await this.#expect(';')
        const c = (await this.#expression(0)).code
        await this.#expect(';')
        const step = (await this.#expression(0)).code
        await this.#expect(')')
        const body = await this.#statement()
        return () => after(first(), () => hoc.loop(c, body, step))
      }
      case 'if': {
        const c = await this.#condition()
        const a = await this.#statement()
        const b = (await this.#accept('else')) ? await this.#statement() : () => 0
        return () => after(c(), v => (v !== 0 ? a() : b()))
      }
      case 'else':
      case 'func':
      case 'proc':
        return this.#fail()
      default:
        return this.#call(hoc.name(t.text))
    }
  }

  async #condition(): Promise<Code> {
    await this.#expect('(')
    const { code } = await this.#expression(0)
    await this.#expect(')')
    return code
  }

  async #block(): Promise<Code> {
    const hoc = this.#hoc
    const all: Code[] = []
    while (!(await this.#accept('}'))) if (!(await this.#accept('newline'))) all.push(await this.#statement())
    const from = (i: number): Maybe<number> => {
      for (; i < all.length && !hoc.returning; i++) {
        const v = all[i]!()
        if (typeof v !== 'number') return v.then(() => from(i + 1))
      }
      return 0
    }
    return () => from(0)
  }

  async #print(): Promise<Code> {
    const { out } = this.#hoc
    const all: Code[] = []
    do {
      const t = await this.#lex.peek()
      if (t.kind === 'string') {
        const text = tobytes((await this.#lex.next()).text)
        all.push(() => {
          out.put(text)
          return 0
        })
      } else {
        const { code } = await this.#expression(0)
        all.push(() =>
          after(code(), v => {
            out.put(`${gfmt(v, 12)} `)
            return 0
          }),
        )
      }
    } while (await this.#accept(','))
    const from = (i: number): Maybe<number> => (i < all.length ? after(all[i]!(), () => from(i + 1)) : 0)
    return () => from(0)
  }

  async #return(): Promise<Code> {
    const hoc = this.#hoc
    const fn = this.#defining
    if (fn === undefined) throw new Hocerror('return used outside definition')
    if ((await this.#is('newline')) || (await this.#is('}')) || (await this.#is('else')))
      return () => hoc.return(fn, undefined)
    const { code } = await this.#expression(0)
    return () => after(code(), v => hoc.return(fn, v))
  }

  /** The arguments of a function or procedure, and its call. */
  async #call(name: Name): Promise<Code> {
    const hoc = this.#hoc
    const args: Code[] = []
    await this.#expect('(')
    if (!(await this.#accept(')'))) {
      do args.push((await this.#expression(0)).code)
      while (await this.#accept(','))
      await this.#expect(')')
    }
    return () => {
      const values: number[] = []
      const from = (i: number): Maybe<number> =>
        i < args.length
          ? after(args[i]!(), v => {
              values.push(v)
              return from(i + 1)
            })
          : hoc.call(name, values)
      return from(0)
    }
  }

  async #define(kind: 'func' | 'proc'): Promise<Code> {
    await this.#lex.next()
    const name = await this.#name()
    if (name.builtin) this.#fail()
    // Known from here on, so that it can call itself.
    const fn: Fn = { kind, name: name.text, formals: [], body: undefined }
    name.fn = fn
    this.#defining = fn
    await this.#expect('(')
    if (!(await this.#accept(')'))) {
      do {
        const formal = await this.#name()
        if (formal.fn || formal.builtin) this.#fail()
        fn.formals.push(formal)
      } while (await this.#accept(','))
      await this.#expect(')')
    }
    fn.body = await this.#statement()
    this.#defining = undefined
    return () => 0
  }

  /** An expression whose operators bind at least as tightly as `min`; whether it is an assignment. */
  async #expression(min: number): Promise<{ code: Code; assigns: boolean }> {
    let { code, assigns } = await this.#operand()
    for (;;) {
      const { kind } = await this.#lex.peek()
      const level = Object.hasOwn(binary, kind) ? binary[kind]! : 0
      if (level === 0 || level < min) return { code, assigns }
      await this.#lex.next()
      // Of equal ones the left goes first, but for powers.
      const right = (await this.#expression(kind === '^' ? level : level + 1)).code
      const left = code
      const f = this.#hoc.operator(kind)
      code = () => {
        const a = left()
        if (typeof a !== 'number') return a.then(x => after(right(), y => f(x, y)))
        const b = right()
        return typeof b === 'number' ? f(a, b) : b.then(y => f(a, y))
      }
      assigns = false
    }
  }

  async #operand(): Promise<{ code: Code; assigns: boolean }> {
    const hoc = this.#hoc
    const t = await this.#lex.next()
    const plain = (code: Code) => ({ code, assigns: false })
    switch (t.kind) {
      case 'number': {
        const { value } = t
        return plain(() => value)
      }
      case '(': {
        const { code } = await this.#expression(0)
        await this.#expect(')')
        return plain(code)
      }
      case '-': {
        const { code } = await this.#expression(UNARY)
        return plain(() => after(code(), v => -v))
      }
      case '!': {
        const { code } = await this.#expression(UNARY)
        return plain(() => after(code(), v => (v === 0 ? 1 : 0)))
      }
      case '++':
      case '--': {
        const name = await this.#variable()
        const by = t.kind === '++' ? 1 : -1
        return plain(() => hoc.step(name, by, false))
      }
      case 'name':
        return this.#named(t)
    }
    return this.#fail()
  }

  async #variable(): Promise<Name> {
    const name = await this.#name()
    if (name.fn || name.builtin) this.#fail()
    return name
  }

  async #named(t: Token): Promise<{ code: Code; assigns: boolean }> {
    const hoc = this.#hoc
    const plain = (code: Code) => ({ code, assigns: false })
    if (t.text === 'read') {
      await this.#expect('(')
      const name = await this.#variable()
      await this.#expect(')')
      return plain(() => hoc.read(name))
    }
    if (keywords.has(t.text)) this.#fail()
    const name = hoc.name(t.text)
    const { builtin } = name
    if (builtin) {
      const code = await this.#condition()
      return plain(() => after(code(), builtin))
    }
    if (name.fn) return name.fn.kind === 'func' ? plain(await this.#call(name)) : this.#fail()
    const { kind } = await this.#lex.peek()
    if (kind === '++' || kind === '--') {
      await this.#lex.next()
      const by = kind === '++' ? 1 : -1
      return plain(() => hoc.step(name, by, true))
    }
    if (kind === '=' || /^[-+*/%]=$/.test(kind)) {
      await this.#lex.next()
      const { code } = await this.#expression(0)
      return { code: () => after(code(), v => hoc.assign(name, kind, v)), assigns: true }
    }
    return plain(() => hoc.value(name))
  }
}
