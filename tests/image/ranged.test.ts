import { expect, onTestFinished, test } from 'vitest'
import { Iso } from '../../emulator/disk/iso9660.ts'
import { BLOCK, MemoryCache, Ranged, type RangedOptions } from '../../emulator/image/ranged.ts'
import { Httpserver, type Served } from '../httpserver.ts'
import { Random } from '../random.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const image = new Random(13).bytes(20 * BLOCK + 12_345)

async function begin(served: Partial<Served> = {}, o: RangedOptions = {}): Promise<[Ranged, Httpserver]> {
  const s = await Httpserver.start({ '/i': { bytes: image, etag: '"1"', ...served } })
  onTestFinished(() => s.close())
  const r = await Ranged.open(`${s.url}/i`, { waits: [1, 1], ...o })
  onTestFinished(() => r.close())
  return [r, s]
}

const same = (a: Uint8Array, from: number, to: number) => Buffer.compare(a, image.subarray(from, to)) === 0
/** Ranges that were asked for behind the first, in blocks. */
const asked = (s: Httpserver) =>
  s.requests.slice(1).map(r => {
    const [, a, b] = /^bytes=(\d+)-(\d+)$/.exec(r.range!)!
    return [Number(a) / BLOCK, (Number(b) + 1) / BLOCK]
  })

test('what is read is fetched by whole blocks, once, and counted', async () => {
  const [r, s] = await begin()
  expect([r.size, r.moved]).toEqual([image.length, 1])
  expect(same(await r.read(BLOCK + 7, 100), BLOCK + 7, BLOCK + 107)).toBe(true)
  expect(same(await r.read(BLOCK + 90, 100), BLOCK + 90, BLOCK + 190)).toBe(true)
  expect(asked(s)).toEqual([[1, 2]])
  expect(r.moved).toBe(1 + BLOCK)
  expect(same(await r.read(image.length - 5, 100), image.length - 5, image.length)).toBe(true)
  expect((await r.read(image.length, 100)).length).toBe(0)
  expect(r.moved).toBe(1 + BLOCK + 12_345)
})

test('neighbours go in one request, whoever wants them; the same block for several is one', async () => {
  const [r, s] = await begin()
  const [a, b, c] = await Promise.all([
    r.read(3 * BLOCK, 10),
    r.read(2 * BLOCK + 5, 10),
    r.read(2 * BLOCK, 3 * BLOCK),
    r.read(9 * BLOCK, 1),
  ])
  expect(asked(s)).toEqual([
    [2, 5],
    [9, 10],
  ])
  expect(same(a, 3 * BLOCK, 3 * BLOCK + 10)).toBe(true)
  expect(same(b, 2 * BLOCK + 5, 2 * BLOCK + 15)).toBe(true)
  expect(same(c, 2 * BLOCK, 5 * BLOCK)).toBe(true)
})

test('one who reads on has the blocks behind fetched meanwhile; one who leaps has not', async () => {
  const [r, s] = await begin()
  await r.read(5 * BLOCK, 100)
  await r.read(15 * BLOCK, 100)
  expect(asked(s)).toEqual([
    [5, 6],
    [15, 16],
  ])
  await r.read(0, BLOCK)
  await r.read(BLOCK, 1000)
  await expect.poll(() => r.moved).toBe(1 + 6 * BLOCK)
  const { moved } = r
  expect(same(await r.read(2 * BLOCK, 2 * BLOCK), 2 * BLOCK, 4 * BLOCK)).toBe(true)
  expect(r.moved).toBe(moved)
})

test('requests that are cut, refused for a while, or answered in part are made again for what is missing', async () => {
  const [r] = await begin(
    { cuts: [1e9, 300_000, 100, 0], statuses: [0, 503, 0, 0, 429], most: 5 * BLOCK },
    { waits: Array(10).fill(1) },
  )
  expect(same(await r.read(0, image.length), 0, image.length)).toBe(true)
})

test('what cannot be had is an error, and may be had later', async () => {
  const [r, s] = await begin()
  s.files['/i']!.statuses = [500, 500, 500]
  await expect(r.read(0, 10)).rejects.toThrow('500 internal server error')
  expect(same(await r.read(0, 10), 0, 10)).toBe(true)
  s.files['/i']!.statuses = [404]
  await expect(r.read(5 * BLOCK, 10)).rejects.toThrow('404 not found')
})

test('a file that changes meanwhile is an error, not a mixture', async () => {
  const [r, s] = await begin()
  await r.read(0, 10)
  s.files['/i'] = { bytes: image.map(b => b ^ 1), etag: '"2"' }
  await expect(r.read(5 * BLOCK, 10)).rejects.toThrow('file changed')
})

test('a cache that outlasts is gone on with while the file is the same', async () => {
  const cache = new MemoryCache()
  const [r, s] = await begin({}, { cache })
  await r.read(0, 3 * BLOCK)
  const again = await Ranged.open(r.url, { cache })
  expect(same(await again.read(0, 3 * BLOCK), 0, 3 * BLOCK)).toBe(true)
  expect(again.moved).toBe(1)
  s.files['/i'] = { bytes: image, etag: '"2"' }
  const other = await Ranged.open(r.url, { cache })
  await other.read(0, 10)
  expect(other.moved).toBe(1 + BLOCK)
})

test('a small cache forgets what was read longest ago', async () => {
  const [r] = await begin({}, { cache: new MemoryCache(2 * BLOCK) })
  for (const k of [0, 5, 0, 9, 0]) await r.read(k * BLOCK, 1)
  expect(r.moved).toBe(1 + 3 * BLOCK)
  await r.read(5 * BLOCK, 1)
  expect(r.moved).toBe(1 + 4 * BLOCK)
})

test.each<[string, Partial<Served>, string]>([
  ['sends no ranges', { ranges: false }, 'server sends no ranges: fetch the file whole'],
  ['has it not', { statuses: [404] }, '404 not found'],
])('a server that %s is refused, with the reason', async (_, served, why) => {
  await expect(begin(served)).rejects.toThrow(why)
  await expect(Ranged.open('nowhere')).rejects.toThrow('bad url')
})

test('close ends what waits', async () => {
  const [r] = await begin({ hold: 100 })
  const waits = r.read(0, 10)
  const ended = expect(waits).rejects.toThrow('interrupted')
  await r.close()
  await ended
})

test('a reader of ISO images takes it as it takes others', async () => {
  const [r] = await begin()
  await expect(Iso.open(r)).rejects.toThrow('unknown cd type')
  expect(r.moved).toBe(1 + BLOCK)
})

test(`reads by seed ${SEED}, many at once, of a server that fails now and then`, async () => {
  const rand = new Random(SEED)
  const statuses = Array.from({ length: 200 }, (_, i) => (i > 0 && rand.int(5) === 0 ? 503 : 0))
  const cuts = Array.from({ length: 200 }, (_, i) => (i > 0 && rand.int(3) === 0 ? rand.int(2 * BLOCK) : 1e9))
  const [r] = await begin({ statuses, cuts }, { waits: Array(20).fill(1), cache: new MemoryCache(6 * BLOCK) })
  for (let i = 0; i < 20; i++)
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const from = rand.int(image.length)
        const to = Math.min(image.length, from + rand.int(3 * BLOCK))
        expect(same(await r.read(from, to - from), from, to)).toBe(true)
      }),
    )
})
