import { ORCLOSE, OWRITE } from '../9p/const.ts'
import { serve } from '../9p/server.ts'
import type { Srv } from '../9p/srv.ts'
import { PlanError } from '../error.ts'
import { RFENVG, RFFDG, RFNAMEG, RFNOTEG, RFNOWAIT, RFPROC, type Sys } from '../kernel/sys.ts'
import { chatty } from './chatty.ts'
import { fdTransport } from './fdtransport.ts'

export { fdTransport }

export interface PostOptions {
  /** Modes of the entry in /srv. */
  perm?: number
  /** What the trace tap calls the connection. */
  name?: string
  /** Each message is told of on fd 2. */
  chatty?: boolean
}

type Server<A> = Srv<A> | ((sys: Sys) => Srv<A> | Promise<Srv<A>>)

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
export async function postsrv<A>(sys: Sys, name: string, srv: Server<A>, options?: PostOptions): Promise<number> {
  const { pid, fd } = await startsrv(sys, name, srv, options)
  await sys.close(fd)
  return pid
}

/** As postsrv, whose name may be left out; fd is the clients' end, to be mounted. */
export async function startsrv<A>(
  sys: Sys,
  name: string | undefined,
  srv: Server<A>,
  options: PostOptions = {},
): Promise<{ pid: number; fd: number }> {
  const [ours, fd] = await sys.pipe()
  let entry = -1
  try {
    if (name !== undefined) {
      entry = await sys.create(`/srv/${name}`, OWRITE | ORCLOSE, options.perm ?? 0o600)
      await sys.write(entry, String(fd))
    }
    const pid = await sys.rfork(RFPROC | RFFDG | RFNAMEG | RFENVG | RFNOTEG | RFNOWAIT, async child => {
      for (const fd0 of [fd, 0, 1]) await child.close(fd0).catch(ignore)
      const fs = typeof srv === 'function' ? await srv(child) : srv
      const t = fdTransport(child, ours)
      const connection = options.name ?? name
      await serve(options.chatty ? chatty(child, t) : t, fs, connection === undefined ? {} : { name: connection })
        .closed
      return ''
    })
    return { pid, fd }
  } catch (e) {
    await sys.close(fd)
    throw e
  } finally {
    for (const fd of [entry, ours]) if (fd >= 0) await sys.close(fd)
  }
}

function ignore(e: unknown): void {
  if (!(e instanceof PlanError)) throw e
}
