import { describe, expect, it } from 'vitest'
import { Random } from '../random.ts'
import { Peer } from './peer.ts'

/** A text of lines that repeat, and the same one edited. */
function edited(seed: number, n: number): [string, string] {
  const rnd = new Random(seed)
  const words = ['', '}', 'return 0', 'a', 'b', 'c', '\tif(x)', '\t}', 'été']
  const line = () => (rnd.int(3) === 0 ? `${rnd.int(50)}  line ${rnd.int(9)}` : words[rnd.int(words.length)]!)
  const a = Array.from({ length: n }, line)
  const b = a.flatMap(l => [[l], [l], [l], [l], [l], [], [line()], [l, line()]][rnd.int(8)]!)
  const text = (t: string[]) => t.map(l => `${l}\n`).join('')
  return [text(a), text(b)]
}

const binary = Uint8Array.from({ length: 3000 }, (_, i) => (i * 7 + (i >> 3)) & 0xff)
const poem = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n'
const pairs: [string, string][] = [1, 2, 3, 4, 5, 6].map(i => edited(i, 20 * i * i))
const files: Record<string, string | Uint8Array> = {
  empty: '',
  poem,
  poem2: poem.replace('two\n', '').replace('nine', 'NINE').replace('four', 'fore\nfive'),
  front: `zero\n${poem}`,
  back: `${poem}eleven\n`,
  blanks: 'a b\n c\nd\n\ne  f\n',
  blanks2: 'a  b  \n c \n d\n\nef\n',
  binary,
  binary2: binary.slice(1),
  caps: 'Mixed Case, AND lower.\nline two\n',
  'da/same': 'x\n',
  'da/other': 'x\ny\n',
  'da/onlya': '',
  'da/sub/f': '1\n',
  'da/sub/poem': 'two\n',
  'da/poem': poem,
  'db/same': 'x\n',
  'db/other': 'x\nz\n',
  'db/onlyb': 'b\n',
  'db/sub/f': '2\n',
  'db/sub/poem': 'two\n',
}
for (const [i, [a, b]] of pairs.entries()) {
  files[`old${i}`] = a
  files[`new${i}`] = b
}

const modes = [[], ['-e'], ['-f'], ['-n'], ['-c'], ['-a'], ['-b'], ['-w'], ['-m'], ['-bc'], ['-mn']]
const two: [string, string][] = [
  ['empty', 'empty'],
  ['empty', 'poem'],
  ['poem', 'empty'],
  ['poem', 'poem'],
  ['poem', 'poem2'],
  ['poem2', 'poem'],
  ['poem', 'front'],
  ['poem', 'back'],
  ['back', 'front'],
  ['blanks', 'blanks2'],
  ['poem', 'da'],
  ['da', 'db'],
  ['da', 'da'],
  ...pairs.map((_, i) => [`old${i}`, `new${i}`] as [string, string]),
  ...pairs.map((_, i) => [`new${i}`, `old${i}`] as [string, string]),
]

/**
 * What is not compared, and why.
 *   9base mates lines by a sum of 16 bits, and undoes a mating that was wrong: with -b and -w the sums of like lines
 *   collide, and then its output has more changes than need be.
 *   It has no -u, takes a last line without a newline for one with, and finds no end of a line at a NUL.
 *   With more than one pair of files it goes on after an error; 9front does not.
 */
const commands: string[][] = [
  ...two
    .flatMap(([a, b]) => modes.map(m => ['diff', ...m, a, b]))
    .filter(c => !/^diff -(b|w|bc) (old|new)/.test(c.join(' '))),
  ['diff', '-r', 'da', 'db'],
  ['diff', '-rc', 'da', 'db'],
  ['diff', 'poem', 'da/other', 'da'],
  ['diff', 'poem', 'poem2', 'empty'],
  ['diff', 'poem'],
  ['diff', '-z', 'poem', 'poem2'],
  ['diff', 'nosuch', 'poem'],
  ['diff', 'poem', 'nosuch'],
]

/** Commands run on each file as their standard input. */
const filters: string[][] = [
  ['sha1sum'],
  ['dd'],
  ['dd', '-bs', '7'],
  ['dd', '-ibs', '3', '-obs', '1000'],
  ['dd', '-bs', '10', '-count', '3', '-skip', '2'],
  ['dd', '-bs', '1bx2', '-count', '1'],
  ['dd', '-conv', 'ucase'],
  ['dd', '-conv', 'lcase', '-ibs', '10'],
  ['dd', '-conv', 'ebcdic'],
  ['dd', '-conv', 'ibm,ucase'],
  ['dd', '-conv', 'ascii'],
  ['dd', '-conv', 'ascii,lcase', '-cbs', '5'],
  ['dd', '-conv', 'ebcdic', '-cbs', '8'],
  ['dd', '-conv', 'ibm,lcase', '-cbs', '4'],
  ['dd', '-conv', 'block', '-cbs', '6'],
  ['dd', '-conv', 'unblock', '-cbs', '6'],
  ['dd', '-conv', 'block,ucase', '-cbs', '600', '-obs', '100'],
  ['dd', '-conv', 'block'],
  ['dd', '-conv', 'swab'],
  ['dd', '-conv', 'swab', '-bs', '10'],
  ['dd', '-conv', 'sync', '-bs', '64'],
  ['dd', '-conv', 'noerror,sync,swab', '-ibs', '100', '-obs', '30'],
  ['dd', '-conv', 'swab,unblock', '-cbs', '3', '-files', '2'],
]
commands.push(
  ['sha1sum', 'poem', 'empty', 'binary'],
  ['dd', '-if', 'poem', '-bs', '5'],
  ['dd', '-if', 'nosuch'],
  ['dd', '-if', 'poem', '-bs', '10', '-iseek', '2'],
)

const peer = new Peer(files)

describe('as 9base prints it', () => {
  it.each(commands.map(c => [c.join(' '), c] as const))('%s', async (_, cmd) => {
    expect(await peer.ours(cmd, '')).toEqual(peer.theirs(cmd, ''))
  })
  it.each(filters.map(c => [c.join(' '), c] as const))('%s', async (_, cmd) => {
    for (const name of ['empty', 'poem', 'blanks', 'binary', 'caps', 'old3'])
      expect([name, await peer.ours(cmd, files[name]!)]).toEqual([name, peer.theirs(cmd, files[name]!)])
  })
})
