import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Config } from '../../llmfs/engine/config.ts'
import { loadEngine } from '../../llmfs/engine/engine.ts'
import { Lookup } from '../../llmfs/engine/lookup.ts'
import { type EngineEvent, EngineHost, type GenerateParams } from '../../llmfs/worker.ts'
import { embedded, fileSource, randomCheckpoint } from './models.ts'

const utf8 = new TextEncoder()

interface Made {
  ids: number[]
  logprobs: number[]
  pos: number
}

/** An engine in this thread with a model in use. */
class Host {
  readonly engine = new EngineHost()
  private sink: (e: EngineEvent) => void = () => {}

  static async make(file: Uint8Array, tokenizer: Uint8Array): Promise<Host> {
    const host = new Host()
    void host.pump()
    host.sink = e => {
      if (e.type === 'read') void host.engine.data(file.slice(e.offset, e.offset + e.count))
    }
    await host.engine.load(file.length, { simd: true })
    await host.engine.use(tokenizer)
    return host
  }

  private async pump(): Promise<void> {
    for (;;) for (const e of await this.engine.events()) this.sink(e)
  }

  /** What session 1 makes as generation 7; `seen` is called with each event's tokens. */
  run(params: Partial<GenerateParams>, seen?: () => void): Promise<Made> {
    const made: Made = { ids: [], logprobs: [], pos: 0 }
    const all = { prompt: new Uint8Array(0), temp: 0, topp: 0.9, seed: 5n, steps: 200, logprobs: false, chat: false }
    return new Promise((resolve, reject) => {
      this.sink = e => {
        if (e.type === 'tokens') {
          made.ids.push(...e.ids)
          made.logprobs.push(...e.logprobs)
          seen?.()
        } else if (e.type === 'end') {
          if (e.error === undefined) resolve({ ...made, pos: e.pos })
          else reject(new Error(e.error))
        }
      }
      this.engine.generate(7, 1, { ...all, ...params }).catch(reject)
    })
  }
}

const stories = readFileSync(join(embedded, 'stories.bin'))
const vocab = readFileSync(join(embedded, 'tokenizer.bin'))
const twice = utf8.encode('Once upon a time there was a cat. The cat was red. Once upon a time there was')

describe('shortcuts change nothing', () => {
  for (const temp of [0, 0.7, 1])
    for (const prompt of [new Uint8Array(0), twice])
      test(`temperature ${temp}, prompt of ${prompt.length} bytes`, async () => {
        const h = await Host.make(stories, vocab)
        const want = await h.run({ temp, prompt, shortcuts: false })
        expect(await h.run({ temp, prompt })).toEqual(want)
      })

  test('with a classifier that is worth screening', async () => {
    const config: Config = {
      dim: 64,
      hidden_dim: 96,
      n_layers: 2,
      n_heads: 4,
      n_kv_heads: 2,
      vocab_size: 16400,
      seq_len: 120,
    }
    const file = randomCheckpoint(config, true, 3)
    const tokenizer = Buffer.alloc(4 + config.vocab_size * 9)
    tokenizer.writeInt32LE(1, 0)
    for (let i = 0, at = 4; i < config.vocab_size; i++, at += 9) tokenizer.writeInt32LE(1, at + 4)
    const h = await Host.make(file, tokenizer)
    const want = await h.run({ shortcuts: false })
    expect(want.ids.length).toBeGreaterThan(20)
    expect(await h.run({})).toEqual(want)
    const probs = await h.run({ logprobs: true })
    expect(probs.ids).toEqual(want.ids)
    const again = await h.engine.logprobs(1, 1, 1000)
    expect([...again]).toEqual(probs.logprobs)
  })
})

test('logprobs can be asked for later', async () => {
  const h = await Host.make(stories, vocab)
  const want = await h.run({ prompt: twice, logprobs: true, temp: 0.8 })
  const quiet = await h.run({ prompt: twice, temp: 0.8 })
  expect(quiet.ids).toEqual(want.ids)
  expect(quiet.logprobs.map(Number.isNaN)).toEqual(want.logprobs.map(p => p !== 0))
  expect([...(await h.engine.logprobs(1, 1, 1 << 20))]).toEqual(want.logprobs)
  expect([...(await h.engine.logprobs(1, 50, 60))]).toEqual(want.logprobs.slice(49, 59))
})

test('watch makes logprobs of what comes after it', async () => {
  const h = await Host.make(stories, vocab)
  const want = await h.run({ logprobs: true, temp: 0.8 })
  let watching = false
  const got = await h.run({ temp: 0.8 }, () => {
    if (!watching) void h.engine.watch(7)
    watching = true
  })
  expect(got.ids).toEqual(want.ids)
  expect(got.logprobs.slice(20)).toEqual(want.logprobs.slice(20))
})

test('logits are those of the last pass, also where it was one of a prompt', async () => {
  const h = await Host.make(stories, vocab)
  const long = utf8.encode(
    'Once upon a time there was a little dog who liked to run in the park with his friends. '.repeat(4),
  )
  const { pos } = await h.run({ prompt: long }, () => void h.engine.stop(7))
  expect(pos).toBeGreaterThan(0)
  expect(pos).toBeLessThan(60)
  const logits = await h.engine.logits(1)

  const engine = await loadEngine(fileSource(join(embedded, 'stories.bin')), { simd: false })
  const state = engine.newState()
  const full = await h.run({ prompt: long, steps: pos + 1 })
  const fed = [1, ...full.ids]
  for (let p = 0; p < pos - 1; p++) engine.forward(state, fed[p]!, p)
  expect(logits).toEqual(engine.forward(state, fed[pos - 1]!, pos - 1).slice())
})

describe('lookup', () => {
  test('guesses what stood there before', () => {
    const lookup = new Lookup([1, 5, 6, 7, 8, 9, 5, 6])
    expect(lookup.guesses(7)).toEqual([])
    lookup.add(7)
    expect(lookup.guesses(7)).toEqual([8, 9])
    lookup.add(8)
    lookup.add(9)
    expect(lookup.guesses(7)).toEqual([5, 6, 7, 8])
    expect(lookup.guesses(1)).toEqual([5])
    expect(lookup.guesses(0)).toEqual([])
  })

  test('rests where its guesses are wrong', () => {
    const lookup = new Lookup([1, 2, 3, 4, 5])
    let guessed = 0
    for (let i = 0; i < 300; i++) {
      for (const token of [2, 3, 4]) lookup.add(token)
      guessed += lookup.guesses(7).length
      lookup.add(1000 + i)
    }
    expect(guessed).toBeGreaterThan(0)
    expect(guessed).toBeLessThan(100)
  })
})
