import { utflen } from '../../../plan9/libc/bytes.ts'
import type { Searcher } from '../../../plan9/libc/search.ts'
import { gsub, index, length, number, power, sub, substr, tolower, toupper, utf } from './builtin.ts'
import { sprintf } from './format.ts'
import type { Machine } from './machine.ts'
import { splitinto } from './record.ts'
import type { Arithop, Expr, Lvalue, Regexp, Relop } from './tree.ts'
import { Cell, CON, compare, Fatal, NUM, numof, STR, snapshot, strof, truth, type Val } from './value.ts'

/** The operands of an expression, in the order in which they are evaluated. */
export function operands(e: Expr): Expr[] {
  const re = (r: Regexp | undefined) => (r !== undefined && 'e' in r ? [r.e] : [])
  switch (e.t) {
    case 'var':
    case 'arg':
    case 'nf':
    case 'const':
    case 'slot':
      return []
    case 'elem':
    case 'in':
      return e.subs
    case 'field':
    case 'group':
      return [e.e]
    case 'assign':
      return [e.e, e.lv]
    case 'cond':
      return [e.c, e.a, e.b]
    case 'or':
    case 'and':
    case 'rel':
    case 'cat':
    case 'arith':
    case 'index':
      return [e.a, e.b]
    case 'not':
    case 'neg':
      return [e.a]
    case 'match':
      return [e.a, ...re(e.re)]
    case 'getline':
      return [...(e.e === undefined ? [] : [e.e]), ...(e.lv === undefined ? [] : [e.lv])]
    case 'count':
      return [e.lv]
    case 'call':
    case 'builtin':
    case 'sprintf':
      return e.args
    case 'substr':
      return e.n === undefined ? [e.s, e.m] : [e.s, e.m, e.n]
    case 'split':
      return [e.s, ...re(e.fs)]
    case 'sub':
      return [e.lv, ...re(e.re), e.to]
    case 'matchfn':
      return [e.s, ...re(e.re)]
  }
}

const isrecord = (e: Expr): boolean => e.t === 'field' && e.e.t === 'const' && e.e.cell.n === 0

/**
 * Makes functions of expressions that need not wait for anything: those in which no command is run, no record read, and
 * no function of the program called. Nothing of them is asynchronous.
 *
 *   val   the value          num   as a number
 *   test  whether true       str   as a string          cell   what is assigned to
 */
export class Evaluator {
  readonly m: Machine
  readonly #pure = new Map<Expr, boolean>()
  readonly #effects = new Map<Expr, boolean>()

  constructor(m: Machine) {
    this.m = m
  }

  /** Whether an expression need not wait. */
  pure(e: Expr): boolean {
    let p = this.#pure.get(e)
    if (p === undefined) {
      const waits = e.t === 'getline' || e.t === 'call' || (e.t === 'builtin' && (e.f === 'system' || e.f === 'fflush'))
      p = !waits && operands(e).every(o => this.pure(o))
      this.#pure.set(e, p)
    }
    return p
  }

  /** Whether an expression changes what others may read. */
  effects(e: Expr): boolean {
    let p = this.#effects.get(e)
    if (p === undefined) {
      p = ['assign', 'count', 'split', 'sub', 'matchfn', 'slot'].includes(e.t) || operands(e).some(o => this.effects(o))
      this.#effects.set(e, p)
    }
    return p
  }

  val(e: Expr): () => Val {
    const { m } = this
    switch (e.t) {
      case 'const': {
        const { cell } = e
        return () => cell
      }
      case 'slot': {
        const { n } = e
        return () => m.stack[m.sp - n]!
      }
      case 'var':
      case 'arg':
      case 'nf':
      case 'elem':
      case 'field':
        return this.cell(e)
      case 'group':
        return this.val(e.e)
      case 'assign':
        return this.#assign(e)
      case 'cond': {
        const c = this.test(e.c)
        const a = this.val(e.a)
        const b = this.val(e.b)
        return () => (c() ? a() : b())
      }
      case 'count':
        return this.#count(e)
      case 'cat':
      case 'substr':
      case 'sprintf':
        return this.str(e)
      case 'builtin':
        return ['toupper', 'tolower', 'utf'].includes(e.f) ? this.str(e) : this.num(e)
      default:
        return this.num(e)
    }
  }

