import { beforeAll, expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { boot, type Testkernel } from '../../plan9/kernel/testkernel.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'
import { aout, call, exits, long, spin } from './aout.ts'

let t: Testkernel

/** Runs a program to its end, and gives its status and what it wrote to fd 1 and 2. */
async function run(text: number[], data?: Uint8Array): Promise<{ status: string; out: string }> {
  t.tree.add('/tmp/a.out', aout(text, data), 0o775)
  t.cons[0]!.out = ''
  const { exited } = await t.k.start({ argv: ['/tmp/a.out'], cons: 0 })
  return { status: await exited, out: t.cons[0]!.out }
}

beforeAll(() => {
  t = boot()
  t.k.images.push(aoutimage(cpuWorker))
})

test('a program writes, and exits', async () => {
  const r = await run([...call(51, 1, 0x2000, 6, -1, -1), ...exits], new TextEncoder().encode('hello\n'))
  expect(r).toEqual({ status: '', out: 'hello\n' })
})

test('a status of its own', async () => {
  expect((await run(call(8, 0x2000), new TextEncoder().encode('bad luck\0'))).status).toBe('bad luck')
})

test('seek, from the start, from where it is and from the end', async () => {
  const some = [...call(50, 3, 0x3010, 2, -1, -1), ...call(51, 1, 0x3010, 2, -1, -1)]
  const text = [
    ...call(22, 0x2000, 2, 0o666),
    ...call(51, 3, 0x2010, 6, -1, -1),
    ...call(39, 0x3000, 3, 1, 0, 0),
    ...some,
    ...call(39, 0x3000, 3, -3, -1, 1),
    ...some,
    ...call(39, 0x3000, 3, -2, -1, 2),
    ...call(51, 3, 0x3000, 1, -1, -1),
    ...call(39, 0x3000, 3, -2, -1, 2),
    ...some,
    ...exits,
  ]
  expect(await run(text, new TextEncoder().encode('/tmp/seek\0\0\0\0\0\0\0abcdef'))).toEqual({
    status: '',
    out: 'bcab\x04f',
  })
})

test.each([
  ['a read of nothing', [0xa1, ...long(0)], 'fault read addr=0x0'],
  ['a write to nothing', [0xa3, ...long(0x9000000)], 'fault write addr=0x9000000'],
  ['a write to the text', [0xa3, ...long(0x1020)], 'fault write addr=0x1020'],
  ["a read of what is the supervisor's", [0xa1, ...long(0xf0100000 | 0)], 'fault read addr=0xf0100000'],
  ['a division by zero', [0xf7, 0xf1], 'divide error'],
  ['no instruction', [0x0f, 0x0b], 'invalid opcode'],
  ['an instruction that is not for programs', [0xf4], 'general protection violation'],
  ['output to a port', [0xef], 'general protection violation'],
])('%s ends the process with a note', async (_, text, trap) => {
  const { status, out } = await run([0x31, 0xc9, ...text, ...exits])
  expect(status).toBe(`sys: trap: ${trap} pc=0x1022`)
  expect(out).toMatch(new RegExp(`^a.out [0-9]+: suicide: sys: trap: ${trap} pc=0x1022\n$`))
})

test('a call that there is not', async () => {
  expect((await run([...call(99), ...exits])).status).toMatch(/^sys: bad sys call 99 pc=/)
})

test('an address that is none, in a call', async () => {
  expect((await run([...call(14, 0, 0), ...exits])).status).toMatch(/^sys: bad address in syscall pc=/)
})

test('one that computes for ever is stopped, looked at, let go and killed', async () => {
  t.tree.add('/tmp/spin', aout(spin), 0o775)
  const { pid, exited } = await t.k.start({ argv: ['/tmp/spin'], cons: 0 })
  const text = (b: Uint8Array) => new TextDecoder().decode(b)
  await t.proc(async (sys: Sys) => {
    const file = async (name: string, n = 8192) => {
      const fd = await sys.open(`/proc/${pid}/${name}`, 0)
      const b = await sys.read(fd, n)
      await sys.close(fd)
      return b
    }
    const ctl = await sys.open(`/proc/${pid}/ctl`, 1)
    await sys.write(ctl, 'stop')
    expect(text(await file('status'))).toMatch(/^spin .* Stopped/)
    const regs = new DataView((await file('regs')).slice().buffer)
    expect(regs.byteLength).toBe(76)
    expect(regs.getUint32(4 * 14, true)).toBe(0x1020)
    expect(text(await file('segment'))).toMatch(/^Stack .*\nText {3}R +0x1000 +0x2000 .*\nData .*\nBss .*\n$/)
    const mem = await sys.open(`/proc/${pid}/mem`, 2)
    expect([...(await sys.pread(mem, 2, 0x1020))]).toEqual(spin)
    await sys.pwrite(mem, 'there', 0x3000)
    expect(text(await sys.pread(mem, 5, 0x3000))).toBe('there')
    await expect(sys.pread(mem, 1, 0)).rejects.toThrow('bad arg in system call')
    await sys.write(ctl, 'start')
    await sys.write(ctl, 'kill')
  })
  expect(await exited).toBe('sys: killed')
})

test('who leaves a note to the system ends with it; a suicide is the death of a trap alone', async () => {
  const left = call(29, 1)
  const text = (cause: number[]) => [0xeb, left.length, ...left, ...call(28, 0x1022), ...cause, ...exits]
  const pipe = [...call(21, 0x3000), ...call(4, 3), ...call(51, 4, 0x2000, 1, -1, -1)]
  expect(await run(text(pipe))).toEqual({ status: 'sys: write on closed pipe', out: '' })
  const trap = await run(text([0xf7, 0xf1]))
  expect(trap.status).toMatch(/^sys: trap: divide error pc=/)
  expect(trap.out).toMatch(/^a\.out \d+: suicide: sys: trap: divide error pc=0x[0-9a-f]+\n$/)
})

test("who waits is told the time of a child's child too", async () => {
  // mov ecx, n; loop: dec ecx; jnz
  const compute = [0xb9, ...long(3e7), 0x49, 0x75, 0xfd]
  const child = [...compute, ...exits]
  const text = [
    ...call(19, 0x10),
    ...[0x85, 0xc0, 0x75, child.length], // test eax, eax; jnz over the child
    ...child,
    ...call(47, 0x3000, 128),
    ...exits,
  ]
  t.tree.add('/tmp/a.out', aout(text), 0o775)
  await t.proc(async (sys: Sys) => {
    await sys.rfork(RFPROC | RFFDG, async c => {
      await c.exec('/tmp/a.out', ['a.out'])
      return ''
    })
    const { time } = await sys.wait()
    expect(time[0]).toBeGreaterThan(0)
    expect(time[0]).toBeLessThanOrEqual(time[2] + 1)
  })
})

test('a file that says it is a program, and is not', async () => {
  t.tree.add('/tmp/a.out', new Uint8Array([0, 0, 1, 0xeb, 0, 0]), 0o775)
  await expect(t.k.start({ argv: ['/tmp/a.out'], cons: 0 })).rejects.toThrow('exec header invalid')
})
