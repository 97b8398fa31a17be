import {
  type Checkpoint,
  type CheckpointSource,
  layout,
  readExactly,
  type Tensor,
  type TensorName,
} from './checkpoint.ts'
import { CheckpointError, type Config, checkConfig, head_size } from './config.ts'
import { fromBfloat16, fromFloat16, words } from './float16.ts'

/**
 * How other formats than llama2.c's store elements, little-endian, and in blocks of how many: GGML's names.
 *
 *   q8_0  a float16 scale, 32 int8
 *   q4_0  a float16 scale, 16 bytes: element i in the low half of byte i, element i + 16 in the high half, each less 8
 */
export const STORED = {
  f32: { block: 1, bytes: 4 },
  f16: { block: 1, bytes: 2 },
  bf16: { block: 1, bytes: 2 },
  q8_0: { block: 32, bytes: 34 },
  q4_0: { block: 32, bytes: 18 },
} as const

export type StoredType = keyof typeof STORED

/** Group size of what comes from blocks with a scale. */
export const GROUP = 32

/** A tensor as another format's header describes it. */
export interface Found {
  type: StoredType
  /** Outermost first. */
  shape: number[]
  /** Bytes from the start of the file. */
  offset: number
}

/** A tensor of one layer, (d, n), row-major. */
interface Stored extends Found {
  /**
   * Where not 0, the rows of each head of so many stand in Hugging Face's order, in which RoPE turns row i with row
   * i + head_size/2; llama2.c's, and GGUF's for this architecture, turns row 2i with row 2i + 1.
   */
  halves: number
}

export const storedBytes = (type: StoredType, elements: number): number =>
  (elements / STORED[type].block) * STORED[type].bytes

const blocks = (type: StoredType): boolean => STORED[type].block > 1

/**
 * The checkpoint that the tensors of another format make, and the source that its engines read: laid out as a llama2.c file
 * of version 1, or of 2 where every matrix has scales, converted piece by piece as it is read. float16 and bfloat16 become
 * float32; blocks become groups of 32, four bits becoming eight, all of it exact. Where some matrices have scales and some
 * do not, those that do are multiplied out, which is exact too.
 *
 * `found` has the file's tensors by their names there; `names` has those names, with # for the number of the layer;
 * `rotated` says that queries and keys stand in Hugging Face's order.
 *
 * @throws CheckpointError the config is not sound; a tensor is missing, too many, of the wrong shape, lies outside of the file
 * or on another one
 */
export function convertedCheckpoint(
  src: CheckpointSource,
  header: { format: Checkpoint['format']; version: number; config: Config; names: Record<TensorName, string> },
  found: ReadonlyMap<string, Found>,
  rotated: boolean,
): Checkpoint {
  const { format, version, config, names } = header
  checkConfig(config)
  checkPlaces(found, src.size)
  const shared = !found.has(names.wcls)
  const stored = new Map<string, Stored>()
  const key = (t: Tensor) => names[t.name].replace('#', String(t.layer))
  const { tensors } = layout(config, 1, shared, 0)
  for (const t of tensors) {
    const name = key(t)
    const s = found.get(name)
    if (!s) throw new CheckpointError(`tensor ${name} is missing`)
    const want = [t.d, t.n]
    if (outer(s.shape) !== outer(want))
      throw new CheckpointError(`tensor ${name} has the shape (${s.shape.join(', ')}), not (${want.join(', ')})`)
    const turned = rotated && (t.name === 'wq' || t.name === 'wk')
    stored.set(name, { ...s, halves: turned ? head_size(config) : 0 })
  }
  for (const name of found.keys()) if (!stored.has(name)) throw new CheckpointError(`tensor ${name} is not a llama's`)
  const at = (t: Tensor) => stored.get(key(t))!
  const quantized = tensors.every(t => t.name.startsWith('rms') || blocks(at(t).type))
  const ckpt = layout(config, quantized ? 2 : 1, shared, quantized ? GROUP : 0)
  const source = new ConvertedSource(src, ckpt, at)
  // In the order in which they stand in the file, so that it is read from front to back.
  const sorted = [...ckpt.tensors].sort((a, b) => at(a).offset - at(b).offset)
  return { ...ckpt, format, version, tensors: sorted, bytes: src.size, source }
}

