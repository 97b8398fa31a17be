import { Code, type Label } from './code.ts'
import { EOF, type Writer } from './io.ts'
import { HALT, WAIT } from './machine.ts'
import type { Expr, Item, Lvalue, Stmt, Tree } from './tree.ts'
import { ARR, Cell, Fatal, NUM, numof, STR, snapshot } from './value.ts'

/** Where a statement stands. */
interface Place {
  section: 'begin' | 'main' | 'end' | 'function'
  /** Of the loop around it. */
  break?: Label
  continue?: Label
}

const compound = (s: Stmt): boolean =>
  ['while', 'do', 'for', 'forin', 'close', 'break', 'continue', 'next', 'nextfile', 'exit', 'return'].includes(s.t)

/**
 * Makes instructions of a program. What need not wait is one function each (evaluate.ts) and runs at once; the rest is laid
 * out as code with a stack, so that it can stop at any point and go on later: for input, for a command, or because
 * others are to run.
 */
export class Compiler extends Code {
  /** Where the next record is taken, and where the end begins. */
  readonly #loop: Label = { pc: HALT }
  readonly #end: Label = { pc: HALT }
  #ending = false

  /** Compiles into the machine. */
  program(tree: Tree): void {
    for (const [name, fn] of tree.functions) this.functions.set(name, { fn, entry: { pc: HALT } })
    for (const s of tree.begin) this.#stmt(s, { section: 'begin' })
    if (tree.items.length > 0 || tree.end.length > 0) {
      this.here(this.#loop)
      this.#records()
      for (const item of tree.items) this.#item(item)
      this.jump(this.#loop)
      this.here(this.#end)
      this.do(() => {
        this.#ending = true
      })
      for (const s of tree.end) this.#stmt(s, { section: 'end' })
    }
    this.emit(() => HALT)
    for (const { fn, entry } of this.functions.values()) {
      this.here(entry)
      this.#stmt(fn.body, { section: 'function' })
      const nothing = new Cell('', NUM | STR)
      this.emit(() => this.m.return(nothing))
    }
    this.m.code = this.code
  }

  // Records and items.

  #records(): void {
    const { m } = this
    const here = this.code.length
    const wait = async () => {
      await m.more()
      return here
    }
    this.emit(() => {
      m.sp = 0
      m.iters.length = 0
      const r = m.take()
      if (typeof r === 'string') {
        m.rec.read(r)
        return here + 1
      }
      if (r === EOF) {
        m.rec.end()
        return this.#end.pc
      }
      m.wait = wait
      return WAIT
    })
  }

  #item(item: Item): void {
    const { m } = this
    const skip: Label = { pc: 0 }
    const place: Place = { section: 'main' }
    if (item.t === 'when') {
      const body = this.#plain(item.body)
      if (body !== undefined && this.ev.pure(item.c)) {
        const test = this.ev.test(item.c)
        const { line } = item
        this.do(() => {
          m.line = line
          if (test()) body()
        })
        return
      }
      this.#line(item.line)
      this.unless(item.c, skip)
      this.#stmt(item.body, place)
    } else if (item.t === 'range') {
      let on = false
      const inside: Label = { pc: 0 }
      const body: Label = { pc: 0 }
      const next = this.code.length + 1
      this.emit(() => {
        m.line = item.line
        return on ? inside.pc : next
      })
      this.unless(item.from, skip)
      this.do(() => {
        on = true
      })
      this.here(inside)
      this.unless(item.to, body)
      this.do(() => {
        on = false
      })
      this.here(body)
      this.#stmt(item.body, place)
    } else this.#stmt(item.body, place)
    this.here(skip)
  }

  #line(line: number): void {
    const { m } = this
    this.do(() => {
      m.line = line
    })
  }

  // Statements.

