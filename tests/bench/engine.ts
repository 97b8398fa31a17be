import { availableParallelism, loadavg } from 'node:os'
import { chromium, stopChromium } from './engine/chromium.ts'
import { llamaCppRows } from './engine/llamacpprows.ts'
import { loadRows } from './engine/loadrows.ts'
import { longTaskRows } from './engine/longtasks.ts'
import { nativeRows, nativeThreadsRows } from './engine/native.ts'
import { node } from './engine/place.ts'
import { HEAD, type Row, run } from './engine/rows.ts'
import { selfRows } from './engine/self.ts'
import { wllamaRows } from './engine/wllamarows.ts'

/** Rows that have each of the words in what they measure or beside what. */
function selected(rows: Row[], words: string[]): Row[] {
  return rows.filter(({ what, beside }) =>
    words.every(word => `${what}, ${beside}`.toLowerCase().includes(word.toLowerCase())),
  )
}

/**
 * The engine beside native C, llama.cpp and wllama, and beside itself, in Node and in Chromium, on synthetic models. `--only
 * WORD`, which may be given more than once, measures only the rows that have the words.
 */
export default async function bench({ args }: { args: string[] }): Promise<{ name: string; rows: string[][] }> {
  const words = args.filter((_, i) => args[i - 1] === '--only')
  const all = [
    ...[node, chromium].flatMap(nativeRows),
    ...nativeThreadsRows(),
    ...llamaCppRows(),
    ...wllamaRows(),
    ...[node, chromium].flatMap(selfRows),
    ...loadRows(),
    ...longTaskRows(),
  ]
  const table = [HEAD]
  const load = () => loadavg()[0]!.toFixed(1)
  const before = load()
  for (const row of selected(all, words)) {
    const cells = await run(row)
    process.stderr.write(`${cells.join(' | ')}\n`)
    table.push(cells)
  }
  await stopChromium()
  table.push([`load average on ${availableParallelism()} cores: ${before} before, ${load()} after`])
  return { name: 'engine', rows: table }
}
