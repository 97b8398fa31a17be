import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Disk, memdisk } from '../../emulator/disk/blocks.ts'
import { Fat, type FatFile } from '../../emulator/disk/fat.ts'
import { checked } from '../../emulator/disk/fatcheck.ts'
import { type MkfatOptions, mkfat } from '../../emulator/disk/mkfat.ts'
import { PlanError } from '../../plan9/error.ts'
import { Random } from '../random.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const RUNS = Number(process.env['RUNS'] ?? 60)
const MB = 1 << 20
let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), '9ml-fat-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const env = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC', MTOOLSRC: '/dev/null' }
const text = (b: Uint8Array) => new TextDecoder().decode(b)
const bytes = (s: string) => new TextEncoder().encode(s)

/** What fsck.vfat says is wrong; '' when nothing is. */
function fsck(image: Uint8Array): string {
  const file = join(dir, 'fsck.img')
  writeFileSync(file, image)
  const r = spawnSync('/usr/sbin/fsck.vfat', ['-n', file], { encoding: 'utf8', env })
  return r.status === 0 ? '' : `${r.stdout}${r.stderr}`
}

/** One of mtools on the image of a file. */
const mtools = (name: string, image: string, ...args: string[]) =>
  execFileSync(name, ['-i', image, ...args], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] })

const kinds: [string, number, MkfatOptions][] = [
  ['FAT12', 2 * MB, { type: 12 }],
  ['FAT16', 20 * MB, { type: 16 }],
  ['FAT32', 40 * MB, { type: 32 }],
]

async function made(size: number, o: MkfatOptions): Promise<{ image: Uint8Array; fat: Fat }> {
  const image = new Uint8Array(size)
  await mkfat(memdisk(image), o)
  return { image, fat: await Fat.open(memdisk(image)) }
}

async function put(fat: Fat, path: string, data: Uint8Array): Promise<FatFile> {
  const names = path.split('/')
  let d = fat.root
  for (const name of names.slice(0, -1)) d = (await fat.lookup(d, name)) ?? (await fat.create(d, name, { dir: true }))
  const f = await fat.create(d, names.at(-1)!)
  await fat.write(f, 0, data)
  return f
}

/** Path and contents of everything under a directory: of an image, of the host's. */
async function tree(fat: Fat, d = fat.root, under = ''): Promise<Map<string, string>> {
  const all = new Map<string, string>()
  for (const f of await fat.readdir(d))
    if (f.isdir) {
      all.set(`${under}${f.name}/`, '')
      for (const e of await tree(fat, f, `${under}${f.name}/`)) all.set(...e)
    } else all.set(under + f.name, Buffer.from(await fat.read(f, 0, f.length)).toString('base64'))
  return all
}
function host(at: string, under = ''): Map<string, string> {
  const all = new Map<string, string>()
  for (const name of readdirSync(at))
    if (statSync(join(at, name)).isDirectory()) {
      all.set(`${under}${name}/`, '')
      for (const e of host(join(at, name), `${under}${name}/`)) all.set(...e)
    } else all.set(under + name, readFileSync(join(at, name)).toString('base64'))
  return all
}
const sorted = (m: Map<string, string>) => [...m].sort(([a], [b]) => (a < b ? -1 : 1))

const names = [
  'README.TXT',
  'readme2.txt',
  'a.name.with.dots',
  'no extension',
  'longfilename one.text',
  'longfilename two.text',
  ...Array.from({ length: 12 }, (_, i) => `longfilename ${i}.text`),
  'café 日本語.txt',
  'emoji 😀 name',
  'x'.repeat(255),
  '12345678.123',
  '1234567890123',
  '.profile',
  'a+b=c,d;[e]',
  'd1/d2/d3/deep file',
  'empty',
]

