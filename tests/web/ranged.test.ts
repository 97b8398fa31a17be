import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { serve } from '../../web/serve.mjs'
import { Httpserver } from '../httpserver.ts'
import { Random } from '../random.ts'
import { launch, top } from './browser.ts'

const K = 1024
const image = new Random(11).bytes(5_000_000)
const sha = (b: Uint8Array) => createHash('sha256').update(b).digest('hex')

let browser: Browser
let server: { url: string; close(): Promise<void> }
let images: Httpserver
let dir: string
let page: Page

beforeAll(async () => {
  browser = await launch()
  dir = mkdtempSync(join(tmpdir(), '9ml-ranged-'))
  await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      outDir: dir,
      lib: { entry: join(top, 'tests/web/ranged.worker.ts'), formats: ['es'], fileName: () => 'worker.js' },
    },
  })
  writeFileSync(join(dir, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><title>ranged</title>')
  server = await serve({ dir })
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await server?.close()
  rmSync(dir, { recursive: true, force: true })
})

beforeEach(async () => {
  // Of another site, which lets pages read its files and does not show them Content-Range or ETag.
  images = await Httpserver.start({
    '/i.iso': { bytes: image, cors: true, etag: '"1"', modified: 1_700_000_000 },
    '/i.iso.gz': { bytes: new Uint8Array(gzipSync(image)), cors: true, modified: 1_700_000_000 },
    '/whole.iso': { bytes: image, cors: true, ranges: false },
  })
  page = await (await browser.newContext()).newPage()
  await begin()
})
afterEach(async () => {
  await page.context().close()
  await images.close()
})

/** Loads the page, anew the second time, with a new Worker. */
async function begin(): Promise<void> {
  await page.goto(server.url)
  await page.evaluate(() => {
    ;(globalThis as unknown as { worker: Worker }).worker = new Worker('/worker.js', { type: 'module' })
  })
}

async function call<T>(name: string, ...args: unknown[]): Promise<T> {
  const { value, error } = await page.evaluate(
    message => {
      const { worker } = globalThis as unknown as { worker: Worker }
      return new Promise<{ value?: unknown; error?: string }>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = e => reject(new Error(e.message))
        worker.postMessage(message)
      })
    },
    { name, args },
  )
  if (error !== undefined) throw new Error(error)
  return value as T
}

interface Told {
  size: number
  sum: string
  moved: number
}

test('what was read is there after a reload, and does not move again', async () => {
  const url = `${images.url}/i.iso`
  expect(await call<Told>('open', url)).toEqual({ size: image.length, moved: 1 })
  const first = await call<Told>('read', 300 * K, 600 * K)
  expect(first.sum).toBe(sha(image.subarray(300 * K, 900 * K)))
  expect(first.moved).toBe(1 + 3 * 256 * K)

  await begin()
  images.requests.length = 0
  expect(await call<Told>('open', url)).toEqual({ size: image.length, moved: 1 })
  expect(await call<Told>('read', 300 * K, 600 * K)).toEqual({ sum: first.sum, moved: 1 })
  expect(images.requests.filter(r => r.range !== 'bytes=0-0' && r.range !== 'bytes=0-')).toEqual([])

  // What was not read is fetched, the end of the image too.
  const rest = await call<Told>('read', image.length - 100, 1000)
  expect(rest.sum).toBe(sha(image.subarray(image.length - 100)))
  expect(rest.moved).toBe(1 + (image.length % (256 * K)))
})

test('another image at the same address is not taken for the one before', async () => {
  const url = `${images.url}/i.iso`
  await call('open', url)
  await call('read', 0, 100)
  const other = image.map(b => b ^ 1)
  images.files['/i.iso'] = { bytes: other, cors: true, etag: '"2"', modified: 1_700_000_001 }
  await begin()
  await call('open', url)
  expect((await call<Told>('read', 0, 100)).sum).toBe(sha(other.subarray(0, 100)))
})

test('a server that sends no ranges is refused', async () => {
  await expect(call('open', `${images.url}/whole.iso`)).rejects.toThrow('server sends no ranges: fetch the file whole')
})

test('an image is fetched whole, expanded, and gone on with after a reload', async () => {
  const url = `${images.url}/i.iso.gz`
  images.files['/i.iso.gz']!.hold = 2_000_000
  await expect(call('fetch', url, 1_900_000)).rejects.toThrow('interrupted')
  images.go()
  await begin()
  const got = await call<{ moved: number; sent: { size: number }; image: { sha256: string } }>('fetch', url)
  expect(got.image.sha256).toBe(sha(image))
  expect(got.moved).toBeLessThanOrEqual(got.sent.size - 1_900_000)
})
