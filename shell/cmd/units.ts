import { concat } from '../../plan9/9p/bit.ts'
import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { gfmt } from '../../plan9/libc/fmt.ts'
import { text } from '../../plan9/libc/rune.ts'
import { attempt } from '../../plan9/libc/sysfatal.ts'

/** A quantity: a number, and the power of each dimension in it. */
interface Quantity {
  val: number
  dims: ReadonlyMap<string, number>
}

const one: Quantity = { val: 1, dims: new Map() }

const prefixes: readonly [name: string, val: number][] = [
  ['yocto', 1e-24],
  ['zepto', 1e-21],
  ['atto', 1e-18],
  ['femto', 1e-15],
  ['pico', 1e-12],
  ['nano', 1e-9],
  ['micro', 1e-6],
  ['μ', 1e-6],
  ['milli', 1e-3],
  ['centi', 1e-2],
  ['deci', 1e-1],
  ['deka', 1e1],
  ['hecta', 1e2],
  ['hecto', 1e2],
  ['kilo', 1e3],
  ['mega', 1e6],
  ['meg', 1e6],
  ['giga', 1e9],
  ['tera', 1e12],
  ['peta', 1e15],
  ['exa', 1e18],
  ['zetta', 1e21],
  ['yotta', 1e24],
]

const superscripts = '¹²³⁴⁵⁶⁷⁸⁹'

/** Errors after which no more is read. */
const MANY = 5

/** The natural logarithm that no number passes, nor its inverse. */
const MAXLOG = 695

/** Runes of a line, and of a name, that are read; what is over them is not. */
const LINE = 999
const NAME = 39

interface Token {
  kind: string
  value: number
}

class Units {
  readonly out: Bout
  readonly #verbose: boolean
  readonly #units = new Map<string, Quantity>()
  /** The fundamental ones, in the order in which they are printed. */
  readonly #dimensions: string[] = []
  #tokens: Token[] = []
  #line = ''
  #last = ''
  lineno = 0
  errors = 0

  constructor(sys: Sys, verbose: boolean) {
    this.out = new Bout(sys, 1)
    this.#verbose = verbose
  }

  show({ val, dims }: Quantity): string {
    const part = (sign: number) =>
      this.#dimensions
        .map(d => [d, sign * (dims.get(d) ?? 0)] as const)
        .filter(([, n]) => n > 0)
        .map(([d, n]) => ` ${d}${n === 1 ? '' : (superscripts[n - 1] ?? `^${n}`)}`)
        .join('')
    const below = part(-1)
    return gfmt(val) + part(1) + (below === '' ? '' : ` /${below}`)
  }

