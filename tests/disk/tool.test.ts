import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { memdisk } from '../../emulator/disk/blocks.ts'
import { Fat } from '../../emulator/disk/fat.ts'
import { checked } from '../../emulator/disk/fatcheck.ts'
import { guestdisk } from '../../emulator/disk/guestdisk.ts'
import { hostDir, ml } from '../e2e/ml.ts'

const MB = 1 << 20
const env = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC', MTOOLSRC: '/dev/null' }
const fsck = (file: string) => spawnSync('/usr/sbin/fsck.vfat', ['-n', file], { encoding: 'utf8' })

async function host() {
  const { host: dir } = await hostDir()
  const src = join(dir, 'src')
  mkdirSync(join(src, 'sub dir'), { recursive: true })
  writeFileSync(join(src, 'sub dir', 'Ünïcode name.text'), 'deep\n')
  writeFileSync(join(src, 'big'), new Uint8Array(9 * MB + 5).fill(3))
  utimesSync(join(src, 'big'), 1_000_000_000, 1_000_000_000)
  writeFileSync(join(dir, 'one'), 'one\n')
  const disk = (...args: string[]) => ml(['disk', ...args], { cwd: dir })
  const ok = async (...args: string[]) => {
    const r = await disk(...args)
    expect([r.code, r.err], args.join(' ')).toEqual([0, ''])
    return r.out
  }
  return { dir, src, disk, ok }
}

test('an image is made, listed, copied from and to, and checked', async () => {
  const { dir, src, disk, ok } = await host()
  await ok('make', '-t', 'fat32', '-s', '64m', '-l', 'nine', 'a.img', 'one', 'src')
  expect(statSync(join(dir, 'a.img')).size).toBe(64 * MB)
  expect(fsck(join(dir, 'a.img')).status).toBe(0)
  const out = await ok('ls', '-r', 'a.img')
  expect(out).toMatch(/^-rw +4 \S+ \S+ one$/m)
  expect(out).toMatch(/^drw +0 .* src\/sub dir$/m)
  expect(out).toMatch(/^-rw +9437189 2001-09-09 01:46 src\/big$/m)
  expect(await ok('ls', 'a.img:/SRC/sub dir')).toMatch(/ SRC\/sub dir\/Ünïcode name.text\n$/)
  await ok('cp', '-r', 'a.img:/src', 'back')
  execFileSync('diff', ['-r', src, join(dir, 'back')])
  expect(statSync(join(dir, 'back', 'big')).mtimeMs).toBe(1_000_000_000_000)
  await ok('cp', 'one', 'back/big', 'a.img:/src/sub dir')
  await ok('cp', 'one', 'a.img:/two')
  expect(await disk('cp', '-r', 'a.img:/src', 'a.img:/two', 'b')).toMatchObject({
    code: 1,
    err: '9ml disk: b: not a directory\n',
  })
  const mtype = (path: string) => execFileSync('mtype', ['-i', join(dir, 'a.img'), path], { encoding: 'utf8', env })
  expect(mtype('::two') + mtype('::src/sub dir/one')).toBe('one\none\n')
  expect(await disk('rm', 'a.img:/src')).toMatchObject({ code: 1, err: '9ml disk: a.img:/src: directory not empty\n' })
  await ok('rm', '-r', 'a.img:/src', 'a.img:/one')
  expect(await ok('ls', 'a.img')).toMatch(/^\S+ +4 \S+ \S+ two\n$/)
  expect(await ok('check', 'a.img')).toBe('')
  expect(fsck(join(dir, 'a.img')).status).toBe(0)

  const b = readFileSync(join(dir, 'a.img'))
  const { geometry } = await Fat.open(memdisk(new Uint8Array(b)))
  b.writeUInt32LE(0x0fffffff, geometry.fat + 4 * 5000)
  writeFileSync(join(dir, 'a.img'), b)
  const r = await disk('check', 'a.img')
  expect(r.code).toBe(1)
  expect(r.out).toMatch(/^1 lost clusters, the first 5000$/m)
})

