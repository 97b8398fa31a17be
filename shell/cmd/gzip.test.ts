import { spawnSync } from 'node:child_process'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { concat } from '../../plan9/9p/bit.ts'
import { World } from '../../tests/cmd/world.ts'

/** 9base has no gzip: expected by 9front's gzip(1) and its source; the format is checked against Debian's gzip and zlib. */
const encode = (s: string) => new TextEncoder().encode(s)
const text = encode(Array.from({ length: 20_000 }, (_, i) => `line ${i % 100} of ${(i * 7919) % 1009}\n`).join(''))
const noise = Uint8Array.from({ length: 150_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff)
const files: Record<string, Uint8Array> = {
  empty: new Uint8Array(0),
  hello: encode('hello\n'),
  text,
  noise,
  'a.tar': text,
}

function made(more: Record<string, Uint8Array> = {}) {
  const w = new World(Object.fromEntries(Object.entries({ ...files, ...more }).map(([n, d]) => [`/w/${n}`, d])))
  const run = async (cmd: string[], stdin?: Uint8Array) => {
    const { stdout, stderr, status } = await w.run(cmd, stdin, '/w')
    return [stdout + stderr, status]
  }
  return { w, run, has: (name: string) => w.tree.lookup(`/w/${name}`) !== undefined }
}

/** Debian's gzip on standard input. */
function debian(args: string[], input: Uint8Array): Uint8Array {
  const r = spawnSync('gzip', args, { input, maxBuffer: 1 << 26 })
  if (r.error) throw r.error
  if (r.status !== 0) throw new Error(r.stderr.toString())
  return new Uint8Array(r.stdout)
}

describe('gzip', () => {
  it('makes what gzip takes, the smaller the higher the level', async () => {
    for (const [name, data] of Object.entries(files)) {
      const sizes: number[] = []
      for (const level of [1, 6, 9]) {
        const { w, run } = made()
        expect(await run(['gzip', `-${level}`, name])).toEqual(['', ''])
        const packed = w.bytes(name === 'a.tar' ? '/w/a.tgz' : `/w/${name}.gz`)
        expect(Buffer.compare(debian(['-d'], packed), data)).toBe(0)
        sizes.push(packed.length)
      }
      expect(sizes).toEqual([...sizes].sort((a, b) => b - a))
      expect(sizes[2]).toBeLessThan(data === text ? data.length / 4 : data.length * 1.001 + 60)
    }
  })

  it('names its output after the last element: .gz, and .tgz for .tar', async () => {
    const { w, run, has } = made()
    expect(await run(['gzip', '-v', '/w/hello', 'a.tar'])).toEqual([
      'compressing /w/hello to hello.gz\ncompressing a.tar to a.tgz\n',
      '',
    ])
    expect([has('hello.gz'), has('a.tgz'), has('hello')]).toEqual([true, true, true])
    expect(gunzipSync(w.bytes('/w/a.tgz')).length).toBe(text.length)
  })

  it('its header has the name and time of the file; -n leaves the time out', async () => {
    const { w } = made()
    await w.run(['touch', '-t', '1000000000', '/w/hello'])
    const head = async (args: string[]) => [
      ...(await w.run(['gzip', '-c', ...args, 'hello'], '', '/w')).bytes.slice(0, 16),
    ]
    const name = [...encode('hello\0')]
    expect(await head([])).toEqual([0x1f, 0x8b, 8, 8, 0x00, 0xca, 0x9a, 0x3b, 0, 3, ...name])
    expect(await head(['-n'])).toEqual([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, ...name])
    const piped = await w.run(['gzip', '-n'], 'hello\n')
    expect([...piped.bytes.slice(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
    expect(gunzipSync(piped.bytes).toString()).toBe('hello\n')
  })

  it('goes on after a file that it cannot take', async () => {
    const { run, has } = made()
    const [out, status] = await run(['gzip', 'nosuch', '/w', 'hello'])
    expect(out).toMatch(/^gzip: can't open nosuch: .*does not exist.*\ngzip: can't compress a directory\n$/)
    expect([status, has('hello.gz')]).toEqual(['errors', true])
    expect(await run(['gzip', '-x'])).toEqual(['usage: gzip [-vcnD] [-1-9] [file ...]\n', 'usage'])
  })
})

describe('gunzip', () => {
  it.each(['-1', '-6', '-9'])('takes what gzip %s makes', async level => {
    const packed = Object.fromEntries(Object.entries(files).map(([n, d]) => [`${n}.gz`, debian([level], d)]))
    const { w, run } = made(packed)
    for (const [name, data] of Object.entries(files)) {
      await w.run(['rm', `/w/${name}`])
      expect(await run(['gunzip', `${name}.gz`])).toEqual(['', ''])
      expect(Buffer.compare(w.bytes(`/w/${name}`), data)).toBe(0)
      expect(Buffer.compare((await w.run(['gunzip'], packed[`${name}.gz`])).bytes, data)).toBe(0)
    }
  })

  it('takes members one after another, and all that a header may have', async () => {
    const raw = gzipSync('two').subarray(10)
    const head = [0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 1, 2, 3, 4, 0, 3, 3, 0, 9, 9, 9, ...encode('n\0comment\0'), 7, 7]
    const { w } = made()
    const all = concat([gzipSync('one '), Uint8Array.from(head), raw, gzipSync(''), gzipSync(' three')])
    expect((await w.run(['gunzip'], all)).stdout).toBe('one two three')
  })

  it('-t lists, with -v the size and the time; -T sets the time', async () => {
    const { w, run, has } = made()
    await w.run(['touch', '-t', '1000000000', '/w/hello'])
    await run(['gzip', 'hello', 'a.tar'])
    await w.run(['rm', '/w/hello', '/w/a.tar'])
    expect(await run(['gunzip', '-t', 'hello.gz', 'a.tgz'])).toEqual(['hello\na.tar\n', ''])
    expect(await run(['gunzip', '-tv', 'hello.gz'])).toEqual([
      `${'hello'.padEnd(32)} ${'6'.padStart(10)} Sun Sep  9 01:46:40 GMT 2001\n`,
      '',
    ])
    expect(has('hello')).toBe(false)
    expect(await run(['gunzip', '-T', '-v', 'hello.gz', 'a.tgz'])).toEqual([
      'extracting hello to hello\nextracting a.tar to a.tar\n',
      '',
    ])
    expect(w.tree.lookup('/w/hello')?.mtime).toBe(1000000000)
    expect(w.bytes('/w/a.tar').length).toBe(text.length)
  })

  it('removes what comes of a bad file, and says why', async () => {
    const good = gzipSync(text)
    const bad = (i: number) => {
      const b = Uint8Array.from(good)
      b[(i + b.length) % b.length]! ^= 1
      return b
    }
    const { run, has } = made({
      'crc.gz': bad(-5),
      'len.gz': bad(-1),
      'data.gz': bad(30),
      'short.gz': good.subarray(0, 500),
      'cut.gz': good.subarray(0, -3),
      'method.gz': bad(2),
      'none.gz': encode('no gzip'),
      zip: good,
    })
    expect(await run(['gunzip', 'crc.gz'])).toEqual([
      'gunzip: crc.gz: crc mismatch\ngunzip: removing output file crc\n',
      'errors',
    ])
    const len = (text.length ^ (1 << 24)) >>> 0
    expect((await run(['gunzip', 'len.gz']))[0]).toContain(`bad output length: expected ${len} got ${text.length}\n`)
    expect((await run(['gunzip', 'data.gz']))[0]).toMatch(
      /^gunzip: data.gz: (inflate failed: corrupted data|crc mismatch)\n/,
    )
    expect((await run(['gunzip', 'short.gz']))[0]).toMatch(/^gunzip: short.gz: inflate failed: input error\n/)
    expect((await run(['gunzip', 'cut.gz']))[0]).toMatch(/^gunzip: cut.gz: unexpected eof reading file information\n/)
    expect(await run(['gunzip', 'method.gz', 'none.gz', 'zip'])).toEqual([
      'gunzip: method.gz is not a gzip deflate file\n' +
        "gunzip: none.gz is not a gzip deflate file\ngunzip: can't overwrite zip\n",
      'errors',
    ])
    for (const f of ['crc', 'len', 'data', 'short', 'cut', 'method', 'none']) expect([f, has(f)]).toEqual([f, false])
  })

  it('keeps what came before bytes that are no member', async () => {
    const good = gzipSync('kept')
    const { w, run } = made({ 'x.gz': concat([good, encode('junk')]) })
    expect(await run(['gunzip', 'x.gz'])).toEqual([
      `gunzip: x.gz: corrupted data after byte ${good.length} ignored\n`,
      'errors',
    ])
    expect(w.text('/w/x')).toBe('kept')
  })
})

it('endless input goes through both in pieces', async () => {
  const zero = async (sys: { write(fd: number, b: Uint8Array): Promise<number> }) => {
    for (let i = 0; ; i++)
      await sys.write(
        1,
        Uint8Array.from({ length: 4096 }, (_, k) => (i * k) >> 3),
      )
  }
  const w = new World({}, { zero })
  const r = await w.pipe([['zero'], ['gzip', '-1'], ['gunzip'], ['dd', '-ibs', '4096', '-count', '3', '-quiet', '1']])
  expect(r.bytes.length).toBeGreaterThan(0)
  expect([...r.bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0])
})
