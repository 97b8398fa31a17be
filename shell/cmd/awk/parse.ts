import { ADD, COND, ExpressionParser, Stop } from './expression.ts'
import type { Expr, Fn, Item, Stmt, Tree } from './tree.ts'
import { ARR, FCN } from './value.ts'

/** Makes a tree of a program. */
export class Parser extends ExpressionParser {
  /** The line that was read last. */
  get line(): number {
    return this.lex.lineno
  }

  /** @throws Fatal for an expression that is none; `errors` has the message */
  parse(): Tree | undefined {
    const tree: Tree = { begin: [], items: [], end: [], functions: new Map() }
    try {
      this.advance()
      this.separators()
      while (this.tok.kind !== '') {
        this.#item(tree)
        this.separators()
      }
    } catch (e) {
      if (e instanceof Stop) return undefined
      throw e
    }
    if (this.errors === '') return tree
    this.errors += this.lex.unbalanced(true)
    return undefined
  }

  // Items and statements.

  #item(tree: Tree): void {
    if (this.accept('BEGIN')) tree.begin.push(this.#action())
    else if (this.accept('END')) tree.end.push(this.#action())
    else if (this.accept('function')) this.#definition(tree)
    else if (this.is('{')) tree.items.push({ t: 'always', body: this.#action() })
    else {
      const c = this.pattern(COND)
      const { lineno: line } = this.lex
      const to = this.accept(',') ? this.pattern(COND) : undefined
      const body = this.#printrecord(line)
      const item: Item = to === undefined ? { t: 'when', c, body, line } : { t: 'range', from: c, to, body, line }
      if (this.is('{')) item.body = this.#action()
      tree.items.push(item)
    }
  }

  #printrecord(line: number): Stmt {
    return { t: 'print', args: [this.record()], mode: '', to: undefined, line }
  }

  #action(): Stmt {
    if (!this.is('{')) this.fail()
    this.actions++
    this.advance()
    this.newlines()
    const body = this.#statements()
    this.actions--
    // What comes after the brace is in no function.
    this.lex.infunc = false
    this.function = undefined
    this.expect('}')
    return body
  }

  #definition(tree: Tree): void {
    const { kind, text: name } = this.tok
    if (kind !== 'name' && kind !== 'call') this.fail()
    const fn = this.global(name)
    if (fn.t & ARR) this.syntax(`${name} is an array, not a function`)
    else if (fn.t & FCN) this.syntax(`you can't define function ${name} more than once`)
    this.function = name
    this.advance()
    this.expect('(')
    const args: string[] = []
    if (!this.is(')'))
      for (;;) {
        if (!this.is('name')) this.fail()
        if (args.includes(this.tok.text)) this.syntax(`duplicate argument ${this.tok.text}`)
        args.push(this.tok.text)
        this.advance()
        if (!this.accept(',')) break
        this.newlines()
      }
    this.lex.args = args
    this.expect(')')
    this.newlines()
    this.lex.infunc = true
    const body = this.#action()
    if (fn.t & ARR) this.syntax(`\`${name}' is an array name and a function name`)
    fn.t = FCN
    tree.functions.set(name, { nargs: args.length, body } satisfies Fn)
  }

