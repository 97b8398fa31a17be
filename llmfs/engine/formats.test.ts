import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  directorySource,
  encode,
  float16,
  ggufKeys,
  hfConfig,
  tokenizerKeys,
  type Value,
  type Weights,
  weightsOf,
  writeGguf,
  writeLegacy,
  writeSafetensors,
} from '../../tests/llm/formats.ts'
import { bytesSource, embedded, goldens, random, randomCheckpoint } from '../../tests/llm/models.ts'
import type { CheckpointSource } from './checkpoint.ts'
import type { Config } from './config.ts'
import { loadCheckpoint, loadEngine } from './engine.ts'
import { fromBfloat16, fromFloat16, toFloat16 } from './float16.ts'
import { readCheckpoint } from './formats.ts'
import { log, powTheta } from './math.ts'
import { argmax } from './sampler.ts'
import { Tokenizer } from './tokenizer.ts'

const legacy = new Uint8Array(readFileSync(join(embedded, 'stories.bin')))
const q80 = new Uint8Array(readFileSync(join(embedded, 'stories_q80.bin')))
const vocabulary = new Uint8Array(readFileSync(join(embedded, 'tokenizer.bin')))
const { config } = await readCheckpoint(bytesSource(legacy))
const model = weightsOf(legacy, config, true)

/** A model of its own classifier, with heads of which two share a key. */
const odd: Config = { dim: 96, hidden_dim: 160, n_layers: 2, n_heads: 6, n_kv_heads: 3, vocab_size: 50, seq_len: 12 }
const own = weightsOf(randomCheckpoint(odd, false, 5), odd, false)

/** The bits of the logits of a greedy run, by both engines, which must agree. */
async function logits(src: CheckpointSource, positions = 6): Promise<Uint32Array[]> {
  const all: Uint32Array[][] = []
  for (const simd of [true, false]) {
    const engine = await loadEngine(src, { simd })
    const state = engine.newState()
    const rows: Uint32Array[] = []
    let token = 1
    for (let pos = 0; pos < positions; pos++) {
      const row = engine.forward(state, token, pos).slice()
      expect(row.every(Number.isFinite)).toBe(true)
      rows.push(new Uint32Array(row.buffer))
      token = argmax(row)
    }
    all.push(rows)
  }
  expect(all[0]).toEqual(all[1])
  return all[0]!
}

const gguf = (w: Weights, type: Parameters<typeof writeGguf>[2], keys: Record<string, Value> = {}) =>
  bytesSource(writeGguf(w, { ...ggufKeys(w.config), ...keys }, type))
const safetensors = (w: Weights, type: Parameters<typeof writeSafetensors>[1], json: Record<string, unknown> = {}) => {
  const tied = !w.tensors.some(t => t.name === 'wcls')
  return directorySource(writeSafetensors(w, type), { 'config.json': { ...hfConfig(w.config, tied), ...json } })
}

describe.each([
  ['the embedded model', model],
  ['a model with a classifier of its own', own],
])('%s gives the logits of the same weights in llama2.c’s format', (_, w) => {
  test.each(['F32', 'F16', 'BF16'] as const)('from GGUF %s', async type => {
    expect(await logits(gguf(w, type))).toEqual(await logits(bytesSource(writeLegacy(w, type))))
  })
  test.each(['F32', 'F16', 'BF16'] as const)('from safetensors %s', async type => {
    expect(await logits(safetensors(w, type))).toEqual(await logits(bytesSource(writeLegacy(w, type, true))))
  })
  test.each(['Q8_0', 'Q4_0'] as const)('from GGUF %s with a matrix of F32 in it, multiplied out', async type => {
    const mixed: Weights = {
      ...w,
      tensors: w.tensors.map(t =>
        t.name === 'wq' || t.name.startsWith('rms') ? t : { ...t, w: encode(t.w, type).back },
      ),
    }
    const src = gguf(w, name => (name === 'wq' ? 'F32' : type))
    expect(await readCheckpoint(src)).toMatchObject({ group_size: 0 })
    expect(await logits(src)).toEqual(await logits(bytesSource(writeLegacy(mixed, 'F32'))))
  })
})

test('F32 of the embedded model is the model, bit for bit', async () => {
  const want = await logits(bytesSource(legacy), 20)
  expect(await logits(gguf(model, 'F32'), 20)).toEqual(want)
  expect(await logits(safetensors(model, 'F32'), 20)).toEqual(want)
})

