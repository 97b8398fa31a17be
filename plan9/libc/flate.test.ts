import { constants, crc32 as crc, deflateRawSync, inflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Random } from '../../tests/random.ts'
import { concat } from '../9p/bit.ts'
import { PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'
import { Bin } from './bio.ts'
import { blockcrc, deflate, FlateCorrupted, FlateInputFail, inflate } from './flate.ts'

/** A Bin over bytes that come in pieces of at most `piece`. */
function bin(data: Uint8Array, piece: number): Bin {
  let off = 0
  const read = async (_fd: number, n: number) => {
    const b = data.slice(off, off + Math.min(n, piece))
    off += b.length
    return b
  }
  return new Bin({ read } as unknown as Sys, 0)
}

async function expand(data: Uint8Array, piece = 65536): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  await inflate(bin(data, piece), async b => {
    parts.push(b)
  })
  return parts.length === 0 ? new Uint8Array(0) : concat(parts)
}

const rnd = new Random(3)
const data: Record<string, Uint8Array> = {
  empty: new Uint8Array(0),
  byte: Uint8Array.of(7),
  zeros: new Uint8Array(200_000),
  noise: rnd.bytes(100_000),
  text: Uint8Array.from({ length: 150_000 }, () => 97 + Math.min(rnd.int(26), rnd.int(26), rnd.int(26))),
  far: concat([Uint8Array.from({ length: 32768 }, (_, i) => (i * i) >> 4), new Uint8Array(0)]),
}
data['far'] = concat([data['far']!, data['far']!, data['far']!])

describe.each(Object.keys(data))('%s', name => {
  const want = data[name]!
  it.each([
    ['stored', { level: 0 }],
    ['fixed', { strategy: constants.Z_FIXED }],
    ['dynamic', { level: 9 }],
    ['fast', { level: 1, windowBits: 9 }],
  ])('inflate takes what zlib makes: %s, in pieces of any size', async (_, options) => {
    const packed = deflateRawSync(want, options)
    for (const piece of [65536, 1000, 7, 1])
      if (packed.length / piece < 5000) expect(Buffer.compare(await expand(packed, piece), want)).toBe(0)
  })
  it('deflate makes what zlib takes', async () => {
    for (const level of [1, 6, 9]) {
      const b = bin(want, 10_000)
      const parts: Uint8Array[] = []
      await deflate(
        level,
        () => b.chunk(),
        async piece => {
          parts.push(piece)
        },
      )
      expect(Buffer.compare(inflateRawSync(concat(parts)), want)).toBe(0)
    }
  })
})

it('inflate leaves its input behind the last byte of the stream', async () => {
  for (let n = 0; n < 200; n++) {
    const packed = deflateRawSync(data['text']!.subarray(0, n))
    for (const piece of [65536, 3, 1]) {
      const b = bin(concat([packed, Uint8Array.of(1, 2, 3)]), piece)
      expect(await inflate(b, async () => {})).toBe(packed.length)
      expect([...(await b.read(9))]).toEqual([1, 2, 3])
    }
  }
})

it('a stream cut short is an input error, and nothing else than a PlanError comes of any bytes', async () => {
  const packed = deflateRawSync(data['text']!.subarray(0, 3000))
  await expect(expand(packed.subarray(0, -1))).rejects.toThrow(new PlanError(FlateInputFail))
  const rnd = new Random(11)
  let corrupted = 0
  for (let i = 0; i < 2000; i++) {
    const bad = Uint8Array.from(packed)
    for (let k = 0; k <= rnd.int(3); k++) bad[rnd.int(i % 2 ? 60 : bad.length)] = rnd.int(256)
    try {
      await expand(bad)
    } catch (e) {
      expect(e).toBeInstanceOf(PlanError)
      if ((e as PlanError).message === FlateCorrupted) corrupted++
    }
  }
  expect(corrupted).toBeGreaterThan(500)
})

it('blockcrc is the CRC of gzip, in as many pieces as one likes', () => {
  const b = data['noise']!
  expect(blockcrc(blockcrc(0, b.subarray(0, 777)), b.subarray(777))).toBe(crc(b))
})
