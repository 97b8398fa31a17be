import { expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { PlanError } from '../../plan9/error.ts'
import { RFFDG, RFNAMEG, RFNOTEG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
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

test(
  `${RUNS} programs of nonsense, seed ${SEED}: a good one beside them goes on`,
  async () => {
    const t = boot()
    t.k.images.push(aoutimage(cpuWorker))
    t.tree.add(
      '/tmp/good',
      aout([...call(51, 1, 0x2000, 5, -1, -1), ...exits], new TextEncoder().encode('good\n')),
      0o775,
    )
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
