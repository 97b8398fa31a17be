import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concat } from '../../plan9/9p/bit.ts'
import { OWRITE } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'
import { Random } from '../../tests/random.ts'

/** 9base has no tar: expected by 9front's tar(1) and tar.c, and the archives checked against GNU's both ways. */
const T = 1000000000
const long = `${'d'.repeat(60)}/${'e'.repeat(60)}/${'f'.repeat(60)}`
const verylong = `${'g'.repeat(90)}/${'h'.repeat(90)}/${'i'.repeat(90)}`
const binary = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 3)) & 0xff)
const files: Record<string, Uint8Array> = {
  'a/empty': new Uint8Array(0),
  'a/hello': new TextEncoder().encode('hello\n'),
  'a/b/binary': binary,
  'a/b/block': binary.slice(0, 512),
  'a/b/été': new TextEncoder().encode('naïve\n'),
  [`a/${long}`]: binary.slice(0, 700),
}
const names = Object.keys(files)

let tmp = ''
beforeAll(() => {
  tmp = mkdtempSync(join(tmpdir(), 'tar-'))
})
afterAll(() => rmSync(tmp, { recursive: true, force: true }))

function gnu(args: string[], cwd: string, input?: Uint8Array): Uint8Array {
  const r = spawnSync('tar', args, {
    cwd,
    input,
    maxBuffer: 1 << 26,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  })
  if (r.error) throw r.error
  if (r.status !== 0) throw new Error(r.stderr.toString())
  return new Uint8Array(r.stdout)
}

function made(prefix: string, tree: Record<string, Uint8Array>): World {
  return new World(Object.fromEntries(Object.entries(tree).map(([n, d]) => [`${prefix}/${n}`, d])))
}

const run = async (w: World, cmd: string[], stdin?: Uint8Array, dir = '/w') => {
  const { stdout, stderr, status } = await w.run(cmd, stdin, dir)
  return [stdout, stderr, status]
}

