import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { Eintr, PlanError } from '../../plan9/error.ts'
import { fileServerSuite } from './fileserver.ts'

fileServerSuite('ramfs', () => {
  const tree = new Tree('glenda')
  tree.mkdir('/tmp/work')
  tree.add('/block', '')
  const srv = ramfs(tree)
  const conns: { closed: Promise<void>; close(): void }[] = []
  return {
    uname: 'glenda',
    dir: ['tmp', 'work'],
    blocks: ['block'],
    connect() {
      const [mine, theirs] = pipeTransport()
      conns.push(
        serve(theirs, {
          ...srv,
          read: (fid, offset, count, req) =>
            fid.aux.name !== 'block'
              ? srv.read!(fid, offset, count, req)
              : new Promise((_, reject) => {
                  req.signal.addEventListener('abort', () => reject(new PlanError(Eintr)))
                }),
        }),
      )
      return mine
    },
    async end() {
      for (const conn of conns) conn.close()
      await Promise.all(conns.map(conn => conn.closed))
    },
  }
})