/** A version 2 file of groups of 32 that holds what blocks of `type` hold. */
function version2(w: Weights, type: 'Q8_0' | 'Q4_0'): Uint8Array {
  const shared = !w.tensors.some(t => t.name === 'wcls')
  const first = ['rms_att_weight', 'rms_ffn_weight', 'rms_final_weight', 'token_embedding_table']
  const names = [...first, 'wq', 'wk', 'wv', 'wo', 'w1', 'w2', 'w3', 'wcls']
  const parts: Uint8Array[] = []
  for (const name of names)
    for (const t of w.tensors.filter(t => t.name === name)) {
      if (name.startsWith('rms')) {
        parts.push(new Uint8Array(t.w.buffer))
        continue
      }
      const { bytes } = encode(t.w, type)
      const size = type === 'Q8_0' ? 34 : 18
      const q: number[] = []
      const s: number[] = []
      for (let at = 0; at < bytes.length; at += size) {
        const h = bytes[at]! | (bytes[at + 1]! << 8)
        s.push(
          (h & 0x8000 ? -1 : 1) *
            (h & 0x7c00 ? (1024 + (h & 1023)) * 2 ** (((h >> 10) & 31) - 25) : (h & 1023) / 2 ** 24),
        )
        const b = bytes.subarray(at + 2, at + size)
        if (type === 'Q8_0') q.push(...b)
        else q.push(...Array.from(b, v => (v & 15) - 8), ...Array.from(b, v => (v >> 4) - 8))
      }
      parts.push(Uint8Array.from(q), new Uint8Array(Float32Array.from(s).buffer))
    }
  const head = new Uint8Array(256)
  const view = new DataView(head.buffer)
  const c = w.config
  const sizes = [c.dim, c.hidden_dim, c.n_layers, c.n_heads, c.n_kv_heads, c.vocab_size, c.seq_len]
  ;[0x616b3432, 2, ...sizes].forEach((v, i) => {
    view.setInt32(4 * i, v, true)
  })
  view.setUint8(36, shared ? 1 : 0)
  view.setInt32(37, 32, true)
  return new Uint8Array(Buffer.concat([head, ...parts]))
}

test.each([
  ['Q8_0', model],
  ['Q4_0', model],
  ['Q8_0', own],
  ['Q4_0', own],
] as const)('GGUF %s stays in 8 bits, with its scales: the logits of version 2 with groups of 32', async (type, w) => {
  const src = gguf(w, type)
  expect(await readCheckpoint(src)).toMatchObject({
    format: 'gguf',
    version: 3,
    group_size: 32,
    params: expect.any(Number),
  })
  expect(await logits(src)).toEqual(await logits(bytesSource(version2(w, type))))
})

test('no byte of a file is read twice', async () => {
  const file = writeGguf(own, ggufKeys(odd), 'Q8_0')
  const times = new Uint8Array(file.length)
  const src: CheckpointSource = {
    size: file.length,
    read: async (at, n) => {
      for (let i = at; i < at + n; i++) times[i]!++
      return file.slice(at, at + n)
    },
  }
  const ckpt = await readCheckpoint(src)
  times.fill(0)
  await loadCheckpoint(src, ckpt, { simd: true })
  expect(times.reduce((a, b) => Math.max(a, b))).toBe(1)
})

test('rope_theta and norm_eps of the file are used', async () => {
  const changed: Weights = { ...model, config: { ...config, rope_theta: 500000, norm_eps: 1e-6 } }
  const read = await readCheckpoint(gguf(changed, 'F32'))
  expect(read.config).toEqual({ ...config, rope_theta: 500000, norm_eps: Math.fround(1e-6) })
  expect((await readCheckpoint(safetensors(changed, 'F32'))).config).toEqual({ ...changed.config })
  await logits(gguf(changed, 'F32'))
  const run = async (c: Config) => {
    const engine = await loadEngine(gguf({ ...model, config: c }, 'F32'), { simd: false })
    const state = engine.newState()
    engine.forward(state, 1, 0)
    return engine.forward(state, 400, 1).slice()
  }
  const plain = await run(config)
  expect(await run({ ...config, rope_theta: 500000 })).not.toEqual(plain)
  expect(await run({ ...config, norm_eps: 1e-3 })).not.toEqual(plain)
  await logits(gguf({ ...model, config: { ...config, rope_theta: 500000 } }, 'F32'))
})

