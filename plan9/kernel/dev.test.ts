import { describe, expect, test } from 'vitest'
import { ORDWR, OREAD, OTRUNC, OWRITE } from '../9p/const.ts'
import { Queue } from './qio.ts'
import { MREPL, PNPROC, RFENVG, RFFDG, RFPROC } from './sys.ts'
import { boot, errof, ls, readall, writefile } from './testkernel.ts'

const text = (b: Uint8Array) => new TextDecoder().decode(b)
const never = () => new AbortController().signal

describe('pipes', () => {
  test('go both ways, keep the ends of writes, and end', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      await sys.write(a, 'one')
      await sys.write(a, 'two')
      await sys.write(b, 'back')
      expect(text(await sys.read(b, 100))).toBe('one')
      expect(text(await sys.read(b, 1))).toBe('t')
      expect(text(await sys.read(b, 100))).toBe('wo')
      expect(text(await sys.read(a, 100))).toBe('back')
      expect(await sys.fd2path(a)).toBe('#|/data')
      expect((await sys.fstat(a)).length).toBe(0n)
      expect(await errof(sys.seek(a, 0, 0))).toBe('seek on a stream')
      await sys.write(a, 'left')
      await sys.close(a)
      expect(text(await sys.read(b, 100))).toBe('left')
      expect((await sys.read(b, 100)).length).toBe(0)
      expect((await sys.read(b, 100)).length).toBe(0)
    })
  })

  test('hold a writer up at their limit, and lose nothing', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      const total = 3_000_000
      await sys.rfork(RFPROC | RFFDG, async child => {
        await child.close(b)
        const data = new Uint8Array(total).map((_, i) => i % 253)
        for (let n = 0; n < total; n += 100_000) await child.write(a, data.subarray(n, n + 100_000))
        return ''
      })
      await sys.close(a)
      let n = 0
      for (;;) {
        const data = await sys.read(b, 8192)
        if (data.length === 0) break
        for (const x of data) if (x !== n++ % 253) throw new Error(`byte ${n}`)
        expect((await sys.fstat(b)).length).toBeLessThan(400_000n)
      }
      expect(n).toBe(total)
      await sys.wait()
    })
  })

  test('a blocked writer hears that the reader has gone', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      await sys.rfork(RFPROC | RFFDG, async child => {
        await child.close(b)
        child.notify(() => true)
        return errof(child.write(a, new Uint8Array(1_000_000)))
      })
      await sys.close(a)
      await sys.read(b, 10)
      await sys.close(b)
      expect((await sys.wait()).msg).toMatch(/: i\/o on hungup channel$/)
    })
  })

  test('bound on a directory, #| shows both ends', async () => {
    const t = boot()
    await t.proc(async sys => {
      await sys.bind('#|', '/n/a', MREPL)
      expect(await ls(sys, '/n/a')).toEqual(['data', 'data1'])
      const r = await sys.open('/n/a/data1', OREAD)
      await writefile(sys, '/n/a/data', 'through')
      expect(text(await sys.read(r, 100))).toBe('through')
      expect((await sys.read(r, 100)).length).toBe(0)
    })
  })

  test('a write of many blocks stays in one piece', async () => {
    const q = new Queue(100_000)
    const one = q.qwrite(new Uint8Array(500_000).fill(1), never)
    const two = q.qwrite(new Uint8Array(10).fill(2), never)
    let ones = 0
    for (;;) {
      const b = await q.qread(50_000, never)
      if (b[0] === 2) break
      ones += b.length
    }
    expect(ones).toBe(500_000)
    expect(await one).toBe(500_000)
    expect(await two).toBe(10)
  })
})

describe('/env', () => {
  test('variables are files: made, truncated, appended to, removed', async () => {
    const t = boot()
    await t.proc(async sys => {
      await writefile(sys, '/env/v', 'a\0b\0')
      expect(await readall(sys, '/env/v')).toBe('a\0b\0')
      const fd = await sys.open('/env/v', OWRITE)
      await sys.seek(fd, 0, 2)
      await sys.write(fd, 'c\0')
      await sys.close(fd)
      expect(await readall(sys, '/env/v')).toBe('a\0b\0c\0')
      expect((await sys.stat('/env/v')).length).toBe(6n)
      await sys.close(await sys.open('/env/v', OWRITE | OTRUNC))
      expect(await readall(sys, '/env/v')).toBe('')
      expect(await ls(sys, '/env')).toContain('v')
      await sys.remove('/env/v')
      expect(await errof(sys.open('/env/v', OREAD))).toBe("file does not exist: '/env/v'")
      const odd = await sys.create('#e/fn#x', OWRITE, 0o666)
      await sys.write(odd, 'fn x{}')
      expect(await readall(sys, '#e/fn#x')).toBe('fn x{}')
      const big = await sys.create('/env/big', OWRITE, 0o666)
      expect(await errof(sys.write(big, new Uint8Array(600_000)))).toBe('read or write too large')
    })
  })

  test('an open variable stays with the group it was opened in', async () => {
    const t = boot()
    await t.proc(async sys => {
      await writefile(sys, '/env/v', 'old')
      const fd = await sys.open('/env/v', ORDWR)
      await sys.rfork(RFENVG)
      await writefile(sys, '/env/v', 'new')
      expect(text(await sys.read(fd, 10))).toBe('old')
      expect(await readall(sys, '/env/v')).toBe('new')
    })
  })
})

