import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arches, buildTest } from '../../emulator/guest/build.ts'
import { Random } from '../random.ts'
import { run } from './linux.ts'

const seed = Number(process.env.SEED ?? 1)
const lib = join(import.meta.dirname, 'lib')
const ways = arches.flatMap(arch =>
  [false, true].map(asan => ({ name: asan ? `${arch}, sanitized` : arch, arch, asan })),
)

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'guest-libc-'))
  execFileSync('gcc', ['-w', '-fno-builtin', '-o', join(dir, 'glibc'), join(lib, 'glibc.c')])
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const lines = (s: string | Buffer) => s.toString().split('\n').slice(0, -1)
const hex = (n: bigint) => n.toString(16).padStart(16, '0')
const bits = (d: number) => new BigUint64Array(Float64Array.of(d).buffer)[0]!
const double = (b: bigint) => new Float64Array(BigUint64Array.of(b).buffer)[0]!

/** A double: any, one of few digits, or one at an edge. */
function number(r: Random): number {
  const edges = [
    0, -0, 1, 10, 0.1, 0.5, 1.5, 2.5, 1e21, 1e22, 1e23, 9.5, 99.5, 999999.5, 5e-324, 2.2250738585072014e-308,
  ]
  edges.push(1.7976931348623157e308, 123456, 1234567, 0.00001234, 0.0001234, 9007199254740992)
  switch (r.int(4)) {
    case 0:
      return r.pick(edges) * (r.int(2) ? 1 : -1)
    case 1:
      return (r.int(2_000_000) - 1_000_000) / 10 ** r.int(12)
    case 2:
      return r.int(1000) * 10 ** (r.int(40) - 20)
  }
  for (;;) {
    const d = double(r.u64())
    if (Number.isFinite(d)) return d
  }
}

function flags(r: Random, all: string): string {
  return [...all].filter(() => r.int(3) === 0).join('')
}

const width = (r: Random, most: number) => (r.int(2) ? `${1 + r.int(most)}` : '')
const precision = (r: Random, most: number) => (r.int(2) ? `.${r.int(most)}` : '')

/** A string that is nearly a number. */
function numeral(r: Random): string {
  const digits = () => Array.from({ length: r.int(r.int(8) === 0 ? 40 : 9) }, () => r.int(10)).join('')
  const sign = () => r.pick(['', '', '-', '+'])
  switch (r.int(8)) {
    case 0:
      return r.pick([
        '',
        '.',
        'e5',
        '-',
        '+.e1',
        ' inf',
        '-Infinity',
        'infinite',
        '.5',
        '5.',
        '1e',
        '1e+',
        '1e-x',
        '1..2',
      ])
    case 1:
      return String(number(r))
    case 2:
      return `${digits()}${digits()}${digits()}.${digits()}e${sign()}${r.int(330)}`
    case 3: {
      // halfway between two doubles, or nearly
      const b = r.u64() & 0x7fefffffffffffffn
      const [lo, hi] = [double(b), double(b + 1n)]
      const scale = BigInt(Math.max(0, Math.floor(Math.log2(hi - lo || 1))))
      if (lo < 2 ** 60 || lo > 1e300) return String(lo)
      return `${BigInt(lo) + (1n << scale) / 2n}${r.pick(['', '.0', '.00001'])}`
    }
  }
  return `${r.pick(['', ' ', '\t'])}${sign()}${digits()}${r.pick(['', '.'])}${digits()}${r.int(2) ? `e${sign()}${r.int(30)}` : ''}${r.pick(['', 'x', ' '])}`
}

