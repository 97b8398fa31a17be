import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  bytesSource,
  embedded,
  fileSource,
  type Golden,
  golden,
  goldenLogits,
  goldens,
  llama2cModels,
  random,
  randomCheckpoint,
} from '../../tests/llm/models.ts'
import type { Config } from './config.ts'
import { type Engine, loadEngine, type Pass } from './engine.ts'
import { quantizeCheckpoint } from './quantize.ts'
import { argmax } from './sampler.ts'

const shared = llama2cModels()

/** Feeds a golden's tokens; returns how many greedy choices differ, and the greatest distance of a recorded logit. */
function follow(engine: Engine, g: Golden, logits: Float32Array): { differ: number; distance: number } {
  const state = engine.newState()
  const { vocab_size } = engine.config
  let differ = 0
  let distance = 0
  for (let pos = 0; pos + 1 < g.ids.length; pos++) {
    const got = engine.forward(state, g.ids[pos]!, pos)
    if (pos >= g.prompt_ids.length - 1 && argmax(got) !== g.ids[pos + 1]) differ++
    const row = g.logit_positions!.indexOf(pos)
    if (row < 0) continue
    for (let i = 0; i < vocab_size; i++)
      distance = Math.max(distance, Math.abs(got[i]! - logits[row * vocab_size + i]!))
  }
  engine.free(state)
  return { differ, distance }
}

interface Case {
  model: string
  file: string
  quantized: boolean
}

const cases: Case[] = [
  { model: join(embedded, 'stories.bin'), file: join(golden, 'stories.json'), quantized: false },
  { model: join(embedded, 'stories_q80.bin'), file: join(golden, 'stories_q80.json'), quantized: true },
]
const sharedCases: Case[] = [
  { model: 'stories260K.bin', file: 'golden/stories260K.json', quantized: false },
  { model: 'stories260K_v1.bin', file: 'golden/stories260K.json', quantized: false },
  { model: 'stories260K_q80_gs4.bin', file: 'golden/stories260K_q80_gs4.json', quantized: true },
].map(c => ({ ...c, model: join(shared ?? '', c.model), file: join(shared ?? '', c.file) }))

function agrees({ model, file, quantized }: Case): void {
  for (const simd of [true, false]) {
    test(`${simd ? 'SIMD' : 'reference'}: ${model.split('/').at(-1)} agrees with llama2.c`, async () => {
      const engine = await loadEngine(fileSource(model), { simd })
      for (const g of goldens(file)) {
        const { differ, distance } = follow(engine, g, goldenLogits(join(file, '..'), g))
        // Two builds of runq.c itself differ by as much: shared/spec/numerics.md.
        if (!quantized) expect(differ).toBe(0)
        expect(distance).toBeLessThan(quantized ? 1 : 5e-5)
      }
    })
  }
}

describe('goldens of the embedded model', () => cases.forEach(agrees))
describe.skipIf(!shared)('goldens of shared/models/llama2c', () => sharedCases.forEach(agrees))

/** Whether both engines give the same bits, over as many positions as there are tokens. */
async function sameBits(file: Uint8Array, positions: number): Promise<void> {
  const simd = await loadEngine(bytesSource(file), { simd: true })
  const ref = await loadEngine(bytesSource(file), { simd: false })
  const a = simd.newState()
  const b = ref.newState()
  let token = 1
  for (let pos = 0; pos < positions; pos++) {
    const got = new Uint32Array(simd.forward(a, token, pos).slice().buffer)
    const want = ref.forward(b, token, pos)
    expect(want.every(Number.isFinite)).toBe(true)
    expect(got).toEqual(new Uint32Array(want.slice().buffer))
    token = argmax(want)
  }
}

