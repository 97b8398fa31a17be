import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cache, MemoryCache } from '../../emulator/image/ranged.ts'
import { front } from '../../emulator/pc/profiles/9front.ts'
import { pcPrograms, setImageCache, setPcWorker } from '../../emulator/pc/programs.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { hostfs } from '../../shell/node/hostfs.ts'
import { pcWorker } from '../../shell/node/pcworker.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { Httpserver } from '../httpserver.ts'
import { iso, tiny } from './tiny.ts'

/**
 * What pc(4) does with 9front's image, without 9front: an ISO whose /386/9pc is a kernel of a hundred bytes. docs/tested.md
 * says what that leaves open.
 */

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

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), '9ml-front-'))
    iso(dir, '386.iso', { '386/9pc': tiny() })
    iso(dir, 'amd64.iso', { 'amd64/9pc64': tiny() })
    iso(dir, 'other.iso', { readme: new Uint8Array(10) })
    writeFileSync(join(dir, 'text'), 'no image at all')
    setPcWorker(pcWorker)
    const caches = new Map<string, Cache>()
    setImageCache(async url => {
      const cache = caches.get(url) ?? new MemoryCache()
      caches.set(url, cache)
      return cache
    })
    const [client, server] = pipeTransport()
    serve(server, hostfs('/'), { name: 'host' })
    m = boot({ fill: fillRoot, programs: pcPrograms, services: { host: client }, cons })
    expect((await rc('mount -bc /srv/host /n/host; pc -s pc -n 9front')).err).toBe('')
  })
  afterAll(async () => {
    await rc('echo stop >/mnt/pc/ctl; rm /srv/pc')
    setPcWorker(undefined)
    setImageCache(undefined)
    rmSync(dir, { recursive: true, force: true })
  })

  test('its kernel is found in it and started with plan9.ini, to the prompt', async () => {
    expect((await rc(`{echo 9front /n/host${dir}/386.iso; echo boot} >/mnt/pc/ctl`)).err).toBe('')
    let status = ''
    while (!/^prompt (yes|no)/m.test(status)) status = (await rc('cat /mnt/pc/status')).out
    expect(status).toMatch(/^running\nprompt yes\n/)
    const { out } = await rc('dd -if /mnt/pc/cons -bs 65536 -count 1 -quiet 1')
    expect(out).toBe(`${front.ini}\nterm% `)
    expect((await rc('cat /mnt/pc/ctl')).out).toBe(`net on\neia1 on\n9front /n/host${dir}/386.iso\nmemory 256M\n`)
    await rc('echo stop >/mnt/pc/ctl')
  })

  test('an image on the web is read by ranges, as much as is needed of it', async () => {
    iso(dir, 'large.iso', { '386/9pc': tiny(), 'lib/large': new Uint8Array(200 << 20) })
    const bytes = new Uint8Array(readFileSync(join(dir, 'large.iso')))
    const server = await Httpserver.start({ '/large.iso': { bytes, etag: '"1"' } })
    try {
      expect((await rc(`{echo 9front ${server.url}/large.iso; echo boot} >/mnt/pc/ctl`)).err).toBe('')
      let status = ''
      while (!/^prompt (yes|no)/m.test(status)) status = (await rc('cat /mnt/pc/status')).out
      expect(status).toMatch(/^running\nprompt yes\n/)
      expect(status).toMatch(/^fetched [1-9]\d*$/m)
      await rc('echo stop >/mnt/pc/ctl')
      expect(server.requests.some(r => r.range)).toBe(true)
      const moved = server.requests.reduce((n, r) => n + r.sent, 0)
      expect(moved).toBeLessThan(bytes.length / 2)
      server.requests.length = 0
      expect((await rc(`{echo 9front ${server.url}/large.iso; echo boot; echo stop} >/mnt/pc/ctl`)).err).toBe('')
      // It is asked for, whether it is the same still.
      expect(server.requests.reduce((n, r) => n + r.sent, 0)).toBeLessThan(10)
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

  test('9mlbuild says why it cannot begin', async () => {
    expect((await rc('9mlbuild')).err).toBe('usage: 9mlbuild iso [dir]\n')
    expect((await rc('9mlbuild /nosuch')).err).toBe('9mlboot: /nosuch: no such file\n9mlbuild: boot\n')
    const { status, out, err } = await rc(`9mlbuild /n/host${dir}/amd64.iso`)
    expect(out).toBe('disk\n')
    expect(err).toContain('image is for amd64')
    expect(status).toContain('boot')
  })

  test('one dialogue at a time, which a note ends; the prompt stays', async () => {
    expect((await rc(`cp /n/host${dir}/386.iso '/tmp/it''s.iso'; 9mlboot '/tmp/it''s.iso'`)).err).toBe('')
    let text = ''
    while (!/^prompt yes/m.test(text)) text = (await rc('cat /mnt/pc/status')).out
    const { err } = await rc(
      'echo setup >/mnt/pc/ctl & while(! grep -s doing /mnt/pc/status >/dev/null) sleep 0.1; echo setup >/mnt/pc/ctl; ' +
        'echo interrupt >/proc/$apid/note; wait; cat /mnt/pc/status >[1=2]; echo stop >/mnt/pc/ctl',
    )
    expect(err).toContain('console is busy')
    expect(err).toContain('\nprompt yes\n')
    expect(err).not.toContain('doing')
  })
})
