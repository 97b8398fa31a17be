import type { Sys } from '../../../plan9/kernel/sys.ts'
import { Bout } from '../../../plan9/libc/bio.ts'
import { Hocerror } from './lex.ts'

/** What may have to wait for input, and mostly need not. */
export type Maybe<T> = T | Promise<T>

export function after(v: Maybe<number>, f: (v: number) => Maybe<number>): Maybe<number> {
  return typeof v === 'number' ? f(v) : v.then(f)
}

export interface Fn {
  kind: 'func' | 'proc'
  /** A string of bytes. */
  name: string
  formals: Name[]
  /** Undefined until it has been read. */
  body: (() => Maybe<number>) | undefined
}

/** What a name stands for: a number, once it has been assigned; a function; a built-in. */
export interface Name {
  text: string
  value: number | undefined
  fn: Fn | undefined
  builtin: ((x: number) => number) | undefined
}

/** Calls of functions in each other at most. */
const MAXCALLS = 1000
/** Turns of loops and calls between two looks at the clock, and milliseconds between two moments in which others may run. */
const TURNS = 5000
const SLICE = 20

const constants = {
  PI: Math.PI,
  E: Math.E,
  GAMMA: 0.5772156649015329,
  DEG: 180 / Math.PI,
  PHI: (1 + Math.sqrt(5)) / 2,
}

/** The result of a function that may not have one. */
function check(x: number, what: string): number {
  if (Number.isNaN(x)) throw new Hocerror(`${what} argument out of domain`)
  if (!Number.isFinite(x)) throw new Hocerror(`${what} result out of range`)
  return x
}

const builtins: Record<string, (x: number) => number> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  atan: Math.atan,
  tanh: Math.tanh,
  abs: Math.abs,
  int(x) {
    if (!(x >= -(2 ** 31) && x <= 2 ** 31 - 1)) throw new Hocerror('argument out of domain')
    return Math.trunc(x) + 0
  },
}
for (const name of ['asin', 'acos', 'sinh', 'cosh', 'log', 'log10', 'exp', 'sqrt'] as const)
  builtins[name] = x => check(Math[name](x), name)

const truth = (b: boolean) => (b ? 1 : 0)

const operators: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/'(a, b) {
    if (b === 0) throw new Hocerror('division by zero')
    return a / b
  },
  '%'(a, b) {
    if (b === 0) throw new Hocerror('division by zero')
    return a % b
  },
  '^': (a, b) => check(a ** b, 'exponentiation'),
  '>': (a, b) => truth(a > b),
  '>=': (a, b) => truth(a >= b),
  '<': (a, b) => truth(a < b),
  '<=': (a, b) => truth(a <= b),
  '==': (a, b) => truth(a === b),
  '!=': (a, b) => truth(a !== b),
  // Both sides have been evaluated.
  '&&': (a, b) => truth(a !== 0 && b !== 0),
  '||': (a, b) => truth(a !== 0 || b !== 0),
}

/** The variables and functions, and what the code of a program does with them. */
export class Hoc {
  readonly out: Bout
  readonly #sys: Sys
  readonly #names = new Map<string, Name>()
  readonly #input: (name: Name) => Promise<number>
  returning = false
  #calls = 0
  #turns = 0
  #until = 0

  /** `input` is what `read` does: it gives a variable a value, and 0 where there is none. */
  constructor(sys: Sys, input: (name: Name) => Promise<number>) {
    this.#sys = sys
    this.out = new Bout(sys, 1)
    this.#input = input
    for (const [text, value] of Object.entries(constants)) this.name(text).value = value
    for (const [text, f] of Object.entries(builtins)) this.name(text).builtin = f
  }

  name(text: string): Name {
    let n = this.#names.get(text)
    if (n === undefined) {
      n = { text, value: undefined, fn: undefined, builtin: undefined }
      this.#names.set(text, n)
    }
    return n
  }

  operator(kind: string): (a: number, b: number) => number {
    return operators[kind]!
  }

