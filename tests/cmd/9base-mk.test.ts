import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { OWRITE } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { World } from './world.ts'

/** Plan 9's mk as Debian has it, its recipes run by 9base's rc. */
const rcmain = new URL('../../plan9/root/rc/lib/rcmain', import.meta.url)
const bin = '/usr/lib/plan9/bin'

if (!existsSync(join(bin, 'mk')))
  throw new Error(`${bin} is not there: these tests compare with Plan 9's commands, Debian's package 9base`)

/** Contents, and the age in seconds. */
type Files = Record<string, [content: string, age: number]>

const sources: Files = { 'a.c': ['a\n', 100], 'b.c': ['b\n', 100], 'c.c': ['c\n', 50], 'h.h': ['h\n', 200] }
const objects: Files = { 'a.8': ['old a\n', 90], 'b.8': ['old b\n', 90], 'c.8': ['old c\n', 90] }
const prog: Files = { prog: ['old\n', 40] }

/** In the style of /sys/src/cmd/mkone: an architecture's mkfile is included, then the common one. */
const arch = 'CC=echo cc\nLD=echo ld\nO=8\nOS=568qv\n'
const common = `OBJ=\${OFILES:%=%}
all:V: $O.out

$O.out: $OFILES $LIB
	$LD -o $target $prereq
	cat $OFILES >$target

%.$O: %.c
	$CC $CFLAGS $stem.c
	cp $stem.c $stem.$O

%.$O: $HFILES

clean:V:
	rm -f *.[$OS] [$OS].out

%.clean:V:
	rm -f $stem.$O

install:V: $TARG.install

%.install:V: $O.out
	echo cp $O.out $BIN/$stem
`
const onefiles: Files = {
  ...sources,
  'arch/386': [arch, 10],
  mkone: [common, 10],
  mkfile: ['<arch/386\nTARG=thing\nBIN=/bin\nOFILES=a.$O b.$O\\\n\tc.$O\nHFILES=h.h\n<mkone\n', 10],
}

const chain = `prog: a.8 b.8
	cat $prereq >$target
%.8: %.c
	cp $stem.c $target
`

interface Case {
  mkfile?: string
  files?: Files
  runs: string[][]
}

const print = (body: string, files: Files = {}, runs: string[][] = [[]]): Case => ({ mkfile: body, files, runs })
const show = (vars: string): string => `all:VQ:\n\tfor(i in ${vars}) echo '('^$"i^')'\n`

