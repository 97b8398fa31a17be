import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Blocks, cached } from '../../emulator/disk/blocks.ts'
import { Iso, type IsoFile, isoSrv } from '../../emulator/disk/iso9660.ts'
import { Client } from '../../plan9/9p/client.ts'
import { DMDIR, OREAD } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { PlanError } from '../../plan9/error.ts'
import { Random } from '../random.ts'

const SEED = Number(process.env['SEED'] ?? 1)
let dir: string
const images = new Map<string, Uint8Array>()

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), '9ml-iso-'))
  const src = join(dir, 'src')
  const rand = new Random(SEED)
  const put = (name: string, data: Uint8Array | string) => {
    mkdirSync(join(src, name, '..'), { recursive: true })
    writeFileSync(join(src, name), data)
  }
  put('readme', 'hello\n')
  put('empty', '')
  put('big', rand.bytes(300_000))
  put('a.name.of.some.length.with.dots', 'x')
  put('no-dot', 'y')
  put('café 日本.txt', 'utf\n')
  put(`long-${'n'.repeat(150)}`, 'long')
  put('d1/d2/d3/d4/d5/d6/d7/d8/d9/deep', 'deep\n')
  for (let i = 0; i < 300; i++) put(`many/file${i}`, `${i}`)
  writeFileSync(join(src, 'prog'), 'run', { mode: 0o755 })
  for (const [name, flags] of Object.entries({ rock: ['-R'], both: ['-R', '-J', '-joliet-long'] })) {
    const out = join(dir, `${name}.iso`)
    execFileSync('genisoimage', ['-quiet', '-o', out, '-D', ...flags, src], { stdio: ['ignore', 'ignore', 'pipe'] })
    images.set(name, readFileSync(out))
  }
  const out = join(dir, 'deep.iso')
  execFileSync('genisoimage', ['-quiet', '-o', out, '-R', src], { stdio: ['ignore', 'ignore', 'pipe'] })
  images.set('moved directories', readFileSync(out))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const blocks = (b: Uint8Array): Blocks => ({ size: b.length, read: async (o, n) => b.slice(o, o + n) })

/** Name and contents of each file under a directory of the host's, and of an image. */
function host(at: string, under = ''): [string, string][] {
  return readdirSync(at).flatMap((name): [string, string][] => {
    const path = join(at, name)
    return statSync(path).isDirectory()
      ? host(path, `${under}${name}/`)
      : [[under + name, readFileSync(path).toString('base64')]]
  })
}

async function image(iso: Iso, at: IsoFile = iso.root, under = ''): Promise<[string, string][]> {
  const all: [string, string][] = []
  for (const f of await iso.readdir(at))
    if (f.mode & DMDIR) all.push(...(await image(iso, f, `${under}${f.name}/`)))
    else all.push([under + f.name, Buffer.from(await iso.read(f, 0, f.length)).toString('base64')])
  return all
}

const sorted = (list: [string, string][]) => list.sort(([a], [b]) => (a < b ? -1 : 1))

describe('what genisoimage makes', () => {
  test.each(['rock', 'both', 'moved directories'])('Rock Ridge, %s: the tree as it was', async name => {
    const iso = await Iso.open(cached(blocks(images.get(name)!)), { nojoliet: true })
    const files = sorted(await image(iso)).filter(([n]) => !n.startsWith('rr_moved/'))
    expect(files).toEqual(sorted(host(join(dir, 'src'))))
    const prog = (await iso.readdir(iso.root)).find(f => f.name === 'prog')!
    expect(prog.mode & 0o111).not.toBe(0)
    expect(Math.abs(prog.mtime - statSync(join(dir, 'src', 'prog')).mtimeMs / 1000)).toBeLessThan(2)
  })

  test('Joliet, the first choice: names of up to 103 characters', async () => {
    const iso = await Iso.open(cached(blocks(images.get('both')!)))
    const cut = (n: string) =>
      n
        .split('/')
        .map(e => e.slice(0, 103))
        .join('/')
    expect(sorted(await image(iso))).toEqual(sorted(host(join(dir, 'src')).map(([n, b]) => [cut(n), b])))
  })

  test('without its extensions: short names in lower case, found in either', async () => {
    const bytes = images.get('both')!
    const iso = await Iso.open(cached(blocks(bytes)), { norock: true, nojoliet: true })
    const names = (await iso.readdir(iso.root)).map(f => f.name)
    expect(names).toContain('readme')
    expect(names.every(n => n === n.toLowerCase() && !n.includes(';'))).toBe(true)
    const [a, b] = pipeTransport()
    serve(
      b,
      isoSrv(async () => iso),
    )
    const client = await Client.connect(a)
    const root = await client.attach('glenda', 'x.iso')
    const f = await (await root.walk(['README'])).open(OREAD)
    expect(new TextDecoder().decode(await f.readAll())).toBe('hello\n')
    client.close()
  })
})

