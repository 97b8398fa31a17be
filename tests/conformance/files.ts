/** The files that the suite's llmfs reads: the embedded models, and some that are none. */

/** As llmfs knows them. */
export const names = {
  model: '/lib/llm/stories.bin',
  tokenizer: '/lib/llm/tokenizer.bin',
  q80: '/lib/llm/stories_q80.bin',
  otherTokenizer: '/tmp/other',
  missing: '/tmp/missing',
  cut: '/tmp/cut',
  wrong: '/tmp/wrong',
  absurd: '/tmp/absurd',
}

export interface Models {
  stories: Uint8Array
  q80: Uint8Array
  tokenizer: Uint8Array
}

export function contents({ stories, q80, tokenizer }: Models): Map<string, Uint8Array> {
  const absurd = stories.slice()
  new DataView(absurd.buffer).setInt32(8, 0x7fffffff, true)
  return new Map([
    [names.model, stories],
    [names.q80, q80],
    [names.tokenizer, tokenizer],
    [names.otherTokenizer, new Uint8Array([...tokenizer, 0, 0, 0, 0, 1, 0, 0, 0, 65])],
    [names.cut, stories.slice(0, -1000)],
    [names.wrong, new TextEncoder().encode('PNG and then something that is no checkpoint of llama2.c at all')],
    [names.absurd, absurd],
  ])
}
