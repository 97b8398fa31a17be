import { aoutimage, type CpuWorker } from '../../emulator/cpu/image.ts'
import { ORDWR } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport, type Transport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { MREPL, RFFDG, RFPROC } from '../../plan9/kernel/sys.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { fdTransport } from '../../plan9/libc/fdtransport.ts'
import { contents, type Models, names } from '../conformance/files.ts'

/** What the guest and the suite need of files. */
export interface GuestFiles extends Models {
  llmfs: Uint8Array
}

/** As the guest knows them. */
export const guestNames = { ...names, slow: '/n/a/slow' }

/** A server of the file `slow`, which stops in its midst, for each who has it open, until `go`. */
export function slowSrv(bytes: Uint8Array) {
  const tree = new Tree('glenda')
  tree.add('/slow', bytes)
  const waiting: (() => void)[] = []
  const gates = new WeakMap<object, Promise<void>>()
  const srv = ramfs(tree)
  return {
    srv: {
      ...srv,
      async read(fid, offset, count, req) {
        let gate = gates.get(fid)
        if (!gate) gates.set(fid, (gate = new Promise(resolve => waiting.push(resolve))))
        if (offset + count > bytes.length / 2) await gate
        return srv.read!(fid, offset, count, req)
      },
    } satisfies typeof srv,
    go() {
      for (const go of waiting.splice(0)) go()
    },
  }
}

/** A kernel with llmfs in v86: its pipe, as it is in /srv, and the gates of the slow file. */
export async function guestLlmfs(
  f: GuestFiles,
  cpuWorker: () => CpuWorker,
): Promise<{ transport: Transport; go(): void; end(): void }> {
  const slow = slowSrv(f.stories)
  const [client, server] = pipeTransport()
  serve(server, slow.srv)
  const t = boot({}, { slow: client })
  t.k.images.push(aoutimage(cpuWorker))
  for (const [name, bytes] of contents(f)) t.tree.add(name, bytes)
  t.tree.add('/386/bin/llmfs', f.llmfs, 0o775)
  let end!: () => void
  const ended = new Promise<void>(resolve => (end = resolve))
  const transport = await new Promise<Transport>((resolve, reject) => {
    t.start(async sys => {
      try {
        await sys.mount(await sys.open('/srv/slow', ORDWR), -1, '/n/a', MREPL, '')
        await sys.rfork(RFPROC | RFFDG, sys => sys.exec('/386/bin/llmfs', ['llmfs', '-s', 'guest']))
        const { msg } = await sys.wait()
        if (msg !== '') throw new Error(msg)
        resolve(fdTransport(sys, await sys.open('/srv/guest', ORDWR)))
      } catch (e) {
        reject(e)
      }
      await ended
      return ''
    }).catch(reject)
  })
  return { transport, go: slow.go, end }
}
