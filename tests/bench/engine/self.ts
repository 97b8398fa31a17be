import { compare, type Rate } from './measure.ts'
import { type Kind, model, type Size } from './models.ts'
import { STEPS } from './native.ts'
import type { Options } from './ours.ts'
import type { Ours, Place } from './place.ts'
import type { Row } from './rows.ts'

/** An engine measured in one way beside itself in another, or beside the same model loaded otherwise. */
function row(
  place: Place,
  size: Size,
  kind: Kind,
  of: { what: string; beside: string; wanted?: number; options?: [Options, Options] },
  a: (ours: Ours, steps: number) => ReturnType<Rate>,
  b: (ours: Ours, steps: number) => ReturnType<Rate>,
): Row {
  const { what, beside, wanted, options } = of
  return {
    what: `${what}, ${size} ${kind}, ${place.name}`,
    beside,
    ...(wanted !== undefined && { wanted }),
    async measure() {
      const { bin } = await model(size, kind)
      const first = await place.open(bin, options?.[0])
      const second = options ? await place.open(bin, options[1]) : first
      try {
        return await compare(
          () => a(first, STEPS[size]),
          () => b(second, STEPS[size]),
        )
      } finally {
        await first.close()
        if (second !== first) await second.close()
      }
    },
  }
}

const decode = (ours: Ours, steps: number) => ours.decode(steps)
const PROMPT = 200

/** What threads, batches, screening and relaxed SIMD bring. */
export function selfRows(place: Place): Row[] {
  const sizes: Size[] = ['15M', '42M']
  const kinds: Kind[] = ['f32', 'q80']
  const each = <T>(f: (size: Size, kind: Kind) => T): T[] => sizes.flatMap(size => kinds.map(kind => f(size, kind)))
  return [
    ...each((size, kind) =>
      row(
        place,
        size,
        kind,
        {
          what: 'decode on 2 threads',
          beside: '1 thread',
          ...(kind === 'f32' && { wanted: 1.7 }),
          options: [{ threads: 2 }, { threads: 1 }],
        },
        decode,
        decode,
      ),
    ),
    ...each((size, kind) =>
      row(
        place,
        size,
        kind,
        {
          what: `prompt of ${PROMPT}`,
          beside: 'token by token',
          ...(size === '42M' && kind === 'f32' && { wanted: 4 }),
        },
        ours => ours.prefill(PROMPT),
        decode,
      ),
    ),
    ...each((size, kind) =>
      row(
        place,
        size,
        kind,
        { what: '8 sessions', beside: 'one session', ...(size === '42M' && kind === 'f32' && { wanted: 3 }) },
        (ours, steps) => ours.sessions(steps >> 1, 8),
        decode,
      ),
    ),
    ...sizes.map(size =>
      row(
        place,
        size,
        'f32',
        { what: 'greedy', beside: 'with all logits' },
        (ours, steps) => ours.greedy(steps),
        decode,
      ),
    ),
    ...each((size, kind) =>
      row(
        place,
        size,
        kind,
        { what: 'fast mode', beside: 'equal bits', options: [{ fast: true }, {}] },
        decode,
        decode,
      ),
    ),
  ]
}
