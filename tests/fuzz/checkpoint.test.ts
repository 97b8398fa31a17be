import { expect, test } from 'vitest'
import { type CheckpointSource, HEADER } from '../../llmfs/engine/checkpoint.ts'
import { CheckpointError, type Config } from '../../llmfs/engine/config.ts'
import { loadCheckpoint } from '../../llmfs/engine/engine.ts'
import { readCheckpoint } from '../../llmfs/engine/formats.ts'
import { quantizeCheckpoint } from '../../llmfs/engine/quantize.ts'
import { Tokenizer } from '../../llmfs/engine/tokenizer.ts'
import {
  directorySource,
  ggufKeys,
  hfConfig,
  tokenizerKeys,
  weightsOf,
  writeGguf,
  writeSafetensors,
} from '../llm/formats.ts'
import { bytesSource, randomCheckpoint } from '../llm/models.ts'
import { Random } from '../random.ts'

const seed = Number(process.env['SEED'] ?? 9)
const rounds = Number(process.env['ROUNDS'] ?? 500)

const config: Config = { dim: 32, hidden_dim: 64, n_layers: 2, n_heads: 4, n_kv_heads: 2, vocab_size: 264, seq_len: 8 }
const legacy = randomCheckpoint(config, false, 1)
const weights = weightsOf(legacy, config, false)
const pieces: Uint8Array[] = []
await quantizeCheckpoint(bytesSource(legacy), async p => void pieces.push(p.slice()))

/** A tokenizer file: the special tokens, the bytes, and a few letters. */
function vocabulary(): Uint8Array {
  const names = ['<unk>', '\n<s>\n', '\n</s>\n']
  for (let b = 0; b < 256; b++) names.push(`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`)
  names.push(' ', 'a', 'b', ' a', 'ab')
  const out = [Buffer.from(Int32Array.of(7).buffer)]
  for (const name of names)
    out.push(Buffer.from(Float32Array.of(-1).buffer), Buffer.from(Int32Array.of(name.length).buffer), Buffer.from(name))
  return new Uint8Array(Buffer.concat(out))
}
const keys = { ...ggufKeys(config), ...tokenizerKeys(vocabulary(), config.vocab_size) }
const q8 = writeGguf(weights, keys, 'Q8_0')
const f16 = writeGguf(weights, ggufKeys(config), 'F16')
const headerOf = (gguf: Uint8Array) => Buffer.from(gguf).lastIndexOf('output.weight') + 45
const hf = writeSafetensors(weights, 'BF16')
const json = JSON.stringify(hfConfig(config, false))

interface Sample {
  file: Uint8Array<ArrayBuffer>
  /** Bytes of the header, where most of the changes are made. */
  header: number
  config: string
}
const samples: Record<string, Sample> = {
  'llama2.c version 0': { file: legacy, header: 28, config: '' },
  'llama2.c version 2': { file: new Uint8Array(Buffer.concat(pieces)), header: HEADER, config: '' },
  'GGUF Q8_0': { file: q8, header: headerOf(q8), config: '' },
  'GGUF F16': { file: f16, header: headerOf(f16), config: '' },
  safetensors: { file: hf, header: 8 + Number(new DataView(hf.buffer).getBigUint64(0, true)), config: json },
}

/** A number that is wrong in an interesting way. */
const interesting = [0, 1, 2, 7, 8, 9, 31, 255, 256, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]

/** Changes a copy: bits, bytes, numbers, pieces moved, cut short or lengthened. */
function mutated(rand: Random, file: Uint8Array<ArrayBuffer>, header: number): Uint8Array<ArrayBuffer> {
  let copy = file.slice()
  const view = new DataView(copy.buffer)
  for (let n = 1 + rand.int(3); n > 0; n--) {
    const at = rand.int(rand.int(10) === 0 ? file.length : Math.min(header, file.length))
    switch (rand.int(7)) {
      case 0:
        copy[at]! ^= 1 << rand.int(8)
        break
      case 1:
        copy[at] = rand.int(256)
        break
      case 2:
        if (at + 4 <= file.length) view.setUint32(at, rand.pick(interesting), true)
        break
      case 3:
        if (at + 8 <= file.length)
          view.setBigUint64(at, rand.int(2) ? rand.u64() : BigInt(rand.pick(interesting)) << BigInt(rand.int(33)), true)
        break
      case 4:
        if (rand.int(4) === 0) return copy.slice(0, at)
        break
      case 5: {
        const from = rand.int(header)
        copy.copyWithin(at, from, from + rand.int(64))
        break
      }
      default:
        if (rand.int(4) === 0) {
          copy = new Uint8Array([...copy.subarray(0, at), ...rand.bytes(rand.int(40)), ...copy.subarray(at)])
          return copy
        }
    }
  }
  return copy
}

