import { aoutimage } from '../../emulator/cpu/image.ts'
import { RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'
import { aout, call, exits, long } from '../guest/aout.ts'

const RUNS = 5
const EXECS = 500

/** The body n times, with si as the counter, and exits. */
function loop(n: number, body: number[]): Uint8Array {
  const dec = [0x4e]
  const back = body.length + dec.length + 6
  return aout([0xbe, ...long(n), ...body, ...dec, 0x0f, 0x85, ...long(-back), ...exits], new TextEncoder().encode('x'))
}

const pop = (words: number) => [0x83, 0xc4, 4 * words]
const rfork = [...call(19, 0x14), ...pop(2)]
const wait = [...call(47, 0x3000, 128), ...pop(3)]
/** The child of rfork jumps over to its end. */
const child = (end: number[]) => [0x85, 0xc0, 0x75, end.length, ...end]

const programs: Record<string, Uint8Array> = {
  nothing: aout(exits),
  null: loop(1_000_000, [...call(0), ...pop(1)]),
  write: loop(20_000, [...call(51, 1, 0x2000, 1, -1, -1), ...pop(6)]),
  faults: aout([
    0xbb,
    ...long(0x100000),
    ...[0xbe, ...long(50_000)],
    0xc6,
    0x03,
    1,
    0x81,
    0xc3,
    ...long(0x1000),
    0x4e,
    0x75,
    0xf4,
    ...exits,
  ]),
  fork: loop(2000, [...rfork, ...child(exits), ...wait]),
}

/** System calls, page faults and processes of 386 programs, beside the same of programs in TypeScript on the same kernel. */
export default async function cpu(_options: { json: boolean }): Promise<{ name: string; rows: string[][] }> {
  const t = boot()
  t.k.images.push(aoutimage(cpuWorker))
  for (const [name, bytes] of Object.entries(programs)) t.tree.add(`/tmp/${name}`, bytes, 0o775)
  const brk = call(24, 0x100000 + 50_001 * 4096)
  t.tree.add('/tmp/faults', aout([...brk, ...programs['faults']!.subarray(32)]), 0o775)
  t.program('nothing', async () => '')
  t.program('write', async sys => {
    for (let i = 0; i < 20_000; i++) await sys.write(1, 'x')
    return ''
  })
  t.program('fork', async sys => {
    for (let i = 0; i < 2000; i++) {
      await sys.rfork(RFPROC | RFFDG, async () => '')
      await sys.wait()
    }
    return ''
  })

  const run = async (sys: Sys, file: string) => {
    const start = performance.now()
    await sys.rfork(RFPROC | RFFDG, async child => {
      const fd = await child.open('/dev/null', 1)
      await child.dup(fd, 1)
      return child.exec(file, [file])
    })
    const { msg } = await sys.wait()
    if (msg !== '') throw new Error(`${file}: ${msg}`)
    return performance.now() - start
  }
  const best = async (sys: Sys, file: string) => {
    let ms = Infinity
    for (let i = 0; i < RUNS; i++) ms = Math.min(ms, await run(sys, file))
    return ms
  }

  const rows = [['', '386 in v86', 'TypeScript', 'ratio of time']]
  const row = (name: string, guest: number, host?: number, unit = '/s') =>
    rows.push([
      name,
      `${guest.toFixed(guest < 100 ? 2 : 0)}${unit}`,
      host === undefined ? '' : `${host.toFixed(host < 100 ? 2 : 0)}${unit}`,
      host === undefined ? '' : (unit === ' ms' ? guest / host : host / guest).toFixed(2),
    ])
  await t.proc(async sys => {
    row('the first program, v86 started for it', await run(sys, '/tmp/nothing'), undefined, ' ms')
    for (const [name, n, what] of [
      ['write', 20_000, 'pwrite of a byte to /dev/null'],
      ['fork', 2000, 'rfork, exits, wait'],
    ] as const)
      row(what, (1000 * n) / (await best(sys, `/tmp/${name}`)), (1000 * n) / (await best(sys, `/js/bin/${name}`)))
    const execs = async (file: string) => {
      let ms = 0
      for (let i = 0; i < EXECS; i++) ms += await run(sys, file)
      return (1000 * EXECS) / ms
    }
    row('rfork, exec, exits, wait', await execs('/tmp/nothing'), await execs('/js/bin/nothing'))
    row('null system calls', 1e9 / (await best(sys, '/tmp/null')))
    row('pages of zeros', 5e7 / (await best(sys, '/tmp/faults')))
  })
  return { name: 'cpu', rows }
}
