import { expect, onTestFinished, test } from 'vitest'
import { build, LLMPORT, programs, serveLlm } from '../../emulator/pc/build.ts'
import { Dialogue } from '../../emulator/pc/dialogue.ts'
import { front } from '../../emulator/pc/profiles/9front.ts'
import { boot } from '../../shell/boot.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { SerialConsole } from './console.ts'

/**
 * The build inside, by our rc and mk, of the sources and their mkfile: what only 9front has, its compilers among it, are
 * scripts that do as much as is seen of them here.
 */

const tools = {
  // One file of another, named as the compiler names it.
  '8c': '#!/bin/rc\ncp $2 `{basename $2 .c}^.8\n',
  '8a': '#!/bin/rc\ncp $1 `{basename $1 .s}^.8\n',
  '8l': '#!/bin/rc\n~ $1 -o && cat $*(3-) >$2\n',
  dircp: '#!/bin/rc\nfor(i in `{ls -p $1}) if(test -f $1/$i) cp $1/$i $2/$i\n',
  llmfs: '#!/bin/rc\nramfs -S $2\nmount -c /srv/$2 /mnt/llm && echo unloaded >/mnt/llm/ctl && unmount /mnt/llm\n',
  'aux/listen1': "#!/bin/rc\necho $* >/tmp/listen1\necho '::!9564' >/net/tcp/0/local\nsleep 1000\n",
}

async function guest(scripts: Partial<typeof tools> = tools) {
  const console = new SerialConsole()
  const said: string[] = []
  const dialogue = new Dialogue(console, { prompt: front.prompt, log: t => said.push(t) })
  onTestFinished(() => dialogue.close())
  const m = boot({ fill: fillRoot, cons: [console.driver] })
  for (const [name, text] of Object.entries(scripts)) m.tree.add(`/rc/bin/${name}`, text, 0o775)
  for (const dir of ['/n/sh', '/tmp/net/tcp/0']) m.tree.mkdir(dir)
  m.tree.add('/386/lib/libc.a', '')
  await m.start({ argv: ['rc', '-i'], cons: 0, env: { prompt: ['term% ', '\t'], path: ['/bin'] } })
  await dialogue.prompt(20_000)
  await dialogue.command('cputype=386; bind /tmp/net /net; mkdir -p /n/sh/sys/src/cmd/llm', 20_000)
  await dialogue.command('dircp /sys/src/cmd/llm /n/sh/sys/src/cmd/llm || cp /sys/src/cmd/llm/*.* /n/sh', 20_000)
  return { dialogue, said, tree: m.tree }
}

test('every program is built by mk and is on the disk and in /bin', async () => {
  const { dialogue, said, tree } = await guest()
  expect(await build(dialogue)).toEqual(['386'])
  expect(said).toEqual(['sources', '386: compile', '386: install'])
  for (const p of programs) {
    const made = tree.lookup(`/tmp/9ml/386/bin/${p}`)!
    expect(made.mode & 0o111).toBe(0o111)
    expect(
      Buffer.compare(
        made.data.subarray(0, made.length),
        tree.lookup(`/n/sh/386/bin/${p}`)!.data.subarray(0, made.length),
      ),
    ).toBe(0)
    expect(new TextDecoder().decode(made.data)).toMatch(/^TEXT\tssedot16/m)
  }
  expect(await dialogue.command('ls -d /bin/runq', 20_000)).toBe('/bin/runq\n')
}, 60_000)

test('a compiler that fails ends it with its last words', async () => {
  const { dialogue } = await guest({ ...tools, '8c': '#!/bin/rc\necho $2:7 syntax error >[1=2]\nexit bad\n' })
  await expect(build(dialogue)).rejects.toThrow(/^@\{cd \/tmp\/9ml\/llm && objtype=386 mk all\}: .*/)
}, 60_000)

test('without a compiler that is said', async () => {
  const { dialogue } = await guest({ dircp: tools.dircp })
  await expect(build(dialogue)).rejects.toThrow('the guest has no compiler')
}, 60_000)

test('its llmfs is mounted and exported on a port of its own', async () => {
  const { dialogue, tree } = await guest()
  await serveLlm(dialogue)
  const f = tree.lookup('/tmp/listen1')!
  expect(new TextDecoder().decode(f.data.subarray(0, f.length))).toBe(`-t tcp!*!${LLMPORT} /bin/exportfs -r /mnt/llm\n`)
  expect(await dialogue.command('cat /mnt/llm/ctl', 20_000)).toBe('unloaded\n')
}, 60_000)
