import { CheckpointError, type Config, checkConfig, kv_dim, readConfig } from './config.ts'

/** Where a checkpoint's bytes come from. */
export interface CheckpointSource {
  /** Bytes. */
  size: number
  /**
   * Exactly `count` bytes, or fewer where the file ends. With `passing` they are of no use any more when the next read is
   * asked for, so their memory may then be used again.
   */
  read(offset: number, count: number, passing?: boolean): Promise<Uint8Array>
  /** All of the file `name` in the same directory, such as config.json. Fails where that is longer than 1 MB. */
  beside?(name: string): Promise<Uint8Array>
}

/** The names that run.c's TransformerWeights has. */
export type TensorName =
  | 'token_embedding_table'
  | 'rms_att_weight'
  | 'rms_ffn_weight'
  | 'wq'
  | 'wk'
  | 'wv'
  | 'wo'
  | 'w1'
  | 'w2'
  | 'w3'
  | 'rms_final_weight'
  | 'wcls'

/** One tensor of the file, of one layer: (d, n), row-major. A vector has d 1. */
export interface Tensor {
  name: TensorName
  layer: number
  d: number
  n: number
  /** f32: d*n float32. q80: d*n int8, then d*n/group_size float32 scales. */
  type: 'f32' | 'q80'
  /** Bytes from the start of the file. */
  offset: number
}

/** What a checkpoint's header says, and where everything is. */
export interface Checkpoint {
  format: 'llama2.c' | 'gguf' | 'safetensors'
  config: Config
  /** llama2.c's: 0 legacy FP32, 1 FP32, 2 Q8_0. GGUF's: 2 or 3. 0 for safetensors, which has none. */
  version: number
  shared_classifier: boolean
  /** Q8_0's; 0 for FP32. */
  group_size: number
  /** In the order of the file. */
  tensors: Tensor[]
  /** Trained numbers; a shared classifier counts once. */
  params: number
  /** Bytes that the file must have. */
  bytes: number
  /** Bytes of the model as it is read, which float16 and its like are converted for. */
  weights: number
  /** What the tensors' offsets are in, where that is not the file itself: the file converted as it is read. */
  source?: CheckpointSource
  /**
   * The tokenizer that the file has in it, in the form of a tokenizer file.
   *
   * @throws CheckpointError it is of a kind that is not supported
   */
  tokenizer?(): Uint8Array
}

export const MAGIC = 0x616b3432
export const HEADER = 256

/** Cuts a file into tensors, one after another. */
class Layout {
  readonly tensors: Tensor[] = []
  offset: number
  private readonly group_size: number

  constructor(offset: number, group_size: number) {
    this.offset = offset
    this.group_size = group_size
  }

  add(name: TensorName, layers: number, d: number, n: number, type: Tensor['type']): void {
    const size = type === 'f32' ? 4 * d * n : d * n + (4 * d * n) / this.group_size
    for (let layer = 0; layer < layers; layer++) {
      this.tensors.push({ name, layer, d, n, type, offset: this.offset })
      this.offset += size
    }
  }
}

/** The layout that a header asks for; what stands in the file is compared with `bytes` by the caller. */
export function layout(config: Config, version: 0 | 1 | 2, shared: boolean, group_size: number): Checkpoint {
  const { dim, hidden_dim, n_layers, vocab_size, seq_len, n_heads } = config
  const kv = kv_dim(config)
  const file = new Layout(version === 0 ? 28 : HEADER, group_size)
  const type = version === 2 ? 'q80' : 'f32'
  const attention = () => {
    file.add('wq', n_layers, dim, dim, type)
    file.add('wk', n_layers, kv, dim, type)
    file.add('wv', n_layers, kv, dim, type)
    file.add('wo', n_layers, dim, dim, type)
  }
  const ffn = () => {
    file.add('w1', n_layers, hidden_dim, dim, type)
    file.add('w2', n_layers, dim, hidden_dim, type)
    file.add('w3', n_layers, hidden_dim, dim, type)
  }
  if (version === 0) {
    file.add('token_embedding_table', 1, vocab_size, dim, 'f32')
    file.add('rms_att_weight', n_layers, 1, dim, 'f32')
    attention()
    file.add('rms_ffn_weight', n_layers, 1, dim, 'f32')
    ffn()
    file.add('rms_final_weight', 1, 1, dim, 'f32')
    // Once the tables of RoPE, real and imaginary: (seq_len, head_size/2) each, not used any more.
    file.offset += 4 * seq_len * (dim / n_heads)
  } else {
    file.add('rms_att_weight', n_layers, 1, dim, 'f32')
    file.add('rms_ffn_weight', n_layers, 1, dim, 'f32')
    file.add('rms_final_weight', 1, 1, dim, 'f32')
    file.add('token_embedding_table', 1, vocab_size, dim, type)
    attention()
    ffn()
  }
  if (!shared) file.add('wcls', 1, vocab_size, dim, type)
  const params = file.tensors.reduce((sum, t) => sum + t.d * t.n, 0)
  return {
    format: 'llama2.c',
    config,
    version,
    shared_classifier: shared,
    group_size,
    tensors: file.tensors,
    params,
    bytes: file.offset,
    weights: file.offset,
  }
}

