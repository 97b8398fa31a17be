import { expect, onTestFinished, test } from 'vitest'
import { memdisk } from '../../emulator/disk/blocks.ts'
import { mkfat } from '../../emulator/disk/mkfat.ts'
import { type Command, Dialogue, type DialogueOptions, type Step } from '../../emulator/pc/dialogue.ts'
import { setup, boot as start } from '../../emulator/pc/profile.ts'
import { front, frontbios } from '../../emulator/pc/profiles/9front.ts'
import { Eintr, PlanError } from '../../plan9/error.ts'
import { boot } from '../../shell/boot.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { SerialConsole, type SerialOptions } from './console.ts'

const S = 1000

function talk(o: SerialOptions = {}, d: Partial<DialogueOptions> = {}) {
  const console = new SerialConsole(o)
  const said: string[] = []
  const dialogue = new Dialogue(console, { prompt: front.prompt, log: t => said.push(t), ...d })
  onTestFinished(() => dialogue.close())
  return { console, dialogue, said }
}

/** A dialogue with our own system, whose rc reads from a console as 9front's. */
async function system(o: SerialOptions = {}, d: Partial<DialogueOptions> = {}) {
  const t = talk(o, d)
  const m = boot({ fill: fillRoot, cons: [t.console.driver] })
  await m.start({ argv: ['rc', '-i'], cons: 0, env: { prompt: ['term% ', '\t'], path: ['/bin'] } })
  await t.dialogue.prompt(20 * S)
  return { ...t, ...m }
}

/** What 9front prints from its first line to its prompt. */
const transcript = `
Plan 9
127 holes free
cpu0: 2100MHz GenuineIntel P6 (AX 000006F2 CX 00000209 DX 01C3FBFF)
256M memory: 256M kernel data, 0M user, 300M swap
paqfs...
bootargs is (tcp, tls, il, local!device)[local!/dev/sdC0/data]\x20`

const step = (expect: RegExp | string, more: Partial<Step> = {}): Step => ({
  expect,
  within: 10 * S,
  otherwise: 'it has not booted',
  ...more,
})

test('a boot without questions reaches the prompt', async () => {
  const { console, dialogue } = talk()
  const booted = start(front, dialogue)
  console.print('Plan 9\n\x1b[2J\x1b[1;1H256M memory\ninit: starting /bin/rc\n\x1b]0;glenda\x07term% ')
  await booted
  expect(console.lines).toEqual([])
  expect(dialogue.unread).toBe('')
})

test('questions are answered by Enter, whichever of them come', async () => {
  const { console, dialogue } = talk()
  const booted = start(frontbios, dialogue)
  const answers: string[] = []
  for (const text of [transcript, 'user[none]: ', 'vgasize is (text, 640x480x8, ...) [1024x768x16] ']) {
    console.print(text)
    answers.push(new TextDecoder().decode(await console.input(100)))
  }
  console.print('init: starting /bin/rc\nterm% ')
  await booted
  expect(answers).toEqual(['\n', '\n', '\n'])
})

test('a question that comes again and again ends the dialogue', async () => {
  const { console, dialogue } = talk()
  const booted = start(frontbios, dialogue).catch(e => e)
  const ask = () => console.print('bootargs is (tcp, tls, il, local!device)[] ')
  for (let i = 0; i < 3; i++) {
    ask()
    await console.input(100)
  }
  ask()
  const e = await booted
  expect(e).toBeInstanceOf(PlanError)
  expect(e.message).toMatch(/^9front has not booted: bootargs.* comes again and again$/)
})

test.each([
  ['panic: mpinit: no bootstrap processor\ndumpstack disabled\n', 'panic: mpinit: no bootstrap processor'],
  ["term% panic: pcicfginit: can't allocate pci io window\n", "panic: pcicfginit: can't allocate pci io window"],
  [
    '[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs\n',
    'Kernel panic - not syncing: VFS: Unable to mount root fs',
  ],
])('a panic is told in its own words: %j', async (text, words) => {
  const { console, dialogue } = talk()
  const booted = start(front, dialogue)
  console.print(`Plan 9\n${text}`)
  await expect(booted).rejects.toEqual(new PlanError(words))
})

test('a panic that was printed before it was looked for is told too', async () => {
  const { console, dialogue } = talk()
  console.print('term% panic: fault: 0xdeadbeef\n')
  await new Promise(resolve => setTimeout(resolve, 50))
  await expect(dialogue.command('ls', 10 * S)).rejects.toThrow('panic: fault: 0xdeadbeef')
})

test('a console that is gone is hung up, with the words of a panic where it began one', async () => {
  for (const [text, words] of [
    ['Plan 9\n', 'hungup'],
    ['Plan 9\npanic: no', 'panic: no'],
  ] as const) {
    const { console, dialogue } = talk()
    const booted = start(front, dialogue)
    console.print(text)
    console.end()
    await expect(booted).rejects.toEqual(new PlanError(words))
  }
})

test('what does not come in its time is told, and what came last', async () => {
  const { console, dialogue } = talk()
  console.print('Plan 9\nno disk\n')
  await expect(dialogue.run([step('term% ', { within: 100 })])).rejects.toEqual(
    new PlanError('it has not booted: no "term%" in 0.1 s; last: no disk'),
  )
  await expect(talk().dialogue.run([step(/t.*% /, { within: 10 })])).rejects.toThrow('no t.*% in 0.01 s; nothing came')
})

