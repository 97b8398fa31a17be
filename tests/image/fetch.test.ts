import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { download, type Fetched, type FetchOptions } from '../../emulator/image/fetch.ts'
import { type Known, published, summed } from '../../emulator/image/images.ts'
import { filePart, fileSink } from '../../shell/node/imagefile.ts'
import { Httpserver, type Served } from '../httpserver.ts'
import { Random } from '../random.ts'

let dir: string
const image = new Random(7).bytes(3_000_000)
// Half of it is of a kind that gzip makes smaller.
image.fill(9, 0, 1_500_000)
const gz = new Uint8Array(gzipSync(image))
const sha = (b: Uint8Array) => createHash('sha256').update(b).digest('hex')

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), '9ml-image-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function serve(files: Record<string, Served>): Promise<Httpserver> {
  const s = await Httpserver.start(files)
  onTestFinished(() => s.close())
  return s
}

/** One run of a process that fetches: files are opened anew, and closed. */
async function run(urls: string[], o: FetchOptions = {}): Promise<Fetched> {
  const part = await filePart(join(dir, 'part'))
  try {
    return await download(urls, part, () => fileSink(join(dir, 'image')), { waits: [1, 1], ...o })
  } finally {
    await part.close()
  }
}

const has = (name: string) => new Uint8Array(readFileSync(join(dir, name)))
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

test('what is compressed is expanded as it comes, and both are summed', async () => {
  const s = await serve({ '/i.gz': { bytes: gz, etag: '"1"' } })
  const seen: [number, number | undefined][] = []
  const got = await run([`${s.url}/i.gz`], { sha256: sha(gz), progress: (done, size) => seen.push([done, size]) })
  expect(got).toEqual({
    url: `${s.url}/i.gz`,
    sent: { size: gz.length, sha256: sha(gz) },
    image: { size: image.length, sha256: sha(image) },
    expanded: true,
    moved: gz.length,
  })
  expect(same(has('image'), image)).toBe(true)
  expect(seen[0]).toEqual([0, gz.length])
  expect(seen.at(-1)).toEqual([gz.length, gz.length])
})

test('what is not compressed is the image itself; a sum in capitals is a sum', async () => {
  const s = await serve({ '/i': { bytes: image } })
  const got = await run([`${s.url}/i`], { sha256: sha(image).toUpperCase() })
  expect(got.expanded).toBe(false)
  expect(got.image).toEqual({ size: image.length, sha256: sha(image) })
  expect(same(has('part'), image)).toBe(true)
  expect(existsSync(join(dir, 'image'))).toBe(false)
})

test('the sum of the image is as good as that of what was sent', async () => {
  const s = await serve({ '/i.gz': { bytes: gz } })
  expect((await run([`${s.url}/i.gz`], { sha256: sha(image) })).image.size).toBe(image.length)
})

