import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pcPrograms, setPcWorker } from '../../emulator/pc/programs.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { PNGROUP } from '../../plan9/kernel/sys.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { hostfs } from '../../shell/node/hostfs.ts'
import { pcWorker } from '../../shell/node/pcworker.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { once } from '../llm/models.ts'
import { guest } from './guest.ts'

/** pc(4) with a real Linux in it, in Node: its console, its disk, 9P both ways, snapshots, faults. */

let dir: string
let m: Machine
let cons: Testcons[]

/** An rc with these commands, with the PC mounted, and what it says on fds 1 and 2. */
async function start(commands: string) {
  for (const c of cons) c.out = ''
  return m.start({
    argv: ['rc', '-c', `mount /srv/pc /mnt/pc >[2]/dev/null; ${commands}`],
    cons: 0,
    fds: ['/dev/null', '#c0/cons', '#c1/cons'],
  })
}

async function rc(commands: string) {
  const status = await (await start(commands)).exited
  return { status, out: cons[0]!.out, err: cons[1]!.out }
}

const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** All that the console keeps. */
const text = async () =>
  // busybox asks where the cursor is.
  (await rc('dd -if /mnt/pc/cons -bs 65536 -count 1 -quiet 1')).out.replaceAll('\x1b[6n', '')

/** Waits until what came on the console since `from` has `re`; gives it. */
async function expectText(re: RegExp, from = ''): Promise<string> {
  for (;;) {
    const all = await text()
    const at = all.indexOf(from)
    const fresh = at < 0 ? all : all.slice(at + from.length)
    if (re.test(fresh)) return fresh
    if (/^off/.test((await rc('cat /mnt/pc/status')).out)) throw new Error(`the PC is off: ${fresh}`)
    await sleep(100)
  }
}

let typed = 0
/** What the console said last that has been seen. */
let seen = ''
/** Types a command at the guest's shell, and gives what it says. */
async function type(command: string): Promise<string> {
  const mark = `done${++typed}`
  // The mark is not in what is typed, should it be echoed.
  const { status } = await rc(`echo ${quoted(`${command}; echo done''${typed}; echo`)} >/mnt/pc/cons`)
  expect(status).toBe('')
  const out = await expectText(new RegExp(`${mark}\r?\n`), seen)
  seen = mark
  return out.slice(0, out.indexOf(mark)).replaceAll('\r', '').replaceAll('guest# ', '').trim()
}

const quoted = (s: string) => `'${s.replaceAll("'", "''")}'`
const file = (name: string) => `/n/host${join(dir, name)}`

const settings = () =>
  ['kernel', 'initrd', 'bios', 'vgabios', 'hda']
    .map(n => `${n} ${file(n)}`)
    .concat('memory 128M', 'cmdline console=ttyS0 quiet')
    .join('\n')

async function up() {
  expect((await rc(`echo boot >/mnt/pc/ctl`)).err).toBe('')
  await expectText(/guest# $/)
  seen = 'guest# '
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), '9ml-pc-'))
  const g = await guest()
  for (const n of ['kernel', 'initrd', 'bios', 'vgabios'] as const) writeFileSync(join(dir, n), g[n])
  const disk = new Uint8Array(3 << 20)
  for (let i = 0; i < disk.length; i++) disk[i] = (i * 7 + (i >> 9)) & 255
  writeFileSync(join(dir, 'hda'), disk)
  setPcWorker(pcWorker)
  const [client, server] = pipeTransport()
  serve(server, hostfs('/'), { name: 'host' })
  cons = [new Testcons(), new Testcons()]
  m = boot({ fill: fillRoot, programs: pcPrograms, services: { host: client }, cons })
  const { err } = await rc('mount -bc /srv/host /n/host; pc -e -s pc')
  expect(err).toBe('')
  expect((await rc(`echo ${quoted(settings())} >/mnt/pc/ctl`)).err).toBe('')
  await up()
}, 120_000)

afterAll(async () => {
  await rc('echo stop >/mnt/pc/ctl; rm /srv/pc')
  setPcWorker(undefined)
  rmSync(dir, { recursive: true, force: true })
})

