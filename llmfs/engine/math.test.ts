import { expect, test } from 'vitest'
import { random } from '../../tests/llm/models.ts'
import { attach, kernels } from './kernels.ts'
import { cos, exp, pow10000, sin } from './math.ts'
import { Arena } from './simd.ts'

const f = Math.fround
const seed = 1
const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

/** The distance of two neighbouring float32 at v. */
function ulp(v: number): number {
  const e = Math.max(Math.floor(Math.log2(Math.abs(v))), -126)
  return 2 ** (e - 23)
}

/**
 * Math's functions are within an ulp or so of float64, 2^-29 of a float32's: next to nothing beside the 0.001 ulp that is
 * allowed above the half of a right rounding.
 */
function within(got: number, want: number, at: string): void {
  if (!(Math.abs(got - want) <= 0.501 * ulp(want))) expect.fail(`${at}: ${got}, not ${want}`)
}

test(`exp() is within 0.501 ulp of float32, over a million (seed ${seed})`, () => {
  const next = random(seed)
  let finite = 0
  for (let i = 0; i < 1_000_000; i++) {
    // Half of them anywhere that float32 can tell apart, half where softmax and SwiGLU work.
    bits[0] = next()
    const x = i % 2 === 0 ? float[0]! : f((next() / 2 ** 32 - 0.5) * 60)
    if (Number.isNaN(x)) continue
    const want = Math.exp(x)
    if (want < 2 ** -126) expect(f(exp(x))).toBeLessThanOrEqual(2 ** -126)
    else if (f(want) === Number.POSITIVE_INFINITY) expect(f(exp(x))).toBe(Number.POSITIVE_INFINITY)
    else {
      within(f(exp(x)), want, `exp(${x})`)
      finite++
    }
  }
  expect(finite).toBeGreaterThan(500_000)
})

test('exp() of the ends', () => {
  expect([exp(0), exp(Number.NEGATIVE_INFINITY), exp(Number.POSITIVE_INFINITY)]).toEqual([
    1,
    0,
    Number.POSITIVE_INFINITY,
  ])
  expect(exp(Number.NaN)).toBeNaN()
})

test(`sin() and cos() are within 0.501 ulp of float32 over the angles of RoPE (seed ${seed})`, () => {
  const next = random(seed)
  for (let i = 0; i < 200_000; i++) {
    const x = f((next() / 2 ** 32) * (i % 3 === 0 ? 131072 : i % 3 === 1 ? 10 : 0.01))
    within(f(sin(x)), Math.sin(x), `sin(${x})`)
    within(f(cos(x)), Math.cos(x), `cos(${x})`)
  }
})

test('pow10000() is within 0.501 ulp of float32 at every frequency of heads of up to 256', () => {
  for (let head = 2; head <= 256; head += 2)
    for (let i = 0; i < head; i += 2) {
      const y = f(i / head)
      within(f(pow10000(y)), 10000 ** y, `pow10000(${y})`)
    }
})

test("the kernels' softmax has the bits of exp()", async () => {
  const arena = new Arena()
  const k = attach(await kernels({ shared: false }), arena.memory)
  const n = 1001
  const at = arena.alloc(4 * n + 16)
  const next = random(seed)
  for (let round = 0; round < 200; round++) {
    const x = Float32Array.from({ length: n }, () => f((next() / 2 ** 32 - 1) * 10 ** (round % 4)))
    x[0] = 0
    arena.f32(at, n).set(x)
    k.softmax(at, n)
    let sum = 0
    for (const v of x) sum = f(sum + f(exp(v)))
    const want = x.map(v => f(f(exp(v)) / sum))
    expect(new Uint32Array(arena.f32(at, n).slice().buffer)).toEqual(new Uint32Array(want.buffer))
  }
})
