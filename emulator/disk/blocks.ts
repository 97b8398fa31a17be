/** A disk, or the file that holds one: bytes at offsets. */
export interface Blocks {
  /** Bytes. */
  readonly size: number
  /** Bytes [offset, offset + n), as many of them as there are. */
  read(offset: number, n: number): Promise<Uint8Array>
}

/** One that is written too. */
export interface Disk extends Blocks {
  /** All of it, within the size. */
  write(offset: number, data: Uint8Array): Promise<void>
  flush?(): Promise<void>
}

/** A disk in memory. */
export function memoryDisk(bytes: Uint8Array): Disk {
  return {
    size: bytes.length,
    read: async (offset, n) => bytes.slice(offset, offset + n),
    write: async (offset, data) => bytes.set(data, offset),
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
