import { DMDIR, OREAD } from '../../plan9/9p/const.ts'
import { Eisdir, PlanError } from '../../plan9/error.ts'
import type { Sys } from '../../plan9/kernel/sys.ts'
import type { Files } from '../fs.ts'

/** Bytes of one read. */
const PIECE = 1 << 20

/** The files of a process's namespace, for an engine to load from. */
export function processFiles(sys: Sys): Files {
  return {
    async open(name) {
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
