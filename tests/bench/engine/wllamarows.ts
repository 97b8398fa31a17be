import { basename } from 'node:path'
import { call, chromium, serveWllama } from './chromium.ts'
import { compare } from './measure.ts'
import { type Kind, model, type Size } from './models.ts'
import { tokenAt } from './ours.ts'
import type { Row } from './rows.ts'

const PROMPT = 200
const DECODE = 48

/** The engine in Chromium beside wllama in the same, on one thread each. */
function row(size: Size, kind: Kind, prompt: boolean): Row {
  return {
    what: `${prompt ? `prompt of ${PROMPT}` : 'decode'}, ${size} ${kind}, Chromium, 1 thread`,
    beside: 'wllama',
    wanted: 2,
    async measure() {
      const files = await model(size, kind)
      await serveWllama()
      await call('openWllama', `models/${basename(files.gguf)}`, 256)
      const ours = await chromium.open(files.bin)
      const tokens = (n: number) => Array.from({ length: n }, (_, pos) => tokenAt(pos, 32000))
      try {
        return prompt
          ? await compare(
              () => ours.prefill(PROMPT),
              async () => (await call<{ prompt: number }>('wllama', tokens(PROMPT), 1)).prompt,
            )
          : await compare(
              () => ours.decode(DECODE),
              async () => (await call<{ decode: number }>('wllama', tokens(1), DECODE)).decode,
            )
      } finally {
        await ours.close()
        await call('closeWllama')
      }
    },
  }
}

export function wllamaRows(): Row[] {
  const rows: Row[] = []
  for (const size of ['15M', '42M'] as const)
    for (const kind of ['q80', 'f32'] as const) rows.push(row(size, kind, false), row(size, kind, true))
  return rows
}
