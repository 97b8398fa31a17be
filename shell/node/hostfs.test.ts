import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Client, type Fid } from '../../plan9/9p/client.ts'
import * as c from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { Random } from '../../tests/random.ts'
import { hostfs } from './hostfs.ts'

let top: string
let client: Client
let root: Fid

beforeEach(async () => {
  top = mkdtempSync(join(tmpdir(), '9ml-'))
  const [mine, theirs] = pipeTransport()
  serve(theirs, hostfs(top))
  client = await Client.connect(mine)
  root = await client.attach('glenda', '')
})
afterEach(() => {
  client.close()
  rmSync(top, { recursive: true })
})

const host = (name: string) => join(top, name)
const bytes = (s: string) => new TextEncoder().encode(s)
const at = (...names: string[]) => root.walk(names)
const text = async (...names: string[]) =>
  new TextDecoder().decode(await (await (await at(...names)).open(c.OREAD)).readAll())

test('a file of the host is read, with its mode, times, length and owner', async () => {
  writeFileSync(host('f'), 'hello', { mode: 0o640 })
  utimesSync(host('f'), 1000, 2000)
  const d = await (await at('f')).stat()
  expect(d).toMatchObject({ name: 'f', mode: 0o640, atime: 1000, mtime: 2000, length: 5n, uid: userInfo().username })
  expect(await text('f')).toBe('hello')
  expect((await root.stat()).name).toBe('/')
})

test('what is written is there on the host, in place', async () => {
  writeFileSync(host('f'), 'hello')
  const f = await (await at('f')).open(c.OWRITE)
  await f.write(bytes('J'), 0)
  await f.write(bytes('!'), 7)
  await f.clunk()
  expect(readFileSync(host('f'), 'latin1')).toBe('Jello\0\0!')
  await (await (await at('f')).open(c.OWRITE | c.OTRUNC)).clunk()
  expect(readFileSync(host('f'), 'latin1')).toBe('')
})

test('a new file has the bits that it asks for and its directory allows', async () => {
  mkdirSync(host('d'))
  chmodSync(host('d'), 0o750)
  const f = await (await at('d')).create('run', 0o777, c.OWRITE)
  await f.clunk()
  expect(statSync(host('d/run')).mode & 0o777).toBe(0o751 & ~process.umask())
  await (await (await at('d')).create('sub', c.DMDIR | 0o777, c.OREAD)).clunk()
  expect(statSync(host('d/sub')).mode & 0o777).toBe(0o750 & ~process.umask())
  await expect((await at('d')).create('x', c.DMAPPEND | 0o666, c.OWRITE)).rejects.toThrow('append-only')
  await expect((await at('d')).create('run', 0o666, c.OWRITE)).rejects.toThrow('file already exists')
})

test('wstat renames, truncates, and sets mode and time', async () => {
  writeFileSync(host('f'), 'hello')
  const f = await at('f')
  await f.wstat({ name: 'g', length: 2n, mode: 0o600, mtime: 12345 })
  expect(readFileSync(host('g'), 'utf8')).toBe('he')
  expect(statSync(host('g')).mode & 0o777).toBe(0o600)
  expect(statSync(host('g')).mtimeMs).toBe(12345000)
  expect((await f.stat()).name).toBe('g')
  writeFileSync(host('h'), '')
  await expect(f.wstat({ name: 'h', mode: 0o644 })).rejects.toThrow('file already exists')
  expect(statSync(host('g')).mode & 0o777).toBe(0o600)
  await expect(f.wstat({ uid: 'nobody at all' })).rejects.toThrow('permission denied')
})

test('wstat does all or nothing where the host refuses a part', async () => {
  writeFileSync(host('f'), 'hello', { mode: 0o640 })
  utimesSync(host('f'), 1000, 2000)
  const f = await at('f')
  // A length that no file can have.
  const refused = f.wstat({ name: 'g', length: 2n ** 53n - 1n, mode: 0o600, mtime: 5 })
  await expect(refused).rejects.toThrow(/i\/o error: EFBIG|bad arg/)
  expect(existsSync(host('g'))).toBe(false)
  expect(await f.stat()).toMatchObject({ name: 'f', length: 5n, mode: 0o640, mtime: 2000 })
  // Read-only, but this very wstat makes it so: the length changes all the same.
  await f.wstat({ length: 2n, mode: 0o400, mtime: 7 })
  expect(await f.stat()).toMatchObject({ length: 2n, mode: 0o400, mtime: 7 })
})

test('wstat of a whole record, as a client that changes one member sends it', async () => {
  mkdirSync(host('d'))
  const d = await at('d')
  await d.wstat({ ...(await d.stat()), name: 'e' })
  expect((await d.stat()).name).toBe('e')
  await expect(d.wstat({ length: 1n })).rejects.toThrow('file is a directory')
  await expect(d.wstat({ mode: 0o777 })).rejects.toThrow('bad wstat')
})

test('no way out of a root however it is spelt', async () => {
  mkdirSync(host('jail/d'), { recursive: true })
  writeFileSync(host('outside'), '')
  for (const spelling of [`${host('jail')}/`, `${top}/./jail`, `${top}/jail/d/..`]) {
    const [mine, theirs] = pipeTransport()
    serve(theirs, hostfs(spelling))
    const inmate = await Client.connect(mine)
    const jail = await inmate.attach('glenda', '')
    expect((await jail.walk(['d', '..', '..', '..'])).qid.path).toBe(jail.qid.path)
    await expect(jail.walk(['d', '..', '..', 'outside'])).rejects.toThrow('file does not exist')
    inmate.close()
  }
})

