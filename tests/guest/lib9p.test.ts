import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { arches, buildPlan9, buildTest, built } from '../../emulator/guest/build.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'

/** lib9p, by a program whose clients go while they are being answered. */

const file = join(import.meta.dirname, 'c', 'hangup.c')

beforeAll(() => buildPlan9(['hangup']), 120_000)

test.each(arches.flatMap(arch => [false, true].map(asan => ({ arch, asan }))))(
  'clients that go, on Linux: %o',
  async ({ arch, asan }) => {
    const program = await buildTest(file, arch, asan)
    expect(execFileSync(program, { encoding: 'utf8', timeout: 60_000 })).toBe('50\n')
  },
  120_000,
)

test('clients that go, in v86', async () => {
  const t = boot()
  t.k.images.push(aoutimage(cpuWorker))
  t.tree.add('/tmp/hangup', new Uint8Array(readFileSync(built('hangup', '386'))), 0o775)
  const { exited } = await t.k.start({ argv: ['/tmp/hangup'], cons: 0 })
  expect(await exited).toBe('')
  expect(t.cons[0]!.out).toBe('50\n')
}, 60_000)
