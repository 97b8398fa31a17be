import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  directorySource,
  ggufKeys,
  hfConfig,
  tokenizerKeys,
  weightsOf,
  writeGguf,
  writeLegacy,
  writeSafetensors,
} from '../../tests/llm/formats.ts'
import { bytesSource, embedded, fileSource, randomCheckpoint } from '../../tests/llm/models.ts'
import type { CheckpointSource } from './checkpoint.ts'
import type { Config } from './config.ts'
import { convertCheckpoint, type Target } from './convert.ts'
import { loadEngine } from './engine.ts'
import { readCheckpoint } from './formats.ts'
import { quantizeCheckpoint } from './quantize.ts'

const fp32 = fileSource(join(embedded, 'stories.bin'))
const q80 = fileSource(join(embedded, 'stories_q80.bin'))
const vocabulary = new Uint8Array(readFileSync(join(embedded, 'tokenizer.bin')))
const odd: Config = { dim: 96, hidden_dim: 160, n_layers: 2, n_heads: 6, n_kv_heads: 3, vocab_size: 50, seq_len: 12 }
const oddFile = randomCheckpoint(odd, false, 3)
const own = weightsOf(oddFile, odd, false)

async function bytes(make: (write: (piece: Uint8Array) => Promise<void>) => Promise<unknown>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  await make(async p => void pieces.push(p.slice()))
  return new Uint8Array(Buffer.concat(pieces))
}
const convert = (src: CheckpointSource, target: Target, tokenizer?: Uint8Array) =>
  bytes(write => convertCheckpoint(src, target, write, tokenizer))

async function logits(src: CheckpointSource): Promise<Float32Array> {
  const engine = await loadEngine(src, { simd: true })
  const state = engine.newState()
  engine.forward(state, 1, 0)
  return engine.forward(state, 40, 1).slice()
}
/** Not by expect(), which takes long to compare megabytes. */
const equal = (a: Uint8Array, b: Uint8Array) => expect(Buffer.from(a).equals(b)).toBe(true)

describe.each([
  ['the embedded model', fp32],
  ['a model with a classifier of its own', bytesSource(oddFile)],
])('%s', (_, src) => {
  test('goes from version 0 to 1, to GGUF and back, and stays what it is', async () => {
    const v1 = await convert(src, '1')
    expect(await readCheckpoint(bytesSource(v1))).toMatchObject({ version: 1, bytes: v1.length })
    const gguf = await convert(bytesSource(v1), 'gguf')
    expect(await readCheckpoint(bytesSource(gguf))).toMatchObject({ format: 'gguf', version: 3, group_size: 0 })
    equal(await convert(bytesSource(gguf), '1'), v1)
    const v0 = await convert(bytesSource(gguf), '0')
    expect((await readCheckpoint(bytesSource(v0))).config).toEqual((await readCheckpoint(src)).config)
    equal(await convert(bytesSource(v0), '1'), v1)
    expect(await logits(bytesSource(v0))).toEqual(await logits(src))
    expect(await logits(bytesSource(gguf))).toEqual(await logits(src))
  })

  test('goes from safetensors to version 0, and then is quantized as from version 0', async () => {
    const w = src === fp32 ? weightsOf(await fp32.read(0, fp32.size), (await readCheckpoint(src)).config, true) : own
    const tied = src === fp32
    const hf = directorySource(writeSafetensors(w, 'F32'), { 'config.json': hfConfig(w.config, tied) })
    equal(await convert(hf, '1'), await convert(src, '1'))
    const half = directorySource(writeSafetensors(w, 'BF16'), { 'config.json': hfConfig(w.config, tied) })
    equal(
      await bytes(write => quantizeCheckpoint(half, write)),
      await bytes(write => quantizeCheckpoint(bytesSource(writeLegacy(w, 'BF16', true)), write)),
    )
  })
})

