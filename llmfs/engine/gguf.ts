/**
 * GGUF, llama.cpp's format, of version 2 or 3: little-endian.
 *
 *   magic "GGUF", version u32, n_tensors u64, n_kv u64
 *   n_kv times: key string, type u32, value         a string is len u64 and its bytes; an array is type u32, len u64, elements
 *   n_tensors times: name string, n_dims u32, n_dims times u64 (innermost first), type u32, offset u64
 *   filled up to general.alignment (32 where absent); from there on the tensors, at their offsets
 *
 * @see ggml docs/gguf.md
 */

import type { Checkpoint, CheckpointSource, TensorName } from './checkpoint.ts'
import { CheckpointError, type Config } from './config.ts'
import { convertedCheckpoint, type Found, type StoredType } from './stored.ts'
import { latin1, tokenizerFile } from './tokenizer.ts'

export const GGUF = 0x46554747
export const ALIGNMENT = 32

/** Names of the tensors, with # for the number of the layer. */
export const NAMES: Record<TensorName, string> = {
  token_embedding_table: 'token_embd.weight',
  rms_att_weight: 'blk.#.attn_norm.weight',
  rms_ffn_weight: 'blk.#.ffn_norm.weight',
  wq: 'blk.#.attn_q.weight',
  wk: 'blk.#.attn_k.weight',
  wv: 'blk.#.attn_v.weight',
  wo: 'blk.#.attn_output.weight',
  w1: 'blk.#.ffn_gate.weight',
  w2: 'blk.#.ffn_down.weight',
  w3: 'blk.#.ffn_up.weight',
  rms_final_weight: 'output_norm.weight',
  wcls: 'output.weight',
}

/** Types of values. */
export const T = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 } as const
const STRING = 8
const ARRAY = 9
/** Bytes of a value, by type; strings and arrays have a length of their own. */
const WIDTH = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8]

/** Types of tensors that are read, by number. */
export const TYPES: Record<number, StoredType> = { 0: 'f32', 1: 'f16', 2: 'q4_0', 8: 'q8_0', 30: 'bf16' }
/** Those that are not, for the error. */
const OTHERS: Record<number, string> = {
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
}

/** Bounds of what is read into memory: no llama of today comes near. */
const MOST_HEADER = 256 << 20
const MOST_ENTRIES = 1 << 16
const MOST_TOKENS = 1 << 21
const MOST_TOKEN = 1 << 16
const MOST_NAME = 256
const MOST_DEPTH = 8
/** Bytes of one read of the header. */
const PIECE = 1 << 20

export const isGguf = (head: Uint8Array): boolean => latin1(head.subarray(0, 4)) === 'GGUF'

/** Reads the header from front to back in pieces. `want` first, then the getters. */
class Header {
  private readonly src: CheckpointSource
  private piece = new Uint8Array(0)
  private view = new DataView(this.piece.buffer)
  /** Place in the piece, and the piece's in the file. */
  private i = 0
  private start = 0

  constructor(src: CheckpointSource) {
    this.src = src
  }

  get at(): number {
    return this.start + this.i
  }

  has(n: number): boolean {
    return this.i + n <= this.piece.length
  }

  /** @throws CheckpointError the file ends, or the header is longer than any */
  private check(n: number): void {
    const { size } = this.src
    if (!(this.at + n <= size)) throw new CheckpointError(`file truncated: ${size} of at least ${this.at + n} bytes`)
    if (this.at + n > MOST_HEADER) throw new CheckpointError(`header longer than ${MOST_HEADER} bytes`)
  }

  async want(n: number): Promise<void> {
    if (this.has(n)) return
    this.check(n)
    this.start = this.at
    this.i = 0
    this.piece = Uint8Array.from(
      await this.src.read(this.start, Math.min(Math.max(n, PIECE), this.src.size - this.start)),
    )
    this.view = new DataView(this.piece.buffer)
    if (!this.has(n))
      throw new CheckpointError(`file truncated: ${this.at + this.piece.length} of ${this.src.size} bytes`)
  }

  skip(n: number): void {
    this.check(n)
    this.i += n
    if (this.i <= this.piece.length) return
    this.start += this.i
    this.i = 0
    this.piece = new Uint8Array(0)
  }

  u32(): number {
    const v = this.view.getUint32(this.i, true)
    this.i += 4
    return v
  }

  /** Beyond 2^53 not exact: what is compared with a bound. */
  u64(): number {
    const v = Number(this.view.getBigUint64(this.i, true))
    this.i += 8
    return v
  }

  scalar(type: number): number | boolean {
    const { view, i } = this
    this.i += WIDTH[type]!
    switch (type) {
      case 0:
        return view.getUint8(i)
      case 1:
        return view.getInt8(i)
      case 2:
        return view.getUint16(i, true)
      case 3:
        return view.getInt16(i, true)
      case 4:
        return view.getUint32(i, true)
      case 5:
        return view.getInt32(i, true)
      case 6:
        return view.getFloat32(i, true)
      case 7:
        return view.getUint8(i) !== 0
      case 10:
        return Number(view.getBigUint64(i, true))
      case 11:
        return Number(view.getBigInt64(i, true))
      default:
        return view.getFloat64(i, true)
    }
  }

