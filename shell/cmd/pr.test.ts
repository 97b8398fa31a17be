import { beforeAll, expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** 9base has no pr: expected by 9front's pr(1), and as its pr prints it. */
const world = new World({
  '/w/two': 'A\nB\n',
  '/w/seven': 'a\nb\nc\nd\ne\nf\ng\n',
  '/w/empty': '',
  '/w/tabs': 'x\ty\b_\n12345\té\n',
  '/w/ff': '1\n2\f3\n',
  '/w/wide': `${'w'.repeat(50)}\nnarrow\n`,
})
beforeAll(async () => {
  await world.run(['touch', '-t', '1000000000', 'two', 'seven'], '', '/w')
})
const run = async (cmd: string, stdin = '') => {
  const { stdout, stderr, status } = await world.run(['pr', ...cmd.split(' ')], stdin, '/w')
  return [stdout + stderr, status]
}

it.each([
  ['-t two', 'A\nB\n'],
  ['-2 -b -t -w20 seven', 'a         e\nb         f\nc         g\nd\n'],
  ['-2 -t -w20 seven', 'a\nb\nc\nd\ne\nf\ng\n'],
  ['-2 -t -l4 -w10 seven', 'a    e\nb    f\nc    g\nd\n'],
  ['-a -3 -t -w12 seven', 'a   b   c\nd   e   f\ng\n'],
  [
    '-a -3 -n -t -w40 seven',
    '    1\ta           2\tb           3\tc\n    4\td           5\te           6\tf\n    7\tg\n',
  ],
  ['-t -n -d two', '    1\tA\n\n    2\tB\n\n'],
  ['-tn:3 two', '  1:A\n  2:B\n'],
  ['-m -t -s: two seven', 'A:a\nB:b\n:c\n:d\n:e\n:f\n:g\n'],
  ['-m -T -w12 seven two', 'a     A\nb     B\nc\nd\ne\nf\ng\n'],
  ['-t -o3 two', '   A\n   B\n'],
  ['-t -o9 -i two', '\t A\n\t B\n'],
  ['-t -e4 tabs', 'x   y\b_\n12345   é\n'],
  ['-t -ex -i.4 tabs', '..\ty\b_\n12345\té\n'],
  ['-t -2 -b -w20 wide', 'wwwwwwwww narrow\n'],
  ['+2 -t -l4 seven', 'e\nf\ng\n'],
])('pr %s', async (cmd, want) => {
  expect(await run(cmd)).toEqual([want, ''])
})

it('pages have a head with the date of the file, its name and their number, and a foot', async () => {
  const head = (n: number, name = 'seven') => `\n\nSep  9 01:46 2001  ${name} Page ${n}\n\n\n`
  expect(await run('-l16 seven')).toEqual([
    `${head(1)}a\nb\nc\nd\ne\nf\n${'\n'.repeat(5)}${head(2)}g\n${'\n'.repeat(10)}`,
    '',
  ])
  expect(await run('-l16 -f -h Head seven')).toEqual([
    `${head(1, 'Head')}a\nb\nc\nd\ne\nf\n\f${head(2, 'Head')}g\n\f`,
    '',
  ])
  expect(await run('+2 -l16 -f seven')).toEqual([`${head(2)}g\n\f`, ''])
  expect(await run('-l12 -p two')).toEqual([`${head(1, 'two')}A\nB\n${'\n'.repeat(5 + 12)}`, ''])
  const [ff] = await run('-l20 -h x ff')
  expect(ff!.replace(/^.*Page/gm, 'Page')).toBe(
    `\n\nPage 1\n\n\n1\n2${'\n'.repeat(14)}\n\nPage 2\n\n\n3\n${'\n'.repeat(14)}`,
  )
})

it('standard input, where no file is named and for -', async () => {
  expect(await run('-t', 'in\n')).toEqual(['in\n', ''])
  expect(await run('-m -t -s two - seven', 'in\n')).toEqual([
    'A\tin\ta\nB\t\tb\n\t\tc\n\t\td\n\t\te\n\t\tf\n\t\tg\n',
    '',
  ])
  expect((await run('-l12', 'in\n'))[0]).toMatch(/^\n\n\w{3} [ \d]\d \d\d:\d\d \d{4} {3}Page 1\n\n\nin\n\n{6}$/)
})

it('one file after another', async () => {
  expect(await run('-t -n two two')).toEqual(['    1\tA\n    2\tB\n    1\tA\n    2\tB\n', ''])
  expect(await run('-3 -t -s two seven')).toEqual(['A\nB\na\nb\nc\nd\ne\nf\ng\n', ''])
})

it('input of many blocks', async () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => `é ${i}\n`).join('')
  expect(await run('-t', lines)).toEqual([lines, ''])
  const long = `${'x'.repeat(200_000)}\nend\n`
  expect(await run('-t', long)).toEqual([`${'x'.repeat(512)}\nend\n`, ''])
})

it('what it says when it cannot', async () => {
  expect(await run('-t nosuch two')).toEqual(["A\nB\npr: can't open nosuch\n", 'error'])
  expect(await run('-t empty two')).toEqual(['A\nB\npr: empty -- empty file\n', 'error'])
  expect(await run('-m -t nosuch two')).toEqual(["pr: can't open nosuch\n", 'error'])
  expect(await run('-z two')).toEqual(['pr: bad option\n', 'error'])
  expect(await run('-w3 -5 two')).toEqual(['pr: width too small\n', 'error'])
})