describe.each(kinds)('%s', (_, size, o) => {
  const contents = (i: number) => new Random(SEED + i).bytes([0, 1, 511, 4096, 4097, 70_000][i % 6]!)

  test('what is written here, mtools reads; fsck.vfat finds nothing', async () => {
    const { image, fat } = await made(size, { ...o, label: 'nine' })
    for (const [i, name] of names.entries()) await put(fat, name, contents(i))
    await fat.flush()
    expect(await checked(memdisk(image))).toEqual([])
    expect(fsck(image)).toBe('')
    const file = join(dir, 'ours.img')
    const out = join(dir, `ours-${o.type}`)
    writeFileSync(file, image)
    mkdirSync(out)
    mtools('mcopy', file, '-s', '-n', '::*', out)
    mtools('mcopy', file, '-n', '::.profile', out)
    // mtools knows no surrogates: it shows two of what it does not know.
    const shown = new Map([...(await tree(fat))].map(([k, v]) => [k.replace('😀', '__'), v]))
    expect(sorted(host(out))).toEqual(sorted(shown))
    expect(mtools('mlabel', file, '-s', '::')).toContain('NINE')
  })

  test('what mtools writes is read here, changed, and read there again', async () => {
    const file = join(dir, 'theirs.img')
    rmSync(file, { force: true })
    const src = join(dir, `theirs-${o.type}`)
    for (const [i, name] of names.entries()) {
      // mtools knows no surrogates, and makes a directory larger by no more than a cluster.
      if (name.includes('😀') || (o.type === 32 && name.length === 255)) continue
      mkdirSync(join(src, name, '..'), { recursive: true })
      writeFileSync(join(src, name), contents(i))
    }
    execFileSync('/usr/sbin/mkfs.vfat', ['-C', '-F', `${o.type}`, file, `${size / 1024}`], { env, stdio: 'pipe' })
    mtools('mcopy', file, '-s', ...readdirSync(src).map(n => join(src, n)), '::')
    const image = new Uint8Array(readFileSync(file))
    const fat = await Fat.open(memdisk(image))
    expect(await checked(memdisk(image))).toEqual([])
    expect(sorted(await tree(fat))).toEqual(sorted(host(src)))
    await fat.remove(await fat.walk('README.TXT'))
    await fat.rename(await fat.walk('readme2.txt'), await fat.walk('d1/d2'), 'moved here')
    await fat.rename(await fat.walk('d1/d2/d3'), fat.root, 'D3')
    await fat.truncate(await fat.walk('12345678.123'), 70_001)
    await put(fat, 'd1/new file', bytes('new\n'))
    await fat.flush()
    expect(await checked(memdisk(image))).toEqual([])
    expect(fsck(image)).toBe('')
    writeFileSync(file, image)
    const out = join(dir, `again-${o.type}`)
    mkdirSync(out)
    mtools('mcopy', file, '-s', '-n', '::*', out)
    mtools('mcopy', file, '-n', '::.profile', out)
    expect(sorted(host(out))).toEqual(sorted(await tree(fat)))
    expect(mtools('mtype', file, '::d1/NEW FILE')).toBe('new\n')
  })

  test('a disk that is full: an error, and nothing is half done', async () => {
    const { image, fat } = await made(size, o)
    const f = await put(fat, 'big', bytes('x'))
    const free = fat.available
    await expect(fat.write(f, 1, new Uint8Array(free + 8192))).rejects.toThrow('file system full')
    expect([f.length, fat.available]).toEqual([1, free])
    await fat.write(f, 1, new Uint8Array(free))
    expect(fat.available).toBe(0)
    await expect(fat.create(fat.root, 'dir', { dir: true })).rejects.toThrow('file system full')
    await fat.flush()
    expect(await checked(memdisk(image))).toEqual([])
    expect(fsck(image)).toBe('')
    await fat.remove(f)
    expect(fat.available).toBeGreaterThan(free)
    await fat.flush()
    expect(fsck(image)).toBe('')
  })

  test(`random operations, seed ${SEED}: as files in memory are`, async () => {
    for (let run = 0; run < Math.max(1, RUNS / 20); run++) {
      const rand = new Random(SEED * 1000 + run)
      const { image, fat: first } = await made(size, o)
      let fat = first
      const model = new Map<string, Uint8Array | undefined>([['', undefined]])
      const key = (d: string, name: string) => {
        const up = `${d}/${name}`.toUpperCase()
        return [...model.keys()].find(k => k.toUpperCase() === up)
      }
      const word = () =>
        rand.pick(['a', 'B.TXT', 'é', '😀 ', 'long name ', 'x.y.z', 'NAME']) +
        rand.int(12) +
        rand.pick(['', '.t', '.text'])
      const some = (dirs: boolean) => {
        const all = [...model.keys()].filter(k => (model.get(k) === undefined) === dirs)
        return all.length > 0 ? rand.pick(all) : undefined
      }
      for (let i = 0; i < 150; i++) {
        const op = rand.int(10)
        const d = some(true)!
        const file = some(false)
        const name = word()
        if (op < 3) {
          const isdir = op === 0
          const made = fat.create(await fat.walk(d), name, { dir: isdir })
          if (key(d, name)) await expect(made).rejects.toThrow('file already exists')
          else {
            await made
            model.set(`${d}/${name}`, isdir ? undefined : new Uint8Array(0))
          }
        } else if (op < 6 && file !== undefined) {
          const was = model.get(file)!
          const at = rand.int(was.length + 5000)
          const data = rand.bytes(rand.int(rand.pick([10, 600, 9000])))
          await fat.write(await fat.walk(file), at, data)
          if (data.length === 0) continue
          const now = new Uint8Array(Math.max(was.length, at + data.length))
          now.set(was)
          now.set(data, at)
          model.set(file, now)
        } else if (op === 6 && file !== undefined) {
          const was = model.get(file)!
          const now = new Uint8Array(rand.int(was.length + 3000))
          now.set(was.subarray(0, now.length))
          await fat.truncate(await fat.walk(file), now.length)
          model.set(file, now)
        } else if (op === 7) {
          const from = rand.int(3) === 0 ? d : file
          const to = some(true)!
          if (from === undefined || from === '') continue
          const there = key(to, name)
          const moved = fat.rename(await fat.walk(from), await fat.walk(to), name)
          if (there !== undefined && there !== from) await expect(moved).rejects.toThrow('file already exists')
          else if (there === undefined && `${to}/`.startsWith(`${from}/`))
            await expect(moved).rejects.toThrow('permission denied')
          else {
            await moved
            for (const [k, v] of [...model])
              if (k === from || k.startsWith(`${from}/`)) {
                model.delete(k)
                model.set(`${to}/${name}${k.slice(from.length)}`, v)
              }
          }
        } else if (op === 8) {
          const from = rand.int(2) === 0 ? d : file
          if (from === undefined || from === '') continue
          const removed = fat.remove(await fat.walk(from))
          if ([...model.keys()].some(k => k.startsWith(`${from}/`)))
            await expect(removed).rejects.toThrow('directory not empty')
          else {
            await removed
            model.delete(from)
          }
        } else if (op === 9 && rand.int(3) === 0) {
          await fat.flush()
          fat = await Fat.open(memdisk(image))
        }
      }
      await fat.flush()
      const want = new Map(
        [...model]
          .filter(([k]) => k !== '')
          .map(([k, v]) => [k.slice(1) + (v ? '' : '/'), v ? Buffer.from(v).toString('base64') : '']),
      )
      expect(sorted(await tree(fat)), `run ${run}`).toEqual(sorted(want))
      expect(sorted(await tree(await Fat.open(memdisk(image)))), `run ${run}`).toEqual(sorted(want))
      expect(await checked(memdisk(image)), `run ${run}`).toEqual([])
      expect(fsck(image), `run ${run}`).toBe('')
    }
  })

  test(`images with bits changed, seed ${SEED}: an error or other files, never anything else`, async () => {
    const { image, fat } = await made(size, o)
    for (const [i, name] of names.entries()) await put(fat, name, contents(i))
    for (let i = 0; i < 30; i++) await put(fat, `many/file number ${i}`, contents(1))
    await fat.flush()
    const g = fat.geometry
    const places = [
      [0, 100],
      [g.fat, 400],
      [g.rootsize > 0 ? g.root : g.data, 4000],
      [g.data, 600_000],
    ] as const
    let errors = 0
    let found = 0
    for (let run = 0; run < RUNS; run++) {
      const rand = new Random(SEED * 1000 + run)
      const bad = run % 10 === 9 ? image.slice(0, rand.int(image.length)) : image.slice()
      for (let n = 1 + rand.int(60); n > 0; n--) {
        const [at, len] = rand.pick(run % 4 === 0 ? places : places.slice(1))
        const k = at + rand.int(len)
        if (k < bad.length) bad[k]! ^= 1 << rand.int(8)
      }
      if ((await checked(memdisk(bad))).length > 0) found++
      try {
        const fat = await Fat.open(memdisk(bad))
        const use = async (d: FatFile, depth: number): Promise<void> => {
          for (const f of await fat.readdir(d))
            try {
              if (f.isdir) await use(f, depth + 1)
              else await fat.read(f, 0, 1e6)
              if (rand.int(3) === 0) await fat.rename(f, d, `new ${rand.int(1e6)}`)
              if (rand.int(3) === 0) await fat.write(f, rand.int(f.length + 9000), rand.bytes(3000))
              if (rand.int(3) === 0) await fat.truncate(f, rand.int(9000))
              if (rand.int(3) === 0) await fat.remove(f)
              if (rand.int(3) === 0) await fat.create(d, `dir ${rand.int(1e6)}`, { dir: true })
            } catch (e) {
              if (!(e instanceof PlanError)) throw e
              errors++
            }
        }
        await use(fat.root, 0)
        await fat.flush()
      } catch (e) {
        if (!(e instanceof PlanError)) throw new Error(`run ${run}`, { cause: e })
        errors++
      }
    }
    expect(errors).toBeGreaterThan(0)
    expect(found).toBeGreaterThan(RUNS / 2)
  })
})

