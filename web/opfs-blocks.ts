import type { Part, Sink } from '../emulator/image/fetch.ts'
import { BLOCK, type Cache, type Identity } from '../emulator/image/ranged.ts'
import { PlanError } from '../plan9/error.ts'
import { Efull } from './opfs.ts'

/** Images in the browser's origin-private file system: whole ones, and what has been read of one on the web. In a Worker. */

/** Milliseconds that a page waits for one before it to let go of a file. */
const PATIENT = 4000
/** Bytes at the beginning of a map, for the identity of what it is of. */
const HEAD = 4096

/** @throws DOMException another has the file open, or there is no OPFS */
async function handle(dir: FileSystemDirectoryHandle, name: string): Promise<FileSystemSyncAccessHandle> {
  const file = await dir.getFileHandle(name, { create: true })
  const until = performance.now() + PATIENT
  for (;;) {
    try {
      return await file.createSyncAccessHandle()
    } catch (err) {
      const busy = err instanceof DOMException && err.name === 'NoModificationAllowedError'
      if (!busy || performance.now() > until) throw err
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}

/** @throws PlanError Efull */
function put(access: FileSystemSyncAccessHandle, at: number, data: Uint8Array): void {
  let n = 0
  try {
    n = access.write(data, { at })
  } catch (err) {
    if (!(err instanceof DOMException && err.name === 'QuotaExceededError')) throw err
  }
  // Chromium answers a write for which there is no room with a count that cannot be.
  if (n !== data.length) throw new PlanError(Efull)
}

function text(access: FileSystemSyncAccessHandle, most: number): string {
  const b = new Uint8Array(most)
  return new TextDecoder().decode(b.subarray(0, access.read(b, { at: 0 })))
}

/**
 * Blocks where they are in the image, in NAME; which of them are there, by a bit of each, in NAME.map, behind whose image it is.
 * A bit is set when its block is written, so that none is believed that a browser's end left half.
 */
export class OpfsCache implements Cache {
  of: Identity | undefined
  private bits = new Uint8Array(0)
  private readonly data: FileSystemSyncAccessHandle
  private readonly map: FileSystemSyncAccessHandle

  private constructor(data: FileSystemSyncAccessHandle, map: FileSystemSyncAccessHandle) {
    this.data = data
    this.map = map
  }

  /** @throws DOMException another has it open, or there is no OPFS */
  static async open(dir: FileSystemDirectoryHandle, name: string): Promise<OpfsCache> {
    const data = await handle(dir, name)
    try {
      const cache = new OpfsCache(data, await handle(dir, `${name}.map`))
      cache.load()
      return cache
    } catch (err) {
      data.close()
      throw err
    }
  }

  private load(): void {
    try {
      const of = JSON.parse(text(this.map, HEAD)) as Identity
      if (typeof of.url !== 'string' || !Number.isSafeInteger(of.size)) return
      this.of = of
      this.bits = new Uint8Array(Math.ceil(of.size / BLOCK / 8))
      this.map.read(this.bits, { at: HEAD })
    } catch {
      this.of = undefined
    }
  }

  async begin(of: Identity): Promise<void> {
    this.of = of
    this.bits = new Uint8Array(Math.ceil(of.size / BLOCK / 8))
    this.map.truncate(0)
    this.data.truncate(0)
    put(this.map, 0, new TextEncoder().encode(JSON.stringify(of).padEnd(HEAD)))
    this.map.flush()
  }

  has(k: number): boolean {
    return (this.bits[k >> 3]! & (1 << (k & 7))) !== 0
  }

  async read(k: number): Promise<Uint8Array | undefined> {
    const b = new Uint8Array(Math.min(BLOCK, this.of!.size - k * BLOCK))
    return this.data.read(b, { at: k * BLOCK }) === b.length ? b : undefined
  }

  async write(k: number, data: Uint8Array): Promise<void> {
    put(this.data, k * BLOCK, data)
    this.data.flush()
    this.bits[k >> 3]! |= 1 << (k & 7)
    put(this.map, HEAD + (k >> 3), this.bits.subarray(k >> 3, (k >> 3) + 1))
  }

  async close(): Promise<void> {
    this.data.close()
    this.map.close()
  }
}

class OpfsSink implements Sink {
  private readonly access: FileSystemSyncAccessHandle
  size: number

  constructor(access: FileSystemSyncAccessHandle) {
    this.access = access
    this.size = access.getSize()
  }

  async read(offset: number, n: number): Promise<Uint8Array> {
    const b = new Uint8Array(Math.max(0, Math.min(n, this.size - offset)))
    return b.subarray(0, this.access.read(b, { at: offset }))
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    put(this.access, offset, data)
    this.size = Math.max(this.size, offset + data.length)
  }

  async truncate(size: number): Promise<void> {
    this.access.truncate(size)
    this.size = size
  }

  async close(): Promise<void> {
    this.access.flush()
    this.access.close()
  }
}

/** A part, with its line in a file beside it. */
class OpfsPart extends OpfsSink implements Part {
  private readonly line: FileSystemSyncAccessHandle

  constructor(access: FileSystemSyncAccessHandle, line: FileSystemSyncAccessHandle) {
    super(access)
    this.line = line
  }

  async kept(): Promise<string> {
    return text(this.line, this.line.getSize())
  }

  async keep(line: string): Promise<void> {
    this.line.truncate(0)
    put(this.line, 0, new TextEncoder().encode(line))
    this.line.flush()
  }

  override async close(): Promise<void> {
    await super.close()
    this.line.close()
  }
}

/** A file for `download` to write. @throws DOMException */
export async function opfsSink(dir: FileSystemDirectoryHandle, name: string): Promise<Sink> {
  return new OpfsSink(await handle(dir, name))
}

/** What `download` goes on with after a reload. @throws DOMException */
export async function opfsPart(dir: FileSystemDirectoryHandle, name: string): Promise<Part> {
  const access = await handle(dir, name)
  try {
    return new OpfsPart(access, await handle(dir, `${name}.from`))
  } catch (err) {
    access.close()
    throw err
  }
}
