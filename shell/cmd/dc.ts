import { OREAD } from '../../plan9/9p/const.ts'
import { type Program, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { Beof, Bin, Bout } from '../../plan9/libc/bio.ts'
import { tobytes, totext } from '../../plan9/libc/bytes.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'
import * as n from './dc/number.ts'
import { print } from './dc/print.ts'

/** A string of commands: of bytes. */
interface Str {
  text: string
}
/** An array, of what is not 0 in it. */
type Arr = Map<number, Value>
type Value = n.Num | Str | Arr

const isnum = (v: Value): v is n.Num => 'v' in v

/** What is said when a command cannot be done; the next one is. */
class Complaint extends Error {}

/** Strings in execution at once, and the indices of arrays. */
const DEPTH = 10_000
const MAXIND = 2048
/** The registers that bc takes for functions, as dc knows them. */
const LASTFUN = 0o26
/** Commands between two looks at the clock, and milliseconds between two moments in which others may run. */
const STEPS = 2000
const SLICE = 20

class Exit extends Error {}

class Dc {
  readonly sys: Sys
  readonly out: Bout
  readonly #files: Bin[]
  readonly #stdin: Bin
  readonly #stack: Value[] = []
  readonly #registers = new Map<number, Value[]>()
  /** Strings in execution. */
  readonly #running: { text: string; at: number }[] = []
  #ibase = 10n
  #obase = 10n
  #k = 0
  #steps = STEPS
  #until = 0

  constructor(sys: Sys, files: Bin[]) {
    this.sys = sys
    this.out = new Bout(sys, 1)
    this.#files = files
    this.#stdin = files[files.length - 1]!
  }

  // Characters.

  /** The next character of the strings in execution; undefined when there is none. */
  #char(): number | undefined {
    for (;;) {
      const top = this.#running[this.#running.length - 1]
      if (top === undefined) return undefined
      if (top.at < top.text.length) return top.text.charCodeAt(top.at++)
      this.#running.pop()
    }
  }

  async #getc(): Promise<number> {
    const c = this.#char()
    if (c !== undefined) return c
    await this.out.flush()
    for (;;) {
      const file = this.#files[0]
      if (file === undefined) throw new Exit()
      const b = await file.getc()
      if (b !== Beof) return b
      this.#files.shift()
    }
  }

  /** Puts back the last one. */
  #unget(): void {
    const top = this.#running[this.#running.length - 1]
    if (top) top.at--
    else this.#files[0]?.ungetc()
  }

  async #register(): Promise<number> {
    let c = await this.#getc()
    if (c !== 60) return c
    let x = 0
    for (c = await this.#getc(); c !== 62; c = await this.#getc()) x = 10 * x + c - 48
    return x & 0xff
  }

  async #number(): Promise<n.Num> {
    let v = 0n
    let scale = -1
    for (;;) {
      const c = await this.#getc()
      if (c === 46 && scale < 0) scale = 0
      else if (c === 92) await this.#getc()
      else if ((c >= 48 && c <= 57) || (c >= 65 && c <= 70)) {
        if (scale >= 99) continue
        if (scale >= 0) scale++
        v = v * this.#ibase + BigInt(c <= 57 ? c - 48 : c - 55)
      } else {
        this.#unget()
        if (scale <= 0) return n.num(v)
        return n.num((v * n.ten(scale)) / this.#ibase ** BigInt(scale), scale)
      }
    }
  }

  async #string(): Promise<Str> {
    let text = ''
    for (let depth = 1; ; ) {
      const c = String.fromCharCode(await this.#getc())
      if (c === '[') depth++
      else if (c === ']' && --depth === 0) return { text }
      text += c
    }
  }

  // The stack.

  #push(v: Value): void {
    this.#stack.push(v)
  }

  #pop(): Value {
    const v = this.#stack.pop()
    if (v === undefined) throw new Complaint('stack empty')
    return v
  }

  /** A string is no number: 0. */
  #popnum(): n.Num {
    const v = this.#pop()
    return isnum(v) ? v : n.zero
  }

  /** The two on the top, the lower first. Where there is one only it stays. */
  #pair(): [n.Num, n.Num] {
    if (this.#stack.length === 1) throw new Complaint('stack empty')
    const y = this.#popnum()
    return [this.#popnum(), y]
  }

  #top(): Value {
    const v = this.#stack[this.#stack.length - 1]
    if (v === undefined) throw new Complaint('empty stack')
    return v
  }

  #show(v: Value): void {
    if (isnum(v)) this.out.put(print(v, Number(this.#obase), this.#k))
    else if ('text' in v) this.out.put(tobytes(`${v.text}\n`))
  }

  #run({ text }: Str): void {
    const top = this.#running[this.#running.length - 1]
    // The last thing that a string does takes its place.
    if (top && top.at >= top.text.length) this.#running.pop()
    if (this.#running.length >= DEPTH) throw new Complaint('nesting depth')
    this.#running.push({ text, at: 0 })
  }

  #load(register: number): Value {
    const v = this.#registers.get(register)?.at(-1)
    if (v === undefined) {
      if (register > LASTFUN) return n.zero
      this.out.put(`function ${String.fromCharCode(register + 96)} undefined\n`)
      return { text: 'c0 1Q' }
    }
    return v instanceof Map ? new Map(v) : v
  }

  /** A number is executed as the bytes that it is for the real dc. */
  #do(v: Value): void {
    if (v instanceof Map) this.#push(v)
    else this.#run(isnum(v) ? { text: n.bytes(v) } : v)
  }

  #index(): number {
    const i = n.integer(this.#popnum())
    if (i < 0n) throw new Complaint('neg index')
    if (i >= MAXIND) throw new Complaint('index too big')
    return Number(i)
  }

  /** An array in a register. */
  #array(register: number): Arr {
    const all = this.#registers.get(register) ?? []
    const top = all.at(-1)
    if (top instanceof Map) return top
    const made: Arr = new Map()
    if (all.length > 0) all[all.length - 1] = made
    else this.#registers.set(register, [made])
    return made
  }

  #divide(): ReturnType<typeof n.divide> | undefined {
    const [x, y] = this.#pair()
    if (y.v === 0n) {
      this.#push(y)
      throw new Complaint('divide by 0')
    }
    if (x.v === 0n) {
      this.#push(x)
      return undefined
    }
    return n.divide(x, y, this.#k)
  }

  #power(): void {
    const e = this.#popnum()
    if (e.scale !== 0) throw new Complaint('exp not an integer')
    if (this.#stack.length === 0) {
      this.#push(e)
      throw new Complaint('stack empty')
    }
    if (n.abs(e.v) >= 10n ** 8n) throw new Complaint('exp too big')
    const p = n.power(this.#popnum(), n.abs(e.v), this.#k)
    if (e.v >= 0n) {
      this.#push(p)
      return
    }
    this.#push(n.num(1n))
    this.#push(p)
    const q = this.#divide()
    if (q) this.#push(q.quotient)
  }

  async #condition(is: (d: bigint) => boolean): Promise<void> {
    if (this.#stack.length < 2) {
      // The one that is there is negated, and executed; the register's name comes next.
      this.out.put('stack empty\n')
      const x = this.#pop()
      return this.#do(isnum(x) ? n.negate(x) : x)
    }
    const [x, y] = this.#pair()
    const d = n.add(y, n.negate(x)).v
    const register = await this.#register()
    if (is(d)) this.#do(this.#load(register))
  }

  async #shell(c: number): Promise<void> {
    switch (String.fromCharCode(c)) {
      case '<':
        return this.#condition(d => d >= 0n)
      case '>':
        return this.#condition(d => d <= 0n)
      case '=':
        return this.#condition(d => d !== 0n)
    }
    let line = ''
    for (; c !== 10; c = await this.#getc()) line += String.fromCharCode(c)
    await this.out.flush()
    await this.sys.rfork(RFPROC | RFFDG, child => child.exec('/bin/rc', ['rc', '-c', totext(line)]))
    await this.sys.wait()
    this.out.put('!\n')
  }

  /** `?`: a line of the standard input. */
  async #ask(): Promise<void> {
    await this.out.flush()
    const line = await this.#stdin.rdline()
    if (line === undefined) throw new Exit()
    let text = ''
    for (const c of line) if (c !== 10) text += String.fromCharCode(c)
    this.#run({ text })
  }

  async run(): Promise<void> {
    for (;;) {
      if (--this.#steps <= 0) {
        this.#steps = STEPS
        if (this.out.full) await this.out.flush()
        if (performance.now() > this.#until) {
          await this.sys.sleep(0)
          this.#until = performance.now() + SLICE
        }
      }
      try {
        const c = this.#char() ?? (await this.#getc())
        await this.#command(c)
      } catch (e) {
        if (!(e instanceof Complaint)) throw e
        this.out.put(`${e.message}\n`)
      }
    }
  }

  #command(c: number): Promise<void> | void {
    const k = this.#k
    switch (String.fromCharCode(c)) {
      case ' ':
      case '\t':
      case '\n':
        return
      case '\xff':
        // The end of a negative number's bytes.
        if (this.#running.length > 0) return
        break
      case '+':
        return this.#push(n.add(...this.#pair()))
      case '-': {
        const [x, y] = this.#pair()
        return this.#push(n.add(x, n.negate(y)))
      }
      case '*':
        return this.#push(n.multiply(...this.#pair(), k))
      case '/': {
        const q = this.#divide()
        return q && this.#push(q.quotient)
      }
      case '%': {
        const q = this.#divide()
        return q && this.#push(q.remainder)
      }
      case '^':
        return this.#power()
      case 'v': {
        const x = this.#popnum()
        if (x.v < 0n) throw new Complaint('sqrt of neg number')
        return this.#push(n.sqrt(x, k))
      }
      case 'z':
        return this.#push(n.num(BigInt(this.#stack.length)))
      case 'Z': {
        const x = this.#pop()
        const length = isnum(x) ? (x.v === 0n ? 0 : n.abs(x.v).toString().length) : 'text' in x ? x.text.length : x.size
        return this.#push(n.num(BigInt(length)))
      }
      case 'X':
        return this.#push(n.num(BigInt(this.#popnum().scale)))
      case 'i':
        this.#ibase = n.integer(this.#popnum())
        return
      case 'I':
        return this.#push(n.num(this.#ibase))
      case 'o': {
        const base = n.integer(this.#popnum())
        if (base < 0n) throw new Complaint('negative output base')
        this.#obase = base
        return
      }
      case 'O':
        return this.#push(n.num(this.#obase))
      case 'k': {
        const scale = n.integer(this.#popnum())
        if (scale < 0n || scale > 99n) throw new Complaint('scale too big')
        this.#k = Number(scale)
        return
      }
      case 'K':
        return this.#push(n.num(BigInt(k)))
      case 'd':
        return this.#push(this.#top())
      case 'c':
        this.#stack.length = 0
        return
      case 'p':
        return this.#show(this.#top())
      case 'f':
        this.#top()
        for (const v of [...this.#stack].reverse()) this.#show(v)
        return
      case 'P': {
        const v = this.#pop()
        if (isnum(v)) this.out.put(print(v, Number(this.#obase), k).slice(0, -1))
        else if ('text' in v) this.out.put(tobytes(v.text))
        return
      }
      case 'x':
        return this.#do(this.#pop())
      case 'q':
        if (this.#running.length <= 1) throw new Exit()
        this.#running.length -= 2
        return
      case 'Q': {
        const levels = n.integer(this.#popnum())
        if (levels < 0n) throw new Complaint('neg Q')
        if (levels > BigInt(this.#running.length)) {
          this.#running.length = 0
          throw new Complaint('readstk?')
        }
        this.#running.length -= Number(levels)
        return
      }
      case '?':
        return this.#ask()
    }
    return this.#longer(c)
  }

  /** Commands of more than one character. */
  async #longer(c: number): Promise<void> {
    const ch = String.fromCharCode(c)
    if (/[0-9A-F.]/.test(ch)) {
      this.#unget()
      return this.#push(await this.#number())
    }
    switch (ch) {
      case '_':
        return this.#push(n.negate(await this.#number()))
      case '[':
        return this.#push(await this.#string())
      case '!':
        return this.#shell(await this.#getc())
      case '<':
        return this.#condition(d => d < 0n)
      case '>':
        return this.#condition(d => d > 0n)
      case '=':
        return this.#condition(d => d === 0n)
      case 's':
      case 'S': {
        if (this.#stack.length === 0) throw new Complaint(ch === 's' ? 'save:args' : 'save: args')
        const register = await this.#register()
        const all = this.#registers.get(register) ?? []
        if (ch === 's') all.pop()
        all.push(this.#pop())
        this.#registers.set(register, all)
        return
      }
      case 'l':
        return this.#push(this.#load(await this.#register()))
      case 'L': {
        const v = this.#registers.get(await this.#register())?.pop()
        if (v === undefined) throw new Complaint('L?')
        return this.#push(v)
      }
      case ':': {
        const i = this.#index()
        const array = this.#array(await this.#register())
        array.set(i, this.#pop())
        return
      }
      case ';': {
        const i = this.#index()
        return this.#push(this.#array(await this.#register()).get(i) ?? n.zero)
      }
    }
    throw new Complaint(`${c.toString(8)} is unimplemented`)
  }
}

const dc: Program = async (sys, argv) => {
  const files = [new Bin(sys, 0)]
  const name = argv[1]
  if (name !== undefined)
    try {
      files.unshift(new Bin(sys, await sys.open(name, OREAD)))
    } catch (e) {
      r(e)
      await eprint(sys, `dc: can't open file ${name}\n`)
      return 'open'
    }
  const d = new Dc(sys, files)
  try {
    await d.run()
  } catch (e) {
    if (!(e instanceof Exit)) throw e
  }
  await d.out.flush()
  return ''
}
export default dc
