import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'
import { Random } from '../../tests/random.ts'

/** What 9base's diff lacks or does otherwise: expected by 9front's diff(1) and diffio.c. tests/cmd/9base-files.test.ts has the rest. */
const text = (l: (string | number)[]) => l.map(x => `${x}\n`).join('')
const lines = (...l: (string | number)[]) => text(l)
const count = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
const world = new World({
  '/w/ten': lines(...count(10)),
  '/w/ten2': lines(1, 2, 3, 'four', 5, 6, 7, 8, 9, 10),
  '/w/forty': lines(...count(40)),
  '/w/forty2': lines(...count(40).filter(i => i !== 5 && i !== 30), 'end'),
  '/w/empty': '',
  '/w/nonl': '1\n2',
  '/w/nl': '1\n2\n',
  '/w/bin1': Uint8Array.from({ length: 100 }, (_, i) => i),
  '/w/bin2': Uint8Array.from({ length: 100 }, (_, i) => (i === 70 ? 0 : i)),
  '/w/notutf1': Uint8Array.of(97, 10, 0xff, 98, 10),
  '/w/notutf2': Uint8Array.of(97, 10, 0xfe, 98, 10),
})
const run = async (args: string[], stdin = '') => {
  const { stdout, stderr, status } = await world.run(['diff', ...args], stdin, '/w')
  return [stdout + stderr, status]
}

it('-u prints hunks as Unix does', async () => {
  expect(await run(['-u', 'ten', 'ten2'])).toEqual([
    lines('--- ten', '+++ ten2', '@@ -1,7 +1,7 @@', ' 1', ' 2', ' 3', '-4', '+four', ' 5', ' 6', ' 7'),
    'some',
  ])
  expect(await run(['-um', 'forty', 'forty2'])).toEqual([
    lines(
      'diff -u forty forty2',
      ...['--- forty', '+++ forty2', '@@ -2,7 +2,6 @@', ' 2', ' 3', ' 4', '-5', ' 6', ' 7', ' 8'],
      ...['@@ -27,7 +26,6 @@', ' 27', ' 28', ' 29', '-30', ' 31', ' 32', ' 33'],
      ...['@@ -38,3 +36,4 @@', ' 38', ' 39', ' 40', '+end'],
    ),
    'some',
  ])
  expect(await run(['-u', 'empty', 'nl'])).toEqual([
    lines('--- empty', '+++ nl', '@@ -1,0 +1,2 @@', '+1', '+2'),
    'some',
  ])
  expect(await run(['-u', 'ten', 'ten'])).toEqual(['', ''])
})

it('a last line without its newline differs from one with', async () => {
  expect(await run(['nonl', 'nl'])).toEqual([lines('2c2', '< 2', '\\ No newline at end of file', '---', '> 2'), 'some'])
  expect(await run(['-b', 'nonl', 'nl'])).toEqual(['', ''])
})

it('binary files are compared byte by byte, and change no status', async () => {
  expect(await run(['bin1', 'bin2'])).toEqual(['binary files bin1 bin2 differ\n', ''])
  expect(await run(['bin1', 'bin1'])).toEqual(['', ''])
})

it('what is not UTF-8 is printed as it is', async () => {
  const { bytes } = await world.run(['diff', 'notutf1', 'notutf2'], '', '/w')
  expect([...bytes]).toEqual([...Buffer.from('2c2\n< \xffb\n---\n> \xfeb\n', 'latin1')])
})

it('- is standard input', async () => {
  expect(await run(['-', 'nl'], '1\n')).toEqual([lines('1a2', '> 2'), 'some'])
})

it('errors end it with their message, what was found before printed', async () => {
  expect(await run(['ten'])).toEqual(['usage: diff [-abcefmnruw] file1 ... file2\n', 'usage'])
  expect(await run(['ten', 'ten2', 'empty'])).toEqual(['diff: not directory: empty\n', 'not directory: empty'])
  expect(await run(['nosuch', 'ten'])).toEqual(["diff: can't stat nosuch\n", "can't stat nosuch"])
  world.tree.mkdir('/w/dir')
  const [out, status] = await run(['ten', 'dir'])
  expect(out).toMatch(/^diff: cannot open dir\/ten: .*does not exist/)
  expect(status).toMatch(/^cannot open dir\/ten/)
})

it('a script of -e makes the new file of the old, whatever the files', async () => {
  const rnd = new Random(7)
  for (let round = 0; round < 100; round++) {
    const some = () => Array.from({ length: rnd.int(40) }, () => 'abcd'[rnd.int(4)]!)
    const [a, b] = [some(), some()]
    world.tree.add('/w/a', lines(...a))
    world.tree.add('/w/b', lines(...b))
    const script = (await run(['-e', 'a', 'b']))[0]!.split('\n').slice(0, -1)
    const got = [...a]
    while (script.length > 0) {
      const [, from, to, verb] = /^(\d+)(?:,(\d+))?([acd])$/.exec(script.shift()!)!
      const put = verb === 'd' ? [] : script.splice(0, script.indexOf('.') + 1).slice(0, -1)
      if (verb === 'a') got.splice(Number(from), 0, ...put)
      else got.splice(Number(from) - 1, Number(to ?? from) - Number(from) + 1, ...put)
    }
    expect(got).toEqual(b)
  }
})

it('takes two large files', async () => {
  const big = count(200_000).map(i => (i % 40 === 0 ? '}' : `line ${i % 50000}`))
  world.tree.add('/w/big', text(big))
  world.tree.add('/w/big2', text(['new', ...big.slice(0, 100_000), 'mid', ...big.slice(100_001)]))
  expect(await run(['big', 'big2'])).toEqual([
    lines('0a1', '> new', '100001c100002', `< ${big[100_000]}`, '---', '> mid'),
    'some',
  ])
}, 20_000)
