import { expect, test } from 'vitest'
import { World } from './world.ts'

/** rc at a console; what has been seen so far is not seen again. */
async function session(world = new World()) {
  const { pid, exited } = await world.start(['rc', '-i'], { env: { prompt: ['term% ', '> '], path: ['/bin', '.'] } })
  let at = 0
  return {
    world,
    exited,
    async sees(text: string) {
      at = await world.cons.until(text, at)
    },
    type: (text: string) => world.cons.type(text),
    del: () => world.interrupt(pid),
    rest: () => world.cons.out.slice(at),
  }
}

test('rc prompts for a command and, otherwise, for the rest of one', async () => {
  const s = await session()
  await s.sees('term% ')
  s.type('fn f {\n')
  await s.sees('> ')
  s.type('echo in f $*\n')
  await s.sees('> ')
  s.type('}\n')
  await s.sees('term% ')
  s.type('f a b\n')
  await s.sees('in f a b\nterm% ')
  s.type("echo 'two\n")
  await s.sees('> ')
  s.type("lines'\n")
  await s.sees('two\nlines\nterm% ')
  s.type('cat <<EOF\n')
  await s.sees('> ')
  s.type('$pid^x\n')
  await s.sees('> ')
  s.type('EOF\n')
  await s.sees('x\nterm% ')
  s.type('')
  expect(await s.exited).toBe('')
})

test('an error ends the line and not rc', async () => {
  const s = await session()
  await s.sees('term% ')
  s.type('echo )\n')
  await s.sees("/fd/0:1: token ')': syntax error\nterm% ")
  s.type('nosuch\n')
  await s.sees("/fd/0:2: nosuch: file does not exist: './nosuch'\nterm% ")
  s.type('echo $status\n')
  await s.sees("file does not exist: './nosuch'\nterm% ")
  s.type('x=() y=$x^a; echo not here\n')
  await s.sees('null list in concatenation\nterm% ')
  s.type('echo >/nosuch/x; echo not here\n')
  await s.sees("> can't create: /nosuch/x: ")
  await s.sees('term% ')
  s.type('fn f {f}\n')
  await s.sees('term% ')
  s.type('f\n')
  await s.sees('functions nested too deeply\nterm% ')
  s.type('echo $status; exit done\n')
  await s.sees('error\n')
  expect(await s.exited).toBe('done')
  expect(s.world.cons.out).not.toContain('not here\n')
})

test('DEL at the prompt gives a new prompt, and what was begun is forgotten', async () => {
  const s = await session()
  await s.sees('term% ')
  await s.del()
  await s.sees('\nterm% ')
  s.type('{ echo a\n')
  await s.sees('> ')
  await s.del()
  await s.sees('\nterm% ')
  s.type('echo b\n')
  await s.sees('b\nterm% ')
})

test('DEL ends a loop of built-in commands', async () => {
  const s = await session()
  await s.sees('term% ')
  s.type('echo go; while() x=1\n')
  await s.sees('go\n')
  await s.del()
  await s.sees('term% ')
  s.type('echo still here\n')
  await s.sees('still here\nterm% ')
})

test('DEL ends a program and the loop that it runs in', async () => {
  const s = await session()
  await s.sees('term% ')
  s.type('for(i in 1 2 3) {echo run $i; sleep 1000; echo not here}\n')
  await s.sees('run 1\n')
  await s.del()
  await s.sees('term% ')
  expect(s.world.cons.out).not.toContain('not here\n')
  expect(s.world.cons.out).not.toContain('run 2')
})

test('fn sigint is called for DEL, and the command goes on', async () => {
  const s = await session()
  await s.sees('term% ')
  s.type('fn sigint { echo caught; stop=yes }\n')
  await s.sees('term% ')
  s.type('stop=(); echo go; while(~ $#stop 0) x=1; echo out\n')
  await s.sees('go\n')
  await s.del()
  await s.sees('caught\n')
  await s.sees('out\nterm% ')
  s.type('fn sigint\n')
  await s.sees('term% ')
})

test('DEL ends a script, and its children', async () => {
  const world = new World({ '/t/script': 'echo begun\nsleep 1000 | cat\necho not here\n' })
  const { pid, exited } = await world.start(['rc', './script'])
  await world.cons.until('begun\n')
  await world.interrupt(pid)
  await exited
  expect(world.cons.out).toBe('begun\n')
})

test('DEL ends an rc that only reckons', async () => {
  const world = new World({ '/t/script': 'echo begun\nwhile() {}\n' })
  const { pid, exited } = await world.start(['rc', './script'])
  await world.cons.until('begun\n')
  await world.interrupt(pid)
  await exited
  expect(world.cons.out).toBe('begun\n')
})

