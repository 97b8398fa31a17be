import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** 9base has no sum or md5sum, and its sha1sum no -2: expected by 9front's sum(1), and by node:crypto. */
const binary = Uint8Array.from({ length: 3000 }, (_, i) => (i * 7 + (i >> 3)) & 0xff)
const big = Uint8Array.from({ length: 300_001 }, (_, i) => (i * i) >> 3)
const files: Record<string, Uint8Array> = {
  empty: new Uint8Array(0),
  hello: new TextEncoder().encode('hello\n'),
  binary,
  big,
}
const world = new World(Object.fromEntries(Object.entries(files).map(([n, d]) => [`/w/${n}`, d])))
const run = async (cmd: string[], stdin?: string | Uint8Array) => {
  const { stdout, stderr, status } = await world.run(cmd, stdin, '/w')
  return [stdout + stderr, status]
}

it('sum: the CRC of the bytes and their number', async () => {
  expect(await run(['sum', 'empty', 'hello', 'binary'])).toEqual([
    '2aa280dc      0 empty\n6f4593cd      6 hello\nd3d27cd7   3000 binary\n',
    '',
  ])
  expect(await run(['sum'], 'hello\n')).toEqual(['6f4593cd      6\n', ''])
})

it('sum -r rotates, in blocks of 1024; sum -5 adds, in blocks of 512', async () => {
  let r = 0
  for (const c of binary) {
    r = (r >> 1) | ((r & 1) << 15)
    r = (r + c) % 65536
  }
  let v = 0
  for (const c of big) v += c
  expect(await run(['sum', '-r', 'binary', 'empty'])).toEqual([
    `${String(r).padStart(5, '0')}     3 binary\n00000     0 empty\n`,
    '',
  ])
  const folded = (Math.floor(v / 65536) + (v % 65536)) % 65536
  expect(await run(['sum', '-5', 'big', 'hello'])).toEqual([
    `${String(folded).padStart(5, '0')}   586 big\n00542     1 hello\n`,
    '',
  ])
})

it.each([
  [['md5sum'], 'md5'],
  [['sha1sum'], 'sha1'],
  [['sha1sum', '-2', '224'], 'sha224'],
  [['sha1sum', '-2256'], 'sha256'],
  [['sha1sum', '-2', '384'], 'sha384'],
  [['sha1sum', '-2', '512'], 'sha512'],
])('%j is the digest of a file', async (cmd, name) => {
  const hex = (d: Uint8Array) => createHash(name).update(d).digest('hex')
  expect(await run([...cmd, ...Object.keys(files)])).toEqual([
    Object.entries(files)
      .map(([n, d]) => `${hex(d)}\t${n}\n`)
      .join(''),
    '',
  ])
  expect(await run(cmd, big)).toEqual([`${hex(big)}\n`, ''])
})

it('a file that cannot be read is told, and is the status; the others are summed', async () => {
  for (const cmd of ['sum', 'md5sum', 'sha1sum']) {
    const [out, status] = await run([cmd, 'nosuch', 'empty'])
    expect(status).toMatch(/^can't open nosuch: .*does not exist/)
    expect(out).toContain(`${cmd}: ${status}\n`)
    expect(out).toMatch(/^\w.*\bempty$/m)
  }
  expect(await run(['sha1sum', '-2', '257', 'hello'])).toEqual([
    'sha1sum: unknown number of sha2 bits: 257\n',
    'unknown number of sha2 bits: 257',
  ])
  expect(await run(['sum', '-x'])).toEqual(['usage: sum [-5r] [file ...]\n', 'usage'])
})
