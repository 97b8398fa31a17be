import { Eio, PlanError } from '../../plan9/error.ts'

/** A disk, or the file that holds one: bytes at offsets. */
export interface Blocks {
  /** Bytes. */
  readonly size: number
  /** Bytes [offset, offset + n), as many of them as there are. */
  read(offset: number, n: number): Promise<Uint8Array>
}

/** A disk that is written. */
export interface Disk extends Blocks {
  /** @throws PlanError the bytes do not lie within the disk, or cannot be kept */
  write(offset: number, data: Uint8Array): Promise<void>
  /** What was written is where it is to stay. */
  flush?(): Promise<void>
}

/** A disk of the bytes themselves. */
export function memdisk(bytes: Uint8Array): Disk {
  return {
    size: bytes.length,
    read: async (offset, n) => bytes.slice(offset, offset + n),
    async write(offset, data) {
      if (offset < 0 || offset + data.length > bytes.length) throw new PlanError(Eio)
      bytes.set(data, offset)
    },
  }
}

/** Bytes [start, start + size) of a disk as one of its own. Both are within it, or what is beyond reads as cut short. */
export function window(disk: Disk, start: number, size: number): Disk {
  return {
    size,
    read: (offset, n) => disk.read(start + offset, Math.max(0, Math.min(n, size - offset))),
    async write(offset, data) {
      if (offset < 0 || offset + data.length > size) throw new PlanError(Eio)
      await disk.write(start + offset, data)
    },
    flush: async () => disk.flush?.(),
  }
}

/** Bytes of a piece that `cached` keeps. */
const PIECE = 64 * 1024

/** Reads whole pieces, and keeps the latest of them: directories are read often, in small parts. */
export function cached(b: Blocks, pieces = 64): Blocks {
  const kept = new Map<number, Promise<Uint8Array>>()
  const piece = (k: number): Promise<Uint8Array> => {
    let p = kept.get(k)
    if (p) kept.delete(k)
    else {
      p = b.read(k * PIECE, PIECE)
      p.catch(() => kept.delete(k))
    }
    kept.set(k, p)
    for (const old of kept.keys()) {
      if (kept.size <= pieces) break
      kept.delete(old)
    }
    return p
  }
  return {
    size: b.size,
    async read(offset, n) {
      const end = Math.min(offset + n, b.size)
      if (offset >= end) return new Uint8Array(0)
      const first = Math.floor(offset / PIECE)
      const last = Math.floor((end - 1) / PIECE)
      if (first === last) return (await piece(first)).slice(offset - first * PIECE, end - first * PIECE)
      const out = new Uint8Array(end - offset)
      let n2 = 0
      for (let k = first; k <= last; k++) {
        const p = (await piece(k)).subarray(k === first ? offset - k * PIECE : 0, end - k * PIECE)
        out.set(p, n2)
        n2 += p.length
      }
      return out.subarray(0, n2)
    },
  }
}
