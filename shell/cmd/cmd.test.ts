import { describe, expect, it, onTestFinished } from 'vitest'
import { ORDWR } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { PlanError } from '../../plan9/error.ts'
import { MREPL, PNPROC, type Program } from '../../plan9/kernel/sys.ts'
import { postsrv } from '../../plan9/libc/postsrv.ts'
import { World } from '../../tests/cmd/world.ts'
import { announce, dialStream } from '../node/tcp.ts'
import { setDial } from './dial.ts'

describe('cat', () => {
  it('copies bytes as they are, more than a buffer of them', async () => {
    const big = Uint8Array.from({ length: 300_001 }, (_, i) => (i * 31) & 0xff)
    const r = await new World({ '/tmp/big': big }).run(['cat', 'big'])
    expect(r.bytes).toEqual(big)
  })
  it('says what it cannot open, and ends with that', async () => {
    const r = await new World().run(['cat', 'nosuch'])
    expect(r.stderr).toBe("cat: can't open nosuch: file does not exist: 'nosuch'\n")
    expect(r.status).toBe("can't open nosuch: file does not exist: 'nosuch'")
  })
  it('is ended by a closed pipe when its input has no end', async () => {
    const r = await new World().pipe([
      ['cat', '/dev/zero'],
      ['read', '-c', '100000'],
      ['wc', '-c'],
    ])
    expect(r.stdout).toBe(' 100000\n')
  })
  it('is ended by an interrupt while it copies without end', async () => {
    const w = new World()
    const { pid, result } = await w.start([
      '_pipe',
      JSON.stringify([
        ['cat', '/dev/zero'],
        ['cmp', '/dev/zero', '/fd/0'],
      ]),
    ])
    w.kernel.postnote(PNPROC, pid, 'interrupt')
    expect((await result).status).toMatch(/interrupt/)
  })
})

it('a loop of system calls that never wait leaves room for an interrupt from outside', async () => {
  const w = new World()
  const { pid, result } = await w.start(['cp', '/dev/zero', '/dev/null'])
  await new Promise(r => setTimeout(r, 20))
  w.kernel.postnote(PNPROC, pid, 'interrupt')
  expect((await result).status).toMatch(/interrupt/)
})

describe('ls', () => {
  const world = () => new World({ '/d/b': 'bb', '/d/a c': '', '/d/Z': 'z', '/d/sub/x': '', "/d/it's": '' })
  it('sorts, quotes for rc, and -Q does not', async () => {
    const w = world()
    expect((await w.run(['ls', '/d'])).stdout).toBe("/d/Z\n'/d/a c'\n/d/b\n'/d/it''s'\n/d/sub\n")
    expect((await w.run(['ls', '-pQ', '/d'])).stdout).toBe("Z\na c\nb\nit's\nsub\n")
    expect((await w.run(['ls', '-rp'], '', '/d')).stdout).toBe("sub\n'it''s'\nb\n'a c'\nZ\n")
  })
  it('-F marks directories and programs; -d names the directory', async () => {
    const w = world()
    expect((await w.run(['ls', '-F', '/d/sub', '/d/b', '/js/bin/cat'])).stdout).toBe('/d/sub/x\n/d/b\n/js/bin/cat*\n')
    expect((await w.run(['ls', '-dF', '/d'])).stdout).toBe('/d/\n')
  })
  it('-l prints mode, owner, length and time; -s and -q and -m their columns', async () => {
    const w = world()
    const f = w.tree.lookup('/d/b')!
    f.mtime = 1_000_000_000
    expect((await w.run(['ls', '-l', '/d/b'])).stdout).toMatch(
      /^--rw-rw-r-- M \d+ glenda glenda 2 Sep {2}9 {2}2001 \/d\/b\n$/,
    )
    expect((await w.run(['ls', '-s', '/d/b'])).stdout).toBe('1 /d/b\n')
    expect((await w.run(['ls', '-m', '/d/b'])).stdout).toBe('[glenda] /d/b\n')
    expect((await w.run(['ls', '-q', '/d/b'])).stdout).toMatch(/^\([0-9a-f]{16} \d+ 00\) \/d\/b\n$/)
  })
  it('goes on after what is not there, and fails', async () => {
    const r = await world().run(['ls', '/nosuch', '/d/b'])
    expect(r).toMatchObject({
      status: 'errors',
      stdout: '/d/b\n',
      stderr: "ls: /nosuch: file does not exist: '/nosuch'\n",
    })
  })
})

