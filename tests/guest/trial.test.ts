import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { buildPlan9, built } from '../../emulator/guest/build.ts'
import { boot, type Testkernel } from '../../plan9/kernel/testkernel.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'

/** What a program may count on, by one that tries it: c/trial.c. */

let t: Testkernel
beforeAll(async () => {
  await buildPlan9(['trial'])
  t = boot()
  t.k.images.push(aoutimage(cpuWorker))
  t.tree.add('/tmp/trial', new Uint8Array(readFileSync(built('trial', '386'))), 0o775)
}, 120_000)

async function trial(name: string, out: string) {
  t.cons[0]!.out = ''
  const { exited } = await t.k.start({ argv: ['/tmp/trial', name], cons: 0 })
  expect({ status: await exited, out: t.cons[0]!.out }).toEqual({ status: '', out })
}

/** Pages of programs come slowly meanwhile. */
async function slowly(f: () => Promise<void>) {
  const dev = t.k.devtab.get('M')!
  const { read } = dev
  dev.read = async (up, c, n, offset) => {
    if (up === t.k.kproc) await new Promise(resolve => setTimeout(resolve, 3))
    return read(up, c, n, offset)
  }
  try {
    await f()
  } finally {
    dev.read = read
  }
}

test.each([
  ['alarms', 'alarms\n', 'an alarm ends a computation and a read'],
  ['blocked', '', 'a note that comes with a read ends it'],
  ['calls', '', 'system calls are what they are between notes'],
  ['codes', '', 'code is what was written last, in whatever page'],
  ['deeps', '', 'a stack of 10 MB'],
  ['edges', '', 'what is read and written at the edges of memory, and buffers too short'],
  ['execs', 'alarms\n', 'what a note handler executes has notes'],
  ['floats', '', 'floating-point state is each process’s own'],
  ['forks', '', 'notes jump away from forks, whose children live and end'],
  ['memory', 'memory\n', 'memory is zeros at first, private or shared as asked for'],
  ['saves', '', 'NSAVE, a note in its midst, NRSTR'],
  ['sems', '', 'semaphores are left by notes and by time'],
  ['threads', '', 'processes in one memory grow it and fork'],
  ['uregs', '', 'a handler mends what a fault was about'],
])('%s %#', async (name, out) => {
  await trial(name, out)
})

test('system calls that wait for a page first, and notes', () => {
  // Another file, of which nothing is in memory.
  t.tree.add('/tmp/trial', new Uint8Array(readFileSync(built('trial', '386'))), 0o775)
  return slowly(() => trial('calls', ''))
})