  num(e: Expr): () => number {
    const { m } = this
    switch (e.t) {
      case 'const': {
        const { cell } = e
        return () => cell.getf()
      }
      case 'var': {
        const { cell } = e
        return () => cell.getf()
      }
      case 'group':
        return this.num(e.e)
      case 'or':
      case 'and':
      case 'not':
      case 'rel':
      case 'match':
      case 'in': {
        const t = this.test(e)
        return () => (t() ? 1 : 0)
      }
      case 'arith': {
        const a = this.num(e.a)
        const b = this.num(e.b)
        return this.#arith(e.op, a, b, 'division by zero')
      }
      case 'neg': {
        const a = this.num(e.a)
        return () => -a()
      }
      case 'builtin':
        if (!['toupper', 'tolower', 'utf'].includes(e.f)) return this.#builtin(e.f, e.args)
        break
      case 'index': {
        const a = this.str(e.a)
        const b = this.str(e.b)
        return () => {
          const s = a()
          return index(s, b())
        }
      }
      case 'split': {
        const s = this.str(e.s)
        const arr = this.cell(e.arr)
        if (e.fs !== undefined && 're' in e.fs) {
          const { re } = e.fs
          // Nothing, cut by an expression, is one piece.
          return () => {
            const text = s()
            return splitinto(arr(), text, re, m.regexps)
          }
        }
        const fs = e.fs === undefined ? () => m.fs.gets() : this.str(e.fs.e)
        return () => {
          const text = s()
          const sep = fs()
          return splitinto(arr(), text, sep, m.regexps)
        }
      }
      case 'sub': {
        const lv = this.cell(e.lv)
        const re = this.regexp(e.re)
        const to = this.str(e.to)
        if (e.all)
          return () => {
            const c = lv()
            const s = c.gets()
            const r = re()
            const done = gsub(s, r, to())
            if (done === undefined) return 0
            c.sets(done.s)
            return done.n
          }
        return () => {
          const c = lv()
          const s = c.gets()
          const r = re()
          const done = sub(s, r, to())
          if (done === undefined) return 0
          c.sets(done)
          return 1
        }
      }
      case 'matchfn': {
        const s = this.str(e.s)
        const re = this.regexp(e.re)
        return () => {
          const text = s()
          const r = re()
          const found = r.search(text)
          const start = found ? utflen(text, r.start) + 1 : 0
          m.rstart.setf(start)
          m.rlength.setf(found ? utflen(text.slice(r.start, r.end)) : 0)
          return start
        }
      }
    }
    const v = this.val(e)
    return () => numof(v())
  }

  str(e: Expr): () => string {
    const { m } = this
    switch (e.t) {
      case 'const': {
        const { cell } = e
        const { s } = cell
        return cell.t & STR ? () => s : () => cell.gets()
      }
      case 'group':
        return this.str(e.e)
      case 'cat': {
        if (this.effects(e.b)) {
          // Both are evaluated before the first is read.
          const a = this.val(e.a)
          const b = this.val(e.b)
          return () => {
            const x = a()
            const y = b()
            return strof(x) + strof(y)
          }
        }
        const a = this.str(e.a)
        const b = this.str(e.b)
        return () => a() + b()
      }
      case 'substr': {
        const s = this.val(e.s)
        const at = this.val(e.m)
        const n = e.n === undefined ? undefined : this.val(e.n)
        return () => {
          const x = s()
          const y = at()
          const z = n?.()
          return substr(strof(x), numof(y), z === undefined ? undefined : numof(z))
        }
      }
      case 'sprintf': {
        const f = this.sprintf(e.args)
        return f
      }
      case 'builtin': {
        const f = { toupper, tolower }[e.f]
        if (f !== undefined) {
          const s = this.str(e.args[0]!)
          return this.#toomany(e.args, 1, () => f(s()))
        }
        if (e.f === 'utf') {
          const n = this.num(e.args[0]!)
          return this.#toomany(e.args, 1, () => utf(n()))
        }
        break
      }
      case 'elem': {
        const c = this.cell(e)
        return () => c().gets()
      }
      case 'var': {
        const { cell } = e
        return () => cell.gets()
      }
      case 'field':
        if (isrecord(e)) {
          const { record } = m.rec
          return () => record.gets()
        }
    }
    const v = this.val(e)
    return () => strof(v())
  }

