import { describe, expect, test } from 'vitest'
import { DMDIR, OEXCL, ORCLOSE, ORDWR, OREAD, OTRUNC, OWRITE } from '../9p/const.ts'
import { ramfs, Tree } from '../9p/tree.ts'
import { MAFTER, MBEFORE, MCACHE, MCREATE, MREPL, RFCNAMEG, RFNAMEG, RFNOMNT, RFPROC } from './sys.ts'
import { boot, errof, ls, readall, served, writefile } from './testkernel.ts'

describe('names', () => {
  test('errors show the part of the name that is to blame', async () => {
    const t = boot({ '/lib/f': 'x' })
    await t.proc(async sys => {
      expect(await errof(sys.open('/no/such/file', OREAD))).toBe("file does not exist: '/no'")
      expect(await errof(sys.open('/lib/nope/x', OREAD))).toBe("file does not exist: '/lib/nope'")
      expect(await errof(sys.open('/lib/f/x', OREAD))).toBe("not a directory: '/lib/f'")
      expect(await errof(sys.open('/lib/f/.', OREAD))).toBe("not a directory: '/lib/f/.'")
      expect(await errof(sys.chdir('/lib/f'))).toBe("not a directory: '/lib/f'")
      expect(await errof(sys.open('', OREAD))).toBe('empty file name')
      expect(await errof(sys.open('/a\u0001b', OREAD))).toBe("bad character in file name: '/a\u0001b'")
      expect(await errof(sys.open('#Z/x', OREAD))).toBe('unknown device in # filename')
      expect(await errof(sys.open('#M', OREAD))).toBe('mount/attach disallowed')
      expect(await errof(sys.open("/it's", OREAD))).toBe("file does not exist: '/it''s'")
      await sys.chdir('/lib')
      expect(await errof(sys.open('nope', OREAD))).toBe("file does not exist: 'nope'")
      expect(await errof(sys.create('new/', OWRITE, 0o666))).toBe("create without DMDIR: 'new/'")
      expect(await errof(sys.create('/', OWRITE, 0o777 | DMDIR))).toBe('file already exists')
      expect(await errof(sys.open('f', 7))).toBe('bad arg in system call')
    })
  })

  test('a long name shows its end, in ERRMAX bytes', async () => {
    const t = boot()
    await t.proc(async sys => {
      const err = await errof(sys.open(`/lib/${'x'.repeat(200)}`, OREAD))
      expect(err).toMatch(/^file does not exist: '\.\.\.x+'$/)
      expect(new TextEncoder().encode(err).length).toBeLessThan(128)
    })
  })

  test('a walk of more than MAXWELEM names works, as do . and ..', async () => {
    const deep = `/${Array.from({ length: 20 }, (_, i) => `d${i}`).join('/')}`
    const t = boot({ [`${deep}/f`]: 'deep' })
    await t.proc(async sys => {
      expect(await readall(sys, `${deep}/f`)).toBe('deep')
      expect(await readall(sys, `${deep}/../d19/./f`)).toBe('deep')
      expect(await readall(sys, `/../..${deep}//f`)).toBe('deep')
      await sys.chdir(deep)
      await sys.chdir('../..')
      const fd = await sys.open('.', OREAD)
      expect(await sys.fd2path(fd)).toBe(deep.split('/').slice(0, -2).join('/'))
    })
  })

  test('fd2path gives clean names, also of devices', async () => {
    const t = boot()
    await t.proc(async sys => {
      const name = async (s: string) => sys.fd2path(await sys.open(s, OREAD))
      expect(await name('//lib/../lib/./')).toBe('/lib')
      expect(await name('#c/null')).toBe('#c/null')
      expect(await name('/dev/null')).toBe('/dev/null')
      expect(await name('#c/..')).toBe('#c')
      expect(await name('/')).toBe('/')
    })
  })
})

