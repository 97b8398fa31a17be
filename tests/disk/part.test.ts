import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memdisk } from '../../emulator/disk/blocks.ts'
import { fdisk, named, PLAN9, partition, partitions, prepare } from '../../emulator/disk/part.ts'
import { PlanError } from '../../plan9/error.ts'
import { Random } from '../random.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const RUNS = Number(process.env['RUNS'] ?? 300)
const MB = 1 << 20
let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), '9ml-part-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

interface Line {
  start: number
  size: number
  type: string
  bootable?: boolean
}

function sfdisk(file: string, script?: string): Line[] {
  const quiet = ['pipe', 'pipe', 'pipe'] as const
  if (script !== undefined) execFileSync('/usr/sbin/sfdisk', ['-q', file], { input: script, stdio: [...quiet] })
  const json = execFileSync('/usr/sbin/sfdisk', ['-J', file], { encoding: 'utf8', stdio: [...quiet] })
  return JSON.parse(json).partitiontable.partitions
}

const script = 'label: dos\n,4M,c,*\n,4M,39\n,8M,f\n,,83\n,2M,6\n,2M,82\n,,b\n'

test('what sfdisk makes is read', async () => {
  const file = join(dir, 'theirs.img')
  writeFileSync(file, '')
  truncateSync(file, 24 * MB)
  const lines = sfdisk(file, script).filter(l => l.type !== 'f')
  const all = await partitions(memdisk(new Uint8Array(readFileSync(file))))
  expect(all.map(p => [p.start, p.sectors, p.type.toString(16), p.active])).toEqual(
    lines.map(l => [l.start, l.size, l.type, l.bootable ?? false]),
  )
  expect(all.map(p => p.name)).toEqual(['dos', 'plan9', 'linux', 'dos1', 'linuxswap', 'dos2'])
})

test('what is made here is read by sfdisk, and the boot code is left', async () => {
  const b = new Uint8Array(32 * MB).fill(7)
  const made = await fdisk(memdisk(b), [
    { type: 0x0c, sectors: 8192, active: true },
    { type: PLAN9, sectors: 10_000 },
    { type: 0x06, sectors: 4096, logical: true },
    { type: 0x83, sectors: 5000, logical: true },
    { type: 0x82, logical: true },
  ])
  expect([...b.subarray(0, 446)].every(x => x === 7)).toBe(true)
  const file = join(dir, 'ours.img')
  writeFileSync(file, b)
  const lines = sfdisk(file).filter(l => l.type !== 'f')
  expect(made.map(p => [p.start, p.sectors, p.type.toString(16), p.active])).toEqual(
    lines.map(l => [l.start, l.size, l.type, l.bootable ?? false]),
  )
  expect(made.map(p => p.name)).toEqual(['dos', 'plan9', 'dos1', 'linux', 'linuxswap'])
  const parts = (n: number) => Array.from({ length: n }, () => ({ type: 1, sectors: 2048 }))
  await expect(fdisk(memdisk(b), parts(5))).rejects.toThrow('too many partitions')
  await expect(fdisk(memdisk(b), [{ type: 1, sectors: 1e6 }])).rejects.toThrow('partitions do not fit')
})

test('Plan 9’s own, in a partition and on a disk that has nothing else', async () => {
  const b = new Uint8Array(24 * MB)
  const disk = memdisk(b)
  const [, p] = await fdisk(disk, [{ type: 0x0c, sectors: 2048 }, { type: PLAN9 }])
  const parts = [
    { name: '9fat', start: 0, end: 2000 },
    { name: 'nvram', start: 2000, end: 2001 },
    { name: 'other', start: 2001, end: p!.sectors },
  ]
  await prepare(partition(disk, p!), parts)
  const text = new TextDecoder().decode(b.subarray((p!.start + 1) * 512, (p!.start + 1) * 512 + 32))
  expect(text).toMatch(/^part 9fat 0 2000\npart nvram /)
  expect((await partitions(disk)).slice(2).map(q => [q.name, q.start - p!.start, q.sectors])).toEqual(
    parts.map(q => [q.name, q.start, q.end - q.start]),
  )
  const nvram = await named(disk, 'nvram')
  expect(nvram.size).toBe(512)
  await nvram.write(0, new Uint8Array(512).fill(9))
  await expect(nvram.write(1, new Uint8Array(512))).rejects.toThrow('i/o error')
  expect(b.indexOf(9, (p!.start + 1999) * 512)).toBe((p!.start + 2000) * 512)
  const whole = memdisk(new Uint8Array(MB))
  await prepare(whole, [{ name: 'fs', start: 2, end: 100 }])
  expect((await partitions(whole)).map(q => [q.name, q.start, q.sectors])).toEqual([['fs', 2, 98]])
  await expect(partitions(memdisk(new Uint8Array(MB)))).rejects.toThrow('no partition table')
})

test(`tables with bytes changed, seed ${SEED}: partitions within the disk, or an error`, async () => {
  const file = join(dir, 'bad.img')
  writeFileSync(file, '')
  truncateSync(file, 24 * MB)
  const tables = sfdisk(file, script).flatMap(l => [l.start, l.start - 2048])
  const image = new Uint8Array(readFileSync(file))
  await prepare(partition(memdisk(image), (await partitions(memdisk(image)))[1]!), [{ name: 'x', start: 1, end: 9 }])
  let found = 0
  for (let run = 0; run < RUNS; run++) {
    const rand = new Random(SEED * 1000 + run)
    const saved = image.slice()
    for (let n = 1 + rand.int(6); n > 0; n--)
      image[512 * rand.pick([0, 0, ...tables.filter(t => t >= 0), 8193 + 2048]) + 446 + rand.int(64)] = rand.int(256)
    try {
      for (const p of await partitions(memdisk(image))) {
        expect(p.start + p.sectors).toBeLessThanOrEqual(image.length / 512)
        found++
      }
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
    image.set(saved)
  }
  expect(found).toBeGreaterThan(RUNS)
})
