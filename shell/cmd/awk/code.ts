import { Evaluator, operands } from './evaluate.ts'
import { EOF, MORE } from './io.ts'
import { type Instr, type Machine, WAIT } from './machine.ts'
import type { Expr, Fn, Lvalue, Regexp } from './tree.ts'
import { Cell, Fatal, FCN, numof, snapshot, strof, truth } from './value.ts'

/** An index into the code that is known later. */
export interface Label {
  pc: number
}

/** What becomes of a value before it lies on the stack. */
type As = 'val' | 'num' | 'str' | 'copy'

const islvalue = (e: Expr): e is Lvalue => ['var', 'arg', 'nf', 'elem', 'field'].includes(e.t)

/** Code that is being made, and expressions that have to wait: their parts lie on the stack. */
export class Code {
  readonly m: Machine
  protected readonly ev: Evaluator
  protected readonly code: Instr[] = []
  protected readonly functions = new Map<string, { fn: Fn; entry: Label }>()

  constructor(m: Machine) {
    this.m = m
    this.ev = new Evaluator(m)
  }

  protected emit(i: Instr): void {
    this.code.push(i)
  }

  /** An instruction after which the next one follows. */
  protected do(f: () => void): void {
    const next = this.code.length + 1
    this.code.push(() => {
      f()
      return next
    })
  }

  /** One that waits. */
  protected await(f: () => Promise<void>): void {
    const { m } = this
    const next = this.code.length + 1
    const wait = async () => {
      await f()
      return next
    }
    this.code.push(() => {
      m.wait = wait
      return WAIT
    })
  }

  protected here(l: Label): void {
    l.pc = this.code.length
  }

  protected jump(l: Label): void {
    this.code.push(() => l.pc)
  }

  // Expressions that may have to wait.

  /** Goes on when an expression is true, elsewhere when it is not. */
  protected unless(e: Expr, no: Label): void {
    const { m } = this
    const next = this.code.length + 1
    if (this.ev.pure(e)) {
      const test = this.ev.test(e)
      this.emit(() => (test() ? next : no.pc))
      return
    }
    if (e.t === 'group') {
      this.unless(e.e, no)
      return
    }
    if (e.t === 'and') {
      this.unless(e.a, no)
      this.unless(e.b, no)
      return
    }
    this.push(e, 'val')
    const after = this.code.length + 1
    this.emit(() => (truth(m.pop()) ? after : no.pc))
  }

  protected drop(e: Expr): void {
    this.push(e, 'val')
    this.do(() => {
      this.m.sp--
    })
  }

  /** Leaves a value on the stack. */
  protected push(e: Expr, as: As): void {
    const { m } = this
    const ev = this.ev
    if (ev.pure(e)) {
      const v = as === 'num' ? ev.num(e) : as === 'str' ? ev.str(e) : ev.val(e)
      this.do(as === 'copy' ? () => m.push(snapshot(v())) : () => m.push(v()))
      return
    }
    this.#pushwaiting(e)
    const top = () => m.stack[m.sp - 1]!
    if (as === 'val') return
    this.do(() => {
      m.stack[m.sp - 1] = as === 'num' ? numof(top()) : as === 'str' ? strof(top()) : snapshot(top())
    })
  }

