/** Seeded randomness for tests: mulberry32. Print the seed where a test fails. */
export class Random {
  private s: number
  constructor(seed: number) {
    this.s = seed >>> 0
  }
  /** Below n. */
  int(n: number): number {
    this.s = (this.s + 0x6d2b79f5) >>> 0
    let t = this.s
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n)
  }
  pick<T>(of: readonly T[]): T {
    return of[this.int(of.length)]!
  }
  bytes(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => this.int(256))
  }
  u64(): bigint {
    return (BigInt(this.int(2 ** 32)) << 32n) | BigInt(this.int(2 ** 32))
  }
}
