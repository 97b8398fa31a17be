import {
  type Checkpoint,
  type CheckpointSource,
  HEADER,
  layout,
  MAGIC,
  readExactly,
  type Tensor,
} from './checkpoint.ts'
import { CheckpointError, type Config, head_size, NORM_EPS, ROPE_THETA, writeConfig } from './config.ts'
import { toFloat16 } from './float16.ts'
import { readCheckpoint } from './formats.ts'
import { ALIGNMENT, GGUF, NAMES } from './gguf.ts'
import { GROUP } from './stored.ts'
import { Tokenizer } from './tokenizer.ts'

/** What `convertCheckpoint` writes: llama2.c's versions, or GGUF. */
export type Target = '0' | '1' | '2' | 'gguf'

export type Write = (piece: Uint8Array) => Promise<void>

/** Bytes of one piece, about. */
const PIECE = 1 << 20

/** @throws CheckpointError llama2.c's files have no place for what the config says */
export function checkSayable({ rope_theta = ROPE_THETA, norm_eps = NORM_EPS }: Config): void {
  if (rope_theta !== ROPE_THETA) throw new CheckpointError(`no place for rope_theta ${rope_theta} in llama2.c's format`)
  if (Math.fround(norm_eps) !== NORM_EPS)
    throw new CheckpointError(`no place for norm_eps ${norm_eps} in llama2.c's format`)
}

/** llama2.c's header. */
export function header(ckpt: Checkpoint): Uint8Array {
  const { config, version, shared_classifier } = ckpt
  const bytes = new Uint8Array(version === 0 ? 28 : HEADER)
  const view = new DataView(bytes.buffer)
  if (version === 0) {
    const vocab_size = shared_classifier ? config.vocab_size : -config.vocab_size
    writeConfig(view, 0, { ...config, vocab_size })
    return bytes
  }
  view.setUint32(0, MAGIC, true)
  view.setInt32(4, version, true)
  writeConfig(view, 8, config)
  view.setUint8(36, shared_classifier ? 1 : 0)
  if (version === 2) view.setInt32(37, ckpt.group_size, true)
  return bytes
}

/** @throws CheckpointError the target cannot say what the model is */
export function checkTarget(ckpt: Checkpoint, target: Target): void {
  const { group_size } = ckpt
  if (target === 'gguf') {
    if (group_size % GROUP !== 0) throw new CheckpointError(`groups of ${group_size} do not consist of GGUF's ${GROUP}`)
    return
  }
  checkSayable(ckpt.config)
  if (target === '2' && group_size === 0) throw new CheckpointError('not in Q8_0: quantize it')
  if (target !== '2' && group_size > 0) throw new CheckpointError(`version ${target} has no Q8_0`)
}

/**
 * Writes a model in another format, piece by piece, in the file's order. Numbers stay as they are, but for the scales of Q8_0
 * in GGUF, which are rounded to float16.
 *
 * @param tokenizer a tokenizer file, which GGUF takes in; where there is none, that which the model has
 * @throws CheckpointError the target cannot say what the model is; the tokenizer does not fit it
 */
export async function convertCheckpoint(
  src: CheckpointSource,
  target: Target,
  write: Write,
  tokenizer?: Uint8Array,
): Promise<void> {
  const ckpt = await readCheckpoint(src)
  checkTarget(ckpt, target)
  const from = ckpt.source ?? src
  if (target === 'gguf') await writeGguf(from, ckpt, write, tokenizer ?? ckpt.tokenizer?.())
  else await writeLlama2c(from, ckpt, Number(target) as 0 | 1 | 2, write)
}

async function writeLlama2c(from: CheckpointSource, ckpt: Checkpoint, version: 0 | 1 | 2, write: Write): Promise<void> {
  const out = layout(ckpt.config, version, ckpt.shared_classifier, ckpt.group_size)
  await write(header(out))
  let at = header(out).length
  for (const t of out.tensors) {
    // What is between two tensors are version 0's tables of RoPE, which are not used any more.
    for (; at < t.offset; at += Math.min(PIECE, t.offset - at))
      await write(new Uint8Array(Math.min(PIECE, t.offset - at)))
    at = t.offset
    const { offset } = ckpt.tensors.find(o => o.name === t.name && o.layer === t.layer)!
    const elements = t.d * t.n
    const parts = t.type === 'f32' ? [4 * elements] : [elements, (4 * elements) / ckpt.group_size]
    for (const bytes of parts) {
      const start = offset + at - t.offset
      for (let i = 0; i < bytes; i += PIECE) await write(await readExactly(from, start + i, Math.min(PIECE, bytes - i)))
      at += bytes
    }
  }
  for (; at < out.bytes; at += Math.min(PIECE, out.bytes - at))
    await write(new Uint8Array(Math.min(PIECE, out.bytes - at)))
}

/** Little-endian bytes, one after another. */
class Bytes {
  private buf = new Uint8Array(1 << 16)
  length = 0

  private room(n: number): DataView {
    if (this.length + n > this.buf.length) {
      const more = new Uint8Array(2 * (this.length + n))
      more.set(this.buf)
      this.buf = more
    }
    const view = new DataView(this.buf.buffer, this.length, n)
    this.length += n
    return view
  }
  u32(v: number): this {
    this.room(4).setUint32(0, v, true)
    return this
  }
  u64(v: number): this {
    this.room(8).setBigUint64(0, BigInt(v), true)
    return this
  }
  f32(v: number): this {
    this.room(4).setFloat32(0, v, true)
    return this
  }
  /** Characters 0..255. */
  string(s: string): this {
    this.u64(s.length)
    const view = this.room(s.length)
    for (let i = 0; i < s.length; i++) view.setUint8(i, s.charCodeAt(i))
    return this
  }
  all(): Uint8Array {
    return this.buf.subarray(0, this.length)
  }
}