describe('check', () => {
  /** An image with files a and b of three clusters, what `spoil` did to it, and a FAT entry's place. */
  async function spoiled(spoil: (v: DataView, at: (cluster: number) => number, fat: Fat) => void): Promise<string[]> {
    const { image, fat } = await made(20 * MB, { type: 16 })
    for (const name of ['a', 'b']) await put(fat, name, new Uint8Array(3 * fat.geometry.cluster))
    await fat.flush()
    spoil(new DataView(image.buffer), c => fat.geometry.fat + 2 * c, fat)
    const lines = await checked(memdisk(image))
    expect(fsck(image)).not.toBe('')
    return lines.filter(l => !/^FAT 2/.test(l))
  }

  test.each<[string, (v: DataView, at: (c: number) => number, fat: Fat) => void, string[]]>([
    ['a loop', (v, at) => v.setUint16(at(3), 2, true), ['/a: loop at cluster 2', '/a: 12288 bytes, 2', '1 lost']],
    ['out of the disk', (v, at) => v.setUint16(at(3), 0xfff0, true), ['/a: bad cluster 65520', '/a: 12288', '1 lost']],
    [
      'a cross link',
      (v, at) => v.setUint16(at(6), 3, true),
      ['/b: cross-linked with /a at cluster 3', '/b: 12288 bytes, 2', '1 lost clusters, the first 7'],
    ],
    ['a short chain', (v, at) => v.setUint16(at(2), 0xffff, true), ['/a: 12288 bytes, 1', '2 lost']],
    [
      'lost clusters',
      (v, at) => {
        for (const c of [20, 21, 22]) v.setUint16(at(c), c === 22 ? 0xffff : c + 1, true)
      },
      ['3 lost'],
    ],
    ['a wrong size', (v, _, fat) => v.setUint32(fat.geometry.root + 32 + 28, 5, true), ['/a: 5 bytes, 3']],
    ['a name twice', (v, _, fat) => v.setUint8(fat.geometry.root + 32, 0x42), ['/: entry 0', '/b: name']],
  ])('finds %s', async (_, spoil, want) => {
    const lines = await spoiled(spoil)
    for (const w of want)
      expect(
        lines.some(l => l.startsWith(w)),
        `${w} in ${lines}`,
      ).toBe(true)
    expect(lines.length).toBe(want.length)
  })

  test('differing FATs, and that it was not unmounted', async () => {
    const { image, fat } = await made(40 * MB, { type: 32 })
    await put(fat, 'x', bytes('x'))
    expect(await checked(memdisk(image))).toContain('not cleanly unmounted')
    expect(fsck(image)).toMatch(/[Dd]irty bit is set/)
    await fat.flush()
    image[fat.geometry.fat + fat.geometry.fatsize + 40]! ^= 1
    expect(await checked(memdisk(image))).toEqual(['FAT 2 differs from the first at cluster 10'])
    expect(fsck(image)).toMatch(/FATs differ/)
  })
})