  /** Statements up to a closing brace, one at least. */
  #statements(): Stmt {
    const all: Stmt[] = []
    do {
      const s = this.#statement()
      if (s !== undefined) all.push(s)
    } while (!this.is('}'))
    return all.length === 1 ? all[0]! : { t: 'block', all }
  }

  #end(): void {
    if (this.is('\n')) this.newlines()
    else {
      this.expect(';')
      this.newlines()
    }
  }

  #loop(body: () => Stmt | undefined): Stmt {
    this.loops++
    const s = body()
    this.loops--
    return s ?? { t: 'block', all: [] }
  }

  #statement(): Stmt | undefined {
    return this.deeper(() => this.#statement1())
  }

  #statement1(): Stmt | undefined {
    const { kind } = this.tok
    const { lineno: line } = this.lex
    switch (kind) {
      case ';':
        this.#end()
        return undefined
      case '{': {
        this.advance()
        this.newlines()
        const s = this.#statements()
        this.expect('}')
        this.newlines()
        return s
      }
      case 'if': {
        this.advance()
        const c = this.#condition()
        const a = this.#statement() ?? { t: 'block', all: [] }
        if (!this.accept('else')) return { t: 'if', c, a, b: undefined, line }
        this.newlines()
        return { t: 'if', c, a, b: this.#statement(), line }
      }
      case 'while': {
        this.advance()
        const c = this.#condition()
        return { t: 'while', c, a: this.#loop(() => this.#statement()), line }
      }
      case 'do': {
        this.advance()
        this.newlines()
        const a = this.#loop(() => this.#statement())
        this.expect('while')
        this.expect('(')
        const c = this.pattern(COND)
        this.expect(')')
        this.#end()
        return { t: 'do', a, c, line }
      }
      case 'for':
        return this.#for(line)
      case 'break':
      case 'continue':
      case 'next':
      case 'nextfile': {
        this.advance()
        this.#end()
        if (kind === 'break' || kind === 'continue') {
          if (this.loops === 0) this.syntax(`${kind} illegal outside of loops`)
        } else if (this.lex.infunc) this.syntax(`${kind} is illegal inside a function`)
        return { t: kind, line }
      }
      case 'exit':
      case 'return': {
        this.advance()
        const e = this.is(';') || this.is('\n') ? undefined : this.pattern(COND)
        this.#end()
        return { t: kind, e, line }
      }
      case 'close': {
        this.advance()
        const e = this.pattern(COND)
        this.#end()
        return { t: 'close', e, line }
      }
      default: {
        const s = this.#simple()
        this.#end()
        return s
      }
    }
  }

  /** What is in the parentheses of if and while. */
  #condition(): Expr {
    this.expect('(')
    const c = this.pattern(COND)
    this.expect(')')
    this.newlines()
    return c
  }

  #for(line: number): Stmt {
    this.advance()
    this.expect('(')
    let init: Stmt | undefined
    if (!this.is(';')) {
      if (this.is('name') || this.is('NF')) {
        const v = this.name()
        if (this.accept('in')) {
          const arr = this.array()
          this.expect(')')
          this.newlines()
          return { t: 'forin', v, arr, a: this.#loop(() => this.#statement()), line }
        }
        init = { t: 'expr', e: this.pattern(COND, this.subscripted(v)), line }
      } else init = this.#simple()
    }
    this.expect(';')
    this.newlines()
    let c: Expr | undefined
    if (!this.is(';')) c = this.pattern(COND)
    this.expect(';')
    this.newlines()
    const step = this.is(')') ? undefined : this.#simple()
    this.expect(')')
    this.newlines()
    return { t: 'for', init, c, step, a: this.#loop(() => this.#statement()), line }
  }

  #simple(): Stmt {
    const { lineno: line } = this.lex
    const { kind } = this.tok
    if (kind === 'delete') {
      this.advance()
      const arr = this.array()
      if (!this.accept('[')) return { t: 'delete', arr, subs: undefined, line }
      const subs = this.list()
      this.expect(']')
      return { t: 'delete', arr, subs, line }
    }
    if (kind !== 'print' && kind !== 'printf') return { t: 'expr', e: this.pattern(COND), line }
    this.advance()
    const args = this.#printargs()
    const mode = this.tok.kind
    if (mode !== '>' && mode !== '>>' && mode !== '|') return { t: kind, args, mode: '', to: undefined, line }
    this.advance()
    const to = this.term(ADD)
    if (this.opt.safe) this.syntax(`print ${mode} is unsafe`)
    return { t: kind, args, mode, to, line }
  }

  #printargs(): Expr[] {
    const { kind } = this.tok
    if ([';', '\n', '>', '>>', '|', ')'].includes(kind)) return [this.record()]
    const args: Expr[] = []
    if (kind === '(') {
      const p = this.parenthesized()
      if (Array.isArray(p)) {
        if (!this.is('in')) return p
        args.push(this.print(this.membership(p)))
      } else args.push(this.print(this.term(ADD, p)))
    } else args.push(this.print())
    while (this.accept(',')) {
      this.newlines()
      args.push(this.print())
    }
    return args
  }
}
