import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cached, memdisk } from '../../emulator/disk/blocks.ts'
import { mkfat } from '../../emulator/disk/mkfat.ts'
import { DOS, fdisk, PLAN9, partition, prepare } from '../../emulator/disk/part.ts'
import { identify, kernel } from '../../emulator/image/identify.ts'
import { Random } from '../random.ts'

let dir: string
const pc = new Random(3).bytes(200_000)

function iso(files: Record<string, Uint8Array>, ...flags: string[]): Uint8Array {
  const src = mkdtempSync(join(dir, 'src-'))
  for (const [name, data] of Object.entries(files)) {
    mkdirSync(join(src, name, '..'), { recursive: true })
    writeFileSync(join(src, name), data)
  }
  const out = join(src, '..', 'made.iso')
  execFileSync('genisoimage', ['-quiet', ...flags, '-o', out, src], { stdio: ['ignore', 'ignore', 'pipe'] })
  return new Uint8Array(readFileSync(out))
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), '9ml-identify-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test.each([['of capital letters'], ['of Rock Ridge', '-R'], ['of Joliet', '-J']])(
  '9front’s ISO for 386, with names %s, and its kernel',
  async (_, ...flags) => {
    const b = memdisk(iso({ '386/9pc': pc, 'amd64/9pc64': pc.slice(1), 'rc/bin/9fs': pc.slice(2) }, ...flags))
    expect(await identify(b)).toEqual({
      kind: '386',
      says: '9front for 386, an ISO with the kernel /386/9pc: 9ml runs it',
    })
    expect(Buffer.compare(await kernel(cached(b)), pc)).toBe(0)
    await expect(kernel(b, 1000)).rejects.toThrow('kernel is too large')
  },
)

test('one for amd64, and one of something else', async () => {
  const amd64 = memdisk(iso({ 'amd64/9pc64': pc }))
  expect(await identify(amd64)).toEqual({
    kind: 'amd64',
    says: '9front for amd64, an ISO with the kernel /amd64/9pc64: v86 has no 64-bit mode; use 9ml vm (QEMU)',
  })
  await expect(kernel(amd64)).rejects.toThrow('image is for amd64: v86 has no 64-bit mode; QEMU runs it')
  const other = memdisk(iso({ 'a/b': pc }))
  expect(await identify(other)).toEqual({ kind: 'iso', says: 'an ISO, and no kernel of 9front is in it' })
  await expect(kernel(other)).rejects.toThrow('not an ISO of 9front: no /386/9pc')
  await expect(kernel(memdisk(pc))).rejects.toThrow('not an ISO of 9front: unknown cd type')
})

test('an ISO that is cut short says how much is missing, wherever it is cut', async () => {
  const whole = iso({ '386/9pc': pc })
  const cut = await identify(memdisk(whole.subarray(0, whole.length - 100_000)))
  expect(cut).toMatchObject({ kind: '386', short: 100_000 })
  expect(cut.says).toMatch(/; cut short: 100\.0 KB of \S+ KB are missing$/)
  const early = await identify(memdisk(whole.subarray(0, 17 * 2048)))
  expect(early).toMatchObject({ kind: 'iso', short: whole.length - 17 * 2048 })
  expect(early.says).toMatch(/^an ISO that cannot be read: i\/o error; cut short: /)
})

test('FAT, whole and cut short; disks by their partitions, Plan 9’s own too', async () => {
  const bytes = new Uint8Array(4 << 20)
  const fat = memdisk(bytes)
  await mkfat(fat)
  expect(await identify(fat)).toEqual({ kind: 'fat', says: expect.stringMatching(/^a FAT1[26] file system$/) })
  expect(await identify(memdisk(bytes.subarray(0, 3 << 20)))).toMatchObject({ kind: 'fat', short: 1 << 20 })

  const disk = memdisk(new Uint8Array(16 << 20))
  const made = await fdisk(disk, [
    { type: DOS, sectors: 4096 },
    { type: PLAN9, sectors: 8192 },
  ])
  const p = made.find(q => q.name === 'plan9')!
  await prepare(partition(disk, p), [
    { name: '9fat', start: 2, end: 102 },
    { name: 'fs', start: 102, end: 8192 },
  ])
  const found = await identify(disk)
  expect(found.kind).toBe('disk')
  expect(found.says).toBe('a disk: dos (2.1 MB), plan9 (4.2 MB), 9fat (51.2 KB), fs (4.1 MB)')
})

test('what is not an image', async () => {
  const kinds = async (b: Uint8Array) => (await identify(memdisk(b))).kind
  expect(await kinds(new Uint8Array(0))).toBe('empty')
  expect(await kinds(new Uint8Array(gzipSync(pc)))).toBe('gzip')
  expect(await kinds(new Uint8Array(Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), pc])))).toBe('qcow2')
  expect(await kinds(pc)).toBe('unknown')
  expect(await kinds(pc.subarray(0, 3))).toBe('unknown')
})

test('images with bytes changed are something, and never anything but a PlanError', async () => {
  const whole = iso({ '386/9pc': pc }, '-R')
  const kinds = new Set<string>()
  for (let i = 0; i < 200; i++) {
    const rand = new Random(i)
    const bytes = whole.slice()
    for (let n = 1 + rand.int(40); n > 0; n--) bytes[0x8000 + rand.int(30_000)] = rand.int(256)
    kinds.add((await identify(memdisk(bytes))).kind)
  }
  expect(kinds.has('386')).toBe(true)
  expect(kinds.size).toBeGreaterThan(1)
})
