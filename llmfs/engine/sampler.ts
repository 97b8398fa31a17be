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

/** The token at which the sum of the probabilities passes `coin`. */
export function multinomial(probabilities: Float32Array, coin: number): number {
  let cdf = 0
  for (let i = 0; i < probabilities.length; i++) {
    cdf = f(cdf + probabilities[i]!)
    if (coin < cdf) return i
  }
  return probabilities.length - 1
}

/**
 * Top-p sampling: the most probable tokens that together pass `topp`, and of these the one at which their sum passes `coin`.
 * Where run.c's qsort leaves the order of equal probabilities open, the lower token comes first.
 */
export function nucleus(probabilities: Float32Array, topp: number, coin: number): number {
  const n = probabilities.length
  // What is smaller cannot be among the most probable that make up topp.
  const cutoff = f(f(1 - topp) / (n - 1))
  const index: number[] = []
  for (let i = 0; i < n; i++) if (probabilities[i]! >= cutoff) index.push(i)
  index.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b)
  let cumulative = 0
  let last = index.length - 1
  for (let i = 0; i < index.length; i++) {
    cumulative = f(cumulative + probabilities[index[i]!]!)
    if (cumulative > topp) {
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

/**
 * A token by `logits`, (vocab_size,), and a random number in [0, 1): the greatest where `temperature` is 0. With another they are
 * overwritten with the probabilities. The numbers are float32.
 */
export function draw(logits: Float32Array, temperature: number, topp: number, coin: number): number {
  if (temperature === 0) return argmax(logits)
  soften(logits, temperature)
  return topp <= 0 || topp >= 1 ? multinomial(logits, coin) : nucleus(logits, topp, coin)
}

/** run.c's Sampler: temperature, top-p and the xorshift64* generator, with its float32 at every step. */
export class Sampler {
  readonly temperature: number
  readonly topp: number
  private rng_state: bigint

  /** `seed` is 64 bits; 0 is a state that xorshift never leaves: the caller chooses another. */
  constructor(temperature: number, topp: number, seed: bigint) {
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

  /** The next token by `logits`; an engine's `draw` is faster of logits that it gave. Greedy, no random number is taken. */
  sample(logits: Float32Array, by: { draw: typeof draw } = { draw }): number {
    const coin = this.temperature === 0 ? 0 : this.random_f32()
    return by.draw(logits, this.temperature, this.topp, coin)
  }
}
