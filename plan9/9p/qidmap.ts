import type { Dir, Qid } from './dir.ts'

/** Qids of many servers made those of one: the high 16 bits tell which device and mount a file is of. */
export class Qidmap {
  private readonly prefix = new Map<string, bigint>()
  private readonly big = new Map<string, bigint>()

  qid(type: number, dev: number, q: Qid): Qid {
    const key = `${type} ${dev}`
    let p = this.prefix.get(key)
    if (p === undefined) {
      p = BigInt(this.prefix.size)
      this.prefix.set(key, p)
    }
    if (q.path < 1n << 48n && p < 0xffffn) return { ...q, path: (p << 48n) | q.path }
    const whole = `${key} ${q.path}`
    let n = this.big.get(whole)
    if (n === undefined) {
      n = (0xffffn << 48n) | BigInt(this.big.size)
      this.big.set(whole, n)
    }
    return { ...q, path: n }
  }

  dir(d: Dir): Dir {
    return { ...d, qid: this.qid(d.type, d.dev, d.qid) }
  }
}
