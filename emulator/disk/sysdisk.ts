import { Eio, PlanError } from '../../plan9/error.ts'
import type { Sys } from '../../plan9/kernel/sys.ts'
import type { Disk } from './blocks.ts'

/** Bytes of one read or write at most. */
const PIECE = 64 * 1024

/** The disk that a process has open. */
export function sysdisk(sys: Sys, fd: number, size: number): Disk {
  return {
    size,
    async read(offset, n) {
      const out = new Uint8Array(Math.max(0, Math.min(n, size - offset)))
      let at = 0
      while (at < out.length) {
        const b = await sys.pread(fd, Math.min(out.length - at, PIECE), offset + at)
        if (b.length === 0) break
        out.set(b, at)
        at += b.length
      }
      return out.subarray(0, at)
    },
    async write(offset, data) {
      if (offset + data.length > size) throw new PlanError(Eio)
      for (let at = 0; at < data.length; ) {
        const n = await sys.pwrite(fd, data.subarray(at, at + PIECE), offset + at)
        if (n <= 0) throw new PlanError(Eio)
        at += n
      }
    },
  }
}
