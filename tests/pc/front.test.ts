import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Console, Dialogue } from '../../emulator/pc/dialogue.ts'
import { ini, prompt, setup } from '../../emulator/pc/front.ts'
import { pcPrograms, setPcWorker } from '../../emulator/pc/programs.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { hostfs } from '../../shell/node/hostfs.ts'
import { pcWorker } from '../../shell/node/pcworker.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { Httpserver } from '../httpserver.ts'

/**
 * What is done with 9front's image and at its console, without 9front: a console that follows a script, and an ISO whose
 * /386/9pc is a kernel of a hundred bytes. docs/tested.md says what that leaves open.
 */

/** A console that says what `answer` makes of each line; like a terminal in cooked mode it echoes. */
function scripted(
  first: string,
  answer: (line: string) => string | undefined,
  piece = 7,
): Console & { lines: string[] } {
  const lines: string[] = []
  let out = ''
  let line = ''
  let gone = false
  let wake = () => {}
  const say = (s: string | undefined) => {
    if (s === undefined) gone = true
    else out += s
    wake()
  }
  say(first)
  return {
    lines,
    async read(signal) {
      while (out === '' && !gone) {
        await new Promise<void>(resolve => {
          wake = resolve
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
        if (signal.aborted) return new Uint8Array(0)
      }
      const b = new TextEncoder().encode(out.slice(0, piece))
      out = out.slice(piece)
      return b
    },
    async write(b) {
      for (const c of new TextDecoder().decode(b)) {
        line += c
        if (c !== '\n') continue
        lines.push(line.slice(0, -1))
        say(line.replace('\n', '\r\n'))
        say(answer(line.slice(0, -1)))
        line = ''
      }
    },
  }
}

describe('a dialogue', () => {
  test('finds a prompt in pieces, among escapes and carriage returns', async () => {
    const c = scripted('boot...\r\n\x1b[0minit: starting /bin/rc\r\nterm% ', () => '', 1)
    expect(await new Dialogue(c).expect(prompt, 5000, 'no prompt')).toBe('boot...\ninit: starting /bin/rc\n')
  })

  test('says what was waited for, and what came last', async () => {
    const c = scripted('bootargs is (tcp, tls, il, local!device)[]', () => '')
    await expect(new Dialogue(c).expect(prompt, 50, '9front has not come to its prompt')).rejects.toThrow(
      '9front has not come to its prompt; it says: bootargs is (tcp, tls, il, local!device)[]',
    )
    await expect(new Dialogue(scripted('', () => '')).expect(prompt, 50, 'no prompt')).rejects.toThrow(
      'no prompt: it says nothing',
    )
  })

  test('a panic ends it with the kernel’s own words, the end of the PC with hungup', async () => {
    const c = scripted('cpu0: registers\r\npanic: mpinit: no bootstrap processor\r\ndumpstack\r\n', () => '')
    await expect(new Dialogue(c).expect(prompt, 5000, 'no prompt')).rejects.toThrow(
      'guest: panic: mpinit: no bootstrap processor',
    )
    const d = new Dialogue(scripted('term% ', () => undefined))
    await d.expect(prompt, 5000, 'no prompt')
    await expect(d.command('fshalt', prompt, 5000)).rejects.toThrow('hungup')
  })

  test('a note ends the wait', async () => {
    const stop = new AbortController()
    const waiting = new Dialogue(scripted('', () => '')).expect(prompt, 5000, 'no prompt', stop.signal)
    stop.abort()
    await expect(waiting).rejects.toThrow('interrupted')
  })

  test('setup types what a user would, and tells which command failed', async () => {
    const good = scripted('', line => (line === '' ? 'term% ' : 'status:\r\nterm% '))
    await setup(new Dialogue(good))
    expect(good.lines.map(l => l.replace(/; echo .*/, ''))).toEqual([
      '',
      'ip/ipconfig',
      'test -e /srv/dns || ndb/dns -r',
      "aux/listen1 -t 'tcp!*!564' /bin/exportfs -r / &",
    ])
    const bad = scripted('', line =>
      line === '' ? 'term% ' : 'ipconfig: no success with DHCP\r\nstatus:ipconfig 123: no success\r\nterm% ',
    )
    await expect(setup(new Dialogue(bad))).rejects.toThrow('ip/ipconfig: ipconfig: no success with DHCP')
  })
})

/**
 * A multiboot kernel that prints its first module and `term% ` on the serial line, and then echoes, with a prompt behind
 * each line.
 */
function tiny(): Uint8Array {
  const at = 0x100000
  const text = 0x90
  const code = [
    // mov eax,[ebx+24]; mov esi,[eax]; mov ecx,[eax+4]; sub ecx,esi; mov edx,0x3f8; rep outsb
    0x8b,
    0x43,
    24,
    0x8b,
    0x30,
    0x8b,
    0x48,
    4,
    0x29,
    0xf1,
    0xba,
    0xf8,
    3,
    0,
    0,
    0xf3,
    0x6e,
    // say: mov esi,text; mov ecx,7; mov edx,0x3f8; rep outsb
    0xbe,
    ...le(at + text),
    0xb9,
    7,
    0,
    0,
    0,
    0xba,
    0xf8,
    3,
    0,
    0,
    0xf3,
    0x6e,
    // look: mov edx,0x3fd; in al,dx; test al,1; jz look
    0xba,
    0xfd,
    3,
    0,
    0,
    0xec,
    0xa8,
    1,
    0x74,
    0xf6,
    // mov edx,0x3f8; in al,dx; out dx,al; cmp al,10; jne look; jmp say
    0xba,
    0xf8,
    3,
    0,
    0,
    0xec,
    0xee,
    0x3c,
    10,
    0x75,
    0xeb,
    0xeb,
    0xd8,
  ]
  const b = new Uint8Array(4096)
  const flags = 0x10003
  b.set([...le(0x1badb002), ...le(flags), ...le(-(0x1badb002 + flags)), ...le(at), ...le(at)])
  b.set([...le(at + 4096), ...le(at + 4096), ...le(at + 32), ...code], 20)
  b.set(new TextEncoder().encode('\nterm% '), text)
  return b
}
const le = (n: number) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255]

describe('an image', { timeout: 60_000 }, () => {
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

  function iso(name: string, files: Record<string, Uint8Array>): void {
    const tree = join(dir, `${name}.d`)
    for (const [file, bytes] of Object.entries(files)) {
      mkdirSync(join(tree, file, '..'), { recursive: true })
      writeFileSync(join(tree, file), bytes)
    }
    const { status, stderr } = spawnSync('genisoimage', ['-quiet', '-o', join(dir, name), tree])
    if (status !== 0) throw new Error(String(stderr))
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), '9ml-front-'))
    iso('386.iso', { '386/9pc': tiny() })
    iso('amd64.iso', { 'amd64/9pc64': tiny() })
    iso('other.iso', { readme: new Uint8Array(10) })
    writeFileSync(join(dir, 'text'), 'no image at all')
    setPcWorker(pcWorker)
    const [client, server] = pipeTransport()
    serve(server, hostfs('/'), { name: 'host' })
    m = boot({ fill: fillRoot, programs: pcPrograms, services: { host: client }, cons })
    expect((await rc('mount -bc /srv/host /n/host; pc -s pc -n 9front')).err).toBe('')
  })
  afterAll(async () => {
    await rc('echo stop >/mnt/pc/ctl; rm /srv/pc')
    setPcWorker(undefined)
    rmSync(dir, { recursive: true, force: true })
  })

  test('its kernel is found in it and started with plan9.ini, to the prompt', async () => {
    expect((await rc(`{echo 9front /n/host${dir}/386.iso; echo boot} >/mnt/pc/ctl`)).err).toBe('')
    let status = ''
    while (!/^prompt (yes|no)/m.test(status)) status = (await rc('cat /mnt/pc/status')).out
    expect(status).toMatch(/^running\nprompt yes\n/)
    const { out } = await rc('dd -if /mnt/pc/cons -bs 65536 -count 1 -quiet 1')
    expect(out).toBe(`${ini}\nterm% `)
    expect((await rc('cat /mnt/pc/ctl')).out).toBe(`net on\neia1 on\n9front /n/host${dir}/386.iso\nmemory 256M\n`)
    await rc('echo stop >/mnt/pc/ctl')
  })

  test('an image on the web is read by ranges, as much as is needed of it', async () => {
    iso('large.iso', { '386/9pc': tiny(), 'lib/large': new Uint8Array(200 << 20) })
    const bytes = new Uint8Array(readFileSync(join(dir, 'large.iso')))
    const server = await Httpserver.start({ '/large.iso': { bytes, etag: '"1"' } })
    try {
      expect((await rc(`{echo 9front ${server.url}/large.iso; echo boot} >/mnt/pc/ctl`)).err).toBe('')
      let status = ''
      while (!/^prompt (yes|no)/m.test(status)) status = (await rc('cat /mnt/pc/status')).out
      expect(status).toMatch(/^running\nprompt yes\n/)
      await rc('echo stop >/mnt/pc/ctl')
      expect(server.requests.some(r => r.range)).toBe(true)
      const moved = server.requests.reduce((n, r) => n + r.sent, 0)
      expect(moved).toBeLessThan(bytes.length / 2)
      delete server.files['/large.iso']
      expect((await rc(`{echo 9front ${server.url}/large.iso; echo boot} >/mnt/pc/ctl`)).err).toContain('404')
    } finally {
      await server.close()
    }
  })

  test.each([
    ['amd64.iso', 'image is for amd64: v86 has no 64-bit mode; QEMU runs it'],
    ['other.iso', 'not an ISO of 9front: no /386/9pc'],
    ['text', 'not an ISO of 9front: unknown cd type'],
  ])('%s is refused: %s', async (name, why) => {
    expect((await rc(`{echo 9front /n/host${dir}/${name}; echo boot} >/mnt/pc/ctl`)).err).toContain(why)
    expect((await rc('cat /mnt/pc/status')).out).toBe('off\n')
  })
})
