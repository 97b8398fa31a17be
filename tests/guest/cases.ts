import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../llmfs/engine/config.ts'
import { quantizeCheckpoint } from '../../llmfs/engine/quantize.ts'
import { bytesSource, embedded, llama2cModels, randomCheckpoint } from '../llm/models.ts'

export const seed = Number(process.env.SEED ?? 1)

/** Sizes that fill no vector, and Q8_0's groups down to 1. */
export const shapes: Config[] = [
  { dim: 6, hidden_dim: 10, n_layers: 2, n_heads: 3, n_kv_heads: 1, vocab_size: 37, seq_len: 40 },
  { dim: 36, hidden_dim: 50, n_layers: 2, n_heads: 2, n_kv_heads: 2, vocab_size: 101, seq_len: 40 },
  { dim: 84, hidden_dim: 120, n_layers: 1, n_heads: 6, n_kv_heads: 3, vocab_size: 75, seq_len: 33 },
  { dim: 8, hidden_dim: 4, n_layers: 1, n_heads: 1, n_kv_heads: 1, vocab_size: 7, seq_len: 20 },
  { dim: 10, hidden_dim: 7, n_layers: 3, n_heads: 5, n_kv_heads: 5, vocab_size: 3, seq_len: 1 },
  { dim: 64, hidden_dim: 96, n_layers: 1, n_heads: 4, n_kv_heads: 1, vocab_size: 130, seq_len: 65 },
]

export interface Case {
  name: string
  bytes(): Promise<Uint8Array>
}

/** A checkpoint in Q8_0, as the host's export makes it. */
export async function quantized(bytes: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  await quantizeCheckpoint(bytesSource(bytes), async piece => void pieces.push(piece.slice()))
  return Buffer.concat(pieces)
}

const file = (path: string): Case => ({ name: path.replace(/.*\//, ''), bytes: async () => readFileSync(path) })
export const shared = llama2cModels()
/** Checkpoints to compute with, of versions 0, 1 and 2. */
export const cases: Case[] = [
  file(join(embedded, 'stories.bin')),
  file(join(embedded, 'stories_q80.bin')),
  ...(shared ? ['stories260K.bin', 'stories260K_v1.bin', 'stories260K_q80_gs4.bin'] : []).map(n =>
    file(join(shared!, n)),
  ),
  ...shapes.flatMap((c, i): Case[] => {
    const bytes = randomCheckpoint(c, i % 2 === 0, seed + i)
    const name = `dim ${c.dim}, hidden_dim ${c.hidden_dim}`
    return [
      { name, bytes: async () => bytes },
      { name: `${name}, in Q8_0`, bytes: () => quantized(bytes) },
    ]
  }),
]