describe('bind', () => {
  test('replaces, or goes before or after, in order', async () => {
    const t = boot({ '/n/a/f': 'a', '/n/b/f': 'b', '/n/c/f': 'c', '/n/a/one': '', '/n/b/two': '', '/n/c/three': '' })
    await t.proc(async sys => {
      await sys.bind('/n/b', '/n/a', MREPL)
      expect(await readall(sys, '/n/a/f')).toBe('b')
      await sys.unmount(undefined, '/n/a')
      expect(await readall(sys, '/n/a/f')).toBe('a')

      await sys.bind('/n/b', '/n/a', MBEFORE)
      expect(await readall(sys, '/n/a/f')).toBe('b')
      await sys.bind('/n/c', '/n/a', MAFTER)
      expect(await ls(sys, '/n/a')).toEqual(['f', 'two', 'f', 'one', 'f', 'three'])
      expect(await errof(sys.stat('/n/a/three'))).toBe('')
      await sys.unmount('/n/b', '/n/a')
      expect(await readall(sys, '/n/a/f')).toBe('a')
      await sys.unmount('/n/c', '/n/a')
      expect(await ls(sys, '/n/a')).toEqual(['f', 'one'])
      await sys.unmount(undefined, '/n/a')
      expect(await errof(sys.unmount(undefined, '/n/a'))).toBe('not mounted')
    })
  })

  test('refuses what bind(2) refuses', async () => {
    const t = boot({ '/n/a/f': 'a', '/n/b/g': 'b' })
    await t.proc(async sys => {
      expect(await errof(sys.bind('/n/a', '/n/b/g', MREPL))).toBe('inconsistent mount')
      expect(await errof(sys.bind('/n/a/f', '/n/b/g', MBEFORE))).toBe('inconsistent mount')
      expect(await errof(sys.bind('/n/a', '/n/b', MBEFORE | MAFTER))).toBe('bad arg in system call')
      expect(await errof(sys.bind('/n/a', '/n/b', 0x100))).toBe('bad arg in system call')
      expect(await errof(sys.bind('/n/nope', '/n/b', MREPL))).toBe("file does not exist: '/n/nope'")
      expect(await sys.bind('/n/a/f', '/n/b/g', MREPL | MCACHE)).toBeGreaterThan(0)
      expect(await readall(sys, '/n/b/g')).toBe('a')
      expect(await errof(sys.unmount('/n/c', '/n/b/g'))).toBe('not in union')
      expect(await errof(sys.remove('/n/b/g'))).toBe('is a mount point')
      expect(await errof(sys.wstat('/n/b/g', { name: 'h' }))).toBe("is a mount point: '/n/b/g'")
    })
  })

  test('a file is made in the first member that has MCREATE', async () => {
    const t = boot({ '/n/a/x': '', '/n/b/y': '', '/n/c/z': '' })
    await t.proc(async sys => {
      await sys.bind('/n/b', '/n/a', MBEFORE)
      expect(await errof(sys.create('/n/a/new', OWRITE, 0o666))).toBe("mounted directory forbids creation: '/n/a/new'")
      await sys.bind('/n/c', '/n/a', MAFTER | MCREATE)
      await writefile(sys, '/n/a/new', 'made')
      expect(await ls(sys, '/n/c')).toEqual(['z', 'new'])
      expect(await ls(sys, '/n/b')).toEqual(['y'])
      await writefile(sys, '/n/a/y', 'there')
      expect(await readall(sys, '/n/b/y')).toBe('there')
      expect(await errof(sys.create('/n/a/y', OWRITE | OEXCL, 0o666))).toBe("file already exists: '/n/a/y'")
    })
    expect(t.tree.lookup('/n/c/new')).toBeDefined()
  })

  test('a union bound onto a directory is copied', async () => {
    const t = boot({ '/n/a/1': '', '/n/b/2': '', '/n/c/3': '' })
    await t.proc(async sys => {
      await sys.bind('/n/b', '/n/a', MAFTER)
      await sys.bind('/n/a', '/n/c', MREPL)
      expect(await ls(sys, '/n/c')).toEqual(['1', '2'])
      await sys.unmount(undefined, '/n/a')
      expect(await ls(sys, '/n/c')).toEqual(['1', '2'])
      await sys.unmount(undefined, '/n/c')
      await sys.bind('/n/b', '/n/a', MAFTER)
      await sys.bind('/n/a', '/n/c', MAFTER)
      expect(await ls(sys, '/n/c')).toEqual(['3', '1', '2'])
      expect(await errof(sys.bind('/n/a', '/tmp', MREPL | MCREATE))).toBe('inconsistent mount')
    })
  })

  test('.. goes back the way it came, across mounts', async () => {
    const t = boot({ '/n/a/sub/f': 'a', '/n/b/deep/er/g': 'b', '/tmp/mine': '' })
    await t.proc(async sys => {
      await sys.bind('/n/b/deep', '/tmp', MREPL)
      await sys.chdir('/tmp/er')
      await sys.chdir('..')
      expect(await ls(sys, '.')).toEqual(['er'])
      const fd = await sys.open('.', OREAD)
      expect(await sys.fd2path(fd)).toBe('/tmp')
      await sys.chdir('..')
      expect(await readall(sys, 'n/a/sub/f')).toBe('a')
      expect(await readall(sys, '/tmp/er/../../n/a/sub/../sub/f')).toBe('a')
    })
  })

  test('a mount in the middle of a walk is crossed', async () => {
    const t = boot({ '/n/a/b/c/d/f': 'old', '/tmp/d/f': 'new' })
    await t.proc(async sys => {
      await sys.bind('/tmp', '/n/a/b/c', MREPL)
      expect(await readall(sys, '/n/a/b/c/d/f')).toBe('new')
      expect(await errof(sys.open('/n/a/b/c/d/g', OREAD))).toBe("file does not exist: '/n/a/b/c/d/g'")
    })
  })

  test('a directory read shows what is mounted on its entries', async () => {
    const t = boot({ '/n/a/f': 'a', '/n/b/longer': 'longer' })
    await t.proc(async sys => {
      const [before] = await Promise.all([sys.stat('/n/a/f')])
      await sys.bind('/n/b/longer', '/n/a/f', MREPL)
      const d = await sys.stat('/n/a/f')
      expect(d.name).toBe('f')
      expect(d.length).toBe(6n)
      expect(d.qid.path).not.toBe(before.qid.path)
      expect(await ls(sys, '/n/a')).toEqual(['f'])
      const fd = await sys.open('/n/a', OREAD)
      const raw = await sys.read(fd, 8192)
      expect(raw.length).toBeGreaterThan(40)
      const len = new DataView(raw.buffer, raw.byteOffset).getBigUint64(33, true)
      expect(len).toBe(6n)
    })
  })

  test('directories read in small counts give whole records, once each, and from 0 again', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`/n/a/file${i}`, '']))
    const t = boot({ ...files, '/n/b/other': '' })
    await t.proc(async sys => {
      await sys.bind('/n/b', '/n/a', MAFTER)
      const fd = await sys.open('/n/a', OREAD)
      let total = 0
      for (;;) {
        const b = await sys.read(fd, 150)
        if (b.length === 0) break
        total += b.length
      }
      expect((await sys.pread(fd, 8192, 0)).length).toBeGreaterThan(1000)
      expect(total).toBeGreaterThan(31 * 60)
      await sys.seek(fd, 0, 0)
      expect((await sys.read(fd, 8192)).length).toBeGreaterThan(1000)
      expect(await errof(sys.seek(fd, 5, 0))).toBe('file is a directory')
    })
  })
})

