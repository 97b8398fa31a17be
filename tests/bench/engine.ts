import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../llmfs/engine/config.ts'
import { type Engine, loadEngine } from '../../llmfs/engine/engine.ts'
import { quantizeCheckpoint } from '../../llmfs/engine/quantize.ts'
import { bytesSource, embedded, fileSource, randomCheckpoint } from '../llm/models.ts'

const here = dirname(fileURLToPath(import.meta.url))
const scratch = join(here, '..', '..', 'node_modules', '.bench')

/** The sizes that people run, with random weights: a forward pass takes as long whatever they are. */
const shapes: Record<string, Config> = {
  '15M': { dim: 288, hidden_dim: 768, n_layers: 6, n_heads: 6, n_kv_heads: 6, vocab_size: 32000, seq_len: 256 },
  '42M': { dim: 512, hidden_dim: 1376, n_layers: 8, n_heads: 8, n_kv_heads: 8, vocab_size: 32000, seq_len: 1024 },
}
const ROUNDS = 5

const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1]!

/** FP32 and Q8_0 checkpoints of a shape, made once. */
async function models(name: string, config: Config): Promise<{ f32: string; q80: string }> {
  const [f32, q80] = [join(scratch, `${name}.bin`), join(scratch, `${name}_q80.bin`)]
  if (existsSync(q80)) return { f32, q80 }
  const file = randomCheckpoint(config, true, 1)
  writeFileSync(f32, file)
  const pieces: Uint8Array[] = []
  await quantizeCheckpoint(bytesSource(file), async piece => void pieces.push(piece))
  writeFileSync(q80, Buffer.concat(pieces))
  return { f32, q80 }
}

/** native.c compiled for this machine; undefined where there is no gcc. */
function compileNative(): string | undefined {
  const [source, binary] = [join(here, 'native.c'), join(scratch, 'native')]
  if (existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs) return binary
  const cc = spawnSync('gcc', ['-Ofast', '-march=native', '-o', binary, source, '-lm'], { stdio: 'ignore' })
  return cc.status === 0 ? binary : undefined
}

function native(binary: string, model: string, steps: number): number {
  const { stdout, stderr } = spawnSync(binary, [model, String(steps)], { encoding: 'utf8' })
  const rate = Number(stdout)
  if (!(rate > 0)) throw new Error(`native.c: ${stderr}`)
  return rate
}

/** Tokens a second of one session, from an empty cache. */
function decode(engine: Engine, steps: number): () => number {
  const state = engine.newState()
  return () => {
    const start = performance.now()
    for (let pos = 0; pos < steps; pos++) engine.forward(state, (pos * 97) % engine.config.vocab_size, pos)
    return (steps / (performance.now() - start)) * 1000
  }
}

/** Tokens a second of a prompt of `steps` tokens. */
function prefill(engine: Engine, steps: number): () => number {
  const state = engine.newState()
  return () => {
    const start = performance.now()
    for (let pos = 0; pos < steps; pos += engine.batch) {
      const count = Math.min(engine.batch, steps - pos)
      engine.forwardAll(
        Array.from({ length: count }, (_, i) => ({
          state,
          token: ((pos + i) * 97) % engine.config.vocab_size,
          pos: pos + i,
          wantLogits: pos + i === steps - 1,
        })),
      )
    }
    return (steps / (performance.now() - start)) * 1000
  }
}

/** Tokens a second of `n` sessions together. */
function sessions(engine: Engine, n: number, steps: number): () => number {
  const states = Array.from({ length: n }, () => engine.newState())
  return () => {
    const start = performance.now()
    for (let pos = 0; pos < steps; pos++)
      engine.forwardAll(
        states.map((state, i) => ({
          state,
          token: (pos * 97 + i) % engine.config.vocab_size,
          pos,
          wantLogits: true,
        })),
      )
    return ((n * steps) / (performance.now() - start)) * 1000
  }
}

/** Measures both in turns: medians, and the median of the pairs' ratios. */
function compare(a: () => number, b: () => number): [a: string, b: string, ratio: string] {
  a()
  b()
  const pairs = Array.from({ length: ROUNDS }, () => [a(), b()] as const)
  const rate = (i: 0 | 1) => median(pairs.map(p => p[i])).toFixed(0)
  return [rate(0), rate(1), median(pairs.map(p => p[0] / p[1])).toFixed(2)]
}

/**
 * The engine on one thread, under Node: beside forward.ts on the embedded models; beside native.c (gcc -Ofast -march=native) on
 * synthetic ones; a prompt of 192 tokens, and 8 sessions, beside one session token by token. Medians of tok/s, in turns.
 */
export default async function bench(): Promise<{ name: string; rows: string[][] }> {
  mkdirSync(scratch, { recursive: true })
  const rows = [['tok/s', 'ours', 'beside', 'its tok/s', 'ratio']]
  const add = (what: string, beside: string, [a, b, ratio]: string[]) => rows.push([what, a!, beside, b!, ratio!])

  for (const model of ['stories.bin', 'stories_q80.bin']) {
    const src = fileSource(join(embedded, model))
    const [simd, reference] = [await loadEngine(src, { simd: true }), await loadEngine(src, { simd: false })]
    add(`decode, ${model}`, 'forward.ts', compare(decode(simd, 256), decode(reference, 256)))
  }

  const binary = compileNative()
  if (!binary) rows.push(['native.c: no gcc here, not measured'])
  for (const [name, config] of Object.entries(shapes)) {
    const files = await models(name, config)
    for (const [kind, file] of Object.entries(files)) {
      const engine = await loadEngine(fileSource(file), { simd: true })
      const what = `${name} ${kind}`
      if (binary)
        add(
          `decode, ${what}`,
          'native.c',
          compare(decode(engine, 64), () => native(binary, file, 64)),
        )
      add(`prompt of 192, ${what}`, 'decode', compare(prefill(engine, 192), decode(engine, 192)))
      add(`8 sessions, ${what}`, 'one session', compare(sessions(engine, 8, 32), decode(engine, 32)))
    }
  }
  return { name: 'engine', rows }
}
