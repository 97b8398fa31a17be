import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryDisk } from '../../emulator/disk/blocks.ts'
import { Fat, type FatFile } from '../../emulator/disk/fat.ts'
import { PlanError } from '../../plan9/error.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot } from '../../shell/boot.ts'
import { main } from '../../shell/node/disk.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { Random } from '../random.ts'

/** FAT images, both ways beside mtools and fsck.vfat, and by random operations beside a model in memory. */

const RUNS = Number(process.env['RUNS'] ?? 6)
const SEED = Number(process.env['SEED'] ?? 1)
const env = {
  ...process.env,
  PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
  MTOOLS_SKIP_CHECK: '1',
  MTOOLS_NO_VFAT: '0',
  TZ: 'UTC',
  LC_ALL: 'C.UTF-8',
}

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), '9ml-fat-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const image = () => join(dir, 'image')
const mtools = (name: string, ...argv: string[]) =>
  execFileSync(name, argv, { env, encoding: 'buffer', maxBuffer: 1 << 28 })

function fsck(bytes: Uint8Array): void {
  writeFileSync(image(), bytes)
  const { status, stdout, stderr } = spawnSync('fsck.vfat', ['-n', '-v', image()], { env, encoding: 'utf8' })
  expect(`${status} ${status === 0 ? '' : stdout + stderr}`).toBe('0 ')
}

const data = (n: number, seed = 1) => Uint8Array.from({ length: n }, (_, i) => (i * seed + (i >> 8)) & 255)
const names = [
  'README',
  'lower',
  'Mixed.Case',
  'a name with spaces.text',
  'Ünïcode ☺ 文字.txt',
  'x'.repeat(200),
  'dots.in.it.c',
  'noext.',
]
  .map(n => n.replace(/\.$/, ''))
  .concat(Array.from({ length: 30 }, (_, i) => `a long name number ${i}.document`))

describe.each([
  [16, 20 << 20],
  [16, 300 << 20],
  [32, 40 << 20],
  [32, 300 << 20],
] as const)('FAT%s of %s bytes', (type, size) => {
  test('what is made here is as mtools and fsck.vfat want it', async () => {
    const bytes = new Uint8Array(size)
    const fat = await Fat.make(memoryDisk(bytes), { type, label: 'nineml' })
    expect(fat.type).toBe(type)
    const sub = await fat.create(fat.root, 'sub directory', { dir: true })
    for (const [i, name] of names.entries()) {
      for (const d of [fat.root, sub])
        await fat.write(await fat.create(d, name, { mtime: 1700000000 }), 0, data(i * 997, i), 1700000000)
    }
    const big = await fat.create(fat.root, 'big')
    await fat.write(big, 0, data(3_000_001))
    await fat.flush()
    expect(await fat.check()).toEqual([])
    fsck(bytes)
    for (const [i, name] of names.entries())
      expect(new Uint8Array(mtools('mtype', '-i', image(), `::/sub directory/${name}`))).toEqual(data(i * 997, i))
    expect(Buffer.compare(mtools('mtype', '-i', image(), '::big'), data(3_000_001))).toBe(0)
    expect(mtools('mdir', '-i', image(), '::').toString()).toContain('Volume in drive : is NINEML')
    expect(mtools('mdir', '-i', image(), '::README').toString()).toContain('2023-11-14')
  })

  test('what mtools makes is read here, and changed', async () => {
    writeFileSync(image(), new Uint8Array(size))
    mtools(
      'mformat',
      '-i',
      image(),
      ...(type === 32 ? ['-F'] : []),
      '-T',
      String(size / 512),
      '-h',
      '255',
      '-s',
      '63',
      '::',
    )
    const from = join(dir, 'from')
    mkdirSync(from, { recursive: true })
    mtools('mmd', '-i', image(), '::Sub Directory')
    for (const [i, name] of names.entries()) {
      writeFileSync(join(from, name), data(i * 1013, i + 3))
      mtools('mcopy', '-i', image(), '-m', join(from, name), `::Sub Directory/${name}`)
    }
    const bytes = new Uint8Array(readFileSync(image()))
    const fat = await Fat.open(memoryDisk(bytes))
    expect(fat.type).toBe(type)
    const sub = await fat.walk('sub directory')
    expect((await fat.list(sub)).map(f => f.name).sort()).toEqual([...names].sort())
    for (const [i, name] of names.entries()) {
      const f = await fat.walk1(sub, name)
      expect(await fat.read(f, 0, f.size)).toEqual(data(i * 1013, i + 3))
    }
    for (const name of names.slice(0, 20)) await fat.remove(await fat.walk1(sub, name))
    await fat.rename(await fat.walk1(sub, names[21]!), 'Another long name of it')
    await fat.truncate(await fat.walk1(sub, names[22]!), 5)
    await fat.flush()
    expect(await fat.check()).toEqual([])
    fsck(bytes)
    expect(new Uint8Array(mtools('mtype', '-i', image(), `::/Sub Directory/${names[22]}`))).toEqual(data(5, 25))
    rmSync(from, { recursive: true })
  })
})