/** @throws CheckpointError a row does not consist of whole groups; runq.c would drop the rest of it */
function checkGroups(config: Config, group_size: number): void {
  if (group_size < 1) throw new CheckpointError(`absurd sizes: group size ${group_size}`)
  for (const n of [config.dim, config.hidden_dim])
    if (n % group_size !== 0) throw new CheckpointError(`group size ${group_size} does not divide rows of ${n}`)
}

/**
 * Reads and checks the header of a llama2.c checkpoint, of version 0, 1 or 2, told apart by content.
 *
 * @throws CheckpointError what is wrong; the file's whole size is checked too, so that a file cut short is refused here
 */
export async function readLlama2c(src: CheckpointSource): Promise<Checkpoint> {
  const head = await src.read(0, Math.min(HEADER, src.size))
  if (head.length < 28) throw new CheckpointError(`file truncated: ${src.size} of at least 28 bytes`)
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const found = view.getUint32(0, true) === MAGIC ? versioned(view, src.size) : legacy(view)
  if (src.size < found.bytes) throw new CheckpointError(`file truncated: ${src.size} of ${found.bytes} bytes`)
  if (src.size > found.bytes) throw new CheckpointError(`file too long: ${src.size} bytes, not ${found.bytes}`)
  return found
}

function legacy(view: DataView): Checkpoint {
  const config = readConfig(view, 0)
  // A negative vocab_size is version 0's way of saying that the classifier is not shared.
  const shared = config.vocab_size > 0
  config.vocab_size = Math.abs(config.vocab_size)
  try {
    checkConfig(config)
  } catch (e) {
    if (e instanceof CheckpointError) throw new CheckpointError(`not a llama2.c checkpoint: ${e.message}`)
    throw e
  }
  return layout(config, 0, shared, 0)
}

function versioned(view: DataView, size: number): Checkpoint {
  if (view.byteLength < HEADER) throw new CheckpointError(`file truncated: ${size} of at least ${HEADER} bytes`)
  const version = view.getInt32(4, true)
  if (version !== 1 && version !== 2) throw new CheckpointError(`bad version ${version}`)
  const config = readConfig(view, 8)
  checkConfig(config)
  const shared = view.getUint8(36) !== 0
  const group_size = version === 2 ? view.getInt32(37, true) : 0
  if (version === 2) checkGroups(config, group_size)
  return layout(config, version, shared, group_size)
}

/** Bytes that one read asks for, about; pieces are whole rows. */
const PIECE = 1 << 20

/** @throws CheckpointError the source gives less than it said */
export async function readExactly(
  src: CheckpointSource,
  offset: number,
  count: number,
  passing = false,
): Promise<Uint8Array> {
  const bytes = await src.read(offset, count, passing)
  if (bytes.length !== count) throw new CheckpointError(`file truncated: ${offset + bytes.length} of ${src.size} bytes`)
  // A copy where the bytes do not begin where a float32 may.
  return bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
}

/**
 * Reads a row-major (d, n) array of elements of `width` bytes in pieces, of as many rows at once as are about PIECE
 * bytes, a multiple of `rows`. `use` gets each piece, which lasts until it returns, with the number of its first row.
 */
export async function readRows(
  src: CheckpointSource,
  at: { offset: number; d: number; n: number; width: number; rows: number },
  use: (piece: Uint8Array, row: number) => void,
): Promise<void> {
  const rowBytes = at.n * at.width
  const step = at.rows * Math.max(1, Math.floor(PIECE / (at.rows * rowBytes)))
  for (let row = 0; row < at.d; row += step) {
    const count = Math.min(step, at.d - row) * rowBytes
    use(await readExactly(src, at.offset + row * rowBytes, count, true), row)
  }
}