/** The numbers of GGUF's types of values. */
const U32 = 4
const I32 = 5
const F32 = 6
const STRING = 8
const ARRAY = 9

const padding = (n: number): number => (ALIGNMENT - (n % ALIGNMENT)) % ALIGNMENT

async function writeGguf(
  from: CheckpointSource,
  ckpt: Checkpoint,
  write: Write,
  tokenizer: Uint8Array | undefined,
): Promise<void> {
  const { config: c, group_size } = ckpt
  const keys = new Bytes()
  let count = 0
  const key = (name: string, type: number): Bytes => {
    count++
    return keys.string(name).u32(type)
  }
  key('general.architecture', STRING).string('llama')
  key('general.file_type', U32).u32(group_size > 0 ? 7 : 0)
  if (group_size > 0) key('general.quantization_version', U32).u32(2)
  const sizes = {
    embedding_length: c.dim,
    feed_forward_length: c.hidden_dim,
    block_count: c.n_layers,
    'attention.head_count': c.n_heads,
    'attention.head_count_kv': c.n_kv_heads,
    context_length: c.seq_len,
    vocab_size: c.vocab_size,
    'rope.dimension_count': head_size(c),
  }
  for (const [name, v] of Object.entries(sizes)) key(`llama.${name}`, U32).u32(v)
  key('llama.rope.freq_base', F32).f32(c.rope_theta ?? ROPE_THETA)
  key('llama.attention.layer_norm_rms_epsilon', F32).f32(c.norm_eps ?? NORM_EPS)
  if (tokenizer) {
    const { vocab, scores } = new Tokenizer(tokenizer, c.vocab_size)
    const array = (name: string, type: number) => key(`tokenizer.ggml.${name}`, ARRAY).u32(type).u64(vocab.length)
    key('tokenizer.ggml.model', STRING).string('llama')
    array('tokens', STRING)
    vocab.forEach((s, id) => {
      keys.string(id === 1 ? '<s>' : id === 2 ? '</s>' : s.replaceAll(' ', '\xe2\x96\x81'))
    })
    array('scores', F32)
    for (const s of scores) keys.f32(s)
    array('token_type', I32)
    // Unknown, control, byte, normal.
    vocab.forEach((s, id) => {
      keys.u32(id === 0 ? 2 : id < 3 ? 3 : /^<0x[0-9A-F]{2}>$/.test(s) ? 6 : 1)
    })
    for (const [name, id] of Object.entries({ bos: 1, eos: 2, unknown: 0 }))
      key(`tokenizer.ggml.${name}_token_id`, U32).u32(id)
  }

  const infos = new Bytes()
  const bytesOf = (t: Tensor) => (t.type === 'f32' ? 4 * t.d * t.n : ((t.d * t.n) / GROUP) * (GROUP + 2))
  let offset = 0
  for (const t of ckpt.tensors) {
    infos.string(NAMES[t.name].replace('#', String(t.layer)))
    if (t.name.startsWith('rms')) infos.u32(1).u64(t.n)
    else infos.u32(2).u64(t.n).u64(t.d)
    infos.u32(t.type === 'f32' ? 0 : 8).u64(offset)
    offset += bytesOf(t) + padding(bytesOf(t))
  }
  const head = new Bytes().u32(GGUF).u32(3).u64(ckpt.tensors.length).u64(count)
  const length = head.length + keys.length + infos.length
  await write(head.all())
  await write(keys.all())
  await write(infos.all())
  await write(new Uint8Array(padding(length)))
  for (const t of ckpt.tensors) {
    const elements = t.d * t.n
    if (t.type === 'f32')
      for (let i = 0; i < 4 * elements; i += PIECE)
        await write(await readExactly(from, t.offset + i, Math.min(PIECE, 4 * elements - i)))
    else
      for (let i = 0; i < elements; i += PIECE) {
        const n = Math.min(PIECE, elements - i)
        const q = await readExactly(from, t.offset + i, n)
        const first = Math.floor(i / group_size)
        const groups = Math.ceil((i + n) / group_size) - first
        const s = await readExactly(from, t.offset + elements + 4 * first, 4 * groups)
        await write(toBlocks(q, new Float32Array(s.buffer, s.byteOffset, groups), i - first * group_size, group_size))
      }
    await write(new Uint8Array(padding(bytesOf(t))))
  }
}

/** GGUF's Q8_0 of int8 and scales of `group_size`; the first int8 is at `start` in the first group. */
function toBlocks(q: Uint8Array, s: Float32Array, start: number, group_size: number): Uint8Array {
  const out = new Uint8Array((q.length / GROUP) * (GROUP + 2))
  for (let i = 0, at = 0; i < q.length; i += GROUP, at += GROUP + 2) {
    const scale = s[Math.floor((start + i) / group_size)]!
    const h = toFloat16(scale)
    if ((h & 0x7c00) === 0x7c00) throw new CheckpointError(`scale ${scale} is too large for GGUF`)
    out[at] = h & 255
    out[at + 1] = h >> 8
    out.set(q.subarray(i, i + GROUP), at + 2)
  }
  return out
}
