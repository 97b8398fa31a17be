import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** 9base's split -e is older than 9front's: expected by 9front's split(1) and source. */
const chapters = 'preface\nChapter One\ntext\nmore\nChapter Two\ntext\nchapter one\nend'

/** Runs split on `input` in an empty directory: its complaints and status, and the files that it made. */
async function split(args: string[], input: string | Uint8Array) {
  const world = new World()
  world.tree.mkdir('/s')
  const { stdout, stderr, status } = await world.run(['split', ...args], input, '/s')
  const names = (await world.run(['ls'], '', '/s')).stdout.split('\n').slice(0, -1)
  return { says: stdout + stderr, status, files: Object.fromEntries(names.map(n => [n, world.text(`/s/${n}`)])) }
}

it.each<[string[], Record<string, string>]>([
  [
    ['-e', '^Chapter'],
    { xaa: 'preface\n', xab: 'Chapter One\ntext\nmore\n', xac: 'Chapter Two\ntext\nchapter one\nend' },
  ],
  [['-x', '-e', '^Chapter'], { xaa: 'preface\n', xab: 'text\nmore\n', xac: 'text\nchapter one\nend' }],
  [
    ['-e', '^Chapter (.*)'],
    { xaa: 'preface\n', One: 'Chapter One\ntext\nmore\n', Two: 'Chapter Two\ntext\nchapter one\nend' },
  ],
  [
    ['-e', '^CHAPTER (.*)', '-s.txt', '-i', '-f', 'p'],
    { paa: 'preface\n', 'one.txt': 'chapter one\nend', 'two.txt': 'Chapter Two\ntext\n' },
  ],
  [['-x', '-e', '^preface', '-e', '^(end)'], { xaa: '', xab: chapters.slice(8, -3), end: '' }],
  [['-e', 'nothing'], { xaa: chapters }],
])('split %j', async (args, files) => {
  expect(await split(args, chapters)).toEqual({ says: '', status: '', files })
})

it('an expression with nothing to divide makes one file', async () => {
  expect(await split(['-e', 'x'], '')).toEqual({ says: '', status: '', files: { xaa: '' } })
  expect(await split([], '')).toEqual({ says: '', status: '', files: {} })
})

it('after zz the last file goes on', async () => {
  const n = 26 * 26
  const { says, status, files } = await split(['-n', '1'], 'l\n'.repeat(n + 5))
  expect([says, status]).toEqual(['split: file xzz not split\n', ''])
  expect(Object.keys(files).length).toBe(n)
  expect([files['xaz'], files['xba'], files['xzy'], files['xzz']]).toEqual(['l\n', 'l\n', 'l\n', 'l\n'.repeat(6)])
  const x = await split(['-x', '-e', '^y', '-f', ''], 'y\n'.repeat(n + 2))
  expect([x.says, x.files['zz']]).toEqual(['split: file zz not split\n', 'y\ny\ny\n'])
})

it('binary', async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff)
  const world = new World()
  await world.run(['split', '-n', '1', '-f', 'b.'], bytes, '/tmp')
  const names = (await world.run(['ls'], '', '/tmp')).stdout.split('\n').slice(0, -1)
  expect(Buffer.concat(names.map(n => world.bytes(`/tmp/${n}`))).equals(bytes)).toBe(true)
  expect(names.length).toBe(bytes.filter(c => c === 10).length)
})

it('what it says when it cannot', async () => {
  expect(await split(['-e', '*'], 'x')).toMatchObject({
    says: 'split: bad regular expression\n',
    status: 'bad regular expression',
  })
  expect(await split(['nosuch'], '')).toMatchObject({
    says: expect.stringMatching(/^split: can't open nosuch: /),
    status: 'open',
  })
  expect(await split(['-f', '/nosuch/x'], 'l\n')).toMatchObject({
    says: expect.stringMatching(/^split: can't create \/nosuch\/xaa: /),
    status: 'create',
  })
})
