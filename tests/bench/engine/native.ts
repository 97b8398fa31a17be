import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare } from './measure.ts'
import { type Kind, model, type Size, scratch } from './models.ts'
import type { Place } from './place.ts'
import { counted, Missing, type Row } from './rows.ts'

const source = join(dirname(fileURLToPath(import.meta.url)), '..', 'native.c')

/** native.c compiled for this machine. @throws Missing there is no gcc, or it fails */
function compile(): string {
  mkdirSync(scratch, { recursive: true })
  const binary = join(scratch, 'native-openmp')
  if (existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs) return binary
  const args = ['-Ofast', '-march=native', '-fopenmp', '-o', binary, source, '-lm']
  const { status, stderr, error } = spawnSync('gcc', args, { encoding: 'utf8' })
  if (status !== 0) throw new Missing(`gcc: ${(error?.message ?? stderr).split('\n')[0]}`)
  return binary
}

/** What native.c prints: tokens a second, or megabytes. */
function run(binary: string, args: string[], threads: number): number {
  const env = { ...process.env, OMP_NUM_THREADS: String(threads) }
  const { stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8', env })
  const rate = Number(stdout)
  if (!(rate > 0)) throw new Error(`native.c: ${stderr}`)
  return rate
}

/** Positions of one measurement: half a second or so. */
export const STEPS: Record<Size, number> = { '15M': 200, '42M': 80, '110M': 32 }

interface Variant {
  place: Place
  threads?: number
  /** The greatest logit alone; all of them otherwise. */
  greedy?: boolean
  fast?: boolean
  wanted?: number
}

/** One token after another, both on as many threads. */
function row(size: Size, kind: Kind, { place, threads = 1, greedy = false, fast = false, wanted }: Variant): Row {
  const what = [
    greedy ? 'greedy' : 'decode',
    `${size} ${kind}`,
    place.name,
    counted(threads),
    ...(fast ? ['fast'] : []),
  ]
  return {
    what: what.join(', '),
    beside: 'native.c -Ofast -march=native',
    ...(wanted !== undefined && { wanted }),
    async measure() {
      const binary = compile()
      const { bin } = await model(size, kind)
      const ours = await place.open(bin, { threads, fast })
      const steps = STEPS[size]
      try {
        return await compare(
          () => (greedy ? ours.greedy(steps) : ours.decode(steps)),
          () => run(binary, [bin, String(steps)], threads),
        )
      } finally {
        await ours.close()
      }
    },
  }
}

/** What a second thread brings native.c: what the machine has to give just now. */
function threadsRow(size: Size, kind: Kind): Row {
  return {
    what: `native.c, 2 threads, ${size} ${kind}`,
    beside: 'native.c, 1 thread',
    async measure() {
      const binary = compile()
      const { bin } = await model(size, kind)
      return compare(
        () => run(binary, [bin, String(STEPS[size])], 2),
        () => run(binary, [bin, String(STEPS[size])], 1),
      )
    },
  }
}

/** What no decoding of a model that is larger than the caches can exceed. */
function readRow(): Row {
  return {
    what: 'plain reading of 256 MB, 2 threads, MB/s',
    beside: '1 thread',
    async measure() {
      const binary = compile()
      return compare(
        () => run(binary, ['read'], 2),
        () => run(binary, ['read'], 1),
      )
    },
  }
}

export const nativeThreadsRows = (): Row[] => [
  readRow(),
  threadsRow('15M', 'f32'),
  threadsRow('15M', 'q80'),
  threadsRow('42M', 'f32'),
  threadsRow('42M', 'q80'),
]

/** The engine beside run.c's and runq.c's loops in C. */
export function nativeRows(place: Place): Row[] {
  const sizes: Size[] = ['15M', '42M']
  return [
    ...sizes.map(size => row(size, 'f32', { place, wanted: 1 })),
    ...(place.relaxed ? sizes.map(size => row(size, 'f32', { place, fast: true, wanted: 1 })) : []),
    ...sizes.map(size => row(size, 'q80', { place, wanted: 3 })),
    ...sizes.map(size => row(size, 'f32', { place, greedy: true })),
    ...sizes.flatMap(size => [row(size, 'f32', { place, threads: 2 }), row(size, 'q80', { place, threads: 2 })]),
  ]
}