test('an abort ends whatever is waited for', async () => {
  const { dialogue } = talk()
  const control = new AbortController()
  const done = [dialogue.run([step('never')], control.signal), dialogue.command('ls', 10 * S, control.signal)]
  control.abort()
  for (const d of done) await expect(d).rejects.toEqual(new PlanError(Eintr))
})

test('rc runs commands: their text, and their status', async () => {
  const { dialogue } = await system()
  expect(await dialogue.command('echo hello; echo -n world', 10 * S)).toBe('hello\nworld')
  expect(await dialogue.command('cd /lib; pwd', 10 * S)).toBe('/lib\n')
  expect(await dialogue.command('pwd', 10 * S)).toBe('/lib\n')
  expect(await dialogue.status('ls /nosuch', 10 * S)).toMatchObject({ status: expect.stringContaining('errors') })
  expect(await dialogue.status('echo half; exit_is_no_command', 10 * S)).toMatchObject({
    text: expect.stringMatching(/^half\n.*exit_is_no_command: /),
    status: expect.stringMatching(/exist|found/),
  })
  expect(await dialogue.command('sleep 1000 &', 10 * S)).toBe('')
  await expect(dialogue.command('test -f /nosuch', 10 * S)).rejects.toThrow(/^test -f \/nosuch: .*false/)
  expect(await dialogue.command('echo term% and panic', 10 * S)).toBe('term% and panic\n')
})

test('lines longer than a burst arrive whole', async () => {
  const { dialogue, console } = await system()
  const word = 'x'.repeat(180)
  expect(await dialogue.command(`echo ${word}`, 10 * S)).toBe(`${word}\n`)
  expect(console.lines.every(l => l.endsWith('\n'))).toBe(true)
  await expect(dialogue.command(`echo ${'x'.repeat(300)}`, 10 * S)).rejects.toThrow('line too long for a console')
})

test('a line that loses characters is typed again', async () => {
  const { dialogue, console } = await system({ loses: n => n === 3 || n === 60 }, { patience: 300 })
  expect(await dialogue.command('echo one two three', 10 * S)).toBe('one two three\n')
  expect(await dialogue.command('echo four', 10 * S)).toBe('four\n')
  expect(console.lines.map(l => l.replace(/;.*/s, ''))).toEqual(['{echo one two three}', '{echo four}'])
})

test('a console that takes nothing is told', async () => {
  const { dialogue } = talk({ loses: () => true }, { patience: 30 })
  await expect(dialogue.type('ls\n')).rejects.toThrow('the console does not take what is typed: ls; nothing came')
})

test('a console without echo is typed on all the same', async () => {
  const { dialogue } = await system({ echo: false }, { echo: false })
  expect(await dialogue.command('echo a; echo b', 10 * S)).toBe('a\nb\n')
})

test('a command that does not end is told with what it printed last', async () => {
  const { dialogue } = await system()
  await expect(dialogue.command('echo begun; sleep 1000', 300)).rejects.toThrow(
    /^echo begun; sleep 1000: not done in 0.3 s; last: begun$/,
  )
})

test('of commands in turn the optional may fail, and what one must print is looked for', async () => {
  const { dialogue, said } = await system()
  const c = (run: string, more = {}) => ({ run, say: run, within: 10 * S, ...more })
  expect(await dialogue.perform([c('nosuch', { optional: true }), c('echo x', { shows: /^x$/m })])).toEqual(['', 'x\n'])
  expect(said).toEqual(['nosuch', expect.stringMatching(/^nosuch: nosuch: /), 'echo x'])
  await expect(dialogue.perform([c('echo y', { shows: /^x$/m }), c('echo never')])).rejects.toThrow(
    'echo y: no ^x$; last: y',
  )
  expect(said.at(-1)).toBe('echo y')
})

test('setup types what a user would where there is no disk, and tells which command failed', async () => {
  const { dialogue, said, tree } = await system()
  await expect(setup(front, dialogue)).rejects.toThrow(/^ip\/ipconfig: .*ipconfig/)
  tree.add('/rc/bin/ip/ipconfig', '#!/bin/rc\n', 0o775)
  tree.add('/rc/bin/ndb/dns', '#!/bin/rc\necho dns $*\n', 0o775)
  tree.add('/rc/bin/aux/listen1', '#!/bin/rc\necho $* >/tmp/listen1\nsleep 1000\n', 0o775)
  expect(await setup(front, dialogue)).toEqual(['tcp'])
  expect(said).toEqual(['network', 'network', 'names', '9P', 'ready'])
  expect(await dialogue.command('cat /tmp/listen1', 10 * S)).toBe('-t tcp!*!564 /bin/exportfs -r /\n')
})

test('setup mounts the disk and runs the script on it', async () => {
  const { dialogue, said, tree } = await system()
  const on = (c: Command) => ({ ...c, run: c.run.replace(front.disk, '/tmp/disk') })
  const disk = { ...front, disk: '/tmp/disk', setup: front.setup.map(on) }
  const image = memdisk(new Uint8Array(1 << 20))
  await mkfat(image)
  tree.add('/tmp/disk', await image.read(0, image.size))
  tree.mkdir('/n/sh')
  await expect(setup(disk, dialogue)).rejects.toThrow(/^rc \/n\/sh\/setup: /)
  await dialogue.command("echo 'echo 9mlsetup: no network; echo 9ml: ready eia1' >/n/sh/setup", 10 * S)
  expect(await setup(disk, dialogue)).toEqual(['eia1'])
  expect(said.slice(-4)).toEqual(['shared disk', 'mount', 'setup', '9mlsetup: no network'])
})
