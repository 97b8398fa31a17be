import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A file as the server has it, and how badly it sends it. */
export interface Served {
  bytes: Uint8Array
  etag?: string
  /** Last-Modified, in seconds since the epoch. */
  modified?: number
  /** Whether ranges are known; true unless told. */
  ranges?: boolean
  /** A range has as many bytes at most. */
  most?: number
  /** For each answer in turn, bytes of the body after which the connection is cut. */
  cuts?: number[]
  /** For each request in turn, a status instead of the file; 0 is none. */
  statuses?: number[]
  /** Content-Length, or the size in Content-Range, where it is to be another; null for a body of unknown length. */
  claims?: number | null
  /** Sends nothing behind this byte of the file, and keeps the connection; `go` sends the rest. */
  hold?: number
  /** Whether pages of other sites may read it, as a browser asks. */
  cors?: boolean
}

export interface Request {
  path: string
  range: string | undefined
  headers: IncomingMessage['headers']
  /** Bytes of the body that were sent. */
  sent: number
  /** The connection was closed before the end of the answer. */
  broken: boolean
}

/** An HTTP server on a free port of this machine. */
export class Httpserver {
  readonly files: Record<string, Served>
  readonly requests: Request[] = []
  url = ''
  #server: Server
  #held: (() => void)[] = []

  private constructor(files: Record<string, Served>) {
    this.files = files
    this.#server = createServer((req, res) => {
      this.#answer(req, res).catch(() => res.destroy())
    })
  }

  static async start(files: Record<string, Served>): Promise<Httpserver> {
    const s = new Httpserver(files)
    await new Promise<void>(resolve => s.#server.listen(0, '127.0.0.1', resolve))
    s.url = `http://127.0.0.1:${(s.#server.address() as AddressInfo).port}`
    return s
  }

  /** Lets those go on that `hold` holds. */
  go(): void {
    for (const f of Object.values(this.files)) delete f.hold
    for (const go of this.#held.splice(0)) go()
  }

  async close(): Promise<void> {
    this.go()
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = req.url ?? '/'
    const { range } = req.headers
    const seen: Request = { path, range, headers: req.headers, sent: 0, broken: false }
    this.requests.push(seen)
    const closed = new Promise<void>(resolve => {
      res.on('close', () => {
        seen.broken = !res.writableFinished
        resolve()
      })
    })
    const f = this.files[path]
    const status = f ? f.statuses?.shift() : 404
    if (!f || status) {
      const moved = status === 302 ? { Location: `/moved${path}` } : {}
      res.writeHead(status ?? 404, moved).end('not this\n')
      return
    }
    const size = f.claims ?? f.bytes.length
    const asked = f.ranges === false ? null : /^bytes=(\d+)-(\d*)$/.exec(range ?? '')
    const start = asked ? Number(asked[1]) : 0
    const last = asked?.[2] ? Number(asked[2]) : size - 1
    const end = Math.min(size, last + 1, asked && f.most ? start + f.most : size)
    const headers: Record<string, string | number> = {
      ...(f.etag ? { ETag: f.etag } : {}),
      ...(f.modified ? { 'Last-Modified': new Date(f.modified * 1000).toUTCString() } : {}),
      ...(f.cors ? { 'Access-Control-Allow-Origin': '*' } : {}),
    }
    if (asked && start >= size) {
      res.writeHead(416, { ...headers, 'Content-Range': `bytes */${size}` }).end()
      return
    }
    if (asked) headers['Content-Range'] = `bytes ${start}-${end - 1}/${size}`
    if (f.claims !== null) headers['Content-Length'] = end - start
    res.writeHead(asked ? 206 : 200, headers)
    const stop = Math.min(end, start + (f.cuts?.shift() ?? Number.POSITIVE_INFINITY))
    for (let at = start; at < stop && !res.destroyed; ) {
      const piece = f.bytes.subarray(
        at,
        Math.min(stop, at + 65536, f.hold !== undefined && at < f.hold ? f.hold : stop),
      )
      if (f.hold !== undefined && at >= f.hold)
        await Promise.race([closed, new Promise<void>(resolve => this.#held.push(resolve))])
      // Behind the end of what there is, a claimed size is filled with zeros.
      const data = piece.length > 0 ? piece : new Uint8Array(Math.min(65536, stop - at))
      if (!res.write(data)) await Promise.race([closed, new Promise(resolve => res.once('drain', resolve))])
      at += data.length
      seen.sent += data.length
    }
    if (stop < end) res.destroy()
    else res.end()
  }
}