/** A shape to compare: dimensions of 1 outermost mean nothing, and GGUF leaves them out. */
const outer = (shape: readonly number[]): string => shape.join().replace(/^(1,)+/, '')

/** @throws CheckpointError a tensor's rows are not whole blocks, or its bytes not its own */
function checkPlaces(found: ReadonlyMap<string, Found>, size: number): void {
  let end = 0
  let before = ''
  for (const [name, { type, shape, offset }] of [...found].sort(([, a], [, b]) => a.offset - b.offset)) {
    if (shape.length === 0 || shape.at(-1)! % STORED[type].block !== 0)
      throw new CheckpointError(
        `tensor ${name} has rows of ${shape.at(-1) ?? 0}, not whole blocks of ${STORED[type].block}`,
      )
    if (offset < end) throw new CheckpointError(`tensor ${name} overlaps ${before}`)
    end =
      offset +
      storedBytes(
        type,
        shape.reduce((a, b) => a * b, 1),
      )
    if (!(end <= size)) throw new CheckpointError(`file truncated: ${size} of ${end} bytes: tensor ${name}`)
    before = name
  }
}

/** What the engines read of a file of another format. A read lies within one tensor, in its elements or in its scales. */
class ConvertedSource implements CheckpointSource {
  readonly size: number
  private readonly src: CheckpointSource
  private readonly tensors: readonly Tensor[]
  private readonly at: (t: Tensor) => Stored
  /** The scales met while a tensor's elements were read from the first on, so that no byte of the file is read twice. */
  private scales: { tensor: Tensor; s: Float32Array; have: number } | undefined

  constructor(src: CheckpointSource, ckpt: Checkpoint, at: (t: Tensor) => Stored) {
    this.src = src
    this.size = ckpt.weights
    this.tensors = ckpt.tensors
    this.at = at
  }

  async read(offset: number, count: number): Promise<Uint8Array> {
    const t = this.find(offset)
    const from = offset - t.offset
    if (t.type === 'f32') return cut(await this.floats(t, from >> 2, Math.ceil((from + count) / 4)), from & 3, count)
    const elements = t.d * t.n
    if (from < elements) return this.quants(t, from, count)
    const group = (from - elements) >> 2
    const s = await this.groupScales(t, group, Math.ceil((from - elements + count) / 4))
    return cut(s, (from - elements) & 3, count)
  }

  /** The tensor that `offset` lies in. */
  private find(offset: number): Tensor {
    let low = 0
    let high = this.tensors.length - 1
    while (low < high) {
      const mid = (low + high + 1) >> 1
      if (this.tensors[mid]!.offset <= offset) low = mid
      else high = mid - 1
    }
    const t = this.tensors[low]!
    if (offset < t.offset) throw new RangeError(`no tensor at ${offset}`)
    return t
  }

  /** The stored bytes of elements `from` to `to`, whole blocks. */
  private async raw(t: Tensor, from: number, to: number): Promise<Uint8Array> {
    const { type, offset, halves } = this.at(t)
    const get = (a: number, b: number) => readExactly(this.src, offset + storedBytes(type, a), storedBytes(type, b - a))
    if (halves === 0) return get(from, to)
    const first = Math.floor(from / t.n)
    const last = Math.ceil(to / t.n)
    const row = storedBytes(type, t.n)
    const rows = new Uint8Array((last - first) * row)
    for (let r = first; r < last; ) {
      const head = r - (r % halves)
      const end = Math.min(last, head + halves)
      // Rows r to end of this head: the even ones from its first half, the odd ones from its second.
      for (const odd of [0, 1]) {
        const a = (r - head + 1 - odd) >> 1
        const b = (end - head + 1 - odd) >> 1
        if (a === b) continue
        const start = head + odd * (halves / 2)
        const half = await get((start + a) * t.n, (start + b) * t.n)
        for (let i = a; i < b; i++)
          rows.set(half.subarray((i - a) * row, (i - a + 1) * row), (head + 2 * i + odd - first) * row)
      }
      r = end
    }
    const skip = storedBytes(type, from - first * t.n)
    return rows.slice(skip, skip + storedBytes(type, to - from))
  }

