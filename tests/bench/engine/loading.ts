import { tokenizerFile } from '../../../llmfs/engine/tokenizer.ts'
import { Link } from '../../../llmfs/host.ts'
import { openUrl } from '../../../llmfs/url.ts'

/** Milliseconds that it takes to fetch a file and do nothing with it. */
export async function fetchAlone(url: string): Promise<number> {
  const start = performance.now()
  const reader = (await fetch(url, { cache: 'no-store' })).body!.getReader()
  while (!(await reader.read()).done);
  return performance.now() - start
}

/** 32,000 words, of which nothing is asked here but that there are as many as the models have. */
const words = Array.from({ length: 32000 }, (_, id) => `w${id}`)
const tokenizer = tokenizerFile(
  words,
  words.map(() => 0),
)

let link: Link | undefined

/** Milliseconds from the request for a model until its first token is there, as llmfs does it: this thread reads, another packs. */
export async function firstToken(url: string): Promise<number> {
  link ??= new Link()
  const from = link
  const start = performance.now()
  const file = await openUrl(url)
  await from.load(file, { simd: true })
  await from.use(tokenizer.slice())
  let resolve = (_ms: number): void => {}
  let reject = (_e: Error): void => {}
  const promise = new Promise<number>((yes, no) => {
    resolve = yes
    reject = no
  })
  const params = { prompt: new Uint8Array(), temp: 0, topp: 0.9, seed: 1n, steps: 1, logprobs: false, chat: false }
  await from.generate(1, params, {
    tokens: () => resolve(performance.now() - start),
    end: (_pos, _rate, error) => reject(new Error(error ?? 'no token')),
  })
  const ms = await promise
  await file.close()
  await from.forget(1)
  await from.unload()
  return ms
}
