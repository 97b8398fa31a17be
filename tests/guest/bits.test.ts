import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { buildPlan9, buildX87, built } from '../../emulator/guest/build.ts'
import type { Tree } from '../../plan9/9p/tree.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { random } from '../llm/models.ts'
import { cases, seed } from './cases.ts'
import { program, run } from './linux.ts'

/** The forward pass in v86: at each step the bits of the same C on Linux, which llm.test.ts compares with the engine. */

const timeout = 120_000
const file = '/sys/src/cmd/llm/test'

let dir: string
let tree: Tree
let m: Machine
let cons: Testcons

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'guest-bits-'))
  await buildPlan9(['dump'])
  const x87 = await buildX87(['dump'])
  cons = new Testcons()
  m = boot({
    fill: t => {
      tree = t
      fillRoot(t)
      t.add(`${file}/8.dump`, new Uint8Array(readFileSync(built('dump', '386'))), 0o775)
      t.add(`${file}/8.x87`, new Uint8Array(readFileSync(join(x87, 'plan9', '386', 'dump'))), 0o775)
    },
    programs: {},
    images: [aoutimage(cpuWorker)],
    cons: [cons],
  })
}, timeout)
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function rc(commands: string): Promise<{ status: string; out: string }> {
  cons.out = ''
  const { exited } = await m.start({ argv: ['rc', '-c', commands], cons: 0 })
  return { status: await exited, out: cons.out }
}

describe('in v86', { timeout }, () => {
  test.each(cases.filter(c => !c.name.includes('260K')))('each step has its bits: $name', async ({ name, bytes }) => {
    const model = new Uint8Array(await bytes())
    const path = join(dir, 'model')
    writeFileSync(path, model)
    const next = random(seed)
    const size = new DataView(model.buffer).getInt32(0, true) === 0x616b3432 ? 28 : 20
    const vocab = Math.abs(new DataView(model.buffer).getInt32(size, true))
    const tokens = Array.from({ length: name.includes('dim 10,') ? 1 : 18 }, () => String(next() % vocab))
    tree.add('/tmp/model', model)
    const want = run(program('amd64', 'dump'), ['-l', path, ...tokens])
    expect([want.err, want.out.length > 100]).toEqual(['', true])
    tree.add('/tmp/want', new Uint8Array(want.out))
    const ways = ['8.dump', '8.dump -j 3', '8.dump -s', '8.dump -s -j 2', '8.x87 -s']
    for (const way of ways) {
      const { status, out } = await rc(`${file}/${way} -l /tmp/model ${tokens.join(' ')} | cmp /fd/0 /tmp/want`)
      expect([way, out, status]).toEqual([way, '', ''])
    }
  })

  test('and so say 9front’s mk test and its script', async () => {
    expect(await rc(`cd ${file}; O=8 models=/lib/llm/stories_q80.bin ./bits.rc`)).toEqual({ status: '', out: '' })
    const { status, out } = await rc(`cd ${file}; bind /bin/echo 8.dump; O=8 models=/lib/llm/stories_q80.bin ./bits.rc`)
    expect(out).toContain('/lib/llm/stories_q80.bin: dump -j 1 differs')
    expect(status).toMatch(/differs$/)
  })
})
