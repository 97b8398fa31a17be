import { MSIZE } from '../9p/const.ts'
import { streamTransport } from '../9p/framer.ts'
import type { Transport } from '../9p/transport.ts'
import { Eintr, PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'

/**
 * 9P over a file descriptor, or over two of which `wfd` is written. The reader of it reads ahead: nobody else may.
 * Both are closed with the transport.
 * A note that the process's handler takes does not end it.
 */
export function fdTransport(sys: Sys, fd: number, wfd = fd): Transport {
  return streamTransport({
    async read() {
      for (;;)
        try {
          return await sys.read(fd, MSIZE)
        } catch (e) {
          if (!(e instanceof PlanError) || e.message !== Eintr) throw e
        }
    },
    async write(b) {
      for (let n = 0; n < b.length; ) n += await sys.write(wfd, b.subarray(n))
    },
    close() {
      // The process may have ended, and its fds with it.
      for (const f of new Set([fd, wfd])) sys.close(f).catch(() => {})
    },
  })
}
