import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** 9base has no col: expected by 9front's col(1), and as its col prints it. */
const world = new World()
const col = async (input: string, ...flags: string[]) => (await world.run(['col', ...flags], input)).stdout

it.each([
  ['plain\n\ntext\n', 'plain\n\ntext\n'],
  ['one\ntwo\x1b7 x\n', 'one x\ntwo\r'],
  ['low\n\n\x0b\x0bup\n', 'l\buo\bpw\n\n'],
  ['a\bb\b\bc\n', 'a\bc\bb\n'],
  ['bold\rbold\n', 'b\bbo\bol\bld\bd\n'],
  ['a       b        c\td\n', 'a\tb\t c\td\n'],
  ['x\x1b9half\n', 'x\n half\n'],
  ['x\x1b8sup\x1b9y\n', 'xsupy\n'],
  ['\x01c\x00o\x7fl \x1bz\n', 'col\n'],
  ['trailing   \n', 'trailing\n'],
  ['', ''],
])('col of %j', async (input, want) => {
  expect(await col(input)).toBe(want)
})

it.each([
  ['a\bb\bc\n', '-b', 'c\n'],
  ['x\x1b9half\x1b8\n', '-f', 'x\x1b9\r half\x1b9\r'],
  ['a       b\tc\n', '-x', 'a       b       c\n'],
  ['_\ba_\bb\n\x1b7\tz\n', '-bx', 'ab      z\n'],
])('col of %j with %s', async (input, flags, want) => {
  expect(await col(input, flags)).toBe(want)
})

it('characters are those of UTF-8, and stand in one column each', async () => {
  expect(await col('日本語\té\b\u0301\n')).toBe('日本語\té\b\u0301\n')
  expect(await col('ééééééé x\n')).toBe('ééééééé\tx\n')
})

it('more lines than are held, and back as far as that', async () => {
  const lines = Array.from({ length: 400 }, (_, i) => `line ${i}\n`).join('')
  expect(await col(`${lines}${'\x1b7'.repeat(3)}\t!\n`)).toBe(lines.replace('line 397', 'line 397!'))
})

it('a last line without its newline; a line that is too long; a flag that is none', async () => {
  expect(await col('a\nb')).toBe('a\nb\n')
  const long = await world.run(['col'], '\t'.repeat(200_000))
  expect([long.stderr, long.status]).toEqual(['col: line too long\n', 'line too long'])
  expect(await world.run(['col', '-z'])).toMatchObject({ stderr: 'usage: col [-bfx]\n', status: 'usage' })
})

it('input without end', async () => {
  const endless = new World(
    {},
    {
      yes: async sys => {
        for (;;) await sys.write(1, 'y\n'.repeat(1000))
      },
    },
  )
  expect((await endless.pipe([['yes'], ['col'], ['head', '-n', '2']])).stdout).toBe('y\ny\n')
})
