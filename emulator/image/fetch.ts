import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { Eintr, Eio, PlanError } from '../../plan9/error.ts'
import { FlateCorrupted } from '../../plan9/libc/flate.ts'
import { Enoranges, Webfile, type WebOptions } from '../../plan9/libc/http.ts'
import type { Blocks } from '../disk/blocks.ts'

/** Fetching an image whole: from several servers in turn, going on where a try before ended, expanded as it comes. */

/** Where bytes go: a file of the host's, or of the browser's. What it throws is a PlanError. */
export interface Sink extends Blocks {
  write(offset: number, data: Uint8Array): Promise<void>
  truncate(size: number): Promise<void>
  close(): Promise<void>
}

/** What has come so far, byte for byte as it was sent. It outlasts the process, and so does a line about it. */
export interface Part extends Sink {
  /** What `keep` was given last; '' at first. */
  kept(): Promise<string>
  keep(line: string): Promise<void>
}

export interface FetchOptions extends Omit<WebOptions, 'from' | 'fresh'> {
  /** What the file as sent, or the image in it, must sum to. */
  sha256?: string
  /** Bytes that the file as sent must have. */
  size?: number
  /** Bytes that are there, of how many, and of these how many came by this call. */
  progress?(done: number, size: number | undefined, moved: number): void
  /** What went wrong at one server; another is tried. */
  failed?(url: string, why: string): void
}

export interface Sum {
  size: number
  sha256: string
}

export interface Fetched {
  url: string
  /** The file as sent; the image in it. The same, unless it was compressed. */
  sent: Sum
  image: Sum
  /** The image is in the second sink; otherwise the part itself is the image. */
  expanded: boolean
  /** Bytes that came by this call. */
  moved: number
}

const PIECE = 256 * 1024
/** How often a file is begun anew at one server. */
const STARTS = 3

/** The error of a sink: no other server helps. */
class Local extends Error {}

/** Something that another start at the same server may cure. */
class Again extends PlanError {}

/** What has come is not what it should be: it is thrown away. */
class Wrong extends PlanError {}

async function local<T>(p: Promise<T>): Promise<T> {
  try {
    return await p
  } catch (e) {
    throw e instanceof PlanError ? new Local(e.message) : e
  }
}

/** Where a part came from, as `keep` has it. */
interface Origin {
  url: string
  size?: number
  etag?: string
  mtime?: number
}

function origin(line: string): Origin | undefined {
  try {
    const o = JSON.parse(line) as Origin
    return typeof o.url === 'string' ? o : undefined
  } catch {
    return undefined
  }
}

/**
 * Fetches one file that each of `urls` has, into `part`, and what it is expanded to into `image`, which is opened when need
 * be. What has come stays in `part` whatever happens, unless its sum is wrong.
 *
 * @throws PlanError why each of the servers failed; the error of a sink; Eintr
 */
export async function download(
  urls: readonly string[],
  part: Part,
  image: () => Promise<Sink>,
  o: FetchOptions = {},
): Promise<Fetched> {
  const whys: string[] = []
  let moved = 0
  const count = (n: number) => {
    moved += n
    return moved
  }
  for (const url of urls)
    for (let starts = 1; ; starts++) {
      try {
        return { ...(await one(url, part, image, o, count)), moved }
      } catch (e) {
        if (o.signal?.aborted) throw new PlanError(Eintr)
        if (e instanceof Local) throw new PlanError(e.message)
        if (!(e instanceof PlanError)) throw e
        if (e instanceof Again && starts < STARTS) continue
        whys.push(`${url}: ${e.message}`)
        o.failed?.(url, e.message)
        break
      }
    }
  throw new PlanError(whys.join('; ') || 'no address to fetch it from')
}

async function one(
  url: string,
  part: Part,
  image: () => Promise<Sink>,
  o: FetchOptions,
  count: (n: number) => number,
): Promise<Omit<Fetched, 'moved'>> {
  const before = origin(await local(part.kept()))
  let web = await Webfile.open(url, { ...o, fresh: true, from: before ? part.size : 0 })
  const intake = new Intake(image)
  let resumed = false
  try {
    let at = before ? part.size : 0
    if (at > 0 && !(before && web.start === at && same(before, web, url, at, o))) {
      if (web.start > 0) {
        web.close()
        web = await Webfile.open(url, { ...o, fresh: true })
      }
      at = 0
    }
    const { size } = web
    if (size !== undefined && o.size !== undefined && size !== o.size)
      throw new PlanError(`size is ${size} bytes, not ${o.size}`)
    resumed = at > 0
    if (!resumed) await local(part.truncate(0))
    await local(
      part.keep(
        JSON.stringify({ url, size, etag: web.etag, mtime: web.mtime } satisfies Record<keyof Origin, unknown>),
      ),
    )
    o.progress?.(at, size, count(0))
    for (let n = 0; n < at; ) {
      const b = await local(part.read(n, Math.min(PIECE, at - n)))
      if (b.length === 0) throw new Local(Eio)
      o.signal?.throwIfAborted()
      await intake.push(b)
      n += b.length
    }
    for (;;) {
      const b = await come(web, at, o.signal)
      if (b.length === 0) break
      await local(part.write(at, b))
      await intake.push(b)
      at += b.length
      const moved = count(b.length)
      o.progress?.(at, size, moved)
    }
    if (size !== undefined && at < size) throw new Again(`cut short at byte ${at} of ${size}`)
    const sums = await intake.end()
    const { sent } = sums
    if (o.sha256 !== undefined && ![sent.sha256, sums.image.sha256].includes(o.sha256.toLowerCase()))
      throw new Wrong(`checksum wrong: SHA-256 is ${sent.sha256}, not ${o.sha256}`)
    return { url, ...sums }
  } catch (e) {
    if (!(e instanceof Wrong)) throw e
    await local(part.truncate(0))
    await local(part.keep(''))
    throw resumed ? new Again(e.message) : e
  } finally {
    web.close()
    await intake.close()
  }
}

