import { describe, expect, test } from 'vitest'
import { Eexist, Einuse, Eio, Eisdir, Enotdir, Enotempty, Eperm } from '../error.ts'
import { Client, type Fid } from './client.ts'
import * as c from './const.ts'
import { serve } from './server.ts'
import { pipeTransport } from './transport.ts'
import { ramfs, Tree } from './tree.ts'

const bytes = (s: string) => new TextEncoder().encode(s)
const text = (b: Uint8Array) => new TextDecoder().decode(b)

/** The files of a tree as `who` sees them. */
async function attach(tree: Tree, who: string): Promise<Fid> {
  const [mine, theirs] = pipeTransport()
  serve(theirs, ramfs(tree))
  return (await Client.connect(mine)).attach(who, '')
}
const read = async (root: Fid, ...names: string[]) =>
  text(await (await (await root.walk(names)).open(c.OREAD)).readAll())

describe('Tree', () => {
  test('files are added with the directories that they take, and found', () => {
    const tree = new Tree('glenda')
    tree.add('/a/b/f', 'one')
    tree.add('a/g', bytes('two'))
    expect(tree.lookup('/a/b/../g')).toBe(tree.lookup('/a/g'))
    expect(tree.lookup('/../../a')).toBe(tree.mkdir('/a'))
    expect(tree.lookup('/a/b/x')).toBeUndefined()
    expect(tree.lookup('/a/g/x')).toBeUndefined()
    expect(() => tree.mkdir('/a/g/x')).toThrow(Enotdir)
    tree.add('/a/g', 'three')
    expect(tree.lookup('/a/g')!.length).toBe(5)
    expect([...tree.lookup('/a')!.children!.keys()]).toEqual(['b', 'g'])
  })

  test('every file has a qid path of its own, and its mode’s bits in the qid type', () => {
    const tree = new Tree('glenda')
    const files = [
      tree.root,
      tree.mkdir('/d'),
      tree.add('/f', ''),
      tree.add('/f', ''),
      tree.add('/log', '', 0x40000180),
    ]
    expect(new Set(files.map(f => f.qid.path)).size).toBe(5)
    expect(files.map(f => f.qid.type)).toEqual([c.QTDIR, c.QTDIR, 0, 0, c.QTAPPEND])
  })
})

describe('a file whose content is somewhere else', () => {
  function sourced(content = 'from afar') {
    const tree = new Tree('glenda')
    const load = { count: 0, fail: false }
    const given = bytes(content)
    tree.add('/f', {
      length: given.length,
      load: async () => {
        load.count++
        if (load.fail) throw new Error('no network')
        return given
      },
    })
    return { tree, load, given }
  }

  test('has its length at once, is fetched when first read, and only once', async () => {
    const { tree, load } = sourced()
    const root = await attach(tree, 'glenda')
    expect((await (await root.walk(['f'])).stat()).length).toBe(9n)
    const fids = await Promise.all([1, 2, 3].map(async () => (await root.walk(['f'])).open(c.OREAD)))
    expect(load.count).toBe(0)
    expect((await Promise.all(fids.map(f => f.read(4, 5)))).map(text)).toEqual(['afar', 'afar', 'afar'])
    expect(await read(root, 'f')).toBe('from afar')
    expect(load.count).toBe(1)
  })

  test('keeps what was given as it was when it is written', async () => {
    const { tree, given } = sourced()
    const root = await attach(tree, 'glenda')
    const f = await (await root.walk(['f'])).open(c.OWRITE)
    await f.write(bytes('FROM'), 0)
    expect(await read(root, 'f')).toBe('FROM afar')
    expect(text(given)).toBe('from afar')
  })

  test('is not fetched to be emptied; a fetch under way does not bring it back', async () => {
    const { tree, load } = sourced()
    const root = await attach(tree, 'glenda')
    const f = await (await root.walk(['f'])).open(c.ORDWR | c.OTRUNC)
    expect((await f.readAll()).length).toBe(0)
    expect(load.count).toBe(0)

    const slow = new Tree('glenda')
    let deliver!: (b: Uint8Array) => void
    let asked!: () => void
    const wanted = new Promise<void>(resolve => {
      asked = resolve
    })
    const load2 = () => {
      asked()
      return new Promise<Uint8Array>(resolve => {
        deliver = resolve
      })
    }
    slow.add('/f', { length: 3, load: load2 })
    const there = await attach(slow, 'glenda')
    const reading = read(there, 'f')
    await wanted
    await (await (await there.walk(['f'])).open(c.OWRITE | c.OTRUNC)).write(bytes('new'), 0)
    deliver(bytes('old'))
    expect(await reading).toBe('new')
    expect(await read(there, 'f')).toBe('new')
  })

  test('that cannot be fetched is an i/o error, and is tried again', async () => {
    const { tree, load } = sourced()
    const root = await attach(tree, 'glenda')
    load.fail = true
    await expect(read(root, 'f')).rejects.toThrow(`${Eio}: no network`)
    load.fail = false
    expect(await read(root, 'f')).toBe('from afar')
  })
})