describe('tar x', () => {
  let n = 0
  /** A tree of the host's and its archive by GNU tar. */
  function archive(format: string, tree: Record<string, Uint8Array>): Uint8Array {
    const dir = join(tmp, `x${n++}`)
    for (const [name, data] of Object.entries(tree)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true })
      writeFileSync(join(dir, name), data)
      chmodSync(join(dir, name), 0o640)
      utimesSync(join(dir, name), T, T)
    }
    return gnu([`--format=${format}`, '-cf', '-', 'a'], dir)
  }

  it.each([
    ['v7', Object.fromEntries(Object.entries(files).filter(([f]) => f.length < 99))],
    ['ustar', files],
    ['gnu', { ...files, [`a/${verylong}`]: binary }],
    ['oldgnu', { ...files, [`a/${verylong}`]: binary }],
    ['posix', { ...files, [`a/${verylong}`]: binary }],
  ])('takes what GNU tar makes: %s', async (format, tree) => {
    const w = new World({ '/w/x': '' })
    const tar = archive(format, tree)
    expect(await run(w, ['tar', 'x'], tar)).toEqual(['', '', ''])
    for (const [name, data] of Object.entries(tree)) {
      expect([name, Buffer.compare(w.bytes(`/w/${name}`), data)]).toEqual([name, 0])
      expect(w.tree.lookup(`/w/${name}`)?.mode).toBe(0o640)
    }
    const [list] = await run(w, ['tar', 't'], tar)
    expect(
      list!
        .split('\n')
        .filter(l => l !== '' && !l.endsWith('/'))
        .sort(),
    ).toEqual(Object.keys(tree).sort())
  })

  it('x takes the named files, and directories whole; v tells what; T sets times and modes', async () => {
    const w = new World({ '/w/x': '' })
    w.tree.add('/w/ar', archive('ustar', files))
    const told = (await run(w, ['tar', 'xvf', 'ar', 'a/hello', './a/b/']))[1]!.trim().split('\n').sort()
    expect(told).toEqual(['a/b', 'a/b/binary', 'a/b/block', 'a/b/été', 'a/hello'])
    expect(w.tree.lookup('/w/a/hello')?.mtime).not.toBe(T)
    await run(w, ['tar', 'xTf', 'ar', 'a/hello'])
    expect(w.tree.lookup('/w/a/hello')?.mtime).toBe(T)
    expect(w.tree.lookup('/w/a/empty')).toBeUndefined()
    expect(await run(w, ['tar', 'tvf', 'ar', 'a/hello'])).toEqual([
      '--rw-r-----        6  Sep  9 01:46 2001 a/hello\n',
      '',
      '',
    ])
  })

  it('k keeps what is there', async () => {
    const w = new World({ '/w/a/hello': 'mine\n' })
    expect(await run(w, ['tar', 'xk'], archive('ustar', files))).toEqual(['', '', ''])
    expect(w.text('/w/a/hello')).toBe('mine\n')
    expect(w.text('/w/a/b/été')).toBe('naïve\n')
  })

  it('makes no links, says so, and goes on', async () => {
    const dir = join(tmp, 'links')
    mkdirSync(join(dir, 'a'), { recursive: true })
    writeFileSync(join(dir, 'a/f'), 'f\n')
    symlinkSync('/etc/passwd', join(dir, 'a/g'))
    linkSync(join(dir, 'a/f'), join(dir, 'a/h'))
    const w = new World({ '/w/x': '' })
    const r = await run(w, ['tar', 'x'], gnu(['-cf', '-', 'a/f', 'a/g', 'a/h'], dir))
    expect(r).toEqual(['', "tar: can't make (sym)link a/g\ntar: can't make (sym)link a/h\n", ''])
    expect([...w.tree.lookup('/w/a')!.children!.keys()]).toEqual(['f'])
  })

  it('a leading slash is no root, unless R is given', async () => {
    const dir = join(tmp, 'abs')
    mkdirSync(dir)
    writeFileSync(join(dir, 'f'), 'f\n')
    const tar = gnu(['-cPf', '-', '--transform=s,^,/w/deep/,', 'f'], dir)
    const w = new World({ '/w/in/x': '' })
    expect(await run(w, ['tar', 't'], tar)).toEqual(['./w/deep/f\n', '', ''])
    await run(w, ['tar', 'x'], tar, '/w/in')
    expect(w.text('/w/in/w/deep/f')).toBe('f\n')
    expect(w.tree.lookup('/w/deep')).toBeUndefined()
    await run(w, ['tar', 'xR'], tar, '/w/in')
    expect(w.text('/w/deep/f')).toBe('f\n')
  })

  it('takes compressed archives by their names, or with z', async () => {
    const w = new World({ '/w/x': '' })
    const tar = archive('ustar', files)
    w.tree.add('/w/plain', tar)
    w.tree.add('/w/a.tgz', (await w.run(['gzip'], tar)).bytes)
    w.tree.add('/w/noname', w.bytes('/w/a.tgz'))
    const list = (await run(w, ['tar', 'tf', 'plain']))[0]
    expect(await run(w, ['tar', 'tf', 'a.tgz'])).toEqual([list, '', ''])
    expect(await run(w, ['tar', 'tzf', 'noname'])).toEqual([list, '', ''])
    expect(await run(w, ['tar', 'tz'], w.bytes('/w/a.tgz'))).toEqual([list, '', ''])
    const [, err, status] = await run(w, ['tar', 'tzf', 'plain'])
    expect(err).toMatch(/^gunzip: .*magic\ntar: EOF reading archive plain\n$/)
    expect(status).toBe('EOF reading archive plain')
  })

  it('ends at a bad header, or with s goes past it', async () => {
    const one = (await made('/w', { one: binary.slice(0, 9) }).run(['tar', 'c', 'one'], '', '/w')).bytes.slice(0, 1024)
    const two = (await made('/w', { two: binary.slice(0, 9) }).run(['tar', 'c', 'two'], '', '/w')).bytes
    const bad = concat([one, new Uint8Array(512).fill(65), two])
    const w = new World({ '/w/x': '' })
    const [out, err, status] = await run(w, ['tar', 't'], bad)
    expect(out).toBe('one\n')
    expect(err).toMatch(/^tar: bad archive header checksum in archive: name A+\.\.\.; expected 0none got 0\d+\n$/)
    expect(status).toContain('bad archive header checksum')
    expect(await run(w, ['tar', 'ts'], bad)).toEqual([
      'one\ntwo\n',
      'tar: skipping past archive header with bad checksum in archive...found two\n',
      '',
    ])
  })

  it('an archive cut short is told; no bytes make it fail otherwise', async () => {
    const tar = archive('posix', files)
    const w = new World({ '/w/x': '' })
    expect((await run(w, ['tar', 't'], tar.slice(0, 700)))[2]).toMatch(/EOF|partial/)
    expect((await run(w, ['tar', 't'], new Uint8Array(0)))[2]).toBe('EOF reading archive archive')
    expect((await run(w, ['tar', 't'], tar.slice(0, 5120).subarray(0, 5000)))[2]).not.toBe('')
    const rnd = new Random(5)
    for (let i = 0; i < 200; i++) {
      const b = Uint8Array.from(tar.subarray(0, 4096))
      const at = 512 * rnd.int(4)
      for (let k = 0; k < 4; k++) b[at + rnd.int(512)] = rnd.int(256)
      // The sum is made right again, so that what is behind it is tried.
      b.fill(32, at + 148, at + 156)
      const sum = b.subarray(at, at + 512).reduce((a, c) => a + c, 0)
      b.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), at + 148)
      const [, err, status] = await run(w, ['tar', 't'], b)
      expect(status === '' || err!.includes('tar: ')).toBe(true)
    }
  })
})