test('9ml disk makes, lists, copies, removes and checks', async () => {
  const ml = async (...argv: string[]) => {
    let out = ''
    const write = process.stdout.write
    const werr = process.stderr.write
    process.stdout.write = process.stderr.write = ((s: string) => {
      out += s
      return true
    }) as typeof write
    try {
      return { code: await main(argv), out: () => out }
    } finally {
      process.stdout.write = write
      process.stderr.write = werr
    }
  }
  const at = (name: string) => join(dir, name)
  mkdirSync(at('tree/deep'), { recursive: true })
  writeFileSync(at('tree/deep/a file'), data(100_000))
  writeFileSync(at('one'), 'one\n')
  expect((await ml('disk')).code).toBe(2)
  expect((await ml('make', '-t', 'fat32', '-s', '48m', at('new.img'), at('one'))).code).toBe(0)
  expect((await ml('make', at('new.img'))).out()).toContain('file already exists')
  expect((await ml('cp', at('tree'), `${at('new.img')}:/`)).out()).toContain('-r copies it')
  expect((await ml('cp', '-r', at('tree'), `${at('new.img')}:/`)).code).toBe(0)
  expect((await ml('ls', at('new.img'))).out()).toMatch(/^-rw +4 \d{4}-\d\d-\d\d \d\d:\d\d one\ndrw +0 .* tree\n$/)
  expect((await ml('cp', `${at('new.img')}:/tree/deep/a file`, at('back'))).code).toBe(0)
  expect(new Uint8Array(readFileSync(at('back')))).toEqual(data(100_000))
  expect((await ml('rm', `${at('new.img')}:/tree`)).out()).toContain('directory not empty')
  expect((await ml('rm', `${at('new.img')}:/one`)).code).toBe(0)
  expect((await ml('ls', at('new.img'), '/one')).out()).toContain('file does not exist')
  expect(await ml('check', at('new.img'))).toMatchObject({ code: 0 })
  fsck(new Uint8Array(readFileSync(at('new.img'))))
  const torn = readFileSync(at('new.img'))
  torn[32 * 512 + 4 * 20 + 2] = 77
  writeFileSync(at('torn.img'), torn)
  expect((await ml('check', at('torn.img'))).code).toBe(1)
})

