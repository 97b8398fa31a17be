import { expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { PlanError } from '../../plan9/error.ts'
import { PNGROUP, RFFDG, RFNAMEG, RFNOTEG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { NPROC } from '../../plan9/kernel/sysproc.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'
import { Random } from '../random.ts'
import { aout, call, exits, long } from './aout.ts'

/** RUNS=20000 is the whole of it; SEED another row. */
const RUNS = Number(process.env['RUNS'] ?? 400)
const SEED = Number(process.env['SEED'] ?? 1)
/** Milliseconds that a program has. */
const PATIENCE = 40

/** Instructions that have been the end of v86: ENTER with nesting, iret, far calls, segment loads, strings, x87's and SSE's state. */
const bad = [
  [0xc8, 0x10, 0x00, 0x1f],
  [0xcf],
  [0xcb],
  [0x9a, 0, 0, 0, 0, 0x33, 0],
  [0x8e, 0xd8],
  [0x8e, 0xe0],
  [0x8e, 0xd0],
  [0xf3, 0xa4],
  [0xf3, 0xab],
  [0xdd, 0x25, 0, 0x20, 0, 0],
  [0x0f, 0xae, 0x0d, 0, 0x20, 0, 0],
  [0x0f, 0xae, 0x15, 0, 0x20, 0, 0],
  [0x0f, 0x05],
  [0x0f, 0x34],
  [0xcd, 0x40],
  [0xcd, 0x80],
  [0x9d],
  [0x61],
  [0x8f, 0x05, 0, 0, 0, 0],
  [0xc9],
  [0x0f, 0xc7, 0x0d, 0, 0x20, 0, 0],
]

function program(rand: Random): Uint8Array {
  const text: number[] = []
  const n = 1 + rand.int(60)
  if (rand.int(3) === 0) text.push(0xbc, ...long(rand.int(2) ? 0x3000 : rand.int(0x7fffffff)))
  while (text.length < n) {
    const kind = rand.int(8)
    if (kind === 0) text.push(...bad[rand.int(bad.length)]!)
    else if (kind === 1) text.push(...call(rand.int(56), ...Array.from({ length: rand.int(6) }, () => wild(rand))))
    else for (let i = rand.int(12); i >= 0; i--) text.push(rand.int(256))
  }
  return aout(
    text,
    Uint8Array.from({ length: rand.int(200) }, () => rand.int(256)),
  )
}

function wild(rand: Random): number {
  switch (rand.int(6)) {
    case 0:
      return 0x2000 + rand.int(300)
    case 1:
      return rand.int(64)
    case 2:
      return -1
    case 3:
      return 0xdfff0000 + rand.int(0x10000)
    case 4:
      return 0x1000 << rand.int(20)
    default:
      return rand.int(0x7fffffff)
  }
}

/** Programs that must not get out: what exec, rfork and mount could do to the test is none of it. */
async function one(sys: Sys, code: Uint8Array): Promise<string> {
  const fd = await sys.create('/tmp/x', 1, 0o775)
  await sys.write(fd, code)
  await sys.close(fd)
  const pid = await sys.rfork(RFPROC | RFFDG, async sys => {
    await sys.rfork(RFNAMEG | RFFDG | RFNOTEG)
    return sys.exec('/tmp/x', ['x', 'argument'])
  })
  const timer = setTimeout(() => void kill(), PATIENCE)
  async function kill() {
    try {
      const ctl = await sys.open(`/proc/${pid}/ctl`, 1)
      await sys.write(ctl, 'kill')
      await sys.close(ctl)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
  }
  for (;;) {
    const w = await sys.wait()
    if (w.pid !== pid) continue
    clearTimeout(timer)
    return w.msg
  }
}

/** A kernel with /tmp/good, and a run of it. */
function machine() {
  const t = boot()
  t.k.images.push(aoutimage(cpuWorker))
  t.tree.add(
    '/tmp/good',
    aout([...call(51, 1, 0x2000, 5, -1, -1), ...exits], new TextEncoder().encode('good\n')),
    0o775,
  )
  const good = async () => {
    t.cons[0]!.out = ''
    const { exited } = await t.k.start({ argv: ['/tmp/good'], cons: 0 })
    expect(await exited).toBe('')
    expect(t.cons[0]!.out).toBe('good\n')
  }
  return { ...t, good }
}

test(
  `${RUNS} programs of nonsense, seed ${SEED}: a good one beside them goes on`,
  async () => {
    const t = machine()
    const ends = new Map<string, number>()
    let panics = 0
    await t.proc(async sys => {
      for (let i = 0; i < RUNS; i++) {
        const msg = await one(sys, program(new Random(SEED * 1_000_003 + i)))
        const kind = msg
          .replace(/^\S+ \d+: /, '')
          .replace(/0x[0-9a-f]+/g, 'N')
          .slice(0, 40)
        ends.set(kind, (ends.get(kind) ?? 0) + 1)
        if (msg.includes('processor panic')) panics++
        if (i % 20 === 19) {
          // Children that nonsense has left behind: their panic would be the end of what runs beside them.
          for (const pid of t.k.procs.keys()) if (pid !== sys.pid) t.k.kill(pid)
          while (t.k.procs.size > 1) await sys.sleep(1)
          t.cons[0]!.out = ''
          const pid = await sys.rfork(RFPROC | RFFDG, sys => sys.exec('/tmp/good', ['good']))
          const w = await sys.wait()
          expect(w).toMatchObject({ pid, msg: '' })
          expect(t.cons[0]!.out).toContain('good\n')
        }
      }
    })
    console.log(
      `${RUNS} programs, ${panics} panics of the processor`,
      Object.fromEntries([...ends].sort((a, b) => b[1] - a[1]).slice(0, 12)),
    )
    expect([...ends.values()].reduce((a, b) => a + b)).toBe(RUNS)
  },
  120_000 + RUNS * 2 * PATIENCE,
)

test('recursion without an end is the end of the stack', async () => {
  const m = machine()
  m.tree.add('/tmp/deep', aout([0xe8, 0xfb, 0xff, 0xff, 0xff]), 0o775)
  const { exited } = await m.k.start({ argv: ['/tmp/deep'], cons: 0 })
  expect(await exited).toBe('sys: trap: fault write addr=0xdeffeffc pc=0x1020')
  await m.good()
})

test('who takes all memory ends when there is no more, and others go on', async () => {
  const m = machine()
  m.tree.add('/tmp/spin', aout([0xeb, 0xfe]), 0o775)
  const spin = await m.k.start({ argv: ['/tmp/spin'], cons: 0 })
  // brk_(0xd0000000), and a byte of each page from 0x100000 on.
  const touch = [0xbb, ...long(0x100000), 0xc6, 0x03, 1, 0x81, 0xc3, ...long(0x1000), 0xeb, 0xf5]
  m.tree.add('/tmp/greedy', aout([...call(24, 0xd0000000 | 0), ...touch]), 0o775)
  for (let i = 0; i < 2; i++) {
    const { exited } = await m.k.start({ argv: ['/tmp/greedy'], cons: 0 })
    expect(await exited).toBe('Killed: Insufficient physical memory')
    await m.good()
  }
  m.k.kill(spin.pid)
  expect(await spin.exited).toBe('sys: killed')
})

test('a fork bomb leaves the others a turn, and its note group can be killed', async () => {
  const m = machine()
  // rfork(RFPROC|RFFDG|RFNOWAIT), for ever.
  const bomb = [0x68, ...long(0x54), 0x68, ...long(0), 0xb8, ...long(19), 0xcd, 0x40, 0x83, 0xc4, 8, 0xeb, 0xea]
  m.tree.add('/tmp/bomb', aout(bomb), 0o775)
  const { pid } = await m.k.start({ argv: ['/tmp/bomb'], cons: 0 })
  while (m.k.procs.size < 1000) await new Promise(resolve => setTimeout(resolve, 20))
  const before = m.k.procs.get(pid)!.noteid
  while (m.k.procs.size < NPROC) await new Promise(resolve => setTimeout(resolve, 20))
  await m.good()
  for (let i = 0; i < 100 && m.k.procs.size > 1; i++) {
    m.k.postnote(PNGROUP, before, 'kill')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  expect([...m.k.procs.values()].filter(p => p.text === 'bomb')).toEqual([])
  await m.good()
})
