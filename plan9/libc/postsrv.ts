import { ORCLOSE, OWRITE } from '../9p/const.ts'
import { serve } from '../9p/server.ts'
import type { Srv } from '../9p/srv.ts'
import { PlanError } from '../error.ts'
import { RFENVG, RFFDG, RFNAMEG, RFNOTEG, RFNOWAIT, RFPROC, type Sys } from '../kernel/sys.ts'
import { fdTransport } from './fdtransport.ts'

export { fdTransport }

export interface PostOptions {
  /** Modes of the entry in /srv. */
  perm?: number
  /** What the trace tap calls the connection. */
  name?: string
}

/**
 * As postsrv of 9p(2): posts a file server as /srv/NAME, and serves it in a child process, which has a note group, name
 * space and environment of its own; so the caller may exit. It ends when its entry and its last client are gone, or when
 * it is killed; the entry goes with it. A server that makes system calls is given as a function of its process's.
 *
 * The child closes fds 0 and 1, which a pipeline would wait for, and keeps the others.
 *
 * @returns the child's pid
 * @throws PlanError Eexist and others of /srv
 */
export async function postsrv<A>(
  sys: Sys,
  name: string,
  srv: Srv<A> | ((sys: Sys) => Srv<A> | Promise<Srv<A>>),
  options: PostOptions = {},
): Promise<number> {
  const [ours, posted] = await sys.pipe()
  let entry = -1
  try {
    entry = await sys.create(`/srv/${name}`, OWRITE | ORCLOSE, options.perm ?? 0o600)
    const pid = await sys.rfork(RFPROC | RFFDG | RFNAMEG | RFENVG | RFNOTEG | RFNOWAIT, async child => {
      for (const fd of [posted, 0, 1]) await child.close(fd).catch(ignore)
      const fs = typeof srv === 'function' ? await srv(child) : srv
      const conn = serve(fdTransport(child, ours), fs, { name: options.name ?? name })
      await conn.closed
      return ''
    })
    await sys.write(entry, String(posted))
    return pid
  } finally {
    for (const fd of [entry, ours, posted]) if (fd >= 0) await sys.close(fd)
  }
}

function ignore(e: unknown): void {
  if (!(e instanceof PlanError)) throw e
}
