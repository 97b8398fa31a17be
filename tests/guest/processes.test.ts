import { readFile } from 'node:fs/promises'
import { V86 } from 'v86'
import { beforeAll, describe, expect, test } from 'vitest'
import { aoutimage, type CpuWorker } from '../../emulator/cpu/image.ts'
import type { Machine } from '../../emulator/cpu/machine.ts'
import type { Down, Up } from '../../emulator/cpu/protocol.ts'
import type { Emulator } from '../../emulator/cpu/v86.ts'
import { serveCpu } from '../../emulator/cpu/worker.ts'
import { buildPlan9, built } from '../../emulator/guest/build.ts'
import type { Parts } from '../../emulator/v86.ts'
import { PlanError } from '../../plan9/error.ts'
import { PNGROUP, RFFDG, RFNOTEG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { boot, type Testkernel } from '../../plan9/kernel/testkernel.ts'
import { Random } from '../random.ts'
import { aout, call, exits, long, spin } from './aout.ts'

/** 386 programs as processes: their ends, what /proc has of them, their files; on a processor in this thread, to look into it. */

let t: Testkernel
let machine: Machine

/** The processor's part in the test's own thread; what passes between the two is copied, as between threads. */
function inthread(): CpuWorker {
  let down: (downs: Down[]) => void
  let up: (ups: Up[]) => void
  const later = (f: () => void) => void setImmediate(f)
  serveCpu(
    {
      postMessage: ups => {
        const copy = structuredClone(ups)
        later(() => up(copy))
      },
      onmessage: f => {
        down = f
      },
    },
    async () => ({
      V86: V86 as unknown as Parts<Emulator>['V86'],
      wasm: await readFile(new URL('../../node_modules/v86/build/v86.wasm', import.meta.url)),
    }),
  ).then(m => {
    machine = m
  })
  return {
    postMessage: downs => {
      const copy = structuredClone(downs)
      later(() => down(copy))
    },
    onmessage: f => {
      up = f
    },
    failed: new Promise(() => {}),
    terminate: () => {},
  }
}

beforeAll(async () => {
  await buildPlan9(['trial'])
  t = boot()
  t.k.images.push(aoutimage(inthread))
  t.tree.add('/tmp/trial', new Uint8Array(await readFile(built('trial', '386'))), 0o775)
  // read(3, 0x3000, 1) of a pipe that nobody writes to, for ever.
  t.tree.add('/tmp/reads', aout([...call(21, 0x3000), ...call(50, 3, 0x3010, 1, -1, -1), ...exits]), 0o775)
  t.tree.add('/tmp/ends', aout(exits), 0o775)
  t.tree.add('/tmp/spin', aout(spin), 0o775)
}, 120_000)

const text = (b: Uint8Array) => new TextDecoder().decode(b)
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function readfile(sys: Sys, name: string): Promise<Uint8Array> {
  const fd = await sys.open(name, 0)
  try {
    return await sys.read(fd, 8192)
  } finally {
    await sys.close(fd)
  }
}

async function writefile(sys: Sys, name: string, data: string): Promise<void> {
  const fd = await sys.open(name, 1)
  try {
    await sys.write(fd, data)
  } finally {
    await sys.close(fd)
  }
}

const ctl = (sys: Sys, pid: number, msg: string) => writefile(sys, `/proc/${pid}/ctl`, msg)

describe('what is given back', () => {
  /** After all processes: the kernel's last words may still be on their way. */
  async function settled() {
    // One that has ended keeps its pages until another runs: the last one is always the same.
    const { exited } = await t.k.start({ argv: ['/tmp/ends'], cons: 0 })
    await exited
    for (let i = 0; machine.usage.guests > 0 && i < 500; i++) await pause(10)
    const { memory, files, guests, fx } = machine.usage
    return { kept: memory - files, guests, fx }
  }

  test('after forks, execs, faults and kills: all', async () => {
    const before = await settled()
    expect(before).toMatchObject({ guests: 0, fx: 0 })
    expect(before.kept).toBeLessThan(65536)
    const rand = new Random(7)
    // rfork(RFPROC|RFFDG|RFNOWAIT) 20 times, in all of which a write to the data; then exits or a fault.
    const forks = (flags: number, last: number[]) => [
      ...[0xbb, ...long(20), 0x68, ...long(flags), 0x68, ...long(0), 0xb8, ...long(19), 0xcd, 0x40, 0x83, 0xc4, 8],
      ...[0xff, 0x05, ...long(0x3000), 0x85, 0xc0, 0x74, 3, 0x4b, 0x75, 0xdf],
      ...last,
    ]
    t.tree.add('/tmp/forks', aout(forks(0x54, exits)), 0o775)
    t.tree.add('/tmp/threads', aout(forks(0x74, exits)), 0o775)
    t.tree.add('/tmp/faults', aout(forks(0x54, [0xa1, ...long(0)])), 0o775)
    await t.proc(async sys => {
      for (let i = 0; i < 500; i++) {
        const name = ['forks', 'threads', 'faults', 'spin'][rand.int(4)]!
        const pid = await sys.rfork(RFPROC | RFFDG, sys => sys.exec(`/tmp/${name}`, [name]))
        const kill = name === 'spin' || rand.int(3) === 0
        if (kill) {
          await sys.sleep(rand.int(4))
          await ctl(sys, pid, 'kill').catch(e => {
            if (!(e instanceof PlanError)) throw e
          })
        }
        await sys.wait()
      }
    })
    expect(await settled()).toEqual(before)
  }, 120_000)

  test('after notes, threads and segments: all', async () => {
    const before = await settled()
    for (const name of ['forks', 'memory', 'threads', 'sems', 'blocked', 'execs']) {
      const { exited } = await t.k.start({ argv: ['/tmp/trial', name], cons: 0 })
      expect(await exited).toBe('')
    }
    expect(await settled()).toEqual(before)
  })
})

describe('/proc', () => {
  /** Starts a program, and hands its pid on. */
  const running = (argv: string[], f: (sys: Sys, pid: number) => Promise<void>) =>
    t.proc(async sys => {
      const pid = await sys.rfork(RFPROC | RFFDG, sys => sys.exec(argv[0]!, argv))
      try {
        await f(sys, pid)
      } finally {
        await ctl(sys, pid, 'kill').catch(() => {})
        await sys.wait()
      }
    })

  test('one that spins in its handler is stopped and goes on', async () => {
    t.cons[0]!.out = ''
    await running(['/tmp/trial', 'spins'], async (sys, pid) => {
      while (!t.cons[0]!.out.includes('spins')) await sys.sleep(1)
      for (let i = 0; i < 3; i++) {
        await ctl(sys, pid, 'stop')
        expect(text(await readfile(sys, `/proc/${pid}/status`))).toContain('Stopped')
        const regs = await readfile(sys, `/proc/${pid}/regs`)
        await pause(30)
        expect(await readfile(sys, `/proc/${pid}/regs`)).toEqual(regs)
        await ctl(sys, pid, 'start')
      }
    })
  })

  test('hang stops a program before its first instruction', async () => {
    await t.proc(async sys => {
      const pid = await sys.rfork(RFPROC | RFFDG, async sys => {
        await ctl(sys, sys.pid, 'hang')
        return sys.exec('/tmp/spin', ['spin'])
      })
      await ctl(sys, pid, 'waitstop')
      const regs = await readfile(sys, `/proc/${pid}/regs`)
      expect(new DataView(regs.slice().buffer).getUint32(4 * 14, true)).toBe(0x1020)
      expect(text(await readfile(sys, `/proc/${pid}/status`))).toContain('Stopped')
      await ctl(sys, pid, 'start')
      await ctl(sys, pid, 'kill')
      await sys.wait()
    })
  })

  test('who reads of one that ends is answered', async () => {
    await t.proc(async sys => {
      for (let i = 0; i < 100; i++) {
        const pid = await sys.rfork(RFPROC | RFFDG, sys => sys.exec('/tmp/ends', ['ends']))
        for (let j = 0; j < i % 10; j++) await sys.sleep(0)
        try {
          await Promise.all(['mem', 'regs', 'segment'].map(name => readfile(sys, `/proc/${pid}/${name}`)))
        } catch (e) {
          if (!(e instanceof PlanError)) throw e
        }
        await sys.wait()
      }
    })
  })

  test('one that waits for input: looked at, stopped when it has it, killed', async () => {
    await running(['/tmp/reads'], async (sys, pid) => {
      while (!text(await readfile(sys, `/proc/${pid}/status`)).includes('Pread')) await sys.sleep(1)
      expect(await readfile(sys, `/proc/${pid}/regs`)).toHaveLength(76)
      const fd = await sys.open(`/proc/${pid}/mem`, 0)
      expect(await sys.pread(fd, 2, 0x3000)).toHaveLength(2)
      // Over the end of a segment, and where there is none.
      expect(await sys.pread(fd, 100, 0x1ff0)).toHaveLength(16)
      await expect(sys.pread(fd, 1, 0x50000000)).rejects.toThrow('bad arg in system call')
      await ctl(sys, pid, 'kill')
      await pause(10)
      await expect(sys.pread(fd, 1, 0x3000)).rejects.toThrow('process exited')
    })
  })
})

test('an interrupt ends a pipeline of programs, those that wait and those that compute', () =>
  t.proc(async sys => {
    for (let i = 0; i < 20; i++) {
      const pid = await sys.rfork(RFPROC | RFFDG, async sys => {
        await sys.rfork(RFNOTEG)
        for (const argv of [['/tmp/reads'], ['/tmp/spin'], ['/tmp/trial', 'blocked'], ['/tmp/trial', 'floats']])
          await sys.rfork(RFPROC | RFFDG, sys => sys.exec(argv[0]!, argv))
        return sys.exec('/tmp/spin', ['spin'])
      })
      await pause(i)
      const group = t.k.procs.get(pid)!.noteid
      for (let n = 0; [...t.k.procs.values()].some(p => p.noteid === group); n++) {
        if (n > 200) expect([...t.k.procs.values()].filter(p => p.noteid === group).map(p => p.args)).toEqual([])
        // What has a handler is ended by kill alone, and forks meanwhile.
        t.k.postnote(PNGROUP, pid, 'interrupt')
        for (const p of t.k.procs.values()) if (p.noteid === group && p.notify) t.k.kill(p.pid)
        await pause(5)
      }
      await sys.wait()
    }
  }))

describe('files', () => {
  const says = (s: string) => aout([...call(51, 1, 0x2000, 4, -1, -1), ...exits], new TextEncoder().encode(s))
  async function run(argv: string[]) {
    t.cons[0]!.out = ''
    const { exited } = await t.k.start({ argv, cons: 0 })
    return [await exited, t.cons[0]!.out]
  }

  test('another text of the same length runs at once', () =>
    t.proc(async sys => {
      for (let i = 0; i < 10; i++) {
        const fd = await sys.create('/tmp/says', 1, 0o775)
        await sys.write(fd, says(`no ${i}`))
        await sys.close(fd)
        expect(await run(['/tmp/says'])).toEqual(['', `no ${i}`])
      }
    }))

  test('a script of a program, and a file that is removed while it runs', async () => {
    t.tree.add('/tmp/script', '#!/tmp/trial memory1\n', 0o775)
    expect((await run(['/tmp/script']))[0]).toContain('bad')
    t.tree.add(
      '/tmp/gone',
      aout(
        [...call(21, 0x3000), ...call(50, 3, 0x3010, 1, -1, -1), ...call(51, 1, 0x2000, 4, -1, -1), ...exits],
        new TextEncoder().encode('gone'),
      ),
      0o775,
    )
    t.cons[0]!.out = ''
    const { pid, exited } = await t.k.start({ argv: ['/tmp/gone'], cons: 0 })
    await t.proc(async sys => {
      while (!text(await readfile(sys, `/proc/${pid}/status`)).includes('Pread')) await sys.sleep(1)
      await sys.remove('/tmp/gone')
      await ctl(sys, pid, 'interrupt')
    })
    expect([await exited, t.cons[0]!.out]).toEqual(['', 'gone'])
  })

  test('arguments: a megabyte, more than a stack, and none', async () => {
    // write(1, argv[1], 4)
    const echo = [
      0x8b,
      0x44,
      0x24,
      8,
      0x6a,
      0xff,
      0x6a,
      0xff,
      0x6a,
      4,
      0x50,
      0x6a,
      1,
      0x6a,
      0,
      0xb8,
      ...long(51),
      0xcd,
      0x40,
    ]
    t.tree.add('/tmp/arg', aout([...echo, ...exits]), 0o775)
    expect(await run(['/tmp/arg', `last${'x'.repeat(1_000_000)}`])).toEqual(['', 'last'])
    await expect(run(['/tmp/arg', 'x'.repeat(17 << 20)])).rejects.toThrow('argument list too long')
    await t.proc(async sys => {
      await expect(sys.exec('/tmp/arg', [])).rejects.toThrow('bad arg in system call')
      await expect(
        sys.exec(
          '/tmp/arg',
          Array.from({ length: 5e5 }, () => 'a'),
        ),
      ).rejects.toThrow('argument list too long')
    })
    expect(await run(['/tmp/arg', 'good'])).toEqual(['', 'good'])
  })
})