test('a chain that goes on behind the file, as 9front leaves it: another file’s clusters are not taken', async () => {
  const { image, fat } = await made(20 * MB, { type: 16 })
  const { cluster, fat: at, root } = fat.geometry
  await put(fat, 'a', new Uint8Array(3 * cluster).fill(1))
  await fat.flush()
  // Shorter by two clusters, which are free then; the first still names the second.
  const v = new DataView(image.buffer)
  v.setUint32(root + 32 + 28, cluster, true)
  for (const copy of [0, fat.geometry.fatsize]) for (const c of [3, 4]) v.setUint16(at + copy + 2 * c, 0, true)
  const then = await Fat.open(memdisk(image))
  await put(then, 'b', new Uint8Array(then.available).fill(2))
  const [a, b] = [await then.walk('a'), await then.walk('b')]
  expect((await then.read(a, 0, 1e6)).length).toBe(cluster)
  await expect(then.write(a, cluster, bytes('x'))).rejects.toThrow('file system full')
  await then.truncate(b, b.length - cluster)
  await then.write(a, cluster, bytes('x'))
  await then.flush()
  expect(await checked(memdisk(image))).toEqual([])
  await then.remove(a)
  await then.flush()
  expect(await checked(memdisk(image))).toEqual([])
  expect((await then.read(b, 0, b.length)).every(x => x === 2)).toBe(true)
})

