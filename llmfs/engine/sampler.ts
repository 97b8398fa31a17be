import { exp } from './math.ts'

const f = Math.fround
const MASK = 0xffffffffffffffffn

/** The index of the greatest; of equals the first. */
export function argmax(v: Float32Array): number {
  let max_i = 0
  for (let i = 1; i < v.length; i++) if (v[i]! > v[max_i]!) max_i = i
  return max_i
}

/** Maximum, then exp(x - max) and their sum in index order, then division by the sum. In place, each step a float32. */
export function softmax(x: Float32Array, size: number): void {
  let max = x[0]!
  for (let i = 1; i < size; i++) if (x[i]! > max) max = x[i]!
  let sum = 0
  for (let i = 0; i < size; i++) {
    const e = f(exp(f(x[i]! - max)))
    x[i] = e
    sum = f(sum + e)
  }
  for (let i = 0; i < size; i++) x[i] = x[i]! / sum
}

/** Division by the temperature, and softmax, in place. */
export function soften(logits: Float32Array, temperature: number): void {
  for (let i = 0; i < logits.length; i++) logits[i] = logits[i]! / temperature
  softmax(logits, logits.length)
}

/**
 * run.c's Sampler: temperature, top-p and the xorshift64* generator, with its float32 at every step. Where run.c's qsort
 * leaves the order of equal probabilities open, the lower token comes first.
 */
export class Sampler {
  readonly vocab_size: number
  readonly temperature: number
  readonly topp: number
  private rng_state: bigint

  /** `seed` is 64 bits; 0 is a state that xorshift never leaves: the caller chooses another. */
  constructor(vocab_size: number, temperature: number, topp: number, seed: bigint) {
    this.vocab_size = vocab_size
    this.temperature = f(temperature)
    this.topp = f(topp)
    this.rng_state = seed & MASK
  }

  private random_u32(): number {
    let s = this.rng_state
    s ^= s >> 12n
    s ^= (s << 25n) & MASK
    s ^= s >> 27n
    this.rng_state = s
    return Number(((s * 0x2545f4914f6cdd1dn) & MASK) >> 32n)
  }

  /** In [0, 1), with 24 bits. */
  private random_f32(): number {
    return (this.random_u32() >>> 8) / 16777216
  }

  /**
   * The next token by `logits`, (vocab_size,). With a temperature they are overwritten with the probabilities, which an engine's
   * `soften` makes faster of logits that it gave.
   */
  sample(logits: Float32Array, by: { soften: typeof soften } = { soften }): number {
    if (this.temperature === 0) return argmax(logits)
    by.soften(logits, this.temperature)
    const coin = this.random_f32()
    return this.topp <= 0 || this.topp >= 1 ? this.mult(logits, coin) : this.top(logits, coin)
  }

  private mult(probabilities: Float32Array, coin: number): number {
    let cdf = 0
    for (let i = 0; i < probabilities.length; i++) {
      cdf = f(cdf + probabilities[i]!)
      if (coin < cdf) return i
    }
    return probabilities.length - 1
  }

  private top(probabilities: Float32Array, coin: number): number {
    const n = probabilities.length
    // What is smaller cannot be among the most probable that make up topp.
    const cutoff = f(f(1 - this.topp) / (n - 1))
    const index: number[] = []
    for (let i = 0; i < n; i++) if (probabilities[i]! >= cutoff) index.push(i)
    index.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b)
    let cumulative = 0
    let last = index.length - 1
    for (let i = 0; i < index.length; i++) {
      cumulative = f(cumulative + probabilities[index[i]!]!)
      if (cumulative > this.topp) {
        last = i
        break
      }
    }
    const r = f(coin * cumulative)
    let cdf = 0
    for (let i = 0; i <= last; i++) {
      cdf = f(cdf + probabilities[index[i]!]!)
      if (r < cdf) return index[i]!
    }
    return index[last] ?? n - 1
  }
}
