import { expect, test } from 'vitest'
import { PNPROC, type Program } from '../../plan9/kernel/sys.ts'
import { parse } from '../../shell/parse.ts'
import { World } from './world.ts'

const notes = {
  sighup: 'hangup',
  sigint: 'interrupt',
  sigalrm: 'alarm',
  sigterm: 'term',
}

/** Runs a script that says `ready`, and has the note come then. */
async function noted(script: string, note: string): Promise<{ out: string; status: string }> {
  const world = new World({ '/t/script': script })
  const { pid, exited } = await world.start(['rc', './script'])
  await world.cons.until('ready\n')
  await world.kernel.postnote(PNPROC, pid, note)
  const status = await exited
  return { out: world.cons.out, status }
}

for (const [fn, note] of Object.entries(notes)) {
  test(`fn ${fn} is called for the note ${note}, with $* and $status at hand, and the script goes on`, async () => {
    const script = `fn ${fn} { echo caught $* $x; x=yes }\n*=(a b)\nx=no\necho ready\nwhile(~ $x no) {}\necho $x $*\n`
    expect(await noted(script, note)).toEqual({ out: 'ready\ncaught a b no\nyes a b\n', status: '' })
  })

  test(`the note ${note} ends a script that has no fn ${fn}, or has it no more, and sigexit is not called`, async () => {
    const script = `fn sigexit { echo bye }\nfn ${fn} { echo no }\nfn ${fn}\necho ready\nwhile() {}\necho not here\n`
    expect(await noted(script, note)).toEqual({ out: 'ready\n', status: note })
  })
}

test('a note cuts short what is waited for, and then its function is called', async () => {
  const { out } = await noted('fn sigalrm { echo caught }\n{echo ready; sleep 1000} &\nwait\necho after\n', 'alarm')
  expect(out).toBe('ready\ncaught\nafter\n')
})

test('the variables of the system are rc’s', async () => {
  const world = new World()
  expect(
    await world.script(['-c', 'echo $user $cputype $objtype $#service $#cdpath $#home $#path $#prompt']),
  ).toMatchObject({
    out: 'glenda js js 1 0 1 2 2\n',
    err: '',
  })
})

test('an rc whose name begins with - is a login rc', async () => {
  const login: Program = async sys => sys.exec('/bin/rc', ['-rc', '-c', 'echo $rcname'])
  const world = new World({ '/usr/glenda/lib/profile': 'echo profile\n' }, { login: async () => ({ default: login }) })
  const { exited } = await world.start(['login'], { env: { home: '/usr/glenda', path: '/bin' } })
  expect(await exited).toBe('')
  expect(world.cons.out).toBe('profile\n-rc\n')
})

test('rc at a console is interactive without -i, and with -I is not', async () => {
  const world = new World()
  const env = { prompt: ['term% ', '> '], path: ['/bin'] }
  const one = await world.start(['rc'], { env })
  await world.cons.until('term% ')
  world.cons.type('exit\n')
  await one.exited
  const at = world.cons.out.length
  const two = await world.start(['rc', '-I'], { env })
  world.cons.type('echo )\n')
  await two.exited
  expect(world.cons.out.slice(at)).toBe("/fd/0:1: token ')': syntax error\n")
})

test('-r prints each command with its place, as rc would read it back', async () => {
  const world = new World({ '/t/script': "x=(a 'b c')\nfor(i in $x) echo $i | cat\n~ a b && >f ~ c d\n" })
  const { out, err } = await world.script(['-r', './script'])
  expect(out).toBe('a\nb c\n')
  const lines = err.split('\n').filter(l => l.startsWith('./script:'))
  expect(new Set(lines.map(l => l.replace(/pid \d+/, 'pid')))).toEqual(
    new Set([
      "./script:1 pid =: x=(a 'b c')",
      './script:2 pid for: for(i in $x)echo $i|cat',
      './script:2 pid |: echo $i|cat',
      './script:2 pid simple: echo $i',
      './script:2 pid simple: cat',
      './script:3 pid &&: ~ a b && >f ~ c d',
      './script:3 pid ~: ~ a b',
    ]),
  )
  for (const l of lines) expect(parse(l.replace(/^.*? pid \d+ \S+: /, '')), l).toHaveLength(1)
})
