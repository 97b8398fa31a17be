import { numstring } from './number.ts'

/**
 * Values: a number, a string of bytes, or a Cell, which is what has a name, and constants and whatever may be a number
 * and a string at once. What a comparison does is told by the flags alone, and reading a cell can set them, as in the
 * original: once `x + 0` was asked for, an `x` that looks like a number is one.
 */
export type Val = number | string | Cell

/** Ends the program with a message and its line. */
export class Fatal extends Error {
  override name = 'Fatal'
}

export const NUM = 1
export const STR = 2
/** A string that is a number too if it looks like one; nobody has looked yet. Set with STR. */
const FUZZY = 4
export const CON = 8
export const ARR = 16
export const FCN = 32

/** What values ask of the program they belong to. */
export interface World {
  /** CONVFMT: how a number that is not whole becomes a string. */
  convfmt: Cell
  /** Elements of all its arrays. */
  elements: number
}

let world: World

/** Says whose values are worked with until somebody else says so: several programs run by turns in one thread. */
export function enter(w: World): void {
  world = w
}

const tostring = (n: number): string => {
  if (Number.isInteger(n)) return numstring(n, '')
  return numstring(n, world.convfmt.t & STR ? world.convfmt.s : '%.6g')
}

const digits = (s: string, i: number) => {
  while (i < s.length) {
    const c = s.charCodeAt(i)
    if (c < 48 || c > 57) break
    i++
  }
  return i
}

/** Whether the string that `atof` read last was a number and nothing else, blanks apart. */
let whole = false

/** strtod(2): the number at the front of s, 0 when there is none. Sets `whole`. */
export function atof(s: string): number {
  const n = s.length
  whole = false
  let i = 0
  let c = s.charCodeAt(0)
  while (c === 32 || (c >= 9 && c <= 13)) c = s.charCodeAt(++i)
  const start = i
  if (c === 43 || c === 45) i++
  const at = i
  i = digits(s, i)
  const integer = i
  let some = i > at
  if (s.charCodeAt(i) === 46) {
    const j = digits(s, i + 1)
    if (some || j > i + 1) {
      some = true
      i = j
    }
  }
  if (!some) {
    const m = /^(nan|inf(inity)?)/i.exec(s.slice(at, at + 8))
    if (m === null) return 0
    const x = m[0].toLowerCase() === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY
    return c === 45 ? -x : x
  }
  c = s.charCodeAt(i)
  if (c === 101 || c === 69) {
    let j = i + 1
    c = s.charCodeAt(j)
    if (c === 43 || c === 45) j++
    const k = digits(s, j)
    if (k > j) i = k
  }
  let end = i
  while (end < n) {
    c = s.charCodeAt(end)
    if (c !== 32 && c !== 9 && c !== 10) break
    end++
  }
  let x = 0
  if (i === integer && i - at < 16) {
    for (let j = at; j < i; j++) x = x * 10 + s.charCodeAt(j) - 48
    if (s.charCodeAt(start) === 45) x = -x
  } else x = Number(start === 0 && i === n ? s : s.slice(start, i))
  whole = end === n && Number.isFinite(x)
  return x
}

/** Most strings are no numbers, and their first byte tells. */
const maybe = (s: string): boolean => {
  const c = s.charCodeAt(0)
  return c <= 57 && c >= 9
}

/** Whether a string looks like a number, and nothing else. */
export function isnumber(s: string): boolean {
  if (!maybe(s)) return false
  atof(s)
  return whole
}

export class Cell {
  readonly name: string
  t: number
  n: number
  s: string
  arr: Table | undefined = undefined
  /** An argument of a function: what it is a copy of, for that becomes an array with it. */
  from: Cell | undefined = undefined
  /** An element: when it was put into its table. */
  born = 0

  constructor(name: string, t: number, n = 0, s = '') {
    this.name = name
    this.t = t
    this.n = n
    this.s = s
  }