describe('groups of names', () => {
  test('RFNAMEG copies, RFCNAMEG clears, sharing shares', async () => {
    const t = boot({ '/n/a/f': 'a', '/n/b/f': 'b', '/n/c/f': 'c' })
    await t.proc(async sys => {
      await sys.rfork(RFPROC | RFNAMEG, async child => {
        await child.bind('/n/b', '/n/a', MREPL)
        return (await readall(child, '/n/a/f')) === 'b' ? '' : 'not bound'
      })
      expect((await sys.wait()).msg).toBe('')
      expect(await readall(sys, '/n/a/f')).toBe('a')
      await sys.rfork(RFPROC, async child => {
        await child.bind('/n/b', '/n/a', MREPL)
        return ''
      })
      await sys.wait()
      expect(await readall(sys, '/n/a/f')).toBe('b')
      await sys.rfork(RFPROC | RFCNAMEG, async child => {
        return (await errof(child.open('/n/a/f', OREAD))) === "file does not exist: '/n'" ? '' : 'still there'
      })
      expect((await sys.wait()).msg).toBe('')
    })
  })

  test('RFNOMNT keeps to the name space there is', async () => {
    const t = boot({ '/lib/f': 'x' })
    await t.proc(async sys => {
      await sys.rfork(RFNAMEG | RFNOMNT)
      expect(await errof(sys.open('#s/boot', ORDWR))).toBe('mount/attach disallowed')
      expect(await errof(sys.open('#c/pid', OREAD))).toBe('')
      const [a] = await sys.pipe()
      expect(await errof(sys.mount(a, -1, '/n', MREPL, ''))).toBe('mount/attach disallowed')
      expect(await readall(sys, '/lib/f')).toBe('x')
    })
  })

  test('/proc/n/ns tells how the name space was made', async () => {
    const other = new Tree('glenda')
    other.add('/g', 'g')
    const t = boot({ '/n/a/f': '' }, { other: served(ramfs(other)) })
    await t.proc(async sys => {
      await sys.bind('/n/b', '/n/a', MBEFORE | MCREATE)
      await sys.mount(await sys.open('/srv/other', ORDWR), -1, '/n/c', MAFTER, 'sp ec')
      await sys.chdir('/n/c')
      const ns = (await readall(sys, `/proc/${sys.pid}/ns`)).split('\n')
      expect(ns.slice(-6)).toEqual([
        'bind -bc /n/b /n/a',
        'bind  /n/a /n/a',
        "mount -a #s/other /n/c 'sp ec'",
        'bind  /n/c /n/c',
        'cd /n/c',
        '',
      ])
      expect(ns[0]).toBe('mount -cC #s/boot /root')
      const fd = await sys.open(`/proc/${sys.pid}/ns`, OREAD)
      expect(new TextDecoder().decode(await sys.read(fd, 1000))).toBe(`${ns[0]}\n`)
      expect(await ls(sys, '/n/c')).toEqual(['g'])
    })
  })
})

