import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../../llmfs/engine/config.ts'
import { convertCheckpoint } from '../../../llmfs/engine/convert.ts'
import { quantizeCheckpoint } from '../../../llmfs/engine/quantize.ts'
import { tokenizerFile } from '../../../llmfs/engine/tokenizer.ts'
import { bytesSource, fileSource, random, randomCheckpoint } from '../../llm/models.ts'

export const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
/** What is made once and kept: models, binaries, pages. */
export const scratch = join(top, 'node_modules', '.bench')

/** The sizes that people run, with random weights: a forward pass takes as long whatever they are. */
const shapes: Record<Size, Config> = {
  '15M': { dim: 288, hidden_dim: 768, n_layers: 6, n_heads: 6, n_kv_heads: 6, vocab_size: 32000, seq_len: 256 },
  '42M': { dim: 512, hidden_dim: 1376, n_layers: 8, n_heads: 8, n_kv_heads: 8, vocab_size: 32000, seq_len: 1024 },
  '110M': { dim: 768, hidden_dim: 2048, n_layers: 12, n_heads: 12, n_kv_heads: 12, vocab_size: 32000, seq_len: 1024 },
}
export type Size = '15M' | '42M' | '110M'
export type Kind = 'f32' | 'q80'

/** A model as a file of llama2.c's, and as GGUF. */
export interface Files {
  bin: string
  gguf: string
}

/** A sink for pieces, and what came. */
function sink(): { write(piece: Uint8Array): Promise<void>; all(): Buffer } {
  const pieces: Uint8Array[] = []
  return { write: async piece => void pieces.push(piece.slice()), all: () => Buffer.concat(pieces) }
}

/** A file of the scratch directory, made unless it is there and newer than what it is made by. */
async function made(name: string, make: () => Promise<Uint8Array>, ...by: string[]): Promise<string> {
  mkdirSync(scratch, { recursive: true })
  const path = join(scratch, name)
  const newest = Math.max(...by.map(source => statSync(source).mtimeMs))
  if (existsSync(path) && statSync(path).mtimeMs > newest) return path
  writeFileSync(`${path}.new`, await make())
  renameSync(`${path}.new`, path)
  return path
}

const engine = (name: string) => join(top, 'llmfs', 'engine', name)
const generator = [join(top, 'tests', 'llm', 'models.ts'), fileURLToPath(import.meta.url)]
const converter = ['convert.ts', 'gguf.ts', 'quantize.ts'].map(engine)

async function toGguf(bin: string, tokenizer: Uint8Array): Promise<Buffer> {
  const out = sink()
  await convertCheckpoint(fileSource(bin), 'gguf', out.write, tokenizer)
  return out.all()
}

/** A synthetic model of a size. */
export async function model(size: Size, kind: Kind): Promise<Files> {
  const config = shapes[size]
  const f32 = await made(`${size}.bin`, async () => randomCheckpoint(config, true, 1), ...generator)
  const quantize = async () => {
    const out = sink()
    await quantizeCheckpoint(fileSource(f32), out.write)
    return out.all()
  }
  const bin = kind === 'f32' ? f32 : await made(`${size}_q80.bin`, quantize, ...generator, engine('quantize.ts'))
  const gguf = await made(
    `${size}_${kind}.gguf`,
    () => toGguf(bin, syntheticTokenizer(config.vocab_size)),
    ...generator,
    ...converter,
  )
  return { bin, gguf }
}

/** A model that is there, with its tokenizer, as GGUF too. */
export async function withGguf(name: string, bin: string, tokenizer: string): Promise<Files> {
  const make = async () => toGguf(bin, new Uint8Array(readFileSync(tokenizer)))
  return { bin, gguf: await made(`${name}.gguf`, make, bin, tokenizer, ...generator, ...converter) }
}

/**
 * A tokenizer like Llama 2's: three special tokens, bytes, then letters and words that are all different. It has no bytes
 * beyond ASCII: what a random model says has to be UTF-8 for wllama.
 */
export function syntheticTokenizer(vocab_size: number): Uint8Array<ArrayBuffer> {
  const vocab = ['<unk>', '\n<s>\n', '\n</s>\n']
  for (let b = 0; b < 128; b++) vocab.push(`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`)
  vocab.push(' ', ...'abcdefghijklmnopqrstuvwxyz')
  const next = random(2)
  const seen = new Set(vocab)
  while (vocab.length < vocab_size) {
    let word = ' '
    for (let n = 3 + (next() % 6); n > 0; n--) word += String.fromCharCode(97 + (next() % 26))
    if (!seen.has(word)) vocab.push(word)
    seen.add(word)
  }
  return tokenizerFile(
    vocab,
    vocab.map((_, id) => Math.min(0, 131 - id)),
  )
}

export { bytesSource, fileSource }
