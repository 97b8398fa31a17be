import { describe, expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'
import { OREAD } from '../9p/const.ts'
import type { Program, Sys } from '../kernel/sys.ts'
import { Descent, leaf } from './descent.ts'

/** Runs f in a process of its own, in /tmp. */
async function inside(
  world: (w: World) => void,
  f: (sys: Sys, way: Descent, w: World) => Promise<void>,
): Promise<void> {
  const walk: Program = async sys => {
    await f(sys, new Descent(sys), w)
    return ''
  }
  const w = new World({}, { walk })
  world(w)
  expect(await w.run(['walk'])).toMatchObject({ status: '', stderr: '' })
}

/** The text of `here`, a file in each directory that says which it is. */
async function here(sys: Sys): Promise<string> {
  const fd = await sys.open('here', OREAD)
  const text = new TextDecoder().decode(await sys.read(fd, 100))
  await sys.close(fd)
  return text
}

const tree = (w: World) => {
  for (const d of ['/tmp', '/tmp/a', '/tmp/a/b', '/tmp/a/b/c', '/tmp/#s', '/tmp/#s/x', '/tmp/other'])
    w.tree.add(`${d}/here`, d)
}

/** As a server does that renames across directories. */
function move(w: World, from: string, to: string): void {
  const file = w.tree.lookup(from)!
  file.parent.children!.delete(file.name)
  file.parent = w.tree.lookup(to)!
  file.parent.children!.set(file.name, file)
}

describe('Descent', () => {
  it.each([
    ['a', '/tmp/a'],
    ['a/b', '/tmp/a/b'],
    ['./a/../a/b/c', '/tmp/a/b/c'],
    ['/tmp/a/b', '/tmp/a/b'],
    ['../tmp/a', '/tmp/a'],
    ['./#s', '/tmp/#s'],
    ['.', '/tmp'],
  ])('goes into %s and comes back', async (name, where) => {
    await inside(tree, async (sys, way) => {
      await way.enter(name)
      expect(await here(sys)).toBe(where)
      await way.leave()
      expect(await here(sys)).toBe('/tmp')
    })
  })
  it('goes down and up by single names, one with a # too', async () => {
    expect([leaf('x'), leaf('#s')]).toEqual(['x', './#s'])
    await inside(tree, async (sys, way) => {
      for (const [name, where] of [
        ['/tmp/a', '/tmp/a'],
        ['b', '/tmp/a/b'],
        ['c', '/tmp/a/b/c'],
      ] as const) {
        await way.enter(name)
        expect(await here(sys)).toBe(where)
      }
      for (const where of ['/tmp/a/b', '/tmp/a', '/tmp']) {
        await way.leave()
        expect(await here(sys)).toBe(where)
      }
      await way.enter(leaf('#s'))
      await way.enter('x')
      await way.leave()
      expect(await here(sys)).toBe('/tmp/#s')
    })
  })
  it('stays where it is when it cannot go in', async () => {
    await inside(tree, async (sys, way) => {
      await way.enter('a')
      for (const name of ['nosuch', 'here', 'b/nosuch']) await expect(way.enter(name)).rejects.toThrow()
      expect(await here(sys)).toBe('/tmp/a')
      await way.leave()
      expect(await here(sys)).toBe('/tmp')
    })
  })
  it('comes back by name when the directory it is in was moved away', async () => {
    await inside(tree, async (sys, way, w) => {
      await way.enter('a')
      await way.enter('b')
      move(w, '/tmp/a/b', '/tmp/other')
      await way.leave()
      expect(await here(sys)).toBe('/tmp/a')
      await way.leave()
      expect(await here(sys)).toBe('/tmp')
    })
  })
  it('says that there is no way back when that was moved too', async () => {
    await inside(tree, async (_sys, way, w) => {
      await way.enter('a')
      await way.enter('b')
      await way.enter('c')
      move(w, '/tmp/a/b/c', '/tmp/other')
      move(w, '/tmp/a/b', '/tmp/other')
      // Another directory of that name is not taken for it.
      w.tree.add('/tmp/a/b/here', 'impostor')
      await expect(way.leave()).rejects.toThrow('no way back from c')
    })
  })
})

describe('rm -r and du', () => {
  const deep = (n: number) => '/d'.repeat(n)
  const files = () => ({
    '/tmp/t/#s/f': 'x',
    '/tmp/t/#s/#c/f': 'x',
    '/tmp/t/a/b/f': 'x',
    [`/tmp/t${deep(300)}/f`]: 'x',
  })
  it.each([
    ['t', '/tmp'],
    ['./t', '/tmp'],
    ['tmp/t', '/'],
    ['/tmp/t', '/bin'],
    ['../t', '/tmp/t2'],
  ])('of %s in %s', async (name, dir) => {
    const w = new World({ ...files(), '/tmp/t2/keep': '' })
    const lines = (await w.run(['du', name], '', dir)).stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(2 + 2 + 300 + 1)
    expect(lines).toContain(`1\t'${name}/#s/#c'`)
    expect(lines).toContain(`1\t${name}${deep(300)}`)
    expect(lines.at(-1)).toBe(`4\t${name}`)
    expect(await w.run(['rm', '-r', name], '', dir)).toMatchObject({ status: '', stderr: '' })
    expect(w.tree.lookup('/tmp/t')).toBeUndefined()
    expect(w.tree.lookup('/tmp/t2/keep')).toBeDefined()
  })
  it('of several arguments each from the same place', async () => {
    const w = new World({ '/tmp/a/b/c/f': 'x', '/tmp/e/b/f': 'x' })
    expect((await w.run(['du', '-s', 'a/b', '/tmp/e', 'a'])).stdout).toBe('1\ta/b\n1\t/tmp/e\n0\ta\n')
    expect(await w.run(['rm', '-r', 'a/b', '/tmp/e', 'a'])).toMatchObject({ status: '', stderr: '' })
    expect(w.tree.lookup('/tmp')!.children!.size).toBe(0)
  })
})
