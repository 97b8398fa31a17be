import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Config } from '../../llmfs/engine/config.ts'
import { loadEngine } from '../../llmfs/engine/engine.ts'
import { quantizeCheckpoint } from '../../llmfs/engine/quantize.ts'
import { argmax } from '../../llmfs/engine/sampler.ts'
import { serve } from '../../web/serve.mjs'
import { bytesSource, randomCheckpoint } from '../llm/models.ts'
import { launch, top } from './browser.ts'
import type { Asked, Told } from './engine.worker.ts'

let browser: Browser
let server: { url: string; close(): Promise<void> }
let dir: string
let page: Page

/** Odd sizes, and a classifier that is worth screening. */
const config: Config = {
  dim: 96,
  hidden_dim: 132,
  n_layers: 2,
  n_heads: 6,
  n_kv_heads: 3,
  vocab_size: 11000,
  seq_len: 24,
}
const tokens = Array.from({ length: 20 }, (_, i) => (i * 977) % config.vocab_size)
const files: Record<string, Uint8Array> = {}

beforeAll(async () => {
  browser = await launch()
  dir = mkdtempSync(join(tmpdir(), '9ml-engine-'))
  writeFileSync(join(dir, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><title>engine</title>')
  await build({
    configFile: false,
    logLevel: 'silent',
    base: './',
    worker: { format: 'es' },
    build: {
      outDir: dir,
      emptyOutDir: false,
      lib: { entry: join(top, 'tests/web/engine.worker.ts'), formats: ['es'], fileName: () => 'worker.js' },
    },
  })
  files['f32'] = randomCheckpoint(config, true, 31)
  const pieces: Uint8Array[] = []
  await quantizeCheckpoint(bytesSource(files['f32']), async p => void pieces.push(p))
  files['q80'] = Buffer.concat(pieces)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(dir, `${name}.bin`), bytes)
  server = await serve({ dir })
  page = await browser.newPage()
  await page.goto(server.url)
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await server?.close()
  rmSync(dir, { recursive: true, force: true })
})

const run = (asked: Asked): Promise<Told> =>
  page.evaluate(
    asked =>
      new Promise<Told>((resolve, reject) => {
        const worker = new Worker('/worker.js', { type: 'module' })
        worker.onerror = e => reject(new Error(e.message || 'worker'))
        worker.onmessage = ({ data }: MessageEvent<Told>) => {
          worker.terminate()
          resolve(data)
        }
        worker.postMessage(asked)
      }),
    asked,
  )

const reference = new Map<string, number[][]>()

async function want(kind: string): Promise<number[][]> {
  const have = reference.get(kind)
  if (have) return have
  const engine = await loadEngine(bytesSource(files[kind]!), { simd: false })
  const state = engine.newState()
  const logits = tokens.map((t, pos) => [...new Uint32Array(engine.forward(state, t, pos).slice().buffer)])
  reference.set(kind, logits)
  return logits
}

const floats = (bits: number[]): Float32Array => new Float32Array(new Uint32Array(bits).buffer)

describe('in Chromium the engine has the bits of forward.ts', () => {
  for (const kind of ['f32', 'q80'])
    for (const threads of [1, 2])
      for (const relaxed of [false, true])
        test(`${kind}, ${threads} threads, ${relaxed ? 'relaxed' : 'plain'} SIMD`, async () => {
          for (const batch of [1, 5]) {
            const told = await run({ url: `/${kind}.bin`, opts: { threads, relaxed }, tokens, batch })
            expect(told.error).toBeUndefined()
            expect([told.threads, told.width]).toEqual([threads, relaxed ? 4 : 2])
            const logits = await want(kind)
            expect(told.logits).toEqual(logits)
            expect(told.greatest).toEqual(logits.map(l => argmax(floats(l))))
          }
        })
})

test('fast is close to them, and not the same', async () => {
  const told = await run({ url: '/f32.bin', opts: { threads: 1, fast: true }, tokens, batch: 1 })
  expect(told.error).toBeUndefined()
  const logits = await want('f32')
  let most = 0
  let differ = 0
  told.logits.forEach((l, pos) => {
    const [a, b] = [floats(l), floats(logits[pos]!)]
    a.forEach((v, i) => {
      most = Math.max(most, Math.abs(v - b[i]!))
      if (v !== b[i]) differ++
    })
  })
  expect(differ).toBeGreaterThan(0)
  expect(most).toBeLessThan(1e-3)
})
