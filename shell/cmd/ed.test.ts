import { expect, it } from 'vitest'
import { PNPROC, type Program } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'

/** What a run of 9base's ed cannot show. The rest is in tests/cmd/9base-editors.test.ts. */

/** Writes its first argument and keeps the pipe open: someone at a terminal. */
const type: Program = async (sys, argv) => {
  await sys.write(1, argv[1]!)
  await sys.sleep(3_600_000)
  return ''
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise(r => setTimeout(r, 1))
}

async function session(commands: string, file = 'f') {
  const w = new World({ '/w/f': 'one\ntwo\n' }, { type })
  const p = await w.start(
    [
      '_pipe',
      JSON.stringify([
        ['type', commands],
        ['ed', file],
      ]),
    ],
    '',
    '/w',
  )
  return { w, ...p }
}

it('a hangup saves the lines in ed.hup', async () => {
  const { w, pid, result, out } = await session('a\nthree\n.\n,n\n')
  await until(() => w.text(out).includes('3\t'))
  w.kernel.postnote(PNPROC, pid, 'hangup')
  expect((await result).status).toContain('hangup')
  expect(w.text('/w/ed.hup')).toBe('one\ntwo\nthree\n')
  expect(w.text('/w/f')).toBe('one\ntwo\n')
})

it('an interrupt is a question mark, and keeps the text that was being typed', async () => {
  const { w, pid, result, out } = await session('2p\na\nthree\n')
  await until(() => w.text(out).includes('two'))
  w.kernel.postnote(PNPROC, pid, 'interrupt')
  await until(() => w.text(out).includes('?'))
  expect(w.text(out)).toBe('8\ntwo\n\n?\n')
  w.kernel.postnote(PNPROC, pid, 'hangup')
  await result
  expect(w.text('/w/ed.hup')).toMatch(/^one\ntwo\n/)
})

it('-o edits into a pipe', async () => {
  const w = new World()
  const r = await w.run(['ed', '-o'], 'one\ntwo\n.\n1s/o/0/p\nw\nq\n')
  expect([r.stdout, r.stderr, r.status]).toEqual(['0ne\ntwo\n', '0ne\n', ''])
})

it('every byte comes back', async () => {
  const all = Uint8Array.from({ length: 1025 }, (_, i) => (i === 1024 ? 10 : (i * 7) & 0xff))
  const w = new World({ '/w/f': all })
  await w.run(['ed', 'f'], ',s/./&/g\nw g\nQ\n', '/w')
  expect(w.bytes('/w/g')).toEqual(all)
})

it('a file of many lines', async () => {
  const w = new World({ '/w/f': Array.from({ length: 200_000 }, (_, i) => `${i}\n`).join('') })
  const r = await w.run(['ed', 'f'], 'g/[^7]$/d\n=\n,s/7/x/g\n$p\nw\nq\n', '/w')
  expect(r.stdout).toBe('1288890\n20000\n19999x\n128889\n')
})
