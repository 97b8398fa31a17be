import { aoutimage, type CpuWorker } from '../../emulator/cpu/image.ts'
import { ORDWR } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport, type Transport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { MREPL, RFFDG, RFPROC } from '../../plan9/kernel/sys.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { fdTransport } from '../../plan9/libc/fdtransport.ts'

/** What the guest and the suite need of files. */
export interface GuestFiles {
  stories: Uint8Array
  q80: Uint8Array
  tokenizer: Uint8Array
  llmfs: Uint8Array
}

/** As the guest knows them. */
export const guestNames = {
  model: '/lib/llm/stories.bin',
  tokenizer: '/lib/llm/tokenizer.bin',
  q80: '/lib/llm/stories_q80.bin',
  otherTokenizer: '/tmp/other',
  missing: '/tmp/missing',
  cut: '/tmp/cut',
  wrong: '/tmp/wrong',
  absurd: '/tmp/absurd',
  slow: '/n/a/slow',
}

/** A file server whose files stop in their midst, for each who has them open, until `go`. */
function slowServer(bytes: Uint8Array) {
  const tree = new Tree('glenda')
  tree.add('/slow', bytes)
  const [client, server] = pipeTransport()
  const waiting: (() => void)[] = []
  const gates = new WeakMap<object, Promise<void>>()
  const srv = ramfs(tree)
  serve(server, {
    ...srv,
    async read(fid, offset, count, req) {
      let gate = gates.get(fid)
      if (!gate) gates.set(fid, (gate = new Promise(resolve => waiting.push(resolve))))
      if (offset + count > bytes.length / 2) await gate
      return srv.read!(fid, offset, count, req)
    },
  })
  return {
    client,
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
  const absurd = f.stories.slice()
  new DataView(absurd.buffer).setInt32(8, 0x7fffffff, true)
  const slow = slowServer(f.stories)
  const t = boot({}, { slow: slow.client })
  t.k.images.push(aoutimage(cpuWorker))
  t.tree.add(guestNames.model, f.stories)
  t.tree.add(guestNames.q80, f.q80)
  t.tree.add(guestNames.tokenizer, f.tokenizer)
  t.tree.add(guestNames.otherTokenizer, new Uint8Array([...f.tokenizer, 0, 0, 0, 0, 1, 0, 0, 0, 65]))
  t.tree.add(guestNames.cut, f.stories.slice(0, -1000))
  t.tree.add(guestNames.wrong, 'PNG and then something that is no checkpoint of llama2.c at all')
  t.tree.add(guestNames.absurd, absurd)
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