it('mc puts words in columns', async () => {
  const w = new World()
  expect((await w.run(['mc', '-20'], 'aaaa\nbb\ncc\nd\ne\n')).stdout).toBe('aaaa cc   e\nbb   d\n')
})

describe('cp, mv, rm, mkdir, touch', () => {
  it('cp copies to a file and into a directory', async () => {
    const w = new World({ '/tmp/a': 'A', '/tmp/b': 'B', '/tmp/d/x': '' })
    expect((await w.run(['cp', 'a', 'c'])).status).toBe('')
    expect((await w.run(['cp', 'a', 'b', 'd'])).status).toBe('')
    expect([w.text('/tmp/c'), w.text('/tmp/d/a'), w.text('/tmp/d/b')]).toEqual(['A', 'A', 'B'])
  })
  it('cp refuses a directory, the same file, and many files to one', async () => {
    const w = new World({ '/tmp/a': 'A', '/tmp/d/x': '' })
    expect(await w.run(['cp', 'd', 'e'])).toMatchObject({ status: 'errors', stderr: 'cp: d is a directory\n' })
    expect(await w.run(['cp', 'a', 'a'])).toMatchObject({ stderr: 'cp: a and a are the same file\n' })
    expect(await w.run(['cp', 'a', 'd/x', 'a'])).toMatchObject({
      status: 'bad usage',
      stderr: 'cp: a not a directory\n',
    })
    expect((await w.run(['cp', 'a'])).status).toBe('usage')
  })
  it('mv has no flags: a name may begin with -', async () => {
    const w = new World({ '/tmp/-x': 'dash' })
    expect((await w.run(['mv', '-x', 'y'])).status).toBe('')
    expect(w.text('/tmp/y')).toBe('dash')
  })
  it('mv renames, replaces, and moves between directories', async () => {
    const w = new World({ '/tmp/a': 'A', '/tmp/b': 'B', '/tmp/d/x': 'X' })
    expect((await w.run(['mv', 'a', 'b'])).status).toBe('')
    expect(w.text('/tmp/b')).toBe('A')
    expect((await w.run(['mv', 'b', 'd'])).status).toBe('')
    expect(w.text('/tmp/d/b')).toBe('A')
    expect((await w.run(['mv', 'd', 'e'])).status).toBe('')
    expect((await w.run(['ls', 'e', '.'])).stdout).toBe('e/b\ne/x\n./e\n')
    expect(await w.run(['mv', 'q', 'r'])).toMatchObject({
      status: 'failure',
      stderr: "mv: can't stat q: file does not exist: 'q'\n",
    })
  })
  it('rm removes files, -r trees, and tells what it could not', async () => {
    const w = new World({ '/tmp/a': '', '/tmp/d/e/f': '', '/tmp/d/g': '' })
    expect((await w.run(['rm', 'a'])).status).toBe('')
    expect((await w.run(['rm', 'd'])).stderr).toMatch(/^rm: d: /)
    expect((await w.run(['rm', '-r', 'd'])).status).toBe('')
    expect((await w.run(['ls'])).stdout).toBe('')
    expect((await w.run(['rm', 'a'])).status).toBe("file does not exist: 'a'")
    expect((await w.run(['rm', '-f', 'a'])).status).toBe('')
  })
  it('mkdir makes a directory, -p those above it', async () => {
    const w = new World()
    expect((await w.run(['mkdir', '-p', 'a/b/c'])).status).toBe('')
    expect((await w.run(['ls', 'a/b'])).stdout).toBe('a/b/c\n')
    expect(await w.run(['mkdir', 'a'])).toMatchObject({ status: 'error', stderr: 'mkdir: a already exists\n' })
    expect((await w.run(['mkdir', 'q/r'])).stderr).toBe("mkdir: can't create q/r: file does not exist: 'q'\n")
  })
  it('touch sets times and makes files, -c makes none', async () => {
    const w = new World()
    expect((await w.run(['touch', '-t', '12345', 'a'])).status).toBe('')
    expect((await w.run(['mtime', 'a'])).stdout).toBe('      12345 a\n')
    expect((await w.run(['touch', '-c', 'b'])).status).toBe('touch')
  })
  it('chmod takes octal and letters', async () => {
    const w = new World({ '/tmp/a': '' })
    const mode = async (m: string) => {
      await w.run(['chmod', m, 'a'])
      return (await w.run(['ls', '-l', 'a'])).stdout.slice(0, 11)
    }
    expect(await mode('600')).toBe('--rw-------')
    expect(await mode('go+r')).toBe('--rw-r--r--')
    expect(await mode('u=rwx')).toBe('--rwxr--r--')
    expect(await mode('-x')).toBe('--rw-r--r--')
    expect(await mode('+l')).toBe('-lrw-r--r--')
    expect((await w.run(['chmod', 'z', 'a'])).status).toBe('mode')
  })
})