  /** Elements `from` to `to` as float32. */
  private async floats(t: Tensor, from: number, to: number): Promise<Uint8Array> {
    const { type } = this.at(t)
    const { block } = STORED[type]
    const a = from - (from % block)
    const b = Math.ceil(to / block) * block
    const raw = await this.raw(t, a, b)
    if (type === 'f32') return raw
    let v: Float32Array
    if (type === 'f16') v = fromFloat16(words(raw))
    else if (type === 'bf16') v = fromBfloat16(words(raw))
    else {
      const { q, s } = split(raw, type)
      v = new Float32Array(q.length)
      for (let i = 0; i < q.length; i++) v[i] = q[i]! * s[i >> 5]!
    }
    return new Uint8Array(v.buffer, 4 * (from - a), 4 * (to - from))
  }

  /** Elements from `from` on as int8. */
  private async quants(t: Tensor, from: number, count: number): Promise<Uint8Array> {
    const { type } = this.at(t)
    const a = from - (from % GROUP)
    const b = Math.ceil((from + count) / GROUP) * GROUP
    const { q, s } = split(await this.raw(t, a, b), type)
    if (a === 0) this.scales = { tensor: t, s: new Float32Array((t.d * t.n) / GROUP), have: 0 }
    if (this.scales?.tensor === t && this.scales.have === a / GROUP) {
      this.scales.s.set(s, a / GROUP)
      this.scales.have = b / GROUP
    }
    return new Uint8Array(q.buffer, from - a, count)
  }

  /** The scales of groups `from` to `to`. */
  private async groupScales(t: Tensor, from: number, to: number): Promise<Uint8Array> {
    let s: Float32Array
    if (this.scales?.tensor === t && this.scales.have >= to) {
      s = this.scales.s.slice(from, to)
      if (to === this.scales.s.length) this.scales = undefined
    } else ({ s } = split(await this.raw(t, from * GROUP, to * GROUP), this.at(t).type))
    return new Uint8Array(s.buffer)
  }
}

const cut = (bytes: Uint8Array, from: number, count: number): Uint8Array => bytes.subarray(from, from + count)

/** Blocks with a scale as int8 and float32 scales. */
function split(raw: Uint8Array, type: StoredType): { q: Int8Array<ArrayBuffer>; s: Float32Array<ArrayBuffer> } {
  const from = words(raw)
  const size = STORED[type].bytes / 2
  const n = from.length / size
  const q = new Uint16Array((n * GROUP) / 2)
  const scales = new Uint16Array(n)
  for (let b = 0; b < n; b++) {
    const at = b * size
    const to = (b * GROUP) / 2
    scales[b] = from[at]!
    if (type === 'q8_0') for (let i = 0; i < 16; i++) q[to + i] = from[at + 1 + i]!
    else
      for (let i = 0; i < 8; i++) {
        const four = from[at + 1 + i]!
        q[to + i] = less8(four & 0x0f0f)
        q[to + i + 8] = less8((four >> 4) & 0x0f0f)
      }
  }
  return { q: new Int8Array(q.buffer), s: fromFloat16(scales) }
}

/** Two bytes of 0 to 15, each less 8; the bit above keeps one from borrowing of the other. */
const less8 = (two: number): number => ((two | 0x8080) - 0x0808) ^ 0x8080
