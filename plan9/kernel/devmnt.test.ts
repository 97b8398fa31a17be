import { describe, expect, test } from 'vitest'
import { ORDWR, OREAD, OWRITE, QTDIR } from '../9p/const.ts'
import { convS2M } from '../9p/fcall.ts'
import { serve } from '../9p/server.ts'
import type { Srv } from '../9p/srv.ts'
import { pipeTransport } from '../9p/transport.ts'
import { ramfs, Tree } from '../9p/tree.ts'
import { PlanError } from '../error.ts'
import { fdTransport, postsrv } from '../libc/postsrv.ts'
import { MREPL, PNPROC, RFFDG, RFNAMEG, RFPROC, type Sys } from './sys.ts'
import { boot, errof, ls, readall, served, writefile } from './testkernel.ts'

/** A server of one directory and in it `block`, whose reads never return, and `echo`, which tells what was read. */
function blocker() {
  const seen = { reads: 0, flushed: 0, clunked: 0 }
  let reading: (() => void) | undefined
  const wait = { reading: new Promise<void>(resolve => (reading = resolve)) }
  const qid = (path: bigint) => ({ type: path === 0n ? QTDIR : 0, vers: 0, path })
  const srv: Srv<bigint> = {
    attach: () => ({ aux: 0n, qid: qid(0n) }),
    walk1(_aux, name) {
      const path = name === '..' ? 0n : name === 'block' ? 1n : name === 'echo' ? 2n : undefined
      if (path === undefined) throw new PlanError('file does not exist')
      return { aux: path, qid: qid(path) }
    },
    stat: fid => ({
      type: 0,
      dev: 0,
      qid: fid.qid,
      mode: fid.aux === 0n ? 0x80000000 + 0o555 : 0o666,
      atime: 0,
      mtime: 0,
      length: 0n,
      name: ['/', 'block', 'echo'][Number(fid.aux)]!,
      uid: 'srv',
      gid: 'srv',
      muid: 'srv',
    }),
    open: () => {},
    read(fid, offset, _count, req) {
      if (fid.aux === 2n) return offset === 0 ? new TextEncoder().encode('echo') : new Uint8Array(0)
      seen.reads++
      return new Promise((_, reject) => {
        req.signal.addEventListener('abort', () => {
          seen.flushed++
          reject(new PlanError('interrupted'))
        })
        reading?.()
      })
    },
    clunk() {
      seen.clunked++
    },
  }
  return { srv, seen, wait }
}

async function mount(sys: Sys, name: string, old: string): Promise<void> {
  await sys.mount(await sys.open(name, ORDWR), -1, old, MREPL, '')
}

describe('interruption', () => {
  test('a note to a process that reads a mounted file sends Tflush, and waits for it', async () => {
    const { srv, seen, wait } = blocker()
    const t = boot({}, { blk: served(srv) })
    await t.proc(async sys => {
      await mount(sys, '/srv/blk', '/mnt')
      const order: string[] = []
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(note => {
          order.push(`${note} flushed ${seen.flushed}`)
          return true
        })
        const fd = await child.open('/mnt/block', OREAD)
        order.push(await errof(child.read(fd, 10)))
        return ''
      })
      await wait.reading
      expect(await readall(sys, '/mnt/echo')).toBe('echo')
      await sys.postnote(PNPROC, pid, 'interrupt')
      await sys.wait()
      expect(order).toEqual(['interrupt flushed 1', 'interrupted'])
      expect(seen.flushed).toBe(1)
      expect(await readall(sys, '/mnt/echo')).toBe('echo')
    })
  })

  test('without a handler the process is gone at once, its read flushed', async () => {
    const { srv, seen, wait } = blocker()
    const t = boot({}, { blk: served(srv) })
    await t.proc(async sys => {
      await mount(sys, '/srv/blk', '/mnt')
      const pid = await sys.rfork(RFPROC | RFFDG, async child => {
        const fd = await child.open('/mnt/block', OREAD)
        await child.read(fd, 10)
        return ''
      })
      await wait.reading
      t.k.postnote(PNPROC, pid, 'interrupt')
      expect((await sys.wait()).msg).toMatch(/: interrupt$/)
      for (let i = 0; i < 50 && seen.clunked === 0; i++) await sys.sleep(0)
      expect(seen).toMatchObject({ reads: 1, flushed: 1 })
      expect(seen.clunked).toBeGreaterThan(0)
    })
  })

  test('kill ends a process whose server answers nothing, not even a flush', async () => {
    const [ours, theirs] = pipeTransport()
    const t = boot({}, { mute: ours })
    theirs.start(
      () => {},
      () => {},
    )
    await t.proc(async sys => {
      let at!: () => void
      const started = new Promise<void>(resolve => (at = resolve))
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(() => true)
        at()
        await mount(child, '/srv/mute', '/mnt')
        return ''
      })
      await started
      await sys.sleep(0)
      await writefile(sys, `/proc/${pid}/ctl`, 'kill')
      expect((await sys.wait()).msg).toMatch(/: sys: killed$/)
    })
  })
})

