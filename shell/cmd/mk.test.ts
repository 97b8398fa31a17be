import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { OWRITE } from '../../plan9/9p/const.ts'
import { PNGROUP, type Program } from '../../plan9/kernel/sys.ts'
import { World } from '../../tests/cmd/world.ts'

/**
 * What 9base's mk has not, or has otherwise: it is older, and does not quote the words that it prints. These follow
 * 9front's manual and source. The rest is in tests/cmd/9base-mk.test.ts.
 */
const rcmain = readFileSync(new URL('../../plan9/root/rc/lib/rcmain', import.meta.url))

type Files = Record<string, string | [content: string, age: number]>

function world(files: Files, more: Record<string, Program> = {}): World {
  const w = new World({ '/rc/lib/rcmain': rcmain }, more)
  w.tree.mkdir('/w')
  for (const [name, f] of Object.entries(files)) {
    const [content, age] = typeof f === 'string' ? [f, 100] : f
    w.tree.add(`/w/${name}`, content).mtime = Math.floor(Date.now() / 1000) - age
  }
  return w
}

const mk = (files: Files, ...args: string[]) => world(files).run(['mk', ...args], '', '/w')
/** What an mkfile prints. */
const out = async (mkfile: string, ...args: string[]) => (await mk({ mkfile }, ...args)).stdout
/** The value of X, an element a line. */
const value = async (text: string, ...args: string[]) =>
  (await out(`${text}\nall:VQ:\n\tfor(i in $X) echo $i\n`, ...args)).split('\n').slice(0, -1)

describe('words', () => {
  it.each<[string, string[]]>([
    [`F=a.c b.h\nX=\${F:%.c=}`, ['a.c', 'b.h']],
    [`F=\nX=\${F:%=x}z`, ['z']],
    [`F=a b\nX=\${F:a=1 2}`, ['1', '2', 'b']],
    ["E=\nX=$E'' z", ['', 'z']],
    ['E=\nX=a$E b$E', ['a', 'b']],
    ['E=\nX=$E b', ['b']],
    ['X=`{if(~ 1 1){ echo in }}', ['in']],
    ["X=`{echo '}'}", ['}']],
    ['stem=mine\nX=$stem', ['mine']],
  ])('%j', async (text, words) => {
    expect(await value(text)).toEqual(words)
  })
  it('are taken from the environment as lists', async () => {
    const env: Program = async (sys, argv) => {
      const fd = await sys.create('/env/L', OWRITE, 0o666)
      await sys.write(fd, 'a b\0c\0')
      await sys.close(fd)
      return sys.exec('/bin/mk', ['mk', ...argv.slice(1)])
    }
    const w = world({ mkfile: 'X=x$L\nall:V:\n\techo $#X $#L $L\n' }, { _env: env })
    expect((await w.run(['_env'], '', '/w')).stdout).toBe('echo $#X $#L $L\n2 2 a b c\n')
  })
})

describe('recipes', () => {
  it('are printed with words as rc has them', async () => {
    expect(await out("X='a b' 'c''d' ''\n'e f':V:\n\techo $X $target '$X' `{echo $X} $y\n")).toBe(
      "echo 'a b' 'c''d' '' 'e f' '$X' `{echo $X} $y\na b c'd  e f $X a b c'd\n",
    )
  })
  it('know what they are for', async () => {
    const show = (...v: string[]) => v.map(x => `\techo ${x} $#${x} $${x}\n`).join('')
    const r = await mk(
      {
        mkfile: `a%.x b%.x:Q: %.c %.h\n${show('target', 'alltarget', 'prereq', 'newprereq', 'stem', 'nproc', 'newmember', 'stem0')}`,
        '1.c': '',
        '1.h': ['', 10],
        'b1.x': ['', 50],
      },
      'b1.x',
    )
    expect(r.stdout).toBe(
      'target 1 b1.x\nalltarget 2 a1.x b1.x\nprereq 2 1.c 1.h\nnewprereq 1 1.h\nstem 1 1\nnproc 1 0\nnewmember 0\nstem0 1 \n',
    )
  })
  it('have the parts of regular expressions', async () => {
    expect(
      (
        await mk(
          { mkfile: '(.*)/(.*)\\.8:RQ: \\1/\\2.c\n\techo $stem0 $stem1 $stem2 $#stem $prereq\n', 'd/f.c': '' },
          'd/f.8',
        )
      ).stdout,
    ).toBe('d/f.8 d f 1 d/f.c\n')
  })
  it('see MKFLAGS and MKARGS', async () => {
    expect(await out('a b:VQ:\n\techo $target / $MKFLAGS / $MKARGS\n', '-k', 'a', 'X=1', 'X=1')).toBe(
      'a / -k X=1 / a\n',
    )
  })
  it('begin after the first blank of a line', async () => {
    expect(await out('all:VQ:\n  echo 1\n\techo 2')).toBe('1\n2\n')
  })
  it('run at once, as many as NPROC says', async () => {
    const one =
      'VQ:\n\techo $nproc >slot.$target\n\twhile(! test -f slot.a || ! test -f slot.b) sleep 0.01\n\tcat slot.$target\n'
    const r = await mk({ mkfile: `NPROC=2\na:${one}b:${one}` }, 'a', 'b')
    expect(r.stdout.split('\n').sort()).toEqual(['', '0', '1'])
  })
})