describe('names and name spaces', () => {
  it('pwd and ns tell where we are', async () => {
    const w = new World()
    expect((await w.run(['pwd'])).stdout).toBe('/tmp\n')
    const { stdout } = await w.run(['ns'])
    expect(stdout).toMatch(/^bind {2}'#c' \/dev $/m)
    expect(stdout).toMatch(/^cd \/tmp$/m)
  })
  it('bind and unmount change the name space of those after them', async () => {
    const w = new World({ '/a/one': '1', '/b/two': '2' })
    const r = await w.seq([
      ['bind', '-a', '/b', '/a'],
      ['ls', '-p', '/a'],
      ['unmount', '/b', '/a'],
      ['ls', '-p', '/a'],
    ])
    expect(r).toMatchObject({ status: '', stdout: 'one\ntwo\none\n' })
  })
  it('bind, mount and unmount say what is wrong as Plan 9 does', async () => {
    const w = new World()
    expect(await w.run(['bind', '/nosuch', '/tmp'])).toMatchObject({
      status: 'bind',
      stderr: "bind: /nosuch: file does not exist: '/nosuch'\n",
    })
    expect(await w.run(['mount', '/srv/nosuch', '/tmp'])).toMatchObject({
      status: 'open',
      stderr: "mount: can't open /srv/nosuch: file does not exist: '/srv/nosuch'\n",
    })
    expect((await w.run(['mount', '-q', '/srv/nosuch', '/tmp'])).status).toBe('')
    expect((await w.run(['unmount', '/tmp'])).stderr).toMatch(/^unmount: \/tmp: /)
    expect((await w.run(['bind', 'x'])).status).toBe('usage')
  })
})

