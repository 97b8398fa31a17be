import { DMDIR, OREAD } from '../../plan9/9p/const.ts'
import { Eisdir, PlanError } from '../../plan9/error.ts'
import type { Sys } from '../../plan9/kernel/sys.ts'
import { orNote } from '../../plan9/libc/abort.ts'
import { isurl } from '../../plan9/libc/http.ts'
import type { Files, OpenFile } from '../fs.ts'
import { openUrl } from '../url.ts'

/** Bytes of one read. */
const PIECE = 1 << 20

/** The files of a process's namespace, and of the web, for an engine to load from. */
export function processFiles(sys: Sys): Files {
  return {
    async open(name, signal) {
      if (isurl(name)) return web(sys, name, signal)
      const fd = await sys.open(name, OREAD)
      try {
        const dir = await sys.fstat(fd)
        if (dir.mode & DMDIR) throw new PlanError(Eisdir)
        return {
          size: Number(dir.length),
          read: (offset, count) => readfull(sys, fd, offset, count),
          beside: file => readsmall(sys, name.replace(/[^/]*$/, file)),
          close: () => sys.close(fd),
        }
      } catch (e) {
        await sys.close(fd)
        throw e
      }
    },
  }
}

/** A file of the web, what is asked of it to be ended by a note as a system call is. */
async function web(sys: Sys, url: string, signal: AbortSignal | undefined): Promise<OpenFile> {
  const stop = new AbortController()
  let file: OpenFile
  try {
    file = await orNote(sys, openUrl(url, signal ? AbortSignal.any([signal, stop.signal]) : stop.signal))
  } catch (e) {
    stop.abort()
    throw e
  }
  return {
    size: file.size,
    read: (offset, count, into) => orNote(sys, file.read(offset, count, into)),
    beside: name => orNote(sys, file.beside!(name)),
    close: async () => {
      stop.abort()
      await file.close()
    },
  }
}

/** All of a file of at most a megabyte. @throws PlanError that names it */
async function readsmall(sys: Sys, name: string): Promise<Uint8Array> {
  try {
    const file = await processFiles(sys).open(name)
    try {
      if (file.size > PIECE) throw new PlanError('too large')
      return await file.read(0, file.size)
    } finally {
      await file.close()
    }
  } catch (e) {
    if (!(e instanceof PlanError) || e.message.includes(name)) throw e
    throw new PlanError(`${name}: ${e.message}`)
  }
}

/** Exactly `count` bytes, unless the file ends before; in a buffer of their own. */
async function readfull(sys: Sys, fd: number, offset: number, count: number): Promise<Uint8Array> {
  const first = await sys.pread(fd, Math.min(count, PIECE), offset)
  if (first.length === count && first.byteLength === first.buffer.byteLength) return first
  const all = new Uint8Array(count)
  all.set(first)
  let n = first.length
  while (n < count && n > 0) {
    const piece = await sys.pread(fd, Math.min(count - n, PIECE), offset + n)
    if (piece.length === 0) break
    all.set(piece, n)
    n += piece.length
  }
  return n === count ? all : all.slice(0, n)
}

/** All of a file. */
export async function readwhole(sys: Sys, name: string): Promise<Uint8Array> {
  const file = await processFiles(sys).open(name)
  try {
    return await file.read(0, file.size)
  } finally {
    await file.close()
  }
}
