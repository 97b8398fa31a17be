import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkpoint } from '../web/checkpoint.ts'
import { hostDir } from './ml.ts'
import { PROMPT, Terminal } from './terminal.ts'

/** Keys, as a terminal sends them. */
const key = {
  interrupt: '\x03',
  DEL: '\x1b[3~',
  erase: '\x7f',
  up: '\x1b[A',
  left: '\x1b[D',
  home: '\x1b[H',
  eof: '\x04',
}

test('a prompt appears, commands run, ^D ends with 0 and the terminal as it was', async () => {
  const t = new Terminal()
  await t.prompt()
  expect(t.lines()[0]).toBe('Plan 9, with language models as files.')
  expect(await t.run('echo hello; echo $#prompt')).toEqual(['hello', '2'])
  expect(await t.run('ls -d /lib/n*')).toEqual(['/lib/namespace', '/lib/news'])
  expect(await t.run('nosuch')).toEqual([expect.stringContaining("nosuch: file does not exist: './nosuch'")])
  // What is typed ahead is read by the command.
  t.type('cat\rone\rtwo\r')
  await t.until(() => t.lines().filter(line => line === 'two').length === 2, 'what cat read')
  t.type(key.eof)
  await t.prompt()
  t.type(key.eof)
  expect(await t.ended).toEqual({ status: 0, restored: true })
})

test('exit tells its status to the host', async () => {
  const t = new Terminal()
  await t.prompt()
  t.type('exit done\r')
  expect(await t.ended).toEqual({ status: 1, restored: true })
})

test('what is pasted is marked while rc reads, and no longer when it is over', async () => {
  const t = new Terminal()
  await t.prompt()
  await t.until(() => t.out.includes('\x1b[?2004h'), 'the mark')
  const n = t.lines().length
  t.type('\x1b[200~echo one\n# \x03 \x04\necho two\x1b[201~')
  await t.until(
    () => t.lines().includes('one') && t.lines().at(-1)!.endsWith(`${PROMPT}echo two`),
    'the last line pasted',
  )
  t.type('\r')
  await t.until(() => /^(term% )*two$/.test(t.lines().at(-2)!) && t.lines().at(-1) === 'term%', 'the last command')
  expect(t.lines().slice(n)).toContain('one')
  t.type(key.eof)
  expect(await t.ended).toEqual({ status: 0, restored: true })
  expect(t.out.lastIndexOf('\x1b[?2004l')).toBeGreaterThan(t.out.lastIndexOf('\x1b[?2004h'))
})

test('history, editing and completion', async () => {
  const { host } = await hostDir()
  writeFileSync(join(host, 'a long name.txt'), 'its content\n')
  const t = new Terminal({ cwd: host })
  await t.prompt()
  await t.run('echo one')
  await t.run('echo two')
  t.type(key.up + key.up)
  await t.last(`${PROMPT}echo one`)
  t.type(` more${key.home}${'\x1b[C'.repeat(5)}X`)
  await t.last(`${PROMPT}echo Xone more`)
  expect(await t.run('')).toEqual(['Xone more'])
  t.type('slee')
  t.type('\t')
  await t.last(`${PROMPT}sleep`)
  t.type('\x15cat ')
  await t.last(`${PROMPT}cat`)
  t.type("'a lo\t")
  await t.last(`${PROMPT}cat 'a long name.txt'`)
  expect(await t.run('')).toEqual(['its content'])
  t.type('ls /li\t')
  await t.last(`${PROMPT}ls /lib/`)
  t.type(`x${key.erase}llm/stories\t`)
  await t.last(`${PROMPT}ls /lib/llm/stories`)
  t.type('\t')
  await t.until(() => t.lines().at(-2) === 'stories.bin      stories_q80.bin', 'the names')
  await t.last(`${PROMPT}ls /lib/llm/stories`)
  expect((await t.run('.bin')).at(-1)).toBe('/lib/llm/stories.bin')
})

