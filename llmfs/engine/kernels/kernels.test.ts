import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { random } from '../../../tests/llm/models.ts'
import { NORM_EPS } from '../config.ts'
import { quantize, rmsnorm, rotate, round } from '../forward.ts'
import { attach, kernels } from '../kernels.ts'
import { exp, ropeTable } from '../math.ts'
import { argmax, multinomial, nucleus, soften } from '../sampler.ts'
import { Arena } from '../simd.ts'
// @ts-expect-error: build.mjs is plain JavaScript, which Node runs before anything is installed
import { compile } from './build.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const f = Math.fround

test('kernels.gen.ts is what kernels.as.ts compiles to, byte for byte', async () => {
  expect(await compile()).toBe(await readFile(join(here, 'kernels.gen.ts'), 'utf8'))
})

const arena = new Arena()
const k = attach(await kernels({ shared: false }), arena.memory)
const next = random(3)
const numbers = (n: number) => Float32Array.from({ length: n }, () => f((next() / 2 ** 32 - 0.5) * 4))
const sizes = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 172]
const bitsOf = (v: Float32Array) => new Uint32Array(v.slice().buffer)

/** What k.quantize made of n numbers in one group. */
function quantized(q: number, n: number): number[] {
  if (k.width() === 2) return [...new Int16Array(arena.memory.buffer, q, n)]
  const bytes = arena.u8(q, 2 * Math.ceil(n / 4) * 4)
  return Array.from({ length: n }, (_, i) => bytes[(i >> 2) * 8 + (i & 3)]! - bytes[(i >> 2) * 8 + 4 + (i & 3)]!)
}

/** Puts numbers into the arena, with room to the next multiple of 16. */
function put(v: Float32Array): number {
  const at = arena.alloc(4 * (v.length + 16))
  arena.f32(at, v.length).set(v)
  return at
}

describe("kernels give the reference's bits at every size", () => {
  for (const n of sizes) {
    test(`rmsnorm of ${n}`, () => {
      const [x, w] = [numbers(n), numbers(n)]
      const [px, pw] = [put(x), put(w)]
      const want = new Float32Array(n)
      rmsnorm(want, x, w)
      k.rmsnorm(px, px, pw, n, NORM_EPS)
      expect(bitsOf(arena.f32(px, n))).toEqual(bitsOf(want))
    })

    test(`add of ${n}`, () => {
      const [x, y] = [numbers(n), numbers(n)]
      const [px, py] = [put(x), put(y)]
      k.add(px, py, n)
      expect(bitsOf(arena.f32(px, n))).toEqual(bitsOf(x.map((v, i) => f(v + y[i]!))))
    })

    test(`swiglu of ${n}`, () => {
      const [hb, hb2] = [numbers(n), numbers(n)]
      const [ph, ph2] = [put(hb), put(hb2)]
      k.swiglu(ph, ph2, n)
      const want = hb.map((v, i) => f(f(v * f(1 / f(1 + f(exp(-v))))) * hb2[i]!))
      expect(bitsOf(arena.f32(ph, n))).toEqual(bitsOf(want))
    })

    test(`temper of ${n}`, () => {
      const x = numbers(n)
      const px = put(x)
      k.temper(px, n, f(0.7))
      soften(x, f(0.7))
      expect(bitsOf(arena.f32(px, n))).toEqual(bitsOf(x))
    })

    test(`samplers of ${n}`, () => {
      const heap = arena.alloc(4 * n + 16)
      for (let round = 0; round < 20; round++) {
        // Few different numbers, so that there are equal ones.
        const x = numbers(n).map(v => (round % 2 === 0 ? v : Math.round(v)))
        const px = put(x)
        expect(k.argmax(px, n)).toBe(argmax(x))
        k.temper(px, n, f(0.3 + round / 10))
        soften(x, f(0.3 + round / 10))
        const coin = (next() >>> 8) / 2 ** 24
        expect(k.multinomial(px, n, coin)).toBe(multinomial(x, coin))
        for (const topp of [0.05, 0.5, 0.9, 0.999].map(f))
          expect(k.nucleus(px, n, topp, coin, heap)).toBe(nucleus(x, topp, coin))
      }
      expect(bitsOf(arena.f32(heap + 4 * n, 4))).toEqual(new Uint32Array(4))
    })

    test(`quantize of ${n} in one group`, () => {
      const x = numbers(n)
      const want = quantize(x, n)
      const px = put(x)
      const [pq, ps] = [arena.alloc(2 * n + 16), arena.alloc(4)]
      k.quantize(pq, ps, px, n, n)
      expect(quantized(pq, n)).toEqual([...want.q])
      expect(bitsOf(arena.f32(ps, 1))).toEqual(bitsOf(want.s))
    })

    for (const d of [1, 15, 16, 35])
      test(`matmul of (${d}, ${n})`, () => {
        const [x, w] = [numbers(n), numbers(n * d)]
        const want = new Float32Array(d)
        for (let i = 0; i < d; i++) {
          let val = 0
          for (let j = 0; j < n; j++) val = f(val + f(w[i * n + j]! * x[j]!))
          want[i] = val
        }
        const [px, pw] = [put(x), put(w)]
        const [packed, out] = [arena.alloc(64 * n * Math.ceil(d / 16)), arena.alloc(4 * (d + 16))]
        for (let row = 0; row < d; row += 16) k.pack(packed + 4 * row * n, pw + 4 * row * n, n, Math.min(16, d - row))
        for (let row = 0; row < d; row += 16) k.block(out + 4 * row, 64, px, 0, packed + 4 * row * n, n, 1, false)
        expect(bitsOf(arena.f32(out, d))).toEqual(bitsOf(want))
      })
  }

  for (const head_size of [2, 6, 16, 22])
    test(`rotate of heads of ${head_size}`, () => {
      const rope = ropeTable(9, head_size)
      const vec = numbers(16 * head_size)
      const [pv, pr] = [put(vec), put(rope)]
      for (let row = 0; row < vec.length; row += 16) k.rotate(pv + 4 * row, row, pr + 4 * 7 * head_size, head_size)
      rotate(vec, rope, 7, head_size)
      expect(bitsOf(arena.f32(pv, vec.length))).toEqual(bitsOf(vec))
    })

  test('a group of zeros is quantized to zeros', () => {
    const px = put(new Float32Array(8))
    const [pq, ps] = [arena.alloc(16), arena.alloc(4)]
    k.quantize(pq, ps, px, 8, 8)
    expect(quantized(pq, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
    expect(quantize(new Float32Array(8), 8)).toEqual({ q: new Int8Array(8), s: new Float32Array(1) })
  })

  test('round() is half away from zero', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.4, 126.5].map(round)).toEqual([1, 2, 3, -1, -2, -2, 127])
  })
})