  test(e: Expr): () => boolean {
    switch (e.t) {
      case 'group':
        return this.test(e.e)
      case 'or': {
        const a = this.test(e.a)
        const b = this.test(e.b)
        return () => a() || b()
      }
      case 'and': {
        const a = this.test(e.a)
        const b = this.test(e.b)
        return () => a() && b()
      }
      case 'not': {
        const a = this.test(e.a)
        return () => !a()
      }
      case 'rel':
        return this.#rel(e.op, this.val(e.a), this.val(e.b))
      case 'match': {
        const s = this.str(e.a)
        const { not } = e
        if ('re' in e.re) {
          const { re } = e.re
          return not ? () => !re.test(s()) : () => re.test(s())
        }
        const re = this.regexp(e.re)
        return () => {
          const text = s()
          return re().test(text) !== not
        }
      }
      case 'in': {
        const arr = this.cell(e.arr)
        const key = this.key(e.subs)
        return () => {
          const a = arr()
          const k = key()
          return a.table().map.has(k)
        }
      }
    }
    const v = this.val(e)
    return () => truth(v())
  }

  cell(e: Lvalue): () => Cell {
    const { m } = this
    switch (e.t) {
      case 'var': {
        const { cell } = e
        return () => cell
      }
      case 'arg': {
        const { n } = e
        return () => m.args[n]!
      }
      case 'nf':
        return () => {
          m.rec.split()
          return m.nf
        }
      case 'elem': {
        const arr = this.cell(e.arr)
        const key = this.key(e.subs)
        return () => {
          const a = arr()
          const k = key()
          return a.table().get(k)
        }
      }
      case 'field': {
        if (isrecord(e)) {
          const { record } = m.rec
          return () => record
        }
        if (e.e.t === 'const' && e.e.cell.t & NUM && e.e.cell.n >= 1 && e.e.cell.n < 1000) {
          const n = Math.trunc(e.e.cell.n)
          return () => m.rec.get(n)
        }
        const n = this.val(e.e)
        return () => m.field(n())
      }
    }
  }

  /** A subscript. */
  key(subs: Expr[]): () => string {
    const { m } = this
    if (subs.length === 1) return this.str(subs[0]!)
    const all = subs.map(s => this.str(s))
    return () => {
      let k = all[0]!()
      for (let i = 1; i < all.length; i++) {
        const s = all[i]!()
        k += m.subsep.gets() + s
      }
      return k
    }
  }

  regexp(r: Regexp): () => Searcher {
    const { m } = this
    if ('re' in r) {
      const { re } = r
      return () => re
    }
    const s = this.str(r.e)
    return () => m.regexps.get(s())
  }

  /** The values of arguments, each as it was when it was evaluated. */
  values(args: Expr[]): () => Val[] {
    const fns = args.map(a => this.val(a))
    const safe = args.map((_, i) => args.slice(i + 1).some(a => this.effects(a)))
    return () => fns.map((f, i) => (safe[i] ? snapshot(f()) : f()))
  }

  /** printf's string, of the format and the other arguments. */
  sprintf(args: Expr[]): () => string {
    const { m } = this
    const fmt = this.str(args[0]!)
    const rest = this.values(args.slice(1))
    const warn = (msg: string) => m.warn(msg)
    return () => {
      const f = fmt()
      return sprintf(f, rest(), warn)
    }
  }