describe('files', () => {
  test('create truncates, OEXCL does not, ORCLOSE removes', async () => {
    const t = boot({ '/tmp/f': 'long content' })
    await t.proc(async sys => {
      await writefile(sys, '/tmp/f', 'x')
      expect(await readall(sys, '/tmp/f')).toBe('x')
      const fd = await sys.create('/tmp/gone', ORDWR | ORCLOSE, 0o600)
      await sys.write(fd, 'abcdef')
      expect(await sys.seek(fd, 2, 0)).toBe(2)
      expect(new TextDecoder().decode(await sys.read(fd, 2))).toBe('cd')
      expect(await sys.seek(fd, -1, 2)).toBe(5)
      expect(await sys.seek(fd, -2, 1)).toBe(3)
      expect(await errof(sys.seek(fd, -9, 1))).toBe('negative i/o offset')
      await sys.close(fd)
      expect(await errof(sys.stat('/tmp/gone'))).toBe("file does not exist: '/tmp/gone'")
      const w = await sys.open('/tmp/f', OWRITE | OTRUNC)
      expect(await errof(sys.read(w, 1))).toBe('inappropriate use of fd')
      expect(await sys.pwrite(w, 'zz', 3)).toBe(2)
      expect((await sys.fstat(w)).length).toBe(5n)
      expect(await errof(sys.read(99, 1))).toBe('fd out of range or not open')
    })
  })

  test('processes that create one file at once all get it', async () => {
    const t = boot()
    await t.proc(async sys => {
      const one = async () => {
        const fd = await sys.create('/tmp/same', OWRITE, 0o666)
        await sys.close(fd)
        return true
      }
      expect(await Promise.all([one(), one(), one(), one()])).toEqual([true, true, true, true])
    })
  })

  test('no fid is left on the server when the processes have gone', async () => {
    const tree = new Tree('glenda')
    tree.add('/d/e/f', 'x')
    const srv = ramfs(tree)
    let fids = 0
    const { attach, walk1, clunk } = srv
    const counted = {
      ...srv,
      attach: (...a: Parameters<typeof attach>) => {
        fids++
        return attach(...a)
      },
      clunk: (f: Parameters<NonNullable<typeof clunk>>[0]) => {
        fids--
        return clunk?.(f)
      },
      clone: (x: (typeof tree)['root']) => {
        fids++
        return x
      },
      walk1,
    }
    const t = boot({}, { x: served(counted) })
    let ended = false
    await t.proc(async sys => {
      await sys.rfork(RFNAMEG)
      await sys.mount(await sys.open('/srv/x', ORDWR), -1, '/n/a', MREPL | MCREATE, '')
      await sys.bind('/n/a/d', '/n/b', MAFTER)
      for (const name of ['/n/a/d/e/f', '/n/b/e/../e/f', '/n/a/nope', '/n/a/d/e/f/g']) await errof(sys.stat(name))
      await writefile(sys, '/n/a/new', 'x')
      await errof(sys.create('/n/b/new', OWRITE | OEXCL, 0o666))
      await sys.open('/n/a/d/e/f', OREAD)
      await sys.chdir('/n/a/d')
      await sys.remove('/n/a/new')
      await ls(sys, '/n/b')
      expect(fids).toBeGreaterThan(3)
      ended = true
    })
    expect(ended).toBe(true)
    for (let i = 0; i < 50 && fids > 0; i++) await new Promise(resolve => setTimeout(resolve, 1))
    expect(fids).toBe(0)
  })
})
