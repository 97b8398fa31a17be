import { OREAD } from '../../../plan9/9p/const.ts'
import { PlanError } from '../../../plan9/error.ts'
import type { Sys } from '../../../plan9/kernel/sys.ts'
import { Bsize } from '../../../plan9/libc/bio.ts'
import { fromtext, totext } from '../../../plan9/libc/bytes.ts'
import { dirreadall } from '../../../plan9/libc/dirread.ts'
import { getenv } from '../../../plan9/libc/env.ts'
import { EOF, Files, MORE, type Next, Reader, type Writer } from './io.ts'
import { Rand } from './rand.ts'
import { Fields } from './record.ts'
import { Regexps } from './regex.ts'
import {
  ARR,
  Cell,
  enter,
  Fatal,
  isnumber,
  NUM,
  numof,
  STR,
  snapshot,
  strof,
  type Table,
  type Val,
  type World,
} from './value.ts'

/** An instruction does its work and says which is the next: its index, or one of these. */
export type Instr = () => number
/** The end. */
export const HALT = -1
/** `Machine.wait` is to be awaited, and says which is next. */
export const WAIT = -2

/** Instructions between two looks at the clock, and milliseconds between two moments in which others may run. */
const STEPS = 5000
const SLICE = 20
/** Calls of functions in each other at most. */
const MAXFRAMES = 100_000

interface Frame {
  ret: number
  args: Cell[]
  /** Arguments given. */
  ncall: number
  iters: number
  line: number
}

/** A loop over an array's subscripts. */
export interface Iter {
  arr: Cell
  table: Table | undefined
  keys: string[]
  i: number
}

/** x=1, with the name before and the value after: an argument that is an assignment. */
const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=(?!=)/

export const isassignment = (s: string): boolean => assignment.test(s)

/** A value of the command line: escapes of strings are known. */
export function qstring(s: string): string {
  const names: Record<string, string> = { '\\': '\\', n: '\n', t: '\t', b: '\b', f: '\f', r: '\r' }
  return s.replace(/\\(?:([0-9]{1,3})|([\s\S])|$)/g, (_, octal?: string, c?: string) => {
    if (octal !== undefined) return String.fromCharCode([...octal].reduce((n, d) => 8 * n + Number(d), 0) & 0xff)
    return c === undefined ? '\\' : (names[c] ?? c)
  })
}

/** What runs a program: variables, records, files, and the instructions that the compiler made. */
export class Machine implements World {
  readonly sys: Sys
  readonly argv0: string
  readonly globals: Map<string, Cell>
  readonly files: Files
  readonly out: Writer
  readonly regexps = new Regexps()
  readonly rec: Fields
  readonly rand = new Rand()
  elements = 0

  readonly convfmt: Cell
  readonly fs: Cell
  readonly rs: Cell
  readonly ofs: Cell
  readonly ors: Cell
  readonly nf: Cell
  readonly nr: Cell
  readonly fnr: Cell
  readonly subsep: Cell
  readonly filename: Cell
  readonly rstart: Cell
  readonly rlength: Cell
  readonly #argc: Cell
  readonly #argv: Cell

  code: Instr[] = []
  stack: Val[] = []
  sp = 0
  args: Cell[] = []
  iters: Iter[] = []
  readonly #frames: Frame[] = []
  /** Where output of print statements under way goes. */
  readonly writers: Writer[] = []
  wait: () => Promise<number> = async () => HALT
  budget = STEPS
  line = 0
  status = ''
  #warnings = ''
  /** Whether much output waits to be written. */
  #much = false

  #input: Reader | undefined
  #started = false
  #argno = 1
  #toclose: number[] = []

  /** `args` is what follows the program on the command line, as strings of bytes. */
  constructor(sys: Sys, argv0: string, globals: Map<string, Cell>, args: string[]) {
    this.sys = sys
    this.argv0 = argv0
    this.globals = globals
    this.files = new Files(sys)
    this.out = this.files.stdout
    const v = (name: string, t: number, s: string) => {
      let c = globals.get(name)
      if (c === undefined) {
        c = new Cell(name, t, 0, s)
        globals.set(name, c)
      }
      return c
    }
    this.fs = v('FS', STR, ' ')
    this.rs = v('RS', STR, '\n')
    this.ofs = v('OFS', STR, ' ')
    this.ors = v('ORS', STR, '\n')
    v('OFMT', STR, '%.6g')
    this.convfmt = v('CONVFMT', STR, '%.6g')
    this.filename = v('FILENAME', STR, '')
    this.nf = v('NF', NUM, '')
    this.nr = v('NR', NUM, '')
    this.fnr = v('FNR', NUM, '')
    this.subsep = v('SUBSEP', STR, '\x1c')
    this.rstart = v('RSTART', NUM, '')
    this.rlength = v('RLENGTH', NUM, '')
    this.#argc = v('ARGC', NUM, '')
    this.#argc.setf(args.length + 1)
    this.#argv = v('ARGV', NUM, '')
    enter(this)
    const argv = this.#argv.clear()
    for (const [i, a] of [argv0, ...args].entries()) argv.get(String(i)).setinput(a)
    this.rec = new Fields(this.nf, this.ofs, this.regexps)
  }

