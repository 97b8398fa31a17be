/**
 * safetensors, Hugging Face's format: n u64, n bytes of JSON, and the tensors, one after another without holes. The JSON has
 * for each name a dtype, a shape (outermost first) and data_offsets [begin, end) from the end of the JSON on; and perhaps
 * __metadata__. What the tensors are for stands in config.json beside the file.
 *
 * @see github.com/huggingface/safetensors README
 */

import { type Checkpoint, type CheckpointSource, readExactly, type TensorName } from './checkpoint.ts'
import { CheckpointError, type Config } from './config.ts'
import { convertedCheckpoint, type Found, type StoredType, storedBytes } from './stored.ts'

/** Names of the tensors, with # for the number of the layer. */
export const NAMES: Record<TensorName, string> = {
  token_embedding_table: 'model.embed_tokens.weight',
  rms_att_weight: 'model.layers.#.input_layernorm.weight',
  rms_ffn_weight: 'model.layers.#.post_attention_layernorm.weight',
  wq: 'model.layers.#.self_attn.q_proj.weight',
  wk: 'model.layers.#.self_attn.k_proj.weight',
  wv: 'model.layers.#.self_attn.v_proj.weight',
  wo: 'model.layers.#.self_attn.o_proj.weight',
  w1: 'model.layers.#.mlp.gate_proj.weight',
  w2: 'model.layers.#.mlp.down_proj.weight',
  w3: 'model.layers.#.mlp.up_proj.weight',
  rms_final_weight: 'model.norm.weight',
  wcls: 'lm_head.weight',
}

export const TYPES: Record<string, StoredType> = { F32: 'f32', F16: 'f16', BF16: 'bf16' }

/** Bytes of the header, at most: a thousand layers take one. */
const MOST_HEADER = 16 << 20

/** The JSON begins at once, and its length is no llama2.c's two sizes. */
export function isSafetensors(head: Uint8Array): boolean {
  return head.length > 8 && head[8] === 0x7b && head.subarray(4, 8).every(b => b === 0)
}

type Json = Record<string, unknown>

const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v)
const isSizes = (v: unknown): v is number[] => Array.isArray(v) && v.every(n => Number.isSafeInteger(n) && n >= 0)

/** @throws CheckpointError it is no JSON object */
function object(bytes: Uint8Array, what: string): Json {
  let v: unknown
  try {
    v = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new CheckpointError(`${what} is not JSON`)
  }
  if (!isObject(v)) throw new CheckpointError(`${what} is not an object`)
  return v
}

/**
 * Reads and checks the headers of a safetensors file and of its config.json, of the llama architecture.
 *
 * @throws CheckpointError what is wrong, or not supported
 */
export async function readSafetensors(src: CheckpointSource): Promise<Checkpoint> {
  const head = await readExactly(src, 0, 8)
  const n = new DataView(head.buffer, head.byteOffset).getUint32(0, true)
  if (n > MOST_HEADER) throw new CheckpointError(`absurd sizes: header of ${n} bytes`)
  if (8 + n > src.size) throw new CheckpointError(`file truncated: ${src.size} of at least ${8 + n} bytes`)
  const found = new Map<string, Found>()
  const ends = new Map<string, number>()
  for (const [name, info] of Object.entries(object(await readExactly(src, 8, n), 'header'))) {
    if (name === '__metadata__') continue
    const { dtype, shape, data_offsets } = isObject(info) ? info : {}
    const type = TYPES[String(dtype)]
    if (!type) throw new CheckpointError(`tensor ${name} is of the type ${String(dtype)}, which is not supported`)
    if (!isSizes(shape) || shape.length > 4) throw new CheckpointError(`tensor ${name} has no shape`)
    if (!isSizes(data_offsets) || data_offsets.length !== 2)
      throw new CheckpointError(`tensor ${name} has no data_offsets`)
    const [begin, end] = data_offsets as [number, number]
    const bytes = storedBytes(
      type,
      shape.reduce((a, b) => a * b, 1),
    )
    if (end - begin !== bytes) throw new CheckpointError(`tensor ${name} has ${end - begin} bytes, its shape ${bytes}`)
    found.set(name, { type, shape, offset: 8 + n + begin })
    ends.set(name, 8 + n + end)
  }
  let at = 8 + n
  for (const [name, { offset }] of [...found].sort(([, a], [, b]) => a.offset - b.offset)) {
    if (offset !== at) throw new CheckpointError(`tensor ${name} at byte ${offset}, not at ${at}`)
    at = ends.get(name)!
  }
  if (src.size < at) throw new CheckpointError(`file truncated: ${src.size} of ${at} bytes`)
  if (src.size > at) throw new CheckpointError(`file too long: ${src.size} bytes, not ${at}`)

  if (!src.beside) throw new CheckpointError('config.json is missing')
  const json = object(await src.beside('config.json'), 'config.json')
  // Old files have RoPE's frequencies in them, which follow from the config.
  for (const name of found.keys()) if (name.endsWith('.rotary_emb.inv_freq')) found.delete(name)
  if (json['tie_word_embeddings'] === true) found.delete(NAMES.wcls)
  else if (!found.has(NAMES.wcls)) throw new CheckpointError(`tensor ${NAMES.wcls} is missing`)
  return convertedCheckpoint(
    src,
    { format: 'safetensors', version: 0, config: config(json), names: NAMES },
    found,
    true,
  )
}

/** What Hugging Face's LlamaConfig says; what it may leave out has the values there. */
function config(json: Json): Config {
  const number = (key: string, otherwise?: number, from: Json = json): number => {
    const v = from[key] ?? otherwise
    if (typeof v === 'number') return v
    throw new CheckpointError(`config.json: ${key} is ${v === undefined ? 'missing' : 'not a number'}`)
  }
  const only = (key: string, want: unknown) => {
    const v = json[key] ?? want
    if (v !== want)
      throw new CheckpointError(`config.json: ${key} ${JSON.stringify(v)}: only ${String(want)} is supported`)
  }
  only('model_type', 'llama')
  only('hidden_act', 'silu')
  only('attention_bias', false)
  only('mlp_bias', false)
  const dim = number('hidden_size')
  const n_heads = number('num_attention_heads')
  only('head_dim', dim / n_heads)
  // Once rope_theta and rope_scaling, now both in rope_parameters.
  const rope = [json['rope_scaling'], json['rope_parameters']].find(isObject) ?? {}
  const kind = rope['rope_type'] ?? rope['type'] ?? 'default'
  if (kind !== 'default') throw new CheckpointError(`config.json: scaled RoPE (${String(kind)}) is not supported`)
  return {
    dim,
    hidden_dim: number('intermediate_size'),
    n_layers: number('num_hidden_layers'),
    n_heads,
    n_kv_heads: number('num_key_value_heads', n_heads),
    vocab_size: number('vocab_size'),
    seq_len: number('max_position_embeddings', 2048),
    rope_theta: number('rope_theta', number('rope_theta', 10000, rope)),
    norm_eps: number('rms_norm_eps', 1e-6),
  }
}