describe('ramfs', () => {
  it('is an empty /tmp that goes with unmount', async () => {
    const w = new World({ '/tmp/under': '', '/f': 'F' })
    const r = await w.seq([
      ['ramfs'],
      ['cp', '/f', '/tmp/g'],
      ['ls', '/tmp'],
      ['cat', '/tmp/g'],
      ['unmount', '/tmp'],
      ['ls', '/tmp'],
    ])
    expect(r).toMatchObject({ status: '', stderr: '', stdout: '/tmp/g\nF/tmp/under\n' })
  })
  it('-S posts it, for mount and 9p', async () => {
    const w = new World({ '/f': 'F' })
    const r = await w.seq(
      [
        ['ramfs', '-S', 'mem'],
        ['mount', '-c', '/srv/mem', '/mnt'],
        ['mkdir', '/mnt/d'],
        ['9p', 'create', 'mem/d/x'],
        ['9p', 'write', 'mem/d/x'],
        ['9p', 'read', 'mem/d/x'],
        ['9p', 'ls', 'mem/d'],
        ['9p', '-a', '/srv/mem', 'stat', 'd/x'],
        ['9p', 'rm', 'mem/d/x'],
        ['9p', '-a', 'mem', 'ls', 'd'],
      ],
      'through 9P\n',
    )
    expect(r.stderr).toBe('')
    expect(r.status).toBe('')
    expect(r.stdout).toMatch(
      /^through 9P\nx\n'x' 'glenda' 'glenda' 'glenda' q \([0-9a-f]{16} \d+ \) m 666 at \d+ mt \d+ l 11 t \d+ d \d+\n$/,
    )
  })
})

describe('srv', () => {
  it('dials, posts, and mounts', async () => {
    const remote = new Tree('them')
    remote.add('/hello', 'from afar\n')
    const dialled: string[] = []
    const users: string[] = []
    const fs = ramfs(remote)
    const attach: typeof fs.attach = (uname, aname, req) => {
      users.push(uname)
      return fs.attach(uname, aname, req)
    }
    const { port, close } = await announce('tcp!127.0.0.1!0', t => void serve(t, { ...fs, attach }))
    onTestFinished(close)
    setDial(async addr => {
      dialled.push(addr)
      if (!addr.startsWith('tcp!there')) throw new PlanError('connection refused')
      return dialStream(`tcp!127.0.0.1!${port}`)
    })
    const w = new World()
    w.tree.mkdir('/n/x')
    const r = await w.seq([
      ['srv', 'tcp!there', 'far', '/n/x'],
      ['cat', '/n/x/hello'],
      ['9p', '-a', 'tcp!there!564', 'read', 'hello'],
      ['srv', '-N', 'tcp!there!1', 'nobody', '/n/x'],
    ])
    expect(r).toMatchObject({ status: '', stderr: 'post...\npost...\n', stdout: 'from afar\nfrom afar\n' })
    expect(dialled).toEqual(['tcp!there!9fs', 'tcp!there!564', 'tcp!there!1'])
    expect(users).toEqual(['glenda', 'glenda', 'none'])
    expect(await w.run(['srv', 'nowhere'])).toMatchObject({
      status: 'dial',
      stderr: 'srv: dial net!nowhere!9fs: connection refused\n',
    })
  })
})

it('srv waiting for a connection is ended by an interrupt, and by its alarm', async () => {
  for (const [note, status] of [
    ['interrupt', /interrupt/],
    ['alarm', /timeout/],
  ] as const) {
    const w = new World()
    const dialled = new Promise<void>(called =>
      setDial(() => {
        called()
        return new Promise(() => undefined)
      }),
    )
    const { pid, result } = await w.start(['srv', 'tcp!slow'])
    await dialled
    w.kernel.postnote(PNPROC, pid, note)
    expect((await result).status).toMatch(status)
  }
})

it('mount of a service that does not answer is ended by an interrupt, and says so', async () => {
  const w = new World()
  await w.run(['ramfs', '-S', 'mute'])
  await w.kernel.start({ argv: ['cat', '/srv/mute'], cons: 0 })
  const { pid, result } = await w.start(['mount', '/srv/mute', '/mnt'])
  while (!(await w.run(['ps'])).stdout.includes(' Mount ')) await new Promise(r => setTimeout(r, 1))
  w.kernel.postnote(PNPROC, pid, 'interrupt')
  expect((await result).stderr).toContain('mount: interrupt\n')
})

