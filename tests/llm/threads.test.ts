import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Config } from '../../llmfs/engine/config.ts'
import { type Engine, type EngineOptions, loadEngine, type Pass } from '../../llmfs/engine/engine.ts'
import { quantizeCheckpoint } from '../../llmfs/engine/quantize.ts'
import { setThreads } from '../../llmfs/engine/threads.ts'
import { threads } from '../../shell/node/threads.ts'
import { bytesSource, embedded, fileSource, random, randomCheckpoint } from './models.ts'

beforeAll(() => setThreads(threads))
afterAll(() => setThreads(undefined))

/** Many times what CI does, for a nightly run. */
const ROUNDS = Number(process.env.STRESS ?? 1)
const seed = Number(process.env.SEED ?? Date.now() % 1e6)

const shape: Config = {
  dim: 192,
  hidden_dim: 352,
  n_layers: 3,
  n_heads: 6,
  n_kv_heads: 2,
  vocab_size: 520,
  seq_len: 64,
}
const file = randomCheckpoint(shape, true, 11)

async function quantized(): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  await quantizeCheckpoint(bytesSource(file), async piece => void pieces.push(piece))
  return Buffer.concat(pieces)
}

/** An engine whose threads have all come. */
async function load(bytes: Uint8Array, opts: Partial<EngineOptions>): Promise<Engine> {
  const engine = await loadEngine(bytesSource(bytes), { simd: true, ...opts })
  while (engine.helpers() < engine.threads - 1) await new Promise(resolve => setTimeout(resolve, 5))
  return engine
}

/** Random batches of both engines, logits compared bit for bit. */
function compare(a: Engine, b: Engine, batches: number, next: () => number): void {
  const { vocab_size, seq_len } = a.config
  const sessions = Array.from({ length: 4 }, () => ({ a: a.newState(), b: b.newState(), pos: 0 }))
  for (let i = 0; i < batches; i++) {
    const [of, other]: [Pass[], Pass[]] = [[], []]
    for (const s of sessions.slice(next() % 4)) {
      if (s.pos === seq_len) s.pos = 0
      const n = Math.min(1 + (next() % 4), seq_len - s.pos)
      for (let j = 0; j < n; j++, s.pos++) {
        const token = next() % vocab_size
        const want = (['nothing', 'logits', 'greatest'] as const)[next() % 3]!
        of.push({ state: s.a, token, pos: s.pos, want })
        other.push({ state: s.b, token, pos: s.pos, want })
      }
    }
    const got = a.forwardAll(of)
    const want = b.forwardAll(other)
    got.forEach((g, j) => {
      const w = want[j]
      if (g instanceof Float32Array && w instanceof Float32Array) {
        const [x, y] = [
          new Uint32Array(g.buffer, g.byteOffset, g.length),
          new Uint32Array(w.buffer, w.byteOffset, w.length),
        ]
        for (let t = 0; t < x.length; t++)
          if (x[t] !== y[t]) throw new Error(`batch ${i}, pass ${j}, logit ${t}, seed ${seed}`)
      } else if (g !== w) throw new Error(`batch ${i}, pass ${j}: ${g}, not ${w}, seed ${seed}`)
    })
  }
  for (const s of sessions) {
    a.free(s.a)
    b.free(s.b)
  }
}

describe('any number of threads gives the same bits', () => {
  for (const n of [2, 3, 5])
    for (const kind of ['FP32', 'Q8_0'])
      test(`${kind}, ${n} threads`, async () => {
        const bytes = kind === 'FP32' ? file : await quantized()
        const [one, several] = [await load(bytes, { threads: 1 }), await load(bytes, { threads: n })]
        expect(several.threads).toBe(n)
        expect(several.helpers()).toBe(n - 1)
        compare(several, one, 200, random(seed + n))
        several.close()
      })
})

test('a model of our own size is not worth a second thread, unless one is asked for', async () => {
  const small = fileSource(join(embedded, 'stories.bin'))
  expect((await loadEngine(small, { simd: true })).threads).toBe(1)
  const two = await loadEngine(small, { simd: true, threads: 2 })
  expect(two.threads).toBe(2)
  two.close()
  expect(() => two.forward(two.newState(), 1, 0)).toThrow('closed')
})

test('a trap in any thread is an error, then and from then on, and no wait without end', async () => {
  const engine = await load(file, { threads: 3 })
  const [good, bad] = [engine.newState(), engine.newState()]
  engine.forward(good, 1, 0)
  Object.assign(bad, { key_cache: 0xfffffff0 })
  expect(() => engine.forward(bad, 1, 0)).toThrow(/failed|out of bounds/)
  expect(() => engine.forward(good, 1, 0)).toThrow('a thread of the engine failed: load the model again')
  engine.close()
})

test(
  'the phases stand any delay: more threads than cores, others that take them away, some hundred thousand phases',
  async () => {
    const stop = new Int32Array(new SharedArrayBuffer(4))
    const hogs = Array.from(
      { length: 2 },
      () =>
        new Worker(
          `const { workerData: stop } = require('node:worker_threads')
         let n = 0
         while (Atomics.load(stop, 0) === 0) if (++n % 3000000 === 0) Atomics.wait(stop, 0, 0, n % 5)`,
          { eval: true, workerData: stop },
        ),
    )
    const [one, several] = [await load(file, { threads: 1 }), await load(file, { threads: 4 })]
    try {
      compare(several, one, 3000 * ROUNDS, random(seed))
    } finally {
      Atomics.store(stop, 0, 1)
      several.close()
      await Promise.all(hogs.map(hog => hog.terminate()))
    }
  },
  120_000 * ROUNDS,
)
