/** Steps from a number that 2, 3 and 5 do not divide to the next, from 7 on. */
const wheel = [4, 2, 4, 2, 4, 6, 2, 6]

/** Divisors to try: 2, 3, 5, and all numbers that these do not divide; the primes are among them. */
export function* candidates(): Generator<number> {
  yield 2
  yield 3
  yield 5
  for (let d = 7, i = 0; ; d += wheel[i]!, i = (i + 1) & 7) yield d
}
