import { expect, test } from 'vitest'
import { memdisk } from '../../emulator/disk/blocks.ts'
import { dosSrv } from '../../emulator/disk/dossrv.ts'
import { Fat } from '../../emulator/disk/fat.ts'
import { checked } from '../../emulator/disk/fatcheck.ts'
import { mkfat } from '../../emulator/disk/mkfat.ts'
import { DOS, fdisk, partition } from '../../emulator/disk/part.ts'
import { Client } from '../../plan9/9p/client.ts'
import { DMDIR, DMEXCL, ORCLOSE, ORDWR, OREAD, OTRUNC, OWRITE } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { World } from '../cmd/world.ts'

const MB = 1 << 20
const bytes = (s: string) => new TextEncoder().encode(s)
const text = (b: Uint8Array) => new TextDecoder().decode(b)

async function image(size: number): Promise<Uint8Array> {
  const b = new Uint8Array(size)
  await mkfat(memdisk(b))
  return b
}

async function contents(b: Uint8Array, path: string): Promise<string> {
  const fat = await Fat.open(memdisk(b))
  const f = await fat.walk(path)
  return text(await fat.read(f, 0, f.length))
}

test('in the userland: what is written is in the image', async () => {
  const w = new World({ '/tmp/a.img': await image(8 * MB), '/tmp/hello': 'hello\n' })
  w.tree.mkdir('/n/a')
  const r = await w.seq([
    ['dossrv'],
    ['mount', '-c', '/srv/dos', '/n/a', '/tmp/a.img'],
    ['mkdir', '/n/a/A Directory'],
    ['cp', '/tmp/hello', '/n/a/a directory/Hello World.text'],
    ['mv', '/n/a/A DIRECTORY/helloworld.text', '/n/a/A DIRECTORY/x'],
  ])
  expect(r.stderr).toMatch(/helloworld.text.*does not exist/)
  const s = await w.seq([
    ['mount', '-c', '/srv/dos', '/n/a', '/tmp/a.img'],
    ['mv', '/n/a/A Directory/hellow~1.TEX', '/n/a/A Directory/x'],
    ['touch', '/n/a/empty'],
    ['ls', '-l', '/n/a'],
    ['cat', '/n/a/A Directory/x'],
    ['rm', '/n/a/empty'],
  ])
  expect([s.status, s.stderr]).toEqual(['', ''])
  expect(s.stdout).toMatch(/^d-rwxrwxrwx M \d+ bill trog +0 .* '\/n\/a\/A Directory'$/m)
  expect(s.stdout).toMatch(/hello\n$/)
  const b = w.bytes('/tmp/a.img')
  expect(await contents(b, 'A Directory/x')).toBe('hello\n')
  expect(await checked(memdisk(b))).toEqual([])
})

test('partitions by name, by where they begin, and the first without either; -r writes nothing', async () => {
  const b = new Uint8Array(24 * MB)
  const parts = await fdisk(memdisk(b), [{ type: DOS, sectors: 16384 }, { type: 0x83, sectors: 2048 }, { type: DOS }])
  for (const [i, name] of ['dos', 'dos1'].entries()) {
    const d = partition(memdisk(b), parts.find(p => p.name === name)!)
    await mkfat(d, { type: 16, hidden: parts[i]!.start })
    const fat = await Fat.open(d)
    await fat.write(await fat.create(fat.root, 'name'), 0, bytes(name))
    await fat.flush()
  }
  const w = new World({ '/tmp/a.img': b })
  for (const n of ['/n/a', '/n/b', '/n/c', '/n/d']) w.tree.mkdir(n)
  const r = await w.seq([
    ['dossrv', '-r', '-f', '/tmp/a.img', 'ro'],
    ['mount', '-c', '/srv/ro', '/n/a'],
    ['mount', '/srv/ro', '/n/b', '/tmp/a.img:dos1'],
    ['mount', '/srv/ro', '/n/c', '/tmp/a.img:dos.1'],
    ['mount', '/srv/ro', '/n/d', `/tmp/a.img:${parts.find(p => p.name === 'dos1')!.start}`],
    ['cat', '/n/a/name', '/n/b/name', '/n/c/name', '/n/d/name'],
    ['touch', '/n/a/x'],
  ])
  expect(r.stdout).toBe('dosdos1dos1dos1')
  expect(r.stderr).toMatch(/permission denied/)
  for (const [spec, why] of [
    ['/tmp/a.img:linux', 'not a FAT file system'],
    ['/tmp/a.img:ntfs', 'no partition ntfs'],
    ['/tmp/none', 'file does not exist'],
  ] as const)
    expect((await w.seq([['mount', '/srv/ro', '/n/a', spec]])).stderr).toContain(why)
  expect(Buffer.compare(w.bytes('/tmp/a.img'), b)).toBe(0)
})

