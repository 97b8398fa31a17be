import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bytesSource, embedded, fileSource } from '../../tests/llm/models.ts'
import { readCheckpoint } from './formats.ts'
import { groupSize, quantizeCheckpoint } from './quantize.ts'

test("quantizeCheckpoint() makes the embedded Q8_0 model of the FP32 one, byte for byte as llama2.c's exporter did", async () => {
  const pieces: Uint8Array[] = []
  const src = fileSource(join(embedded, 'stories.bin'))
  const out = await quantizeCheckpoint(src, async piece => void pieces.push(piece.slice()))
  const file = Buffer.concat(pieces)
  expect(file.length).toBe(out.bytes)
  expect(await readCheckpoint(bytesSource(file))).toEqual(out)
  expect(file.equals(readFileSync(join(embedded, 'stories_q80.bin')))).toBe(true)
})

test('groupSize() backs off until every row divides', () => {
  const shape = (dim: number, hidden_dim: number) =>
    groupSize({ dim, hidden_dim, n_layers: 1, n_heads: 1, n_kv_heads: 1, vocab_size: 3, seq_len: 1 })
  expect([shape(288, 768), shape(64, 172), shape(512, 1376), shape(128, 256), shape(6, 9)]).toEqual([32, 4, 32, 64, 1])
})

test('a quantized checkpoint is not quantized again', async () => {
  const src = fileSource(join(embedded, 'stories_q80.bin'))
  await expect(quantizeCheckpoint(src, async () => {})).rejects.toThrow('already quantized')
})
