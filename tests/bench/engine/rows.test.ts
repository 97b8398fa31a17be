import { expect, test } from 'vitest'
import { Tokenizer } from '../../../llmfs/engine/tokenizer.ts'
import { compare } from './measure.ts'
import { syntheticTokenizer } from './models.ts'
import { Missing, type Row, run } from './rows.ts'

const cells = (row: Partial<Row>) =>
  run({ what: 'a', beside: 'b', measure: async () => ({ a: 300, b: 100, ratio: 3 }), ...row })

test('a row tells whether its ratio is what was wanted', async () => {
  expect(await cells({})).toEqual(['a', '300', 'b', '100', '3.00', ''])
  expect(await cells({ wanted: 3 })).toEqual(['a', '300', 'b', '100', '3.00', '>= 3.0, met'])
  expect((await cells({ wanted: 3.1 })).at(-1)).toBe('>= 3.1, not met')
  expect((await cells({ below: 3.5 })).at(-1)).toBe('< 3.5, met')
  expect((await cells({ below: 3 })).at(-1)).toBe('< 3, not met')
})

test('a row that cannot be measured says why, and one that fails too', async () => {
  const missing = () => Promise.reject(new Missing('no gcc'))
  expect(await cells({ wanted: 1, measure: missing })).toEqual(['a', '', 'b', '', 'not measured: no gcc', '>= 1.0'])
  const failing = () => Promise.reject(new Error('broken\nat once'))
  expect((await cells({ measure: failing }))[4]).toBe('failed: broken')
})

test('both are measured in turns, after once each that does not count', async () => {
  const order: string[] = []
  const rate = (name: string, rates: number[]) => () => {
    order.push(name)
    return rates.shift()!
  }
  const pair = await compare(rate('a', [900, 10, 30, 20]), rate('b', [1, 10, 10, 10]), 3)
  expect(order.join('')).toBe('abababab')
  expect(pair).toEqual({ a: 20, b: 10, ratio: 2 })
})

test('the synthetic vocabulary has each token once, and a prompt of letters a token for each', () => {
  const tokenizer = new Tokenizer(syntheticTokenizer(32000), 32000)
  expect(new Set(tokenizer.vocab).size).toBe(32000)
  const letters = Array.from({ length: 198 }, (_, i) => 97 + ((7 * i) % 26))
  expect(tokenizer.encode(Uint8Array.from(letters), true, false).length).toBe(200)
})