test('a link is what it leads to; removed is the link', async () => {
  mkdirSync(host('d'))
  writeFileSync(host('d/f'), 'hello')
  symlinkSync('d', host('ld'))
  symlinkSync('d/f', host('lf'))
  symlinkSync('nowhere', host('dangling'))
  symlinkSync('loop', host('loop'))
  expect(await text('ld', 'f')).toBe('hello')
  expect(await text('lf')).toBe('hello')
  const names = (await (await root.walk([])).open(c.OREAD).then(f => f.readdir())).map(d => [d.name, d.mode >>> 31])
  expect(names).toEqual([
    ['d', 1],
    ['dangling', 0],
    ['ld', 1],
    ['lf', 0],
    ['loop', 0],
  ])
  await expect((await at('dangling')).open(c.OREAD)).rejects.toThrow('file does not exist')
  await expect((await at('loop')).open(c.OREAD)).rejects.toThrow('too many symbolic links')
  for (const name of ['ld', 'lf', 'dangling', 'loop']) {
    await (await at(name)).remove()
    expect(lstatSync(host(name), { throwIfNoEntry: false })).toBe(undefined)
  }
  expect(readFileSync(host('d/f'), 'utf8')).toBe('hello')
})

test('the host’s errors in Plan 9’s words', async () => {
  mkdirSync(host('d'))
  writeFileSync(host('d/f'), '')
  await expect(at('nosuch')).rejects.toThrow('file does not exist')
  await expect(at('d', 'f', 'x')).rejects.toThrow('file does not exist')
  await expect((await at('d')).remove()).rejects.toThrow('directory not empty')
  await expect(root.walk([]).then(f => f.remove())).rejects.toThrow('permission denied')
  await expect((await at('d')).open(c.OWRITE)).rejects.toThrow('file is a directory')
  await expect((await at('d', 'f')).open(c.OEXEC)).rejects.toThrow('permission denied')
  await expect(root.walk([]).then(f => f.create('x'.repeat(1000), 0o666, c.OWRITE))).rejects.toThrow('name too long')
})

test('names with a slash, and dots, do not leave the root', async () => {
  expect(existsSync(join(top, '..'))).toBe(true)
  const up = await root.walk(['..', '..', '..'])
  expect(up.qid.path).toBe(root.qid.path)
  await expect(root.walk(['../..'])).rejects.toThrow()
  await expect(root.walk(['/etc'])).rejects.toThrow()
  await expect(root.walk([]).then(f => f.create('../evil', 0o666, c.OWRITE))).rejects.toThrow()
  await expect(root.walk([]).then(f => f.create('..', 0o666, c.OWRITE))).rejects.toThrow()
  writeFileSync(host('f'), '')
  await expect((await at('f')).wstat({ name: '../evil' })).rejects.toThrow()
  expect(existsSync(join(top, '..', 'evil'))).toBe(false)
})

test('devices of the host are read from where they are', async () => {
  symlinkSync('/dev/zero', host('zero'))
  symlinkSync('/dev/null', host('null'))
  const zero = await (await at('zero')).open(c.OREAD)
  expect([...(await zero.read(4, 0))]).toEqual([0, 0, 0, 0])
  expect([...(await zero.read(4, 4))]).toEqual([0, 0, 0, 0])
  const none = await (await at('null')).open(c.ORDWR)
  expect(await none.write(bytes('gone'), 0)).toBe(4)
  expect((await none.read(4, 0)).length).toBe(0)
})

test('a file of more than 4 GB is read and written behind them', async () => {
  writeFileSync(host('big'), '')
  truncateSync(host('big'), 5 * 2 ** 30)
  const f = await (await at('big')).open(c.ORDWR)
  await f.write(bytes('here'), 2 ** 32 + 1)
  expect(new TextDecoder().decode(await f.read(6, 2 ** 32))).toBe('\0here\0')
  expect((await f.stat()).length).toBe(5n * 2n ** 30n)
})

test('what is read ahead is what the file holds when it is read', async () => {
  const r = new Random(3)
  const n = 1000
  const whole = Buffer.from(r.bytes(20 * n + 17))
  writeFileSync(host('f'), whole)
  const f = await (await at('f')).open(c.OREAD)
  const writer = await (await at('f')).open(c.OWRITE)
  for (let round = 0; round < 40; round++) {
    let offset = 0
    for (;;) {
      const k = r.int(12)
      if (k === 0) {
        const [data, to] = [r.bytes(1 + r.int(300)), r.int(19 * n)]
        await writer.write(data, to)
        whole.set(data, to)
      } else if (k === 1) offset = r.int(20) * n
      const count = r.int(10) === 0 ? 1 + r.int(n) : n
      const want = whole.subarray(offset, offset + count)
      const got =
        r.int(4) > 0 ? [await f.read(count, offset)] : await Promise.all([f.read(count, offset), f.read(count, offset)])
      for (const b of got) expect(Buffer.compare(b, want)).toBe(0)
      if (want.length === 0) break
      offset += want.length
    }
  }
  for (let offset = 0; offset < 4 * n; offset += n) await f.read(n, offset)
  await writer.wstat({ length: BigInt(4 * n + 5) })
  expect((await f.read(n, 4 * n)).length).toBe(5)
  expect((await f.read(n, 4 * n + 5)).length).toBe(0)
})

test('a directory of a thousand files is listed whole', async () => {
  for (let i = 0; i < 1000; i++) writeFileSync(host(`file${i}`), '')
  const dirs = await (await (await root.walk([])).open(c.OREAD)).readdir()
  expect(new Set(dirs.map(d => d.name)).size).toBe(1000)
})
