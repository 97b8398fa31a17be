import { expect, it } from 'vitest'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot } from '../boot.ts'
import { fillRoot } from '../node/root.ts'

/** 9base has no p: expected by 9front's p(1) and source. What is on the screen when lines are typed; '' is ^D. */
async function screen(command: string, ...typed: string[]): Promise<[string, string]> {
  const cons = new Testcons()
  for (const line of typed) cons.type(line)
  const { exited } = await boot({ fill: fillRoot, cons: [cons] }).start({ argv: ['rc', '-c', command], cons: 0 })
  const status = await exited
  return [cons.out, status]
}

it.each([
  ['seq 5 | p -2', ['\n', '\n'], '1\n23\n45\n'],
  ['seq 6 | p -3', ['\n', '\n'], '1\n2\n34\n5\n6'],
  ['seq 6 | p -2', ['q\n'], '1\n2'],
  ['seq 6 | p -2', [''], '1\n2'],
  ['seq 4 | p -3', ['!echo -n ok; status=bad\n', '\n'], '1\n2\n3ok4\n'],
  [
    'seq 30 | p',
    ['\n'],
    `${Array.from({ length: 30 }, (_, i) => `${i + 1}\n`)
      .join('')
      .replace('22\n', '22')}`,
  ],
  ['seq 23 | p -0', ['q\n'], Array.from({ length: 22 }, (_, i) => i + 1).join('\n')],
  ['seq 3 >/tmp/a; p -2 /tmp/a -1 /tmp/a', ['\n', '\n', '\n', 'q\n'], '1\n23\n123'],
  ['echo -n no newline | p', [], 'no newline'],
  ['p </dev/null', [], ''],
])('%s', async (command, typed, want) => {
  expect(await screen(command, ...typed)).toEqual([want, ''])
})

it('a file that is not there; no console', async () => {
  const [out, status] = await screen('seq 2 >/tmp/a; p /tmp/nosuch /tmp/a')
  expect([out, status]).toEqual([
    expect.stringMatching(/^p: can't open \/tmp\/nosuch - .*does not exist.*\n1\n2\n$/),
    '',
  ])
  const gone = await screen('rfork n; bind /tmp /dev; p /tmp/a')
  expect(gone[1]).toMatch(/missing \/dev\/cons/)
})

it('a line without end', async () => {
  const [out] = await screen('cat /dev/zero | p | dd -bs 10 -count 1 >[2]/dev/null | wc -c')
  expect(out).toBe('     10\n')
})
