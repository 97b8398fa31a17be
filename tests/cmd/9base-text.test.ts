import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { World } from './world.ts'

/** Plan 9's commands as Debian has them: they say what ours are to print. */
const bin = '/usr/lib/plan9/bin'

if (!existsSync(join(bin, 'join')))
  throw new Error(`${bin} is not there: these tests compare with Plan 9's commands, Debian's package 9base`)

const binary = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7 + (i >> 3)) & 0xff)
const controls = binary.map((c, i) => (i % 37 < i % 23 ? 0x21 + (c % 90) : c & 0x1f))
const prose = [
  'It was the best of times. It was the worst of times! Mr. Lorry',
  'said that',
  '',
  '    an indented line, and one that is quite a bit longer than the line that fmt makes of it when nothing is said',
  '    a second.',
  '\ttabs\tin a line',
  'naïve façade, 日本語の文 and so on for ever and ever and ever until the right margin comes',
  'averyveryveryveryveryverylongwordthatdoesnotfitintosevetycolumnswhateveronemaytrytodo',
].join('\n')
const dictionary = ['10', '9', 'A', 'a b', 'a-c', 'apple', 'Apple pie', 'banana', 'cherry', 'été', 'zoo']
const folded = ['apple', 'Apple pie', 'a.p.t', 'banana', 'band', 'Bandana', 'bane', 'été', 'Zoo', 'zoology']

const files: Record<string, string | Uint8Array> = {
  empty: '',
  prose: `${prose}\n`,
  nonl: 'one\ntwo\nthree',
  binary,
  controls,
  latin: Uint8Array.from({ length: 256 }, (_, i) => i),
  left: 'a 1 x\nb 2\nb 3 y\nc\nd 4 z w\nf 6\n',
  right: 'a A\nb B\nb BB BBB\nd  D\ne E\nf\n',
  colons: 'a:1::x\nb::2:\nc:3\n',
  colons2: '1:a\n2:b:\n::\n',
  words: `${dictionary.join('\n')}\n`,
  folded: `${folded.join('\n')}\n`,
  nums: '-10 ten\n-2.5\n0\n1\n1.5 x\n02 two\n10\n100\n',
  fields: 'alpha\tone\nbeta\ttwo\nbeta\tthree\ngamma\tfour\n',
  chapters: 'preface\nChapter One\ntext\nmore\nChapter Two\ntext\nchapter three\nend\n',
  numbers: `${Array.from({ length: 25 }, (_, i) => i).join('\n')}\n`,
}

const commands: string[][] = [
  ['cleanname', 'a//b', '/../a', './..', '../a/./..', 'a/..', '/', '#x', 'a/../../b/', '//a//', ''],
  ['cleanname', '-d', '/usr/glenda', 'lib', '../x', '/abs', ''],
  ['cleanname', '-d', '.', 'a', '..'],
  ['cleanname'],
  ['cleanname', '-d'],
  ['cleanname', '-x', 'a'],
  ['freq', 'prose', 'binary'],
  ['freq', '-z'],
  ['strings', 'left'],
  ['strings', 'controls'],
  ['strings', 'words'],
  ['ascii'],
  ...['-8', '-o', '-d', '-8o', '-b2', '-b3', '-b36', '-b7', '-b1', '-b', '-z'].map(f => ['ascii', f]),
  ['ascii', 'p', 'qrs', 'été'],
  ['ascii', '41', '7f', '20', '0'],
  ['ascii', '41', 'zz'],
  ['ascii', '-d', '65', '255', '300', '173'],
  ['ascii', '-n', '41', '7'],
  ['ascii', '-c', '41', '7'],
  ['ascii', '-t', '41', '42', 'a'],
  ['ascii', '-o', '101', 'x'],
  ['ascii', '-b', '0x10', 'ff'],
  ['unicode', '3b1-3c9'],
  ['unicode', '41-41', '100-110', '2200-2207'],
  ['unicode', '41-40'],
  ['unicode', '41-4x'],
  ['unicode', '41-'],
  ['unicode', 'p', 'été'],
  ['unicode', '日本'],
  ['unicode', '-n', 'abc'],
  ['unicode', '-n', 'a-b'],
  ['unicode', '61', '3b1', '65e5'],
  ['unicode', '-t', '61', '3b1', '65e5'],
  ['unicode', '61', 'x'],
  ['unicode'],
]

/** Commands run on each file as their standard input. */
const filters: string[][] = [
  ...['', '-r', '-c', '-d', '-ox', '-rc', '-rx'].map(f => ['freq', ...(f === '' ? [] : [f])]),
]

/**
 * What is not compared, and why.
 *   9base's strings has no -m, does not read standard input, takes an offset wrong where there is
 *   more than ASCII, and U+FFFD for printable.
 *   Its freq -r loses a rune that the end of the file cuts off.
 */
const not = (cmd: string[], name: string): boolean => cmd[0] === 'freq' && cmd[1]?.[1] === 'r' && name === 'latin'

/** A form feed has another name in 9front's ascii. */
const since = (s: string) => s.replace('np ', 'ff ')

let dir = ''
let world: World

const tree = () => Object.fromEntries(Object.entries(files).map(([n, d]) => [`/w/${n}`, d]))

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), '9base-text-'))
  for (const [name, data] of Object.entries(files)) writeFileSync(join(dir, name), data)
  world = new World(tree())
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

interface Out {
  stdout: string
  failed: boolean
}

function theirs(cmd: string[], stdin: string | Uint8Array, cwd = dir): Out {
  const r = spawnSync(join(bin, cmd[0]!), cmd.slice(1), {
    cwd,
    input: stdin,
    timeout: 10_000,
    env: { PATH: bin, PLAN9: '/usr/lib/plan9' },
  })
  if (r.error) throw r.error
  return { stdout: since(r.stdout.toString('latin1')), failed: r.status !== 0 }
}

async function ours(cmd: string[], stdin: string | Uint8Array): Promise<Out> {
  const r = await world.run(cmd, stdin, '/w')
  return { stdout: Buffer.from(r.bytes).toString('latin1'), failed: r.status !== '' }
}

describe('as 9base prints it', () => {
  it.each(commands.map(c => [c.join(' '), c] as const))('%s', async (_, cmd) => {
    expect(await ours(cmd, '')).toEqual(theirs(cmd, ''))
  })
  it.each(filters.map(c => [c.join(' '), c] as const))('%s', async (_, cmd) => {
    for (const name of ['empty', 'prose', 'nonl', 'binary', 'latin', 'left'])
      if (!not(cmd, name)) expect([name, await ours(cmd, files[name]!)]).toEqual([name, theirs(cmd, files[name]!)])
  })
})
