import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'
import { Random } from '../../tests/random.ts'

/** 9base has no zip: expected by 9front's gzip(1) and its source, and the archives checked against Info-ZIP's both ways. */
const T = 1000000000
const binary = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 3)) & 0xff)
const files: Record<string, Uint8Array> = {
  'a/empty': new Uint8Array(0),
  'a/hello': new TextEncoder().encode('hello\n'),
  'a/b/binary': binary,
  'a/b/été': new TextEncoder().encode('naïve\n'.repeat(1000)),
}
const names = Object.keys(files).sort()

let tmp = ''
beforeAll(() => {
  tmp = mkdtempSync(join(tmpdir(), 'zip-'))
  for (const [name, data] of Object.entries(files)) {
    mkdirSync(dirname(join(tmp, name)), { recursive: true })
    writeFileSync(join(tmp, name), data)
    utimesSync(join(tmp, name), T, T)
  }
})
afterAll(() => rmSync(tmp, { recursive: true, force: true }))

function host(cmd: string, args: string[], cwd = tmp): Buffer {
  const r = spawnSync(cmd, args, { cwd, maxBuffer: 1 << 26, env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' } })
  if (r.error) throw r.error
  if (r.status !== 0) throw new Error(`${cmd}: ${r.stdout}${r.stderr}`)
  return r.stdout
}

const made = (more: Record<string, Uint8Array> = {}) =>
  new World(Object.fromEntries(Object.entries({ ...files, ...more }).map(([n, d]) => [`/w/${n}`, d])))
const run = async (w: World, cmd: string[], stdin?: Uint8Array, dir = '/w') => {
  const { stdout, stderr, status } = await w.run(cmd, stdin, dir)
  return [stdout, stderr, status]
}
function check(w: World, dir: string): void {
  for (const [name, data] of Object.entries(files))
    expect([name, Buffer.compare(w.bytes(`${dir}/${name}`), data)]).toEqual([name, 0])
}

describe('zip', () => {
  it.each([['-f', 'x.zip'], ['-1f', 'x.zip'], ['-9vf', 'x.zip'], []])(
    'makes what unzip and zipfile take: %s %s',
    async (...f) => {
      const w = made()
      for (const name of names) await w.run(['touch', '-t', String(T), `/w/${name}`])
      const r = await w.run(['zip', ...f, 'a'], '', '/w')
      expect(r.status).toBe('')
      const told = r.stderr
        .split('\n')
        .filter(l => l !== '')
        .sort()
      expect(told).toEqual(f[0] === '-9vf' ? ['a/', 'a/b/', ...names].map(n => `adding ${n}`).sort() : [])
      const dir = mkdtempSync(join(tmp, 'out-'))
      writeFileSync(join(dir, 'x.zip'), f.length > 0 ? w.bytes('/w/x.zip') : r.bytes)
      host('unzip', ['-q', 'x.zip'], dir)
      // It takes names for DOS's character set, be they marked as UTF-8 or not; zipfile does not.
      for (const [name, data] of Object.entries(files).filter(([name]) => name !== 'a/b/été')) {
        expect([name, Buffer.compare(readFileSync(join(dir, name)), data)]).toEqual([name, 0])
        expect(statSync(join(dir, name)).mtimeMs).toBe(1000 * T)
      }
      const list = host(
        'python3',
        ['-c', 'import zipfile; z = zipfile.ZipFile("x.zip"); print(z.testzip(), sorted(z.namelist()))'],
        dir,
      )
      expect(list.toString()).toBe(`None ['a/', 'a/b/', ${names.map(n => `'${n}'`).join(', ')}]\n`)
    },
  )

  it('. is no part of the names, and the archive is not in itself', async () => {
    const w = made()
    expect(await run(w, ['zip', '-f', 'x.zip', '.'])).toEqual(['', '', ''])
    const [out] = await run(w, ['unzip', '-tf', 'x.zip'])
    expect(out!.trim().split('\n').sort()).toEqual(['a/', 'a/b/', ...names].sort())
  })

  it('leaves nothing when something is wrong', async () => {
    const w = made()
    const [, err, status] = await run(w, ['zip', '-f', 'x.zip', 'a', 'nosuch'])
    expect(err).toMatch(/^zip: can't open nosuch: .*\nzip: removing output file x.zip\n$/)
    expect([status, w.tree.lookup('/w/x.zip')]).toEqual(['errors', undefined])
    expect(await run(w, ['zip'])).toEqual(['', 'usage: zip [-vD] [-1-9] [-f zipfile] file ...\n', 'usage'])
  })
})

describe('unzip', () => {
  let n = 0
  function archive(args: string[]): Uint8Array {
    const zip = join(tmp, `z${n++}.zip`)
    host('zip', ['-q', ...args, zip, '-r', 'a'])
    return new Uint8Array(readFileSync(zip))
  }

  it.each([[['-9']], [['-0']], [['-z', '-q']], [['-X', '-D']], [['-fd']]])('takes what zip %j makes', async args => {
    const zip = archive(args)
    const w = new World({ '/w/x': '' })
    w.tree.add('/w/x.zip', zip)
    expect(await run(w, ['unzip', '-af', 'x.zip'])).toEqual(['', '', ''])
    check(w, '/w')
    w.tree.mkdir('/w/s')
    expect(await run(w, ['unzip', '-as'], zip, '/w/s')).toEqual(['', '', ''])
    check(w, '/w/s')
  })

  it('takes what python zipfile makes, and what zip makes of a pipe', async () => {
    host('python3', ['-c', 'import shutil; shutil.make_archive("py", "zip", ".", "a")'])
    const piped = host('sh', ['-c', 'zip -q - -r a | cat'])
    for (const zip of [readFileSync(join(tmp, 'py.zip')), piped]) {
      const w = new World({ '/w/x': '' })
      w.tree.add('/w/x.zip', new Uint8Array(zip))
      expect(await run(w, ['unzip', '-f', 'x.zip'])).toEqual(['', '', ''])
      check(w, '/w')
    }
  })

  it('from a pipe goes by the headers before the files', async () => {
    const w = made()
    const zip = (await w.run(['zip', 'a'], '', '/w')).bytes
    w.tree.add('/w/x.zip', zip)
    const r = await w.pipe([
      ['cat', '/w/x.zip'],
      ['unzip', '-t'],
    ])
    expect(r.stdout.trim().split('\n').sort()).toEqual(['a/', 'a/b/', ...names].sort())
    expect(r.stderr).toBe("unzip: can't seek to contents of <stdin>\ntrying to re-run assuming -s\n")
    expect(r.status).toBe('')
  })

  it('takes named files and directories; -c writes them out, -i has small letters, -T the times', async () => {
    chmodSync(join(tmp, 'a/hello'), 0o600)
    const w = new World({ '/w/x': '' })
    w.tree.add('/w/x.zip', archive([]))
    expect(await run(w, ['unzip', '-cf', 'x.zip', 'a/hello'])).toEqual(['hello\n', '', ''])
    expect(await run(w, ['unzip', '-tvf', 'x.zip', 'a/hello'])).toEqual([
      `${'a/hello'.padEnd(32)} ${'6'.padStart(10)} Sun Sep  9 01:46:40 GMT 2001\n`,
      '',
      '',
    ])
    const [, told] = await run(w, ['unzip', '-vaTf', 'x.zip', 'a/b', 'a/hello'])
    expect(told!.trim().split('\n').sort()).toEqual([
      'extracting a/b/',
      'extracting a/b/binary',
      'extracting a/b/été',
      'extracting a/hello',
    ])
    expect(w.tree.lookup('/w/a/empty')).toBeUndefined()
    expect(w.tree.lookup('/w/a/hello')?.mtime).toBe(T)
    const big = made({ UP: binary })
    await big.run(['zip', '-f', 'x.zip', 'UP'], '', '/w')
    expect(await run(big, ['unzip', '-itf', 'x.zip'])).toEqual(['up\n', '', ''])
  })

  it('a bad file is told, removed and skipped; the others come out', async () => {
    const w = made()
    await w.run(['zip', '-f', 'x.zip', 'a/hello', 'a/b/binary'], '', '/w')
    const zip = w.bytes('/w/x.zip')
    zip[40]! ^= 0xff
    const v = new World({ '/v/a/b/x': '' })
    v.tree.add('/v/x.zip', zip)
    const [, err, status] = await run(v, ['unzip', '-f', 'x.zip'], undefined, '/v')
    expect(err).toMatch(
      /^unzip: .*(inflate|mismatch).*\nunzip: removing output file a\/hello\nunzip: skipping a\/hello\n$/,
    )
    expect([status, v.tree.lookup('/v/a/hello')]).toEqual(['errors', undefined])
    expect(Buffer.compare(v.bytes('/v/a/b/binary'), binary)).toBe(0)
  })

  it('a file that cannot be made is told, and the status', async () => {
    const zip = archive([])
    for (const flags of ['-f', '-sf']) {
      const w = new World({ '/w/x': '' })
      w.tree.add('/w/x.zip', zip)
      const [, err, status] = await run(w, ['unzip', flags, 'x.zip', 'a/b/binary'])
      expect(err).toMatch(/^unzip: can't create a\/b\/binary: .*does not exist/)
      expect(status).toBe('errors')
    }
  })

  it('what is encrypted or packed otherwise is told', async () => {
    const w = new World({ '/w/x': '' })
    w.tree.add('/w/e.zip', archive(['-P', 'secret']))
    w.tree.add('/w/b.zip', archive(['-Z', 'bzip2']))
    expect((await run(w, ['unzip', '-acf', 'e.zip', 'a/hello']))[1]).toBe(
      "unzip: can't handle encryption of a/hello\nunzip: skipping a/hello\n",
    )
    expect((await run(w, ['unzip', '-acf', 'b.zip', 'a/b/binary']))[1]).toBe(
      "unzip: can't handle compression method 12 for a/b/binary\nunzip: skipping a/b/binary\n",
    )
  })

  it('no bytes make it fail otherwise', async () => {
    const w = made()
    const zip = (await w.run(['zip', 'a'], '', '/w')).bytes
    const rnd = new Random(9)
    expect((await run(w, ['unzip', '-t'], new Uint8Array(0)))[2]).toBe('errors')
    for (let i = 0; i < 150; i++) {
      const b = Uint8Array.from(zip)
      for (let k = 0; k < 5; k++) b[i % 2 ? b.length - 1 - rnd.int(400) : rnd.int(200)] = rnd.int(256)
      w.tree.add('/w/x.zip', b)
      const [, err, status] = await run(w, ['unzip', i % 3 ? '-tf' : '-cf', 'x.zip'])
      expect(status === '' || err!.includes('unzip: ')).toBe(true)
    }
  })
})