describe('a PC with Linux', { timeout: 60_000 }, () => {
  test('the console is a file, for as many as read it', async () => {
    expect(await type('echo $((6*7)); uname -m')).toBe('42\ni686')
    expect(await text()).toContain('guest is up')
    expect((await rc('cat /mnt/pc/status')).out).toMatch(
      /^running\nuptime [\d.]+\ncomputed [\d.]+\nread \d+\nip 192\.168\.86\.100\nether \w{12}\n$/,
    )
  })

  test('the disk is the image, and what the guest writes is beside it', async () => {
    const sum = createHash('sha256')
      .update(readFileSync(join(dir, 'hda')))
      .digest('hex')
    expect(await type('sha256sum /dev/sda')).toContain(sum)
    await type(
      'echo written here | dd of=/dev/sda bs=1 seek=100000 conv=notrunc; sync; echo 3 >/proc/sys/vm/drop_caches',
    )
    expect(await type('dd if=/dev/sda bs=1 skip=100000 count=12 2>/dev/null')).toBe('written here')
    expect(
      createHash('sha256')
        .update(readFileSync(join(dir, 'hda')))
        .digest('hex'),
    ).toBe(sum)
  })

  test('the guest is a host of the network: its llmfs, mounted over TCP, gives the golden text', async () => {
    const { out, err } = await rc(
      'srv tcp!guest!564 guest >/dev/null && mount /srv/guest /n/guest && cd /n/guest && ' +
        'echo load /lib/llm/stories.bin /lib/llm/tokenizer.bin >ctl && n=`{cat clone} && ' +
        "{echo temp 0; echo steps 320} >$n/ctl && echo -n 'Once upon a time' >$n/prompt && echo generate >$n/ctl && cat $n/output",
    )
    expect(err).toBe('post...\n')
    expect(out).toBe(once.text)
  })

  test('and over the second serial line', async () => {
    await type('stty -F /dev/ttyS1 raw -echo; (llmfs -i <>/dev/ttyS1 >&0 2>/dev/null &); sleep 1')
    const { out } = await rc(
      'mount /mnt/pc/eia1 /n/guest && cd /n/guest && echo load /lib/llm/stories.bin /lib/llm/tokenizer.bin >ctl && ' +
        "n=`{cat clone} && {echo temp 0; echo steps 40} >$n/ctl && echo -n 'Once upon a time' >$n/prompt && " +
        'echo generate >$n/ctl && cat $n/output; unmount /n/guest',
    )
    expect(out.length).toBeGreaterThan(60)
    expect(once.text.startsWith(out)).toBe(true)
    await type('killall llmfs')
  })

  test('the guest mounts the page’s name space', async () => {
    const mount = 'mount -t 9p -o trans=tcp,port=564,version=9p2000,uname=glenda 192.168.86.1 /page'
    expect(await type(`mkdir /page; ${mount}; ls -d /page/lib/llm; sha256sum </page/lib/llm/stories.bin`)).toBe(
      `/page/lib/llm\n${createHash('sha256').update(readFileSync('plan9/root/lib/llm/stories.bin')).digest('hex')}  -`,
    )
    expect(await type('nslookup page; umount /page')).toContain('192.168.86.1')
  })

  test('a port that nobody listens on', async () => {
    expect((await rc('srv tcp!guest!99 x')).err).toContain('connection refused')
  })

  test('a guest that does not answer holds up nothing; DEL ends the wait', async () => {
    await rc('srv tcp!guest!564 stuck; echo pause >/mnt/pc/ctl')
    const { pid, exited } = await start('mount /srv/stuck /n/guest; echo not reached')
    await sleep(300)
    m.kernel.postnote(PNGROUP, pid, 'interrupt')
    expect(await exited).not.toBe('')
    expect((await rc('cat /mnt/pc/status')).out).toMatch(/^paused\n/)
    await rc('echo run >/mnt/pc/ctl')
    expect(await type('echo alive')).toBe('alive')
  })

  test('saved, off, and as it was; connections are made again', async () => {
    await type('export KEPT=kept')
    expect((await rc(`echo save ${file('snap')} >/mnt/pc/ctl`)).err).toBe('')
    const size = readFileSync(join(dir, 'snap')).length
    expect(size).toBeGreaterThan(5 << 20)
    const old = await start('srv tcp!guest!564 old; mount /srv/old /n/guest; cat /n/guest/ctl; sleep 1000000')
    while (!cons[0]!.out.includes('unloaded')) await sleep(20)
    await rc('echo stop >/mnt/pc/ctl')
    expect((await rc('cat /mnt/pc/status')).out).toBe('off\n')
    expect((await rc('mount /srv/old /n/guest; ls /n/guest')).err).toMatch(/hungup|closed|i\/o/)
    m.kernel.postnote(PNGROUP, old.pid, 'kill')

    expect((await rc(`echo restore ${file('snap')} >/mnt/pc/ctl`)).err).toBe('')
    expect(await type('echo $KEPT')).toContain('kept')
    expect(await type('dd if=/dev/sda bs=1 skip=100000 count=12 2>/dev/null')).toBe('written here')
    const { out } = await rc('srv tcp!guest!564 new >/dev/null; mount /srv/new /n/guest; cat /n/guest/ctl')
    expect(out).toBe('unloaded\n')
  })

  test('a snapshot that does not fit is refused with the reason', async () => {
    await rc('echo stop >/mnt/pc/ctl')
    const restore = async (name = 'snap') => (await rc(`echo restore ${file(name)} >/mnt/pc/ctl`)).err
    await rc('echo memory 64M >/mnt/pc/ctl')
    expect(await restore()).toContain('snapshot of a PC with 128M of memory, this has 64M')
    await rc('{echo memory 128M; echo net off} >/mnt/pc/ctl')
    expect(await restore()).toContain('snapshot of a PC with other devices')
    writeFileSync(join(dir, 'other'), new Uint8Array(3 << 20))
    await rc(`{echo net on; echo hda ${file('other')}} >/mnt/pc/ctl`)
    expect(await restore()).toContain('snapshot made with another hda')
    await rc(`echo hda ${file('hda')} >/mnt/pc/ctl`)
    expect(await restore('hda')).toContain('not a snapshot')
    const cut = readFileSync(join(dir, 'snap'))
    writeFileSync(join(dir, 'cut'), cut.subarray(0, cut.length / 2))
    expect(await restore('cut')).toContain('snapshot: cut short or damaged')
    expect((await rc('cat /mnt/pc/status')).out).toBe('off\n')
    expect(await restore()).toBe('')
    await rc('echo stop >/mnt/pc/ctl')
  })
})

