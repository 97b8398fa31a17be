import { basename } from 'node:path'
import { call, chromium, serveWllama } from './chromium.ts'
import { compare } from './measure.ts'
import { type Kind, model, type Size } from './models.ts'
import type { Row } from './rows.ts'

const PROMPT = 200
const DECODE = 48

/**
 * The engine in Chromium beside wllama in the same, on one thread each. wllama has no other way than to choose each token too;
 * it does so by the greatest logit.
 */
function row(size: Size, kind: Kind, work: 'decode' | 'greedy' | 'prompt', fast = false): Row {
  return {
    what: `${work === 'prompt' ? `prompt of ${PROMPT}` : work}, ${size} ${kind}, Chromium, 1 thread${fast ? ', fast' : ''}`,
    beside: 'wllama',
    wanted: 2,
    async measure() {
      const files = await model(size, kind)
      await serveWllama()
      await call('openWllama', `models/${basename(files.gguf)}`, 256)
      const ours = await chromium.open(files.bin, { fast })
      try {
        return work === 'prompt'
          ? await compare(
              () => ours.prefill(PROMPT),
              async () => (await call<{ prompt: number }>('wllama', PROMPT, 1)).prompt,
            )
          : await compare(
              () => (work === 'greedy' ? ours.greedy(DECODE) : ours.decode(DECODE)),
              async () => (await call<{ decode: number }>('wllama', 3, DECODE)).decode,
            )
      } finally {
        await ours.close()
        await call('closeWllama')
      }
    },
  }
}

export function wllamaRows(): Row[] {
  const sizes: Size[] = ['15M', '42M']
  return sizes.flatMap(size => [
    row(size, 'q80', 'decode'),
    row(size, 'q80', 'prompt'),
    row(size, 'f32', 'decode'),
    row(size, 'f32', 'greedy'),
    row(size, 'f32', 'prompt'),
    row(size, 'f32', 'prompt', true),
  ])
}
