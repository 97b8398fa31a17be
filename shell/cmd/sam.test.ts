import { expect, it } from 'vitest'
import { PNPROC, type Program } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'

/** Where 9base's sam is older or wrong: by 9front's manual page and source. The rest is in tests/cmd/9base-editors.test.ts. */

async function sam(
  commands: string,
  names = ['f'],
  files: Record<string, string | Uint8Array> = { '/w/f': 'one two\nthree\n' },
) {
  const w = new World(files)
  return { w, ...(await w.run(['sam', '-d', ...names], commands, '/w')) }
}

it('there are no windows', async () => {
  const r = await new World().run(['sam'])
  expect([r.stderr, r.status]).toEqual([
    'sam: there are no windows here; sam -d has the command language\n',
    'no graphics',
  ])
})

it('= has the name, and lines', async () => {
  expect((await sam('=\n,=\n2=\n#2,#5=#\n')).stderr).toBe(' -. f\n/w/f:1\n/w/f:1,2\n/w/f:2\n/w/f:#2,#5\n')
})

it('classes have ranges, and y the pieces between', async () => {
  expect((await sam(',y/[a-z]+/c/_/\n,p\n')).stdout).toBe('_one_two_three_')
})

it('dot is the text that was moved, and the last that was changed', async () => {
  expect((await sam('1m$\np\n,x/e/c/EE/\np\n=#\n')).stdout).toBe('one two\nEE')
})

it('a command that fails changes nothing, then or later', async () => {
  const r = await sam(',x/e/,d\n,p\n1d\n,p\n')
  expect(r.stderr).toBe(' -. f\n?changes not in sequence\n?changed files\n')
  expect(r.stdout).toBe('one two\nthree\nthree\n')
})

it('bytes that are no UTF-8 stay, and NUL is left out', async () => {
  const r = await sam(',s/./&/g\nw\n', ['f'], { '/w/f': Uint8Array.of(0x61, 0xff, 0, 0xe6, 0x62, 10) })
  expect([...r.w.bytes('/w/f')]).toEqual([0x61, 0xff, 0xe6, 0x62, 10])
  expect(r.stderr).toContain('?warning: null characters elided\n')
})

it('a large file', async () => {
  const text = Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join('')
  const r = await sam(',x/7/c/x/\n,x/.*\\n/ g/x9$/ d\n$p\n$-p\nw\n', ['f'], { '/w/f': text })
  expect(r.w.text('/w/f')).toBe(text.replaceAll('7', 'x').replace(/.*x9\n/g, ''))
})

it('cd, and names below the directory', async () => {
  const r = await sam('cd /w/d\nn\nB g\n,p\n', ['f'], { '/w/f': 'x\n', '/w/d/g': 'in d\n' })
  expect([r.stdout, r.stderr]).toEqual(['in d\n', ' -. f\n!\n -. /w/f\n -. g\n'])
})

it('a hangup saves what is modified in sam.save', async () => {
  const type: Program = async (sys, argv) => {
    await sys.write(1, argv[1]!)
    await sys.sleep(3_600_000)
    return ''
  }
  const w = new World({ '/w/f': 'one\ntwo\n', '/usr/glenda/x': '' }, { type })
  const { pid, result, out } = await w.start(
    [
      '_pipe',
      JSON.stringify([
        ['type', '1d\n1p\n'],
        ['sam', '-d', 'f'],
      ]),
    ],
    '',
    '/w',
  )
  while (!w.text(out).includes('two')) await new Promise(r => setTimeout(r, 1))
  w.kernel.postnote(PNPROC, pid, 'hangup')
  await result
  expect(w.text('/usr/glenda/sam.save')).toBe("#!/bin/rc\n/sys/lib/samsave 'f' $* <<'---f'\ntwo\n\n---f\n")
})
