import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { embedded, fileSource, golden, llama2cModels } from '../../tests/llm/models.ts'
import { loadEngine } from './engine.ts'
import { Sampler, softmax } from './sampler.ts'
import { printable, Tokenizer } from './tokenizer.ts'

/** What `run -t temp -p topp -s seed -n steps -i prompt` prints, as run.c's generate() has it. */
async function run(
  model: string,
  vocabulary: string,
  o: { temp: number; topp: number; seed: bigint; steps: number; prompt: string },
): Promise<string> {
  const engine = await loadEngine(fileSource(model), { simd: true })
  const { vocab_size } = engine.config
  const tokenizer = new Tokenizer(new Uint8Array(readFileSync(vocabulary)), vocab_size)
  const sampler = new Sampler(o.temp, o.topp, o.seed)
  const prompt = tokenizer.encode(new TextEncoder().encode(o.prompt), true, false)
  const state = engine.newState()
  const text: number[] = []
  let token = prompt[0]!
  for (let pos = 0; pos < o.steps; ) {
    const logits = engine.forward(state, token, pos)
    const next = pos + 1 < prompt.length ? prompt[pos + 1]! : sampler.sample(logits)
    pos++
    if (next === 1) break
    const piece = tokenizer.decode(token, next)
    if (printable(piece)) text.push(...piece)
    token = next
  }
  return new TextDecoder().decode(Uint8Array.from(text))
}

const own = (o: Parameters<typeof run>[2]) => run(join(embedded, 'stories.bin'), join(embedded, 'tokenizer.bin'), o)

describe("sampled text is run.c's", () => {
  test('temperature 1, top-p 0.9, seed 42', async () => {
    const want = readFileSync(join(golden, 'sample-t1-p0.9-s42-n100.txt'), 'utf8')
    expect(`${await own({ temp: 1, topp: 0.9, seed: 42n, steps: 100, prompt: '' })}\n`).toBe(want)
  })
  test('temperature 0.8, top-p 0.95, seed 7, a prompt', async () => {
    const want = readFileSync(join(golden, 'sample-t0.8-p0.95-s7-n100-lily.txt'), 'utf8')
    expect(`${await own({ temp: 0.8, topp: 0.95, seed: 7n, steps: 100, prompt: 'Lily and Tom' })}\n`).toBe(want)
  })
})

const shared = llama2cModels()
describe.skipIf(!shared)('sampled text of shared/models/llama2c', () => {
  test("stories260K gives llama2.c's known texts", async () => {
    const expected = JSON.parse(readFileSync(join(shared!, 'expected_outputs.json'), 'utf8'))
    for (const e of expected) {
      const flag = (name: string) => new RegExp(`${name} ("[^"]*"|\\S+)`).exec(e['run.c args'])?.[1]
      const o = {
        temp: Number(flag('-t') ?? 1),
        topp: Number(flag('-p') ?? 0.9),
        seed: BigInt(flag('-s') ?? 1),
        steps: Number(flag('-n') ?? 256),
        prompt: flag('-i')?.slice(1, -1) ?? '',
      }
      const got = await run(join(shared!, e.model), join(shared!, e.tokenizer), o)
      expect(got.trimEnd(), e['run.c args']).toBe(e.stdout.trimEnd())
    }
  })
})

test('equal probabilities go to the lower token', () => {
  const sampler = new Sampler(1, 0.5, 1n)
  const picks = new Set(Array.from({ length: 200 }, () => sampler.sample(Float32Array.of(0, 3, 3, 0))))
  // The first alone has about 0.48, so both are needed to pass 0.5, and no third.
  expect([...picks].sort()).toEqual([1, 2])
})

test('temperature 0 is the greatest, the first of equals', () => {
  expect(new Sampler(0, 0.9, 1n).sample(Float32Array.of(1, 2, 2))).toBe(1)
})

test('softmax() sums to 1 and keeps the order, far from 0 too', () => {
  const x = Float32Array.of(1000, 999, -1000)
  softmax(x, 3)
  expect(x[0]! + x[1]! + x[2]!).toBeCloseTo(1, 6)
  expect(x[0]! / x[1]!).toBeCloseTo(Math.E, 4)
  expect(x[2]).toBe(0)
})
