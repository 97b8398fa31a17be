import { describe, expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'
import { Random } from '../../tests/random.ts'
import { DMAPPEND, DMDIR, DMEXCL } from '../9p/const.ts'
import type { Program } from '../kernel/sys.ts'
import { Arg } from './arg.ts'
import { Beof, Bin, Bout } from './bio.ts'
import { cleanname } from './dirread.ts'
import { atof, atoi, dirmodefmt, gfmt, strtol } from './fmt.ts'
import { quoterc, quotestr, tokenize } from './quote.ts'
import { chartorune, fullrune, Runeerror, runetochar, strcmp, text, utf8 } from './rune.ts'
import { tmfmt, tmtime } from './tm.ts'

describe('Arg', () => {
  const flags = (...argv: string[]) => {
    const arg = new Arg(['/bin/x', ...argv])
    const seen = [...arg].join('')
    return [arg.argv0, seen, arg.argv]
  }
  it('takes joined options, stops at - and --, and keeps the rest', () => {
    expect(flags('-ab', '-c', 'f', '-d')).toEqual(['x', 'abc', ['f', '-d']])
    expect(flags('-a', '--', '-b')).toEqual(['x', 'a', ['-b']])
    expect(flags('-a', '-', 'b')).toEqual(['x', 'a', ['-', 'b']])
    expect(flags()).toEqual(['x', '', []])
  })
  it('an option’s argument is the rest of its word, or the next one', () => {
    const arg = new Arg(['x', '-fone', '-f', 'two', '-f'])
    const got: (string | undefined)[] = []
    for (const _ of arg) got.push(arg.argf())
    expect(got).toEqual(['one', 'two', undefined])
  })
})

it.each([
  ['', '.'],
  ['/', '/'],
  ['//a//b/', '/a/b'],
  ['/../a', '/a'],
  ['a/../..', '..'],
  ['./a/.', 'a'],
  ['a/b/../../c', 'c'],
  ['#c/../x', '#c/x'],
  ['./#c', './#c'],
])('cleanname(%j) is %j', (name, want) => {
  expect(cleanname(name)).toBe(want)
})

it('quotes what must be, and tokenize takes it off', () => {
  expect(['', 'a', 'a b', "it's", 'a=b', '$x', 'é'].map(s => quotestr(s))).toEqual([
    "''",
    'a',
    "'a b'",
    "'it''s'",
    'a=b',
    '$x',
    'é',
  ])
  expect(['a=b', '$x', 'a^b'].map(quoterc)).toEqual(["'a=b'", "'$x'", "'a^b'"])
  for (const s of ['', 'a b', "'", "''", 'x\ty\n'])
    expect(tokenize(`pre ${quoterc(s)} post`)).toEqual(['pre', s, 'post'])
  expect(tokenize(" a'b c'd  e ", 2)).toEqual(['ab cd', 'e'])
})

it('%M, %g and numbers are C’s', () => {
  expect([0o644, DMDIR + 0o775, DMAPPEND + 0o200, DMEXCL + 0o1].map(dirmodefmt)).toEqual([
    '--rw-r--r--',
    'd-rwxrwxr-x',
    'a--w-------',
    '-l--------x',
  ])
  expect([0, 1, -2.5, 1e6, 123456789, 0.0001, 1e-5, 1 / 3].map(x => gfmt(x))).toEqual([
    '0',
    '1',
    '-2.5',
    '1e+06',
    '1.23457e+08',
    '0.0001',
    '1e-05',
    '0.333333',
  ])
  expect([strtol('0x1Fz'), strtol('017'), strtol('-12'), strtol('z'), strtol('777', 8)]).toEqual([
    { value: 31, n: 4 },
    { value: 15, n: 3 },
    { value: -12, n: 3 },
    { value: 0, n: 0 },
    { value: 511, n: 3 },
  ])
  expect([atof('1.5x'), atof('.5'), atof('x'), atoi(' 12a'), atoi('a')]).toEqual([1.5, 0.5, 0, 12, 0])
})

describe('runes', () => {
  it('every rune goes to bytes and back', () => {
    const b = new Uint8Array(4)
    for (let r = 0; r <= 0x10ffff; r += r < 0x900 ? 1 : 251) {
      const n = runetochar(b, 0, r)
      expect(chartorune(b, 0, n)).toBe(r * 8 + n)
      for (let i = 1; i < n; i++) expect(fullrune(b, 0, i)).toBe(false)
      expect(fullrune(b, 0, n)).toBe(true)
    }
  })
  it.each([
    [[0x80]],
    [[0xc0, 0x80]],
    [[0xc1, 0xbf]],
    [[0xe0, 0x80, 0x80]],
    [[0xf0, 0x80, 0x80, 0x80]],
    [[0xf5, 0x80, 0x80, 0x80]],
    [[0xe2, 0x82]],
    [[0xff]],
  ])('%j is one bad byte and more', bytes => {
    expect(chartorune(Uint8Array.from(bytes), 0)).toBe(Runeerror * 8 + 1)
  })
  it('strcmp() goes by code points', () => {
    expect(strcmp('\u{1f600}', '\uffee')).toBeGreaterThan(0)
    expect(strcmp('a', 'ab')).toBeLessThan(0)
    expect(strcmp('é', 'é')).toBe(0)
  })
})

it('tmfmt() prints each component', () => {
  const tm = tmtime(
    1795419203,
    { stname: 'EST', stdiff: -18000, dlname: 'EDT', dldiff: -14400, dlpairs: [] },
    123456789,
  )
  const cases: [string, string][] = [
    ['Y YY YYYY', '2026 26 2026'],
    ['M MM MMM MMMM', '11 11 Nov November'],
    ['D DDo', '23 23rd'],
    ['W WW WWW', '2 Mon Monday'],
    ['h:mm:ss a A', '2:33:23 am AM'],
    ['HH H', '02 2'],
    ['t tt', '123 123'],
    ['u uu uuu uuuu', '456 456 123456 123456'],
    ['n nnnnnn', '789 123456789'],
    ['Z ZZ ZZZ', '-0500 -05:00 EST'],
    ['_h|__D', ' 2| 23'],
    ['[h:m] x', 'h:m x'],
    ['ttt|__ttt|_tt', '123|  123|123'],
    ['nn|nnn|nnnn|nnnnn|___nnn', '789|456789|456789|123456789|456789'],
    ['z|__Z|_ZZZ|ZZZZ|', '-0500|-0500| EST||'],
    ['[a[b]c]h', 'a[b]c2'],
    ['[[a]h', 'a2'],
    ['[\\]]\\h', ']\\2'],
    ['_-D ~D ?h ?_D', '-23 ~23 2 23'],
    ['__MM|_MMM|__a|_o|é__é', '  11| Nov| am|rd|éé'],
    ['h_', '2'],
  ]
  expect(cases.map(([f]) => tmfmt(tm, f))).toEqual(cases.map(([, want]) => want))
  for (const f of ['YYY', 'DDD', 'tttt', 'zz', 'aa', 'oo', '[h', '[[h]]]['])
    expect(() => tmfmt(tm, f), f).toThrow(`garbled format ${f}`)
  const early = { ...tm, hour: 12, year: 105, nsec: 1_002_003 }
  expect(tmfmt(early, 'YY|YYYY|H|HH|t|tt|u|uuu|n|nnn|nnnnnn')).toBe(' 5|2005|0|00|1|001|2|1002|3|2003|001002003')
})

it('tmtime() is the calendar, before 1970 and as far as seconds go', () => {
  const f = (sec: number | bigint) => tmfmt(tmtime(sec), 'WW YYYY-MM-DD hh:mm:ss')
  const r = new Random(7)
  for (let i = 0; i < 2000; i++) {
    const sec = r.int(2 ** 31) * (r.int(100) - 28)
    const d = new Date(sec * 1000)
    const tm = tmtime(sec)
    expect([tm.sec, tm.min, tm.hour, tm.mday, tm.mon, tm.year + 1900, tm.wday]).toEqual([
      d.getUTCSeconds(),
      d.getUTCMinutes(),
      d.getUTCHours(),
      d.getUTCDate(),
      d.getUTCMonth(),
      d.getUTCFullYear(),
      d.getUTCDay(),
    ])
    expect(tm.yday).toBe(Math.floor((d.getTime() - Date.UTC(d.getUTCFullYear(), 0, 1)) / 86400000))
  }
  expect(f(-1)).toBe('Wed 1969-12-31 23:59:59')
  expect(f(99999999999999n)).toBe('Sat 3170843-11-07 09:46:39')
  expect(f(99999999999999)).toBe(f(99999999999999n))
  expect(f(-62135596801)).toBe('Sun   -1-12-31 23:59:59')
  expect(f((1n << 63n) - 1n)).toBe('Sun 292277026596-12-04 15:30:07')
})

it('a spell of summer time begins after its first second and ends with its last', () => {
  const tz = { stname: 'EST', stdiff: -18000, dlname: 'EDT', dldiff: -14400, dlpairs: [1000, 2000] }
  expect([999, 1000, 1001, 1999, 2000, 2001].map(t => tmtime(t, tz).zone)).toEqual([
    'EST',
    'EST',
    'EDT',
    'EDT',
    'EDT',
    'EST',
  ])
})

describe('Bin and Bout', () => {
  /** Runs a function as a program whose standard input has the bytes. */
  const run = async (stdin: Uint8Array | string, f: (b: Bin, out: Bout) => Promise<void>) => {
    const prog: Program = async sys => {
      const out = new Bout(sys, 1)
      await f(new Bin(sys, 0), out)
      await out.flush()
      return ''
    }
    return new World({}, { prog }).run(['prog'], stdin)
  }
  it('lines longer than the buffer come whole, and the last may lack its newline', async () => {
    const long = 'x'.repeat(200_000)
    const got: number[] = []
    await run(`${long}\n\nend`, async b => {
      for (let l = await b.rdline(); l !== undefined; l = await b.rdline()) got.push(l.length)
    })
    expect(got).toEqual([200_001, 1, 3])
  })
  it('bytes and runes mix, and ungetc gives back', async () => {
    const got: number[] = []
    await run(Uint8Array.of(0x61, 0xc3, 0xa9, 0xff, 0x62), async b => {
      got.push(await b.getc())
      b.ungetc()
      for (let i = 0; i < 5; i++) got.push(await b.getrune())
      got.push(await b.getc())
    })
    expect(got).toEqual([0x61, 0x61, 0xe9, Runeerror, 0x62, Beof, Beof])
  })
  it('what is written comes out in order, small and large', async () => {
    const parts = Array.from({ length: 300 }, (_, i) => `${i}:${'y'.repeat(i % 7 === 0 ? 70_000 : i)}\n`)
    const r = await run('', async (_, out) => {
      for (const p of parts) await out.write(p)
    })
    expect(text(r.bytes)).toBe(parts.join(''))
    expect(utf8('é').length).toBe(2)
  })
})