  /** A statement as a function, if it need not wait. */
  #plain(s: Stmt): (() => void) | undefined {
    const { m } = this
    const ev = this.ev
    if (compound(s)) return undefined
    switch (s.t) {
      case 'expr': {
        if (!ev.pure(s.e)) return undefined
        const { line } = s
        let inner = s.e
        while (inner.t === 'group') inner = inner.e
        // As in the original, a name or a constant by itself is none.
        if (inner.t === 'var' || inner.t === 'const')
          return () => {
            m.line = line
            throw new Fatal('illegal statement')
          }
        const f = ev.val(s.e)
        return () => {
          m.line = line
          f()
        }
      }
      case 'delete': {
        if (s.subs?.some(e => !ev.pure(e))) return undefined
        const { line } = s
        const f = this.#delete(s.arr, s.subs)
        return () => {
          m.line = line
          f()
        }
      }
      case 'print':
      case 'printf': {
        if (s.mode !== '' || s.args.some(e => !ev.pure(e))) return undefined
        const { line } = s
        const put = this.#put(s)
        const { out } = m
        return () => {
          m.line = line
          put(out)
        }
      }
      case 'block': {
        const all: (() => void)[] = []
        for (const x of s.all) {
          const f = this.#plain(x)
          if (f === undefined) return undefined
          all.push(f)
        }
        return sequence(all)
      }
      case 'if': {
        if (!ev.pure(s.c)) return undefined
        const a = this.#plain(s.a)
        const b = s.b === undefined ? () => {} : this.#plain(s.b)
        if (a === undefined || b === undefined) return undefined
        const c = ev.test(s.c)
        const { line } = s
        return () => {
          m.line = line
          if (c()) a()
          else b()
        }
      }
    }
    return undefined
  }

  #delete(arr: Lvalue, subs: Expr[] | undefined): () => void {
    const cell = this.ev.cell(arr)
    if (subs === undefined)
      return () => {
        const a = cell()
        if (a.t & ARR) a.clear()
      }
    const key = this.ev.key(subs)
    return () => {
      const a = cell()
      if (!(a.t & ARR)) return
      const k = key()
      a.table().delete(k)
    }
  }

  /** What print and printf do with arguments that need not be waited for. */
  #put(s: Extract<Stmt, { t: 'print' | 'printf' }>): (w: Writer) => void {
    const { m } = this
    if (s.t === 'printf') {
      const f = this.ev.sprintf(s.args)
      return w => {
        w.put(f())
        m.full(w)
      }
    }
    const args = s.args.map(e => this.ev.str(e))
    const { ofs, ors } = m
    if (args.length === 1) {
      const a = args[0]!
      return w => {
        w.put(a())
        w.put(ors.gets())
        m.full(w)
      }
    }
    return w => {
      for (let i = 0; i < args.length; i++) {
        w.put(args[i]!())
        w.put(i === args.length - 1 ? ors.gets() : ofs.gets())
      }
      m.full(w)
    }
  }

  #stmt(s: Stmt, place: Place): void {
    const plain = this.#plain(s)
    if (plain !== undefined) {
      this.do(plain)
      return
    }
    switch (s.t) {
      case 'block':
        for (const x of s.all) this.#stmt(x, place)
        return
      case 'expr':
        this.#line(s.line)
        this.drop(s.e)
        return
      case 'print':
      case 'printf':
        this.#print(s)
        return
      case 'delete': {
        this.#line(s.line)
        const subs = this.spill(s.subs!.map(e => [e, 'str'] as const))
        this.consume(subs.length, this.#delete(s.arr, subs))
        return
      }
      case 'close': {
        const { m } = this
        this.#line(s.line)
        this.push(s.e, 'str')
        this.await(() => m.files.close(m.pop() as string))
        return
      }
      case 'if': {
        const no: Label = { pc: 0 }
        const end: Label = { pc: 0 }
        this.#line(s.line)
        this.unless(s.c, no)
        this.#stmt(s.a, place)
        if (s.b !== undefined) this.jump(end)
        this.here(no)
        if (s.b !== undefined) this.#stmt(s.b, place)
        this.here(end)
        return
      }
      case 'while':
        this.#while(s.c, s.a, undefined, s.line, place)
        return
      case 'for':
        if (s.init !== undefined) this.#stmt(s.init, place)
        this.#while(s.c, s.a, s.step, s.line, place)
        return
      case 'do': {
        const top: Label = { pc: 0 }
        const test: Label = { pc: 0 }
        const end: Label = { pc: 0 }
        this.here(top)
        this.#stmt(s.a, { ...place, break: end, continue: test })
        this.here(test)
        this.#line(s.line)
        this.unless(s.c, end)
        this.jump(top)
        this.here(end)
        return
      }
      case 'forin':
        this.#forin(s, place)
        return
      case 'break':
        this.jump(place.break!)
        return
      case 'continue':
        this.jump(place.continue!)
        return
      case 'next':
      case 'nextfile':
        this.#next(s, place)
        return
      case 'exit':
        this.#exit(s.e, s.line)
        return
      case 'return': {
        const { m } = this
        this.#line(s.line)
        if (s.e === undefined) this.do(() => m.push(new Cell('', NUM | STR)))
        else this.push(s.e, 'val')
        this.emit(() => m.return(m.pop()))
      }
    }
  }

  #while(c: Expr | undefined, body: Stmt, step: Stmt | undefined, line: number, place: Place): void {
    const { m } = this
    const top: Label = { pc: 0 }
    const next: Label = { pc: 0 }
    const end: Label = { pc: 0 }
    this.here(top)
    const a = this.#plain(body)
    const b = step === undefined ? () => {} : this.#plain(step)
    if (a !== undefined && b !== undefined && (c === undefined || this.ev.pure(c))) {
      const test = c === undefined ? () => true : this.ev.test(c)
      const { pc } = top
      this.emit(() => {
        do {
          m.line = line
          if (!test()) return pc + 1
          a()
          b()
        } while (--m.budget > 0)
        return pc
      })
      return
    }
    if (c !== undefined) {
      this.#line(line)
      this.unless(c, end)
    }
    this.#stmt(body, { ...place, break: end, continue: next })
    this.here(next)
    if (step !== undefined) this.#stmt(step, place)
    this.jump(top)
    this.here(end)
  }

  #forin(s: Extract<Stmt, { t: 'forin' }>, place: Place): void {
    const { m } = this
    const arr = this.ev.cell(s.arr)
    const v = this.ev.cell(s.v)
    const end: Label = { pc: 0 }
    this.do(() => {
      m.line = s.line
      const a = arr()
      m.iters.push({ arr: a, table: a.arr, keys: a.t & ARR ? a.table().keys() : [], i: 0 })
    })
    const top: Label = { pc: 0 }
    this.here(top)
    const body = this.code.length + 1
    this.emit(() => {
      const it = m.iters[m.iters.length - 1]!
      while (it.i < it.keys.length) {
        const key = it.keys[it.i++]!
        // What was deleted meanwhile does not come.
        if (it.arr.arr !== it.table || !it.table?.map.has(key)) continue
        v().sets(key)
        return body
      }
      return end.pc
    })
    this.#stmt(s.a, { ...place, break: end, continue: top })
    this.jump(top)
    this.here(end)
    this.do(() => m.iters.pop())
  }

  #next(s: Extract<Stmt, { t: 'break' | 'continue' | 'next' | 'nextfile' }>, place: Place): void {
    const { m } = this
    const { line } = s
    if (s.t === 'nextfile')
      this.do(() => {
        m.nextfile()
      })
    if (place.section === 'main') {
      this.emit(() => {
        m.unwind()
        return this.#loop.pc
      })
      return
    }
    const where = place.section === 'begin' ? 'BEGIN' : 'END'
    this.emit(() => {
      m.line = line
      if (s.t === 'nextfile' && where === 'END') return HALT
      throw new Fatal(`illegal break, continue, next or nextfile from ${where}`)
    })
  }

  #exit(e: Expr | undefined, line: number): void {
    const { m } = this
    this.#line(line)
    if (e !== undefined) {
      this.push(e, 'val')
      this.do(() => {
        const v = snapshot(m.pop())
        if (typeof v === 'string') m.status = v
        else if (Math.trunc(numof(v)) !== 0) m.status = 'error'
      })
    }
    this.emit(() => {
      m.unwind()
      return this.#ending ? HALT : this.#end.pc
    })
  }

  #print(s: Extract<Stmt, { t: 'print' | 'printf' }>): void {
    const { m } = this
    this.#line(s.line)
    const pure = s.args.every(e => this.ev.pure(e))
    if (s.t === 'printf' && !pure) {
      // printf makes its string before it opens anything.
      const slots = this.spill(s.args.map((e, i) => [e, i === 0 ? 'str' : 'copy'] as const))
      const f = this.ev.sprintf(slots)
      this.do(() => {
        const text = f()
        m.sp -= slots.length
        m.push(text)
      })
      this.#redirect(s)
      this.do(() => {
        const w = m.writers[m.writers.length - 1]!
        w.put(m.pop() as string)
        m.full(w)
      })
    } else {
      this.#redirect(s)
      if (pure) {
        const put = this.#put(s)
        this.do(() => put(m.writers[m.writers.length - 1]!))
      } else
        s.args.forEach((e, i) => {
          const sep = i === s.args.length - 1 ? m.ors : m.ofs
          this.push(e, 'str')
          this.do(() => {
            const w = m.writers[m.writers.length - 1]!
            w.put(m.pop() as string)
            w.put(sep.gets())
            m.full(w)
          })
        })
    }
    const next = this.code.length + 1
    this.emit(() => {
      const w = m.writers.pop()!
      if (!m.files.direct(w)) return next
      m.wait = async () => {
        await m.files.stdout.flush(m.sys)
        await w.flush(m.sys)
        return next
      }
      return WAIT
    })
  }

  /** Finds or opens what a print statement writes to. */
  #redirect(s: Extract<Stmt, { t: 'print' | 'printf' }>): void {
    const { m } = this
    const { mode } = s
    if (mode === '') {
      this.do(() => m.writers.push(m.out))
      return
    }
    this.push(s.to!, 'str')
    const next = this.code.length + 1
    this.emit(() => {
      const name = m.pop() as string
      const w = m.files.writer(name, mode)
      if (w !== undefined) {
        m.writers.push(w)
        return next
      }
      m.wait = async () => {
        m.writers.push(await m.files.openwriter(name, mode))
        return next
      }
      return WAIT
    })
  }
}

function sequence(all: (() => void)[]): () => void {
  if (all.length === 1) return all[0]!
  return () => {
    for (let i = 0; i < all.length; i++) all[i]!()
  }
}