const cases: Record<string, Case> = {
  'mkone: a program': { files: onefiles, runs: [[], ['clean'], ['install'], ['b.clean'], ['-n', 'all']] },
  'mkone: what is there is not made': {
    files: { ...onefiles, ...objects, '8.out': ['x', 20] },
    runs: [[], ['-n', 'install'], ['-na'], ['-wa.c', '-n'], ['-w', 'h.h', '-n'], ['-wa.c,b.c', '-n', '8.out']],
  },
  'mkone: arguments': {
    files: onefiles,
    runs: [
      ['CC=echo CC', 'a.8'],
      ['CFLAGS=-S -w', '-n'],
      ['O=5', '-n', 'all'],
      ['a.8', 'b.8', '-n'],
      ['-n', 'a.8', 'c.8'],
    ],
  },
  'mkmany: a program for each target': {
    files: {
      ...sources,
      mkfile: [
        `O=8
TARG=a b c
BIN=/bin
PROGS=\${TARG:%=$O.%}
all:V: $PROGS
$O.%: %.$O
	cp $prereq $target
%.$O: %.c
	cp $stem.c $stem.$O
&:n: $O.&
	echo strip $O.$stem
	cp $O.$stem $target
%.install:V: $BIN/%
install:V:
	for(i in $TARG)
		echo mk $i.install
`,
        10,
      ],
    },
    runs: [[], ['install'], ['-n', 'install'], ['a'], ['-k', 'b', 'c']],
  },
  'mkdirs: in each directory': {
    files: {
      'one/mkfile': ['all:VQ:\n\techo one\n', 10],
      'two/mkfile': ['all:VQ:\n\techo two $X\n', 10],
      mkfile: ['DIRS=one two\nX=var\nall:VQ:\n\tfor(i in $DIRS) @{cd $i; mk $MKFLAGS all}\n', 10],
    },
    runs: [[], ['X=arg'], ['-a']],
  },
  'a chain': {
    files: { ...sources, mkfile: [chain, 10] },
    runs: [[], ['-n', 'a.8'], ['-a', '-n'], ['-t'], ['nosuch']],
  },
  'the intermediate is missing': {
    files: { ...sources, ...prog, mkfile: [chain, 10] },
    runs: [[], ['-i'], ['-e', 'a.8']],
  },
  'the intermediate is missing, and is needed': {
    files: { ...sources, prog: ['old', 95], 'b.c': ['new', 5], mkfile: [chain, 10] },
    runs: [['-e'], ['-n']],
  },
  explained: { files: { ...sources, ...objects, mkfile: [chain, 10] }, runs: [['-e'], ['-ea']] },
  'touched, and not': { files: { ...sources, mkfile: [chain, 10] }, runs: [['-t'], ['-n', '-t', '-a']] },
  'two targets of one recipe': print(
    'all:V: y.tab.h y.tab.c\ny.tab.h y.tab.c: a.c\n\techo $target / $alltarget\n\ttouch y.tab.h y.tab.c\n',
    sources,
  ),
  'two targets, one is there': print(
    'all:V: y.tab.h y.tab.c\ny.tab.h y.tab.c: a.c\n\techo $target / $alltarget / $newprereq\n\ttouch y.tab.h y.tab.c\n',
    { ...sources, 'y.tab.h': ['', 20] },
  ),
  'two rules of a target': print('x: a.c\n\techo $prereq / $newprereq\nx: b.c\nx: c.c\n', sources),
  newprereq: print('x: a.c b.c c.c\n\techo $newprereq / $prereq\n', { ...sources, x: ['', 70] }),
  'a later rule overrides': print('x: a.c\n\techo first\nx: a.c\n\techo second\n', sources),
  'two recipes': print('x: a.c\n\techo first\nx: b.c\n\techo second\n', sources),
  'two meta-rules': print('%.8: %.c\n\techo one\n%.8: %.h\n\techo two\n', { 'a.c': ['', 9], 'a.h': ['', 9] }, [
    ['a.8'],
  ]),
  'the meta-rule that can': print(
    '%.8: %.c\n\techo one $prereq\n%.8: %.s\n\techo two $prereq\n',
    { 'a.c': ['', 9], 'b.s': ['', 9] },
    [['a.8', 'b.8'], ['c.8']],
  ),
  'a plain recipe goes before a meta-rule': print(
    '%.8: %.c\n\techo meta\na.8: a.c h.h\n\techo plain $prereq\n',
    sources,
    [['a.8'], ['b.8']],
  ),
  'a percent and an ampersand': print(
    'lib%.x:\n\techo percent $stem\npre&:V:\n\techo amp $stem\n%/x&y:V:\n\techo both $stem\n',
    {},
    [['liba.b.x'], ['preone'], ['pre.two'], ['pre/three'], ['libx.x'], ['d/xqy']],
  ),
  'several targets of a meta-rule': print(
    'all:V: x.1 x.2\n%.1 %.2: %.c\n\techo $target $alltarget\n\ttouch $target\n',
    {
      'x.c': ['', 5],
    },
  ),
  'regular expressions': print(
    "([^/]*)/(.*)\\.8:R: \\1/\\2.c\n\techo $stem0 $stem1 $stem2  $target $prereq\n'(x+)-(y*)':RV:\n\techo $#stem1 $stem2\n",
    { 'd/f.c': ['', 5] },
    [['d/f.8'], ['xx-yy'], ['d/g.8']],
  ),
  'a bad regular expression': print('(a:R: b\n\techo\n', {}, [['x']]),
  'virtual: a file of that name is nothing': print('x:V: a.c\n\techo $newprereq\n', { ...sources, x: ['', 1] }),
  'virtual in the middle': print('x: y\n\techo x $newprereq\ny:V: a.c\n\techo y\n', { ...sources, x: ['', 10] }),
  'virtual without a recipe': print('x: y\n\techo x $newprereq\ny:V: a.c\n', { ...sources, x: ['', 10] }),
  'N: no recipe is no error': print('x:N: a.c\ny: x\n\techo y\n', sources, [['y'], ['x']]),
  'no recipe': print('x: a.c\n', sources),
  'no recipe, and there': print('x: a.c\n', { ...sources, x: ['', 300] }),
  'U: updated whatever the recipe did': print('x: y\n\techo x\ny:U: a.c\n\techo y\n', {
    ...sources,
    y: ['', 200],
    x: ['', 150],
  }),
  'D: deleted after a failure': print('x:D: a.c\n\ttouch x\n\tfalse\ny: a.c\n\ttouch y\n\tfalse\n', sources, [
    ['x'],
    ['y'],
  ]),
  'E: goes on after an error': print('x:VE:\n\tfalse\n\techo on\ny:V:\n\tfalse\n\techo never\n', {}, [['x'], ['y']]),
  'Q: quiet': print('x:VQ:\n\techo quiet\n', {}, [[], ['-n']]),
  'P: they differ': print('x.h:Pcmp -s: y.h\n\tcp y.h x.h\n', { 'x.h': ['1\n', 10], 'y.h': ['2\n', 300] }),
  'n: no virtual target': print('a:V:\n\techo virtual\n%:n: %.c\n\techo meta $stem\n', sources, [['a'], ['b']]),
  'attributes together': print('x:VQE:\n\tfalse\n\techo on\n', {}),
  'an attribute that is none': print('x:Z: a\n\techo\n', {}),
  'an attribute without an end': print('x:V\n\techo\n', {}),
  'P without an end': print('x:Pcmp\n\techo\n', {}),
  cycle: print('a: b\n\techo a\nb: c\n\techo b\nc: a\n\techo c\n', {}),
  'a meta-rule that could go on for ever': print('%: %.x\n\techo $stem\n', { 'a.x': ['', 5] }, [['a'], ['b']]),
  'NREP: it may go on twice': print('NREP=2\n%: %.x\n\techo $stem\n', { 'a.x.x': ['', 5] }, [['a']]),
  'not without NREP': print('%: %.x\n\techo $stem\n', { 'a.x.x': ['', 5] }, [['a']]),
  '-k: what can be made is made': print('all:V: x y z\nx:V:\n\tfalse\ny:V:\n\techo y\nz:V: nosuch\n\techo z\n', {}, [
    ['-k'],
    [],
    ['-k', 'y'],
    ['-k', 'nosuch'],
    ['-k', 'x'],
  ]),
  'several arguments': print('a:V:\n\techo a\nb:V:\n\tfalse\nc:V:\n\techo c\n', {}, [
    ['a', 'c'],
    ['-s', 'c', 'a'],
    ['-s', 'c', 'b', 'a'],
    ['-k', 'c', 'b', 'a'],
  ]),
  'up to date': print('x: a.c\n\techo made\n', { ...sources, x: ['', 10] }, [
    [],
    ['x'],
    ['a.c'],
    ['x', 'a.c'],
    ['-s', 'x', 'a.c'],
  ]),
  'equal times': print('x: y\n\techo made\n', { x: ['', 50], y: ['', 50] }),
  'several default targets': print('a b:V:\n\techo $target\n', {}),
  'nothing to mk': print('X=1\n', {}),
  'no mkfile': { runs: [[], ['x']] },
  'no such mkfile': { runs: [['-f', 'nosuch']] },
  'several mkfiles': {
    files: { one: ['X=1\na:V: b\n', 9], two: ['b:V:\n\techo $X\n', 9] },
    runs: [['-f', 'one', '-f', 'two'], ['-f', 'one', '-f', 'one'], ['-f'], ['-z'], ['-w']],
  },
  lists: print(
    `X=a b  c
Y=$X-$X
Z=x$X
W=$X'y z'
V=()
U=''
T=$U$X
${show('$#X $#Y $#Z $#W $#V $#U $#T $X $Y $Z $W $V $U $T')}`,
    {},
  ),
  'nothing in a word': print(`E=\nX=a$E b\nZ=q $E\n${show('$#X $X $#Z $Z')}`, {}),
  substitution: print(
    `F=a.c b.c lib.h abc
A=\${F:%.c=%.o}
B=\${F:a%=x%}
C=\${F:%=d/%}
G=\${F:%b%=x%y}
H=\${F:a.c=z}
I=\${F:%.c=one %two three}
J=\${F:%.c %.h=%.q}
K=\${F:lib% a%=Q%}
L=pre\${F:%.c=%.o}post
N=\${F:&.c=&.n}
${show('$A $B $C $G $H $I $J $K $L $N')}`,
    {},
  ),
  'substitution with variables': print(`O=8\nF=a b\nX=\${F:%=%.$O}\nY=\${F:%=$O.%}\n${show('$X $Y')}`, {}),
  quoting: print(
    `A='one word' two
B='it''s' '$A' 'a:b=c<d' "x" \\y
C='#' a'b'c # comment
D=\\
  folded \\
  value
${show('$A $B $C $D')}`,
    {},
  ),
  comments: print(
    '# one\nX=1 # two\n\n\n# three \\\nX=2\nall:V: # four\n\techo $X\n# in the recipe\n\techo after\n\nY=3\n',
    {},
  ),
  'blank lines end a recipe': print('all:V:\n\techo 1\n\n\techo 2\n', {}),
  backquotes: print(
    "X=`{echo a b}\nY=`{echo '`{' | sed 's/.//'}\nZ=x`{echo 1}y `{echo 2; echo}\n".concat(show('$X $Y $Z $W')),
    {},
  ),
  'backquotes see variables': print(`A=1 2\nX=\`{echo $#A}\nB=3\nB=\`{echo $B $B}\n${show('$X $B')}`, {}),
  'backquotes in a rule': print('all:V: `{echo a b}\n\techo $prereq\na:V:\n\techo a\nb:V:\n\techo b\n', {}),
  'backquotes that do not end': print('X=`{echo\nall:V:\n\techo\n', {}),
  'quotes that do not end': print("X='abc\nall:V:\n\techo\n", {}),
  'braces that do not end': print('X=${Y:%=z\nall:V:\n\techo\n', {}),
  'no name': print('X=a$-b\nall:V:\n\techo $X\n', {}),
  'no rule and no assignment': print('hello\n', {}),
  'no left side': print('=x\n', {}),
  'two left sides': print('a b=x\n', {}),
  'not exported': print('X=U=secret\nY=open\nall:VQ:\n\techo $#X $#Y\n', {}),
  'an attribute of a variable that is none': print('X=Q=1\nall:VQ:\n\techo\n', {}),
  'MKFLAGS and MKARGS': print('a b:VQ:\n\techo $target / $MKFLAGS / $MKARGS\n', {}, [
    ['-a', '-f', 'mkfile', 'X=1', 'a', 'Y=2'],
  ]),
  'arguments override': print('X=file\nX=again\nall:V:\n\techo $X\n', {}, [[], ['X=arg'], ['X=1', 'X=2'], ['X=']]),
  'a recipe as it is printed': print(
    `X=val\nY=a b\nall:V:\n\techo $X \${X} $Y '$X' $home \`{echo $X} $"Y $#Y "$X" $unset $X^y x$X.z\n`,
    {},
    [['-n'], []],
  ),
  'a recipe of several lines': print(
    'all:V:\n\tfor(i in 1 2){\n\t\techo $i\n\t}\n\tif(! ~ a b)\n\t\techo differ\n',
    {},
  ),
  includes: {
    files: { inc: ['X=inc\n', 5], mkfile: ['<inc\n<nosuch\nF=inc\nX=\n<$F\nall:V:\n\techo $X\n', 5] },
    runs: [[]],
  },
  'an include of nothing': print('<\nall:V:\n\techo\n', {}),
  'a program of nothing': print('<|\nall:V:\n\techo\n', {}),
  'NPROC: as many at once': print(
    'NPROC=3\nall:V: a b c\na b c:V:\n\techo $nproc >slot.$target\n\twhile(! test -f slot.c) sleep 0.05\n'.replace(
      'a b c:V',
      '%:V',
    ),
    {},
    [['a', 'b', 'c']],
  ),
  'an archive that is none': print('x: f(a)\n\techo\n', { f: ['no archive\n', 5] }),
  directories: print(
    'd/x: d/../a.c\n\techo $target $prereq\nd//y: ./a.c\n\techo $target\n',
    { ...sources, 'd/x': ['', 300] },
    [[], ['d//y']],
  ),
}