  #pushwaiting(e: Expr): void {
    const { m } = this
    switch (e.t) {
      case 'group':
        this.push(e.e, 'val')
        return
      case 'cond': {
        const no: Label = { pc: 0 }
        const end: Label = { pc: 0 }
        this.unless(e.c, no)
        this.push(e.a, 'val')
        this.jump(end)
        this.here(no)
        this.push(e.b, 'val')
        this.here(end)
        return
      }
      case 'and':
      case 'or': {
        const decided: Label = { pc: 0 }
        const end: Label = { pc: 0 }
        const and = e.t === 'and'
        this.push(e.a, 'val')
        const next = this.code.length + 1
        this.emit(() => (truth(m.pop()) === and ? next : decided.pc))
        this.push(e.b, 'val')
        this.do(() => m.push(truth(m.pop()) ? 1 : 0))
        this.jump(end)
        this.here(decided)
        this.do(() => m.push(and ? 0 : 1))
        this.here(end)
        return
      }
      case 'call':
        this.#call(e)
        return
      case 'getline':
        this.#getline(e)
        return
      case 'builtin':
        if (e.f === 'system' || e.f === 'fflush') {
          this.#command(e.f, e.args)
          return
        }
    }
    const { slots, build } = this.#lower(e)
    const f = this.ev.val(build)
    this.do(() => {
      const v = f()
      m.sp -= slots
      m.push(v)
    })
  }

  /** Evaluates expressions onto the stack; what stands for them until the stack is changed again. */
  protected spill(all: (readonly [Expr, As])[]): Expr[] {
    for (const [e, as] of all) this.push(e, as)
    return all.map((_, i): Expr => ({ t: 'slot', n: all.length - i }))
  }

  protected consume(n: number, f: () => void): void {
    this.do(() => {
      f()
      this.m.sp -= n
    })
  }

  /** Evaluates the operands onto the stack; the same expression of those. */
  #lower(e: Expr): { slots: number; build: Expr } {
    let early: As[] = []
    const re = (r: Regexp, s: Expr[]): Regexp => ('e' in r ? { e: s.shift()! } : r)
    const lv = (x: Expr, s: Expr[]): Lvalue => {
      if (x.t === 'elem') return { ...x, subs: x.subs.map(() => s.shift()!) }
      if (x.t === 'field') return { ...x, e: s.shift()! }
      return islvalue(x) ? x : (s.shift() as Lvalue)
    }
    /** Of what is assigned to the operands, not itself. */
    const kids = operands(e).flatMap((o): Expr[] => {
      const target = (e.t === 'count' || e.t === 'sub' || e.t === 'assign') && o === e.lv && islvalue(o)
      const all = target ? operands(o) : [o]
      early.push(...all.map((): As => (!target ? 'val' : o.t === 'elem' ? 'str' : 'copy')))
      return all
    })
    if (e.t === 'arith') early = ['num', 'num']
    else if (e.t === 'elem' || e.t === 'in' || e.t === 'match' || e.t === 'matchfn' || e.t === 'split')
      early = kids.map(() => 'str')
    else if (e.t === 'index') early = ['str', 'str']
    else if (e.t === 'sprintf') early = kids.map((_, i) => (i === 0 ? 'str' : 'copy'))
    const s = this.spill(kids.map((k, i) => [k, early[i]!] as const))
    const slots = s.length
    const build = ((): Expr => {
      switch (e.t) {
        case 'elem':
        case 'field':
          return lv(e, s)
        case 'in':
          return { ...e, subs: s }
        case 'assign':
          return { ...e, e: s.shift()!, lv: lv(e.lv, s) }
        case 'rel':
        case 'cat':
        case 'arith':
        case 'index':
          return { ...e, a: s[0]!, b: s[1]! }
        case 'not':
        case 'neg':
          return { ...e, a: s[0]! }
        case 'match':
          return { ...e, a: s.shift()!, re: re(e.re, s) }
        case 'count':
          return { ...e, lv: lv(e.lv, s) }
        case 'builtin':
        case 'sprintf':
          return { ...e, args: s }
        case 'substr':
          return { ...e, s: s[0]!, m: s[1]!, n: s[2] }
        case 'split':
          return { ...e, s: s.shift()!, fs: e.fs && re(e.fs, s) }
        case 'sub':
          return { ...e, lv: lv(e.lv, s), re: re(e.re, s), to: s.shift()! }
        case 'matchfn':
          return { ...e, s: s.shift()!, re: re(e.re, s) }
        default:
          return e
      }
    })()
    return { slots, build }
  }

  #call(e: Extract<Expr, { t: 'call' }>): void {
    const { m } = this
    const { name } = e.fn
    for (const a of e.args) {
      this.push(a, 'val')
      this.do(() => {
        const v = m.stack[m.sp - 1]!
        if (v instanceof Cell && v.t & FCN) throw new Fatal(`can't use function ${v.name} as argument in ${name}`)
        m.argument()
      })
    }
    const f = this.functions.get(name)
    const ncall = e.args.length
    const ret = this.code.length + 1
    this.emit(() => {
      if (f === undefined) throw new Fatal(`calling undefined function ${name}`)
      m.call(name, f.fn.nargs, ncall, ret)
      return f.entry.pc
    })
  }

  #command(f: string, args: Expr[]): void {
    const { m } = this
    const { files } = m
    if (f === 'system') {
      this.push(args[0]!, 'str')
      this.await(async () => m.push(await files.system(m.pop() as string)))
      return
    }
    this.push(args[0]!, 'val')
    const all = args[0]!.t === 'field' && args[0].e.t === 'const' && args[0].e.cell.n === 0
    this.do(() => {
      const s = all ? '' : strof(m.pop())
      if (all) m.sp--
      m.push(s)
    })
    this.await(async () => {
      const name = m.pop() as string
      const w = files.writing(name)
      if (name === '') await files.flush()
      else if (w !== undefined) await w.flush(m.sys)
      m.push(name === '' || w !== undefined ? 0 : -1)
    })
  }

  #getline(e: Extract<Expr, { t: 'getline' }>): void {
    const { m } = this
    const done: Label = { pc: 0 }
    const { mode } = e
    // What is on top of the stack: a name, then the record, or the result when there is none.
    if (e.e === undefined) this.do(() => m.push(''))
    else this.push(e.e, 'str')
    const here = this.code.length
    const none = (n: number) => {
      m.stack[m.sp - 1] = n
      return done.pc
    }
    const waitfor = (f: () => Promise<number>) => {
      m.wait = f
      return WAIT
    }
    this.emit(() => {
      if (mode === '') {
        const r = m.take()
        if (r === MORE)
          return waitfor(async () => {
            await m.more()
            return here
          })
        if (r !== EOF) {
          m.stack[m.sp - 1] = r
          return here + 1
        }
        if (e.lv === undefined) m.rec.end()
        return none(0)
      }
      const name = m.stack[m.sp - 1] as string
      const reader = m.files.reader(name, mode)
      if (reader === undefined)
        return waitfor(async () => ((await m.files.openreader(name, mode)) === undefined ? none(-1) : here))
      m.rec.fs = m.fs.gets()
      const r = reader.next(m.rs.gets().slice(0, 1))
      if (r === MORE)
        return waitfor(async () => {
          await m.files.flush()
          await reader.fill(m.sys)
          return here
        })
      if (r === EOF) return none(0)
      m.stack[m.sp - 1] = r
      return here + 1
    })
    if (e.lv === undefined)
      this.do(() => {
        const r = m.pop() as string
        if (mode === '') m.rec.read(r)
        else m.rec.record.setinput(r)
        m.push(1)
      })
    else {
      const { lv } = e
      const slots = this.ev.pure(lv) ? { slots: 0, build: lv } : this.#lower(lv)
      const cell = this.ev.cell(slots.build as Lvalue)
      this.do(() => {
        const c = cell()
        m.sp -= slots.slots
        c.sets(m.pop() as string)
        m.push(1)
      })
    }
    this.here(done)
  }
}
