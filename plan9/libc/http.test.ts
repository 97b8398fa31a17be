import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Httpserver, type Served } from '../../tests/httpserver.ts'
import { Webfile, type WebOptions } from './http.ts'
import { Progress } from './progress.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const o of open.splice(0)) await o.close()
})

const contents = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff)
const bytes = contents(12_000_000)

async function serve(f: Partial<Served> = {}): Promise<{ server: Httpserver; file: Served; url: string }> {
  const file = { bytes, ...f }
  const server = await Httpserver.start({ '/f': file })
  open.unshift(server)
  return { server, file, url: `${server.url}/f` }
}

async function get(url: string, o: WebOptions = {}): Promise<Webfile> {
  const web = await Webfile.open(url, { waits: [1, 2, 4], ...o })
  open.unshift(web)
  return web
}

/** All from `at` on, in reads of `n`. */
async function all(web: Webfile, n: number, at = 0): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (;;) {
    const b = await web.read(at, n)
    parts.push(b)
    at += b.length
    if (b.length < n) return Buffer.concat(parts)
  }
}

const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

describe('a file on the web', () => {
  it('is read from end to end by one request', async () => {
    const { server, url } = await serve({ modified: 1_000_000_000 })
    const web = await get(url)
    expect(web).toMatchObject({ size: bytes.length, start: 0, mtime: 1_000_000_000 })
    expect(equal(await all(web, 1_000_000), bytes)).toBe(true)
    expect(server.requests.map(r => r.range)).toEqual(['bytes=0-'])
    expect(server.requests[0]!.headers['accept-encoding']).toBe('identity')
    expect((await web.read(bytes.length, 10)).length).toBe(0)
  })

  it('is not read far ahead of its reader', async () => {
    const { server, url } = await serve({ bytes: new Uint8Array(100_000_000) })
    const web = await get(url)
    await web.read(0, 10)
    let before = -1
    while (before !== server.requests[0]!.sent) {
      before = server.requests[0]!.sent
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    expect(before).toBeLessThan(30_000_000)
    web.close()
  })

  it('gives a little behind and ahead again without another request; far away by a range', async () => {
    const { server, url } = await serve()
    const web = await get(url)
    expect(equal(await web.read(0, 16), bytes.subarray(0, 16))).toBe(true)
    expect(equal(await web.read(0, 256), bytes.subarray(0, 256))).toBe(true)
    expect(equal(await web.read(2_000_000, 500_000), bytes.subarray(2_000_000, 2_500_000))).toBe(true)
    expect(equal(await web.read(1_500_000, 900_000), bytes.subarray(1_500_000, 2_400_000))).toBe(true)
    expect(server.requests.length).toBe(1)
    expect(equal(await web.read(11_500_000, 9_999_999), bytes.subarray(11_500_000))).toBe(true)
    expect(equal(await web.read(5, 5), bytes.subarray(5, 10))).toBe(true)
    expect(server.requests.map(r => r.range)).toEqual(['bytes=0-', 'bytes=11500000-', 'bytes=5-'])
  })

  it('is taken up where its connection was lost', async () => {
    const { server, url } = await serve({ cuts: [1_000_000, 3, 0, 2_500_000], etag: '"a"' })
    const web = await get(url)
    expect(equal(await all(web, 700_000), bytes)).toBe(true)
    const ranges = server.requests.map(r => Number(/^bytes=(\d+)-$/.exec(r.range!)![1]))
    expect(ranges.length).toBe(5)
    expect(ranges).toEqual([...ranges].sort((a, b) => a - b))
    expect(ranges[1]).toBeLessThanOrEqual(1_000_000)
  })

  it('is given up after so many tries, and says where', async () => {
    const { server, url, file } = await serve({ cuts: [500_000, 0, 0, 0, 0] })
    const web = await get(url)
    await expect(all(web, 100_000)).rejects.toThrow(/^connection lost at byte \d+$/)
    expect(server.requests.length).toBe(4)
    file.cuts = []
    expect(equal(await web.read(6_000_000, 100_000), bytes.subarray(6_000_000, 6_100_000))).toBe(true)
  })

  it('is tried again while the server is busy, and not when the file is gone', async () => {
    const { url } = await serve({ cuts: [1_000_000, 1_000_000], statuses: [0, 503, 429, 0, 404] })
    const web = await get(url)
    const text = await all(web, 500_000).catch((e: Error) => e.message)
    expect(text).toBe('404 not found')
  })

  it.each<[string, Partial<Served>]>([
    ['ETag', { etag: '"b"' }],
    ['Last-Modified', { modified: 1_000_000_001 }],
    ['size', { bytes: bytes.slice(0, -1) }],
    ['size, shorter than what came', { bytes: bytes.slice(0, 100) }],
  ])('that has changed meanwhile is refused: %s', async (_, change) => {
    const { server, url, file } = await serve({ cuts: [1_000_000], etag: '"a"', modified: 1_000_000_000 })
    const web = await get(url, { waits: [50] })
    await web.read(0, 10)
    while (server.requests[0]!.broken === false) await new Promise(resolve => setTimeout(resolve, 1))
    Object.assign(file, change)
    await expect(all(web, 500_000)).rejects.toThrow('file changed')
  })

  it('of a server without ranges is read in order, and no other way', async () => {
    const { server, url } = await serve({ ranges: false })
    const web = await get(url)
    expect(equal(await web.read(0, 100), bytes.subarray(0, 100))).toBe(true)
    expect(equal(await web.read(10_000_000, 100), bytes.subarray(10_000_000, 10_000_100))).toBe(true)
    expect(server.requests.length).toBe(1)
    await expect(web.read(100, 100)).rejects.toThrow('server sends no ranges: cannot go on from byte 100')
    expect(equal(await web.read(0, 100), bytes.subarray(0, 100))).toBe(true)
  })

  it('of a server without ranges is not taken up again', async () => {
    const { url } = await serve({ ranges: false, cuts: [1_000_000] })
    await expect(all(await get(url), 500_000)).rejects.toThrow(/^server sends no ranges: cannot go on from byte \d+$/)
  })

  it('of a server that sends less than was asked for comes in ranges', async () => {
    const { server, url } = await serve({ most: 5_000_000 })
    const web = await get(url, { waits: [] })
    expect(equal(await all(web, 1_000_000), bytes)).toBe(true)
    expect(server.requests.map(r => r.range)).toEqual(['bytes=0-', 'bytes=5000000-', 'bytes=10000000-'])
  })

  it('whose size nobody tells is read to its end', async () => {
    const { url } = await serve({ claims: null, ranges: false })
    const web = await get(url)
    expect(web.size).toBeUndefined()
    expect(equal(await all(web, 1_000_000), bytes)).toBe(true)
  })

  it('may be empty, or come by way of another address', async () => {
    const { server, url } = await serve({ bytes: new Uint8Array(0), statuses: [302] })
    server.files['/moved/f'] = { bytes: new Uint8Array([1, 2, 3]) }
    expect(await all(await get(url), 10)).toEqual(Buffer.from([1, 2, 3]))
    const empty = await get(url)
    expect(empty.size).toBe(0)
    expect((await empty.read(0, 10)).length).toBe(0)
  })

  it('may begin later; all of it comes where the server has no ranges', async () => {
    const { url, file } = await serve()
    const web = await get(url, { from: 11_000_000 })
    expect(web).toMatchObject({ start: 11_000_000, size: bytes.length })
    expect(equal(await web.readSome(11_000_000, 10), bytes.subarray(11_000_000, 11_000_010))).toBe(true)
    expect(await get(url, { from: bytes.length })).toMatchObject({ start: bytes.length, size: bytes.length })
    file.ranges = false
    expect(await get(url, { from: 11_000_000 })).toMatchObject({ start: 0, size: bytes.length })
  })

  it('that stalls is asked for again', async () => {
    const { server, url } = await serve({ hold: 1_000_000 })
    const web = await get(url, { stall: 100, waits: [1, 1, 1, 1, 1, 1, 1, 1] })
    const reading = all(web, 1_000_000)
    while (server.requests.length < 2) await new Promise(resolve => setTimeout(resolve, 1))
    server.go()
    expect(equal(await reading, bytes)).toBe(true)
    expect(server.requests[0]!.broken).toBe(true)
  })

  it('says why it cannot be opened', async () => {
    const { server, url } = await serve({ statuses: [500, 403, 418] })
    await expect(Webfile.open(url)).rejects.toThrow('500 internal server error')
    await expect(Webfile.open(url)).rejects.toThrow('403 forbidden')
    await expect(Webfile.open(url)).rejects.toThrow("418 i'm a teapot")
    await expect(Webfile.open(`${server.url}/nothing`)).rejects.toThrow('404 not found')
    await expect(Webfile.open('http://')).rejects.toThrow('bad url')
    const nobody = createServer()
    const port = await new Promise<number>(resolve => {
      nobody.listen(0, '127.0.0.1', () => resolve((nobody.address() as { port: number }).port))
    })
    await new Promise(resolve => nobody.close(resolve))
    await expect(Webfile.open(`http://127.0.0.1:${port}/`)).rejects.toThrow('connection refused')
  })

  it('ends at once when it is interrupted or closed, and lets go of its connection', async () => {
    const { server, url } = await serve({ hold: 100 })
    const web = await get(url)
    const note = new AbortController()
    const reading = web.read(0, 1000, { signal: note.signal })
    while (server.requests[0]?.sent !== 100) await new Promise(resolve => setTimeout(resolve, 1))
    note.abort()
    await expect(reading).rejects.toThrow('interrupted')
    expect((await web.read(0, 100)).length).toBe(100)
    const another = web.read(0, 1000)
    web.close()
    await expect(another).rejects.toThrow('interrupted')
    while (!server.requests[0]!.broken) await new Promise(resolve => setTimeout(resolve, 1))
    await expect(Webfile.open(url, { signal: AbortSignal.abort() })).rejects.toThrow('interrupted')
  })
})

it('progress counts bytes, and its rate is that of the last seconds', () => {
  let now = 0
  const p = new Progress(() => now)
  expect(String(p)).toBe('0 bytes 0.0 MB/s')
  p.size = 50_000_000
  for (; now < 10_000; now += 50) p.add(100_000)
  now = 9950
  expect(p.bytes).toBe(20_000_000)
  expect(String(p)).toBe('20000000/50000000 bytes 2.0 MB/s')
  now = 10_900
  expect(p.rate()).toBeLessThan(1.5e6)
  now = 13_000
  expect(p.rate()).toBe(0)
  p.add(1e9)
  expect(p.bytes).toBe(50_000_000)
})
