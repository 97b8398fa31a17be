import { expect, test } from 'vitest'
import { Random } from '../../../tests/random.ts'
import { order, Strings } from './strings.ts'

const random = new Random(5)
const rnd = (n: number) => random.int(n)

/** The order by definition: byte for byte, the shorter first, then as they came. */
function expected(all: number[][]): number[] {
  const less = (a: number[], b: number[]) => {
    for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
    return a.length - b.length
  }
  return all.map((_, i) => i).sort((i, j) => less(all[i]!, all[j]!) || i - j)
}

for (const [what, bytes, length, n] of [
  ['of few letters', [97, 98], 12, 2000],
  ['of NULs and others', [0, 0, 0, 1], 9, 2000],
  ['of any bytes', Array.from({ length: 256 }, (_, i) => i), 30, 1000],
  ['that are mostly the same', [120], 3, 3000],
  ['few enough for insertion', [0, 97, 255], 6, 12],
] as const)
  test(`order() of strings ${what}`, async () => {
    const all = Array.from({ length: n }, () =>
      Array.from({ length: rnd(length + 1) }, () => bytes[rnd(bytes.length)]!),
    )
    const s = new Strings()
    for (const b of all) {
      for (const c of b) s.put(c)
      s.close()
    }
    expect([...(await order(s, async () => undefined))]).toEqual(expected(all))
    for (let i = 1; i < n; i++) expect(s.equal(i - 1, i)).toBe(`${all[i - 1]}` === `${all[i]}`)
  })

test('order() lets others in', async () => {
  const s = new Strings()
  for (let i = 0; i < 200_000; i++) {
    for (let k = 0; k < 12; k++) s.put(97 + rnd(3))
    s.close()
  }
  let rests = 0
  await order(s, async () => void rests++)
  expect(rests).toBeGreaterThan(0)
})