describe('names', () => {
  test('capital letters are kept where 9front would show small ones', async () => {
    const { fat } = await made(2 * MB, { type: 12 })
    for (const name of ['INDEX', '123.45']) await fat.create(fat.root, name)
    await fat.flush()
    const { root } = fat.geometry
    const b = await fat.disk.read(root, 128)
    expect([b[11], text(b.subarray(32, 43)), text(b.subarray(64, 75)), b[96]]).toEqual([
      0x0f,
      'INDEX      ',
      '123     45 ',
      0,
    ])
  })

  test('those that cannot be are refused; both cases and the short name find a file', async () => {
    const { fat } = await made(2 * MB, { type: 12 })
    for (const name of ['a:b', 'a/b', 'a*', 'tab\t'])
      await expect(fat.create(fat.root, name)).rejects.toThrow('bad char')
    for (const name of ['', 'dot.', 'blank '])
      await expect(fat.create(fat.root, name)).rejects.toThrow('file name syntax')
    await expect(fat.create(fat.root, 'n'.repeat(256))).rejects.toThrow('name too long')
    const f = await fat.create(fat.root, 'A Long Name.text')
    for (const name of ['a long name.TEXT', 'ALONGN~1.TEX', 'alongn~1.tex'])
      expect(await fat.lookup(fat.root, name)).toBe(f)
    await expect(fat.create(fat.root, 'alongn~1.tex')).rejects.toThrow('file already exists')
    await fat.rename(f, fat.root, 'A LONG NAME.text')
    expect((await fat.readdir(fat.root)).map(f => f.name)).toEqual(['A LONG NAME.text'])
    await expect(fat.walk('nothing')).rejects.toThrow('file does not exist')
    await expect(fat.walk('a long name.text/x')).rejects.toThrow('not a directory')
  })

  test('many that begin alike have short names of their own', async () => {
    const { image, fat } = await made(40 * MB, { type: 32 })
    const d = await fat.create(fat.root, 'dir', { dir: true })
    for (let i = 0; i < 3000; i++) await fat.create(d, `the same beginning ${i}.text`)
    await fat.flush()
    expect(await checked(memdisk(image))).toEqual([])
    expect(fsck(image)).toBe('')
    expect((await fat.readdir(d)).length).toBe(3000)
  })

  test('the fixed root has so many entries, a directory 65536', async () => {
    const { fat } = await made(20 * MB, { type: 16 })
    for (let i = 0; i < 512; i++) await fat.create(fat.root, `${i}`)
    await expect(fat.create(fat.root, 'ONE')).rejects.toThrow('directory full')
    const big = await made(40 * MB, { type: 32 })
    const d = await big.fat.create(big.fat.root, 'dir', { dir: true })
    for (let i = 0; i < 65534; i++) await big.fat.create(d, `${i}`)
    await expect(big.fat.create(d, 'ONE')).rejects.toThrow('directory full')
    await big.fat.flush()
    expect(await checked(memdisk(big.image))).toEqual([])
  })
})

