import type { Engine, EngineOptions, Pass } from '../../../llmfs/engine/engine.ts'

/** What can be measured of an engine; each measurement begins with an empty cache, and gives tokens a second. */
export interface Rates {
  /** One session token by token, with logits. */
  decode(steps: number): number
  /** The same, asked only for the token with the greatest logit. */
  greedy(steps: number): number
  /** A prompt; logits of the last token. */
  prefill(steps: number): number
  /** `n` sessions together, with logits. */
  sessions(steps: number, n: number): number
}

/** How it is loaded: one thread unless told. */
export type Options = Partial<EngineOptions>

/** The token at a position, for every engine here: any will do, but it is another each time and none of the special ones. */
export const tokenAt = (pos: number, vocab_size: number): number => 259 + ((pos * 97) % (vocab_size - 259))

function rate(tokens: number, work: () => void): number {
  const start = performance.now()
  work()
  return (tokens / (performance.now() - start)) * 1000
}

/** Its threads have to have come before it is measured: `settle`. */
export function rates(engine: Engine): Rates {
  const { batch } = engine
  const { vocab_size } = engine.config
  const states = [engine.newState()]
  const pass = (i: number, pos: number, want: Pass['want']): Pass => ({
    state: (states[i] ??= engine.newState()),
    token: tokenAt(pos + 7 * i, vocab_size),
    pos,
    want,
  })
  const one = (steps: number, want: Pass['want']) =>
    rate(steps, () => {
      for (let pos = 0; pos < steps; pos++) engine.forwardAll([pass(0, pos, want)])
    })
  return {
    decode: steps => one(steps, 'logits'),
    greedy: steps => one(steps, 'greatest'),
    prefill: steps =>
      rate(steps, () => {
        for (let pos = 0; pos < steps; pos += batch)
          engine.forwardAll(
            Array.from({ length: Math.min(batch, steps - pos) }, (_, i) =>
              pass(0, pos + i, pos + i === steps - 1 ? 'logits' : 'nothing'),
            ),
          )
      }),
    sessions: (steps, n) =>
      rate(n * steps, () => {
        for (let pos = 0; pos < steps; pos++)
          engine.forwardAll(Array.from({ length: n }, (_, i) => pass(i, pos, 'logits')))
      }),
  }
}

/** Waits until the engine's threads have all come. @throws Error they do not come */
export async function settle(engine: Engine): Promise<void> {
  for (const deadline = performance.now() + 10_000; engine.helpers() < engine.threads - 1; ) {
    if (performance.now() > deadline) throw new Error(`${engine.helpers()} of ${engine.threads - 1} threads came`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
