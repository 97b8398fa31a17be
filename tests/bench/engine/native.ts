import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare } from './measure.ts'
import { type Kind, model, type Size, scratch } from './models.ts'
import type { Place } from './place.ts'
import { Missing, type Row } from './rows.ts'

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

/** Tokens a second of native.c. */
function run(binary: string, bin: string, steps: number, threads: number): number {
  const env = { ...process.env, OMP_NUM_THREADS: String(threads) }
  const { stdout, stderr } = spawnSync(binary, [bin, String(steps)], { encoding: 'utf8', env })
  const rate = Number(stdout)
  if (!(rate > 0)) throw new Error(`native.c: ${stderr}`)
  return rate
}

/** Positions of one measurement: half a second or so. */
export const STEPS: Record<Size, number> = { '15M': 200, '42M': 80, '110M': 32 }

/** One token after another, on `threads` threads each. */
const row = (place: Place, size: Size, kind: Kind, threads: number, wanted?: number): Row => ({
  what: `decode, ${size} ${kind}, ${place.name}, ${threads === 1 ? '1 thread' : `${threads} threads`}`,
  beside: 'native.c -Ofast -march=native',
  ...(wanted !== undefined && { wanted }),
  async measure() {
    const binary = compile()
    const { bin } = await model(size, kind)
    const ours = await place.open(bin, { threads })
    const steps = STEPS[size]
    try {
      return await compare(
        () => ours.decode(steps),
        () => run(binary, bin, steps, threads),
      )
    } finally {
      await ours.close()
    }
  },
})

/** The engine beside run.c's and runq.c's loops in C. */
export function nativeRows(place: Place): Row[] {
  const sizes: Size[] = ['15M', '42M']
  return [
    ...sizes.map(size => row(place, size, 'f32', 1, 1)),
    ...sizes.map(size => row(place, size, 'q80', 1, 3)),
    ...sizes.flatMap(size => [row(place, size, 'f32', 2), row(place, size, 'q80', 2)]),
  ]
}
