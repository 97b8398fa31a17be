import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from '../../plan9/9p/client.ts'
import { OREAD } from '../../plan9/9p/const.ts'
import type { Transport } from '../../plan9/9p/transport.ts'
import type { LlmMount, LlmSubject } from '../conformance/llmfs.ts'
import { type GuestFiles, guestNames } from './guestllmfs.ts'

const top = join(import.meta.dirname, '..', '..')
const file = (...names: string[]) => new Uint8Array(readFileSync(join(...names)))
const lib = join(top, 'plan9', 'root', 'lib', 'llm')

/** LLMFS names another build of it: one by 9front's own compiler, say. */
export const guestFiles = (): GuestFiles => ({
  stories: file(lib, 'stories.bin'),
  q80: file(lib, 'stories_q80.bin'),
  tokenizer: file(lib, 'tokenizer.bin'),
  llmfs: file(process.env['LLMFS'] ?? join(top, 'plan9', 'root', '386', 'bin', 'llmfs')),
})

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

/** The guest for the suite, whose 9P goes over `transport`. */
export async function guestSubject(g: {
  transport: Transport
  go(): void
  end(): void | Promise<void>
}): Promise<LlmSubject> {
  const client = await Client.connect(g.transport)
  const golden = JSON.parse(readFileSync(join(top, 'tests', 'llm', 'golden', 'stories.json'), 'utf8')) as {
    results: { prompt: string; text: string; ids: number[] }[]
  }
  return {
    mount: () => mount(client),
    files: { ...guestNames, slow: { name: guestNames.slow, go: g.go } },
    golden: golden.results.find(r => r.prompt === 'Once upon a time')!,
    async end() {
      client.close()
      await g.end()
    },
  }
}
