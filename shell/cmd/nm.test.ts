import { describe, expect, it } from 'vitest'
import { concat } from '../../plan9/9p/bit.ts'
import { crackhdr, machines, symbols } from '../../plan9/libc/aout.ts'
import { utf8 } from '../../plan9/libc/rune.ts'
import { World } from '../../tests/cmd/world.ts'

/** nm and size on files made here by a.out(6): 9base has neither command. */

const be = (n: number | bigint, size: 4 | 8): Uint8Array => {
  const v = new DataView(new ArrayBuffer(size))
  if (size === 8) v.setBigUint64(0, BigInt(n))
  else v.setUint32(0, Number(n))
  return new Uint8Array(v.buffer)
}
const sym = (value: number | bigint, type: string, name: string | number[], size: 4 | 8 = 4): Uint8Array => {
  const tail = typeof name === 'string' ? [...utf8(name), 0] : [0, ...[...name, 0].flatMap(n => [n >> 8, n & 0xff])]
  return concat([be(value, size), Uint8Array.of(type.charCodeAt(0) | 0x80, ...tail)])
}

function aout(magic: number, syms: Uint8Array[], entry = 0x1020n): Uint8Array {
  const table = concat(syms)
  const wide = (magic & 0x8000) !== 0
  const head = [magic, 16, 8, 100, table.length, wide ? 0 : Number(entry), 0, 0].map(n => be(n, 4))
  if (wide) head.push(be(entry, 8))
  return concat([...head, new Uint8Array(24), table])
}

const table = (size: 4 | 8 = 4, base = 0n) => [
  sym(1, 'f', 'usr', size),
  sym(2, 'f', 'x.c', size),
  sym(3, 'f', '/', size),
  sym(1, 'z', [3, 1, 2], size),
  sym(9, 'Z', [], size),
  sym(base + 0x1020n, 'T', 'main', size),
  sym(0x20, 'f', '.frame', size),
  sym(4, 'a', 'été', size),
  sym(0, 'p', 'argc', size),
  sym(base + 0x1040n, 'l', 'leaf', size),
  sym(base + 0x2000n, 'D', 'data', size),
  sym(base + 0x2004n, 'd', '.string', size),
  sym(base + 0x1fffn, 'b', 'bss', size),
  sym(base + 0x2fffn, 'B', 'end', size),
]

/** An object file of 8c: names, then what defines them. */
const obj8 = (sig = 0) => {
  const name = (type: number, id: number, s: string) =>
    sig === 0 || type !== 61
      ? [126, 0, type, id, ...utf8(s), 0]
      : [332 & 0xff, 332 >> 8, sig & 0xff, (sig >> 8) & 0xff, (sig >> 16) & 0xff, sig >>> 24, type, id, ...utf8(s), 0]
  return Uint8Array.from([
    ...name(69, 1, '<x.c'),
    ...name(61, 2, 'main'),
    ...[220, 0, 1, 0, 0, 0, 16, 2, 0],
    ...name(61, 3, 'print'),
    ...name(63, 4, 'i'),
    ...[1, 0, 2, 0, 0, 0, 4 | 16 | 1, 0xfc, 0xff, 0xff, 0xff, 4, 63, 16, 3],
    ...name(62, 5, 'st'),
    ...[53, 0, 3, 0, 0, 0, 16, 5, 0],
  ])
}
const ar = (members: [string, Uint8Array][]) =>
  concat([
    utf8('!<arch>\n'),
    ...members.flatMap(([n, d]) => [
      utf8(
        `${n.padEnd(16)}${'1'.padEnd(12)}${'1'.padEnd(6)}${'1'.padEnd(6)}${'644'.padEnd(8)}${String(d.length).padEnd(10)}\`\n`,
      ),
      d,
      utf8(d.length & 1 ? '\n' : ''),
    ]),
  ])

const files: Record<string, Uint8Array | string> = {
  '8.out': aout(0x1eb, table()),
  '6.out': aout(0x8a97, table(8, 1n << 40n), 0xffffffff80110020n),
  none: aout(0x1eb, []),
  text: 'hello, I am a text that is longer than a header\n',
  empty: '',
  short: aout(0x1eb, table()).slice(0, -3),
  'x.8': obj8(),
  'sig.8': obj8(0xdeadbeef),
  'lib.a': ar([
    ['__.SYMDEF', utf8('x')],
    ['x.8', obj8()],
    ['y.8', obj8()],
  ]),
  'bad.a': ar([['text', utf8('hello, world')]]),
  'cut.a': ar([['x.8', obj8()]]).slice(0, -10),
}
const world = new World(Object.fromEntries(Object.entries(files).map(([n, d]) => [`/w/${n}`, d])))
const run = (...argv: string[]) => world.run(argv, '', '/w')