describe('programs', () => {
  it('compare, with P', async () => {
    const mkfile = 'x:Pcmp -s: y\n\tcp y x\nz: x\n\techo z\n'
    const same = { mkfile, x: ['1\n', 300] as [string, number], y: ['1\n', 3] as [string, number] }
    expect((await mk(same, 'x')).stdout).toBe("mk: 'x' is up to date\n")
    expect((await mk({ ...same, y: ['2\n', 500] }, 'x')).stdout).toBe('cp y x\n')
  })
  it('print what is included', async () => {
    expect(await mk({ mkfile: 'F=inc\n<|cat $F\nall:V:\n\techo $X\n', inc: 'X=1\n' })).toMatchObject({
      stdout: 'echo 1\n1\n',
      status: '',
    })
    expect(await mk({ mkfile: '<|cat nosuch\nall:V:\n\techo\n' })).toMatchObject({
      status: 'error',
      stderr: expect.stringContaining('bad include program status\n'),
    })
  })
})

describe('archives', () => {
  const header = (name: string, date: number, size: number) =>
    `${name.padEnd(16)}${String(date).padEnd(12)}${'1'.padEnd(6)}${'1'.padEnd(6)}${'644'.padEnd(8)}${String(size).padEnd(10)}\`\n`
  const now = Math.floor(Date.now() / 1000)
  const ar = `!<arch>\n${header('a.8', now - 500, 3)}xx\n\n${header('b.8/', now - 50, 0)}`
  const mkfile = 'lib(%.8):N: %.8\nlib: lib(a.8) lib(b.8)\n\techo ar $newmember / $newprereq\n'
  it('are made of members', async () => {
    const files: Files = { mkfile, 'a.8': ['', 90], 'b.8': ['', 90], lib: [ar, 95] }
    // b.8 is as if it were a second older than its archive.
    expect((await mk(files)).stdout).toBe("echo ar a.8 b.8 / 'lib(a.8)' 'lib(b.8)'\nar a.8 b.8 / lib(a.8) lib(b.8)\n")
    expect((await mk({ ...files, 'b.8': ['', 99] })).stdout).toBe("echo ar a.8 / 'lib(a.8)'\nar a.8 / lib(a.8)\n")
    expect((await mk({ ...files, lib: [ar, 20] })).stdout).toBe("mk: 'lib' is up to date\n")
  })
  it('need not be there, and have to be some', async () => {
    expect((await mk({ mkfile, 'a.8': '', 'b.8': '' }, '-n')).stdout).toBe(
      "lib doesn't exist: assuming it will be an archive\necho ar a.8 b.8 / 'lib(a.8)' 'lib(b.8)'\n",
    )
    expect(await mk({ mkfile, lib: 'text' })).toMatchObject({
      status: 'error',
      stderr: "mk: 'lib(a.8)' is not an archive\n",
    })
  })
  it('are touched in place', async () => {
    const w = world({ mkfile: 'lib(a.8): a.8\n\techo\n', 'a.8': ['', 90], lib: [ar, 95] })
    expect((await w.run(['mk', '-t'], '', '/w')).stdout).toBe('touch(lib(a.8))\n')
    const after = w.text('/w/lib')
    expect(Number(after.slice(24, 36))).toBeGreaterThanOrEqual(now)
    expect(after.slice(0, 24) + ar.slice(24, 36) + after.slice(36)).toBe(ar)
  })
})