  #error(msg: string): void {
    if (this.errors > MANY) return
    this.out.put(`${this.lineno}: ${this.#line}\n\t${msg}\n`)
    this.errors++
  }

  /** A product, or a quotient for a `power` of -1; out of range it is 1 or 0. */
  #times(a: number, b: number, power: 1 | -1): number {
    if (a === 0) return 0
    if (b === 0) {
      if (power === 1) return 0
      this.#error('division by zero')
      return 1
    }
    const l = Math.log(Math.abs(a)) + power * Math.log(Math.abs(b))
    if (Math.abs(l) <= MAXLOG) return power === 1 ? a * b : a / b
    this.#error(`${l > 0 ? 'overflow' : 'underflow'} in ${power === 1 ? 'multiply' : 'divide'}`)
    return l > 0 ? 1 : 0
  }

  #multiply(a: Quantity, b: Quantity, power: 1 | -1): Quantity {
    const dims = new Map(a.dims)
    for (const [name, n] of b.dims) dims.set(name, (dims.get(name) ?? 0) + power * n)
    return { val: this.#times(a.val, b.val, power), dims }
  }

  #tokenize(line: string): void {
    this.#line = line
    this.#tokens = []
    const word =
      /\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)|([-+*/[\]()^:?.|#¹²³⁴⁵⁶⁷⁸⁹×÷])|([^-+*/[\]()^:? \t.|#¹²³⁴⁵⁶⁷⁸⁹×÷]+))/uy
    for (let m = word.exec(line); m; m = word.exec(line)) {
      const [, number, sign, name] = m
      if (number !== undefined) this.#tokens.push({ kind: 'number', value: Number(number) })
      else if (sign === undefined) this.#tokens.push({ kind: `name ${[...name!].slice(0, NAME).join('')}`, value: 0 })
      else if (superscripts.includes(sign)) this.#tokens.push({ kind: 'power', value: superscripts.indexOf(sign) + 1 })
      else this.#tokens.push({ kind: sign === '×' ? '*' : sign === '÷' ? '/' : sign, value: 0 })
    }
  }

  #is(kind: string): boolean {
    return this.#tokens[0]?.kind === kind
  }

  #accept(kind: string): boolean {
    if (!this.#is(kind)) return false
    this.#tokens.shift()
    return true
  }

  /** A line of the data: a name, and what it stands for. */
  define(line: string): void {
    this.#tokenize(line)
    const name = /^name (.*)$/s.exec(this.#tokens.shift()?.kind ?? '')?.[1]
    this.#last = name ?? ''
    if (name === undefined) {
      this.#syntax()
      return
    }
    const known = this.#units.has(name)
    if (this.#accept('#')) {
      this.#dimensions.push(name)
      this.#units.set(name, { val: 1, dims: new Map([[name, 1]]) })
      if (this.#verbose && !known) this.out.put(`${name}\t#\n`)
    } else {
      const q = this.#whole()
      if (q === undefined) return
      this.#units.set(name, q)
      if (this.#verbose && !known) this.out.put(`${name}\t${this.show(q)}\n`)
    }
    if (known) this.#error(`redefinition of ${name}`)
  }

  /** What was typed; nothing is 1. Undefined after an error. */
  read(line: string): Quantity | undefined {
    this.errors = 0
    this.#last = ''
    this.#tokenize(line)
    const q = this.#tokens.length === 0 ? one : this.#whole()
    return this.errors > 0 ? undefined : q
  }

  #syntax(): undefined {
    this.#error(`syntax error, last name: ${this.#last}`)
  }

  /** All tokens, as an expression. */
  #whole(): Quantity | undefined {
    const q = this.#sum()
    return q !== undefined && this.#tokens.length === 0 ? q : this.#syntax()
  }

  #sum(): Quantity | undefined {
    let a = this.#product()
    while (a && (this.#is('+') || this.#is('-'))) {
      const what = this.#tokens.shift()!.kind === '+' ? 'add' : 'sub'
      const b = this.#product()
      if (!b) return undefined
      for (const d of this.#dimensions)
        if ((a.dims.get(d) ?? 0) !== (b.dims.get(d) ?? 0)) {
          this.#error(`${what} must be like units`)
        }
      a = { val: what === 'add' ? a.val + b.val : a.val - b.val, dims: a.dims }
    }
    return a
  }

  #product(): Quantity | undefined {
    let a = this.#juxtaposed()
    while (a && (this.#is('*') || this.#is('/'))) {
      const power = this.#tokens.shift()!.kind === '*' ? 1 : -1
      const b = this.#juxtaposed()
      a = b && this.#multiply(a, b, power)
    }
    return a
  }

  #juxtaposed(): Quantity | undefined {
    let a = this.#power()
    while (a && (this.#is('(') || /^(number|name )/.test(this.#tokens[0]?.kind ?? ''))) {
      const b = this.#power()
      a = b && this.#multiply(a, b, 1)
    }
    return a
  }

  #power(): Quantity | undefined {
    let a = this.#ratio()
    while (a) {
      if (this.#is('power')) a = this.#raise(a, this.#tokens.shift()!.value)
      else if (this.#accept('^')) {
        const b = this.#ratio()
        if (!b) return undefined
        if ([...b.dims.values()].some(n => n !== 0)) this.#error('exponent has units')
        else {
          const whole = Number.isInteger(b.val) && Math.abs(b.val) < 2 ** 31
          if (!whole) this.#error('exponent not integral')
          a = this.#raise(a, whole || Math.abs(b.val) < 1e3 ? Math.trunc(b.val) : 1)
        }
      } else return a
    }
    return undefined
  }

  /** What multiplying so often comes to, errors on the way included. */
  #raise({ val, dims }: Quantity, power: number): Quantity {
    const raised = new Map([...dims].map(([d, n]) => [d, n * power]))
    const l = Math.log(Math.abs(val))
    if (val !== 0 && Math.abs(l * power) <= MAXLOG) return { val: val ** power, dims: raised }
    const sign = power < 0 ? -1 : 1
    // As far as a step is in range all of them are one.
    const reach = Math.max(1, Math.floor(MAXLOG / Math.abs(l)))
    let v = 1
    for (let left = Math.abs(power); left > 0 && v !== 0 && this.errors <= MANY; ) {
      const n = val === 0 || v !== 1 ? 1 : Math.min(left, reach)
      v = n === 1 ? this.#times(v, val, sign) : val ** (sign * n)
      left -= n
    }
    return { val: v, dims: raised }
  }

  #ratio(): Quantity | undefined {
    let a = this.#atom()
    while (a && this.#accept('|')) {
      const b = this.#atom()
      a = b && this.#multiply(a, b, -1)
    }
    return a
  }

  #atom(): Quantity | undefined {
    const t = this.#tokens.shift()
    if (t?.kind === 'number') return { val: t.value, dims: one.dims }
    if (t?.kind === '(') {
      const q = this.#sum()
      return this.#accept(')') ? q : undefined
    }
    const name = /^name (.*)$/s.exec(t?.kind ?? '')?.[1]
    if (name === undefined) return undefined
    this.#last = name
    const q = this.#lookup(name)
    if (q === undefined) this.#error(`undefined ${name}`)
    return q ?? one
  }

  /** A unit by its name, with prefixes before it and an s behind. */
  #lookup(name: string): Quantity | undefined {
    let factor = 1
    for (let rest = name; rest !== '' && factor !== 0; ) {
      const q = this.#units.get(rest)
      if (q) return { val: this.#times(q.val, factor, 1), dims: q.dims }
      const prefix = prefixes.find(([p]) => rest.startsWith(p))
      if (prefix) {
        factor = this.#times(factor, prefix[1], 1)
        rest = rest.slice(prefix[0].length)
      } else if ([...rest].length > 2 && rest.endsWith('s')) rest = rest.slice(0, -1)
      else return undefined
    }
    return undefined
  }

  /** A temperature, which is no multiple: a degree of one scale wanted in the other. */
  temperature(have: Quantity, want: Quantity): string | undefined {
    const scale = ({ dims }: Quantity) => {
      const all = [...dims].filter(([, n]) => n !== 0)
      return all.length === 1 && all[0]![1] === 1 ? all[0]![0] : undefined
    }
    const way = `${scale(have)} ${scale(want)}`
    if (want.val !== 1) return undefined
    if (way === '°C °F') return this.show({ val: (have.val * 9) / 5 + 32, dims: want.dims })
    if (way === '°F °C') return this.show({ val: ((have.val - 32) * 5) / 9, dims: want.dims })
    return undefined
  }

  answer(have: Quantity, want: Quantity): void {
    const t = this.temperature(have, want)
    if (t !== undefined) this.out.put(`\tis ${t}\n`)
    else
      for (const [sign, a, b] of [
        ['*', have, want],
        ['/', want, have],
      ] as const) {
        const q = this.#multiply(a, b, -1)
        this.out.put(`\t${sign} ${this.show(q)}\n`)
      }
  }
}