describe('processes', () => {
  it('ps lists them', async () => {
    const w = new World()
    const { pid, result } = await w.start(['sleep', '1000'])
    expect((await w.run(['ps', '-a'])).stdout).toMatch(new RegExp(`^glenda +${pid} .* sleep 1000$`, 'm'))
    w.kernel.kill(pid)
    expect((await result).status).not.toBe('')
  })
  it('sleep is ended by an interrupt', async () => {
    const w = new World()
    const { pid, result } = await w.start(['sleep', '1000'])
    w.kernel.postnote(PNPROC, pid, 'interrupt')
    expect((await result).status).toMatch(/interrupt/)
  })
})

describe('date', () => {
  it('prints in the zone of $timezone, and by formats', async () => {
    const show: Program = async (sys, argv) => {
      const fd = await sys.create('/env/timezone', 1, 0o666)
      await sys.write(fd, 'EST -18000 EDT -14400\n 5 100 1000 2000')
      await sys.close(fd)
      return sys.exec('/bin/date', ['date', ...argv.slice(1)])
    }
    const w = new World({}, { show })
    expect((await w.run(['date', '1795419203'])).stdout).toBe('Mon Nov 23 07:33:23 GMT 2026\n')
    expect((await w.run(['show', '1795419203'])).stdout).toBe('Mon Nov 23 02:33:23 EST 2026\n')
    expect((await w.run(['show', '1500'])).stdout).toBe('Wed Dec 31 20:25:00 EDT 1969\n')
    expect((await w.run(['date', '-t', '0'])).stdout).toBe('1970-01-01T00:00:00+00:00\n')
    expect((await w.run(['date', '-i', '0'])).stdout).toBe('1970-01-01\n')
    expect((await w.run(['date', '-f', 'WWW D[th of ]MMMM', '0'])).stdout).toBe('Thursday 1th of January\n')
    expect((await w.run(['date', '-u', '-f', 'YYY', '0'])).status).toBe('garbled format YYY')
    expect((await w.run(['date', '-u', '99999999999999'])).stdout).toBe('Sat Nov  7 09:46:39 GMT 3170843\n')
    for (const n of ['99999999999999', '9007199254740993', '-9223372036854775808'])
      expect((await w.run(['date', '-un', '--', n])).stdout).toBe(`${n}\n`)
    expect((await w.run(['date', '-n', '9223372036854775809'])).stdout).toBe('9223372036854775807\n')
    expect((await w.run(['date', '-n', '0x10'])).stdout).toBe('16\n')
    expect((await w.run(['date', '-n', '77'])).stdout).toBe('77\n')
  })
})

describe('wc', () => {
  it.each([
    ['a byte that begins no rune ends one: one bad rune', [0xc3, 0xff], 2, 1],
    ['each such byte is bad', [0xe3, 0x81, 0xff, 0xf8, 0x61], 4, 2],
    ['a rune cut off by the end', [0x61, 0xe3, 0x81], 2, 1],
  ])('%s', async (_, bytes, runes, bad) => {
    const r = await new World().run(['wc', '-rb'], Uint8Array.from(bytes))
    expect(r.stdout.trim().split(/ +/).map(Number)).toEqual([runes, bad])
  })
  it('counts lines, words, runes, bad runes and bytes', async () => {
    const w = new World({ '/tmp/a': 'one two\nété\n', '/tmp/b': Uint8Array.of(0x61, 0xff, 0xc3, 0x0a, 0xe2, 0x82) })
    expect((await w.run(['wc', 'a', 'b'])).stdout).toBe(
      '      2       3      14 a\n      1       2       6 b\n      3       5      20 total\n',
    )
    expect((await w.run(['wc', '-r', 'a'])).stdout).toBe('     12 a\n')
    expect((await w.run(['wc', '-b', 'b'])).stdout).toBe('      3 b\n')
    expect(await w.run(['wc', 'q'])).toMatchObject({ status: "can't open", stderr: "q: file does not exist: 'q'\n" })
  })
})