describe('a.out', () => {
  it('is known by its magic number', () => {
    for (const [magic, machine] of machines) {
      const f = crackhdr(aout(magic, table(magic & 0x8000 ? 8 : 4)))!
      expect(f.machine).toBe(machine)
      expect([f.text, f.data, f.bss, f.symoff - f.hdrsz, f.entry]).toEqual([16, 8, 100, 24, 0x1020n])
      expect(crackhdr(aout(magic | 0x80000000, []))).toMatchObject({ dynamic: true, txtaddr: 0, dataaddr: 16 })
    }
    expect(crackhdr(aout(0x1eb, []))).toMatchObject({ txtaddr: 0x1020, dataaddr: 0x2000, hdrsz: 32 })
    expect(crackhdr(aout(0x8a97, []))).toMatchObject({ txtaddr: 0x200028, dataaddr: 0x400000, hdrsz: 40 })
    expect(crackhdr(aout(0x1ec, []))).toBeUndefined()
    expect(crackhdr(aout(0x8a97, []).subarray(0, 39))).toBeUndefined()
  })
  it('has symbols', () => {
    const all = [...symbols(concat(table()), { wide: false })]
    expect(all[3]).toEqual({ value: 1n, type: 'z', name: '', path: [3, 1, 2] })
    expect(all[6]).toEqual({ value: 0x20n, type: 'm', name: '.frame', path: [] })
    for (let n = 1; n < 7; n++)
      expect(() => [...symbols(concat(table()).slice(0, -n), { wide: false })]).toThrow("can't read symbol table")
  })
})

describe('size', () => {
  it('prints the segments', async () => {
    expect(await run('size', '6.out', 'none')).toMatchObject({
      status: '',
      stdout: '16t + 8d + 100b = 124\t6.out\n16t + 8d + 100b = 124\tnone\n',
    })
    expect((await run('size')).stdout).toBe('16t + 8d + 100b = 124\t8.out\n')
  })
  it('tells of other files', async () => {
    expect(await run('size', 'text', 'none', 'empty')).toMatchObject({
      status: 'error',
      stdout: '16t + 8d + 100b = 124\tnone\n',
      stderr: 'size: text not an a.out\nsize: empty not an a.out\n',
    })
    expect((await run('size', 'nosuch')).stderr).toMatch(/^size: nosuch: .*does not exist/)
    expect(await run('size', '-x')).toMatchObject({ status: 'usage', stderr: 'usage: size [a.out ...]\n' })
  })
})

describe('nm', () => {
  const lines = async (...argv: string[]) => (await run('nm', ...argv)).stdout.split('\n').slice(0, -1)
  it('sorts by name, or by value, or not', async () => {
    expect(await lines('8.out')).toEqual([
      '    1fff b bss',
      '    2000 D data',
      '    2fff B end',
      '    1040 l leaf',
      '    1020 T main',
    ])
    expect((await lines('-n', '8.out')).map(l => l.slice(11))).toEqual(['main', 'leaf', 'bss', 'data', 'end'])
    expect((await lines('-s', '8.out')).map(l => l.slice(11))).toEqual(['main', 'leaf', 'data', 'bss', 'end'])
  })
  it('prints what is asked for', async () => {
    expect((await lines('-g', '8.out')).map(l => l.slice(9))).toEqual(['D data', 'B end', 'T main'])
    expect(await lines('-as', '8.out')).toEqual([
      '       1 f usr',
      '       2 f x.c',
      '       3 f /',
      '       1 z /usr/x.c',
      '       9 Z ',
      '    1020 T main',
      '      20 m .frame',
      '       4 a été',
      '       0 p argc',
      '    1040 l leaf',
      '    2000 D data',
      '    2004 d .string',
      '    1fff b bss',
      '    2fff B end',
    ])
    expect(await lines('-u', '8.out')).toEqual([])
    expect((await lines('6.out'))[0]).toBe('     10000001fff b bss')
    expect(await lines('-g', '6.out', 'none')).toHaveLength(3)
    expect((await lines('-g', '6.out', 'none'))[0]).toBe('6.out:     10000002000 D data')
    expect((await lines('-gh', '6.out', 'none'))[0]).toBe('     10000002000 D data')
  })
  it('reads objects', async () => {
    expect(await lines('x.8')).toEqual([' T main', ' U print', ' d st'])
    expect(await lines('-u', 'x.8')).toEqual([' U print'])
    expect(await lines('-a', 'x.8')).toContain('       4 a i')
    expect(await lines('-Tg', 'sig.8')).toEqual(['deadbeef  T main'])
  })
  it('reads archives', async () => {
    expect(await lines('-g', 'lib.a')).toEqual(['x.8: T main', 'y.8: T main'])
  })
  it('tells of what it cannot read', async () => {
    const err = async (f: string) => {
      const r = await run('nm', f)
      expect(r.status).toBe('errors')
      return r.stderr
    }
    expect(await err('nosuch')).toBe('nm: cannot open nosuch\n')
    expect(await err('text')).toBe("nm: Can't read header for text\n")
    expect(await err('empty')).toBe("nm: Can't read header for empty\n")
    expect(await err('bad.a')).toBe('nm: inconsistent file text in bad.a\n')
    expect(await err('cut.a')).toBe('nm: phase error on ar header 8\n')
    expect(await err('short')).toMatch(/^nm: short: can't read \d+ bytes of symbol table\n$/)
    expect(await run('nm')).toMatchObject({ status: 'usage', stderr: 'usage: nm [-aghnsTu] file ...\n' })
  })
})
