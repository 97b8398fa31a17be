/** Strings of bytes one behind the other, for sorting millions of them without an object for each. */
export class Strings {
  bytes = new Uint8Array(1 << 16)
  /** How many bytes there are. */
  size = 0
  n = 0
  /** Bytes between a string and the next. */
  readonly gap: number
  /** Where each begins, and where the next one would. */
  #starts = new Uint32Array(1024)

  constructor(gap = 0) {
    this.gap = gap
  }

  start(i: number): number {
    return this.#starts[i]!
  }

  end(i: number): number {
    return this.#starts[i + 1]! - this.gap
  }

  /** Makes room for `more` bytes. @throws RangeError: the host has none */
  room(more: number): void {
    if (this.size + more <= this.bytes.length) return
    const bytes = new Uint8Array(Math.max(2 * this.bytes.length, this.size + more))
    bytes.set(this.bytes.subarray(0, this.size))
    this.bytes = bytes
  }

  put(c: number): void {
    if (this.size === this.bytes.length) this.room(1)
    this.bytes[this.size++] = c
  }

  /** What was put since the last string, but for a gap at its end, is one. */
  close(): void {
    this.closeAt(this.size)
  }

  closeAt(end: number): void {
    if (++this.n === this.#starts.length) {
      const starts = new Uint32Array(2 * this.n)
      starts.set(this.#starts)
      this.#starts = starts
    }
    this.#starts[this.n] = end
  }

  /** Whether strings i and j are the same. */
  equal(i: number, j: number): boolean {
    return this.end(i) - this.start(i) === this.end(j) - this.start(j) && this.compare(i, j, 0) === 0
  }

  /** The order of strings i and j from byte `depth` of each on: below, above or 0. */
  compare(i: number, j: number, depth: number): number {
    const { bytes } = this
    const a = this.start(i)
    const b = this.start(j)
    const na = this.end(i) - a
    const nb = this.end(j) - b
    const n = na < nb ? na : nb
    for (let k = depth; k < n; k++) {
      const d = bytes[a + k]! - bytes[b + k]!
      if (d !== 0) return d
    }
    return na - nb
  }
}

/** Below this many, insertion is faster. */
const FEW = 16
/** Milliseconds between rests. */
const SLICE = 15

/**
 * The order of strings as their bytes are: their numbers, equal ones in the order in which they came. A quicksort of four
 * bytes at a time, which go along with the numbers so that the strings themselves are seldom looked at. `rest` is awaited now and then.
 */
export async function order(s: Strings, rest: () => Promise<void>): Promise<Uint32Array> {
  const { n } = s
  const num = new Uint32Array(n)
  for (let i = 0; i < n; i++) num[i] = i
  /** Of each number, its string's four bytes at the depth that its part is sorted at; zeros behind the end. */
  const part = new Uint32Array(n)

  const fetch = (lo: number, hi: number, depth: number) => {
    const { bytes } = s
    for (let i = lo; i < hi; i++) {
      const at = s.start(num[i]!) + depth
      const left = s.end(num[i]!) - at
      let w = 0
      if (left > 0) w = bytes[at]! << 24
      if (left > 1) w |= bytes[at + 1]! << 16
      if (left > 2) w |= bytes[at + 2]! << 8
      if (left > 3) w |= bytes[at + 3]!
      part[i] = w
    }
  }

  const swap = (i: number, j: number) => {
    const x = num[i]!
    num[i] = num[j]!
    num[j] = x
    const y = part[i]!
    part[i] = part[j]!
    part[j] = y
  }

  const insertion = (lo: number, hi: number, depth: number) => {
    for (let i = lo + 1; i < hi; i++) {
      const x = num[i]!
      const p = part[i]!
      let j = i
      for (; j > lo; j--) {
        const q = part[j - 1]!
        if (q < p) break
        if (q === p) {
          const d = s.compare(num[j - 1]!, x, depth) || num[j - 1]! - x
          if (d < 0) break
        }
        num[j] = num[j - 1]!
        part[j] = q
      }
      num[j] = x
      part[j] = p
    }
  }

  const median = (a: number, b: number, c: number) => (a < b ? (b < c ? b : a < c ? c : a) : a < c ? a : b < c ? c : b)

  /** The median of three, or of three such. */
  const middle = (lo: number, hi: number) => {
    const third = (i: number, step: number) => median(part[i]!, part[i + step]!, part[i + 2 * step]!)
    const step = ((hi - lo) / 9) | 0
    if (step < 8) return third(lo, (hi - lo - 1) >> 1)
    return median(third(lo, step), third(lo + 3 * step, step), third(lo + 6 * step, step))
  }

  /** Sorts strings that are the same but for zeros at their ends: by length, then number. */
  const finish = (lo: number, hi: number) => {
    const all = Float64Array.from(num.subarray(lo, hi), i => (s.end(i) - s.start(i)) * 2 ** 32 + i).sort()
    for (let i = lo; i < hi; i++) num[i] = all[i - lo]! % 2 ** 32
  }

  fetch(0, n, 0)
  const todo = [0, n, 0]
  let until = performance.now() + SLICE
  for (let depth = todo.pop(); depth !== undefined; depth = todo.pop()) {
    const hi = todo.pop()!
    const lo = todo.pop()!
    if (hi - lo <= FEW) {
      insertion(lo, hi, depth)
      continue
    }
    if (performance.now() > until) {
      await rest()
      until = performance.now() + SLICE
    }
    const pivot = middle(lo, hi)
    let lt = lo
    let gt = hi
    for (let i = lo; i < gt; ) {
      const p = part[i]!
      if (p < pivot) swap(lt++, i++)
      else if (p > pivot) swap(i, --gt)
      else i++
    }
    todo.push(lo, lt, depth, gt, hi, depth)
    let more = lt
    for (let i = lt; i < gt; i++) if (s.end(num[i]!) - s.start(num[i]!) <= depth + 4) swap(more++, i)
    finish(lt, more)
    if (more < gt) {
      fetch(more, gt, depth + 4)
      todo.push(more, gt, depth + 4)
    }
  }
  return num
}
