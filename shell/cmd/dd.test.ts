import { expect, it } from 'vitest'
import { OWRITE } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'

/** What 9base's dd does not print to standard output, or lacks: expected by 9front's dd(1) and dd.c. */
const world = new World({ '/w/ten': '0123456789', '/w/out': 'abcdefghij' })
const run = async (args: string[], stdin?: string | Uint8Array) => {
  const { stdout, stderr, status } = await world.run(['dd', ...args], stdin, '/w')
  return { stdout, stderr, status }
}

it('counts full and partial records', async () => {
  expect(await run(['-bs', '4'], '0123456789')).toEqual({
    stdout: '0123456789',
    stderr: '2+1 records in\n2+1 records out\n',
    status: '',
  })
  expect(await run(['-ibs', '4', '-obs', '3'], '0123456789')).toMatchObject({
    stderr: '2+1 records in\n3+1 records out\n',
  })
  expect(await run(['-cbs', '3', '-conv', 'block', '-quiet', '1'], 'abcd\ne\n')).toMatchObject({
    stdout: 'abce  ',
    stderr: '',
  })
  expect((await run(['-cbs', '3', '-conv', 'block'], 'abcd\ne\n')).stderr).toBe(
    '0+1 records in\n0+1 records out\n1 truncated records\n',
  )
})

it('-of truncates, unless -trunc 0; -oseek goes past records', async () => {
  await run(['-if', 'ten', '-of', 'out', '-bs', '2', '-count', '2', '-oseek', '1', '-trunc', '0'])
  expect(world.text('/w/out')).toBe('ab0123ghij')
  await run(['-if', 'ten', '-of', 'out', '-bs', '2', '-iseek', '4'])
  expect(world.text('/w/out')).toBe('89')
})

it('EBCDIC and back is what it was, in both maps as far as they agree', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  const there = await world.run(['dd', '-conv', 'ebcdic'], bytes)
  expect(there.bytes).not.toEqual(bytes)
  expect(new Set(there.bytes).size).toBe(256)
  expect((await world.run(['dd', '-conv', 'ascii'], there.bytes)).bytes).toEqual(bytes)
  const ibm = await world.run(['dd', '-conv', 'ibm'], bytes)
  const differ = [...bytes].filter(i => ibm.bytes[i] !== there.bytes[i])
  expect(String.fromCharCode(...differ)).toBe('![]|')
})

it('tells what is wrong with its arguments', async () => {
  expect(await run(['-bs'])).toEqual({ stdout: '', stderr: 'dd: arg -bs needs a value\n', status: 'arg' })
  expect(await run(['-xy', '1'])).toEqual({ stdout: '', stderr: 'dd: bad arg: -xy\n', status: 'arg' })
  expect(await run(['-conv', 'lcase,up'])).toEqual({ stdout: '', stderr: 'dd: bad conv lcase,up\n', status: 'arg' })
  expect(await run(['-bs', '4q'])).toEqual({ stdout: '', stderr: "dd: invalid size suffix 'q'\n", status: 'invalid' })
  expect(await run(['-ibs', '4mxk'])).toMatchObject({ stderr: 'dd: counts: cannot be zero\n', status: 'counts' })
  expect(await run(['-bs', '4mx1k'])).toMatchObject({
    stderr: 'dd: argument 4294967296 out of range\n',
    status: 'range',
  })
  expect((await run(['-if', 'nosuch'])).stderr).toMatch(/^dd: open nosuch: .*does not exist/)
  expect((await run(['-of', '/proc/x'])).status).toBe('create')
})

it('takes what it wants of an endless input', async () => {
  const zero = async (sys: { write(fd: number, b: Uint8Array): Promise<number> }) => {
    for (;;) await sys.write(1, new Uint8Array(1000))
  }
  const w = new World({}, { zero })
  const r = await w.pipe([['zero'], ['dd', '-bs', '100', '-count', '7']])
  expect([r.bytes.length, r.stderr]).toEqual([700, '7+0 records in\n7+0 records out\n'])
})

it('a record that cannot be read ends it, or with noerror is gone past', async () => {
  /** Runs its arguments with a standard input that can only be written. */
  const wonly: Program = async (sys, argv) => {
    await sys.dup(await sys.open('/tmp/x', OWRITE), 0)
    return sys.exec(`/bin/${argv[1]}`, argv.slice(1))
  }
  const w = new World({ '/tmp/x': '' }, { wonly })
  const dd = async (...args: string[]) => {
    const { stdout, stderr, status } = await w.run(['wonly', 'dd', '-bs', '4', ...args])
    return [stdout, stderr, status]
  }
  const read = 'read: inappropriate use of fd\n'
  const counts = (n: number, out: number) => `0+${n} records in\n${out}+0 records out\n`
  expect(await dd()).toEqual(['', read + counts(0, 0), 'errors'])
  expect(await dd('-conv', 'noerror,sync', '-count', '2')).toEqual([
    '\0'.repeat(8),
    read + counts(0, 0) + read + counts(1, 1) + counts(2, 2),
    '',
  ])
  expect(await dd('-conv', 'noerror', '-count', '1')).toEqual(['', read + counts(0, 0) + counts(1, 0), ''])
})
