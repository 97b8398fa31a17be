import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { buildPlan9, built } from '../../emulator/guest/build.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'
import { fillRoot } from '../../shell/node/root.ts'

/** c/kern.c, a program of plain C over our libc, in v86: what the kernel owes a program. */

let m: Machine
const cons = [new Testcons(), new Testcons()]

beforeAll(async () => {
  await buildPlan9(['kern', 'hello'])
  m = boot({
    fill(tree) {
      fillRoot(tree)
      for (const name of ['kern', 'hello'])
        tree.add(`/386/bin/${name}`, new Uint8Array(readFileSync(built(name, '386'))), 0o775)
    },
    programs: {},
    images: [aoutimage(cpuWorker)],
    cons,
  })
}, 300_000)

async function rc(commands: string) {
  for (const c of cons) c.out = ''
  const { exited } = await m.start({
    argv: ['rc', '-c', commands],
    cons: 0,
    fds: ['/dev/null', '#c0/cons', '#c1/cons'],
  })
  return { status: await exited, out: cons[0]!.out, err: cons[1]!.out }
}

test('arguments', async () => {
  const { out, status } = await rc("/386/bin/hello a 'b  c' '' β")
  expect(out).toBe('hello, world\n1 a\n2 b  c\n3 \n4 β\n')
  expect(status).toBe('')
})

const names = [
  ...readFileSync(join(import.meta.dirname, 'c', 'kern.c'), 'utf8').matchAll(/^\t"(\w+)",\t\w+,\t0,$/gm),
].map(([, name]) => name!)

describe('kern', () => {
  test('has its tests', () => {
    expect(names).toContain('startup')
    expect(names.length).toBeGreaterThan(15)
  })

  test.each(names)('%s', async name => {
    const { status, out, err } = await rc(`/386/bin/kern ${name}`)
    expect(status).toBe('')
    // Of fault's, four children die of theirs; what the program handles is told to nobody.
    expect(err.match(/: suicide: /g)?.length ?? 0).toBe(name === 'fault' ? 4 : 0)
    expect(out).toMatch(new RegExp(`^ok ${name}\n`))
  })

  test.each([
    ['readnil', 'sys: trap: fault read addr=0x0 pc=0x'],
    ['divide', 'sys: trap: divide error pc=0x'],
  ])('%s ends with a note that says where it was', async (name, note) => {
    const { status, err } = await rc(`/386/bin/kern ${name}`)
    expect(status).toContain(note)
    expect(err).toContain(`suicide: ${note}`)
    // and nm says what is there
    const pc = Number.parseInt(/pc=0x([\da-f]+)/.exec(err)![1]!, 16)
    const { out } = await rc('nm -n /386/bin/kern')
    const at = out
      .split('\n')
      .map(l => /^ *([\da-f]+) [Tt] (\S+)/.exec(l))
      .filter(l => l !== null && Number.parseInt(l[1]!, 16) <= pc)
    expect(at.at(-1)![2]).toBe(name)
  })
})
