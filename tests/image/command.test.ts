import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Child, type Ended } from '../e2e/ml.ts'
import { Httpserver, type Served } from '../httpserver.ts'
import { Random } from '../random.ts'

let dir: string
let image: Uint8Array
let gz: Uint8Array
const sha = (b: Uint8Array) => createHash('sha256').update(b).digest('hex')

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), '9ml-imagecmd-'))
  const src = join(dir, 'src')
  mkdirSync(join(src, '386'), { recursive: true })
  writeFileSync(join(src, '386', '9pc'), new Random(5).bytes(2_000_000))
  const iso = join(dir, 'made.iso')
  execFileSync('genisoimage', ['-quiet', '-o', iso, src], { stdio: ['ignore', 'ignore', 'pipe'] })
  image = new Uint8Array(readFileSync(iso))
  gz = new Uint8Array(gzipSync(image))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function serve(files: Record<string, Served>): Promise<Httpserver> {
  const s = await Httpserver.start(files)
  onTestFinished(() => s.close())
  return s
}

/** A data directory of a test's own. */
const data = () => mkdtempSync(join(dir, 'data-'))
const start = (home: string, ...args: string[]) => new Child(['image', ...args], { env: { XDG_DATA_HOME: home } })
const run = (home: string, ...args: string[]): Promise<Ended> => start(home, ...args).ended

test('an image is fetched, expanded, kept, named by its sums and told about', async () => {
  const s = await serve({ '/x/9front-1.386.iso.gz': { bytes: gz, etag: '"1"' } })
  const home = data()
  const file = join(home, '9ml', '9front-1.386.iso')
  const { code, out, err } = await run(home, 'fetch', '9front', '--url', `${s.url}/x/9front-1.386.iso.gz`)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toBe(
    [
      `${file}: 2.4 MB, from ${s.url}/x/9front-1.386.iso.gz`,
      `SHA-256 of what was sent: ${sha(gz)}`,
      `SHA-256 of the image: ${sha(image)}`,
      'not verified: no SHA-256 of it is known; --sha256 demands one',
      `${file}: 9front for 386, an ISO with the kernel /386/9pc: 9ml runs it`,
      '',
    ].join('\n'),
  )
  expect(readdirSync(join(home, '9ml'))).toEqual(['9front-1.386.iso'])
  expect(Buffer.compare(readFileSync(file), image)).toBe(0)

  const info = await run(home, 'info', '9front-1.386.iso')
  expect({ code: info.code, out: info.out }).toEqual({ code: 0, out: out.slice(out.lastIndexOf(file)) })
  expect((await run(home, 'ls')).out).toContain(`${file}\t2.4 MB\t9front for 386`)
  expect((await run(home, 'fetch', '9front', '--url', `${s.url}/x/9front-1.386.iso.gz`)).out).toBe(
    `${file}: is there already\n`,
  )
  expect(s.requests.length).toBe(1)
})

describe('the sum that is demanded', () => {
  test('is right', async () => {
    const s = await serve({ '/i.iso.gz': { bytes: gz } })
    const { code, out } = await run(data(), 'fetch', 'i', '--url', `${s.url}/i.iso.gz`, '--sha256', sha(gz))
    expect(code).toBe(0)
    expect(out).toContain('verified: it is the SHA-256 that was demanded')
  })

  test('is wrong: nothing is kept', async () => {
    const s = await serve({ '/i.iso.gz': { bytes: gz } })
    const home = data()
    const want = '0'.repeat(64)
    const { code, err } = await run(home, 'fetch', 'i', '--url', `${s.url}/i.iso.gz`, '--sha256', want)
    expect(code).toBe(1)
    expect(err).toContain(`checksum wrong: SHA-256 is ${sha(gz)}, not ${want}`)
    expect(readdirSync(join(home, '9ml'))).toEqual([])
  })
})