describe('the guest’s disk', { timeout: 60_000 }, () => {
  test('carries sources, programs, models and setup into the guest, and what it writes out again', async () => {
    await rc('echo stop >/mnt/pc/ctl')
    expect((await rc('mkguestdisk -s 1 /tmp/sh')).err).toBe('')
    expect((await rc(`echo ${quoted(`${settings()}\nhdb /tmp/sh`)} >/mnt/pc/ctl`)).err).toBe('')
    expect((await rc('cat /mnt/pc/hdb')).err).toContain('pc is off')
    await up()
    const sum = (name: string) =>
      createHash('sha256')
        .update(readFileSync(join('plan9/root', name)))
        .digest('hex')
    const names = ['sys/src/cmd/llm/llmfs.c', '386/bin/llmfs', 'lib/llm/stories.bin']
    expect(
      await type(`mount -t vfat /dev/sdb /mnt; cd /mnt; sha256sum ${names.join(' ')}; sha256sum <setup; cd /`),
    ).toBe([...names.map(n => `${sum(n)}  ${n}`), `${sum('rc/bin/9mlsetup')}  -`].join('\n'))
    await type('mkdir /mnt/out; cp /mnt/lib/llm/tokenizer.bin /mnt/out/result; sync')
    const { out, err } = await rc(
      "ls -l /mnt/pc/hdb | awk '{print $6}'; dossrv -f /mnt/pc/hdb sh && mount /srv/sh /n/guest && " +
        'cmp /n/guest/out/result /lib/llm/tokenizer.bin && echo same; rm /srv/sh; echo no >/n/guest/setup',
    )
    expect(out).toMatch(/^\d{8}\nsame\n$/)
    expect(err).toContain('permission denied')
    expect((await rc('echo x >/mnt/pc/hdb')).err).toContain('permission denied')
    expect((await rc('cp /mnt/pc/hdb /tmp/kept && cmp /tmp/kept /mnt/pc/hdb')).status).toBe('')
  })

  test('a disk that is full is full in the guest, which goes on', async () => {
    expect(await type('dd if=/dev/zero of=/mnt/fill bs=1M 2>&1 | head -1; sync')).toContain('No space left on device')
    expect(await type('rm /mnt/fill; echo gone >/mnt/out/gone; sync; cat /mnt/out/gone')).toBe('gone')
    const { out, err } = await rc(
      'dossrv -f /mnt/pc/hdb sh && mount /srv/sh /n/guest && cat /n/guest/out/gone; rm /srv/sh',
    )
    expect(err).toBe('')
    expect(out).toBe('gone\n')
    await rc('{echo stop; echo hdb} >/mnt/pc/ctl')
  })
})

