import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { arches, buildPlan9, buildTest, built } from '../../emulator/guest/build.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'

/** libthread, by a program that prints what its channels, alts and locks gave. */

const file = join(import.meta.dirname, 'c', 'threads.c')
const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53]
const said = `${['sum 619800', 'count 1200', 1, 1, 0, 7, 8, 0, 5, 6, 12345, '-1 0', ...primes].join('\n')}\n`

beforeAll(() => buildPlan9(['threads']), 120_000)

test.each(arches.flatMap(arch => [false, true].map(asan => ({ arch, asan }))))(
  'on Linux: %o',
  async ({ arch, asan }) => {
    const program = await buildTest(file, arch, asan)
    for (let i = 0; i < 5; i++) expect(execFileSync(program, { encoding: 'utf8', timeout: 20_000 })).toBe(said)
  },
  120_000,
)

test('in v86', async () => {
  const t = boot()
  t.k.images.push(aoutimage(cpuWorker))
  t.tree.add('/tmp/threads', new Uint8Array(readFileSync(built('threads', '386'))), 0o775)
  for (let i = 0; i < 5; i++) {
    t.cons[0]!.out = ''
    const { exited } = await t.k.start({ argv: ['/tmp/threads'], cons: 0 })
    expect(await exited).toBe('')
    expect(t.cons[0]!.out).toBe(said)
  }
})
