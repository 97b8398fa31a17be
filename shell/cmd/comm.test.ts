import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** 9base has no comm: expected by 9front's comm(1). */
const world = new World({
  '/w/a': 'a\nb\nb\nc\né\n',
  '/w/b': 'a\nb\nd\né\nz',
  '/w/empty': '',
  '/w/bin': Uint8Array.of(0, 10, 0x80, 10, 0xff, 0, 10),
  '/w/bin2': Uint8Array.of(0, 10, 0xff, 10, 0xff, 0, 10),
})
const run = async (cmd: string[], stdin = '') => {
  const { stdout, stderr, status } = await world.run(['comm', ...cmd], stdin, '/w')
  return [stdout + stderr, status]
}

it.each([
  [[], '\t\ta\n\t\tb\nb\nc\n\td\n\t\té\n\tz\n'],
  [['-1'], '\ta\n\tb\nd\n\té\nz\n'],
  [['-2'], '\ta\n\tb\nb\nc\n\té\n'],
  [['-3'], 'b\nc\n\td\n\tz\n'],
  [['-12'], 'a\nb\né\n'],
  [['-2', '-1'], 'a\nb\né\n'],
  [['-23'], 'b\nc\n'],
  [['-13'], 'd\nz\n'],
  [['-123'], ''],
])('comm %j a b', async (flags, want) => {
  expect(await run([...flags, 'a', 'b'])).toEqual([want, ''])
  expect(await run([...flags, '-', 'b'], 'a\nb\nb\nc\né\n')).toEqual([want, ''])
})

it('an empty file leaves all of the other', async () => {
  expect(await run(['empty', 'a'])).toEqual(['\ta\n\tb\n\tb\n\tc\n\té\n', ''])
  expect(await run(['a', 'empty'])).toEqual(['a\nb\nb\nc\né\n', ''])
  expect(await run(['empty', 'empty'])).toEqual(['', ''])
})

it('lines are bytes', async () => {
  const { bytes } = await world.run(['comm', 'bin', 'bin2'], '', '/w')
  expect([...bytes]).toEqual([9, 9, 0, 10, 0x80, 10, 9, 0xff, 10, 9, 9, 0xff, 0, 10])
})

it('one file that never ends', async () => {
  const endless = new World(
    { '/w/b': 'y\n' },
    {
      yes: async sys => {
        for (;;) await sys.write(1, 'y\n'.repeat(1000))
      },
    },
  )
  expect((await endless.pipe([['yes'], ['comm', '-', '/w/b'], ['head', '-n', '3']])).stdout).toBe('\t\ty\ny\ny\n')
})

it('what it says when it cannot', async () => {
  expect(await run(['a'])).toEqual(['usage: comm [-123] file1 file2\n', 'usage'])
  expect(await run(['-4', 'a', 'b'])).toEqual(['usage: comm [-123] file1 file2\n', 'usage'])
  expect(await run(['a', 'nosuch'])).toEqual([expect.stringMatching(/^comm: cannot open nosuch: .*not exist/), 'open'])
})
