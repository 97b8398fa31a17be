import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { Client, type Fid } from '../../plan9/9p/client.ts'
import { DMDIR, OEXCL, ORCLOSE, ORDWR, OREAD, OTRUNC, OWRITE } from '../../plan9/9p/const.ts'
import type { Transport } from '../../plan9/9p/transport.ts'
import { serve } from '../../web/serve.mjs'
import { launch, top } from './browser.ts'

let browser: Browser
let server: { url: string; close(): Promise<void> }
let dir: string
let page: Page
let count = 0

beforeAll(async () => {
  browser = await launch()
  dir = mkdtempSync(join(tmpdir(), '9ml-opfs-'))
  await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      outDir: dir,
      lib: { entry: join(top, 'tests/web/opfs.worker.ts'), formats: ['es'], fileName: () => 'worker.js' },
    },
  })
  writeFileSync(join(dir, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><title>opfs</title>')
  server = await serve({ dir })
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await server?.close()
  rmSync(dir, { recursive: true, force: true })
})

interface Relay {
  tonode(base64: string): void
  fromnode: MessagePort
}

/** The store of OPFS directory `name`, served in a Worker of the browser; its bytes are carried here. */
async function connect(name: string): Promise<Client> {
  const early: Uint8Array[] = []
  let onmessage: ((msg: Uint8Array) => void) | undefined
  const slot = `tonode${++count}`
  await page.exposeFunction(slot, (base64: string) => {
    const msg = new Uint8Array(Buffer.from(base64, 'base64'))
    if (onmessage) onmessage(msg)
    else early.push(msg)
  })
  await page.evaluate(
    async ({ name, slot }) => {
      const w = globalThis as unknown as Relay & Record<string, (base64: string) => void>
      const worker = new Worker('/worker.js', { type: 'module' })
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
        let text = ''
        for (const byte of new Uint8Array(data)) text += String.fromCharCode(byte)
        w[slot]!(btoa(text))
      }
      w.fromnode = port1
      const ready = new Promise((resolve, reject) => {
        worker.onmessage = resolve
        worker.onerror = reject
      })
      worker.postMessage({ name, port: port2 }, [port2])
      await ready
    },
    { name, slot },
  )
  const transport: Transport = {
    send: msg =>
      page.evaluate(base64 => {
        const bytes = Uint8Array.from(atob(base64), ch => ch.charCodeAt(0))
        ;(globalThis as unknown as Relay).fromnode.postMessage(bytes.buffer, [bytes.buffer])
      }, Buffer.from(msg).toString('base64')),
    start(message) {
      onmessage = message
      for (const msg of early.splice(0)) message(msg)
    },
    close() {},
  }
  return Client.connect(transport, { msize: 8216 })
}

beforeEach(async () => {
  page = await (await browser.newContext()).newPage()
  await page.goto(server.url)
})
afterEach(async () => {
  await page.context().close()
})

async function attach(name = 'home'): Promise<Fid> {
  return (await connect(name)).attach('glenda', '')
}

/** The same files, as another page finds them. */
async function again(): Promise<Fid> {
  await page.reload()
  return attach()
}

async function write(root: Fid, path: string[], text: string): Promise<void> {
  const fid = await root.walk(path.slice(0, -1))
  await fid.create(path.at(-1)!, 0o664, OWRITE)
  await fid.write(new TextEncoder().encode(text), 0)
  await fid.clunk()
}

async function read(root: Fid, path: string[]): Promise<string> {
  const fid = await root.walk(path)
  await fid.open(OREAD)
  const text = new TextDecoder().decode(await fid.readAll())
  await fid.clunk()
  return text
}

async function names(root: Fid, path: string[] = []): Promise<string[]> {
  const fid = await root.walk(path)
  await fid.open(OREAD)
  const dirs = await fid.readdir()
  await fid.clunk()
  return dirs.map(d => d.name).sort()
}

/** Until the sidecar has been written: it is, a moment after the last change. */
const settled = () => page.waitForTimeout(400)

test('files, directories, modes, times and qid paths outlast the page', async () => {
  let root = await attach()
  await write(root, ['a'], 'alpha')
  const d = await root.walk([])
  await d.create('d', DMDIR | 0o755, OREAD)
  await d.clunk()
  await write(root, ['d', 'b: *?'], 'beta')
  const a = await root.walk(['a'])
  await a.wstat({ mode: 0o600, mtime: 1234567890 })
  const before = await a.stat()
  await settled()

  root = await again()
  expect(await names(root)).toEqual(['a', 'd'])
  expect(await names(root, ['d'])).toEqual(['b: *?'])
  expect(await read(root, ['d', 'b: *?'])).toBe('beta')
  const after = await (await root.walk(['a'])).stat()
  expect(after).toMatchObject({ mode: 0o600, mtime: 1234567890, length: 5n, name: 'a', uid: 'glenda' })
  expect(after.qid.path).toBe(before.qid.path)
})

