import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { hostfs } from '../../shell/node/hostfs.ts'
import { fileServerSuite } from './fileserver.ts'

fileServerSuite('hostfs', () => {
  const root = mkdtempSync(join(tmpdir(), '9ml-'))
  mkdirSync(join(root, 'work'))
  const conns: { closed: Promise<void>; close(): void }[] = []
  return {
    uname: userInfo().username,
    dir: ['work'],
    connect() {
      const [mine, theirs] = pipeTransport()
      conns.push(serve(theirs, hostfs(root)))
      return mine
    },
    async end() {
      for (const conn of conns) conn.close()
      await Promise.all(conns.map(conn => conn.closed))
      rmSync(root, { recursive: true })
    },
  }
})
