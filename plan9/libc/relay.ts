import type { ByteStream } from '../9p/framer.ts'
import type { Sys } from '../kernel/sys.ts'
import { Bsize, write } from './bio.ts'
import { attempt } from './sysfatal.ts'

/** Carries bytes both ways between a descriptor and a connection outside, until one side ends, or is broken. */
export async function relay(sys: Sys, fd: number, remote: ByteStream): Promise<void> {
  async function copy(read: () => Promise<Uint8Array>, put: (b: Uint8Array) => Promise<void> | void): Promise<void> {
    for (;;) {
      const b = await attempt(read())
      if (b === undefined || b.length === 0) return
      await put(b)
    }
  }
  const out = copy(
    () => sys.read(fd, Bsize),
    b => remote.write(b),
  )
  const back = copy(
    () => remote.read(),
    b => write(sys, fd, b),
  )
  try {
    await attempt(Promise.race([out, back]))
  } finally {
    remote.close()
  }
}