test('without its sidecar, or with half of it, every file is still there', async () => {
  let root = await attach()
  await write(root, ['a'], 'alpha')
  await settled()
  for (const content of ['', '{"seq":9,"next":3,"fi', '{"seq":9,"next":3,"files":{"a":{"q":-1}}}']) {
    await page.reload()
    await page.evaluate(async text => {
      const top = await (await navigator.storage.getDirectory()).getDirectoryHandle('home')
      for (const name of ['index.0', 'index.1']) {
        const w = await (await top.getFileHandle(name)).createWritable()
        await w.write(text)
        await w.close()
      }
    }, content)
    root = await attach()
    expect(await names(root)).toEqual(['a'])
    expect(await read(root, ['a'])).toBe('alpha')
    expect((await (await root.walk(['a'])).stat()).mode).toBe(0o664)
  }
})

test('a rename keeps content, qid and what is below; a name that is taken is refused', async () => {
  let root = await attach()
  await write(root, ['a'], 'alpha')
  await write(root, ['b'], 'beta')
  const d = await root.walk([])
  await d.create('d', DMDIR | 0o775, OREAD)
  await d.clunk()
  await write(root, ['d', 'below'], 'deep')
  const a = await root.walk(['a'])
  await expect(a.wstat({ name: 'b' })).rejects.toThrow('file already exists')
  const { path } = a.qid
  await a.wstat({ name: 'a2' })
  expect((await a.stat()).name).toBe('a2')
  await (await root.walk(['d'])).wstat({ name: 'e' })
  expect(await read(root, ['e', 'below'])).toBe('deep')
  await settled()
  root = await again()
  expect(await names(root)).toEqual(['a2', 'b', 'e'])
  expect(await read(root, ['a2'])).toBe('alpha')
  expect(await read(root, ['e', 'below'])).toBe('deep')
  expect((await root.walk(['a2'])).qid.path).toBe(path)
})

test('truncation by open and by wstat, a write past the end, and two readers of one file', async () => {
  const root = await attach()
  await write(root, ['a'], '0123456789')
  const f = await root.walk(['a'])
  await f.open(ORDWR)
  await f.wstat({ length: 4n })
  await f.write(new TextEncoder().encode('X'), 6)
  expect(await read(root, ['a'])).toBe('0123\0\0X')
  await f.wstat({ length: 9n })
  expect((await f.stat()).length).toBe(9n)
  const g = await root.walk(['a'])
  await g.open(OWRITE | OTRUNC)
  expect((await f.readAll()).length).toBe(0)
  expect((await f.stat()).qid.vers).toBeGreaterThan(0)
})

test('big content goes through whole, in messages of 8 KB', async () => {
  const root = await attach()
  const data = new Uint8Array(300_001).map((_, i) => (i * 7919) >> 3)
  const f = await root.walk([])
  await f.create('big', 0o664, ORDWR)
  expect(await f.write(data, 0)).toBe(data.length)
  expect(await f.read(data.length, 0)).toEqual(data)
})

test('what is not allowed is refused in the words of Plan 9', async () => {
  const root = await attach()
  await write(root, ['a'], 'alpha')
  const d = await root.walk([])
  await d.create('d', DMDIR | 0o775, OREAD)
  await d.clunk()
  await write(root, ['d', 'x'], '')
  await expect(root.walk(['none'])).rejects.toThrow('file does not exist')
  await expect((await root.walk([])).create('a', 0o664, OWRITE | OEXCL)).rejects.toThrow('file already exists')
  await expect((await root.walk(['d'])).remove()).rejects.toThrow('directory not empty')
  await expect((await root.walk(['d'])).wstat({ length: 3n })).rejects.toThrow('file is a directory')
  await expect((await root.walk([])).remove()).rejects.toThrow('permission denied')
  const a = await root.walk(['a'])
  await a.wstat({ mode: 0o444 })
  await expect((await root.walk(['a'])).open(OWRITE)).rejects.toThrow('permission denied')
  await expect(a.wstat({ uid: 'bob' })).rejects.toThrow('permission denied')
  expect(await read(root, ['a'])).toBe('alpha')
})

test('remove takes a file that is open; ORCLOSE removes at clunk', async () => {
  let root = await attach()
  await write(root, ['a'], 'alpha')
  const reader = await root.walk(['a'])
  await reader.open(OREAD)
  await (await root.walk(['a'])).remove()
  await expect(reader.readSome(1, 0)).rejects.toThrow('file does not exist')
  const t = await root.walk([])
  await t.create('tmp', 0o664, OWRITE | ORCLOSE)
  expect(await names(root)).toEqual(['tmp'])
  await t.clunk()
  expect(await names(root)).toEqual([])
  root = await again()
  expect(await names(root)).toEqual([])
})

test('a full disk is "file system full", and what was there stays', async () => {
  const root = await attach()
  await write(root, ['a'], 'alpha')
  const session = await page.context().newCDPSession(page)
  await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(server.url).origin, quotaSize: 200_000 })
  const f = await root.walk([])
  await f.create('big', 0o664, OWRITE)
  const data = new Uint8Array(8000)
  const fill = async () => {
    for (let at = 0; at < 4_000_000; at += data.length) await f.write(data, at)
  }
  await expect(fill()).rejects.toThrow('file system full')
  await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(server.url).origin })
  expect(await read(root, ['a'])).toBe('alpha')
})
