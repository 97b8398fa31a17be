import { own, runeat } from '../../../plan9/libc/bytes.ts'
import type { Searcher } from '../../../plan9/libc/search.ts'
import type { Regexps } from './regex.ts'
import { Cell, isnumber, STR } from './value.ts'

/** A field. It is cut out of the record when somebody looks. */
class Field extends Cell {
  readonly #rec: Fields
  readonly #n: number
  /** The splitting whose piece it holds. */
  #seen = -1

  constructor(rec: Fields, n: number) {
    super(String(n), STR)
    this.#rec = rec
    this.#n = n
  }

  override ready(): void {
    const rec = this.#rec
    rec.split()
    if (this.#seen === rec.splits) return
    this.#seen = rec.splits
    this.load(rec.piece(this.#n), true)
  }

  override flags(): number {
    this.ready()
    return super.flags()
  }

  override getf(): number {
    this.ready()
    return super.getf()
  }

  override gets(): string {
    this.ready()
    return super.gets()
  }

  override setf(n: number): void {
    this.#touch()
    super.setf(n)
  }

  override sets(s: string): void {
    this.#touch()
    super.sets(s)
  }

  #touch(): void {
    this.ready()
    this.#rec.joined = false
    this.#rec.reach(this.#n)
  }

  /** What it holds, or undefined when it was not looked at: then it is the piece of the record. */
  known(): string | undefined {
    return this.#seen === this.#rec.splits ? super.gets() : undefined
  }

  /** Empties it, as a field past the last of the record is. */
  blank(): void {
    this.#seen = this.#rec.splits
    this.load('', false)
  }
}

/** $0. It is joined of the fields when somebody looks after one was changed. */
class Whole extends Cell {
  readonly #rec: Fields

  constructor(rec: Fields) {
    super('0', STR)
    this.#rec = rec
  }

  override ready(): void {
    this.#rec.join()
  }

  override flags(): number {
    this.ready()
    return super.flags()
  }

  override getf(): number {
    this.ready()
    return super.getf()
  }

  override gets(): string {
    this.ready()
    return super.gets()
  }

  override setf(n: number): void {
    this.#rec.changed(true)
    super.setf(n)
  }

  override sets(s: string): void {
    this.#rec.changed(true)
    super.sets(s)
  }

  /** Takes a record that was read, or joined. */
  take(s: string, input: boolean): void {
    this.load(s, input)
  }
}

/** The record and its fields. */
export class Fields {
  readonly record: Cell
  readonly #whole: Whole
  readonly #fields: Field[] = []
  readonly #nf: Cell
  readonly #ofs: Cell
  readonly #regexps: Regexps
  /** FS as it was when the record was read. */
  fs = ' '
  /** Whether the fields are those of $0, and $0 that of the fields. */
  #done = false
  joined = true
  /** Whether $0 was assigned to by the program. */
  assigned = false
  splits = 0
  /** The pieces of the record: where each begins and ends in `#text`. */
  #text = ''
  #from: number[] = []
  #to: number[] = []
  #count = 0
  /** The last field that was made. */
  #last = 0

  constructor(nf: Cell, ofs: Cell, regexps: Regexps) {
    this.#nf = nf
    this.#ofs = ofs
    this.#regexps = regexps
    this.#whole = new Whole(this)
    this.record = this.#whole
  }

  /** $n; of fields and $0, what is asked for is made to agree with the other. */
  get(n: number): Cell {
    if (n === 0) return this.record
    let f = this.#fields[n]
    if (f === undefined) {
      f = new Field(this, n)
      this.#fields[n] = f
    }
    this.split()
    return f
  }

  /** A record was read; it may look like a number. */
  read(s: string): void {
    this.changed(false)
    this.#whole.take(s, true)
  }

  /** There was no record. What was read last is gone; what the program put into $0 is not. */
  end(): void {
    const { assigned } = this
    this.changed(assigned)
    if (!assigned) this.#whole.take('', false)
    this.assigned = assigned
  }

  changed(assigned: boolean): void {
    this.#done = false
    this.joined = true
    this.assigned = assigned
  }

  piece(n: number): string {
    return n <= this.#count ? this.#text.slice(this.#from[n - 1]!, this.#to[n - 1]!) : ''
  }

  /** A field past the last is assigned to. */
  reach(n: number): void {
    if (n <= this.#nf.getf()) return
    for (let i = this.#last + 1; i < n; i++) (this.get(i) as Field).blank()
    this.#last = n
    this.#nf.setf(n)
  }

  join(): void {
    if (this.joined) return
    this.joined = true
    const nf = this.#nf.getf()
    const ofs = this.#ofs.gets()
    let s = ''
    for (let i = 1; i <= nf; i++) {
      if (i > 1) s += ofs
      s += this.#fields[i]?.known() ?? this.piece(i)
    }
    this.assigned = false
    this.#whole.take(s, false)
  }

  split(): void {
    if (this.#done) return
    this.join()
    this.#text = this.#whole.gets()
    const from: number[] = this.#from
    const to: number[] = this.#to
    const { fs } = this
    const n =
      fs.length > 1
        ? this.#text === ''
          ? 0
          : matched(this.#text, this.#regexps.get(fs), fs.includes('^'), from, to)
        : pieces(this.#text, fs, from, to)
    this.#count = n
    this.#last = n
    this.splits++
    this.#done = true
    this.#nf.setf(n)
  }
}

/**
 * Cuts a string by the matches of an expression that are not empty. Puts the bounds of the pieces into `from` and `to`;
 * returns how many there are.
 *
 *   front    `^` matches at the front of what is left to be cut, not of the whole alone
 */
function matched(s: string, re: Searcher, front: boolean, from: number[], to: number[]): number {
  let rest = s
  let base = 0
  for (let at = 0, n = 0; ; n++) {
    from[n] = at
    if (front) {
      rest = s.slice(at)
      base = at
    }
    if (!re.search(rest, at - base) || re.end === re.start) {
      to[n] = s.length
      return n + 1
    }
    to[n] = re.start + base
    at = re.end + base
  }
}

/** The same by blanks when the separator is a blank, into characters when it is empty, or by a byte. */
function pieces(s: string, fs: string, from: number[], to: number[]): number {
  const len = s.length
  let n = 0
  if (len === 0) return 0
  if (fs === ' ') {
    for (let i = 0; ; n++) {
      let c = s.charCodeAt(i)
      while (c === 32 || c === 9 || c === 10) c = s.charCodeAt(++i)
      if (i >= len) return n
      from[n] = i
      do c = s.charCodeAt(++i)
      while (i < len && c !== 32 && c !== 9 && c !== 10)
      to[n] = i
    }
  }
  if (fs === '') {
    for (let i = 0; i < len; n++) {
      from[n] = i
      i += runeat(s, i) & 7
      to[n] = i
    }
    return n
  }
  const sep = fs.charCodeAt(0)
  from[0] = 0
  for (let i = 0; i < len; i++) {
    const c = s.charCodeAt(i)
    if (c !== sep && c !== 10) continue
    to[n++] = i
    from[n] = i + 1
  }
  to[n] = len
  return n + 1
}

/** split(): puts the pieces of s into an array, from 1; how many there are. The separator is as FS, or an expression. */
export function splitinto(a: Cell, s: string, fs: string | Searcher, regexps: Regexps): number {
  const table = a.clear()
  const from: number[] = []
  const to: number[] = []
  let n: number
  if (typeof fs !== 'string') n = matched(s, fs, false, from, to)
  else if (fs.length > 1 && s !== '') n = matched(s, regexps.get(fs), false, from, to)
  else n = pieces(s, fs, from, to)
  for (let i = 0; i < n; i++) {
    const c = table.get(String(i + 1))
    const piece = own(s.slice(from[i]!, to[i]!))
    // Of characters only the digits are numbers.
    if (fs !== '' || (piece >= '0' && piece <= '9' && isnumber(piece))) c.setinput(piece)
    else c.sets(piece)
  }
  return n
}