  #arith(op: Arithop, a: () => number, b: () => number, zero: string): () => number {
    const { m } = this
    switch (op) {
      case '+':
        return () => {
          const x = a()
          return x + b()
        }
      case '-':
        return () => {
          const x = a()
          return x - b()
        }
      case '*':
        return () => {
          const x = a()
          return x * b()
        }
      case '/':
        return () => {
          const x = a()
          const y = b()
          if (y === 0) throw new Fatal(zero)
          return x / y
        }
      case '%':
        return () => {
          const x = a()
          const y = b()
          if (y === 0)
            throw new Fatal(zero === 'division by zero' ? 'division by zero in mod' : 'division by zero in %=')
          return x - y * Math.trunc(x / y)
        }
      case '^':
        return () => {
          const x = a()
          return power(x, b(), m.check)
        }
    }
  }

  #rel(op: Relop, a: () => Val, b: () => Val): () => boolean {
    const cmp = () => {
      const x = a()
      return compare(x, b())
    }
    switch (op) {
      case '<':
        return () => cmp() < 0
      case '<=':
        return () => cmp() <= 0
      case '==':
        return () => cmp() === 0
      case '!=':
        return () => cmp() !== 0
      case '>=':
        return () => cmp() >= 0
      case '>':
        return () => cmp() > 0
    }
  }

  #assign(e: Extract<Expr, { t: 'assign' }>): () => Val {
    let target = e.lv
    while (target.t === 'group') target = target.e
    if (e.op === '') {
      const y = this.val(e.e)
      const x = this.cell(target as Lvalue)
      return () => {
        const v = y()
        const c = x()
        if (typeof v === 'number') c.setf(v)
        else if (typeof v === 'string') c.sets(v)
        // Of itself only a field is assigned to.
        else if (v !== c || e.lv.t === 'field') c.copy(v)
        return c
      }
    }
    let left: Val = 0
    let right: Val = 0
    const value = this.#arith(
      e.op,
      () => numof(left),
      () => numof(right),
      'division by zero in /=',
    )
    const y = this.val(e.e)
    const x = this.val(target)
    return () => {
      const v = y()
      const c = x()
      left = c
      right = v
      const n = value()
      // A term before /= may be nothing that can be assigned to.
      if (!(c instanceof Cell) || c.t & CON) return n
      c.setf(n)
      return c
    }
  }

  #count(e: Extract<Expr, { t: 'count' }>): () => Val {
    const lv = this.cell(e.lv)
    const { by } = e
    if (e.post)
      return () => {
        const c = lv()
        const n = c.getf()
        c.setf(n + by)
        return n
      }
    return () => {
      const c = lv()
      c.setf(c.getf() + by)
      return c
    }
  }

  /** Arguments that a function does not take are evaluated after it, and complained of. */
  #toomany<T>(args: Expr[], most: number, f: () => T): () => T {
    if (args.length <= most) return f
    const { m } = this
    const rest = args.slice(most).map(a => this.val(a))
    return () => {
      const x = f()
      m.warn('warning: function has too many arguments')
      for (const a of rest) a()
      return x
    }
  }

  #builtin(f: string, args: Expr[]): () => number {
    const { m } = this
    const a = this.val(args[0]!)
    switch (f) {
      case 'length':
        return this.#toomany(args, 1, () => length(a()))
      case 'rand':
        return () => m.rand.frand()
      case 'srand': {
        const none = isrecord(args[0]!)
        return this.#toomany(args, 1, () => {
          const seed = none ? Math.floor(Math.random() * 2 ** 31) : numof(a())
          m.rand.seed(Math.trunc(Number.isFinite(seed) ? seed : 0) | 0)
          return seed
        })
      }
      case 'atan2': {
        if (args.length < 2)
          return () => {
            m.warn('atan2 requires two arguments; returning 1.0')
            return 1
          }
        const b = this.val(args[1]!)
        return this.#toomany(args, 2, () => {
          const y = a()
          const x = b()
          return Math.atan2(numof(y), numof(x))
        })
      }
      default:
        return this.#toomany(args, 1, () => number(f, a(), m.check))
    }
  }
}