test('log() and powTheta() are as exact as exp()', () => {
  for (const x of [1, 1.0000001, 1.5, 2, 10000, 500000, 1e6, 12345.678, 1e12])
    expect(Math.abs(log(x) - Math.log(x))).toBeLessThanOrEqual(Math.log(x) * 4e-16)
  expect(log(10000)).toBe(9.210340371976184)
  for (const theta of [500000, 1e6])
    for (let y = 0; y <= 1; y += 1 / 64) expect(powTheta(theta, y) / theta ** y).toBeCloseTo(1, 12)
})

describe('float16 and bfloat16', () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i)

  test('all 65536 float16s', () => {
    const got = fromFloat16(all)
    for (let h = 0; h < 65536; h++) {
      const sign = h & 0x8000 ? -1 : 1
      const exp = (h >> 10) & 31
      const mant = h & 1023
      let want = sign * (exp === 0 ? mant * 2 ** -24 : (1024 + mant) * 2 ** (exp - 25))
      if (exp === 31) want = mant === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
      if (!Object.is(got[h], want)) throw new Error(`float16 ${h}: ${got[h]}, not ${want}`)
      if (!Number.isNaN(want) && toFloat16(want) !== h) throw new Error(`${want}: float16 ${toFloat16(want)}, not ${h}`)
    }
    expect(got.length).toBe(65536)
  })

  test('all 65536 bfloat16s are the upper halves of float32s', () => {
    const got = new Uint32Array(fromBfloat16(all).buffer)
    expect(got).toEqual(Uint32Array.from({ length: 65536 }, (_, i) => i << 16))
  })

  test('toFloat16() rounds to the nearest, half to even', () => {
    const next = random(16)
    for (let i = 0; i < 20000; i++) {
      const v = Math.fround((next() / 2 ** 31 - 1) * 2 ** ((next() % 45) - 30))
      if (Math.abs(v) < 65520)
        expect(toFloat16(v), String(v)).toBe(Math.abs(v) > 65504 ? toFloat16(Math.sign(v) * 65504) : float16(v))
    }
    for (let h = 0; h < 0x7bff; h++) {
      const [below, above] = fromFloat16(Uint16Array.of(h, h + 1))
      const half = (below! + above!) / 2
      if (toFloat16(half) !== h + (h & 1)) throw new Error(`half way above ${h}: ${toFloat16(half)}`)
    }
    expect([65519.99, 65520, 1e30, -1e30, Number.POSITIVE_INFINITY].map(toFloat16)).toEqual([
      0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00,
    ])
    expect(toFloat16(Number.NaN) & 0x7fff).toBeGreaterThan(0x7c00)
  })
})

describe('the tokenizer of a GGUF file', () => {
  const keys = tokenizerKeys(vocabulary, config.vocab_size)

  test('is that of the tokenizer file', async () => {
    const { tokenizer } = await readCheckpoint(gguf(model, 'Q8_0', keys))
    const file = tokenizer!()
    expect(Buffer.from(file).equals(vocabulary)).toBe(true)
    const t = new Tokenizer(file, config.vocab_size)
    for (const g of goldens(join(embedded, '..', '..', '..', '..', 'tests', 'llm', 'golden', 'stories.json')))
      expect(t.encode(new TextEncoder().encode(g.prompt), true, false)).toEqual(g.prompt_ids)
  })

  test('may be missing, or of a kind that is refused when it is wanted', async () => {
    expect((await readCheckpoint(gguf(model, 'Q8_0'))).tokenizer).toBeUndefined()
    const refused = async (more: Record<string, Value>, error: string) => {
      const { tokenizer } = await readCheckpoint(gguf(model, 'Q8_0', { ...keys, ...more }))
      expect(tokenizer).toThrow(error)
    }
    await refused({ 'tokenizer.ggml.model': 'gpt2' }, 'tokenizer of the kind gpt2 is not supported')
    await refused({ 'tokenizer.ggml.bos_token_id': 128000 }, 'bos_token_id 128000')
    await refused({ 'tokenizer.ggml.scores': 5 }, 'tokenizer.ggml.scores')
  })
})

