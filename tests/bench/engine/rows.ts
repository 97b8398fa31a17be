import type { Pair } from './measure.ts'

/** A row of the table, not yet measured. */
export interface Row {
  /** What is measured, and beside what. */
  what: string
  beside: string
  /** The least ratio that is wanted; undefined for a row that only informs. */
  wanted?: number
  /** What the ratio is wanted to be below, of a row of times. */
  below?: number
  /** Measures; a text is said instead of the figures. @throws Missing it cannot be measured here */
  measure(): Promise<Pair | string>
}

/** Why a row cannot be measured here. */
export class Missing extends Error {}

export const HEAD = ['tok/s, medians of pairs in turns', 'ours', 'beside', 'its', 'ratio', 'wanted']

/** 1 thread, 2 threads. */
export const counted = (threads: number): string => (threads === 1 ? '1 thread' : `${threads} threads`)

const digits = (v: number): string => v.toFixed(v < 100 ? 1 : 0)

/** Measures a row and prints it into cells. */
export async function run({ what, beside, wanted, below, measure }: Row): Promise<string[]> {
  const wish = wanted !== undefined ? `>= ${wanted.toFixed(1)}` : below !== undefined ? `< ${below}` : ''
  try {
    const got = await measure()
    if (typeof got === 'string') return [what, '', beside, '', got, wish]
    const met = got.ratio >= (wanted ?? 0) && got.ratio < (below ?? Number.POSITIVE_INFINITY)
    const verdict = wish === '' ? '' : met ? ', met' : ', not met'
    return [what, digits(got.a), beside, digits(got.b), got.ratio.toFixed(2), wish + verdict]
  } catch (err) {
    const why = err instanceof Error ? err.message.split('\n')[0]! : String(err)
    return [what, '', beside, '', `${err instanceof Missing ? 'not measured' : 'failed'}: ${why}`, wish]
  }
}