describe('ramfs', () => {
  test('owner, group and others each have their bits', async () => {
    const tree = new Tree('glenda', 0o777)
    for (const mode of [0o400, 0o040, 0o004, 0o200, 0o020, 0o002])
      tree.add(`/${mode.toString(8)}`, 'x', mode).gid = 'ken'
    const can = async (who: string, mode: number) => {
      const root = await attach(tree, who)
      const names = ['400', '40', '4', '200', '20', '2']
      const open = (name: string) => root.walk([name]).then(f => f.open(mode).then(() => name))
      return (await Promise.allSettled(names.map(open))).flatMap(r => (r.status === 'fulfilled' ? [r.value] : []))
    }
    expect(await can('glenda', c.OREAD)).toEqual(['400', '4'])
    expect(await can('ken', c.OREAD)).toEqual(['40', '4'])
    expect(await can('rob', c.OREAD)).toEqual(['4'])
    expect(await can('glenda', c.OWRITE)).toEqual(['200', '2'])
    expect(await can('ken', c.OWRITE)).toEqual(['20', '2'])
    expect(await can('rob', c.OREAD | c.OTRUNC)).toEqual([])
  })

  test('a directory is searched with x, listed with r, changed with w', async () => {
    const tree = new Tree('glenda', 0o755)
    tree.add('/d/f', 'x', 0o666)
    const dir = tree.lookup('/d')!
    const rob = await attach(tree, 'rob')
    const list = async () => (await (await (await rob.walk(['d'])).open(c.OREAD)).readdir()).map(d => d.name)
    const make = async () => (await rob.walk(['d'])).create('g', 0o666, c.OWRITE)

    dir.mode = c.DMDIR + 0o754
    expect(await list()).toEqual(['f'])
    // By itself: of the names after the first, a walk tells only how far it came.
    await expect((await rob.walk(['d'])).walk(['f'])).rejects.toThrow(Eperm)
    dir.mode = c.DMDIR + 0o751
    await expect(list()).rejects.toThrow(Eperm)
    expect(await read(rob, 'd', 'f')).toBe('x')
    await expect(make()).rejects.toThrow(Eperm)
    await expect((await rob.walk(['d', 'f'])).remove()).rejects.toThrow(Eperm)
    await expect((await rob.walk(['d', 'f'])).wstat({ name: 'h' })).rejects.toThrow(Eperm)
    dir.mode = c.DMDIR + 0o753
    await (await make()).clunk()
    await (await rob.walk(['d', 'g'])).wstat({ name: 'h' })
    await (await rob.walk(['d', 'f'])).remove()
    expect([...dir.children!.keys()]).toEqual(['h'])
    expect(tree.lookup('/d/h')).toMatchObject({ uid: 'rob', gid: 'glenda', name: 'h' })
  })

  test('a mode and a time are changed by the owner, the owner by nobody', async () => {
    const tree = new Tree('glenda', 0o777)
    tree.add('/f', 'x', 0o666)
    const [glenda, rob] = [await attach(tree, 'glenda'), await attach(tree, 'rob')]
    await expect((await rob.walk(['f'])).wstat({ mode: 0o777 })).rejects.toThrow(Eperm)
    await expect((await rob.walk(['f'])).wstat({ mtime: 1 })).rejects.toThrow(Eperm)
    await (await rob.walk(['f'])).wstat({ length: 0n })
    await (await glenda.walk(['f'])).wstat({ mode: c.DMAPPEND + 0o600, mtime: 7 })
    await expect((await glenda.walk(['f'])).wstat({ uid: 'rob' })).rejects.toThrow(Eperm)
    expect(tree.lookup('/f')).toMatchObject({ mode: c.DMAPPEND + 0o600, mtime: 7, uid: 'glenda', length: 0 })
    expect(tree.lookup('/f')!.qid.type).toBe(c.QTAPPEND)
  })

  test('what cannot be: twice the same name, a full directory or the root removed, a directory cut', async () => {
    const tree = new Tree('glenda')
    tree.add('/d/f', 'x')
    const root = await attach(tree, 'glenda')
    await expect((await root.walk([])).create('d', 0o666, c.OREAD)).rejects.toThrow(Eexist)
    await expect((await root.walk(['d'])).remove()).rejects.toThrow(Enotempty)
    await expect((await root.walk([])).remove()).rejects.toThrow(Eperm)
    await expect((await root.walk(['d'])).wstat({ length: 1n })).rejects.toThrow(Eisdir)
    await expect((await root.walk(['d', 'f'])).wstat({ length: 2n ** 40n })).rejects.toThrow('file too large')
    expect(await read(root, 'd', 'f')).toBe('x')
  })

  test('a file shorter and longer again has zeros where it was cut', async () => {
    const tree = new Tree('glenda')
    tree.add('/f', 'secret')
    const f = await (await (await attach(tree, 'glenda')).walk(['f'])).open(c.ORDWR)
    await f.wstat({ length: 2n })
    await f.write(bytes('!'), 5)
    expect(text(await f.readAll())).toBe('se\0\0\0!')
  })

  test('DMEXCL: one at a time, over all connections, until the connection ends', async () => {
    const tree = new Tree('glenda')
    tree.add('/lock', '', c.DMEXCL + 0o666)
    const [one, two] = [await attach(tree, 'glenda'), await attach(tree, 'glenda')]
    const held = await (await one.walk(['lock'])).open(c.OREAD)
    await expect((await two.walk(['lock'])).open(c.OREAD)).rejects.toThrow(Einuse)
    await held.clunk()
    await (await two.walk(['lock'])).open(c.OREAD)
    await expect((await one.walk(['lock'])).open(c.OREAD)).rejects.toThrow(Einuse)
    two.client.close()
    await two.client.closed
    // The other connection's fids go when its server end has heard of it, a turn later.
    await new Promise(resolve => setImmediate(resolve))
    await (await one.walk(['lock'])).open(c.OREAD)
  })
})