describe('errors', () => {
  const cd = ' in directory /w'
  it.each<[string, string, string[]]>([
    ['x: y\n\techo\n', `mk: don't know how to make 'y'${cd}\n`, []],
    ['x: mkfile\n', `mk: no recipe to make 'x'${cd}\n`, []],
    ['a: b\n\techo\nb: a\n\techo\n', 'mk: cycle in graph detected at target a\n', []],
    [
      'x: a\n\techo 1\nx: b\n\techo 2\n',
      'mk: ambiguous recipes for x:\n\tx <-(mkfile:2)- a\n\tx <-(mkfile:4)- b\n',
      [],
    ],
    [
      'x: a b\n\techo 1\nx: c d\n\techo 2\na: e\n\techo 3\na: f\n\techo 4\nd:V:\n\techo 5\nd:V: e\n\techo 6\n',
      'mk: ambiguous recipes for a:\n\ta <-(mkfile:6)- e\n\ta <-(mkfile:8)- f\n',
      [],
    ],
    [
      'x: a\n\techo 1\nx: b d\n\techo 2\nd:V:\n\techo 3\nd:V: e\n\techo 4\n',
      'mk: ambiguous recipes for x:\n\tx <-(mkfile:2)- a\n\tx <-(mkfile:4)- b\nmk: ambiguous recipes for d:\n\td <-(mkfile:6)- \n\td <-(mkfile:8)- e\n',
      [],
    ],
    ['X=1\n', 'mk: nothing to mk\n', []],
    ['x\n', 'mk: mkfile:2: syntax error; expected one of :<=\n', []],
    ['x:Z: y\n', "mk: mkfile:2: syntax error; unknown attribute 'Z'\n", []],
    ['x:V\n', 'mk: mkfile:2: syntax error; missing trailing :\n', []],
    ['X=-DZ=1\n', "mk: mkfile:2: syntax error; unknown attribute '-'\n", []],
    ['=1\n', 'mk: mkfile:1: syntax error; no var on left side of assignment/rule\n', []],
    ['a b=1\n', 'mk: mkfile:2: syntax error; multiple vars on left side of assignment\n', []],
    ['<\n', 'mk: mkfile:2: syntax error; missing include file name\n', []],
    ['<|\n', 'mk: mkfile:2: syntax error; missing include program name\n', []],
    ["X='a\n", "mk: mkfile:1: syntax error; missing closing '\n", []],
    ['X=`{a\n', 'mk: mkfile:1: syntax error; missing closing } after `\n', []],
    ['', 'usage: mk [-f file] [-n] [-a] [-e] [-t] [-k] [-i] [-d[egp]] [targets ...]\n', ['-z']],
  ])('%j', async (mkfile, stderr, args) => {
    expect(await mk({ mkfile }, ...args)).toMatchObject({ status: 'error', stderr })
  })
  it('a recipe fails: its status is told, and D deletes', async () => {
    const r = await mk({ mkfile: 'x:D:\n\techo a b c d >x\n\texit broken\n' })
    expect(r.status).toBe('error')
    expect(r.stderr).toMatch(/^mk: echo a b \.\.\. {2}: exit status=rc \d+: broken, deleting 'x'\n$/)
  })
  it('includes that are missing are told', async () => {
    const r = await mk({ mkfile: '<nosuch\nall:VQ:\n\techo on\n' })
    expect(r).toMatchObject({
      status: '',
      stdout: 'on\n',
      stderr: expect.stringMatching(/^warning: skipping missing include file: nosuch: .*does not exist/),
    })
  })
})

it('DEL ends mk and its recipes', async () => {
  const w = world({ mkfile: 'x:DQ:\n\t>x\n\tsleep 100\n\techo never\n' })
  const { pid, result, out } = await w.start(['mk'], '', '/w')
  while (w.tree.lookup('/w/x') === undefined) await new Promise(r => setTimeout(r, 5))
  await w.kernel.postnote(PNGROUP, pid, 'interrupt')
  const r = await result
  expect(r.status).toBe('error')
  expect(w.text(out)).toBe('mk: interrupt\n')
  expect(w.tree.lookup('/w/x')).toBeUndefined()
})