test('dossrv serves an image in the name space, and what is written there is in it', async () => {
  const bytes = new Uint8Array(5 << 20)
  const fat = await Fat.make(memoryDisk(bytes), { type: 16 })
  await fat.write(await fat.create(fat.root, 'Read me'), 0, new TextEncoder().encode('hello\n'))
  await fat.flush()
  const cons = [new Testcons(), new Testcons()]
  const m = boot({ fill: fillRoot, cons })
  m.tree.add('/tmp/disk', bytes)
  const rc = async (commands: string) => {
    for (const c of cons) c.out = ''
    const { exited } = await m.start({
      argv: ['rc', '-c', commands],
      cons: 0,
      fds: ['/dev/null', '#c0/cons', '#c1/cons'],
    })
    await exited
    return cons[0]!.out + cons[1]!.out
  }
  const mount = 'mount -c /srv/dos /n/temp /tmp/disk; cd /n/temp; '
  expect(await rc(`dossrv; ${mount} cat 'read me'; ls -l`)).toMatch(
    /^hello\n--rw-rw-rw- M \d+ glenda glenda 6 .* 'Read me'\n$/,
  )
  expect(
    await rc(
      `${mount} mkdir sub; seq 20000 >sub/numbers; cp 'Read me' sub/copy; echo more >>sub/copy; mv sub/copy sub/moved; rm 'Read me'; sum sub/numbers`,
    ),
  ).toBe(await rc('seq 20000 | sum').then(s => s.replace('\n', ' sub/numbers\n')))
  expect(await rc(`${mount} lc; cat sub/moved; rm sub; mkdir SUB; cat nosuch`)).toBe(
    "sub/\nhello\nmore\nrm: sub: directory not empty\nmkdir: SUB already exists\ncat: can't open nosuch: file does not exist: 'nosuch'\n".replace(
      '',
      '',
    ),
  )
  const after = m.tree.lookup('/tmp/disk')!.data
  const written = after.slice(0, bytes.length)
  expect(await (await Fat.open(memoryDisk(written))).check()).toEqual([])
  fsck(written)
  expect(await rc('dossrv -r -f /tmp/disk ro; mount -c /srv/ro /n/temp; echo x >/n/temp/new')).toContain(
    'permission denied',
  )
})

test('errors are in Plan 9’s words, and change nothing', async () => {
  const bytes = new Uint8Array(4 << 20)
  const fat = await Fat.make(memoryDisk(bytes), { type: 16 })
  const d = await fat.create(fat.root, 'd', { dir: true })
  const f = await fat.create(d, 'f')
  await expect(fat.create(d, 'F')).rejects.toThrow('file already exists')
  await expect(fat.remove(d)).rejects.toThrow('directory not empty')
  await expect(fat.walk('d/g')).rejects.toThrow('file does not exist')
  await expect(fat.walk('d/f/g')).rejects.toThrow('not a directory')
  await expect(fat.read(d, 0, 1)).rejects.toThrow('file is a directory')
  for (const bad of ['', '.', 'a/b', 'a:b', 'tail.']) await expect(fat.create(d, bad)).rejects.toThrow('bad file name')
  await expect(fat.create(d, 'n'.repeat(256))).rejects.toThrow('file name too long')
  await expect(fat.write(f, 0, new Uint8Array(5 << 20))).rejects.toThrow('file system full')
  expect(f.size).toBe(0)
  expect(await fat.check()).toEqual([])
  fsck(bytes)
  await expect(Fat.open(memoryDisk(new Uint8Array(1 << 20)))).rejects.toThrow('not a FAT file system')
  await expect(Fat.open(memoryDisk(bytes.slice(0, 1 << 20)))).rejects.toThrow('disk is cut short')
  await expect(Fat.make(memoryDisk(new Uint8Array(1 << 20)), { type: 32 })).rejects.toThrow('not for FAT32')
})