describe('SIMD gives the bits of the reference', () => {
  const shapes: [string, Config, boolean][] = [
    [
      'a head of 2',
      { dim: 6, hidden_dim: 10, n_layers: 2, n_heads: 3, n_kv_heads: 3, vocab_size: 17, seq_len: 9 },
      true,
    ],
    [
      'rows of 20, 5 heads over 1',
      { dim: 20, hidden_dim: 33, n_layers: 1, n_heads: 5, n_kv_heads: 1, vocab_size: 5, seq_len: 6 },
      false,
    ],
    [
      'heads of 22',
      { dim: 44, hidden_dim: 7, n_layers: 3, n_heads: 2, n_kv_heads: 1, vocab_size: 100, seq_len: 21 },
      false,
    ],
    [
      'hidden 172, 8 heads over 4',
      { dim: 64, hidden_dim: 172, n_layers: 2, n_heads: 8, n_kv_heads: 4, vocab_size: 48, seq_len: 40 },
      true,
    ],
    [
      'one of everything',
      { dim: 2, hidden_dim: 1, n_layers: 1, n_heads: 1, n_kv_heads: 1, vocab_size: 2, seq_len: 1 },
      true,
    ],
    [
      'heads of 64',
      { dim: 128, hidden_dim: 352, n_layers: 1, n_heads: 2, n_kv_heads: 2, vocab_size: 33, seq_len: 17 },
      false,
    ],
  ]
  for (const [name, config, classifier] of shapes) {
    test(`FP32, ${name}`, () => sameBits(randomCheckpoint(config, classifier, 7), config.seq_len))
    test(`Q8_0, ${name}`, async () => {
      const pieces: Uint8Array[] = []
      await quantizeCheckpoint(bytesSource(randomCheckpoint(config, classifier, 8)), async p => void pieces.push(p))
      const file = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer())
      await sameBits(file, config.seq_len)
    })
  }
})

describe('passes together give what each gives alone', () => {
  const shape: Config = { dim: 44, hidden_dim: 33, n_layers: 2, n_heads: 2, n_kv_heads: 1, vocab_size: 50, seq_len: 40 }

  /** 3 sessions, a batch each of up to `size` passes: a prompt in pieces beside single steps of others. */
  async function compare(file: Uint8Array, size: number): Promise<void> {
    const engine = await loadEngine(bytesSource(file), { simd: true })
    const alone = await loadEngine(bytesSource(file), { simd: false })
    const next = random(size)
    const sessions = Array.from({ length: 3 }, () => ({ a: engine.newState(), b: alone.newState(), pos: 0 }))
    while (sessions.some(s => s.pos < shape.seq_len)) {
      const passes: Pass[] = []
      const want: (Float32Array | undefined)[] = []
      while (passes.length < size) {
        const s = sessions[next() % 3]!
        for (let n = 1 + (next() % 4); n > 0 && passes.length < size && s.pos < shape.seq_len; n--) {
          const [token, wantLogits] = [next() % shape.vocab_size, next() % 2 === 0]
          const wanted = wantLogits ? 'logits' : 'nothing'
          passes.push({ state: s.a, token, pos: s.pos, want: wanted })
          const logits = alone.forward(s.b, token, s.pos)
          want.push(wantLogits ? logits.slice() : undefined)
          s.pos++
        }
        if (sessions.every(s => s.pos >= shape.seq_len)) break
      }
      const got = engine.forwardAll(passes)
      expect(got.map(l => l && [...new Uint32Array((l as Float32Array).slice().buffer)])).toEqual(
        want.map(l => l && [...new Uint32Array(l.buffer)]),
      )
    }
  }

  for (const size of [1, 2, 3, 5, 16]) {
    test(`FP32, ${size} at once`, () => compare(randomCheckpoint(shape, true, 5), size))
    test(`Q8_0, ${size} at once`, async () => {
      const pieces: Uint8Array[] = []
      await quantizeCheckpoint(bytesSource(randomCheckpoint(shape, true, 6)), async p => void pieces.push(p))
      await compare(Buffer.concat(pieces), size)
    })
  }
})

