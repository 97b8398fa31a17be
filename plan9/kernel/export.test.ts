import { expect, test } from 'vitest'
import { Client } from '../9p/client.ts'
import { DMDIR, ORDWR, OREAD, OWRITE } from '../9p/const.ts'
import { pipeTransport } from '../9p/transport.ts'
import { ramfs, Tree } from '../9p/tree.ts'
import { MAFTER, MCREATE, MREPL, RFPROC } from './sys.ts'
import { boot, errof, readall, served, writefile } from './testkernel.ts'

test('export serves a name space: mounts, unions and devices', async () => {
  const other = new Tree('glenda')
  other.add('/g', 'from the other')
  const t = boot({ '/n/a/f': 'a', '/n/b/two': 'b' }, { other: served(ramfs(other)) })
  await t.proc(async sys => {
    await sys.mount(await sys.open('/srv/other', ORDWR), -1, '/n/c', MREPL, '')
    await sys.bind('/n/b', '/n/a', MAFTER | MCREATE)
    const [a, b] = pipeTransport()
    const conn = t.k.export(b, { pid: sys.pid })
    const client = await Client.connect(a)
    const root = await client.attach('whoever', '')
    const read = async (name: string) => {
      const f = await (await root.walk(name.split('/'))).open(OREAD)
      const data = await f.readAll()
      await f.clunk()
      return new TextDecoder().decode(data)
    }
    const list = async (name: string) => {
      const f = await (await root.walk(name.split('/'))).open(OREAD)
      const dirs = await f.readdir()
      await f.clunk()
      return dirs
    }
    expect(await read('n/c/g')).toBe('from the other')
    expect(await read('n/a/two')).toBe('b')
    expect(await read('dev/user')).toBe('glenda')
    expect((await list('n/a')).map(d => d.name)).toEqual(['f', 'two'])
    expect((await list('dev')).map(d => d.name)).toContain('cons')

    const made = await root.walk(['n', 'a'])
    await made.create('new', 0o664, OWRITE)
    expect(await made.write(new TextEncoder().encode('hello'), 0)).toBe(5)
    await made.clunk()
    expect(await readall(sys, '/n/b/new')).toBe('hello')
    expect(await errof(root.walk(['n', 'a']).then(f => f.create('new', 0o664, OWRITE)))).toBe('file already exists')
    const f = await root.walk(['n', 'a', 'new'])
    expect((await f.stat()).length).toBe(5n)
    await f.wstat({ name: 'renamed' })
    await f.clunk()
    await (await root.walk(['n', 'b', 'renamed'])).remove()
    expect(await errof(root.walk(['n', 'b', 'renamed']))).toBe('file does not exist')
    const dir = await root.walk(['n', 'b'])
    await dir.create('sub', 0o775 | DMDIR, OREAD)
    expect((await sys.stat('/n/b/sub')).mode & DMDIR).not.toBe(0)

    // The name space is seen as it is now.
    await sys.bind('/lib', '/n/b', MREPL)
    await writefile(sys, '/tmp/late', 'late')
    expect(await read('tmp/late')).toBe('late')
    const up = await root.walk(['n', 'c', '..', '..', 'tmp', 'late'])
    expect((await up.stat()).name).toBe('late')
    // Files of several servers do not share a qid.
    const seen = new Set<bigint>()
    for (const name of ['n/c', 'n/a', 'dev', 'proc', 'env'])
      for (const d of await list(name)) {
        expect(seen.has(d.qid.path)).toBe(false)
        seen.add(d.qid.path)
      }
    client.close()
    await conn.closed
  })
})

test('export: a read that blocks holds nothing up, and can be flushed', async () => {
  const t = boot()
  const [a, b] = pipeTransport()
  t.k.export(b)
  const client = await Client.connect(a)
  const root = await client.attach('me', '')
  const cons = await (await root.walk(['dev', 'cons'])).open(OREAD)
  const abort = new AbortController()
  const blocked = cons.readSome(10, 0, abort.signal)
  const user = await (await root.walk(['dev', 'user'])).open(OREAD)
  expect(new TextDecoder().decode(await user.readAll())).toBe('glenda')
  abort.abort()
  expect(await errof(blocked)).toBe('interrupted')
  t.cons[0]!.type('x')
  expect(new TextDecoder().decode(await cons.readSome(10, 0))).toBe('x')
  const at = await client.attach('me', '/dev')
  expect((await (await at.walk(['null'])).stat()).name).toBe('null')
  expect(await errof(client.attach('me', '/nope'))).toBe("file does not exist: '/nope'")
  client.close()
})

test('export refuses all when its process has gone', async () => {
  const t = boot({ '/lib/f': 'x' })
  const [a, b] = pipeTransport()
  const client = await t.proc(async sys => {
    t.k.export(b, { pid: sys.pid })
    return Client.connect(a)
  })
  expect(await errof(client.attach('me', ''))).toBe('process exited')
})

test('sysFor acts in the name space and directory of a process', async () => {
  const t = boot({ '/lib/f': 'there' })
  await t.proc(async sys => {
    await sys.chdir('/lib')
    await sys.bind('/lib', '/n/a', MREPL)
    const beside = t.k.sysFor(sys.pid)
    expect(await readall(beside, 'f')).toBe('there')
    expect(await readall(beside, '/n/a/f')).toBe('there')
    expect(await beside.open('f', OREAD)).toBe(0)
    await sys.rfork(RFPROC, async () => '')
    expect((await sys.wait()).msg).toBe('')
  })
  expect(() => t.k.sysFor(9999)).toThrow('process does not exist')
})
