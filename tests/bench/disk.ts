import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memdisk } from '../../emulator/disk/blocks.ts'
import { Fat } from '../../emulator/disk/fat.ts'
import { mkfat } from '../../emulator/disk/mkfat.ts'
import { filedisk } from '../../shell/node/filedisk.ts'
import { buildNode } from '../build.mjs'

const MB = 1 << 20
const SIZE = 60
const IMAGE = 128
const SMALL = 300

const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1]!

async function seconds(f: () => unknown): Promise<number> {
  const t = performance.now()
  await f()
  return (performance.now() - t) / 1000
}

/**
 * A file of 60 MB written into a FAT32 image of 128 MB and read from it, and 300 small files written, by emulator/disk and
 * by `9ml disk cp`, beside mtools' mcopy.
 */
export default async function bench(): Promise<{ name: string; rows: string[][] }> {
  await buildNode()
  const dir = mkdtempSync(join(tmpdir(), '9ml-bench-'))
  const at = (name: string) => join(dir, name)
  const [image, big, small] = [at('a.img'), at('big'), at('small')]
  const data = new Uint8Array(SIZE * MB)
  for (let i = 0; i < data.length; i += 4) data[i] = i >> 8
  writeFileSync(big, data)
  execFileSync('mkdir', [small])
  for (let i = 0; i < SMALL; i++) writeFileSync(join(small, `file number ${i}`), data.subarray(0, 1000))

  const empty = async () => {
    const d = await filedisk(image, 'w+', IMAGE * MB)
    await mkfat(d, { type: 32 })
    await d.close()
  }
  const inimage = async (f: (fat: Fat) => Promise<unknown>) => {
    const d = await filedisk(image, 'r+')
    const fat = await Fat.open(d)
    await f(fat)
    await fat.flush()
    await d.close()
  }
  const mcopy = (...args: string[]) =>
    execFileSync('mcopy', ['-i', image, '-s', '-o', ...args], { env: { ...process.env, MTOOLSRC: '/dev/null' } })
  const ours = (...args: string[]) =>
    execFileSync(process.execPath, [join(import.meta.dirname, '../../dist/9ml.js'), 'disk', 'cp', '-r', ...args])

  /** Each way five times in turn, the image made anew where it is written. */
  const measure = async (fresh: boolean, ways: (() => unknown)[]) => {
    const times: number[][] = ways.map(() => [])
    for (let i = 0; i < 5; i++)
      for (const [k, way] of ways.entries()) {
        if (fresh) await empty()
        times[k]!.push(await seconds(way))
      }
    return times.map(median)
  }
  const rows = [['', 'mcopy', 'emulator/disk', '9ml disk cp', 'emulator/disk / mcopy', '9ml / mcopy']]
  const row = (name: string, of: (s: number) => string, [theirs, here, tool]: number[]) => {
    const ratio = (x: number) => (theirs! / x).toFixed(2)
    rows.push([name, of(theirs!), of(here!), of(tool!), ratio(here!), ratio(tool!)])
  }
  const rate = (s: number) => (SIZE / s).toFixed(0)
  const files = (s: number) => (SMALL / s).toFixed(0)
  try {
    row(
      `write ${SIZE} MB, MB/s`,
      rate,
      await measure(true, [
        () => mcopy(big, '::big'),
        () =>
          inimage(async fat => {
            const f = await fat.create(fat.root, 'big')
            const fd = openSync(big, 'r')
            const b = new Uint8Array(MB)
            for (let i = 0, n = 0; (n = readSync(fd, b)) > 0; i += n) await fat.write(f, i, b.subarray(0, n))
            closeSync(fd)
          }),
        () => ours(big, `${image}:/big`),
      ]),
    )
    row(
      `read ${SIZE} MB, MB/s`,
      rate,
      await measure(false, [
        () => mcopy('::big', at('out')),
        () =>
          inimage(async fat => {
            const f = await fat.walk('big')
            const fd = openSync(at('out'), 'w')
            for (let i = 0; i < f.length; i += MB) writeSync(fd, await fat.read(f, i, MB))
            closeSync(fd)
          }),
        () => ours(`${image}:/big`, at('out')),
      ]),
    )
    row(
      `write ${SMALL} files of 1000 bytes, files/s`,
      files,
      await measure(true, [
        () => mcopy(small, '::small'),
        () =>
          inimage(async fat => {
            for (let i = 0; i < SMALL; i++)
              await fat.add(`small/file number ${i}`, readFileSync(join(small, `file number ${i}`)))
          }),
        () => ours(small, `${image}:/`),
      ]),
    )
    const memory = await seconds(async () => {
      const disk = memdisk(new Uint8Array(IMAGE * MB))
      await mkfat(disk, { type: 32 })
      const fat = await Fat.open(disk)
      await fat.add('big', data)
      await fat.flush()
    })
    rows.push([`In memory, a new image of ${IMAGE} MB with the file of ${SIZE} MB: ${(memory * 1000).toFixed(0)} ms`])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  return { name: 'disk', rows }
}