describe('a line without end is more than there is memory for', () => {
  const why = 'virtual memory allocation failed'
  it('to grep', async () => {
    const r = await new World().run(['grep', 'x', '/dev/zero'])
    expect(r.stderr).toBe(`grep: read error on /dev/zero: ${why}\n`)
  })
  it.each([['uniq'], ['sort'], ['mc'], ['tail', '-r']])('to %s', async (...argv) => {
    const { status, stderr } = await new World().run([...argv, '/dev/zero'])
    expect(status + stderr).toContain(why)
  })
})

describe('head and tail', () => {
  const ten = Array.from({ length: 30 }, (_, i) => `${i}\n`).join('')
  it('head prints the first lines and reads no more', async () => {
    const w = new World({ '/tmp/t': ten, '/tmp/nonl': 'a\nb' })
    expect((await w.run(['head', 'nonl'])).stdout).toBe('a\nb')
    expect((await w.run(['head', '-0', 't'])).stdout).toBe('')
    expect((await w.run(['head', 't'])).stdout).toBe(ten.slice(0, 20))
    expect((await w.run(['head', '-2', 't'])).stdout).toBe('0\n1\n')
    expect((await w.run(['head', '-n', '1', 't', 't'])).stdout).toBe('==> t <==\n0\n\n==> t <==\n0\n')
    expect(
      (
        await w.pipe([
          ['cat', '/dev/zero'],
          ['tr', '\\000', '\\012'],
          ['head', '-3'],
          ['wc', '-l'],
        ])
      ).stdout,
    ).toBe('      3\n')
  })
  it('tail -f goes on as the file grows, until it is interrupted', async () => {
    const w = new World({ '/tmp/log': 'a\nb\n' })
    const { pid, result, out } = await w.start(['tail', '-1f', 'log'])
    const printed = async (s: string) => {
      while (w.text(out) !== s) await new Promise(r => setTimeout(r, 5))
    }
    await printed('b\n')
    const f = w.tree.lookup('/tmp/log')!
    f.write(new TextEncoder().encode('c\n'), 4)
    await printed('b\nc\n')
    w.kernel.postnote(PNPROC, pid, 'interrupt')
    expect((await result).stdout).toBe('b\nc\n')
  })
  it('tail -f of a pipe ends with it', async () => {
    const r = await new World().pipe([
      ['echo', 'hi'],
      ['tail', '-f'],
    ])
    expect(r).toMatchObject({ status: '', stdout: 'hi\n' })
  })
  it('tail -rN of a pipe keeps N lines, and prints them backwards', async () => {
    const r = await new World().pipe([
      ['seq', '200000'],
      ['tail', '-3r'],
    ])
    expect(r.stdout).toBe('200000\n199999\n199998\n')
    expect(
      (
        await new World().pipe([
          ['seq', '3'],
          ['tail', '-r'],
        ])
      ).stdout,
    ).toBe('3\n2\n1\n')
  })
  it('tail -r ends a line that has no newline', async () => {
    const r = await new World().pipe([
      ['echo', '-n', 'a'],
      ['tail', '-1r'],
    ])
    expect(r.stdout).toBe('a\n')
  })
  it('tail of a pipe keeps the end of it', async () => {
    expect(
      (
        await new World().pipe([
          ['seq', '100000'],
          ['tail', '-2'],
        ])
      ).stdout,
    ).toBe('99999\n100000\n')
  })
})

it('sort writes onto its own input, and sorts 100000 lines', async () => {
  const w = new World({ '/tmp/a': 'b\na\n' })
  expect((await w.run(['sort', '-o', 'a', 'a'])).status).toBe('')
  expect(w.text('/tmp/a')).toBe('a\nb\n')
  const r = await w.pipe([
    ['seq', '100000'],
    ['sort', '-rn'],
    ['head', '-2'],
  ])
  expect(r.stdout).toBe('100000\n99999\n')
  expect(await w.run(['sort', 'nosuch'])).toMatchObject({
    status: 'open',
    stderr: "sort: open nosuch: file does not exist: 'nosuch'\n",
  })
})

