import { expect, test } from 'vitest'
import { OWRITE } from '../../plan9/9p/const.ts'
import { boot } from '../../plan9/kernel/testkernel.ts'
import { completer } from './complete.ts'
import type { Completion } from './console.ts'

const files = {
  '/usr/glenda/notes.txt': '',
  '/usr/glenda/novel': '',
  '/usr/glenda/a b': '',
  "/usr/glenda/it's": '',
  '/usr/glenda/größe': '',
  '/usr/glenda/sub/deep/file': '',
  '/usr/glenda/sub dir/x y': '',
  '/js/bin/cat': '',
  '/js/bin/cmp': '',
  '/js/bin/catalog/of/things': '',
}

/** Completes at the end of each of these. */
async function complete(...lines: string[]): Promise<(Completion | undefined)[]> {
  const t = boot(files)
  return t.proc(async sys => {
    await sys.chdir('/usr/glenda')
    const found: (Completion | undefined)[] = []
    for (const line of lines) found.push(await completer(t.k.sysFor(sys.pid), line, [...line].length))
    return found
  })
}

/** The line with the completion in place. */
async function completed(...lines: string[]): Promise<string[]> {
  const found = await complete(...lines)
  return lines.map((line, i) => [...line].slice(0, found[i]?.start ?? line.length).join('') + (found[i]?.text ?? ''))
}

test('files in the current directory and elsewhere', async () => {
  expect(
    await completed('cat not', 'cat nov', 'cat s', 'cat sub/', 'cat sub/deep/f', 'cat /usr/gl', 'cat >no'),
  ).toEqual([
    'cat notes.txt ',
    'cat novel ',
    'cat sub',
    'cat sub/deep/',
    'cat sub/deep/file ',
    'cat /usr/glenda/',
    'cat >no',
  ])
  const [n, none] = await complete('cat n', 'cat zzz')
  expect(n).toEqual({ start: 4, text: 'no', options: ['notes.txt', 'novel'] })
  expect(none).toBe(undefined)
})

test('what rc would not take for one word is quoted', async () => {
  expect(await completed('cat a', "cat 'a ", 'cat it', "cat 'sub d", "cat 'sub dir'/", 'cat g')).toEqual([
    "cat 'a b' ",
    "cat 'a b' ",
    "cat 'it''s' ",
    "cat 'sub dir'/",
    "cat 'sub dir/x y' ",
    'cat größe ',
  ])
})

test('commands where a command stands, and rc’s own', async () => {
  expect(
    await completed(
      'cm',
      'ls | cm',
      'x=`{cm',
      'echo a; cm',
      'whati',
      '/bin/cm',
      'echo cm',
      'if(~ a b) cm',
      '! cm',
      'if not cm',
    ),
  ).toEqual([
    'cmp ',
    'ls | cmp ',
    'x=`{cmp ',
    'echo a; cmp ',
    'whatis ',
    '/bin/cmp ',
    'echo cm',
    'if(~ a b) cmp ',
    '! cmp ',
    'if not cmp ',
  ])
  const [ca] = await complete('ca')
  expect(ca).toEqual({ start: 0, text: 'cat', options: ['cat', 'catalog/'] })
})

test('only what is before the cursor counts', async () => {
  const t = boot(files)
  const found = await t.proc(sys => completer(t.k.sysFor(sys.pid), 'größe cmx', 0))
  expect(found?.start).toBe(0)
  const inside = await t.proc(async sys => {
    await sys.chdir('/usr/glenda')
    return completer(t.k.sysFor(sys.pid), 'cat nov > x', 7)
  })
  expect(inside).toEqual({ start: 4, text: 'novel ', options: ['novel'] })
})

test('variables, after $', async () => {
  const t = boot(files)
  const found = await t.proc(async sys => {
    for (const name of ['prompt', 'promise', 'fn#project']) {
      const fd = await sys.create(`/env/${name}`, OWRITE, 0o666)
      await sys.close(fd)
    }
    const complete = (line: string) => completer(t.k.sysFor(sys.pid), line, line.length)
    return Promise.all(['echo $#prom', 'echo a^$"promp', '$pro', 'echo $nosuch', "echo '$prom"].map(complete))
  })
  const options = ['promise', 'prompt']
  expect(found).toEqual([
    { start: 5, text: '$#prom', options },
    { start: 7, text: '$"prompt', options: ['prompt'] },
    { start: 0, text: '$prom', options },
    undefined,
    undefined,
  ])
})
