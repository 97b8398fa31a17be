import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arches, buildPlan9, built, compiler, kept, recorded } from '../../emulator/guest/build.ts'

const now = await compiler()
const same = now === recorded()
if (!same)
  console.warn(`not run: the comparison of the guest's programs, which were made by\n${recorded()}and here is\n${now}`)

test.runIf(process.env.CI)('the compiler is the one that made what is kept', () => {
  expect(now).toBe(recorded())
})

describe.runIf(same)('what is kept is what the sources give', () => {
  let names: string[]
  let dir: string
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'guest-'))
    names = await buildPlan9(undefined, dir)
  }, 300_000)
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  test.each(arches)('%s', arch => {
    expect(names).toContain('run')
    for (const name of names)
      expect(readFileSync(built(name, arch, dir)).equals(readFileSync(kept(name, arch))), name).toBe(true)
  })
})
