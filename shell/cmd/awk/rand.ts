/**
 * lrand(2) and frand(2): numbers that each are the sum of two before, of those that were 607 and 334 steps ago. The first
 * ones come of a congruential generator.
 */

const LEN = 607
const TAP = 273
const MASK = 0x7fffffff
const M = 2147483647

export class Rand {
  #vec = new Int32Array(LEN)
  #tap = 0
  #feed = LEN - TAP

  constructor(seed = 1) {
    this.seed(seed)
  }

  /** srand(2), of a whole number. */
  seed(seed: number): void {
    this.#tap = 0
    this.#feed = LEN - TAP
    let x = seed % M
    if (x < 0) x += M
    if (x === 0) x = 89482311
    for (let i = -20; i < LEN; i++) {
      // Less than 2^53.
      x = (48271 * x) % M
      if (i >= 0) this.#vec[i] = x
    }
  }

  lrand(): number {
    this.#tap = this.#tap === 0 ? LEN - 1 : this.#tap - 1
    this.#feed = this.#feed === 0 ? LEN - 1 : this.#feed - 1
    const x = (this.#vec[this.#feed]! + this.#vec[this.#tap]!) & MASK
    this.#vec[this.#feed] = x
    return x
  }

  /** From 0 on, less than 1. */
  frand(): number {
    const NORM = 1 / (1 + MASK)
    for (;;) {
      const x = (this.lrand() * NORM + this.lrand()) * NORM
      if (x < 1) return x
    }
  }
}