describe.each(ways)('libc on $name', ({ arch, asan }) => {
  let libc: string
  beforeAll(async () => {
    libc = await buildTest(join(lib, 'libc.c'), arch, asan)
  }, 300_000)

  /** Our answers beside glibc's. */
  function beside(questions: string[]): void {
    const input = questions.map(q => `${q}\n`).join('')
    const ours = run(libc, [], input)
    expect(ours.err).toBe('')
    const theirs = lines(run(join(dir, 'glibc'), [], input).out)
    const got = lines(ours.out)
    const differ = questions.map((q, i) => `${q}\n${got[i]}\n${theirs[i]}`).filter((_, i) => got[i] !== theirs[i])
    expect(differ.slice(0, 5)).toEqual([])
    expect(got.length).toBe(questions.length)
  }

  const many = asan ? 2_000 : 20_000

  test(`print of doubles is glibc's (seed ${seed})`, () => {
    const r = new Random(seed)
    beside(
      Array.from({ length: many }, () => {
        const verb = r.pick([...'eEfgG'])
        // glibc's # of g forgets the zeros where rounding adds a digit
        const format = `%${flags(r, 'gG'.includes(verb) ? '-+ 0' : '-+ #0')}${width(r, 40)}${precision(r, 40)}${verb}`
        return `f\t${format}\t${hex(bits(number(r)))}`
      }),
    )
  })

  test(`print of whole numbers is glibc's (seed ${seed})`, () => {
    const r = new Random(seed)
    beside(
      Array.from({ length: many }, () => {
        const verb = r.pick(['lld', 'llo', 'llx', 'llX'])
        const format = `%${flags(r, verb === 'lld' ? '-+ 0' : '-#0')}${width(r, 40)}${precision(r, 30)}${verb}`
        // glibc's # is for what is not 0, and its o and x have no sign
        const n = verb === 'lld' ? r.u64() : (r.u64() >> 1n) + BigInt(format.includes('#'))
        return `d\t${format}\t${hex(n >> BigInt(verb === 'lld' ? r.int(64) : r.int(50)))}`
      }),
    )
  })

  test(`strtod is glibc's (seed ${seed})`, () => {
    const r = new Random(seed)
    beside(Array.from({ length: many }, () => `s ${numeral(r)}`))
  })

  test(`strtoll is glibc's (seed ${seed})`, () => {
    const r = new Random(seed)
    const digit = '0123456789abcdefxyzXZ-+ '
    beside(
      Array.from({ length: many }, () => {
        const s = Array.from({ length: r.int(24) }, () => digit[r.int(r.pick([8, 10, 16, digit.length]))]).join('')
        return `l ${r.pick([0, 8, 10, 16, 36])} ${r.pick(['', '-', '+', '0x', '0', ' -'])}${s}`
      }),
    )
  })

  /** Questions and their answers. */
  function answers(pairs: [string, string][]): void {
    const { out, err } = run(libc, [], pairs.map(([q]) => `${q}\n`).join(''))
    expect(err).toBe('')
    expect(lines(out).map((a, i) => [pairs[i]?.[0], a])).toEqual(pairs)
  }

  test('verbs', () => {
    answers([
      [
        'v',
        '-1 4294967295 010 0xff 0XFF 101 1,234,567    42|42   |00042 007 +1  1 a α str αβ     β|β    | rune % %y% 44 4464 1234 1.00000e+06',
      ],
    ])
  })

  test('whole numbers that glibc has not', () => {
    answers([
      ['d\t%llx\tffffffffffffff01', '-ff'],
      ['d\t%ullx\tffffffffffffff01', 'ffffffffffffff01'],
      ['d\t%+#llX\tff', '+0XFF'],
      ['d\t%#llx\t0', '0x0'],
      ['d\t%+#llo\t8', '+010'],
      ['d\t%#llb\t5', '101'],
      ['d\t%,llx\t1234567', '1,234,567'],
      ['d\t% 010llb\t5', ' 000000101'],
    ])
  })

  test('names, fields, tokens, quotes and codes', () => {
    answers([
      ['c /a/./b//c/../d', '/a/b/d'],
      ['c ../../a/..', '../..'],
      ['c a/../..', '..'],
      ['c /../..', '/'],
      ['c ./', '.'],
      ['c #s/a/../..', '.'],
      ['c #s//a', '#s/a'],
      ['c a/../#s', './#s'],
      ['c ./#s/x', './#s/x'],
      ["t  a 'b c' d'e'f 'it''s' g h", "[a][b c][def][it's][g]"],
      ["t ''", '[]'],
      ['g a,,b:c,d,e', '[a][][b][c,d,e]'],
      ['G ,a,,b:c,d,e', '[a][b][c][d,e]'],
      ['q plain', 'plain 1 1'],
      ["q it's", "'it''s' 1 1"],
      ['q a b', "'a b' 1 1"],
      ['m Man', 'TWFu JVQW4 4d616e'],
      ['m Ma', 'TWE= JVQQ 4d61'],
      ['m M', 'TQ== JU 4d'],
    ])
  })

  test('UTF-8 that is none is one error a byte', () => {
    answers([
      ['u 61CEB1E2889AF09F9880', '4 61 3b1 221a 1f600'],
      ['u C080', '2 fffd fffd'],
      ['u EDA080', '3 fffd fffd fffd'],
      ['u F4908080', '4 fffd fffd fffd fffd'],
      ['u E28861', '3 fffd fffd 61'],
      ['u FF80', '2 fffd fffd'],
    ])
  })

  test.each([
    ['sqrt', Math.sqrt, 0],
    ['exp', Math.exp, 2],
    ['log', Math.log, 2],
    ['sin', Math.sin, 2],
    ['atan', Math.atan, 3],
    ['floor', Math.floor, 0],
  ] as const)(`%s is within its bound (seed ${seed})`, (name, f, ulps) => {
    const r = new Random(seed)
    const xs = Array.from({ length: 2000 }, () => {
      const x = name === 'exp' ? (r.int(2 ** 32) / 2 ** 32 - 0.5) * 1400 : (r.int(2 ** 32) / 2 ** 20) * 10 ** -r.int(8)
      return name === 'sqrt' || name === 'log' || name === 'exp' || r.int(2) ? x : -x
    })
    const { out } = run(libc, [], xs.map(x => `x\t${name}\t${hex(bits(x))}\n`).join(''))
    const worst = lines(out).map((line, i) => {
      const want = f(xs[i]!)
      const d = BigInt(`0x${line}`) - bits(want)
      return { x: xs[i], want, got: double(BigInt(`0x${line}`)), d: Number(d < 0n ? -d : d) }
    })
    // near a zero of sin what counts is the size of its argument
    const bad = worst.filter(w => w.d > ulps && !(name === 'sin' && Math.abs(w.want - w.got) < 2 ** -52))
    expect(bad.slice(0, 3)).toEqual([])
  })

  test('every rune, sorting, buffers that are too small', () => {
    expect(run(libc, ['-s'])).toMatchObject({ err: '', code: 0 })
  })

  test('9P messages there and back', () => {
    const { out, err } = run(libc, ['-m'])
    expect(err).toBe('')
    expect(lines(out)).toMatchSnapshot()
  })

  test(`malloc (seed ${seed})`, async () => {
    const program = await buildTest(join(lib, 'malloc.c'), arch, asan)
    const { out, err } = run(program, [String(seed)])
    expect(err).toBe('')
    // the most that is in use is some 4 MB
    expect(Number(out)).toBeLessThan(12e6)
  })
})
