import type { CheckpointSource } from '../../llmfs/engine/checkpoint.ts'
import { layout, type Tensor, type TensorName } from '../../llmfs/engine/checkpoint.ts'
import { type Config, head_size } from '../../llmfs/engine/config.ts'
import * as gguf from '../../llmfs/engine/gguf.ts'
import * as safetensors from '../../llmfs/engine/safetensors.ts'
import { bytesSource } from './models.ts'

/** A model's weights, as float32, for the writers below. */
export interface Weights {
  config: Config
  tensors: { name: TensorName; layer: number; d: number; n: number; w: Float32Array }[]
}

/** The weights of a version 0 checkpoint. */
export function weightsOf(file: Uint8Array, config: Config, shared: boolean): Weights {
  const tensors = layout(config, 0, shared, 0).tensors.map(({ name, layer, d, n, offset }: Tensor) => ({
    name,
    layer,
    d,
    n,
    w: new Float32Array(file.slice(offset, offset + 4 * d * n).buffer),
  }))
  return { config, tensors }
}

/** The nearest float16, found by search among the exact values. */
const values = Float64Array.from({ length: 0x7c00 }, (_, h) =>
  h < 1024 ? h * 2 ** -24 : (1024 + (h & 1023)) * 2 ** ((h >> 10) - 25),
)
export function float16(v: number): number {
  const a = Math.abs(v)
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const mid = (low + high) >> 1
    if (values[mid]! < a) low = mid + 1
    else high = mid
  }
  const below = a - values[low - 1]!
  const above = values[low]! - a
  const h = low > 0 && (below < above || (below === above && low & 1)) ? low - 1 : low
  return (v < 0 || Object.is(v, -0) ? 0x8000 : 0) | h
}
/** The value of a finite float16. */
export const float16Value = (h: number): number => (h & 0x8000 ? -1 : 1) * values[h & 0x7fff]!

export type Type = 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'Q4_0'
const NUMBER: Record<Type, number> = { F32: 0, F16: 1, BF16: 30, Q8_0: 8, Q4_0: 2 }

/** `w` in a type, and what a reader must make of it, as float32. */
export function encode(w: Float32Array, type: Type): { bytes: Uint8Array; back: Float32Array } {
  const back = new Float32Array(w.length)
  if (type === 'F32') return { bytes: new Uint8Array(w.slice().buffer), back: w.slice() }
  const out: number[] = []
  const u16 = (v: number) => out.push(v & 255, v >> 8)
  if (type === 'F16') {
    w.forEach((v, i) => {
      const h = float16(v)
      u16(h)
      back[i] = float16Value(h)
    })
  } else if (type === 'BF16') {
    const bits = new Uint32Array(w.slice().buffer)
    for (const b of bits) u16(b >>> 16)
    back.set(new Float32Array(bits.map(b => b & 0xffff0000).buffer))
  } else {
    const most = type === 'Q8_0' ? 127 : 7
    for (let b = 0; b < w.length; b += 32) {
      const block = w.subarray(b, b + 32)
      const h = float16(block.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / most)
      const scale = float16Value(h)
      const q = Array.from(block, v => (scale === 0 ? 0 : Math.max(-most, Math.min(most, Math.round(v / scale)))))
      u16(h)
      if (type === 'Q8_0') for (const v of q) out.push(v & 255)
      else for (let i = 0; i < 16; i++) out.push((q[i]! + 8) | ((q[i + 16]! + 8) << 4))
      q.forEach((v, i) => {
        back[b + i] = v * scale
      })
    }
  }
  return { bytes: Uint8Array.from(out), back }
}

/** Bytes, put together. */
export class Bytes {
  private readonly parts: Uint8Array[] = []
  length = 0
  put(bytes: Uint8Array): this {
    this.parts.push(bytes)
    this.length += bytes.length
    return this
  }
  u32(v: number): this {
    return this.put(new Uint8Array(Uint32Array.of(v).buffer))
  }
  u64(v: number | bigint): this {
    return this.put(new Uint8Array(BigUint64Array.of(BigInt(v)).buffer))
  }
  f32(v: number): this {
    return this.put(new Uint8Array(Float32Array.of(v).buffer))
  }
  string(s: string | Uint8Array): this {
    const bytes = typeof s === 'string' ? new TextEncoder().encode(s) : s
    return this.u64(bytes.length).put(bytes)
  }
  fill(alignment: number): this {
    return this.put(new Uint8Array((alignment - (this.length % alignment)) % alignment))
  }
  all(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.length)
    let at = 0
    for (const p of this.parts) {
      all.set(p, at)
      at += p.length
    }
    return all
  }
}

/** A key's value: a number is a u32, [number] a float32, { raw } anything else, its type first. */
export type Value = number | [number] | string | { raw: Uint8Array }

function putValue(b: Bytes, v: Value): void {
  if (typeof v === 'number') b.u32(4).u32(v)
  else if (typeof v === 'string') b.u32(8).string(v)
  else if (Array.isArray(v)) b.u32(6).f32(v[0])
  else b.put(v.raw)
}

