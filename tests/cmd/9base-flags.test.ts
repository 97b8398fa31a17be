import { describe, expect, it } from 'vitest'
import { Random } from '../random.ts'
import { Peer, show } from './peer.ts'

const rnd = new Random(9)
const files: Record<string, string | Uint8Array> = {
  text: 'one two\n\ttab\nunter über été\nabcabc-a-z\n\n\nlast',
  lines: Array.from({ length: 2000 }, (_, i) => `${i} ${(i * 7919) % 1009}\n`).join(''),
  longline: `${'x'.repeat(100_000)}\ny\n`,
  empty: '',
  nl: '\n',
  nul: Uint8Array.from([0, 10, 0, 0, 97, 10, 98, 0]),
  binary: Uint8Array.from({ length: 5000 }, () => rnd.int(256)),
  same: new Uint8Array(100),
  'dir/a': 'a\n',
  'dir/sub/b': 'b\n'.repeat(1000),
}
const peer = new Peer(files)

/** Each is run on every file, as its argument or, for `pipes`, as its standard input. */
const filters: string[][] = [
  ['tail', '-c', '+4'],
  ['tail', '-n', '+2'],
  ['tail', '-n1'],
  ['tail', '-5r'],
  ['tail', '-1500'],
  ['tail', '+1999'],
  ['tail', '-rf'],
  ['tail', '-1', '-2'],
  ['cmp', '-s', 'text'],
  ['cat', 'nl'],
  ['grep', '-ic', 'X'],
  ['grep', '-vc', 'a'],
  ['grep', '-in', 'É'],
  ['grep', '-lv', 'a'],
  ['grep', '-e', '^$', '-n'],
  ['grep', '-hn', 'T', 'text'],
  ['sort', '-r', '+0'],
  ['uniq', '-c', '-1', '+1'],
  ['uniq', '-d', '+1'],
  ['uniq', '-u', '-1'],
]
const pipes: string[][] = [
  ['tr', 'a-c-e', 'A-Z'],
  ['tr', 'a-c-', 'XYZW'],
  ['tr', '-d', '\\n'],
  ['tr', '-d', 'a-mn-z'],
  ['tr', '-s', 'x', 'x'],
  ['tr', '-cd', '\\n'],
  ['tr', '-c', 'a-z\\n', '_'],
  ['tr', '-cs', 'a-z', '\\n'],
  ['tr', 'ü', '\\xe9'],
  ['tr', 'abc', 'X'],
  ['tr', '-ds', 'x', 'y'],
  ['tr', '\\-', '+'],
  ['read', '-n', '3'],
  ['tee'],
  ['tee', '-a', 'out'],
  ['tail', '-3'],
  ['tail', '-r'],
  ['tail', '+3'],
]
const commands: string[][] = [
  ['tr', 'z-a', 'a-z'],
  ['tr', 'aa', 'bc'],
  ['tr', '-x', 'a', 'b'],
  ['tr', 'a'],
  ['tr', '-d', 'a', 'b'],
  ['tr', '\\777', 'a'],
  ['basename', 'a.c', '.c'],
  ['basename', '.c', '.c'],
  ['basename', '/', 'x'],
  ['basename', '-d', '/'],
  ['basename', '-d', '/a'],
  ['basename', '-d', 'a/'],
  ['basename', 'a', 'b', 'c'],
  ['cat', 'dir/a', 'nosuch', 'nl'],
  ['mkdir', 'new/deep/er'],
  ['mkdir', 'dir'],
  ['mkdir', '-m', '8888', 'x8'],
  ['mkdir', '-m', '1777', 'x1'],
  ['mkdir', '-q', 'x'],
  ['touch'],
  ['touch', '-c', 'nosuch'],
  ['touch', '-q', 'x'],
  ['cmp', 'text', 'nosuch'],
  ['ls', '-p', 'dir/a', 'text'],
  ['ls', '-F', 'dir'],
  ['ls', '-dr', 'dir', 'text', 'nl'],
  ['ls', 'dir/', './text'],
  ['ls', '-n', 'text', 'empty'],
  ['ls', '-z'],
  ['mtime', '-x'],
  ['seq', '-w', '1', '-1', '5'],
  ['seq', '-w', '5', '-1', '1'],
  ['seq', '-w', '-1', '1'],
  ['seq', '-x', '2'],
  ['seq', '-f'],
  ['seq', '1', '2', '3', '4'],
  ['seq', '3'],
  ['seq', '-f', '%%%g%%', '2'],
  ['seq', '-f', '%05.1f', '9', '10'],
  ['seq', '-f', '%-5g|', '2'],
  ['seq', '-f', '%+g', '-1', '1'],
  ['echo', '-n', '-n', 'x'],
  ['echo', '-nx'],
  ['echo', '--', 'x'],
  ['echo', ''],
  ['test', '-n'],
  ['test', '!'],
  ['test', '!', '!', 'x'],
  ['test', ''],
  ['test', '-f'],
  ['test', '', '-eq', '0'],
  ['test', ' 3', '-eq', '3'],
  ['test', '0x10', '-eq', '16'],
  ['test', '010', '-eq', '8'],
  ['test', '3', '-foo', '4'],
  ['test', '3', '-ge', 'x'],
  ['test', 'a', '-eq', 'a'],
  ['test', 'text', '-older', '1q'],
  ['test', '-b', 'text'],
  ['test', '-c'],
  ['test', '-r', 'text'],
  ['test', '-s', 'dir'],
  ['test', '-t', 'x'],
  ['test', '', '-o', '', '-a', 'b'],
  ['test', '(', 'a', ')', 'b'],
  ['read', 'nosuch'],
  ['read', 'empty'],
  ['tail', 'text', 'nl'],
  ['tail', '-n', 'x', 'text'],
  ['tail', '-q', 'text'],
  ['tail', '-99999999999', 'text'],
  ['uniq', 'text', 'nl'],
  ['sort', '-k', '0', 'text'],
  ['sort', '-t', ' ', '+1', 'lines'],
  ['sort', '-c', 'lines'],
  ['sort', '-nc', 'lines'],
  ['grep', '-e'],
  ['grep', '-f', 'nosuch', 'text'],
]

/**
 * What is not compared, and why. 9base is older than 9front: its tr stops at, or loops on, what is not UTF-8, and its uniq
 * drops a last line that lacks its newline, stops at a long one and knows no NUL. (Also, and so not in the tables: its cmp says less of an end and
 * checks no offset, its touch and test take less, its ls and du print a number as `1d`.)
 */
function skipped(cmd: string[], name: string): boolean {
  if (cmd[0] === 'tr') return name === 'binary'
  return cmd[0] === 'uniq' && !['lines', 'empty', 'nl'].includes(name)
}

describe('flags, as 9base takes them', () => {
  it.each(filters.map(f => [show(f), f] as const))('%s', async (_, cmd) => {
    for (const name of Object.keys(files).filter(n => !n.includes('/') && !skipped(cmd, n))) {
      const argv = [...cmd, name]
      expect([name, await peer.ours(argv)]).toEqual([name, peer.theirs(argv)])
    }
  })
  it.each(pipes.map(f => [show(f), f] as const))('... | %s', async (_, cmd) => {
    for (const [name, data] of Object.entries(files))
      if (!skipped(cmd, name)) expect([name, await peer.ours(cmd, data)]).toEqual([name, peer.theirs(cmd, data)])
  })
  it.each(commands.map(f => [show(f), f] as const))('%s', async (_, cmd) => {
    expect(await peer.ours(cmd)).toEqual(peer.theirs(cmd))
  })
})
