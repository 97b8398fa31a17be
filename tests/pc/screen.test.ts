import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pcPrograms, setPcWorker } from '../../emulator/pc/programs.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { hostfs } from '../../shell/node/hostfs.ts'
import { pcWorker } from '../../shell/node/pcworker.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { drawing } from './drawing.ts'
import { linux } from './linux.ts'

/** The PC's screen, keyboard and mouse as files: SeaBIOS, and a boot sector that draws and echoes. */

let dir: string
let m: Machine
const cons = [new Testcons(), new Testcons()]

async function rc(commands: string) {
  for (const c of cons) c.out = ''
  const { exited } = await m.start({
    argv: ['rc', '-c', `mount /srv/pc /mnt/pc >[2]/dev/null; ${commands}`],
    cons: 0,
    fds: ['/dev/null', '#c0/cons', '#c1/cons'],
  })
  const status = await exited
  return { status, out: cons[0]!.out, err: cons[1]!.out }
}

/** Until the screen's mode and text are so. */
async function until(mode: RegExp, text: RegExp): Promise<void> {
  for (;;) {
    const { out } = await rc('dd -if /mnt/pc/vga -bs 100 -count 1 -quiet 1; cat /mnt/pc/text')
    const [first, ...rest] = out.split('\n')
    if (mode.test(first!) && text.test(rest.join('\n'))) return
    expect((await rc('cat /mnt/pc/status')).out).toMatch(/^running/)
  }
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), '9ml-screen-'))
  const { bios, vgabios } = linux()
  const files = { bios, vgabios, hda: drawing() }
  for (const [name, data] of Object.entries(files)) writeFileSync(join(dir, name), data)
  setPcWorker(pcWorker)
  const [client, server] = pipeTransport()
  serve(server, hostfs('/'), { name: 'host' })
  m = boot({ fill: fillRoot, programs: pcPrograms, services: { host: client }, cons })
  expect((await rc('mount -bc /srv/host /n/host; pc -s pc')).err).toBe('')
  const settings = Object.keys(files).map(n => `echo ${n} /n/host${join(dir, n)}`)
  expect((await rc(`{${settings.join('; ')}; echo memory 32M; echo boot} >/mnt/pc/ctl`)).err).toBe('')
}, 60_000)

afterAll(async () => {
  await rc('echo stop >/mnt/pc/ctl; rm /srv/pc')
  setPcWorker(undefined)
  rmSync(dir, { recursive: true, force: true })
})

/** What has come on the serial line. */
async function echoed(): Promise<number[]> {
  await rc(`dd -if /mnt/pc/cons -of /n/host${dir}/echoed -bs 65536 -count 1 -quiet 1`)
  return [...readFileSync(join(dir, 'echoed'))]
}

test('text is text; a key that is pressed comes; graphics are an image; the mouse moves', {
  timeout: 60_000,
}, async () => {
  await until(/^text 80 25 \d+ \d+$/, /SeaBIOS \(version/)
  expect((await rc('cat /mnt/pc/screen')).err).toContain('screen shows text')
  await until(/^text/, /press a key/)
  // a
  expect((await rc('awk \'BEGIN { printf "%c", 30 }\' >/mnt/pc/kbin')).err).toBe('')
  await until(/^graphics 320 200$/, /^$/)
  expect((await rc(`cp /mnt/pc/screen /n/host${dir}/shot`)).err).toBe('')
  const shot = readFileSync(join(dir, 'shot'))
  expect(shot.subarray(0, 60).toString()).toBe('   x8b8g8r8           0           0         320         200 ')
  expect(shot.length).toBe(60 + 320 * 200 * 4)
  const pixel = (x: number, y: number) => [...shot.subarray(60 + 4 * (y * 320 + x)).subarray(0, 3)]
  // Colours 4 and 2 of the VGA, six bits of each: red above, green below.
  expect([pixel(0, 0), pixel(319, 99), pixel(0, 100), pixel(319, 199)]).toEqual([
    [168, 0, 0],
    [168, 0, 0],
    [0, 168, 0],
    [0, 168, 0],
  ])
  expect((await rc('awk \'BEGIN { printf "%c", 57 }\' >/mnt/pc/kbin; echo m 5 -3 1 >/mnt/pc/mousein')).err).toBe('')
  let bytes: number[] = []
  while (bytes.length < 8) bytes = await echoed()
  // What the mouse says to 0xf4, the space bar, the left button, a movement; up is positive.
  expect(bytes).toEqual([0xfa, 0x39, 0x09, 0, 0, 0x09, 5, 3])

  const again = ['save', 'stop', 'restore'].map(
    w => `echo ${w}${w === 'stop' ? '' : ` /n/host${dir}/snap`} >/mnt/pc/ctl`,
  )
  expect((await rc(`${again.join('; ')}; cmp /mnt/pc/screen /n/host${dir}/shot`)).err).toBe('')
})

test('what is wrong is said', async () => {
  expect((await rc('echo up >/mnt/pc/mousein')).err).toContain('usage: m dx dy buttons')
  expect((await rc('cat /mnt/pc/kbin')).err).toContain('permission denied')
  expect((await rc('echo x >/mnt/pc/vga')).err).toContain('permission denied')
})