  /** Before what is read next is run: nothing is under way. */
  begin(): void {
    this.returning = false
    this.#calls = 0
  }

  /** `_` is the expression that was printed last. */
  last(v: number): void {
    this.name('_').value = v
  }

  value(name: Name): number {
    if (name.fn) throw new Hocerror(`attempt to evaluate non-variable ${name.text}`)
    if (name.value === undefined) throw new Hocerror(`undefined variable ${name.text}`)
    return name.value
  }

  step(name: Name, by: number, after: boolean): number {
    const old = this.value(name)
    name.value = old + by
    return after ? old : name.value
  }

  assign(name: Name, op: string, v: number): number {
    if (name.fn) throw new Hocerror(`assignment to non-variable ${name.text}`)
    const old = name.value ?? 0
    switch (op) {
      case '+=':
        v = old + v
        break
      case '-=':
        v = old - v
        break
      case '*=':
        v = old * v
        break
      case '/=':
        v = old / v
        break
      case '%=':
        // Of integers, unlike %.
        if (Math.trunc(v) === 0) throw new Hocerror('division by zero')
        v = Math.trunc(old) % Math.trunc(v)
    }
    name.value = v
    return v
  }

  read(name: Name): Promise<number> {
    return this.#input(name)
  }

  /** Whether others must be let in before it goes on. */
  #busy(): boolean {
    if (++this.#turns < TURNS && !this.out.full) return false
    this.#turns = 0
    return this.out.full || performance.now() > this.#until
  }

  async #rest(): Promise<void> {
    if (this.out.full) await this.out.flush()
    await this.#sys.sleep(0)
    this.#until = performance.now() + SLICE
  }

  loop(c: () => Maybe<number>, body: () => Maybe<number>, step: (() => Maybe<number>) | undefined): Maybe<number> {
    const turn = (): Maybe<number> => after(body(), () => (this.returning || !step ? 0 : step()))
    for (;;) {
      if (this.#busy()) return this.#rest().then(() => this.loop(c, body, step))
      const v = c()
      if (typeof v !== 'number') return v.then(x => (x === 0 ? 0 : after(turn(), () => this.#again(c, body, step))))
      if (v === 0) return 0
      const t = turn()
      if (typeof t !== 'number') return t.then(() => this.#again(c, body, step))
      if (this.returning) return 0
    }
  }

  #again(...loop: Parameters<Hoc['loop']>): Maybe<number> {
    return this.returning ? 0 : this.loop(...loop)
  }

  #result = 0

  return(fn: Fn, v: number | undefined): number {
    if (fn.kind === 'proc' && v !== undefined) throw new Hocerror(`${fn.name} (proc) returns value`)
    if (fn.kind === 'func' && v === undefined) throw new Hocerror(`${fn.name} (func) returns no value`)
    this.returning = true
    this.#result = v ?? 0
    return 0
  }

  /** Calls a function; the formals are the arguments for that time. */
  call(name: Name, args: number[]): Maybe<number> {
    const { fn } = name
    if (!fn?.body || args.length !== fn.formals.length)
      throw new Hocerror(`${name.text} called with wrong number of arguments`)
    if (this.#calls >= MAXCALLS) throw new Hocerror(`${name.text} call nested too deeply`)
    const saved = fn.formals.map(f => ({ value: f.value, fn: f.fn }))
    const restore = () => {
      for (const [i, f] of fn.formals.entries()) Object.assign(f, saved[i])
    }
    fn.formals.forEach((f, i) => {
      f.value = args[i]!
      f.fn = undefined
    })
    this.#calls++
    const end = (): number => {
      if (!this.returning && fn.kind === 'func') throw new Hocerror(`${fn.name} (func) returns no value`)
      restore()
      this.#calls--
      this.returning = false
      return this.#result
    }
    const failed = (e: unknown): never => {
      restore()
      throw e
    }
    try {
      const v = this.#busy() ? this.#rest().then(fn.body) : fn.body()
      return typeof v === 'number' ? end() : v.then(end).catch(failed)
    } catch (e) {
      return failed(e)
    }
  }
}