describe('a run that ends early', () => {
  /** Stops when 400,000 bytes are there, of a server that holds behind 500,000; returns how many. */
  async function interrupted(s: Httpserver): Promise<number> {
    const stop = new AbortController()
    const first = run([`${s.url}/i.gz`], {
      signal: stop.signal,
      progress: done => {
        if (done >= 400_000) stop.abort()
      },
    })
    await expect(first).rejects.toThrow('interrupted')
    const there = has('part')
    expect(there.length).toBeGreaterThanOrEqual(400_000)
    expect(same(there, gz.subarray(0, there.length))).toBe(true)
    s.go()
    return there.length
  }

  test.each([
    ['an ETag', { etag: '"1"' }],
    ['a Last-Modified', { modified: 1_700_000_000 }],
  ])('is gone on with, by %s: no byte comes twice', async (_, by) => {
    const s = await serve({ '/i.gz': { bytes: gz, hold: 500_000, ...by } })
    const there = await interrupted(s)
    const got = await run([`${s.url}/i.gz`], { sha256: sha(gz) })
    expect(got.moved).toBe(gz.length - there)
    expect(s.requests.at(-1)!.range).toBe(`bytes=${there}-`)
    expect(same(has('image'), image)).toBe(true)
  })

  test.each<[string, Partial<Served>]>([
    ['has another ETag', { etag: '"2"' }],
    ['has another date', { etag: undefined, modified: 1_700_000_001 } as Partial<Served>],
    ['is not sent by ranges any more', { ranges: false }],
  ])('is begun anew when the file %s', async (_, change) => {
    const other = new Uint8Array(gzipSync(image.map(b => b ^ 1)))
    expect(other.length).toBe(gz.length)
    const s = await serve({ '/i.gz': { bytes: gz, hold: 500_000, etag: '"1"', modified: 1_700_000_000 } })
    await interrupted(s)
    s.files['/i.gz'] = { bytes: other, etag: '"1"', modified: 1_700_000_000, ...change }
    expect((await run([`${s.url}/i.gz`])).moved).toBe(other.length)
    expect(
      same(
        has('image'),
        image.map(b => b ^ 1),
      ),
    ).toBe(true)
  })

  test('is begun anew when nothing says that the file is the same, and no sum would', async () => {
    const s = await serve({ '/i.gz': { bytes: gz, hold: 500_000 } })
    await interrupted(s)
    expect((await run([`${s.url}/i.gz`])).moved).toBe(gz.length)
  })

  test('and whose part was damaged since is found out by the sum, and begun anew', async () => {
    const s = await serve({ '/i': { bytes: image, hold: 500_000, etag: '"1"' } })
    s.files['/i.gz'] = s.files['/i']!
    const stop = new AbortController()
    const progress = (n: number) => n >= 400_000 && stop.abort()
    await expect(run([`${s.url}/i`], { signal: stop.signal, progress })).rejects.toThrow('interrupted')
    s.go()
    const part = await filePart(join(dir, 'part'))
    await part.write(1000, new Uint8Array(100).fill(0xff))
    await part.close()
    expect((await run([`${s.url}/i`], { sha256: sha(image) })).sent.sha256).toBe(sha(image))
    expect(same(has('part'), image)).toBe(true)
  })

  test('behind its last byte needs no more of them', async () => {
    const s = await serve({ '/i.gz': { bytes: gz, etag: '"1"' } })
    await run([`${s.url}/i.gz`])
    expect((await run([`${s.url}/i.gz`])).moved).toBe(0)
    expect(same(has('image'), image)).toBe(true)
  })
})

test('a connection that is cut is taken up again', async () => {
  const s = await serve({ '/i.gz': { bytes: gz, etag: '"1"', cuts: [100_000, 200_000, 0, 50_000] } })
  expect((await run([`${s.url}/i.gz`], { sha256: sha(gz) })).moved).toBe(gz.length)
  expect(s.requests.length).toBe(5)
  expect(same(has('image'), image)).toBe(true)
})

test('one that is cut at a server without ranges is begun anew', async () => {
  const s = await serve({ '/i.gz': { bytes: gz, ranges: false, cuts: [100_000, 100_000] } })
  expect((await run([`${s.url}/i.gz`], { sha256: sha(gz) })).sent.size).toBe(gz.length)
  expect(same(has('image'), image)).toBe(true)
})

describe('servers in turn', () => {
  test('the next when one has it not, and when one has something else', async () => {
    const failed: string[] = []
    const wrong = new Uint8Array(gzipSync(image.subarray(9)))
    const s = await serve({ '/wrong.gz': { bytes: wrong }, '/i.gz': { bytes: gz } })
    const got = await run([`${s.url}/none.gz`, `${s.url}/wrong.gz`, `${s.url}/i.gz`], {
      sha256: sha(gz),
      failed: (url, why) => failed.push(`${url.slice(s.url.length)}: ${why}`),
    })
    expect(got.url).toBe(`${s.url}/i.gz`)
    expect(failed).toEqual([
      '/none.gz: 404 not found',
      `/wrong.gz: checksum wrong: SHA-256 is ${sha(wrong)}, not ${sha(gz)}`,
    ])
    expect(same(has('image'), image)).toBe(true)
  })

  test('a part of one is gone on with at another when a sum will tell', async () => {
    const s = await serve({
      '/a.gz': { bytes: gz, etag: '"a"', cuts: [600_000], statuses: [0, 404, 404] },
      '/b.gz': { bytes: gz, etag: '"b"' },
    })
    const got = await run([`${s.url}/a.gz`, `${s.url}/b.gz`], { sha256: sha(gz) })
    expect(got.url).toBe(`${s.url}/b.gz`)
    expect(got.moved).toBe(gz.length)
    expect(same(has('image'), image)).toBe(true)
  })

  test('why each failed', async () => {
    const s = await serve({ '/a': { bytes: gz, statuses: [403] }, '/b': { bytes: gz, statuses: [500] } })
    await expect(run([`${s.url}/a`, `${s.url}/b`, 'http://127.0.0.1:1/c'])).rejects.toThrow(
      `${s.url}/a: 403 forbidden; ${s.url}/b: 500 internal server error; http://127.0.0.1:1/c: `,
    )
  })
})