  #look(): void {
    this.t &= ~FUZZY
    if (!maybe(this.s)) return
    const n = atof(this.s)
    if (!whole) return
    this.n = n
    this.t |= NUM
  }

  /** NUM, STR or both. */
  flags(): number {
    if (this.t & FUZZY) this.#look()
    return this.t & (NUM | STR)
  }

  getf(): number {
    if (this.t & FUZZY) this.#look()
    if (this.t & NUM) return this.n
    if (!(this.t & STR)) this.funny('read value of')
    this.n = atof(this.s)
    if (whole && !(this.t & CON)) this.t |= NUM
    return this.n
  }

  gets(): string {
    if (this.t & STR) return this.s
    if (!(this.t & NUM)) this.funny('read value of')
    this.s = tostring(this.n)
    this.t |= STR
    return this.s
  }

  setf(n: number): void {
    if (!(this.t & (NUM | STR))) this.funny('assign to')
    this.n = n
    this.t = (this.t & ~(STR | FUZZY)) | NUM
  }

  sets(s: string): void {
    if (!(this.t & (NUM | STR))) this.funny('assign to')
    this.s = s
    this.t = (this.t & ~(NUM | FUZZY)) | STR
  }

  /** As sets and setinput, with nothing else done. */
  protected load(s: string, input: boolean): void {
    this.s = s
    this.t = (this.t & ~(NUM | FUZZY)) | STR | (input ? FUZZY : 0)
  }

  /** A string from outside: a number too, if it looks like one. */
  setinput(s: string): void {
    this.sets(s)
    this.t |= FUZZY
  }

  setboth(n: number, s: string): void {
    this.sets(s)
    this.n = n
    this.t |= NUM
  }

  /** Brings what it shows up to date: fields and $0 are made of each other when somebody looks. */
  ready(): void {}

  /** Takes the value of another. */
  copy(v: Cell): void {
    v.ready()
    // Asking whether a string is a number can wait for whoever wants to know.
    if (v.t & FUZZY && !(v.t & NUM)) {
      this.setinput(v.gets())
      return
    }
    const f = v.flags()
    if (f === NUM + STR) this.setboth(v.n, v.gets())
    else if (f === STR) this.sets(v.gets())
    else this.setf(v.getf())
  }

  /** The array that it is, or is made now. */
  table(): Table {
    if (this.t & ARR) return this.arr!
    if (this.t & FCN) this.funny('read value of')
    return this.clear()
  }

  /** Makes it an array, empty. */
  clear(): Table {
    this.t = ARR
    if (this.arr) world.elements -= this.arr.map.size
    this.arr = new Table()
    return this.arr
  }

  funny(what: string): never {
    if (this.t & ARR) throw new Fatal(`can't ${what} ${this.name}; it's an array name.`)
    throw new Fatal(`can't ${what} ${this.name}; it's a function.`)
  }
}

/** Elements of all arrays at most: what a host's memory holds. */
const MAXELEMENTS = 8_000_000
/** The size of a table of the original, and when and how it grows: the order of `for(x in a)` comes of it. */
const NSYMTAB = 50
const FULLTAB = 2
const GROWTAB = 4

/** An array's elements, in the order in which they came. */
export class Table {
  readonly map = new Map<string, Cell>()
  #size = NSYMTAB
  #births = 0
  /** The births before which the table grew. */
  #grown: number[] = []

  /** The element, made when it is not there. */
  get(key: string): Cell {
    let c = this.map.get(key)
    if (c === undefined) {
      if (++world.elements > MAXELEMENTS) throw new Fatal(`out of space for symbol table at ${key.slice(0, 60)}`)
      c = new Cell(key, NUM | STR)
      c.born = ++this.#births
      this.map.set(key, c)
      if (this.map.size > FULLTAB * this.#size) {
        this.#size *= GROWTAB
        this.#grown.push(c.born)
      }
    }
    return c
  }

  delete(key: string): void {
    if (this.map.delete(key)) world.elements--
  }

  /** The subscripts in the order of the original's hash table. */
  keys(): string[] {
    let size = this.#grown.length === 0 ? this.#size : NSYMTAB
    let tab: Cell[][] = Array.from({ length: size }, () => [])
    let g = 0
    const grow = () => {
      const old = tab
      size *= GROWTAB
      tab = Array.from({ length: size }, () => [])
      // A bucket is a list that grows at its head: here the head is the end.
      for (const b of old) for (let i = b.length - 1; i >= 0; i--) tab[hash(b[i]!.name, size)]!.push(b[i]!)
      g++
    }
    for (const c of this.map.values()) {
      while (g < this.#grown.length && this.#grown[g]! <= c.born) grow()
      tab[hash(c.name, size)]!.push(c)
    }
    while (g < this.#grown.length) grow()
    const keys: string[] = []
    for (const b of tab) for (let i = b.length - 1; i >= 0; i--) keys.push(b[i]!.name)
    return keys
  }
}

/** Bytes are signed there. */
function hash(s: string, size: number): number {
  let h = 0
  for (let i = 0; i < s.length; i++) h = (((s.charCodeAt(i) << 24) >> 24) + Math.imul(31, h)) | 0
  return (h >>> 0) % size
}

export const numof = (v: Val): number => (typeof v === 'number' ? v : typeof v === 'string' ? atof(v) : v.getf())

export const strof = (v: Val): string => (typeof v === 'string' ? v : typeof v === 'number' ? tostring(v) : v.gets())

export const flagsof = (v: Val): number => (typeof v === 'number' ? NUM : typeof v === 'string' ? STR : v.flags())

/** Whether a value is true: a number other than 0, a string other than the empty one. */
export function truth(v: Val): boolean {
  if (typeof v === 'string') return v !== ''
  if (typeof v === 'number') return v > 0 || v < 0
  if (v.flags() & NUM) return v.n > 0 || v.n < 0
  return v.gets() !== ''
}

/** Less than 0, 0, or more, as strcmp; numbers only when both are such. */
export function compare(x: Val, y: Val): number {
  if (flagsof(x) & NUM && flagsof(y) & NUM) {
    const j = numof(x) - numof(y)
    return j < 0 ? -1 : j > 0 ? 1 : 0
  }
  const a = strof(x)
  const b = strof(y)
  return a < b ? -1 : a > b ? 1 : 0
}

/** A value that stays as it is, whatever happens to the cell it came from. */
export function snapshot(v: Val): Val {
  if (typeof v !== 'object') return v
  const f = v.flags()
  if (f === NUM) return v.n
  if (f === STR) return v.gets()
  if (f === 0) v.funny('read value of')
  return new Cell(v.name, f, v.n, v.gets())
}