test.each([
  ['^C', key.interrupt],
  ['DEL', key.DEL],
])('%s interrupts what runs, and throws away what is typed', async (name, keys) => {
  const t = new Terminal()
  await t.prompt()
  const hint = name === '^C' ? ['(^C does what DEL does on Plan 9: it interrupts)'] : []
  expect(await t.interrupt('echo go; sleep 1000', 'go', keys)).toEqual(['go', ...hint])
  expect(await t.interrupt('echo go; while() x=y', 'go', keys)).toEqual(['go'])
  expect(await t.interrupt('echo go; cat', 'go', keys)).toEqual(['go'])
  expect(await t.interrupt('echo go; cat | cat | wc', 'go', keys)).toEqual(['go'])
  expect((await t.interrupt('while() echo y', 'y', keys)).slice(0, 2)).toEqual(['y', 'y'])
  t.type('echo not this')
  await t.last(`${PROMPT}echo not this`)
  const n = t.lines().length
  t.type(keys)
  await t.until(() => t.lines().length > n && t.lines().at(-1) === 'term%', 'a new prompt')
  expect(await t.run('echo $status')).toEqual([expect.stringMatching(/(^|: )interrupt$/)])
  t.type(key.eof)
  expect(await t.ended).toEqual({ status: 0, restored: true })
})

test('^C ends a blocked cat of a stream, and the generation goes on', async () => {
  const { host } = await hostDir()
  writeFileSync(join(host, 'endless.bin'), checkpoint({ vocabSize: 1024, seqLen: 60_000 }))
  const t = new Terminal({ cwd: host })
  await t.prompt()
  await t.run('llmfs -m /mnt/llm')
  expect(await t.run('echo load `{pwd}^/endless.bin /lib/llm/tokenizer.bin > /mnt/llm/ctl')).toEqual([])
  expect(await t.run('cat /mnt/llm/clone')).toEqual(['0'])
  await t.run("echo 'steps 0' > /mnt/llm/0/ctl; echo generate > /mnt/llm/0/ctl")
  const n = t.lines().length
  t.type('cat /mnt/llm/0/stream\r')
  await t.until(() => (t.lines()[n]?.length ?? 0) > 0, 'the stream')
  t.type(key.interrupt)
  await t.prompt()
  expect((await t.run('cat /mnt/llm/0/status'))[0]).toMatch(/^generating /)
  await t.run('echo stop > /mnt/llm/0/ctl')
  expect((await t.run('cat /mnt/llm/0/status'))[0]).toMatch(/^done /)
  // One with nothing to come blocks from the first byte on.
  await t.run('cat /mnt/llm/clone')
  expect(await t.interrupt('echo go; cat /mnt/llm/1/stream', 'go', key.interrupt)).toEqual(['go'])
})

test('a terminal that is smaller than the line', async () => {
  const t = new Terminal({ cols: 20, rows: 5 })
  await t.prompt()
  const words = 'echo one two three four five six seven'
  t.type(words)
  await t.last(`${PROMPT}${words}`)
  t.type(`${key.home}${'\x1b[C'.repeat(5)}zero `)
  await t.until(() => t.lines().join('').includes('echo zero one two three'), 'the word')
  const long = `${PROMPT}echo zero one two three four five six seven`
  await t.run('')
  expect(t.lines()).toContain(long)
  expect(t.lines()).toContain('zero one two three four five six seven')
  t.resize(30, 6)
  t.type('echo wider and typed after the change of the size')
  await t.until(() => t.lines().at(-1)!.endsWith('change of the size'), 'the line')
  expect(await t.run('')).toEqual(['wider and typed after the change of the size'])
})

test('a directory whose name has spaces, or is not ASCII', async () => {
  const { host, inside } = await hostDir()
  const name = "it's a größe 木"
  mkdirSync(join(host, name))
  const t = new Terminal({ cwd: join(host, name), cols: 120 })
  await t.prompt()
  expect(await t.run('pwd')).toEqual([`${inside}/${name}`])
  expect(await t.run('cd ..; ls')).toEqual(["'it''s a größe 木'"])
})

test('of a megabyte that is pasted nothing is lost', async () => {
  const t = new Terminal()
  await t.prompt()
  await t.run('rm -f /tmp/pasted')
  const line = `${'0123456789abcde '.repeat(6)}xyz\n`
  const text = line.repeat(Math.ceil((1 << 20) / line.length))
  t.type('cat >/tmp/pasted\r')
  await t.last('')
  t.type(`\x1b[200~${text}\x1b[201~`)
  t.type(key.eof)
  await t.until(() => t.lines().at(-1) === 'term%', 'the prompt')
  const counts = [text.length / line.length, (7 * text.length) / line.length, text.length]
  t.type('wc /tmp/pasted; uniq /tmp/pasted | wc -l\r')
  await t.until(() => t.lines().at(-2) === '      1', 'the counts')
  expect(t.lines().at(-3)).toBe(`${counts.map(n => String(n).padStart(7)).join(' ')} /tmp/pasted`)
})
