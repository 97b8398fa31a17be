import { expect, test } from 'vitest'
import { bless, scripts } from './scripts.ts'
import { World } from './world.ts'

test('there are scripts', () => {
  expect(scripts.length).toBeGreaterThan(500)
})

for (const s of scripts) {
  test.concurrent(`rc ${s.name}.rc`, async () => {
    const world = new World({ '/t/script': s.text })
    const { out, err, status } = await world.script(['./script'])
    if (process.env['BLESS']) bless(s.name, out, err, status === '')
    else expect({ out, err, ok: status === '' }).toEqual({ out: s.expected, err: s.err, ok: s.ok })
  })
}