/** More bytes. @throws Again what a new start may cure: the file changed, or the server cannot go on in its midst */
async function come(web: Webfile, at: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    return await web.readSome(at, PIECE, signal)
  } catch (e) {
    if (e instanceof PlanError && (e.message === 'file changed' || e.message.startsWith(Enoranges)))
      throw new Again(e.message)
    throw e
  }
}

/**
 * Whether a server has the file that a part is the beginning of. One that says nothing by which to know is believed by a sum
 * alone, and so is another than the part came from.
 */
function same(p: Origin, web: Webfile, url: string, at: number, o: FetchOptions): boolean {
  const { size, etag, mtime } = web
  if (size === undefined || size !== p.size || at > size) return false
  if (p.url !== url) return o.sha256 !== undefined
  if (etag !== undefined && p.etag !== undefined) return etag === p.etag
  if (mtime !== undefined && p.mtime !== undefined) return mtime === p.mtime
  return o.sha256 !== undefined
}

/** Sums what comes, and expands what is compressed by gzip. */
class Intake {
  private readonly open: () => Promise<Sink>
  private readonly hash = sha256.create()
  private size = 0
  /** The first bytes, until there are enough to tell what they are. */
  private held: Uint8Array | undefined = new Uint8Array(0)
  private gunzip: Gunzip | undefined
  private sink: Sink | undefined

  constructor(open: () => Promise<Sink>) {
    this.open = open
  }

  async push(b: Uint8Array): Promise<void> {
    this.hash.update(b)
    this.size += b.length
    if (this.held) {
      const first = new Uint8Array(this.held.length + b.length)
      first.set(this.held)
      first.set(b, this.held.length)
      this.held = first.length < 2 ? first : undefined
      if (this.held || first[0] !== 0x1f || first[1] !== 0x8b) return
      this.sink = await local(this.open())
      await local(this.sink.truncate(0))
      this.gunzip = new Gunzip(this.sink)
      b = first
    }
    await this.gunzip?.push(b)
  }

  async end(): Promise<{ sent: Sum; image: Sum; expanded: boolean }> {
    const sent = { size: this.size, sha256: bytesToHex(this.hash.digest()) }
    if (!this.gunzip) return { sent, image: sent, expanded: false }
    return { sent, image: await this.gunzip.end(), expanded: true }
  }

  async close(): Promise<void> {
    await this.gunzip?.stop()
    await this.sink?.close()
  }
}

interface Pipe {
  readonly readable: {
    getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(): Promise<void> }
  }
  readonly writable: {
    getWriter(): { write(b: Uint8Array): Promise<void>; close(): Promise<void>; abort(): Promise<void> }
  }
}

/** Expands into a sink, by the host's own zlib. */
class Gunzip {
  private readonly writer: ReturnType<Pipe['writable']['getWriter']>
  private readonly reader: ReturnType<Pipe['readable']['getReader']>
  private readonly sink: Sink
  private readonly hash = sha256.create()
  private size = 0
  private error: Error | undefined
  private readonly drained: Promise<void>

  constructor(sink: Sink) {
    this.sink = sink
    const pipe = new DecompressionStream('gzip') as Pipe
    this.writer = pipe.writable.getWriter()
    this.reader = pipe.readable.getReader()
    this.drained = this.drain().catch(e => {
      this.error ??= e instanceof Local ? e : new Wrong(FlateCorrupted)
      this.reader.cancel().catch(() => {})
    })
  }

  private async drain(): Promise<void> {
    for (;;) {
      const { done, value } = await this.reader.read()
      if (done) return
      if (!value) continue
      await local(this.sink.write(this.size, value))
      this.hash.update(value)
      this.size += value.length
    }
  }

  /** @throws Wrong, Local */
  async push(b: Uint8Array): Promise<void> {
    const written = this.writer.write(b).catch(() => this.fail())
    await Promise.race([written, this.drained])
    if (this.error) throw this.error
  }

  async end(): Promise<Sum> {
    this.writer.close().catch(() => this.fail())
    await this.drained
    if (this.error) throw this.error
    return { size: this.size, sha256: bytesToHex(this.hash.digest()) }
  }

  private fail(): void {
    this.error ??= new Wrong(FlateCorrupted)
  }

  async stop(): Promise<void> {
    this.writer.abort().catch(() => {})
    await this.drained
  }
}
