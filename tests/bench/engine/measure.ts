/** Units of work a second, usually tokens. */
export type Rate = () => number | Promise<number>

const ROUNDS = 5

export const median = (v: readonly number[]): number => [...v].sort((a, b) => a - b)[v.length >> 1]!

/** What was measured of both, in turns: the medians, and the median of the pairs' ratios. */
export interface Pair {
  a: number
  b: number
  ratio: number
}

/** Measures a and b in turns, after once each to warm up. */
export async function compare(a: Rate, b: Rate, rounds = ROUNDS): Promise<Pair> {
  await a()
  await b()
  const pairs: [number, number][] = []
  for (let r = 0; r < rounds; r++) pairs.push([await a(), await b()])
  return {
    a: median(pairs.map(p => p[0])),
    b: median(pairs.map(p => p[1])),
    ratio: median(pairs.map(p => p[0] / p[1])),
  }
}
