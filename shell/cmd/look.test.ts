import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** What 9base's look has not, or gets wrong, by 9front's look(1). */
const big = Array.from({ length: 40_000 }, (_, i) => String(i).padStart(6, '0'))
const files = {
  '/w/hex': '-ff a\n9 b\na c\n0F d\n1f e\nff f',
  '/w/big': big.map(s => `${s}\n`).join(''),
  '/w/unsorted': Array.from({ length: 500 }, (_, i) => `${(i * 7919) % 1009}\n`).join(''),
  '/w/caps': 'Ape\nape\nAPE x\nbee\n',
}
const world = new World(files)
const run = async (cmd: string[], stdin = '', w = world) => {
  const { stdout, stderr, status } = await w.run(['look', ...cmd], stdin, w === world ? '/w' : '/tmp')
  return [stdout + stderr, status]
}

it('without a file the dictionary is /lib/words, in the order of -df', async () => {
  expect(await run(['word'])).toEqual(["look: can't open /lib/words\n", 'no dictionary'])
  const w = new World({ '/lib/words': 'ape\nApe-man\napex\nbee\n' })
  expect(await run(['APEM'], '', w)).toEqual(['Ape-man\n', ''])
  expect(await run([], 'ape\nx\nbe\n', w)).toEqual(['ape\nApe-man\napex\nbee\n', ''])
})

it('-b: numbers to a base; a last line without its newline counts', async () => {
  expect(await run(['-b', '16', 'F', 'hex'])).toEqual(['0F d\n', ''])
  expect(await run(['-b16', '00ff', 'hex'])).toEqual(['ff f\n', ''])
  expect(await run(['-b16', '--', '-FF', 'hex'])).toEqual(['-ff a\n', ''])
  expect(await run(['-b16', 'b', 'hex'])).toEqual(['', 'not found'])
})

it('-x with -f: every line whose key is the string', async () => {
  expect(await run(['-xf', 'APE', 'caps'])).toEqual(['Ape\nape\n', ''])
})

it('the search finds what there is, in a file of any size', async () => {
  for (const s of ['000000', '039999', '012345', '031'])
    expect(await run([s, 'big'])).toEqual([
      big
        .filter(l => l.startsWith(s))
        .map(l => `${l}\n`)
        .join(''),
      '',
    ])
  expect(await run(['04', 'big'])).toEqual(['', 'not found'])
})

it('comes to an end in a file that is not sorted', async () => {
  for (const s of ['1', '50', '1008', '999', 'x']) expect((await run([s, 'unsorted']))[1]).toMatch(/^(not found)?$/)
})
