import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { Client } from '../../plan9/9p/client.ts'
import { ORDWR, OREAD } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { MREPL, RFFDG, RFPROC } from '../../plan9/kernel/sys.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { fdTransport } from '../../plan9/libc/fdtransport.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'
import { type LlmMount, type LlmSubject, llmfsSuite } from '../conformance/llmfs.ts'

/** llmfs of /386/bin in v86, spoken to through the pipe that it posts in /srv. */

const top = join(import.meta.dirname, '..', '..')
const lib = join(top, 'plan9', 'root', 'lib', 'llm')
const file = (name: string) => new Uint8Array(readFileSync(name))

/** A view of the server on a connection that others have too. */
async function mount(client: Client): Promise<LlmMount> {
  const root = await client.attach('glenda', '')
  const names = (path: string) => path.split('/').filter(n => n !== '')
  return {
    async open(path, mode) {
      const fid = await root.walk(names(path))
      try {
        await fid.open(mode)
      } catch (e) {
        await fid.clunk()
        throw e
      }
      return {
        read: (count, offset, signal) => fid.readSome(count, offset, signal),
        write: async (data, offset, signal) => {
          await fid.write(data, offset, signal)
        },
        close: () => fid.clunk(),
      }
    },
    async list(path) {
      const fid = await root.walk(names(path))
      await fid.open(OREAD)
      const dirs = await fid.readdir()
      await fid.clunk()
      return dirs.map(d => d.name)
    },
    async stat(path) {
      const fid = await root.walk(names(path))
      try {
        return await fid.stat()
      } finally {
        await fid.clunk()
      }
    },
    async remove(path) {
      await (await root.walk(names(path))).remove()
    },
    async create(path) {
      const parts = names(path)
      const fid = await root.walk(parts.slice(0, -1))
      try {
        await fid.create(parts.at(-1)!, 0o666, OREAD)
      } finally {
        await fid.clunk()
      }
    },
    unmount: () => root.clunk(),
  }
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

async function subject(): Promise<LlmSubject> {
  const stories = file(join(lib, 'stories.bin'))
  const tokenizer = file(join(lib, 'tokenizer.bin'))
  const absurd = stories.slice()
  new DataView(absurd.buffer).setInt32(8, 0x7fffffff, true)
  const slow = slowServer(stories)
  const t = boot({}, { slow: slow.client })
  t.k.images.push(aoutimage(cpuWorker))
  t.tree.add('/lib/llm/stories.bin', stories)
  t.tree.add('/lib/llm/stories_q80.bin', file(join(lib, 'stories_q80.bin')))
  t.tree.add('/lib/llm/tokenizer.bin', tokenizer)
  t.tree.add('/tmp/other', new Uint8Array([...tokenizer, 0, 0, 0, 0, 1, 0, 0, 0, 65]))
  t.tree.add('/tmp/cut', stories.slice(0, -1000))
  t.tree.add('/tmp/wrong', 'PNG and then something that is no checkpoint of llama2.c at all')
  t.tree.add('/tmp/absurd', absurd)
  t.tree.add('/386/bin/llmfs', file(process.env['LLMFS'] ?? join(top, 'plan9', 'root', '386', 'bin', 'llmfs')), 0o775)

  let client!: Client
  let end!: () => void
  const ended = new Promise<void>(resolve => (end = resolve))
  await new Promise<void>((resolve, reject) => {
    t.start(async sys => {
      try {
        await sys.mount(await sys.open('/srv/slow', ORDWR), -1, '/n/a', MREPL, '')
        await sys.rfork(RFPROC | RFFDG, sys => sys.exec('/386/bin/llmfs', ['llmfs', '-s', 'guest']))
        const { msg } = await sys.wait()
        if (msg !== '') throw new Error(msg)
        client = await Client.connect(fdTransport(sys, await sys.open('/srv/guest', ORDWR)))
        resolve()
      } catch (e) {
        reject(e)
      }
      await ended
      return ''
    }).catch(reject)
  })
  const golden = JSON.parse(readFileSync(join(top, 'tests', 'llm', 'golden', 'stories.json'), 'utf8')) as {
    results: { prompt: string; text: string; ids: number[] }[]
  }
  return {
    mount: () => mount(client),
    files: {
      model: '/lib/llm/stories.bin',
      tokenizer: '/lib/llm/tokenizer.bin',
      q80: '/lib/llm/stories_q80.bin',
      otherTokenizer: '/tmp/other',
      missing: '/tmp/missing',
      cut: '/tmp/cut',
      wrong: '/tmp/wrong',
      absurd: '/tmp/absurd',
      slow: { name: '/n/a/slow', go: slow.go },
    },
    golden: golden.results.find(r => r.prompt === 'Once upon a time')!,
    async end() {
      client.close()
      end()
    },
  }
}

llmfsSuite('llmfs in v86', subject)