/** The tokenizer of a tokenizer file as SentencePiece has it, for GGUF. */
export function tokenizerKeys(file: Uint8Array, vocab_size: number): Record<string, Value> {
  const view = new DataView(file.buffer, file.byteOffset)
  const tokens = new Bytes().u32(9).u32(8).u64(vocab_size)
  const scores = new Bytes().u32(9).u32(6).u64(vocab_size)
  const types = new Bytes().u32(9).u32(5).u64(vocab_size)
  let at = 4
  for (let id = 0; id < vocab_size; id++) {
    scores.f32(view.getFloat32(at, true))
    const len = view.getInt32(at + 4, true)
    const s = Buffer.from(file.subarray(at + 8, at + 8 + len)).toString('latin1')
    at += 8 + len
    const plain = id === 1 ? '<s>' : id === 2 ? '</s>' : s.replaceAll(' ', '\xe2\x96\x81')
    tokens.string(Buffer.from(plain, 'latin1'))
    types.u32(id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1)
  }
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': { raw: tokens.all() },
    'tokenizer.ggml.scores': { raw: scores.all() },
    'tokenizer.ggml.token_type': { raw: types.all() },
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
  }
}

export const ggufKeys = (c: Config): Record<string, Value> => ({
  'general.architecture': 'llama',
  'general.name': 'test',
  'llama.embedding_length': c.dim,
  'llama.feed_forward_length': c.hidden_dim,
  'llama.block_count': c.n_layers,
  'llama.attention.head_count': c.n_heads,
  'llama.attention.head_count_kv': c.n_kv_heads,
  'llama.context_length': c.seq_len,
  'llama.rope.dimension_count': head_size(c),
  'llama.rope.freq_base': [c.rope_theta ?? 10000],
  'llama.attention.layer_norm_rms_epsilon': [c.norm_eps ?? 1e-5],
})

/** Matrices in `type`, or what it says of each; vectors in float32. */
export function writeGguf(
  { tensors }: Weights,
  keys: Record<string, Value>,
  type: Type | ((name: TensorName) => Type),
  alignment = 32,
): Uint8Array<ArrayBuffer> {
  const b = new Bytes().u32(gguf.GGUF).u32(3).u64(tensors.length).u64(Object.keys(keys).length)
  for (const [k, v] of Object.entries(keys)) putValue(b.string(k), v)
  const data = new Bytes()
  for (const { name, layer, d, n, w } of tensors) {
    const vector = name.startsWith('rms')
    const t = vector ? 'F32' : typeof type === 'string' ? type : type(name)
    b.string(gguf.NAMES[name].replace('#', String(layer)))
    if (vector) b.u32(1).u64(n)
    else b.u32(2).u64(n).u64(d)
    b.u32(NUMBER[t]).u64(data.length)
    data.put(encode(w, t).bytes).fill(alignment)
  }
  return b.fill(alignment).put(data.all()).all()
}

/** Rows of each head from llama2.c's order into Hugging Face's: what rotates together stands half a head apart. */
function halves(w: Float32Array, n: number, hs: number): Float32Array {
  const out = new Float32Array(w.length)
  for (let r = 0; r < w.length / n; r++) {
    const i = r % hs
    const to = r - i + (i >> 1) + (i & 1) * (hs / 2)
    out.set(w.subarray(r * n, (r + 1) * n), to * n)
  }
  return out
}

/** config.json's content. */
export const hfConfig = (c: Config, tied: boolean): Record<string, unknown> => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_act: 'silu',
  hidden_size: c.dim,
  intermediate_size: c.hidden_dim,
  num_hidden_layers: c.n_layers,
  num_attention_heads: c.n_heads,
  num_key_value_heads: c.n_kv_heads,
  vocab_size: c.vocab_size,
  max_position_embeddings: c.seq_len,
  rms_norm_eps: c.norm_eps ?? 1e-5,
  rope_theta: c.rope_theta ?? 10000,
  tie_word_embeddings: tied,
})

export function writeSafetensors({ config, tensors }: Weights, type: 'F32' | 'F16' | 'BF16'): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  const data = new Bytes()
  for (const { name, layer, d, n, w } of tensors) {
    const rows = name === 'wq' || name === 'wk' ? halves(w, n, head_size(config)) : w
    const begin = data.length
    data.put(encode(rows, type).bytes)
    header[safetensors.NAMES[name].replace('#', String(layer))] = {
      dtype: type,
      shape: name.startsWith('rms') ? [n] : [d, n],
      data_offsets: [begin, data.length],
    }
  }
  return safetensorsFile(header, data.all())
}

export function safetensorsFile(header: unknown, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(header))
  const padded = new Bytes().put(json).put(new Uint8Array((8 - (json.length % 8)) % 8).fill(0x20))
  return new Bytes().u64(padded.length).put(padded.all()).put(data).all()
}

/** A source with files beside it. */
export function directorySource(file: Uint8Array, beside: Record<string, unknown>): CheckpointSource {
  return {
    ...bytesSource(file),
    beside: async name => {
      if (!(name in beside)) throw new Error(`${name}: file does not exist`)
      const v = beside[name]
      return new TextEncoder().encode(typeof v === 'string' ? v : JSON.stringify(v))
    },
  }
}

/** A version 0 file of the weights, each replaced by what `type` makes of it; vectors where `vectors` says so. */
export function writeLegacy({ config, tensors }: Weights, type: Type, vectors = false): Uint8Array<ArrayBuffer> {
  const shared = !tensors.some(t => t.name === 'wcls')
  const { bytes, tensors: places } = layout(config, 0, shared, 0)
  const file = new Uint8Array(bytes)
  const head = new Int32Array(file.buffer, 0, 7)
  const { dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len } = config
  head.set([dim, hidden_dim, n_layers, n_heads, n_kv_heads, shared ? vocab_size : -vocab_size, seq_len])
  for (const p of places) {
    const t = tensors.find(t => t.name === p.name && t.layer === p.layer)!
    const w = p.name.startsWith('rms') && !vectors ? t.w : encode(t.w, type).back
    file.set(new Uint8Array(w.buffer), p.offset)
  }
  return file
}