  /** `n` bytes as characters 0..255. */
  bytes(n: number): string {
    const s = latin1(this.piece.subarray(this.i, this.i + n))
    this.i += n
    return s
  }

  /** A string no longer than `most`. @throws CheckpointError it is longer */
  async string(most: number, what: string): Promise<string> {
    if (!this.has(8)) await this.want(8)
    const n = this.u64()
    if (n > most) throw new CheckpointError(`${what} of ${n} bytes`)
    if (!this.has(n)) await this.want(n)
    return this.bytes(n)
  }
}

type Value = number | boolean | string | string[] | number[]

/** Arrays that are wanted; others are passed over. */
const ARRAYS = new Set(['tokenizer.ggml.tokens', 'tokenizer.ggml.scores', 'tokenizer.ggml.token_type'])

/** Reads a value; undefined where it is of no use here. */
async function value(h: Header, key: string, type: number): Promise<Value | undefined> {
  const width = WIDTH[type]
  if (width === undefined) throw new CheckpointError(`${key} has the type ${type}, which is none`)
  if (type === ARRAY) return array(h, key, 1)
  if (type === STRING) {
    await h.want(8)
    const n = h.u64()
    if (n > MOST_NAME) {
      h.skip(n)
      return undefined
    }
    await h.want(n)
    return h.bytes(n)
  }
  await h.want(width)
  return h.scalar(type)
}

async function array(h: Header, key: string, depth: number): Promise<string[] | number[] | undefined> {
  if (depth > MOST_DEPTH) throw new CheckpointError(`${key} has arrays ${depth} deep`)
  await h.want(12)
  const type = h.u32()
  const width = WIDTH[type]
  const n = h.u64()
  if (width === undefined) throw new CheckpointError(`${key} has elements of the type ${type}, which is none`)
  if (ARRAYS.has(key) && depth === 1) {
    if (n > MOST_TOKENS) throw new CheckpointError(`${key} has ${n} elements`)
    if (type === STRING) {
      const tokens: string[] = []
      for (let i = 0; i < n; i++) tokens.push(await h.string(MOST_TOKEN, `token ${i}`))
      return tokens
    }
    if (width > 0) {
      const values: number[] = []
      for (let i = 0; i < n; i++) {
        if (!h.has(width)) await h.want(width)
        values.push(Number(h.scalar(type)))
      }
      return values
    }
  }
  if (width > 0) h.skip(n * width)
  else
    for (let i = 0; i < n; i++) {
      if (type === ARRAY) await array(h, key, depth + 1)
      else {
        if (!h.has(8)) await h.want(8)
        h.skip(h.u64())
      }
    }
  return undefined
}

async function tensorInfo(h: Header): Promise<[string, Found]> {
  const name = await h.string(MOST_NAME, 'name of a tensor')
  await h.want(4)
  const n_dims = h.u32()
  if (n_dims < 1 || n_dims > 4) throw new CheckpointError(`tensor ${name} has ${n_dims} dimensions`)
  await h.want(8 * n_dims + 12)
  const shape: number[] = []
  for (let i = 0; i < n_dims; i++) shape.unshift(h.u64())
  const number = h.u32()
  const offset = h.u64()
  const type = TYPES[number]
  if (!type)
    throw new CheckpointError(`tensor ${name} is of the type ${OTHERS[number] ?? number}, which is not supported`)
  return [name, { type, shape, offset }]
}

/**
 * Reads and checks the header of a GGUF file of the llama architecture.
 *
 * @throws CheckpointError what is wrong, or not supported
 */
export async function readGguf(src: CheckpointSource): Promise<Checkpoint> {
  const h = new Header(src)
  await h.want(8)
  h.u32()
  const version = h.u32()
  if (version === 0x02000000 || version === 0x03000000) throw new CheckpointError('GGUF for big-endian machines')
  if (version !== 2 && version !== 3) throw new CheckpointError(`bad GGUF version ${version}`)
  await h.want(16)
  const n_tensors = h.u64()
  const n_kv = h.u64()
  if (n_tensors > MOST_ENTRIES) throw new CheckpointError(`absurd sizes: ${n_tensors} tensors`)
  if (n_kv > MOST_ENTRIES) throw new CheckpointError(`absurd sizes: ${n_kv} keys`)

  const meta = new Map<string, Value>()
  for (let i = 0; i < n_kv; i++) {
    const key = await h.string(MOST_TOKEN, 'key')
    await h.want(4)
    const v = await value(h, key, h.u32())
    if (meta.has(key)) throw new CheckpointError(`${key} is there twice`)
    if (v !== undefined && key.length <= MOST_NAME) meta.set(key, v)
  }
  const found = new Map<string, Found>()
  const architecture = meta.get('general.architecture')
  if (architecture !== 'llama')
    throw new CheckpointError(`architecture ${String(architecture ?? 'not given')}: only llama is supported`)
  for (let i = 0; i < n_tensors; i++) {
    const [name, tensor] = await tensorInfo(h)
    if (found.has(name)) throw new CheckpointError(`tensor ${name} is there twice`)
    found.set(name, tensor)
  }

  const alignment = meta.get('general.alignment') ?? ALIGNMENT
  if (typeof alignment !== 'number' || alignment < 1 || alignment > 1 << 20 || !Number.isInteger(Math.log2(alignment)))
    throw new CheckpointError(`absurd sizes: general.alignment ${String(alignment)}`)
  const data = Math.ceil(h.at / alignment) * alignment
  for (const [name, t] of found) {
    if (t.offset % alignment !== 0)
      throw new CheckpointError(`tensor ${name} at ${t.offset}, not aligned to ${alignment}`)
    t.offset += data
  }
  if (found.has('rope_freqs.weight'))
    throw new CheckpointError('tensor rope_freqs.weight: scaled RoPE is not supported')
  const rows = found.get(NAMES.token_embedding_table)?.shape
  const config = readConfig(meta, rows && (rows.length > 1 ? rows[0] : 1))
  const ckpt = convertedCheckpoint(src, { format: 'gguf', version, config, names: NAMES }, found, false)
  return meta.has('tokenizer.ggml.tokens') ? { ...ckpt, tokenizer: () => vocabulary(meta) } : ckpt
}

