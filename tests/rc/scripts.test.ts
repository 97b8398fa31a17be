import { expect, test } from 'vitest'
import { bless, scripts } from './scripts.ts'
import { World } from './world.ts'

test('there are scripts', () => {
  expect(scripts.length).toBeGreaterThan(80)
})

for (const s of scripts) {
  test.concurrent(`rc ${s.name}.rc`, async () => {
    const world = new World({ '/t/script': s.text })
    const { out, err } = await world.script(['./script'])
    if (process.env['BLESS']) bless(s.name, out, err)
    else expect({ out, err }).toEqual({ out: s.expected, err: s.err })
  })
}
