import { join } from 'node:path'
import { loadEngine } from '../../llmfs/engine/engine.ts'
import { embedded, fileSource } from '../llm/models.ts'

/** Tokens a second of one generation of `steps` positions from an empty cache. */
async function rate(model: string, simd: boolean, steps: number): Promise<() => number> {
  const engine = await loadEngine(fileSource(join(embedded, model)), { simd })
  const state = engine.newState()
  return () => {
    const start = performance.now()
    for (let pos = 0; pos < steps; pos++) engine.forward(state, (pos * 7) % engine.config.vocab_size, pos)
    return (steps / (performance.now() - start)) * 1000
  }
}

const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1]!

/** The SIMD engine beside forward.ts on the embedded models, one thread each, in turns: medians of tok/s. */
export default async function bench(): Promise<{ name: string; rows: string[][] }> {
  const rows = [['model', 'SIMD tok/s', 'forward.ts tok/s', 'ratio']]
  for (const model of ['stories.bin', 'stories_q80.bin']) {
    const [simd, reference] = [await rate(model, true, 256), await rate(model, false, 256)]
    simd()
    reference()
    const pairs = Array.from({ length: 7 }, () => [simd(), reference()] as const)
    const [a, b] = [median(pairs.map(p => p[0])), median(pairs.map(p => p[1]))]
    rows.push([model, a.toFixed(0), b.toFixed(0), median(pairs.map(p => p[0] / p[1])).toFixed(1)])
  }
  return { name: 'engine', rows }
}