/** The lines of a file, without their newlines and what is beyond LINE runes; a last one that has no newline is dropped. */
async function* lines(sys: Sys, fd: number): AsyncGenerator<string> {
  const bin = new Bin(sys, fd)
  let kept: Uint8Array[] = []
  let room = 4 * LINE
  for (let b = await bin.chunk(); b.length > 0; b = await bin.chunk())
    for (let at = 0; at < b.length; ) {
      const nl = b.indexOf(10, at)
      const end = nl < 0 ? b.length : nl
      if (room > 0 && end > at) kept.push(b.slice(at, Math.min(end, at + room)))
      room -= end - at
      at = end + 1
      if (nl < 0) continue
      const s = text(concat(kept))
      yield s.length <= LINE ? s : [...s].slice(0, LINE).join('')
      kept = []
      room = 4 * LINE
    }
}

const main: Program = async (sys, argv) => {
  let verbose = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c !== 'v') {
      await sys.write(1, 'usage: units [-v] [file]\n')
      return 'usage'
    }
    verbose = true
  }
  const u = new Units(sys, verbose)
  const { out } = u
  const many = async () => {
    if (u.errors <= MANY) return false
    out.put('too many errors\n')
    await out.flush()
    return true
  }
  const file = arg.argv[0] ?? '/lib/units'
  const fd = await attempt(sys.open(file, OREAD))
  if (fd === undefined) {
    await sys.write(1, `cant open: ${file}\n`)
    return 'open'
  }
  for await (const line of lines(sys, fd)) {
    u.lineno++
    if (line !== '' && line[0] !== '/') u.define(line)
    if (await many()) return 'errors'
  }
  await sys.close(fd)

  u.lineno = 0
  let have = one
  const ask = async () => {
    out.put(u.lineno % 2 === 0 ? 'you have: ' : 'you want: ')
    await out.flush()
  }
  await ask()
  for await (const line of lines(sys, 0)) {
    const q = u.read(line)
    if (await many()) return 'errors'
    if (q !== undefined) {
      if (u.lineno % 2 === 0) have = q
      else u.answer(have, q)
      u.lineno++
    }
    await ask()
  }
  out.put('\n')
  await out.flush()
  return ''
}
export default main
