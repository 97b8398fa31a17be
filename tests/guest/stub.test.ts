import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { assemble } from '../../emulator/cpu/build.mjs'

test('stub.gen.ts is what stub.s makes', async () => {
  expect(await assemble()).toBe(await readFile(new URL('../../emulator/cpu/stub.gen.ts', import.meta.url), 'utf8'))
})