test('a partition table: the file system is found within, also by its name', async () => {
  const { dir, disk, ok } = await host()
  await ok('make', '-p', '-t', 'fat16', '-s', '32m', 'a.img', 'one')
  expect(await ok('parts', 'a.img')).toBe('* dos        2048 65536 0x0e\n')
  expect(await ok('ls', 'a.img')).toBe(await ok('ls', 'a.img:dos'))
  await ok('cp', 'a.img:dos:/one', 'two')
  expect(readFileSync(join(dir, 'two'), 'utf8')).toBe('one\n')
  await ok('check', 'a.img')
  const at = `${join(dir, 'a.img')}@@1M`
  expect(execFileSync('mtype', ['-i', at, '::one'], { encoding: 'utf8', env })).toBe('one\n')
  expect(await disk('ls', 'a.img:dos1')).toMatchObject({ code: 1, err: '9ml disk: a.img:dos1: no partition dos1\n' })
})

test('ISO 9660 is listed and copied from', async () => {
  const { dir, src, disk, ok } = await host()
  execFileSync('genisoimage', ['-quiet', '-R', '-o', 'a.iso', src], { cwd: dir, stdio: 'pipe', env })
  expect(await ok('ls', 'a.iso', '/sub dir')).toMatch(/^-rw +5 .* sub dir\/Ünïcode name.text\n$/)
  await ok('cp', '-r', 'a.iso:/', 'back')
  execFileSync('diff', ['-r', src, join(dir, 'back')])
  expect(await disk('rm', 'a.iso:/big')).toMatchObject({
    code: 1,
    err: '9ml disk: a.iso:/big: not a FAT file system\n',
  })
})

test('what cannot be is told, with a status', async () => {
  const { disk } = await host()
  for (const args of [
    [],
    ['make'],
    ['ls'],
    ['cp', 'one'],
    ['make', '-s', '1x', 'a.img'],
    ['make', '-t', 'ntfs', 'a.img'],
  ])
    expect(await disk(...args), args.join(' ')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^usage: 9ml disk/),
    })
  for (const [args, err] of [
    [['ls', 'none.img'], /ENOENT.*none.img/],
    [['ls', 'one'], /one: neither FAT nor ISO 9660/],
    [['check', 'one'], /not a FAT file system/],
    [['make', '-t', 'fat32', '-s', '8m', 'a.img'], /a.img: no FAT32 of 8388608 bytes/],
    [['make', '-s', '8m', 'a.img', 'src'], /src: big: file system full/],
    [['make', 'b.img', 'src/sub dir'], /^$/],
    [['cp', 'src', 'b.img:/'], /src: file is a directory/],
    [['cp', 'one', 'b.img:/no/such'], /one: file does not exist/],
    [['cp', 'one', 'b.img:/a?b'], /one: bad character in file name/],
  ] as [string[], RegExp][]) {
    const r = await disk(...args)
    expect(r.err, args.join(' ')).toMatch(err)
    expect(r.code).toBe(r.err === '' ? 0 : 1)
  }
})

test('the guest’s disk: what it is given, and room', async () => {
  const files: [string, Uint8Array][] = [
    ['/sys/src/cmd/llm/run.c', new TextEncoder().encode('main\n')],
    ['/sys/include/libc.h', new Uint8Array(100)],
    ['models/stories.bin', new Uint8Array(30 * MB).fill(1)],
    ...Array.from({ length: 2000 }, (_, i): [string, Uint8Array] => [`many/file${i}`, new Uint8Array(i % 7)]),
  ]
  const image = await guestdisk(files, { setup: 'echo hello\n', mtime: 1_000_000_000 })
  expect(await checked(memdisk(image))).toEqual([])
  const fat = await Fat.open(memdisk(image))
  expect(fat.geometry.type).toBe(32)
  // Other systems know a FAT32 by how many clusters there are.
  expect(fat.geometry.clusters).toBeGreaterThan(65525)
  expect(fat.available).toBeGreaterThan(64 * MB)
  for (const [path, data] of [...files, ['setup', new TextEncoder().encode('echo hello\n')] as const]) {
    const f = await fat.walk(path)
    expect(Buffer.compare(await fat.read(f, 0, f.length), data), path).toBe(0)
    expect(f.mtime).toBe(1_000_000_000)
  }
  const { host: dir } = await hostDir()
  writeFileSync(join(dir, 'g.img'), image)
  expect(fsck(join(dir, 'g.img')).status).toBe(0)
})
