import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'
import type { PackEntry } from './root.ts'

/** Files of at least this many bytes are assets of their own, fetched when they are first read. */
const BIG = 64 * 1024

/** So are all files here, which a session that starts no guest never reads. */
const APART = /^(386|amd64)\/bin\//

/** Small files that few sessions read, each kind together in an asset, fetched when one of them is first read. */
const TOGETHER: [string, RegExp][] = [
  ['man', /^sys\/man\//],
  ['src', /^(386|amd64|sys)\/(include|src)\//],
]

interface Root {
  /** As root.ts reads it, gzipped. */
  pack: Uint8Array
  packName: string
  /** By asset name. */
  assets: Map<string, Uint8Array>
}

function hash(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 10)
}

function* walk(dir: string, under = ''): Iterable<string> {
  const entries = readdirSync(join(dir, under), { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = under ? `${under}/${entry.name}` : entry.name
    if (entry.isDirectory()) {
      yield `${path}/`
      yield* walk(dir, path)
    } else yield path
  }
}

/**
 * The pack of the tree at `dir`: length of the index (u32, little-endian), the index (JSON), then the small files' bytes
 * one after another in its order. `asset` names a big file's asset, or one, gzipped, that it is a part of.
 */
export function pack(dir: string): Root {
  const entries: PackEntry[] = []
  const small: Uint8Array[] = []
  const assets = new Map<string, Uint8Array>()
  const bundles = new Map<string, { entries: PackEntry[]; data: Uint8Array[]; length: number }>()
  for (const path of walk(dir)) {
    if (path.endsWith('/')) {
      entries.push({ path: path.slice(0, -1), dir: true, mode: 0o775, length: 0 })
      continue
    }
    const data = readFileSync(join(dir, path))
    const mode = statSync(join(dir, path)).mode & 0o111 ? 0o775 : 0o664
    const entry: PackEntry = { path, mode, length: data.length }
    const together = TOGETHER.find(([, where]) => where.test(path))?.[0]
    if (together !== undefined) {
      let bundle = bundles.get(together)
      if (!bundle) bundles.set(together, (bundle = { entries: [], data: [], length: 0 }))
      entry.at = bundle.length
      bundle.length += data.length
      bundle.data.push(data)
      bundle.entries.push(entry)
    } else if (data.length >= BIG || APART.test(path)) {
      entry.asset = `assets/${path.slice(path.lastIndexOf('/') + 1).replace(/(\.[^.]*)?$/, `-${hash(data)}$1`)}`
      assets.set(entry.asset, data)
    } else small.push(data)
    entries.push(entry)
  }
  for (const [name, bundle] of bundles) {
    const zipped = gzipSync(Buffer.concat(bundle.data), { level: 9 })
    const asset = `assets/${name}-${hash(zipped)}.pack`
    assets.set(asset, zipped)
    for (const entry of bundle.entries) entry.asset = asset
  }
  const index = Buffer.from(JSON.stringify(entries))
  const head = Buffer.alloc(4)
  head.writeUInt32LE(index.length)
  const packed = gzipSync(Buffer.concat([head, index, ...small]), { level: 9 })
  return { pack: packed, packName: `assets/root-${hash(packed)}.pack`, assets }
}

/**
 * Puts the distribution's tree beside the page: a pack, which index.html names in `<link id="root">`, and the big files.
 * The development server makes it at its start.
 */
export function rootPlugin(dir: string): Plugin {
  let root: Root
  return {
    name: '9ml-root',
    buildStart() {
      root = pack(dir)
    },
    configureServer(server) {
      root = pack(dir)
      server.middlewares.use((req, res, next) => {
        const name = (req.url ?? '').replace(/^\//, '').replace(/\?.*$/, '')
        const data = name === root.packName ? root.pack : root.assets.get(name)
        if (!data) return next()
        res.setHeader('Content-Type', 'application/octet-stream')
        res.end(data)
      })
    },
    transformIndexHtml: () => [
      {
        tag: 'link',
        attrs: { id: 'root', rel: 'preload', as: 'fetch', crossorigin: 'anonymous', href: `./${root.packName}` },
        injectTo: 'head',
      },
    ],
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: root.packName, source: root.pack })
      for (const [fileName, source] of root.assets) this.emitFile({ type: 'asset', fileName, source })
    },
  }
}