/** A source that counts, and gives no more than a piece at once. */
function counting(src: CheckpointSource): { src: CheckpointSource; most: () => number; total: () => number } {
  let most = 0
  let total = 0
  return {
    src: {
      ...src,
      read: (offset, count) => {
        expect(Number.isSafeInteger(offset) && offset >= 0 && count >= 0).toBe(true)
        most = Math.max(most, count)
        total += count
        return src.read(offset, count)
      },
    },
    most: () => most,
    total: () => total,
  }
}

/** What a file makes: an engine that gives logits, or an error that says something. */
async function survives(src: CheckpointSource, what: string): Promise<string> {
  const counted = counting(src)
  try {
    const ckpt = await readCheckpoint(counted.src)
    expect(ckpt.tensors.length, what).toBeGreaterThan(0)
    // A small file cannot ask for much: what it has in it is what is read.
    expect(ckpt.weights, what).toBeLessThanOrEqual(4 * src.size + 4 * ckpt.config.seq_len * ckpt.config.dim + 4096)
    if (ckpt.tokenizer) new Tokenizer(ckpt.tokenizer(), ckpt.config.vocab_size)
    // Positions take memory that no byte of the file stands for; llmfs says what is too much when it comes to sessions.
    if (ckpt.config.seq_len > 4096) return 'long'
    const engine = await loadCheckpoint(counted.src, ckpt, { simd: true })
    expect(engine.forward(engine.newState(), 1 % ckpt.config.vocab_size, 0).length, what).toBe(ckpt.config.vocab_size)
    expect(counted.total(), what).toBeLessThanOrEqual(3 * src.size + 4096)
    return 'loaded'
  } catch (e) {
    if (!(e instanceof CheckpointError)) throw new Error(what, { cause: e })
    expect(e.message, what).toMatch(/\S.*\S/)
    return e.message
  } finally {
    expect(counted.most(), what).toBeLessThanOrEqual(src.size)
  }
}

test.each(Object.entries(samples))(
  `%s with something changed is read or refused (SEED=${seed})`,
  async (name, sample) => {
    const rand = new Random(seed)
    const plain = directorySource(sample.file, { 'config.json': sample.config })
    expect(await survives(plain, name)).toBe('loaded')
    const outcomes = new Map<string, number>()
    for (let i = 0; i < rounds; i++) {
      const file = mutated(rand, sample.file, sample.header)
      let text = sample.config
      if (text !== '' && rand.int(3) === 0) {
        const at = rand.int(text.length)
        const put = rand.pick(['', '0', '-1', '9', 'e9', '"', '{', '}', '[', 'null', ',', '1.5', '\u0000'])
        text = text.slice(0, at) + put + text.slice(at + rand.int(3))
      }
      const outcome = await survives(
        directorySource(file, { 'config.json': text }),
        `${name}, seed ${seed}, round ${i}`,
      )
      const kind = outcome.replace(/[\d,. ]+/g, '#')
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
    }
    // Changes of all kinds were met, not one check that refuses everything.
    expect(outcomes.size).toBeGreaterThan(5)
    expect(outcomes.get('loaded') ?? 0).toBeGreaterThan(0)
  },
)

test(`random bytes behind each magic are refused (SEED=${seed})`, async () => {
  const rand = new Random(seed)
  const magics = ['GGUF\x03\0\0\0', 'GGUF\x02\0\0\0', '24ka\x02\0\0\0', '24ka\x01\0\0\0', '\x20\0\0\0\0\0\0\0{']
  for (let i = 0; i < 1000; i++) {
    const file = new Uint8Array(Buffer.concat([Buffer.from(rand.pick(magics), 'latin1'), rand.bytes(rand.int(400))]))
    const outcome = await survives(bytesSource(file), `seed ${seed}, random ${i}`)
    expect(outcome).not.toBe('loaded')
  }
})