it('tee copies to files, -a appends', async () => {
  const w = new World({ '/tmp/a': 'old\n' })
  expect((await w.run(['tee', '-a', 'a', 'b'], 'new\n')).stdout).toBe('new\n')
  expect([w.text('/tmp/a'), w.text('/tmp/b')]).toEqual(['old\nnew\n', 'new\n'])
})

it('xd dumps in each format, and -r leaves out what repeats', async () => {
  const w = new World()
  const b = Uint8Array.of(...Array.from({ length: 18 }, (_, i) => i * 9))
  expect((await w.run(['xd'], b)).stdout).toBe(
    '0000000  0009121b 242d363f 48515a63 6c757e87\n0000010  90990000\n0000012 \n',
  )
  expect((await w.run(['xd', '-b', '-c'], 'hi\n\x01é')).stdout).toBe(
    '0000000  68 69 0a 01 c3 a9\n      0   h  i \\n 01 c3 a9\n0000006 \n',
  )
  expect((await w.run(['xd', '-s', '-2d'], Uint8Array.of(1, 2, 3))).stdout).toBe('0000000  00513 00003\n0000003 \n')
  expect((await w.run(['xd', '-r', '-ao', '-1x'], new Uint8Array(64))).stdout).toBe(
    `0000000 ${' 00'.repeat(16)}\n*\n0000100 \n0000100 \n`,
  )
  // The base of addresses is that of the flags before; the last address has that of them all.
  expect((await w.run(['xd', '-1x', '-ad', '-c'], 'x'.repeat(16))).stdout).toBe(
    `0000000 ${' 78'.repeat(16)}\n      0 ${'  x'.repeat(16)}\n0000010 \n     16 \n0000016 \n`,
  )
})

it('read takes no more than its line, so that the next one finds the rest', async () => {
  const w = new World()
  expect((await w.seq([['read'], ['echo', '-'], ['cat']], 'one\ntwo\n')).stdout).toBe('one\n-\ntwo\n')
  expect((await w.run(['read', '-r', '2'], 'éàx')).stdout).toBe('éà')
  expect((await w.run(['read'], '')).status).toBe('eof')
})

it.each(['9000', '5', '8192', '8190'])('read -r %s takes that many runes, and no more', async n => {
  const text = 'aéà€𝄞'.repeat(3000)
  const w = new World()
  const r = await w.seq([['read', '-r', n], ['echo'], ['cat']], text)
  const runes = [...text]
  expect(r.stdout).toBe(`${runes.slice(0, Number(n)).join('')}\n${runes.slice(Number(n)).join('')}`)
})

it('read -r says when a rune is cut off by the end, and prints its bytes', async () => {
  const r = await new World().run(['read', '-r', '5'], Uint8Array.of(0x61, 0xe2, 0x82))
  expect([...r.bytes]).toEqual([0x61, 0xe2, 0x82])
  expect(r.stderr).toBe('warning: partial rune at end of <stdin>\n')
})

it('touch -t saturates as strtoul(2) does; ~0 in a wstat leaves the time', async () => {
  const w = new World({ '/tmp/a': '' })
  const mtime = async (t: string) => {
    w.tree.lookup('/tmp/a')!.mtime = 7
    expect((await w.run(['touch', '-t', t, 'a'])).status).toBe('')
    return w.tree.lookup('/tmp/a')!.mtime
  }
  expect(await mtime('4294967294')).toBe(4294967294)
  expect(await mtime('99999999999999')).toBe(7)
  expect(await mtime('0x10')).toBe(16)
  expect(await mtime('-2')).toBe(4294967294)
})