describe('what is never taken as good', () => {
  test('a wrong sum: what came is thrown away', async () => {
    const s = await serve({ '/i.gz': { bytes: gz, etag: '"1"' } })
    await expect(run([`${s.url}/i.gz`], { sha256: sha(image.subarray(1)) })).rejects.toThrow('checksum wrong')
    expect(has('part').length).toBe(0)
    expect((await run([`${s.url}/i.gz`], { sha256: sha(gz) })).moved).toBe(gz.length)
  })

  test('a compressed file that is damaged, or whose own end is missing', async () => {
    const damaged = gz.slice()
    damaged[gz.length >> 1]! ^= 0xff
    const s = await serve({ '/d.gz': { bytes: damaged }, '/s.gz': { bytes: gz.subarray(0, gz.length - 9) } })
    for (const name of ['d.gz', 's.gz']) await expect(run([`${s.url}/${name}`])).rejects.toThrow('corrupted data')
    expect(has('part').length).toBe(0)
  })

  test('a file of another size than is known', async () => {
    const s = await serve({ '/i.gz': { bytes: gz } })
    await expect(run([`${s.url}/i.gz`], { size: 5 })).rejects.toThrow(`size is ${gz.length} bytes, not 5`)
  })

  test('one that the server does not send to its end', async () => {
    const s = await serve({ '/i.gz': { bytes: gz, etag: '"1"', cuts: [100_000, ...Array(20).fill(0)] } })
    await expect(run([`${s.url}/i.gz`])).rejects.toThrow('connection lost at byte 100000')
    expect(same(has('part'), gz.subarray(0, 100_000))).toBe(true)
  })
})

describe('what is published', () => {
  const known = (s: Httpserver): Known => ({
    name: '9front',
    machine: '386',
    release: 100,
    at: [`${s.url}/iso/`, `${s.url}/mirror/`],
    announced: `${s.url}/releases/`,
  })
  const text = (t: string): Served => ({ bytes: new TextEncoder().encode(t) })
  const sum = 'ab'.repeat(32)

  test('the newest that is listed, for the machine, and the sum that its announcement gives', async () => {
    const s = await serve({
      '/iso/': text(
        '<a href="9front-99.386.iso.gz">x</a> <a href="9front-12000.386.iso.gz"> 9front-13000.amd64.iso.gz',
      ),
      '/releases/': text('<a href="/releases/2025/01/02/0/">old</a> <a href="/releases/2026/08/02/0/">new</a>'),
      '/releases/2026/08/02/0/': text(
        `<pre>${'cd'.repeat(32)}  9front-12000.amd64.iso.gz\n${sum}  <a href="x">9front-12000.386.iso.gz</a>\n</pre>`,
      ),
    })
    expect(await published(known(s))).toEqual({
      file: '9front-12000.386.iso.gz',
      urls: [`${s.url}/iso/9front-12000.386.iso.gz`, `${s.url}/mirror/9front-12000.386.iso.gz`],
      sha256: sum,
      notes: [],
    })
  })

  test('without a listing the one that is known, and it is said what could not be had', async () => {
    const s = await serve({ '/releases/': text('2026/08/02/0'), '/releases/2026/08/02/0/': text('no sums') })
    const p = await published(known(s))
    expect(p.file).toBe('9front-100.386.iso.gz')
    expect(p.sha256).toBeUndefined()
    expect(p.notes).toEqual([
      `${s.url}/iso/: 404 not found`,
      `no SHA-256 of 9front-100.386.iso.gz is announced at ${s.url}/releases/`,
    ])
  })

  test.each([
    [`SHA256 (a.iso.gz) = ${sum}`, sum],
    [`${sum.toUpperCase()} *a.iso.gz`, sum],
    [`a.iso.gz: ${sum}<br>b.iso.gz: ${'0'.repeat(64)}`, sum],
    [`<tr><td>a.iso.gz<td><code>${sum}</code></tr>`, sum],
    [`b.a.iso.gz ${sum}`, undefined],
    [`a.iso.gz.torrent ${sum}`, undefined],
    [`a.iso.gz ${sum}0`, undefined],
    [`a.iso.gz ${sum}\na.iso.gz ${'0'.repeat(64)}`, undefined],
  ])('in %s', (line, found) => expect(summed(`first\n${line}\nlast`, 'a.iso.gz')).toBe(found))
})