describe('bad input and faults', { timeout: 60_000 }, () => {
  const ctl = async (text: string) => (await rc(`echo ${quoted(text)} >/mnt/pc/ctl`)).err
  /** A multiboot kernel of these instructions. */
  function kernel(code: number[]): Uint8Array {
    const b = new Uint8Array(4096 + 64)
    const v = new DataView(b.buffer)
    const flags = 0x10003
    const at = 0x100000
    const words = [0x1badb002, flags, -(0x1badb002 + flags), at, at, at + 4096, at + 4096, at + 32]
    for (const [i, w] of words.entries()) v.setInt32(4 * i, w | 0, true)
    b.set(code, 32)
    return b
  }

  test('what ctl does not understand is said', async () => {
    expect(await ctl('frobnicate')).toContain('unknown control request frobnicate')
    expect(await ctl('memory much')).toContain('memory much: 16M to 2047M')
    expect(await ctl('hda a b')).toContain('usage: hda file')
    expect(await ctl('net maybe')).toContain('usage: net on|off')
    expect(await ctl('pause')).toContain('pc is off')
    expect((await rc('cat /mnt/pc/cons')).err).toContain('pc is off')
    expect(await ctl('kernel /nosuch\nboot')).toContain('/nosuch')
    expect(await ctl('kernel\nbios\nvgabios\nboot')).toContain('nothing to boot')
    expect((await rc('srv tcp!guest!564 x')).err).toContain('pc is off')
  })

  test('a processor that panics is off, with the reason, and starts again', async () => {
    // ud2, with no table of interrupts.
    writeFileSync(join(dir, 'wild'), kernel([0x0f, 0x0b]))
    expect(await ctl(`kernel ${file('wild')}\nhda\ninitrd\ncmdline\nboot`)).toBe('')
    let status = ''
    while (!/^off: /.test(status)) {
      status = (await rc('cat /mnt/pc/status')).out
      await sleep(20)
    }
    expect(status).toMatch(/^off: processor panic: .+\n$/)
    // hlt, with interrupts off.
    writeFileSync(join(dir, 'calm'), kernel([0xfa, 0xf4, 0xeb, 0xfd]))
    expect(await ctl(`kernel ${file('calm')}\nboot`)).toBe('')
    expect((await rc('cat /mnt/pc/status')).out).toMatch(/^running\n/)
    expect(await ctl('boot')).toContain('pc is on')
    expect(await ctl('stop')).toBe('')
  })

  test('an image that is shorter than it was: the PC stops, and says why', async () => {
    // More than pc(4) keeps of it.
    writeFileSync(join(dir, 'short'), new Uint8Array(16 << 20))
    expect(await ctl(`${settings()}\nhda ${file('short')}`)).toBe('')
    await up()
    truncateSync(join(dir, 'short'), 4096)
    await rc("echo 'cat /dev/sda >/dev/null' >/mnt/pc/cons")
    let status = ''
    while (!/^off: /.test(status)) {
      status = (await rc('cat /mnt/pc/status')).out
      await sleep(20)
    }
    expect(status).toBe('off: disk: i/o error\n')
  })
})
