import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { embedded, golden, goldens, llama2cModels, random } from '../../tests/llm/models.ts'
import { printable, Tokenizer } from './tokenizer.ts'

const file = new Uint8Array(readFileSync(join(embedded, 'tokenizer.bin')))
const utf8 = new TextEncoder()
const tokenizer = new Tokenizer(file, 1024)

/** A tokenizer file of the given strings and scores. */
function vocabulary(tokens: [string, number][]): Uint8Array {
  const out: number[] = []
  const i32 = (v: number) => out.push(v & 255, (v >> 8) & 255, (v >> 16) & 255, (v >> 24) & 255)
  i32(64)
  for (const [s, score] of tokens) {
    i32(new Int32Array(Float32Array.of(score).buffer)[0]!)
    const bytes = utf8.encode(s)
    i32(bytes.length)
    out.push(...bytes)
  }
  return Uint8Array.from(out)
}

/** run.c's merge loop as it is written there: the whole list is looked at again for each merge. */
function naiveMerge(tokens: number[], vocab: string[], scores: number[]): number[] {
  const list = [...tokens]
  for (;;) {
    let best = { score: -1e10, id: -1, at: -1 }
    for (let i = 0; i + 1 < list.length; i++) {
      const id = vocab.indexOf(vocab[list[i]!]! + vocab[list[i + 1]!]!)
      if (id >= 0 && scores[id]! > best.score) best = { score: scores[id]!, id, at: i }
    }
    if (best.at < 0) return list
    list.splice(best.at, 2, best.id)
  }
}

test('encode() gives the prompts of the goldens', () => {
  for (const g of goldens(join(golden, 'stories.json')))
    expect(tokenizer.encode(utf8.encode(g.prompt), true, false)).toEqual(g.prompt_ids)
})

const shared = llama2cModels()
describe.skipIf(!shared)('shared/models/llama2c', () => {
  test('encode() gives the prompts of the goldens of stories260K', () => {
    const t = new Tokenizer(new Uint8Array(readFileSync(join(shared!, 'tok512.bin'))), 512)
    for (const g of goldens(join(shared!, 'golden', 'stories260K.json')))
      expect(t.encode(utf8.encode(g.prompt), true, false)).toEqual(g.prompt_ids)
  })

  test("encode() gives llama2.c's own test vectors for Llama 2's vocabulary", () => {
    const t = new Tokenizer(new Uint8Array(readFileSync(join(shared!, 'tokenizer.bin'))), 32000)
    const encode = (s: string) => t.encode(utf8.encode(s), true, false)
    expect(encode('')).toEqual([1])
    expect(encode('I believe the meaning of life is')).toEqual([1, 306, 4658, 278, 6593, 310, 2834, 338])
    expect(encode('Simply put, the theory of relativity states that ')).toEqual([
      1, 3439, 17632, 1925, 29892, 278, 6368, 310, 14215, 537, 5922, 393, 29871,
    ])
  })
})

test('encode() merges in the order of the naive loop, for random vocabularies with equal scores', () => {
  const seed = 20261123
  const next = random(seed)
  for (let round = 0; round < 300; round++) {
    const strings = ['<unk>', '<s>', '</s>']
    for (let b = 0; b < 256; b++) strings.push(`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`)
    const letters = [' ', 'a', 'b', 'c']
    strings.push(...letters)
    for (let i = 0; i < 30; i++) {
      let s = ''
      for (let n = 2 + (next() % 4); n > 0; n--) s += letters[next() % 4]
      if (!strings.includes(s)) strings.push(s)
    }
    const scores = strings.map((_, i) => (i < 263 ? 0 : (next() % 5) - 2))
    const t = new Tokenizer(vocabulary(strings.map((s, i) => [s, scores[i]!])), strings.length)
    let text = ''
    for (let n = next() % 40; n > 0; n--) text += letters[next() % 4]
    const chars = [...(text === '' ? '' : ` ${text}`)].map(ch => strings.indexOf(ch))
    expect(t.encode(utf8.encode(text), false, false), `seed ${seed} round ${round}`).toEqual(
      naiveMerge(chars, strings, scores),
    )
  }
})

test('encode() falls back to bytes, and takes any bytes at all', () => {
  const euro = tokenizer.encode(utf8.encode('€'), false, false)
  expect(euro.slice(-3)).toEqual([0xe2 + 3, 0x82 + 3, 0xac + 3])
  const stray = tokenizer.encode(Uint8Array.of(0x80, 0xbf, 0xff), false, false)
  expect(stray.slice(1)).toEqual([0x80 + 3, 0xbf + 3, 0xff + 3])
  expect(tokenizer.encode(Uint8Array.of(0x41, 0, 0x42), false, false)).toEqual(
    tokenizer.encode(Uint8Array.of(0x41), false, false),
  )
})

test('encode() and decode() are inverse on text', () => {
  const text = 'Once upon a time, there was a little girl named Lily… naïve — “ok”?\nEnd.'
  const ids = tokenizer.encode(utf8.encode(text), true, true)
  expect([ids[0], ids.at(-1)]).toEqual([1, 2])
  const bytes: number[] = []
  for (let i = 1; i + 1 < ids.length; i++) bytes.push(...tokenizer.decode(ids[i - 1]!, ids[i]!))
  expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(text)
})

test('decode() strips the space after BOS only, and makes bytes of byte tokens', () => {
  const t = new Tokenizer(
    vocabulary([
      ['<unk>', 0],
      ['<s>', 0],
      ['</s>', 0],
      [' x', 0],
      ['<0x0A>', 0],
      ['<0x00>', 0],
    ]),
    6,
  )
  expect(t.decode(1, 3)).toEqual(Uint8Array.of(0x78))
  expect(t.decode(3, 3)).toEqual(Uint8Array.of(0x20, 0x78))
  expect(t.decode(3, 4)).toEqual(Uint8Array.of(10))
  expect(t.decode(3, 5)).toEqual(new Uint8Array(0))
})

test('a long prompt takes no quadratic time to merge', () => {
  const text = utf8.encode('Once upon a time there was a little dog. '.repeat(3000))
  const ids = tokenizer.encode(text, false, false)
  expect(ids.length).toBeGreaterThan(10_000)
})

test('a file of another vocabulary, cut short, or of something else is refused', () => {
  expect(() => new Tokenizer(file, 1023)).toThrow("tokenizer has more tokens than the model's 1023")
  expect(() => new Tokenizer(file, 32000)).toThrow('tokenizer has 1024 tokens, the model has 32000')
  expect(() => new Tokenizer(file.subarray(0, 1000), 1024)).toThrow('tokenizer truncated')
  expect(() => new Tokenizer(new Uint8Array(2), 1024)).toThrow('tokenizer truncated')
  expect(() => new Tokenizer(utf8.encode('not a tokenizer at all'), 1024)).toThrow('not a tokenizer')
})

test('printable() holds back what safe_printf does', () => {
  expect(printable(Uint8Array.of(0x41))).toBe(true)
  expect(printable(Uint8Array.of(10))).toBe(true)
  expect(printable(Uint8Array.of(7))).toBe(false)
  expect(printable(Uint8Array.of(0xe9))).toBe(false)
  expect(printable(Uint8Array.of(7, 7))).toBe(true)
  expect(printable(new Uint8Array(0))).toBe(false)
})