test('Q8_0 goes from GGUF to version 2 and back without a change', async () => {
  const gguf = bytesSource(writeGguf(own, ggufKeys(odd), 'Q8_0'))
  const v2 = bytesSource(await convert(gguf, '2'))
  expect(await readCheckpoint(v2)).toMatchObject({ format: 'llama2.c', version: 2, group_size: 32 })
  expect(await logits(v2)).toEqual(await logits(gguf))
  const back = await convert(v2, 'gguf')
  equal(await convert(bytesSource(back), '2'), await v2.read(0, v2.size))
})

test('groups of 64 become two blocks each, whose scales are the nearest float16s', async () => {
  const back = bytesSource(await convert(bytesSource(await convert(q80, 'gguf')), '2'))
  const [a, b] = [await readCheckpoint(q80), await readCheckpoint(back)]
  expect(b.group_size).toBe(32)
  const t = a.tensors.find(t => t.name === 'w2' && t.layer === 3)!
  const u = b.tensors.find(t => t.name === 'w2' && t.layer === 3)!
  const elements = t.d * t.n
  expect(await back.read(u.offset, elements)).toEqual(await q80.read(t.offset, elements))
  const s = new Float32Array((await q80.read(t.offset + elements, elements / 16)).buffer)
  const r = new Float32Array((await back.read(u.offset + elements, elements / 8)).buffer)
  for (let i = 0; i < r.length; i++) expect(Math.abs(r[i]! / s[i >> 1]! - 1)).toBeLessThanOrEqual(2 ** -11)
})

test('a GGUF file takes a tokenizer in and gives it back', async () => {
  const tokenizer = async (file: Uint8Array) => (await readCheckpoint(bytesSource(file))).tokenizer!()
  const file = await convert(q80, 'gguf', vocabulary)
  equal(await tokenizer(file), vocabulary)
  equal(await tokenizer(await convert(bytesSource(file), 'gguf')), vocabulary)
  const { config } = await readCheckpoint(fp32)
  const other = writeGguf(
    weightsOf(await fp32.read(0, fp32.size), config, true),
    { ...ggufKeys(config), ...tokenizerKeys(vocabulary, 1024) },
    'F32',
  )
  equal(await tokenizer(other), vocabulary)
  await expect(convert(bytesSource(oddFile), 'gguf', vocabulary)).rejects.toThrow('tokenizer has more tokens')
})

test('what a target cannot say is refused before anything is written', async () => {
  const refused = async (src: CheckpointSource, target: Target, error: string) => {
    let written = 0
    const done = convertCheckpoint(src, target, async p => void (written += p.length))
    await expect(done).rejects.toThrow(error)
    expect(written).toBe(0)
  }
  await refused(q80, '0', 'version 0 has no Q8_0')
  await refused(q80, '1', 'version 1 has no Q8_0')
  await refused(fp32, '2', 'not in Q8_0: quantize it')
  const changed = (more: Partial<Config>) => bytesSource(writeGguf(own, ggufKeys({ ...odd, ...more }), 'F32'))
  await refused(changed({ rope_theta: 500000 }), '0', 'no place for rope_theta 500000')
  await refused(changed({ norm_eps: 0.5 }), '1', 'no place for norm_eps 0.5')
  await expect(bytes(write => quantizeCheckpoint(changed({ rope_theta: 500000 }), write))).rejects.toThrow('no place')
  const small = randomCheckpoint({ ...odd, dim: 12, hidden_dim: 20, n_heads: 2, n_kv_heads: 1 }, true, 1)
  const groups = bytesSource(await bytes(write => quantizeCheckpoint(bytesSource(small), write)))
  await refused(groups, 'gguf', 'groups of 4 do not consist of GGUF')
  const kept = changed({ rope_theta: 500000, norm_eps: 0.5 })
  expect((await readCheckpoint(bytesSource(await convert(kept, 'gguf')))).config).toMatchObject({
    rope_theta: 500000,
    norm_eps: 0.5,
  })
})