describe('/fd', () => {
  test('opening n is dup(n), nctl tells about it', async () => {
    const t = boot({ '/lib/f': 'abcdef' })
    await t.proc(async sys => {
      const fd = await sys.open('/lib/f', OREAD)
      await sys.read(fd, 2)
      const copy = await sys.open(`/fd/${fd}`, OREAD)
      expect(text(await sys.read(copy, 2))).toBe('cd')
      expect(await sys.fd2path(copy)).toBe('/lib/f')
      expect(await readall(sys, `#d/${fd}ctl`)).toMatch(
        /^ {2}3 r {2}M +\d+ \([0-9a-f]{16} \d+ 00\) 65536 {8}4 \/lib\/f\n$/,
      )
      expect(await errof(sys.open(`/fd/${fd}`, OWRITE))).toBe(`inappropriate use of fd: '/fd/${fd}'`)
      expect(await errof(sys.open('/fd/42', OREAD))).toBe("file does not exist: '/fd/42'")
      expect((await ls(sys, '/fd')).slice(0, 2)).toEqual(['0', '0ctl'])
      expect((await sys.stat(`/fd/${fd}`)).mode & 0o777).toBe(0o400)
    })
  })
})

describe('#c', () => {
  test('the small files', async () => {
    const t = boot()
    await t.proc(async sys => {
      const zero = await sys.open('/dev/zero', OREAD)
      expect(await sys.read(zero, 5)).toEqual(new Uint8Array(5))
      const random = await sys.open('/dev/random', OREAD)
      const [x, y] = [await sys.read(random, 100_000), await sys.read(random, 16)]
      expect(x.length).toBe(100_000)
      expect(text(x.subarray(0, 16))).not.toBe(text(y))
      expect(await sys.write(await sys.open('/dev/null', ORDWR), 'gone')).toBe(4)
      expect(await readall(sys, '/dev/null')).toBe('')
      expect(await readall(sys, '/dev/osversion')).toBe('2000')
      expect(await readall(sys, '/dev/sysname')).toBe('term')
      await writefile(sys, '/dev/sysname', 'gnot\n')
      expect(await readall(sys, '/dev/sysname')).toBe('gnot')
      expect(await readall(sys, '/dev/ppid')).toBe('          0 ')
      const drivers = await readall(sys, '/dev/drivers')
      expect(drivers).toContain('#c cons\n')
      expect(drivers).toContain('#M mnt\n')
      expect(await readall(sys, '/dev/swap')).toMatch(/^\d+ memory\n4096 pagesize\n/)
      const stat = (await readall(sys, '/dev/sysstat')).trim().split(/ +/).map(Number)
      expect(stat).toHaveLength(10)
      expect(stat[3]).toBeGreaterThan(10)
      await writefile(sys, '/dev/sysstat', 'x')
      const after = (await readall(sys, '/dev/sysstat')).trim().split(/ +/).map(Number)
      expect(after[3]).toBeLessThan(10)
      expect(await errof(sys.open('/dev/pid', OWRITE))).toBe("permission denied: '/dev/pid'")
      expect(await errof(sys.remove('/dev/pid'))).toBe('permission denied')
      expect(await errof(sys.create('#c/new', OWRITE, 0o666))).toBe("permission denied: '#c/new'")
    })
  })

  test('time and bintime agree with the host, and can be set', async () => {
    const t = boot()
    await t.proc(async sys => {
      const line = await readall(sys, '/dev/time')
      expect(line).toHaveLength(12 + 3 * 22)
      const [sec, ns, , hz] = line.trim().split(/ +/).map(Number)
      expect(Math.abs(sec! - Date.now() / 1000)).toBeLessThan(5)
      expect(Math.abs(ns! / 1e9 - sec!)).toBeLessThan(2)
      expect(hz).toBe(1e9)
      const b = await sys.read(await sys.open('/dev/bintime', OREAD), 24)
      const v = new DataView(b.buffer, b.byteOffset)
      expect(Math.abs(Number(v.getBigUint64(0)) - ns!)).toBeLessThan(5e9)
      expect(v.getBigUint64(16)).toBe(1_000_000_000n)
      expect((await sys.read(await sys.open('/dev/bintime', OREAD), 8)).length).toBe(8)
      await writefile(sys, '/dev/time', '1000000000')
      expect((await readall(sys, '/dev/time')).trimStart()).toMatch(/^100000000\d /)
    })
  })

  test('a process may become none, and nobody else', async () => {
    const t = boot()
    await t.proc(async sys => {
      expect(await errof(writefile(sys, '/dev/user', 'adm'))).toBe('permission denied')
      await writefile(sys, '/dev/user', 'none')
      expect(sys.user).toBe('none')
      expect(await errof(writefile(sys, '/dev/time', '1'))).toBe("permission denied: '/dev/time'")
    })
  })

  test('chdev takes drivers away for good', async () => {
    const t = boot()
    await t.proc(async sys => {
      await writefile(sys, '/dev/drivers', 'chdev &~ ps')
      expect(await errof(sys.open('#p', OREAD))).toBe('mount/attach disallowed')
      expect(await errof(sys.open('#s', OREAD))).toBe('mount/attach disallowed')
      expect(await readall(sys, '/dev/drivers')).not.toContain('#p')
      await writefile(sys, '/dev/drivers', 'chdev & cd')
      expect(await readall(sys, '#c/drivers')).toBe('#c cons\n#d dup\n')
      expect(await errof(writefile(sys, '#c/drivers', 'chdev ^ c'))).toBe('bad arg in system call')
    })
  })

  test('cons is the console of the process; #cN is console N', async () => {
    const t = boot()
    await t.proc(
      async sys => {
        await sys.write(1, 'mine')
        const other = await sys.open('#c0/cons', ORDWR)
        await sys.write(other, 'other')
        t.cons[0]!.type('typed\n')
        expect(text(await sys.read(other, 100))).toBe('typed\n')
        t.cons[1]!.type('')
        expect((await sys.read(0, 100)).length).toBe(0)
        expect(await errof(sys.open('#c7/cons', OREAD))).toBe('bad attach specifier')
        expect(await readall(sys, '/dev/kmesg')).toContain('mineother')
      },
      { cons: 1 },
    )
    expect(t.cons.map(c => c.out)).toEqual(['other', 'mine'])
  })

  test('consctl: messages go to the driver; the last close is rawoff', async () => {
    const t = boot()
    await t.proc(async sys => {
      const a = await sys.open('/dev/consctl', OWRITE)
      const b = await sys.open('/dev/consctl', OWRITE)
      await sys.write(a, 'rawon')
      expect(await errof(sys.write(a, 'nonsense'))).toBe('unknown control message "nonsense"')
      await sys.close(a)
      expect(t.cons[0]!.ctls).toEqual(['rawon'])
      await sys.close(b)
      expect(t.cons[0]!.ctls).toEqual(['rawon', 'rawoff'])
      await sys.write(await sys.open('/dev/consctl', OWRITE), 'holdon')
    })
    expect(t.cons[0]!.ctls).toEqual(['rawon', 'rawoff', 'holdon', 'rawoff'])
  })

  test('a read of the console is interrupted by a note', async () => {
    const t = boot()
    await t.proc(async sys => {
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(() => true)
        return errof(child.read(0, 10))
      })
      await sys.sleep(0)
      await sys.postnote(PNPROC, pid, 'interrupt')
      expect((await sys.wait()).msg).toMatch(/: interrupted$/)
    })
  })

  test('kmesg keeps the last 16 KB, kprint gives what comes', async () => {
    const t = boot()
    await t.proc(async sys => {
      const fd = await sys.open('/dev/kprint', OREAD)
      t.k.print('hello\n')
      expect(text(await sys.read(fd, 100))).toBe('hello\n')
      for (let i = 0; i < 3000; i++) t.k.print(`line ${i}\n`)
      const all = await readall(sys, '/dev/kmesg')
      expect(all).toHaveLength(16384)
      expect(all.endsWith('line 2999\n')).toBe(true)
    })
  })
})