describe('the greatest logit alone', () => {
  const shape: Config = {
    dim: 64,
    hidden_dim: 32,
    n_layers: 1,
    n_heads: 2,
    n_kv_heads: 2,
    vocab_size: 16500,
    seq_len: 40,
  }

  /** The token as the reference has it, and as the engine has it screened and not; `change` gets the classifier, (d, n). */
  async function check(change: (w: Float32Array) => void): Promise<void> {
    const file = randomCheckpoint(shape, false, 21)
    change(new Float32Array(file.buffer, file.byteLength - 4 * shape.vocab_size * shape.dim))
    const [ref, fast, slow] = [
      await loadEngine(bytesSource(file), { simd: false }),
      await loadEngine(bytesSource(file), { simd: true }),
      await loadEngine(bytesSource(file), { simd: true, screen: false }),
    ]
    expect([fast.screens, slow.screens, ref.screens]).toEqual([true, false, false])
    const states = [ref, fast, slow].map(engine => engine.newState())
    let token = 1
    for (let pos = 0; pos < shape.seq_len; pos++) {
      const want = argmax(ref.forward(states[0]!, token, pos))
      for (const [engine, state] of [
        [fast, states[1]!],
        [slow, states[2]!],
      ] as const) {
        const [got] = engine.forwardAll([{ state, token, pos, want: 'greatest' }])
        expect(got).toBe(want)
      }
      token = want
    }
  }

  test('is that of random weights', () => check(() => {}))
  test('is the first of equal ones', () =>
    check(w => {
      for (let i = w.length / 2; i < w.length; i++) w[i] = w[i - w.length / 2]!
    }))
  test('is right where rows differ in the last place only', () =>
    check(w => {
      for (let i = shape.dim; i < w.length; i++) w[i] = w[i % shape.dim]! * (1 + (i % 977) * 2 ** -23)
    }))
  test('is right where a few weights stand out', () =>
    check(w => {
      for (let i = 0; i < w.length; i += 331) w[i] = w[i]! * 1000
    }))
  test('is the first where all are zero, or none is a number', async () => {
    await check(w => void w.fill(0))
    await check(w => void w.fill(Number.NaN))
  })
})

describe('states', () => {
  test('sixteen sessions do not touch one another, freed ones are used again', async () => {
    const engine = await loadEngine(fileSource(join(embedded, 'stories.bin')), { simd: true })
    const [g] = goldens(join(golden, 'stories.json'))
    const states = Array.from({ length: 16 }, () => engine.newState())
    const alone = engine.newState()
    for (let pos = 0; pos < 12; pos++) {
      const want = engine.forward(alone, g!.ids[pos]!, pos).slice()
      for (const state of states) {
        engine.forward(state, g!.ids[pos]!, pos)
        expect(engine.forward(state, g!.ids[pos]!, pos)).toEqual(want)
      }
    }
    for (const state of states) engine.free(state)
    const again = engine.newState()
    expect(engine.forward(again, 1, 0)).toEqual(engine.forward(alone, 1, 0).slice())
    expect(() => engine.forward(states[0]!, 1, 0)).toThrow('freed')
  })

  test('a pass without logits leaves the cache as one with them', async () => {
    const engine = await loadEngine(fileSource(join(embedded, 'stories_q80.bin')), { simd: true })
    const [a, b] = [engine.newState(), engine.newState()]
    engine.forward(a, 1, 0, false)
    engine.forward(b, 1, 0)
    const want = engine.forward(b, 400, 1).slice()
    expect(engine.forward(a, 400, 1)).toEqual(want)
  })

  test('a trap ends the pass, and no other session', async () => {
    const engine = await loadEngine(fileSource(join(embedded, 'stories.bin')), { simd: true })
    const [good, bad] = [engine.newState(), engine.newState()]
    const want = engine.forward(good, 1, 0).slice()
    Object.assign(bad, { key_cache: 0xfffffff0 })
    expect(() => engine.forward(bad, 1, 0)).toThrow(WebAssembly.RuntimeError)
    expect(engine.forward(good, 1, 0)).toEqual(want)
    expect(engine.forward(engine.newState(), 1, 0)).toEqual(want)
  })
})
