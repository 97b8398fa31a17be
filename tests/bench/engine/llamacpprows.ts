import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadEngine } from '../../../llmfs/engine/engine.ts'
import { Tokenizer } from '../../../llmfs/engine/tokenizer.ts'
import { embedded, llama2cModels } from '../../llm/models.ts'
import { openLlamaCpp } from './llamacpp.ts'
import { compare } from './measure.ts'
import { fileSource, type Kind, model, type Size, withGguf } from './models.ts'
import { STEPS } from './native.ts'
import { node } from './place.ts'
import { Missing, type Row } from './rows.ts'

const PROMPT = 200
const AGREE = 100

function speed(size: Size, kind: Kind, prompt: boolean, wanted?: number): Row {
  const work = prompt ? `prompt of ${PROMPT}` : 'decode'
  return {
    what: `${work}, ${size} ${kind}, ${node.name}, 1 thread`,
    beside: 'llama.cpp, native',
    ...(wanted !== undefined && { wanted }),
    async measure() {
      const files = await model(size, kind)
      const theirs = await openLlamaCpp(files.gguf, { vocab_size: 32000, contextSize: 256 })
      const ours = await node.open(files.bin)
      const steps = STEPS[size]
      try {
        return prompt
          ? await compare(
              () => ours.prefill(PROMPT),
              () => theirs.prefill(PROMPT),
            )
          : await compare(
              () => ours.decode(steps),
              () => theirs.decode(steps),
            )
      } finally {
        await ours.close()
        await theirs.close()
      }
    },
  }
}

/** Whether llama.cpp reads our GGUF as what it was made of: its greedy tokens beside the engine's from the file itself. */
function agreement(name: string, find: () => { bin: string; tokenizer: string }): Row {
  return {
    what: `greedy tokens from our GGUF, ${name}`,
    beside: 'llama.cpp, native',
    async measure() {
      const { bin, tokenizer } = find()
      const { gguf } = await withGguf(name, bin, tokenizer)
      const engine = await loadEngine(fileSource(bin), { simd: true, threads: 1 })
      const { vocab_size } = engine.config
      const theirs = await openLlamaCpp(gguf, { vocab_size, contextSize: 256, exact: true })
      const encoder = new Tokenizer(new Uint8Array(readFileSync(tokenizer)), vocab_size)
      const prompt = encoder.encode(new TextEncoder().encode('Once upon a time'), true, false)
      const want = await theirs.greedy(prompt, AGREE)
      await theirs.close()
      const state = engine.newState()
      const text = [...prompt]
      for (let pos = 0; text.length < prompt.length + AGREE; pos++) {
        const [token] = engine.forwardAll([{ state, token: text[pos]!, pos, want: 'greatest' }])
        if (pos + 1 === text.length) text.push(Number(token))
      }
      engine.close()
      const same = want.findIndex((token, i) => token !== text[prompt.length + i])
      return `agrees ${same < 0 ? AGREE : same} of ${AGREE}`
    },
  }
}

/** The engine in Node beside llama.cpp's native code. */
export function llamaCppRows(): Row[] {
  const sizes: Size[] = ['15M', '42M', '110M']
  return [
    agreement('stories', () => ({ bin: join(embedded, 'stories.bin'), tokenizer: join(embedded, 'tokenizer.bin') })),
    agreement('stories260K', () => {
      const dir = llama2cModels()
      if (!dir) throw new Missing('shared/models/llama2c is not beside the repository')
      return { bin: join(dir, 'stories260K.bin'), tokenizer: join(dir, 'tok512.bin') }
    }),
    ...sizes.map(size => speed(size, 'q80', false, 1)),
    ...sizes.map(size => speed(size, 'f32', false)),
    ...sizes.flatMap(size => [speed(size, 'q80', true), speed(size, 'f32', true)]),
  ]
}
