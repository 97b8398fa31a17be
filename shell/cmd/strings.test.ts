import { expect, it } from 'vitest'
import { World } from '../../tests/cmd/world.ts'

/** 9base's strings has no -m and reads no standard input: expected by 9front's strings(1). */
const world = new World({ '/w/two': 'abcdef\0ghi', '/w/one': '\0\0abcdef\n' })
const run = async (cmd: string[], stdin: string | Uint8Array = '') => {
  const { stdout, stderr, status } = await world.run(['strings', ...cmd], stdin, '/w')
  return [stdout + stderr, status]
}

it('runs of min printable characters or more, each with its offset', async () => {
  expect(await run([], 'short\nlonger\n\u00a0non-breaking\ttab')).toEqual([
    '       6: longer\n      15: non-breaking\n',
    '',
  ])
  expect(await run(['-m', '3'], 'ab\nabc\0d\0efgh')).toEqual(['       3: abc\n       9: efgh\n', ''])
  expect(await run(['-m1'], 'a')).toEqual(['       0: a\n', ''])
  expect(await run([], '')).toEqual(['', ''])
})

it('characters are those of UTF-8, offsets bytes; what is no UTF-8 is not printable', async () => {
  expect(await run([], '\0été日本語\0')).toEqual(['       1: été日本語\n', ''])
  expect(await run(['-m', '2'], Uint8Array.of(0xff, 0x61, 0x62, 0xc3, 0x63, 0x64, 0xe6, 0x97))).toEqual([
    '       1: ab\n       4: cd\n',
    '',
  ])
  expect(await run(['-m', '1'], '\ufffd')).toEqual(['', ''])
})

it('a run that goes over the ends of blocks', async () => {
  const long = `${'x'.repeat(65533)}\0ab日本語${'é'.repeat(70000)}\0`
  expect(await run([], long)).toEqual([`       0: ${'x'.repeat(65533)}\n   65534: ab日本語${'é'.repeat(70000)}\n`, ''])
  expect(await run(['-m', '80000'], `\0${'y'.repeat(80000)}\0${'z'.repeat(79999)}`)).toEqual([
    `       1: ${'y'.repeat(80000)}\n`,
    '',
  ])
})

it('names of files when there is more than one', async () => {
  expect(await run(['two', 'nosuch', 'one'])).toEqual([
    expect.stringMatching(/^two:\n {7}0: abcdef\nnosuch:\none:\n {7}2: abcdef\nopen: .*does not exist/),
    '',
  ])
  expect(await run(['-m', '0'])).toEqual(['usage: strings [-m min] [file...]\n', 'usage'])
})