describe('what is refused', () => {
  const keys = ggufKeys(odd)
  const refused = (src: CheckpointSource, error: string) => expect(readCheckpoint(src)).rejects.toThrow(error)
  const without = (key: string) => {
    const { [key]: _, ...rest } = keys
    return bytesSource(writeGguf(own, rest, 'F32'))
  }

  test('of GGUF', async () => {
    await refused(gguf(own, 'F32', { 'general.architecture': 'gemma' }), 'architecture gemma: only llama is supported')
    await refused(without('general.architecture'), 'architecture not given')
    await refused(without('llama.block_count'), 'llama.block_count is missing')
    await refused(gguf(own, 'F32', { 'llama.block_count': 3 }), 'tensor blk.2.attn_norm.weight is missing')
    await refused(gguf(own, 'F32', { 'llama.block_count': 1 }), 'tensor blk.1.attn_norm.weight is not a llama')
    await refused(gguf(own, 'F32', { 'llama.feed_forward_length': 161 }), 'shape')
    await refused(gguf(own, 'F32', { 'llama.rope.dimension_count': 8 }), 'rope.dimension_count 8')
    await refused(
      gguf(own, 'F32', { 'llama.rope.scaling.type': 'yarn', 'llama.rope.scaling.factor': [4] }),
      'scaled RoPE',
    )
    await refused(gguf(own, 'F32', { 'llama.expert_count': 8 }), 'experts')
    await refused(gguf(own, 'F32', { 'general.alignment': 3 }), 'general.alignment 3')
    const file = writeGguf(own, keys, 'F32')
    await refused(bytesSource(file.subarray(0, -1)), 'file truncated')
    await refused(bytesSource(file.subarray(0, 100)), 'file truncated: 100 of at least')
    const at = (find: string) => Buffer.from(file).indexOf(find) + find.length
    const patched = (offset: number, value: number) => {
      const copy = file.slice()
      new DataView(copy.buffer).setUint32(offset, value, true)
      return bytesSource(copy)
    }
    await refused(patched(4, 1), 'bad GGUF version 1')
    await refused(patched(4, 0x03000000), 'big-endian')
    await refused(patched(8, 1 << 20), 'absurd sizes: 1048576 tensors')
    await refused(patched(at('blk.0.attn_q.weight') + 20, 12), 'tensor blk.0.attn_q.weight is of the type Q4_K')
    await refused(patched(at('blk.0.attn_q.weight') + 24, 32), 'overlaps')
  })

  test('an alignment of its own is kept', async () => {
    const file = writeGguf(own, { ...keys, 'general.alignment': 256 }, 'F16', 256)
    expect(await logits(bytesSource(file))).toEqual(await logits(gguf(own, 'F16')))
  })

  test('of safetensors', async () => {
    await refused(safetensors(own, 'F32', { model_type: 'mistral' }), 'model_type "mistral": only llama')
    await refused(safetensors(own, 'F32', { hidden_size: 'x' }), 'hidden_size is not a number')
    await refused(
      safetensors(own, 'F32', { num_hidden_layers: 3 }),
      'tensor model.layers.2.input_layernorm.weight is missing',
    )
    await refused(safetensors(own, 'F32', { rope_scaling: { rope_type: 'llama3', factor: 8 } }), 'scaled RoPE (llama3)')
    await refused(safetensors(own, 'F32', { num_attention_heads: 0 }), 'absurd sizes')
    await refused(safetensors(model, 'F32', { tie_word_embeddings: false }), 'lm_head.weight is missing')
    const file = writeSafetensors(own, 'F32')
    await refused(bytesSource(file), 'config.json is missing')
    await refused(directorySource(file, { 'config.json': '[1' }), 'config.json is not JSON')
    await refused(directorySource(file, {}), 'config.json: file does not exist')
    await refused(bytesSource(file.subarray(0, -1)), 'file truncated')
    await refused(bytesSource(new Uint8Array([...file, 0])), 'file too long')
    const edited = (from: string, to: string) =>
      bytesSource(new Uint8Array(Buffer.from(Buffer.from(file).toString('latin1').replace(from, to), 'latin1')))
    await refused(edited('"F32"', '"I32"'), 'of the type I32, which is not supported')
    await refused(edited('[50,96]', '[51,96]'), 'its shape')
    await refused(edited('"data_offsets":[0,', '"data_offsets":[1,'), 'bytes, its shape')
  })
})

test('version 2 still is read as it was', async () => {
  expect(await readCheckpoint(bytesSource(q80))).toMatchObject({ format: 'llama2.c', version: 2, group_size: 64 })
})