describe('tar c', () => {
  it('makes what GNU tar takes', async () => {
    const w = made('/w', files)
    for (const name of names) await w.run(['touch', '-t', String(T), `/w/${name}`])
    await w.run(['chmod', '751', '/w/a/hello'])
    const [, err, status] = await run(w, ['tar', 'cvf', 'ar', 'a'])
    expect([err!.trim().split('\n').sort(), status]).toEqual([[...names].sort(), ''])
    const dir = join(tmp, 'c')
    mkdirSync(dir)
    const ar = w.bytes('/w/ar')
    expect(ar.length % 10240).toBe(0)
    gnu(['-xpf', '-'], dir, ar)
    for (const [name, data] of Object.entries(files)) {
      expect([name, Buffer.compare(readFileSync(join(dir, name)), data)]).toEqual([name, 0])
      expect(statSync(join(dir, name)).mtimeMs).toBe(1000 * T)
    }
    expect(statSync(join(dir, 'a/hello')).mode & 0o777).toBe(0o751)
    const line = new TextDecoder().decode(gnu(['-tvf', '-', '--numeric-owner'], dir, ar)).split('\n')
    expect(line).toContain('-rwxr-x--x 0/0               6 2001-09-09 01:46 a/hello')
    expect(line.some(l => l.startsWith('drwx') && l.endsWith(' a/b/'))).toBe(true)
  })

  it('its own archive is the tree again; g and u number the owner', async () => {
    const w = made('/w', files)
    await run(w, ['tar', 'cf', 'ar', 'a'])
    w.tree.mkdir('/w/out')
    expect(await run(w, ['tar', 'xf', '/w/ar'], undefined, '/w/out')).toEqual(['', '', ''])
    for (const [name, data] of Object.entries(files)) expect(Buffer.compare(w.bytes(`/w/out/${name}`), data)).toBe(0)
    await run(w, ['tar', 'cg', '012', 'a/hello'])
    const ar = (await w.run(['tar', 'cu17', 'a/hello'], '', '/w')).bytes
    expect(new TextDecoder().decode(gnu(['-tvf', '-', '--numeric-owner'], tmp, ar))).toMatch(/^-\S+ 17\/0 /)
  })

  it('z compresses as the name says; P makes the old format', async () => {
    const w = made('/w', { 'a/hello': files['a/hello']! })
    expect(await run(w, ['tar', 'czf', 'x.tgz', 'a'])).toEqual(['', '', ''])
    expect([...w.bytes('/w/x.tgz').slice(0, 2)]).toEqual([0x1f, 0x8b])
    expect(await run(w, ['tar', 'tf', 'x.tgz'])).toEqual(['a/\na/hello\n', '', ''])
    expect((await run(w, ['tar', 'czf', 'x.tbz', 'a']))[1]).toMatch(/^tar: can't exec bzip2: .*does not exist/)
    const magic = async (key: string) => (await w.run(['tar', key, 'a'], '', '/w')).stdout.slice(257, 262)
    expect([await magic('c'), await magic('cP')]).toEqual(['ustar', '\0\0\0\0\0'])
  })

  it('a file that cannot be had is left out, and a name that is too long', async () => {
    const w = made('/w', { ...files, [`a/${verylong}`]: binary, [`${'n'.repeat(101)}`]: binary })
    const [, err, status] = await run(w, ['tar', 'cf', 'ar', 'nosuch', 'a', 'n'.repeat(101)])
    expect(err).toMatch(
      /^tar: can't open nosuch: .*\n(.*\n)*tar: name too long for tar header: a\/g+\/h+\/i+\ntar: name can't be split to fit tar header: n+\n$/,
    )
    expect([status, (await run(w, ['tar', 'tf', 'ar']))[0]!.includes('a/hello\n')]).toEqual(['', true])
    expect((await run(w, ['tar', 'cPf', 'ar', `a/${long}`]))[1]).toContain('name too long')
  })

  it('r appends where the end was', async () => {
    const w = made('/w', files)
    await run(w, ['tar', 'cf', 'ar', 'a/hello'])
    for (const name of ['a/b/binary', 'a/empty', `a/${long}`])
      expect(await run(w, ['tar', 'rf', 'ar', name])).toEqual(['', '', ''])
    const ar = w.bytes('/w/ar')
    expect(ar.length % 10240).toBe(0)
    expect(new TextDecoder().decode(gnu(['-tf', '-'], tmp, ar))).toBe(`a/hello\na/b/binary\na/empty\na/${long}\n`)
  })

  it('says what is wrong with its key', async () => {
    const w = new World({ '/w/x': '' })
    const help = 'usage: tar {crtx}[PRTfgikmpsuvz] [archive] [file1 file2...]\n'
    expect(await run(w, ['tar'])).toEqual(['', help, 'usage'])
    expect(await run(w, ['tar', 'xf'])).toEqual(['', help, 'usage'])
    expect(await run(w, ['tar', 'xq'])).toEqual(['', `tar: unknown letter q\n${help}`, 'usage'])
    expect((await run(w, ['tar', '-xf', 'nosuch']))[1]).toMatch(/^tar: can't open archive nosuch: .*does not exist/)
  })
})

it('sizes of eight gigabytes and more are binary, as GNU has them', async () => {
  const b = concat([(await made('/w', { f: binary }).run(['tar', 'c', 'f'], '', '/w')).bytes.slice(0, 512)])
  b.set([0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1], 124)
  b.fill(32, 148, 156)
  const sum = b.reduce((a, c) => a + c, 0)
  b.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  const w = new World({ '/w/x': '' })
  expect((await run(w, ['tar', 'tv'], b))[0]).toMatch(/ 12884901889 {2}/)
})

it('what cannot be read ends it, or with i is zeros', async () => {
  /** Runs its arguments with a standard input that can only be written. */
  const wonly: Program = async (sys, argv) => {
    await sys.dup(await sys.open('/w/x', OWRITE), 0)
    return sys.exec(`/bin/${argv[1]}`, argv.slice(1))
  }
  const w = new World({ '/w/x': '' }, { wonly })
  const err = 'error reading archive: inappropriate use of fd\n'
  expect(await run(w, ['wonly', 'tar', 't'])).toEqual(['', `tar: ${err}`, 'read error'])
  expect(await run(w, ['wonly', 'tar', 'ti'])).toEqual(['', `tar: ignoring ${err}`, ''])
})