test.each(['SIGINT', 'SIGKILL'] as const)('what %s ends, the next run goes on with', async signal => {
  const s = await serve({ '/i.iso.gz': { bytes: gz, etag: '"1"', hold: 1_000_000 } })
  const home = data()
  const args = ['fetch', 'i', '--url', `${s.url}/i.iso.gz`, '--sha256', sha(gz)]
  const part = join(home, '9ml', 'i.iso.part')
  const first = start(home, ...args)
  const there = () => statSync(part, { throwIfNoEntry: false })?.size ?? 0
  await expect.poll(there, { timeout: 20_000 }).toBe(1_000_000)
  first.child.kill(signal)
  const { err, code } = await first.ended
  if (signal === 'SIGINT') {
    expect(code).toBe(1)
    expect(err).toBe(
      `9ml image: ${part} has the first 1000000 bytes: the same command goes on from there\n9ml image: interrupted\n`,
    )
  }
  expect(existsSync(join(home, '9ml', 'i.iso'))).toBe(false)
  s.go()
  const second = await run(home, ...args)
  expect(second.err).toBe('9ml image: going on from byte 1000000\n')
  expect(second.code).toBe(0)
  expect(s.requests.at(-1)).toMatchObject({ range: 'bytes=1000000-', sent: gz.length - 1_000_000 })
  expect(Buffer.compare(readFileSync(join(home, '9ml', 'i.iso')), image)).toBe(0)
  expect(readdirSync(join(home, '9ml'))).toEqual(['i.iso'])
})

test('two fetches of one file do not mix: the second says who has it', async () => {
  const s = await serve({ '/i.iso.gz': { bytes: gz, etag: '"1"', hold: 1_000_000 } })
  const home = data()
  const args = ['fetch', 'i', '--url', `${s.url}/i.iso.gz`]
  const part = join(home, '9ml', 'i.iso.part')
  const first = start(home, ...args)
  await expect.poll(() => statSync(part, { throwIfNoEntry: false })?.size, { timeout: 20_000 }).toBe(1_000_000)
  const second = await run(home, ...args)
  expect([second.code, second.err]).toEqual([1, `9ml image: ${part}: process ${first.child.pid} has it\n`])
  s.go()
  expect((await first.ended).code).toBe(0)
  expect(readdirSync(join(home, '9ml'))).toEqual(['i.iso'])
})

test('servers that have it not are named, each once', async () => {
  const s = await serve({})
  const { code, err } = await run(data(), 'fetch', 'i', '--url', `${s.url}/a.iso`, '--url', `${s.url}/b.iso`)
  expect(code).toBe(1)
  expect(err).toBe(
    `9ml image: ${s.url}/a.iso: 404 not found\n9ml image: ${s.url}/b.iso: 404 not found\n9ml image: a.iso: not fetched\n`,
  )
})

test('a file system that is full says so, and the part stays', async () => {
  const s = await serve({ '/i.iso.gz': { bytes: gz, etag: '"1"' } })
  const home = data()
  // What the shell allows of a file, in blocks of 512 or 1024 bytes, is the room there is.
  const child = new Child(['image', 'fetch', 'i', '--url', `${s.url}/i.iso.gz`], {
    env: { XDG_DATA_HOME: home },
    limit: 1000,
  })
  const { code, err } = await child.ended
  expect(code).toBe(1)
  expect(err).toContain('file system full')
  expect(err).toMatch(/i\.iso\.part has the first \d+ bytes/)
  expect(readdirSync(join(home, '9ml'))).toEqual(['i.iso.part', 'i.iso.part.from'])
  expect((await run(home, 'fetch', 'i', '--url', `${s.url}/i.iso.gz`, '--sha256', sha(image))).code).toBe(0)
  expect(s.requests.at(-1)!.range).not.toBe('bytes=0-')
})

test('what cannot be done is said, and exits with 1 or 2', async () => {
  const home = data()
  const answer = async (...args: string[]) => {
    const { code, err } = await run(home, ...args)
    return [code, err]
  }
  const usage = expect.stringMatching(/^usage: 9ml image fetch NAME /)
  expect(await answer()).toEqual([2, usage])
  expect(await answer('fetch', '9front', '--sha256', 'abc')).toEqual([2, usage])
  expect(await answer('info')).toEqual([2, usage])
  expect(await answer('info', join(dir, 'none'))).toEqual([1, `9ml image: ${join(dir, 'none')}: file does not exist\n`])
  expect(await answer('fetch', 'inferno')).toEqual([
    1,
    '9ml image: inferno for 386: not known; 9ml image ls names what is, --url fetches any\n',
  ])
  expect(await answer('fetch', 'x', '--url', 'nowhere')).toEqual([1, '9ml image: nowhere: bad url\n'])
  writeFileSync(join(dir, 'cut.iso'), image.subarray(0, image.length - 5000))
  const cut = await run(home, 'info', join(dir, 'cut.iso'))
  expect([cut.code, cut.out]).toEqual([1, expect.stringContaining('cut short: 5.0 KB of 2.4 MB are missing')])
})