test('a note ends the wait of an exit for a server that answers no clunk', async () => {
  const { srv } = blocker()
  let clunks = 0
  const t = boot(
    {},
    {
      slow: served({
        ...srv,
        clunk() {
          clunks++
          return new Promise<void>(() => {})
        },
      }),
    },
  )
  await t.proc(async sys => {
    await mount(sys, '/srv/slow', '/mnt')
    const pid = await sys.rfork(RFPROC | RFFDG, async child => {
      await child.open('/mnt/echo', OREAD)
      return 'done'
    })
    for (let i = 0; i < 50 && clunks === 0; i++) await sys.sleep(0)
    expect(t.k.procs.get(pid)?.dead).toBe(true)
    t.k.postnote(PNPROC, pid, 'interrupt')
    expect((await sys.wait()).msg).toMatch(/: done$/)
    await sys.rfork(RFNAMEG)
  })
})

describe('servers', () => {
  test('one in a process, posted in /srv, is mounted by others', async () => {
    const t = boot()
    await t.proc(async sys => {
      const tree = new Tree('glenda')
      tree.add('/f', 'served')
      const pid = await postsrv(sys, 'files', ramfs(tree))
      expect(await ls(sys, '/srv')).toContain('files')
      expect(t.k.procs.has(pid)).toBe(true)
      for (const old of ['/n/a', '/n/b']) {
        await sys.rfork(RFPROC | RFNAMEG, async child => {
          await mount(child, '/srv/files', old)
          await writefile(child, `${old}/f`, `by ${old}`)
          return (await readall(child, `${old}/f`)) === `by ${old}` ? '' : 'different'
        })
        expect((await sys.wait()).msg).toBe('')
      }
      await mount(sys, '/srv/files', '/n/a')
      await mount(sys, '/srv/files', '/n/b')
      expect(await readall(sys, '/n/b/f')).toBe('by /n/b')
      const big = new Uint8Array(1_000_000).map((_, i) => i % 251)
      const fd = await sys.create('/n/a/f', ORDWR, 0o666)
      expect(await sys.write(fd, big)).toBe(big.length)
      const back = await sys.pread(fd, 2_000_000, 0)
      expect(back.length).toBe(big.length)
      expect(back.every((b, i) => b === i % 251)).toBe(true)

      // Its entry gone it lives on for its clients; when these have gone it ends.
      await sys.remove('/srv/files')
      expect(await readall(sys, '/n/b/f')).toHaveLength(back.length)
      await sys.close(fd)
      await sys.unmount(undefined, '/n/a')
      expect(t.k.procs.has(pid)).toBe(true)
      await sys.unmount(undefined, '/n/b')
      for (let i = 0; i < 50 && t.k.procs.has(pid); i++) await sys.sleep(0)
      expect(t.k.procs.has(pid)).toBe(false)
    })
  })

  test('its poster may exit', async () => {
    const t = boot()
    await t.proc(async sys => {
      await sys.rfork(RFPROC, async child => {
        const tree = new Tree('glenda')
        tree.add('/f', 'still here')
        await postsrv(child, 'left', ramfs(tree))
        return ''
      })
      expect((await sys.wait()).msg).toBe('')
      await mount(sys, '/srv/left', '/n/a')
      expect(await readall(sys, '/n/a/f')).toBe('still here')
      expect(await errof(postsrv(sys, 'left', ramfs(new Tree('x'))))).toBe("file already exists: '/srv/left'")
    })
  })

  test('a name that is not in /srv', async () => {
    const t = boot()
    await t.proc(async sys => {
      expect(await errof(sys.open('/srv/nope', ORDWR))).toBe("file does not exist: '/srv/nope'")
      const fd = await sys.open('/dev/null', ORDWR)
      expect(await errof(sys.mount(fd, -1, '/n/a', MREPL, ''))).not.toBe('')
      expect(await errof(sys.mount(77, -1, '/n/a', MREPL, ''))).toBe('fd out of range or not open')
    })
  })

  test('one that dies gives errors, not hangs', async () => {
    const { srv, wait } = blocker()
    const t = boot()
    await t.proc(async sys => {
      const pid = await postsrv(sys, 'mortal', srv)
      await mount(sys, '/srv/mortal', '/mnt')
      const fd = await sys.open('/mnt/block', OREAD)
      await sys.rfork(RFPROC | RFFDG, async child => errof(child.read(fd, 10)))
      await wait.reading
      await writefile(sys, `/proc/${pid}/ctl`, 'kill')
      expect((await sys.wait()).msg).toMatch(/: i\/o on hungup channel$/)
      expect(await errof(sys.read(fd, 10))).toBe('i/o on hungup channel')
      expect(await errof(sys.open('/mnt/echo', OREAD))).toBe("i/o on hungup channel: '/mnt/echo'")
      await sys.close(fd)
      await sys.unmount(undefined, '/mnt')
      // What it posted has gone with it.
      expect(await errof(mount(sys, '/srv/mortal', '/mnt'))).toBe("file does not exist: '/srv/mortal'")
    })
  })

  test('one that sends garbage is cut off; nobody else notices', async () => {
    const garbage = [
      new Uint8Array([3, 0, 0, 0]),
      new Uint8Array([0xff, 0xff, 0xff, 0xff, 101, 0xff, 0xff]),
      new Uint8Array([0, 0, 0, 0xc0, 101, 0, 0, 0]),
      new TextEncoder().encode('hello, this is not 9P at all'),
    ]
    for (const bytes of garbage) {
      const t = boot({ '/lib/f': 'fine' })
      await t.proc(async sys => {
        const [a, b] = await sys.pipe()
        await sys.write(b, bytes)
        expect(await errof(sys.mount(a, -1, '/n/a', MREPL, ''))).toMatch(/mount rpc error|hungup|version/)

        const [c, d] = await sys.pipe()
        await sys.rfork(RFPROC | RFFDG, async child => {
          await child.read(d, 100)
          await child.write(d, convS2M({ type: 101, tag: 0xffff, msize: 8192, version: '9P2000' }))
          await child.read(d, 100)
          await child.write(d, bytes)
          return ''
        })
        expect(await errof(sys.mount(c, -1, '/n/a', MREPL, ''))).toMatch(/mount rpc error/)
        expect(await readall(sys, '/lib/f')).toBe('fine')
        await sys.wait()
      })
    }
  })

  test('a server of another version, and one that ends at once', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      await sys.write(b, convS2M({ type: 101, tag: 0xffff, msize: 8192, version: 'unknown' }))
      expect(await errof(sys.mount(a, -1, '/n/a', MREPL, ''))).toBe('bad 9P version returned from server: unknown')
      const [c, d] = await sys.pipe()
      await sys.close(d)
      expect(await errof(sys.mount(c, -1, '/n/a', MREPL, ''))).toMatch(/hungup/)
    })
  })

  test("a mounted channel is the mount driver's alone", async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      serve(fdTransport(sys, b), ramfs(new Tree('glenda')))
      const copy = await sys.dup(a, -1)
      await sys.mount(a, -1, '/n/a', MREPL, '')
      expect(await errof(sys.fd2path(a))).toBe('fd out of range or not open')
      expect(await errof(sys.read(copy, 1))).toBe('inappropriate use of fd')
      expect(await errof(sys.write(copy, 'x'))).toBe('inappropriate use of fd')
      expect(await sys.mount(copy, -1, '/n/b', MREPL, '')).toBeGreaterThan(0)
    })
  })

  test('one of the host is also a channel of bytes', async () => {
    const tree = new Tree('glenda')
    const t = boot({}, { raw: served(ramfs(tree)) })
    await t.proc(async sys => {
      const fd = await sys.open('/srv/raw', ORDWR)
      const msg = convS2M({ type: 100, tag: 0xffff, msize: 8192, version: '9P2000' })
      await sys.write(fd, msg.subarray(0, 5))
      await sys.write(fd, msg.subarray(5))
      const reply = await sys.read(fd, 4)
      expect(reply).toEqual(new Uint8Array([19, 0, 0, 0]))
      expect((await sys.read(fd, 100))[0]).toBe(101)
    })
  })
})

