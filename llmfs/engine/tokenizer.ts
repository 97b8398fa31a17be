import { CheckpointError } from './config.ts'

export const BOS = 1
export const EOS = 2

/** Bytes as a string of characters 0..255, which a Map can have as a key. */
export function latin1(bytes: Uint8Array): string {
  let s = ''
  for (const b of bytes) s += String.fromCharCode(b)
  return s
}

/** A merge that can be done: of the token at `left` and the one after it, into `id`. */
interface Merge {
  score: number
  left: number
  right: number
  id: number
}

/** The better of two merges is the one that run.c's scan finds: the higher score, and the leftmost of equals. */
const before = (a: Merge, b: Merge): boolean => a.score > b.score || (a.score === b.score && a.left < b.left)

/** A binary heap, the best merge on top. */
class Merges {
  private readonly heap: Merge[] = []

  push(m: Merge): void {
    const { heap } = this
    let i = heap.length
    heap.push(m)
    while (i > 0) {
      const up = (i - 1) >> 1
      if (!before(m, heap[up]!)) break
      heap[i] = heap[up]!
      i = up
    }
    heap[i] = m
  }

  pop(): Merge | undefined {
    const { heap } = this
    const top = heap[0]
    const last = heap.pop()
    if (!top || !last || heap.length === 0) return top
    let i = 0
    for (;;) {
      let down = 2 * i + 1
      if (down >= heap.length) break
      if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down++
      if (!before(heap[down]!, last)) break
      heap[i] = heap[down]!
      i = down
    }
    heap[i] = last
    return top
  }
}

/**
 * llama2.c's tokenizer: byte-pair merges by score, with a byte fallback. It works on bytes, as C strings do: a NUL ends the
 * text, and a vocabulary's string.
 *
 * The file: max_token_length int32, then for each token score float32, len int32, and its len bytes.
 */
export class Tokenizer {
  readonly vocab_size: number
  /** Bytes of each token, as `latin1` gives them. */
  readonly vocab: string[] = []
  readonly scores: Float32Array
  /** The lowest id of each string. */
  private readonly ids = new Map<string, number>()

  /** @throws CheckpointError the file is cut short, holds another number of tokens, or is none */
  constructor(file: Uint8Array, vocab_size: number) {
    this.vocab_size = vocab_size
    this.scores = new Float32Array(vocab_size)
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
    if (file.length < 4) throw new CheckpointError('tokenizer truncated')
    const max_token_length = view.getInt32(0, true)
    if (max_token_length < 1 || max_token_length > 1 << 16)
      throw new CheckpointError(`not a tokenizer: max_token_length ${max_token_length}`)
    let at = 4
    for (let id = 0; id < vocab_size; id++) {
      if (at === file.length) throw new CheckpointError(`tokenizer has ${id} tokens, the model has ${vocab_size}`)
      if (at + 8 > file.length) throw new CheckpointError('tokenizer truncated')
      this.scores[id] = view.getFloat32(at, true)
      const len = view.getInt32(at + 4, true)
      at += 8
      if (len < 0 || len > max_token_length) throw new CheckpointError(`not a tokenizer: token ${id} of ${len} bytes`)
      if (at + len > file.length) throw new CheckpointError('tokenizer truncated')
      const s = latin1(file.subarray(at, at + len))
      const nul = s.indexOf('\0')
      const str = nul < 0 ? s : s.slice(0, nul)
      this.vocab.push(str)
      if (!this.ids.has(str)) this.ids.set(str, id)
      at += len
    }
    if (at !== file.length) throw new CheckpointError(`tokenizer has more tokens than the model's ${vocab_size}`)
  }

  /** @throws CheckpointError the vocabulary has not even the bytes that the text falls back to */
  encode(text: Uint8Array, bos: boolean, eos: boolean): number[] {
    const nul = text.indexOf(0)
    const tokens = this.merge(this.codepoints(nul < 0 ? text : text.subarray(0, nul)))
    if (bos) tokens.unshift(BOS)
    if (eos) tokens.push(EOS)
    return tokens
  }

