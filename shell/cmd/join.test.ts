import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** What 9base's join cannot be asked, by 9front's join(1): -v, standard input on both sides of a pipe, long lines. */
const world = new World({
  '/w/a': 'a 1\nb 2\nb 3\nd 4',
  '/w/b': 'b x\nb y\nc z\nd w\n',
  '/w/bin': Uint8Array.of(0x61, 0, 0x20, 0xff, 10),
  '/w/wide': `k ${Array.from({ length: 300 }, (_, i) => i).join(' ')}\n`,
})
const run = async (cmd: string[], stdin = '') => {
  const { stdout, stderr, status } = await world.run(['join', ...cmd], stdin, '/w')
  return [stdout + stderr, status]
}

it('-v: only lines without a partner', async () => {
  expect(await run(['-v', '1', 'a', 'b'])).toEqual(['a 1\n', ''])
  expect(await run(['-v2', 'a', 'b'])).toEqual(['c z\n', ''])
  expect(await run(['-v2', '-v1', 'a', 'b'])).toEqual(['a 1\nc z\n', ''])
})

it('neither file needs to be sought in; a last line may lack its newline', async () => {
  const want = 'b 2 x\nb 2 y\nb 3 x\nb 3 y\nd 4 w\n'
  expect(await run(['a', 'b'])).toEqual([want, ''])
  expect(
    (
      await world.pipe([
        ['cat', '/w/a'],
        ['join', '-', '/w/b'],
      ])
    ).stdout,
  ).toBe(want)
  expect(
    (
      await world.pipe([
        ['cat', '/w/b'],
        ['join', '/w/a', '-'],
      ])
    ).stdout,
  ).toBe(want)
})

it('fields are bytes, and as many as there are', async () => {
  expect([...(await world.run(['join', 'bin', 'bin'], '', '/w')).bytes]).toEqual([0x61, 0, 0x20, 0xff, 0x20, 0xff, 10])
  expect(await run(['-o', '1.301,2.150,1.302', '-e', '?', 'wide', 'wide'])).toEqual(['299 148 ?\n', ''])
  expect(await run(['-1', '9', '-2', '1', '-a1', 'bin', 'a'])).toEqual([' a\0 \ufffd\n', ''])
})

it('-t: a character of UTF-8, of which each separates', async () => {
  expect(await run(['-t', 'é', '-', '-'], '')).toEqual(['', ''])
  const w = new World({ '/w/x': 'aéébéc\n', '/w/y': 'aé1\n' })
  expect((await w.run(['join', '-té', '-o', '1.1,1.2,1.3,2.2,1.4', 'x', 'y'], '', '/w')).stdout).toBe('aéébé1éc\n')
})

it('-t of a space leaves tabs alone; the last -o counts; a flag that is none is nothing', async () => {
  const w = new World({ '/w/x': 'a\tb  c\n', '/w/y': 'a\tb d\n' })
  const ask = async (...args: string[]) => (await w.run(['join', ...args, 'x', 'y'], '', '/w')).stdout
  expect(await ask('-t', ' ')).toBe('a\tb c d\n')
  expect(await ask()).toBe('a b c b d\n')
  expect(await ask('-o', '1.2', '-o', '1.1,2.3')).toBe('a d\n')
  expect(await ask('-x')).toBe('a b c b d\n')
})

it('many lines of one key', async () => {
  const w = new World({ '/w/x': 'k 1\n'.repeat(300), '/w/y': 'k 2\n'.repeat(300) })
  expect((await w.run(['join', 'x', 'y'], '', '/w')).stdout).toBe('k 1 2\n'.repeat(90000))
})

it('what it says when it cannot', async () => {
  const help = 'join: usage: join [-1 x -2 y] [-o list] file1 file2\n'
  expect((await run(['a']))[0]).toBe(help)
  expect(await run(['a', 'nosuch'])).toEqual(["join: can't open nosuch\n", "can't open nosuch"])
  expect(await run(['-a'])).toEqual(['join: incomplete option -a\n', 'incomplete option -a'])
  expect(await run(['-o', '1.x,2', 'a', 'b'])).toEqual(['join: invalid -o list\n', 'invalid -o list'])
  expect(await run(['-2', '0', 'a', 'b'])).toEqual(['join: invalid field indices\n', 'invalid field indices'])
})