describe('/srv', () => {
  test('any open channel can be posted, once', async () => {
    const t = boot({ '/lib/f': 'posted' })
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      const fd = await sys.create('/srv/chan', OWRITE, 0o600)
      expect(await errof(sys.open('/srv/chan', ORDWR))).toBe("mounted device shut down: '/srv/chan'")
      await sys.write(fd, String(a))
      expect(await errof(sys.write(fd, String(b)))).toBe('inappropriate use of fd')
      expect(await errof(sys.write(fd, '99'))).toBe('fd out of range or not open')
      await sys.close(fd)
      await sys.close(a)
      const mine = await sys.open('/srv/chan', ORDWR)
      await sys.write(mine, 'through')
      expect(new TextDecoder().decode(await sys.read(b, 100))).toBe('through')
      expect(await errof(sys.create('/srv/chan', OWRITE, 0o600))).toBe("file already exists: '/srv/chan'")
      expect(await errof(sys.create('/srv/rw', ORDWR, 0o600))).toBe("permission denied: '/srv/rw'")
      await sys.wstat('/srv/chan', { name: 'moved' })
      expect((await sys.stat('/srv/moved')).mode & 0o777).toBe(0o600)
      await sys.remove('/srv/moved')
      expect(await errof(sys.stat('/srv/moved'))).toBe("file does not exist: '/srv/moved'")
      await sys.close(mine)
      expect((await sys.read(b, 1)).length).toBe(0)
    })
  })
})
