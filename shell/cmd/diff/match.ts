import { Enovmem, PlanError } from '../../../plan9/error.ts'

/** What is white space to -b and -w. */
const space = (c: number) => c === 32 || (c >= 9 && c <= 13)

/** A file in memory, cut into lines. */
export class Lines {
  readonly data: Uint8Array
  /** Number of lines; a last one without a newline counts. */
  readonly n: number
  /** Line i (from 1) is the bytes from start[i-1] to start[i], its newline included. */
  readonly start: Uint32Array

  constructor(data: Uint8Array) {
    this.data = data
    let n = 0
    for (let i = 0; i < data.length; n++) i = end(data, i)
    this.n = n
    this.start = new Uint32Array(n + 1)
    for (let l = 1; l <= n; l++) this.start[l] = end(data, this.start[l - 1]!)
  }

  line(i: number): Uint8Array {
    return this.data.subarray(this.start[i - 1], this.start[i])
  }
}

function end(data: Uint8Array, from: number): number {
  const i = data.indexOf(10, from)
  return i < 0 ? data.length : i + 1
}

/** How lines are made equal: as they are; strings of blanks alike and those at the end gone; no blanks at all. */
export type Blanks = 'kept' | 'folded' | 'removed'

function squeeze(line: Uint8Array, blanks: Blanks): Uint8Array {
  if (blanks === 'kept') return line
  const out = new Uint8Array(line.length)
  let n = 0
  let gap = false
  for (const c of line) {
    if (space(c)) {
      gap = true
      continue
    }
    if (gap && blanks === 'folded') out[n++] = 32
    gap = false
    out[n++] = c
  }
  return out.subarray(0, n)
}

/** Numbers lines so that equal ones, in whichever file, have the same number. */
class Classes {
  readonly blanks: Blanks
  readonly texts: Uint8Array[] = []
  #hashes: number[] = []
  #table = new Int32Array(1024).fill(-1)

  constructor(blanks: Blanks) {
    this.blanks = blanks
  }

  /** The class of each line, at its number; element 0 is not used. */
  of(f: Lines): Int32Array {
    const classes = new Int32Array(f.n + 1)
    for (let i = 1; i <= f.n; i++) classes[i] = this.#find(squeeze(f.line(i), this.blanks))
    return classes
  }

  #find(line: Uint8Array): number {
    let h = 0x811c9dc5
    for (let i = 0; i < line.length; i++) h = Math.imul(h ^ line[i]!, 0x01000193)
    h = (h ^ (h >>> 15)) >>> 0
    const mask = this.#table.length - 1
    let slot = h & mask
    for (let c = this.#table[slot]!; c >= 0; c = this.#table[(slot = (slot + 1) & mask)]!)
      if (this.#hashes[c] === h && equal(this.texts[c]!, line)) return c
    const c = this.texts.push(line) - 1
    this.#hashes.push(h)
    this.#table[slot] = c
    if (2 * this.texts.length > this.#table.length) this.#grow()
    return c
  }

  #grow(): void {
    const mask = 2 * this.#table.length - 1
    this.#table = new Int32Array(mask + 1).fill(-1)
    this.#hashes.forEach((h, c) => {
      let slot = h & mask
      while (this.#table[slot]! >= 0) slot = (slot + 1) & mask
      this.#table[slot] = c
    })
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Candidates that are held at most: 12 bytes each. */
const Candmax = 1 << 24

/** Pairs of lines, each with the pair before it in the longest common subsequence that it ends. */
class Cands {
  n = 0
  #a = new Int32Array(3 * 1024)

  add(x: number, y: number, pred: number): number {
    if (3 * this.n === this.#a.length) {
      if (this.n >= Candmax) throw new PlanError(Enovmem)
      const a = new Int32Array(2 * this.#a.length)
      a.set(this.#a)
      this.#a = a
    }
    const i = 3 * this.n
    this.#a[i] = x
    this.#a[i + 1] = y
    this.#a[i + 2] = pred
    return this.n++
  }

  x = (i: number) => this.#a[3 * i]!
  y = (i: number) => this.#a[3 * i + 1]!
  pred = (i: number) => this.#a[3 * i + 2]!
}

/**
 * For each line of `f` (from 1) the line of `t` that it is matched with, or 0; matches ascend.
 *
 * Hunt and McIlroy's: for each length k the best place in `t` at which a common subsequence of that length can end, kept
 * up line by line of `f`. Time grows with the number of equal pairs of lines between the first and the last difference.
 * `rest` is awaited now and then.
 *
 * @throws PlanError Enovmem for files of many lines that are all alike
 */
export async function match(f: Lines, t: Lines, blanks: Blanks, rest: () => Promise<void>): Promise<Int32Array> {
  const classes = new Classes(blanks)
  const a = classes.of(f)
  const b = classes.of(t)
  let pref = 0
  while (pref < f.n && pref < t.n && a[pref + 1] === b[pref + 1]) pref++
  let suff = 0
  while (suff < f.n - pref && suff < t.n - pref && a[f.n - suff] === b[t.n - suff]) suff++

  // The lines of t of a class: places[first[class]] and on, ascending.
  const first = new Int32Array(classes.texts.length + 1)
  for (let j = pref + 1; j <= t.n - suff; j++) first[b[j]! + 1]!++
  for (let c = 1; c < first.length; c++) first[c]! += first[c - 1]!
  const places = new Int32Array(t.n - suff - pref)
  const next = first.slice()
  for (let j = pref + 1; j <= t.n - suff; j++) places[next[b[j]!]!++] = j

  const cands = new Cands()
  const ends = new Int32Array(Math.min(f.n, t.n) - pref - suff + 2)
  /** ends[k] is the candidate for length k; its y is kept here too. */
  const endy = new Int32Array(ends.length)
  ends[0] = cands.add(0, 0, 0)
  let k = 0
  let work = 0
  for (let i = pref + 1; i <= f.n - suff; i++) {
    const from = first[a[i]!]!
    const to = first[a[i]! + 1]!
    if ((work += to - from + 1) > 1 << 22) {
      work = 0
      await rest()
    }
    // What this line puts in ends must not be built on by this same line: the candidate it replaced is kept.
    let level = 0
    let old = ends[0]!
    let oldy = 0
    // The places ascend, and so do the lengths that they end: mostly it is the next.
    let below = 0
    for (let p = from; p < to; p++) {
      const y = places[p]!
      if (y <= oldy) continue
      let l = k + 1
      if (endy[k]! >= y)
        for (let mid = below + 1; l - below > 1; mid = (below + l) >> 1)
          if (endy[mid]! < y) below = mid
          else l = mid
      below = l
      if (l !== level + 1) old = ends[l - 1]!
      if (l > k) {
        k = l
        ends[l] = cands.add(i, y, old)
        endy[l] = y
        break
      }
      oldy = cands.y(old)
      if (endy[l] === y) continue
      const replaced = ends[l]!
      ends[l] = cands.add(i, y, old)
      endy[l] = y
      old = replaced
      oldy = cands.y(old)
      level = l
    }
  }

  const mate = new Int32Array(f.n + 1)
  for (let i = 1; i <= pref; i++) mate[i] = i
  for (let i = f.n - suff + 1; i <= f.n; i++) mate[i] = i + t.n - f.n
  for (let c = ends[k]!; c !== 0; c = cands.pred(c)) mate[cands.x(c)] = cands.y(c)
  return mate
}