test('none of the system calls fails otherwise than by an error string', async () => {
  const t = boot({ '/lib/f': 'x' })
  await t.proc(async sys => {
    const odd = [-1, 0, 1, 2, 3, 99, 1e12, Number.NaN, 0.5]
    const names = [
      '',
      '/',
      '.',
      '..',
      '#',
      '#c',
      '#|/data',
      '#d/0',
      '/lib/f',
      '/nope',
      'x'.repeat(70000),
      '#s/boot',
      '\0',
    ]
    sys.notify(() => true)
    for (const n of odd) {
      for (const name of names) {
        await errof(sys.create(name, n, 0o666).then(fd => (fd > 2 ? sys.close(fd) : undefined)))
        await errof(sys.open(name, n).then(fd => (fd > 2 ? sys.close(fd) : undefined)))
      }
      if (n !== 0) {
        await errof(sys.pread(3, n, n))
        await errof(sys.seek(3, n, n))
      }
      await errof(sys.rfork(n))
      await errof(sys.postnote(n, n === sys.pid ? 0 : n + 1000, 'x'))
      await errof(sys.fd2path(n))
      await errof(sys.fstat(n))
      for (const a of names) await errof(sys.bind(a, '/n/a', n))
    }
    for (const name of names) {
      await errof(sys.stat(name))
      if (name !== '/lib/f') await errof(sys.remove(name))
      await errof(sys.wstat(name, { name: 'a/b' }))
      await errof(sys.unmount(name, '/n/b'))
    }
    await sys.rfork(RFPROC | RFFDG, async () => '')
  })
  expect(new TextDecoder().decode(t.k.kmesg.read(99999, 0))).not.toContain('    at ')
})