/** An image of one file, with Plan 9's fields: name, owner, group and mode behind the record's own. */
function plan9image(): Uint8Array {
  const b = new Uint8Array(20 * 2048)
  const v = new DataView(b.buffer)
  const text = (at: number, s: string) => b.set(new TextEncoder().encode(s), at)
  const record = (at: number, extent: number, size: number, flags: number, name: string, use: number[] = []) => {
    let n = 33 + name.length
    n += n & 1
    v.setUint32(at + 2, extent, true)
    v.setUint32(at + 10, size, true)
    b.set([95, 3, 17, 12, 0, 0, 0, flags], at + 18)
    b[at + 32] = name.length
    text(at + 33, name)
    b.set(use, at + n)
    b[at] = n + use.length
    return at + n + use.length
  }
  const string = (s: string) => [s.length, ...new TextEncoder().encode(s)]
  const use = (name: string, mode: number) => {
    const u = [...string(name), ...string('glenda'), ...string('sys')]
    if (u.length & 1) u.push(0)
    return [...u, mode & 255, (mode >> 8) & 255, (mode >> 16) & 255, (mode >>> 24) & 255, 0, 0, 0, 0]
  }
  text(16 * 2048, '\x01CD001\x01')
  text(16 * 2048 + 8, 'PLAN 9')
  record(16 * 2048 + 156, 18, 2048, 2, '\0')
  text(17 * 2048, '\xffCD001\x01')
  b[17 * 2048] = 255
  let at = record(18 * 2048, 18, 2048, 2, '\0', use('', 0o20000000755))
  at = record(at, 18, 2048, 2, '\x01', use('', 0o20000000755))
  at = record(at, 19, 6, 0, 'F000000.;1', use('A.Mixed-Case_name', 0o775))
  record(at, 19, 2, 0, 'README', use('', 0o664))
  text(19 * 2048, 'hello\n')
  return b
}

test('with Plan 9’s fields: names, owners and modes', async () => {
  const iso = await Iso.open(blocks(plan9image()))
  const files = await iso.readdir(iso.root)
  expect(files.map(f => [f.name, f.uid, f.gid, f.mode])).toEqual([
    ['A.Mixed-Case_name', 'glenda', 'sys', 0o775],
    ['readme', 'glenda', 'sys', 0o664],
  ])
  expect(new TextDecoder().decode(await iso.read(files[0]!, 0, 100))).toBe('hello\n')
  expect(files[0]!.mtime).toBe(Date.UTC(1995, 2, 17, 12) / 1000)
  const plain = await Iso.open(blocks(plan9image()), { noplan9: true })
  expect((await plain.readdir(plain.root)).map(f => f.name)).toEqual(['f000000', 'readme'])
})

test('what is no image, and one cut short, are errors', async () => {
  await expect(Iso.open(blocks(new Uint8Array(100)))).rejects.toThrow('unknown cd type')
  const whole = images.get('rock')!
  const iso = await Iso.open(cached(blocks(whole.subarray(0, whole.length >> 1))))
  await expect(image(iso)).rejects.toThrow(PlanError)
})

test(`images with bytes changed, seed ${SEED}: an error or other files, never anything else`, async () => {
  const walk = async (iso: Iso, at: IsoFile, depth: number): Promise<void> => {
    for (const f of (await iso.readdir(at)).slice(0, 50))
      if (f.mode & DMDIR) {
        if (depth < 4) await walk(iso, f, depth + 1)
      } else await iso.read(f, 0, Math.min(f.length, 1000))
  }
  let errors = 0
  for (let i = 0; i < 300; i++) {
    const rand = new Random(SEED * 1000 + i)
    const bytes = images.get(rand.pick(['rock', 'both', 'moved directories']))!.slice()
    // Descriptors and directories are at the image's beginning.
    for (let n = 1 + rand.int(40); n > 0; n--) bytes[0x8000 + rand.int(60_000)] = rand.int(256)
    try {
      const iso = await Iso.open(cached(blocks(bytes)))
      await walk(iso, iso.root, 0)
    } catch (e) {
      if (!(e instanceof PlanError)) throw new Error(`run ${i}`, { cause: e })
      errors++
    }
  }
  expect(errors).toBeGreaterThan(0)
})
