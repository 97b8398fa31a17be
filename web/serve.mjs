// Serves the built page as static files, with what a static host should send: types, caching, compression, and the two
// headers that make the page cross-origin isolated. Plain Node, no packages.

import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
}
const compressible = new Set(['.html', '.js', '.mjs', '.css', '.json', '.svg', '.wasm', '.txt'])
const compress = promisify(gzip)

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * Serves `dir` until `close`. `port` 0 takes a free one. Without `isolated` the COOP and COEP headers are left out, as
 * on a host that cannot send them. `onresponse` gets each answer's path, status and body length in bytes as sent.
 *
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 * @throws the listen error, with a sentence when the port is taken
 */
export function serve({ dir, port = 0, host = '127.0.0.1', isolated = true, onresponse = () => {} }) {
  /** gzip of a file, by path and modification time: made once. */
  const packed = new Map()

  async function gzipped(path, mtimeMs) {
    const key = `${path} ${mtimeMs}`
    if (!packed.has(key))
      packed.set(
        key,
        readFile(path).then(data => compress(data, { level: 9 })),
      )
    return packed.get(key)
  }

  async function answer(req, res) {
    if (req.method !== 'GET' && req.method !== 'HEAD') return end(res, 405, 'method not allowed')
    const { pathname } = new URL(req.url ?? '/', 'http://localhost')
    const name = normalize(decodeURIComponent(pathname))
    let path = join(dir, name)
    if (name.includes('\0') || !(path + sep).startsWith(normalize(dir + sep))) return end(res, 403, 'forbidden')
    let st = await stat(path).catch(() => undefined)
    if (st?.isDirectory()) {
      path = join(path, 'index.html')
      st = await stat(path).catch(() => undefined)
    }
    if (!st?.isFile()) return end(res, 404, 'not found')

    const ext = extname(path)
    const hashed = name.startsWith(`${sep}assets${sep}`)
    const etag = `"${st.size.toString(16)}-${Math.trunc(st.mtimeMs).toString(16)}"`
    const headers = {
      'Content-Type': types[ext] ?? 'application/octet-stream',
      'Cache-Control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      'X-Content-Type-Options': 'nosniff',
      Vary: 'Accept-Encoding',
      ETag: etag,
      ...(isolated ? isolation : {}),
      // Other sites may have the element of web/embed.ts.
      ...(name === `${sep}embed.js`
        ? { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' }
        : {}),
    }
    if (req.headers['if-none-match'] === etag) {
      onresponse(pathname, 304, 0)
      res.writeHead(304, headers).end()
      return
    }
    if (compressible.has(ext) && /\bgzip\b/.test(req.headers['accept-encoding'] ?? '')) {
      const body = await gzipped(path, st.mtimeMs)
      onresponse(pathname, 200, body.length)
      res.writeHead(200, { ...headers, 'Content-Encoding': 'gzip', 'Content-Length': body.length })
      res.end(req.method === 'HEAD' ? undefined : body)
      return
    }
    onresponse(pathname, 200, st.size)
    res.writeHead(200, { ...headers, 'Content-Length': st.size })
    if (req.method === 'HEAD') res.end()
    else
      createReadStream(path)
        .on('error', () => res.destroy())
        .pipe(res)
  }

  const server = createServer((req, res) => {
    answer(req, res).catch(() => (res.headersSent ? res.destroy() : end(res, 400, 'bad request')))
  })
  return new Promise((resolve, reject) => {
    server.once('error', err => {
      if (err.code === 'EADDRINUSE') err.message = `port ${port} is in use; choose another with --port`
      reject(err)
    })
    server.listen(port, host, () => {
      const { port: bound } = server.address()
      const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
      resolve({
        url: `http://${name}:${bound}/`,
        close: () =>
          new Promise(done => {
            server.close(() => done())
            server.closeAllConnections()
          }),
      })
    })
  })
}

function end(res, status, text) {
  res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}
