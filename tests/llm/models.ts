import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CheckpointSource } from '../../llmfs/engine/checkpoint.ts'
import { layout } from '../../llmfs/engine/checkpoint.ts'
import { type Config, writeConfig } from '../../llmfs/engine/config.ts'

const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** The embedded model, and what llama2.c made of it. */
export const embedded = join(top, 'plan9', 'root', 'lib', 'llm')
export const golden = join(top, 'tests', 'llm', 'golden')

/** llama2.c's own small models, which are not ours to copy: beside the repository, in shared/. */
const shared = join(top, '..', 'shared', 'models', 'llama2c')

/**
 * Where shared/models/llama2c is, or undefined where it is not: the tests that need it then say so and are skipped, except in
 * CI, where that is an error.
 */
export function llama2cModels(): string | undefined {
  if (existsSync(join(shared, 'stories260K.bin'))) return shared
  if (process.env.CI) throw new Error('shared/models/llama2c is not beside the repository')
  console.warn('not run: tests that read shared/models/llama2c, which is not beside the repository')
  return undefined
}

export const fileSource = (path: string): CheckpointSource => bytesSource(new Uint8Array(readFileSync(path)))

export function bytesSource(bytes: Uint8Array): CheckpointSource {
  return { size: bytes.length, read: async (offset, count) => bytes.slice(offset, offset + count) }
}

export interface Golden {
  prompt: string
  prompt_ids: number[]
  ids: number[]
  text: string
  logit_positions?: number[]
  logits_file?: string
}

/** The results of one golden file, of tests/llm/golden or by its full name. */
export function goldens(file: string): Golden[] {
  return JSON.parse(readFileSync(resolve(golden, file), 'utf8')).results
}

/** The embedded model's, greedy, of the prompt that every suite begins with. */
export const once = goldens('stories.json').find(r => r.prompt === 'Once upon a time')!

/** (logit_positions, vocab_size) float32. */
export function goldenLogits(dir: string, g: Golden): Float32Array {
  if (!g.logits_file || !readdirSync(dir).includes(g.logits_file)) throw new Error(`no logits for ${g.prompt}`)
  return new Float32Array(new Uint8Array(readFileSync(join(dir, g.logits_file))).buffer)
}

/** A generator of 32-bit numbers that gives the same for the same seed: mulberry32. */
export function random(seed: number): () => number {
  let s = seed >>> 0
  return () => {
    s = (s + 0x6d2b79f5) >>> 0
    let t = s
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

/** A version 0 checkpoint of any shape with random weights, small enough for sums to stay finite. */
export function randomCheckpoint(config: Config, shared_classifier: boolean, seed: number): Uint8Array<ArrayBuffer> {
  const { bytes } = layout(config, 0, shared_classifier, 0)
  const file = new Uint8Array(bytes)
  const header = { ...config, vocab_size: shared_classifier ? config.vocab_size : -config.vocab_size }
  writeConfig(new DataView(file.buffer), 0, header)
  const weights = new Float32Array(file.buffer, 28)
  const next = random(seed)
  for (let i = 0; i < weights.length; i++) weights[i] = (next() / 2 ** 32 - 0.5) * 0.8
  return file
}