function readConfig(meta: ReadonlyMap<string, Value>, rows: number | undefined): Config {
  const number = (key: string, otherwise?: number): number => {
    const v = meta.get(key) ?? otherwise
    if (typeof v === 'number') return v
    throw new CheckpointError(v === undefined ? `${key} is missing` : `${key} is not a number`)
  }
  const dim = number('llama.embedding_length')
  const n_heads = number('llama.attention.head_count')
  const config: Config = {
    dim,
    hidden_dim: number('llama.feed_forward_length'),
    n_layers: number('llama.block_count'),
    n_heads,
    n_kv_heads: number('llama.attention.head_count_kv', n_heads),
    vocab_size: number('llama.vocab_size', rows),
    seq_len: number('llama.context_length'),
    rope_theta: number('llama.rope.freq_base', 10000),
    norm_eps: number('llama.attention.layer_norm_rms_epsilon'),
  }
  for (const key of ['rope.dimension_count', 'attention.key_length', 'attention.value_length']) {
    const got = number(`llama.${key}`, dim / n_heads)
    if (got !== dim / n_heads) throw new CheckpointError(`llama.${key} ${got}, not the ${dim / n_heads} of a head`)
  }
  const scaling = meta.get('llama.rope.scaling.type') ?? 'none'
  const factor = number('llama.rope.scaling.factor', number('llama.rope.scale_linear', 1))
  if (scaling !== 'none' && factor !== 1) throw new CheckpointError(`scaled RoPE (${String(scaling)}) is not supported`)
  if (number('llama.expert_count', 0) > 0) throw new CheckpointError('experts are not supported')
  return config
}

const BLANK = '\xe2\x96\x81'
const BYTE = 6

/** The tokenizer as llama2.c's export of it: blanks as blanks, BOS and EOS on lines of their own. */
function vocabulary(meta: ReadonlyMap<string, Value>): Uint8Array {
  const model = meta.get('tokenizer.ggml.model')
  if (model !== 'llama') throw new CheckpointError(`tokenizer of the kind ${String(model)} is not supported`)
  const tokens = meta.get('tokenizer.ggml.tokens')
  const scores = meta.get('tokenizer.ggml.scores')
  const types = meta.get('tokenizer.ggml.token_type')
  if (!isStrings(tokens)) throw new CheckpointError('tokenizer.ggml.tokens are not strings')
  if (!isNumbers(scores) || scores.length !== tokens.length)
    throw new CheckpointError(`tokenizer.ggml.scores are not ${tokens.length} numbers`)
  if (types !== undefined && (!isNumbers(types) || types.length !== tokens.length))
    throw new CheckpointError(`tokenizer.ggml.token_type are not ${tokens.length} numbers`)
  for (const [what, id] of [
    ['bos', 1],
    ['eos', 2],
  ] as const) {
    const got = meta.get(`tokenizer.ggml.${what}_token_id`) ?? id
    if (got !== id)
      throw new CheckpointError(`tokenizer.ggml.${what}_token_id ${String(got)} is not supported: not ${id}`)
  }
  const vocab = tokens.map((s, id) => {
    if (id === 1 || id === 2) return `\n${s}\n`
    const byte = /^<0x([0-9A-F]{2})>$/.exec(s)
    if (types?.[id] === BYTE && Number.parseInt(byte?.[1] ?? '', 16) !== id - 3)
      throw new CheckpointError(`token ${id} is for a byte, but not for ${id - 3}`)
    return s.replaceAll(BLANK, ' ')
  })
  return tokenizerFile(vocab, scores)
}

const isStrings = (v: Value | undefined): v is string[] => Array.isArray(v) && v.every(s => typeof s === 'string')
const isNumbers = (v: Value | undefined): v is number[] => Array.isArray(v) && v.every(s => typeof s === 'number')
