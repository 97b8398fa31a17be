import { compare } from './measure.ts'
import { type Kind, model, type Size } from './models.ts'
import { STEPS } from './native.ts'
import type { Options } from './ours.ts'
import type { Ours, Place } from './place.ts'
import type { Row } from './rows.ts'

const PROMPT = 200

/** A way to measure an engine beside decoding token by token, and on which models how much is wanted of it. */
interface Way {
  what: string
  beside: string
  rate(ours: Ours, steps: number): Promise<number> | number
  /** How it is loaded, and what it is beside: by default the one engine is both. */
  options?: [Options, Options]
  wanted?: Partial<Record<`${Size} ${Kind}`, number>>
}

const decode = (ours: Ours, steps: number) => ours.decode(steps)

const ways: Way[] = [
  {
    what: 'decode, 2 threads',
    beside: '1 thread',
    rate: decode,
    options: [{ threads: 2 }, { threads: 1 }],
    wanted: { '15M f32': 1.7, '42M f32': 1.7 },
  },
  {
    what: `prompt of ${PROMPT}, 1 thread`,
    beside: 'token by token',
    rate: ours => ours.prefill(PROMPT),
    wanted: { '42M f32': 4 },
  },
  {
    what: '8 sessions, 1 thread',
    beside: 'one session',
    rate: (ours, steps) => ours.sessions(steps >> 1, 8),
    wanted: { '42M f32': 3 },
  },
]
const fast: Way = { what: 'decode, fast', beside: 'equal bits', rate: decode, options: [{ fast: true }, {}] }

function row(place: Place, size: Size, kind: Kind, { what, beside, rate, options, wanted }: Way): Row {
  const least = wanted?.[`${size} ${kind}`]
  return {
    what: `${what}, ${size} ${kind}, ${place.name}`,
    beside,
    ...(least !== undefined && { wanted: least }),
    async measure() {
      const { bin } = await model(size, kind)
      const first = await place.open(bin, options?.[0])
      const second = options ? await place.open(bin, options[1]) : first
      try {
        return await compare(
          () => rate(first, STEPS[size]),
          () => second.decode(STEPS[size]),
        )
      } finally {
        await first.close()
        if (second !== first) await second.close()
      }
    },
  }
}

/** What threads, batches and relaxed SIMD bring. */
export function selfRows(place: Place): Row[] {
  const rows: Row[] = []
  for (const way of place.relaxed ? [...ways, fast] : ways)
    for (const size of ['15M', '42M'] as const)
      for (const kind of ['f32', 'q80'] as const) rows.push(row(place, size, kind, way))
  return rows
}
