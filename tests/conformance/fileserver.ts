import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Client, type Fid } from '../../plan9/9p/client.ts'
import * as c from '../../plan9/9p/const.ts'
import { convM2Ds } from '../../plan9/9p/dir.ts'
import type { Transport } from '../../plan9/9p/transport.ts'
import * as e from '../../plan9/error.ts'

/** A file server under test. */
export interface FileServer {
  /** A new connection to the same files. */
  connect(): Promise<Transport> | Transport
  uname: string
  /** An empty directory in which uname may do everything: names from the root. */
  dir: string[]
  /** A file whose read waits until something happens that does not, where there is such a thing. */
  blocks?: string[]
  end(): Promise<void> | void
}

const utf8 = new TextEncoder()
const text = (b: Uint8Array): string => new TextDecoder().decode(b)

/** What section 5 promises of any server of files that can be created, written and removed. */
export function fileServerSuite(name: string, makeServer: () => Promise<FileServer> | FileServer): void {
  describe(`${name} as a file server`, () => {
    let server: FileServer
    let client: Client
    let root: Fid

    beforeEach(async () => {
      server = await makeServer()
      client = await Client.connect(await server.connect())
      root = await client.attach(server.uname, '')
    })
    afterEach(async () => {
      client.close()
      await server.end()
    })

    const dir = () => root.walk(server.dir)
    const at = (...names: string[]) => root.walk([...server.dir, ...names])
    async function make(file: string, content = '', perm = 0o666): Promise<void> {
      const f = await (await dir()).create(file, perm, c.OWRITE)
      if (content !== '') expect(await f.write(utf8.encode(content), 0)).toBe(utf8.encode(content).length)
      await f.clunk()
    }
    async function mkdir(file: string): Promise<void> {
      await (await (await dir()).create(file, c.DMDIR + 0o777, c.OREAD)).clunk()
    }
    async function read(...names: string[]): Promise<string> {
      const f = await (await at(...names)).open(c.OREAD)
      try {
        return text(await f.readAll())
      } finally {
        await f.clunk()
      }
    }
    async function names(...of: string[]): Promise<string[]> {
      const f = await (await at(...of)).open(c.OREAD)
      try {
        return (await f.readdir()).map(d => d.name).sort()
      } finally {
        await f.clunk()
      }
    }

    test('the root is a directory, its own parent', async () => {
      expect(root.qid.type & c.QTDIR).toBe(c.QTDIR)
      const up = await root.walk(['..'])
      expect(up.qid.path).toBe(root.qid.path)
      expect((await up.stat()).qid.path).toBe(root.qid.path)
    })

    test('a walk of no names makes a fid of the same file', async () => {
      const copy = await root.walk([])
      expect((await copy.stat()).qid).toEqual((await root.stat()).qid)
      await copy.clunk()
      await root.stat()
    })

    test('a partial walk tells how far it went, and makes no fid', async () => {
      await mkdir('a')
      const some = await root.walkSome([...server.dir, 'a', 'nope', 'x'])
      expect(some.fid).toBeUndefined()
      expect(some.wqid.length).toBe(server.dir.length + 1)
      await expect((await dir()).walkSome(['nope', 'a'])).rejects.toThrow(e.Enonexist)
      const newfid = client.newfid()
      await client.rpc({ type: c.Twalk, fid: root.fid, newfid, wname: [...server.dir, 'nope'] }).catch(() => undefined)
      await expect(client.rpc({ type: c.Tstat, fid: newfid })).rejects.toThrow(e.Eunknownfid)
    })

    test('nothing is below a file', async () => {
      await make('f')
      await expect(at('f', 'x')).rejects.toThrow(e.PlanError)
      await expect((await at('f')).walkSome(['x'])).rejects.toThrow(e.PlanError)
    })

    test('an open fid cannot be walked, nor opened again', async () => {
      await make('f')
      const f = await (await at('f')).open(c.OREAD)
      await expect(f.walkSome([])).rejects.toThrow(e.PlanError)
      await expect(f.open(c.OREAD)).rejects.toThrow(e.PlanError)
    })

    test('what is created is there, what is removed is not', async () => {
      expect(await names()).toEqual([])
      await make('f', 'content', 0o640)
      await mkdir('d')
      expect(await names()).toEqual(['d', 'f'])
      const s = await (await at('f')).stat()
      expect(s.name).toBe('f')
      expect(s.length).toBe(7n)
      expect(s.uid).toBe(server.uname)
      expect(s.mode & c.DMDIR).toBe(0)
      expect(s.qid.type & c.QTDIR).toBe(0)
      const d = await (await at('d')).stat()
      expect(d.mode >>> 31).toBe(1)
      expect(d.length).toBe(0n)
      expect(await read('f')).toBe('content')
      await expect((await dir()).create('f', 0o666, c.OWRITE)).rejects.toThrow(e.PlanError)
      await (await at('f')).remove()
      await (await at('d')).remove()
      expect(await names()).toEqual([])
      await expect(at('f')).rejects.toThrow(e.Enonexist)
    })

    test('no two files share a qid path, and a new file does not get a removed one’s', async () => {
      const paths = new Set<bigint>()
      for (let i = 0; i < 5; i++) {
        await make('same')
        const f = await at('same')
        paths.add(f.qid.path)
        await f.remove()
      }
      await make('a')
      await mkdir('b')
      for (const n of ['a', 'b']) paths.add((await at(n)).qid.path)
      expect(paths.size).toBe(7)
    })

    test('names that no file can have are refused', async () => {
      for (const bad of ['', '.', '..', 'a/b'])
        await expect((await dir()).create(bad, 0o666, c.OREAD)).rejects.toThrow(e.PlanError)
    })

    test('names of any letters come back as they went', async () => {
      for (const n of ['Ångström', '世界', '😀', "a 'b", '.profile', 'x'.repeat(200)]) {
        await make(n, n)
        expect(await read(n)).toBe(n)
      }
      expect((await names()).length).toBe(6)
    })

    test('a directory is not removed while it holds something; the fid is gone all the same', async () => {
      await mkdir('d')
      await (await (await at('d')).create('f', 0o666, c.OREAD)).clunk()
      const d = await at('d')
      await expect(client.rpc({ type: c.Tremove, fid: d.fid })).rejects.toThrow(e.PlanError)
      await expect(client.rpc({ type: c.Tstat, fid: d.fid })).rejects.toThrow(e.Eunknownfid)
      expect(await names('d')).toEqual(['f'])
    })

    test('writes land where they should, reads end at the end', async () => {
      await make('f', 'hello, world')
      const f = await (await at('f')).open(c.ORDWR)
      await f.write(utf8.encode('WORLD'), 7)
      expect(text(await f.read(100, 0))).toBe('hello, WORLD')
      expect(text(await f.read(3, 7))).toBe('WOR')
      expect((await f.read(10, 12)).length).toBe(0)
      expect((await f.read(10, 1e9)).length).toBe(0)
      await f.write(utf8.encode('!'), 14)
      expect(text(await f.read(100, 0))).toBe('hello, WORLD\0\0!')
    })

    test('what takes many messages arrives whole', async () => {
      const big = Uint8Array.from({ length: 300_001 }, (_, i) => (i * 7) ^ (i >> 8))
      const f = await (await dir()).create('big', 0o666, c.ORDWR)
      expect(await f.write(big, 0)).toBe(big.length)
      expect((await f.stat()).length).toBe(BigInt(big.length))
      expect(Buffer.compare(await f.read(400_000, 0), big)).toBe(0)
      expect(Buffer.compare(await f.readAll(), big)).toBe(0)
    })

    test('the mode of an open binds', async () => {
      await make('f', 'x')
      const r = await (await at('f')).open(c.OREAD)
      await expect(r.write(utf8.encode('y'), 0)).rejects.toThrow(e.PlanError)
      const w = await (await at('f')).open(c.OWRITE)
      await expect(w.read(1, 0)).rejects.toThrow(e.PlanError)
      await expect((await at('f')).read(1, 0)).rejects.toThrow(e.PlanError)
      for (const mode of [c.OWRITE, c.ORDWR, c.OREAD | c.OTRUNC])
        await expect((await dir()).open(mode)).rejects.toThrow(e.PlanError)
    })

    test('OTRUNC empties', async () => {
      await make('f', 'something')
      const f = await (await at('f')).open(c.OWRITE | c.OTRUNC)
      expect((await f.stat()).length).toBe(0n)
    })

    test('ORCLOSE removes at the clunk', async () => {
      await make('f', 'x')
      const f = await (await at('f')).open(c.OREAD | c.ORCLOSE)
      expect(text(await f.readAll())).toBe('x')
      await f.clunk()
      expect(await names()).toEqual([])
    })

    test('offsets past 2^63 are negative, and past 2^53 too large', async () => {
      await make('f', 'x')
      const f = await (await at('f')).open(c.OREAD)
      const readAt = (offset: bigint) => client.rpc({ type: c.Tread, fid: f.fid, offset, count: 1 })
      await expect(readAt(1n << 63n)).rejects.toThrow(e.Enegoff)
      await expect(readAt((1n << 64n) - 1n)).rejects.toThrow(e.Enegoff)
      await expect(readAt(1n << 60n)).rejects.toThrow(e.PlanError)
      expect((await readAt(5n)).data.length).toBe(0)
    })

    test('a directory is read in whole records, from 0 or from where the last read ended', async () => {
      const all = Array.from({ length: 40 }, (_, i) => `file${i}`)
      for (const n of all) await make(n)
      const d = await (await dir()).open(c.OREAD)
      for (const count of [100, 200, 500, 8192]) {
        const got: string[] = []
        let offset = 0
        for (;;) {
          const data = await d.readSome(count, offset)
          if (data.length === 0) break
          expect(data.length).toBeLessThanOrEqual(count)
          got.push(...convM2Ds(data).map(r => r.name))
          offset += data.length
        }
        expect(got.sort()).toEqual([...all].sort())
        if (offset > 0) await expect(d.readSome(count, offset - 1)).rejects.toThrow(e.PlanError)
      }
      await expect(d.readSome(8192, 7)).rejects.toThrow(e.PlanError)
    })

    test('a directory’s records say what stat says', async () => {
      await make('f', 'abc')
      const d = await (await dir()).open(c.OREAD)
      const [record] = await d.readdir()
      const s = await (await at('f')).stat()
      expect({ ...record, atime: 0 }).toEqual({ ...s, atime: 0 })
    })

    test('wstat renames, cuts and changes modes; all of it or nothing', async () => {
      await make('f', 'abcdef')
      await make('taken', '')
      const f = await at('f')
      await f.wstat({})
      await f.wstat({ name: 'g', length: 3n })
      expect(await names()).toEqual(['g', 'taken'])
      expect(await read('g')).toBe('abc')
      await expect(f.wstat({ name: 'taken', length: 1n })).rejects.toThrow(e.PlanError)
      expect(await read('g')).toBe('abc')
      await expect(f.wstat({ name: 'x/y' })).rejects.toThrow(e.PlanError)
      await expect(f.wstat({ qid: { type: 0, vers: 1, path: 1n } })).rejects.toThrow(e.PlanError)
      await f.wstat({ length: 5n })
      expect(await read('g')).toBe('abc\0\0')
      await expect(f.wstat({ name: 'h', mode: c.DMDIR + 0o777 })).rejects.toThrow(e.PlanError)
      const was = await f.stat()
      await f.wstat({ ...was, name: 'h' })
      expect(await names()).toEqual(['h', 'taken'])
      const d = await dir()
      await expect(d.wstat({ length: 1n })).rejects.toThrow(e.PlanError)
    })

    test('a write changes qid.vers', async () => {
      await make('f', 'x')
      const f = await (await at('f')).open(c.ORDWR)
      const before = await f.stat()
      await f.write(utf8.encode('y'), 0)
      const after = await f.stat()
      expect(after.qid.vers).not.toBe(before.qid.vers)
      expect(after.qid.path).toBe(before.qid.path)
      expect(after.mtime).toBeGreaterThanOrEqual(before.mtime)
    })

    test('requests at once are all answered', async () => {
      await make('f', 'x'.repeat(1000))
      const f = await (await at('f')).open(c.OREAD)
      const parts = await Promise.all(Array.from({ length: 200 }, (_, i) => f.read(5, i * 5)))
      expect(parts.map(text).join('')).toBe('x'.repeat(1000))
    })

    test('two connections see the same files; the end of one does not touch the other', async () => {
      const second = await Client.connect(await server.connect())
      const theirs = await second.attach(server.uname, '')
      await make('f', 'shared')
      const f = await (await theirs.walk([...server.dir, 'f'])).open(c.OREAD)
      expect(text(await f.readAll())).toBe('shared')
      second.close()
      expect(await read('f')).toBe('shared')
    })

    test('a flush is answered', async () => {
      await client.rpc({ type: c.Tflush, oldtag: 0x1234 })
      if (!server.blocks) return
      const f = await (await root.walk(server.blocks)).open(c.OREAD)
      const abort = new AbortController()
      const waiting = f.read(1, 0, abort.signal)
      await root.stat()
      abort.abort()
      await expect(waiting).rejects.toThrow(e.Eintr)
      await f.clunk()
      await root.stat()
    })
  })
}
