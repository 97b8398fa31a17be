import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** Where 9base's fmt goes wrong, or cannot be asked, by 9front's fmt(1). */
it('empty lines are kept, however many there are', async () => {
  const world = new World()
  const fmt = async (s: string, ...args: string[]) => (await world.run(['fmt', ...args], s)).stdout
  expect(await fmt('a\n\n\n\nb\nc\n \t\n\n\n\nd')).toBe('a\n\n\n\nb c\n\n\n\n\nd\n')
  expect(await fmt('\n\n\n\n', '-i', '8')).toBe('\n\n\n\n')
  const once = await fmt('x  y.\n\n\n\n   z\n   w\n')
  expect(await fmt(once)).toBe(once)
})

it('tabs stop where $tabstop says', async () => {
  const world = new World(
    {},
    {
      four: async sys => {
        await sys.close(await sys.create('/env/tabstop', 1, 0o666))
        await sys.write(await sys.open('/env/tabstop', 1), '4')
        return sys.exec('/bin/fmt', ['fmt', '-i', '2'])
      },
    },
  )
  expect((await world.run(['four'], '\ta\n    b\n  c\n')).stdout).toBe('\t  a b\n\tc\n')
})

it('binary goes through, word by word', async () => {
  const world = new World()
  const { bytes } = await world.run(['fmt', '-l', '4'], Uint8Array.of(0xff, 0, 32, 0x80, 0xc3, 10, 0xa9, 10))
  expect([...bytes]).toEqual([0xff, 0, 10, 0x80, 0xc3, 32, 0xa9, 10])
})