test('the protocol: modes, lengths, names, what is refused, remove on close', async () => {
  const b = await image(8 * MB)
  let closed = 0
  const [ours, theirs] = pipeTransport()
  const open = async () => ({ fat: await Fat.open(memdisk(b)), close: async () => void closed++ })
  serve(theirs, dosSrv(open))
  const client = await Client.connect(ours)
  const root = await client.attach('glenda', 'x')
  const f = await (await root.walk([])).create('file', 0o664, ORDWR)
  await f.write(bytes('contents'), 0)
  const g = await root.walk(['FILE'])
  await g.wstat({ mode: 0o444 })
  expect((await g.stat()).mode).toBe(0o444)
  await expect((await g.walk([])).open(OWRITE)).rejects.toThrow('permission denied')
  await expect(g.wstat({ mode: 0o664 })).rejects.toThrow('permission denied')
  await g.wstat({ mode: DMEXCL | 0o666, name: 'New Name', mtime: 1_000_000_000 })
  expect(await g.stat()).toMatchObject({ mode: DMEXCL | 0o666, name: 'New Name', mtime: 1_000_000_000, length: 8n })
  await g.wstat({ mode: 0o666, length: 3n })
  expect(text(await f.read(100, 0))).toBe('con')
  await expect(g.wstat({ uid: 'glenda' })).rejects.toThrow('permission denied')
  const d = await (await root.walk([])).create('dir', DMDIR | 0o775, OREAD)
  await expect(root.walk([]).then(r => r.create('DIR', 0o664, OREAD))).rejects.toThrow('file already exists')
  const inside = await (await root.walk(['dir'])).create('inside', 0o664, OWRITE | ORCLOSE)
  await expect(root.walk(['dir']).then(r => r.remove())).rejects.toThrow('directory not empty')
  await inside.clunk()
  const dirfid = await root.walk(['dir'])
  await dirfid.wstat({ mode: DMDIR | 0o555 })
  await expect(dirfid.walk([]).then(f => f.create('no', 0o664, OREAD))).rejects.toThrow('permission denied')
  await dirfid.wstat({ mode: DMDIR | 0o777 })
  await (await dirfid.walk([])).create('yes', 0o664, OREAD)
  const yes = await root.walk(['dir', 'yes'])
  await dirfid.wstat({ mode: DMDIR | 0o555 })
  await expect(yes.wstat({ name: 'no' })).rejects.toThrow('permission denied')
  await expect((await yes.walk([])).remove()).rejects.toThrow('permission denied')
  await dirfid.wstat({ mode: DMDIR | 0o777 })
  await yes.remove()
  await dirfid.clunk()
  await (await root.walk(['dir'])).remove()
  await expect(d.stat()).rejects.toThrow('file does not exist')
  await (await (await root.walk(['new name'])).open(OWRITE | OTRUNC)).clunk()
  expect((await g.stat()).length).toBe(0n)
  expect(closed).toBe(0)
  for (const fid of [f, g, d, root]) await fid.clunk()
  client.close()
  expect(await checked(memdisk(b))).toEqual([])
})

test('an image that nobody has mounted is opened anew', async () => {
  const b = await image(8 * MB)
  const [ours, theirs] = pipeTransport()
  let opened = 0
  let closed = 0
  serve(
    theirs,
    dosSrv(async () => {
      opened++
      return { fat: await Fat.open(memdisk(b)), close: async () => void closed++ }
    }),
  )
  const client = await Client.connect(ours)
  const roots = [await client.attach('glenda', 'x'), await client.attach('glenda', 'x')]
  expect([opened, closed]).toEqual([1, 0])
  for (const r of roots) await r.clunk()
  expect([opened, closed]).toEqual([1, 1])
  const fat = await Fat.open(memdisk(b))
  await fat.create(fat.root, 'from elsewhere')
  await fat.flush()
  const root = await client.attach('glenda', 'x')
  expect((await (await root.walk(['from elsewhere'])).stat()).name).toBe('from elsewhere')
  client.close()
})