describe('a directory whose read fails half way', () => {
  const broken: Program = async (sys, argv) => {
    const tree = new Tree('glenda')
    tree.add('/d/a', 'x'.repeat(1024))
    tree.add('/d/s/b', 'y'.repeat(2048))
    tree.add('/empty', '')
    const fs = ramfs(tree)
    await postsrv(sys, 'broken', {
      ...fs,
      readdir: function* (fid) {
        yield* [...fid.aux.children!.values()].map(f => f.stat())
        // More than one Rread has room for: an error gets past what one has.
        for (let i = 0; i < 2000 && fid.aux.name === 'd'; i++) yield { ...tree.lookup('/empty')!.stat(), name: `f${i}` }
        if (fid.aux.name === 'd') throw new PlanError('i/o error')
      },
    })
    await sys.mount(await sys.open('/srv/broken', ORDWR), -1, argv[1]!, MREPL, '')
    return ''
  }
  const run = (...cmd: string[]) => new World({}, { broken }).seq([['broken', '/n'], cmd])
  it('du counts what was read', async () => {
    expect(await run('du', '/n/d')).toMatchObject({
      stdout: '2\t/n/d/s\n3\t/n/d\n',
      stderr: 'du: /n/d: i/o error\n',
      status: '',
    })
  })
  it('head prints what there is, and fails', async () => {
    // A stat's times may hold newlines: ten of them must not be enough.
    expect(await run('head', '-n', '1000000', '/n/d')).toMatchObject({
      stderr: 'head: error reading /n/d: i/o error\n',
      status: 'read error',
    })
  })
  it('rm -r removes nothing of it', async () => {
    expect(await run('rm', '-r', '/n/d')).toMatchObject({ stderr: 'rm: dirreadall: i/o error\n', status: 'i/o error' })
  })
})

it('du adds up blocks', async () => {
  const w = new World({ '/d/a': 'x'.repeat(1500), '/d/s/b': 'y' })
  expect((await w.run(['du', '/d'])).stdout).toBe('1\t/d/s\n3\t/d\n')
  expect((await w.run(['du', '-s', '-n', '/d'])).stdout).toBe('1500\t/d/a\n1\t/d/s/b\n1501\t/d\n')
  expect((await w.run(['du', '-sh', '/d'])).stdout).toBe('3k\t/d\n')
})

describe('test', () => {
  it('-older, -nt and -ot compare times', async () => {
    const w = new World({ '/tmp/old': '', '/tmp/new': '' })
    w.tree.lookup('/tmp/old')!.mtime = 1000
    const is = async (...expr: string[]) => (await w.run(['test', ...expr])).status
    expect(await is('old', '-older', '1d')).toBe('')
    expect(await is('new', '-older', '1d')).toBe('false')
    expect(await is('old', '-older', '999')).toBe('false')
    expect(await is('new', '-nt', 'old')).toBe('')
    expect(await is('new', '-ot', 'old')).toBe('false')
    expect(await is('-d', '/tmp')).toBe('')
    expect(await is('-r', 'nosuch')).toBe('false')
    expect(await is('-f')).toBe('bad syntax')
  })
})

it('man prints a page, finds it by any title, and says when there is none', async () => {
  const page = '.TH CP 1\n.SH NAME\ncp, mv \\- copy\n.SH SYNOPSIS\n.B cp\n.I from to\n'
  const w = new World({ '/sys/man/1/cp': page, '/sys/man/1/INDEX': 'cp cp\nmv cp\n', '/sys/man/2/cp': page })
  expect((await w.run(['man', '1', 'mv'])).stdout).toMatch(
    /^ {5}CP\(1\) +CP\(1\)\n\n {5}NAME\n {10}cp, mv - copy\n\n {5}SYNOPSIS\n {10}cp from to\n\n$/,
  )
  expect((await w.run(['man', '-w', 'mv'])).stdout).toBe('/sys/man/1/cp\n')
  expect((await w.run(['man', '-w', 'M.'])).stdout).toBe('/sys/man/1/cp\n')
  expect((await w.run(['man', '-w', '(mv'])).status).toBe('no man')
  expect((await w.run(['man', '-S', '-w', 'cp'])).stdout).toBe('/sys/man/1/cp\n/sys/man/2/cp\n')
  expect(await w.run(['man', 'nosuch'])).toMatchObject({ status: 'no man', stderr: 'man: no manual page\n' })
})
