import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bytesSource, embedded } from '../../tests/llm/models.ts'
import { loadEngine } from './engine.ts'
import { readCheckpoint } from './formats.ts'

const fp32 = new Uint8Array(readFileSync(join(embedded, 'stories.bin')))
const q80 = new Uint8Array(readFileSync(join(embedded, 'stories_q80.bin')))

/** `file` with int32s of the header replaced: byte offset to value. */
function patched(file: Uint8Array, values: Record<number, number>): Uint8Array {
  const copy = file.slice()
  const view = new DataView(copy.buffer)
  for (const [offset, value] of Object.entries(values)) view.setInt32(Number(offset), value, true)
  return copy
}

const refused = (file: Uint8Array) => expect(readCheckpoint(bytesSource(file))).rejects

test('readCheckpoint() tells the versions apart and counts the parameters', async () => {
  const a = await readCheckpoint(bytesSource(fp32))
  expect(a).toMatchObject({ version: 0, shared_classifier: true, group_size: 0, params: 722048, bytes: 2908700 })
  expect(a.config).toEqual({
    dim: 128,
    hidden_dim: 256,
    n_layers: 4,
    n_heads: 8,
    n_kv_heads: 4,
    vocab_size: 1024,
    seq_len: 320,
  })
  const b = await readCheckpoint(bytesSource(q80))
  expect(b).toMatchObject({ version: 2, shared_classifier: true, group_size: 64, params: 722048, bytes: 770816 })
})

test('a file cut short is refused with its length and the length it must have', async () => {
  await refused(fp32.subarray(0, 2908699)).toThrow('file truncated: 2908699 of 2908700 bytes')
  await refused(fp32.subarray(0, 27)).toThrow('file truncated: 27 of at least 28 bytes')
  await refused(q80.subarray(0, 100)).toThrow('file truncated: 100 of at least 256 bytes')
  await refused(new Uint8Array(0)).toThrow('file truncated')
})

test('a file that is too long is refused', async () => {
  await refused(new Uint8Array([...q80, 0])).toThrow('file too long: 770817 bytes, not 770816')
})

test('a file of something else is refused as no checkpoint', async () => {
  const text = new TextEncoder().encode('#!/bin/rc\n'.repeat(30))
  await refused(text).toThrow('not a llama2.c checkpoint: absurd sizes: dim')
})

test('absurd sizes are refused before anything is set aside for them', async () => {
  await refused(patched(fp32, { 0: 0 })).toThrow('absurd sizes: dim 0')
  await refused(patched(fp32, { 4: -5 })).toThrow('absurd sizes: hidden_dim -5')
  await refused(patched(fp32, { 8: 0x7fffffff })).toThrow('absurd sizes: n_layers 2147483647')
  await refused(patched(fp32, { 12: 7 })).toThrow('absurd sizes: dim 128 in 7 heads')
  await refused(patched(fp32, { 16: 3 })).toThrow('absurd sizes: n_heads 8 over n_kv_heads 3')
  await refused(patched(fp32, { 24: 2_000_000 })).toThrow('file truncated')
  await refused(patched(q80, { 37: 0 })).toThrow('absurd sizes: group size 0')
  await refused(patched(q80, { 37: 96 })).toThrow('group size 96 does not divide rows of 128')
})

test('a version that is not known is refused', async () => {
  await refused(patched(q80, { 4: 3 })).toThrow('bad version 3')
})

test('a source that ends early is an error, not a model of zeros', async () => {
  const src = { size: fp32.length, read: async (at: number, n: number) => fp32.slice(at, Math.min(at + n, 1_500_000)) }
  await expect(loadEngine(src, { simd: true })).rejects.toThrow('file truncated: 1500000 of 2908700 bytes')
  await expect(loadEngine(src, { simd: false })).rejects.toThrow('file truncated: 1500000 of 2908700 bytes')
})