interface Out {
  stdout: string
  failed: boolean
  files: Record<string, string>
}

/** mk with a variable in its environment. */
const env: Program = async (sys, argv) => {
  await sys.write(await sys.create('/env/MKTEST', OWRITE, 0o666), 'of the environment')
  return sys.exec('/bin/mk', ['mk', ...argv.slice(1)])
}

/** Mkfiles that no other one includes. */
const tops = /(^|\/)(mkfile|one|two)$/

/** -e tells times; and 9base's word for all the targets of a command line is another. */
const masked = (s: string): string =>
  s.replace(/\(\d{2,}\)/g, '(time)').replace('command line arguments', 'command line args')

function theirs(files: Files, runs: string[][]): Out[] {
  return runs.map(args => {
    const dir = mkdtempSync(join(tmpdir(), '9base-mk-'))
    try {
      const now = Date.now() / 1000
      for (const [name, [content, age]] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, name)), { recursive: true })
        writeFileSync(join(dir, name), content)
        utimesSync(join(dir, name), now - age, now - age)
      }
      const r = spawnSync(join(bin, 'mk'), args, {
        cwd: dir,
        timeout: 10_000,
        env: { PATH: `${bin}:/bin`, PLAN9: '/usr/lib/plan9', MKTEST: 'of the environment' },
      })
      if (r.error) throw r.error
      const after: Record<string, string> = {}
      for (const f of readdirSync(dir))
        if (statSync(join(dir, f)).isFile()) after[f] = readFileSync(join(dir, f), 'latin1')
      return { stdout: masked(r.stdout.toString()), failed: r.status !== 0, files: after }
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
}

