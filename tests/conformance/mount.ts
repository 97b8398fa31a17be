import type { Client } from '../../plan9/9p/client.ts'
import { OREAD } from '../../plan9/9p/const.ts'
import type { LlmMount } from './llmfs.ts'

/** A view of an llmfs straight over 9P, no kernel between: on a connection that others may have too, if `end` leaves it alone. */
export async function clientMount(client: Client, end?: () => Promise<void>): Promise<LlmMount> {
  const root = await client.attach('glenda', '')
  const walk = (path: string) => root.walk(path.split('/').filter(n => n !== ''))
  return {
    async open(path, mode) {
      const fid = await walk(path)
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
      const fid = await walk(path)
      await fid.open(OREAD)
      const dirs = await fid.readdir()
      await fid.clunk()
      return dirs.map(d => d.name)
    },
    async stat(path) {
      const fid = await walk(path)
      try {
        return await fid.stat()
      } finally {
        await fid.clunk()
      }
    },
    async remove(path) {
      await (await walk(path)).remove()
    },
    async create(path) {
      const at = path.lastIndexOf('/')
      const fid = await walk(path.slice(0, Math.max(at, 0)))
      try {
        await fid.create(path.slice(at + 1), 0o666, OREAD)
      } finally {
        await fid.clunk()
      }
    },
    unmount: end ?? (() => root.clunk()),
  }
}