  /** A token for each character, bytes where the vocabulary has none; before them the dummy prefix, a space. */
  private codepoints(text: Uint8Array): number[] {
    const tokens: number[] = []
    const put = (char: Uint8Array) => {
      const id = this.ids.get(latin1(char))
      if (id !== undefined) tokens.push(id)
      // The vocabulary begins with <unk>, <s> and </s>, then the 256 bytes.
      else for (const byte of char) tokens.push(byte + 3)
    }
    if (text.length > 0) put(Uint8Array.of(0x20))
    let start = 0
    for (let i = 0; i < text.length; i++) {
      if ((text[i]! & 0xc0) !== 0x80) start = i
      const more = i + 1 < text.length && (text[i + 1]! & 0xc0) === 0x80
      if (more && i + 1 - start < 4) continue
      put(text.subarray(start, i + 1))
      start = i + 1
    }
    const wrong = tokens.find(id => id >= this.vocab_size)
    if (wrong !== undefined) throw new CheckpointError(`tokenizer has no token for byte ${wrong - 3}`)
    return tokens
  }

  /**
   * Merges the best pair again and again, as run.c does by scanning the list each time. Here the tokens are a linked list and
   * the possible merges a heap, from which those whose tokens have changed meanwhile are dropped.
   */
  private merge(tokens: number[]): number[] {
    const n = tokens.length
    const next = tokens.map((_, i) => i + 1)
    const prev = tokens.map((_, i) => i - 1)
    const gone = new Uint8Array(n)
    const merges = new Merges()
    /** What stands at each place, to tell a merge that is out of date. */
    const version = new Uint32Array(n)
    const versions = new Map<Merge, number>()
    const offer = (left: number, right: number) => {
      if (left < 0 || right >= n) return
      const id = this.ids.get(this.vocab[tokens[left]!]! + this.vocab[tokens[right]!]!)
      if (id === undefined || !(this.scores[id]! > -1e10)) return
      const merge = { score: this.scores[id]!, left, right, id }
      versions.set(merge, version[left]! + version[right]!)
      merges.push(merge)
    }
    for (let i = 0; i + 1 < n; i++) offer(i, i + 1)
    for (;;) {
      const m = merges.pop()
      if (!m) break
      const { left, right, id } = m
      const stale = gone[left] || gone[right] || versions.get(m) !== version[left]! + version[right]!
      versions.delete(m)
      if (stale) continue
      tokens[left] = id
      version[left]!++
      gone[right] = 1
      next[left] = next[right]!
      if (next[left]! < n) prev[next[left]!] = left
      offer(prev[left]!, left)
      offer(left, next[left]!)
    }
    return tokens.filter((_, i) => !gone[i])
  }

  /** The bytes that `token` stands for after `prev`: after BOS without its leading space; a byte token's one byte. */
  decode(prev: number, token: number): Uint8Array {
    let piece = this.vocab[token] ?? ''
    if (prev === BOS && piece.startsWith(' ')) piece = piece.slice(1)
    const raw = /^<0x([0-9a-fA-F]{1,2})/.exec(piece)
    if (!raw) return Uint8Array.from(piece, ch => ch.charCodeAt(0))
    const byte = Number.parseInt(raw[1]!, 16)
    // As a C string, the byte 0 is empty.
    return byte === 0 ? new Uint8Array(0) : Uint8Array.of(byte)
  }
}

/** A tokenizer file of the strings, as `latin1` gives them, and their scores. */
export function tokenizerFile(vocab: readonly string[], scores: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(vocab.reduce((sum, s) => sum + 8 + s.length, 4))
  const view = new DataView(file.buffer)
  view.setInt32(
    0,
    vocab.reduce((most, s) => Math.max(most, s.length), 1),
    true,
  )
  let at = 4
  vocab.forEach((s, id) => {
    view.setFloat32(at, scores[id]!, true)
    view.setInt32(at + 4, s.length, true)
    at += 8
    for (let i = 0; i < s.length; i++) file[at++] = s.charCodeAt(i)
  })
  return file
}

/** Whether run.c's safe_printf prints a piece: it holds back a single byte that is neither printable ASCII nor white space. */
export function printable(piece: Uint8Array): boolean {
  if (piece.length !== 1) return piece.length > 0
  const byte = piece[0]!
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13)
}