test('letters beyond 16 bits are two units of a long name', async () => {
  const { image, fat } = await made(2 * MB, { type: 12 })
  await fat.create(fat.root, '😀')
  await fat.flush()
  const entry = image.subarray(fat.geometry.root, fat.geometry.root + 64)
  expect([...entry.subarray(0, 7)]).toEqual([0x41, 0x3d, 0xd8, 0x00, 0xde, 0, 0])
  expect(text(entry.subarray(32, 43))).toBe('_~1        ')
})

test('a file of 4 GB less one byte, and no larger', async () => {
  const pieces = new Map<number, Uint8Array>()
  // Only what is not zero is kept.
  const disk: Disk = {
    size: 2 ** 33,
    async read(offset, n) {
      const out = new Uint8Array(n)
      for (let at = offset - (offset % 512); at < offset + n; at += 512) {
        const p = pieces.get(at / 512)
        if (!p) continue
        const from = Math.max(offset, at)
        out.set(p.subarray(from - at, Math.min(512, offset + n - at)), from - offset)
      }
      return out
    },
    async write(offset, data) {
      if (data.length >= MB && data[0] === 0) return
      for (let at = offset - (offset % 512); at < offset + data.length; at += 512) {
        const p = pieces.get(at / 512) ?? new Uint8Array(512)
        const from = Math.max(offset, at)
        p.set(data.subarray(from - offset, at + 512 - offset), from - at)
        pieces.set(at / 512, p)
      }
    },
  }
  await mkfat(disk, { type: 32 })
  const fat = await Fat.open(disk)
  const f = await fat.create(fat.root, 'huge')
  await fat.write(f, 0xffffffff - 3, bytes('end'))
  expect(f.length).toBe(0xffffffff)
  await expect(fat.write(f, 0xffffffff, bytes('x'))).rejects.toThrow('file too large')
  await fat.flush()
  const again = await Fat.open(disk)
  const g = await again.walk('huge')
  expect([g.length, text(await again.read(g, 0xffffffff - 3, 10))]).toEqual([0xffffffff, 'end'])
  expect(await checked(disk)).toEqual([])
})