  /** Fills ENVIRON. */
  async environ(c: Cell, safe: boolean): Promise<void> {
    const { sys } = this
    const vars: [string, string][] = []
    if (!safe)
      try {
        const fd = await sys.open('/env', OREAD)
        for (const d of await dirreadall(sys, fd)) {
          const value = d.name.startsWith('fn#') ? undefined : await getenv(sys, d.name)
          if (value !== undefined) vars.push([d.name, value])
        }
        await sys.close(fd)
      } catch (e) {
        if (!(e instanceof PlanError)) throw e
      }
    enter(this)
    const table = c.clear()
    for (const [name, value] of vars) table.get(fromtext(name)).setinput(fromtext(value))
  }

  /** Does an assignment of the command line. */
  assign(s: string): void {
    const name = assignment.exec(s)![1]!
    let c = this.globals.get(name)
    if (c === undefined) {
      c = new Cell(name, STR)
      this.globals.set(name, c)
    }
    c.setinput(qstring(s.slice(name.length + 1)))
  }

  // Input.

  #arg(n: number): string {
    return this.#argv.table().get(String(n)).gets()
  }

  /** The next record of the files that the command line names, or of standard input; FS is kept for it. */
  take(): Next {
    for (;;) {
      if (this.#input === undefined) {
        if (this.#started && this.#argno >= this.#argc.getf()) return EOF
        return MORE
      }
      this.rec.fs = this.fs.gets()
      const r = this.#input.next(this.rs.gets().slice(0, 1))
      if (typeof r === 'string') {
        this.nr.setf(this.nr.getf() + 1)
        this.fnr.setf(this.fnr.getf() + 1)
        return r
      }
      if (r === MORE) return MORE
      this.nextfile()
    }
  }

  /** Gets what `take` asked for: a file, or more of it. */
  async more(): Promise<void> {
    for (const fd of this.#toclose.splice(0)) await this.sys.close(fd)
    if (this.#input !== undefined) {
      await this.files.flush()
      await this.#input.fill(this.sys)
      return
    }
    enter(this)
    if (!this.#started) this.#start()
    for (; this.#input === undefined && this.#argno < this.#argc.getf(); ) {
      const name = this.#arg(this.#argno)
      if (name === '') this.#argno++
      else if (isassignment(name)) {
        this.assign(name)
        this.#argno++
      } else {
        this.filename.sets(name)
        this.#input = name === '-' ? this.files.stdin : await this.#open(name)
        enter(this)
        this.fnr.setf(0)
      }
    }
  }

  /** Finds the first file; without one, standard input is read. */
  #start(): void {
    this.#started = true
    for (let i = 1; i < this.#argc.getf(); i++) {
      const name = this.#arg(i)
      if (!isassignment(name)) {
        this.filename.sets(name)
        return
      }
      this.assign(name)
      this.#argno++
    }
    this.#input = this.files.stdin
  }

  async #open(name: string): Promise<Reader> {
    try {
      return new Reader(await this.sys.open(totext(name), OREAD))
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      throw new Fatal(`can't open file ${name}`)
    }
  }

  nextfile(): void {
    if (this.#input !== undefined && this.#input !== this.files.stdin) this.#toclose.push(this.#input.fd)
    this.#input = undefined
    this.#argno++
  }

  /** $v */
  field(v: Val): Cell {
    const n = numof(v)
    const m = n < 2 ** 31 && n > -(2 ** 31) ? Math.trunc(n) : -1
    if (m === 0 && typeof v !== 'number' && !isnumber(strof(v)))
      throw new Fatal(`illegal field $(${strof(v)}), name "${typeof v === 'string' ? '' : v.name}"`)
    if (m < 0 || m > 1e7) throw new Fatal(`trying to access field ${Math.trunc(n)}`)
    return this.rec.get(m)
  }

  // The stack, and functions.

  push(v: Val): void {
    this.stack[this.sp++] = v
  }

  pop(): Val {
    return this.stack[--this.sp]!
  }

  /** Makes the value on the stack an argument: an array is itself, all else a copy. */
  argument(): void {
    const v = this.stack[this.sp - 1]!
    if (v instanceof Cell && v.t & ARR) return
    const c = new Cell(v instanceof Cell ? v.name : '', NUM | STR)
    if (typeof v === 'number') c.setf(v)
    else if (typeof v === 'string') c.sets(v)
    else {
      c.copy(v)
      c.from = v
    }
    this.stack[this.sp - 1] = c
  }

  /** Begins a function of `n` arguments whose first `ncall` are on the stack. */
  call(name: string, n: number, ncall: number, ret: number): void {
    if (this.#frames.length >= MAXFRAMES) throw new Fatal(`out of space for stack frames calling ${name}`)
    if (ncall > n) this.warn(`function ${name} called with ${ncall} args, uses only ${n}`)
    const args: Cell[] = []
    const at = this.sp - ncall
    for (let i = 0; i < n; i++) args.push(i < ncall ? (this.stack[at + i] as Cell) : new Cell('', NUM | STR))
    this.sp = at
    const { line } = this
    this.#frames.push({ ret, args: this.args, ncall, iters: this.iters.length, line })
    this.args = args
  }

  /** Ends a function; the value is left on the stack. */
  return(v: Val): number {
    v = snapshot(v)
    const f = this.#frames.pop()!
    // A variable that nothing was known of is an array now, if that was made of its copy.
    for (let i = 0; i < f.ncall && i < this.args.length; i++) {
      const c = this.args[i]!
      if (c.from !== undefined && c.t & ARR) {
        c.from.t = ARR
        c.from.arr = c.arr
      }
    }
    this.args = f.args
    this.iters.length = f.iters
    this.line = f.line
    this.push(v)
    return f.ret
  }

  /** Forgets all that is under way. */
  unwind(): void {
    if (this.#frames.length > 0) this.args = this.#frames[0]!.args
    this.#frames.length = 0
    this.iters.length = 0
    this.writers.length = 0
    this.sp = 0
  }

  // Output.

  /** After output: whether it is time to write some. */
  full(w: Writer): void {
    if (w.length <= Bsize) return
    this.#much = true
    this.budget = 0
  }

  warn(msg: string): void {
    this.#warnings += this.describe(msg)
    this.budget = 0
  }

  check = (x: number, what: string): number => {
    if (Number.isFinite(x)) return x
    this.warn(`${what} ${Number.isNaN(x) ? 'argument out of domain' : 'result out of range'}`)
    return 1
  }

  /** A message, and where in the input and the program. */
  describe(msg: string): string {
    let s = `${this.argv0}: ${msg}\n`
    if (this.nr.getf() > 0) {
      const file = this.filename.gets()
      s += ` input record ${file === '-' ? 'number ' : `${file}:`}${Math.trunc(this.fnr.getf())}\n`
    }
    return `${s} source line ${this.line}\n`
  }

  async #complain(): Promise<void> {
    if (this.#warnings === '') return
    const w = this.#warnings
    this.#warnings = ''
    await this.files.complain(w)
  }

  // Running.

  /** Runs instructions until there is something to wait for, or it is time to look up. */
  #slice(pc: number): number {
    enter(this)
    const { code } = this
    try {
      while (pc >= 0 && --this.budget >= 0) pc = code[pc]!()
    } catch (e) {
      if (!(e instanceof RangeError)) throw e
      // A string, a table or a stack is larger than the host's can be.
      throw new Fatal('out of space')
    }
    return pc
  }

  /** Runs the program; its exit status. */
  async run(): Promise<string> {
    try {
      let then = performance.now()
      for (let pc = 0; pc !== HALT; ) {
        pc = this.#slice(pc)
        if (this.budget < 0) {
          this.budget = STEPS
          await this.#complain()
          const late = performance.now() - then > SLICE
          if (late || this.#much) await this.files.flush()
          this.#much = false
          if (late) {
            await this.sys.sleep(0)
            then = performance.now()
          }
        }
        if (pc === WAIT) {
          await this.#complain()
          pc = await this.wait()
        }
      }
      await this.#complain()
      await this.files.closeall()
      return this.status
    } catch (e) {
      if (!(e instanceof Fatal)) throw e
      enter(this)
      const msg = this.describe(e.message)
      await this.#complain()
      await this.files.flush()
      await this.files.complain(msg)
      return 'FATAL'
    }
  }
}