test('commands read from rc leave to rc what it has read, as a file is read in blocks', async () => {
  const world = new World()
  const { out } = await world.script([], 'cat\necho after cat\n')
  expect(out).toBe('after cat\n')
})

test('a loop of a thousand assignments', async () => {
  const world = new World()
  const { out } = await world.script(['-c', 'x=`{seq 1000}; for(i in $x) {y=($i $i); z=$#y; ~ $z 3}; echo $z'])
  expect(out).toBe('2\n')
})

test('DEL at any moment of a command’s start leaves nothing of it behind', async () => {
  const s = await session()
  await s.sees('term% ')
  for (const command of ['cat', 'cat | cat', 'cat | cat | wc', '{ cat } | wc', '@{ cat }', 'x=`{cat}'])
    for (let turns = 0; turns < 300; turns += 3) {
      s.type(`echo go; ${command}\n`)
      await s.sees('go\n')
      for (let i = 0; i < turns; i++) await undefined
      s.world.cons.forget()
      await s.del()
      await s.sees('term% ')
      // What is left would take this line, or its output.
      s.type(`echo after ${turns}\n`)
      await s.sees(`after ${turns}\nterm% `)
    }
  s.type('')
  expect(await s.exited).toBe('')
})

test('a variable that is too big for /env stays whole in rc, and no file of it stays open', async () => {
  const world = new World()
  const script =
    'fds=`{ls /fd}; x=`{seq 1 100000}; echo $#x $x(100000); now=`{ls /fd}; test $#now -eq $#fds || ls /fd; cat /env/x | wc -c'
  expect(await world.script(['-c', script])).toMatchObject({ out: '100000 100000\n 524288\n', err: '' })
})

test('a command whose output is a value ends when the value is more than there is memory for', async () => {
  const { out, err, status } = await new World().script(['-c', 'x=`{cat /dev/zero}; echo not here'])
  expect(err).toMatch(/: can't read from `\{\}: virtual memory allocation failed\n$/)
  expect({ out, status }).toEqual({ out: '', status: 'virtual memory allocation failed' })
})

test('a line of megabytes is read', async () => {
  const world = new World({ '/t/script': `x=${'x'.repeat(5e6)}y; echo $#x; ~ $x x*y && echo whole\n` })
  expect(await world.script(['./script'])).toMatchObject({ out: '1\nwhole\n', err: '' })
})

test('the status of exit outlasts sigexit; without one it is sigexit’s last', async () => {
  const world = new World()
  for (const [script, status] of [
    ['fn sigexit { echo bye }; exit three', 'three'],
    ["fn sigexit { echo bye; ~ a b }; exit ''", ''],
    ['fn sigexit { echo bye; ~ a b }; exit', 'no match'],
    ['fn sigexit { exit four }; exit three', 'four'],
  ] as const)
    expect(await world.script(['-c', script]), script).toMatchObject({ status })
})

test('DEL upon DEL is no end of file', async () => {
  const s = await session()
  await s.sees('term% ')
  for (const command of ['', 'cat\n', 'cat <<e | cat\nx\ne\n'])
    for (let turns = 0; turns < 100; turns++) {
      if (command !== '') s.type(command)
      await s.del()
      for (let i = 0; i < turns; i++) await undefined
      await s.del()
      s.world.cons.forget()
      await s.sees('term% ')
      s.type(`echo after ${turns}\n`)
      await s.sees(`after ${turns}\n`)
      // What an interrupted child has to say may come between.
      await s.sees('term% ')
    }
  s.type('echo left: `{ls /tmp}\n')
  await s.sees('left:\nterm% ')
  s.type('')
  expect(await s.exited).toBe('')
})

test('a command that only other systems have is not found, and the console is told of Plan 9’s way', async () => {
  const world = new World({ '/t/script': 'tac\n', '/t/find': '#!/bin/rc\ncat /nosuch\n' })
  world.tree.lookup('/t/find')!.mode |= 0o111
  const s = await session(world)
  await s.sees('term% ')
  for (const line of ['rev', '{rev}; nosuch', './rev', 'rev | cat', '@ rev', '`{rev}', 'rc ./script', 'find', 'vi x'])
    s.type(`${line}\n`)
  s.type('echo end\n')
  await s.sees('rev: file does not exist')
  await s.sees('end\n')
  const told = world.cons.ctls.filter(m => m.startsWith('hint '))
  expect(told.map(m => m.match(/has no (\w+);/)?.[1])).toEqual(['rev', 'rev', 'vi'])
})