async function ours(files: Files, runs: string[][]): Promise<Out[]> {
  const all: Out[] = []
  for (const args of runs) {
    const contents = Object.entries(files).map(([n, [c]]) => [`/w/${n}`, c])
    const world = new World({ '/rc/lib/rcmain': readFileSync(rcmain), ...Object.fromEntries(contents) }, { _env: env })
    world.tree.mkdir('/w')
    for (const [n, [, age]] of Object.entries(files))
      world.tree.lookup(`/w/${n}`)!.mtime = Math.floor(Date.now() / 1000) - age
    const r = await world.run(['_env', ...args], '', '/w')
    const after: Record<string, string> = {}
    for (const [name, f] of world.tree.lookup('/w')!.children!)
      if (f.children === undefined) after[name] = Buffer.from(world.bytes(`/w/${name}`)).toString('latin1')
    all.push({ stdout: masked(r.stdout), failed: r.status !== '', files: after })
  }
  return all
}

describe('as 9base does it', () => {
  it.each(Object.keys(cases))('%s', async name => {
    const { mkfile, files = {}, runs } = cases[name]!
    const all: Files = { ...files }
    if (mkfile !== undefined) all.mkfile = [mkfile, 5]
    // 9base's mk runs recipes by sh unless its mkfile has this; to ours it is a variable like any other.
    for (const [f, [text, age]] of Object.entries(all)) if (tops.test(f)) all[f] = [`MKSHELL=${bin}/rc\n${text}`, age]
    expect(await ours(all, runs)).toEqual(theirs(all, runs))
  })
})
