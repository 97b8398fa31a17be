import { open } from 'node:fs/promises'
import type { Disk } from '../../emulator/disk/blocks.ts'
import { Eio, PlanError } from '../../plan9/error.ts'

/** A disk that a file of the host's holds. */
export interface Filedisk extends Disk {
  close(): Promise<void>
}

/** @param flags as those of fopen(3): `r`, `r+`, `w+` @param size what the file gets; default: what it has */
export async function filedisk(path: string, flags: 'r' | 'r+' | 'w+', size?: number): Promise<Filedisk> {
  const file = await open(path, flags)
  if (size !== undefined) await file.truncate(size)
  const length = (await file.stat()).size
  return {
    size: length,
    async read(offset, n) {
      const b = new Uint8Array(Math.max(0, Math.min(n, length - offset)))
      let at = 0
      while (at < b.length) {
        const { bytesRead } = await file.read(b, at, b.length - at, offset + at)
        if (bytesRead === 0) break
        at += bytesRead
      }
      return b.subarray(0, at)
    },
    async write(offset, data) {
      if (offset + data.length > length) throw new PlanError(Eio)
      for (let at = 0; at < data.length; )
        at += (await file.write(data, at, data.length - at, offset + at)).bytesWritten
    },
    close: () => file.close(),
  }
}