test.each(Array.from({ length: RUNS }, (_, i) => i))(
  'random operations leave what a model in memory has: %s',
  async i => {
    const rand = new Random(SEED * 7919 + i)
    const type = i % 2 ? 32 : 16
    const bytes = new Uint8Array(type === 32 ? 36 << 20 : 5 << 20)
    const disk = memoryDisk(bytes)
    let fat = await Fat.make(disk, { type })
    const model = new Map<string, Uint8Array | 'dir'>()
    const paths = () => [...model.keys()]
    const dirs = () => ['', ...paths().filter(p => model.get(p) === 'dir')]
    const name = () => `${'abc DEF.gh~1Ü'.slice(rand.int(6), 7 + rand.int(7)).replace(/[ .]+$/, '')}${rand.int(40)}`
    const pick = <T>(a: T[]): T | undefined => a[rand.int(a.length)]
    const attempt = async (f: () => Promise<void>, then: () => void) => {
      try {
        await f()
      } catch (e) {
        if (!(e instanceof PlanError) || !/exists|full|not empty/.test(e.message)) throw e
        return
      }
      then()
    }
    for (let n = 0; n < 300; n++) {
      const d = pick(dirs())!
      const path = `${d}/${name()}`
      const file = pick(paths().filter(p => model.get(p) !== 'dir'))
      switch (rand.int(8)) {
        case 0:
          await attempt(
            async () => void (await fat.create(await fat.walk(d), path.slice(d.length + 1), { dir: true })),
            () => model.set(path, 'dir'),
          )
          break
        case 1:
        case 2:
          await attempt(
            async () => void (await fat.create(await fat.walk(d), path.slice(d.length + 1))),
            () => model.set(path, new Uint8Array(0)),
          )
          break
        case 3:
        case 4:
          if (file) {
            const old = model.get(file) as Uint8Array
            const offset = rand.int(3) ? rand.int(old.length + 1) : rand.int(100_000)
            const add = data(rand.int(rand.int(4) ? 5000 : 300_000), 1 + rand.int(50))
            const after = new Uint8Array(add.length ? Math.max(old.length, offset + add.length) : old.length)
            after.set(old)
            after.set(add, add.length ? offset : 0)
            await attempt(
              async () => fat.write(await fat.walk(file), offset, add),
              () => model.set(file, after),
            )
          }
          break
        case 5:
          if (file) {
            const old = model.get(file) as Uint8Array
            const size = rand.int(old.length + 1)
            await fat.truncate(await fat.walk(file), size)
            model.set(file, old.slice(0, size))
          }
          break
        case 6: {
          const any = pick(paths())
          if (any)
            await attempt(
              async () => fat.remove(await fat.walk(any)),
              () => model.delete(any),
            )
          break
        }
        case 7:
          if (file) {
            const to = `${file.slice(0, file.lastIndexOf('/'))}/${name()}`
            const bytes = model.get(file)!
            await attempt(
              async () => fat.rename(await fat.walk(file), to.slice(to.lastIndexOf('/') + 1)),
              () => {
                model.delete(file)
                model.set(to, bytes)
              },
            )
          }
      }
      if (rand.int(60) === 0) {
        await fat.flush()
        fat = await Fat.open(disk)
      }
    }
    await fat.flush()
    expect(await fat.check()).toEqual([])
    fsck(bytes)
    fat = await Fat.open(disk)
    const seen: string[] = []
    const visit = async (d: FatFile, at: string): Promise<void> => {
      for (const f of await fat.list(d)) {
        const path = `${at}/${f.name}`
        seen.push(path)
        if (f.dir) await visit(f, path)
        else expect(Buffer.compare(await fat.read(f, 0, f.size), model.get(path) as Uint8Array)).toBe(0)
      }
    }
    await visit(fat.root, '')
    expect(seen.sort()).toEqual(paths().sort())
  },
  60_000,
)

test(`${RUNS * 100} images with flipped bits: an error or an answer, never a hang`, async () => {
  const rand = new Random(SEED)
  const good = new Uint8Array(2_500_000)
  const fat = await Fat.make(memoryDisk(good), { type: 16 })
  const d = await fat.create(fat.root, 'directory of some length', { dir: true })
  for (let i = 0; i < 40; i++)
    await fat.write(await fat.create(i % 2 ? d : fat.root, `file number ${i}`), 0, data(i * 100))
  await fat.flush()
  const used = 60_000
  let errors = 0
  for (let i = 0; i < RUNS * 100; i++) {
    const bytes = good.slice()
    for (let k = 1 + rand.int(20); k > 0; k--) bytes[rand.int(rand.int(2) ? 64 : used)] = rand.int(256)
    try {
      const f = await Fat.open(memoryDisk(bytes))
      await f.check()
      for (const x of await f.list(f.root)) if (!x.dir) await f.read(x, 0, 10_000)
      await f.write(await f.create(f.root, 'new'), 0, data(1000))
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      errors++
    }
  }
  expect(errors).toBeGreaterThan(0)
}, 60_000)
