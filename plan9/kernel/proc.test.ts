import { describe, expect, test } from 'vitest'
import { OCEXEC, ORDWR, OREAD, OWRITE } from '../9p/const.ts'
import { PlanError } from '../error.ts'
import {
  MREPL,
  PNGROUP,
  PNPROC,
  RFCENVG,
  RFCFDG,
  RFCNAMEG,
  RFENVG,
  RFFDG,
  RFMEM,
  RFNAMEG,
  RFNOTEG,
  RFNOWAIT,
  RFPROC,
  RFREND,
  type Sys,
} from './sys.ts'
import { NPROC } from './sysproc.ts'
import { boot, errof, ls, readall, writefile } from './testkernel.ts'

/** A promise and what settles it. */
function event<T = void>() {
  let fire!: (value: T) => void
  const promise = new Promise<T>(resolve => {
    fire = resolve
  })
  return { promise, fire }
}

describe('exit and wait', () => {
  test('the parent gets text, pid and status; success is empty', async () => {
    const t = boot()
    await t.proc(async sys => {
      const a = await sys.rfork(RFPROC, async () => 'broke')
      expect(await sys.wait()).toMatchObject({ pid: a, msg: `t1 ${a}: broke` })
      const b = await sys.rfork(RFPROC, async () => '')
      const w = await sys.wait()
      expect(w).toMatchObject({ pid: b, msg: '' })
      expect(w.time).toHaveLength(3)
      await sys.rfork(RFPROC, async child => child.exits('by exits'))
      expect((await sys.wait()).msg).toMatch(/: by exits$/)
      expect(await errof(sys.wait())).toBe('no living children')
      await sys.rfork(RFPROC | RFNOWAIT, async () => 'unseen')
      expect(await errof(sys.wait())).toBe('no living children')
    })
  })

  test('there are so many processes and no more; when they have ended there is room again', async () => {
    const t = boot()
    await t.proc(async sys => {
      const over = event()
      let made = 0
      const fork = () => sys.rfork(RFPROC, () => over.promise.then(() => ''))
      const full = (async () => {
        for (;;) {
          await fork()
          made++
        }
      })()
      expect(await errof(full)).toBe('no procs')
      expect(made).toBeGreaterThan(NPROC - 10)
      over.fire()
      // Of so many children not all leave a wait record.
      const waitall = (async () => {
        for (;;) await sys.wait()
      })()
      expect(await errof(waitall)).toBe('no living children')
      const pid = await sys.rfork(RFPROC, async () => '')
      expect((await sys.wait()).pid).toBe(pid)
    })
  })

  test('a long status is cut to ERRMAX', async () => {
    const t = boot()
    await t.proc(async sys => {
      await sys.rfork(RFPROC, async () => 'é'.repeat(300))
      const { msg } = await sys.wait()
      expect(new TextEncoder().encode(msg).length).toBeLessThanOrEqual(127)
      expect(msg.endsWith('é')).toBe(true)
    })
  })

  test('an error string that a program lets out is its status, told on fd 2; a bug is a trap, told in kmesg', async () => {
    const t = boot()
    const told = console.error
    const errors: unknown[] = []
    console.error = (...a: unknown[]) => errors.push(a)
    try {
      await t.proc(async sys => {
        const pid = await sys.rfork(RFPROC, async child => {
          await child.open('/nope', OREAD)
          return ''
        })
        expect((await sys.wait()).msg).toBe(`t1 ${pid}: file does not exist: '/nope'`)
        expect(t.cons[0]!.out).toBe(`t1 ${pid}: file does not exist: '/nope'\n`)
        await sys.rfork(RFPROC, async () => {
          throw new TypeError('boom')
        })
        expect((await sys.wait()).msg).toMatch(/: sys: trap: boom$/)
        expect(await readall(sys, '/dev/kmesg')).toContain('TypeError: boom')
      })
    } finally {
      console.error = told
    }
    expect(errors).toHaveLength(1)
  })

  test('an exit closes the fds, and is told after that', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      await sys.rfork(RFPROC | RFFDG, async child => {
        await child.write(b, 'last words')
        return ''
      })
      await sys.close(b)
      expect(new TextDecoder().decode(await sys.read(a, 100))).toBe('last words')
      expect((await sys.read(a, 100)).length).toBe(0)
      await sys.wait()
    })
  })

  test('orphans go on, and tell nobody', async () => {
    const t = boot()
    const grown = event()
    const gone = event<number>()
    await t.proc(async sys => {
      await sys.rfork(RFPROC, async child => {
        await child.rfork(RFPROC, async grandchild => {
          await grown.promise
          gone.fire(grandchild.pid)
          return 'orphan'
        })
        return ''
      })
      await sys.wait()
      grown.fire()
      const pid = await gone.promise
      expect(await errof(sys.wait())).toBe('no living children')
      for (let i = 0; i < 20 && t.k.procs.has(pid); i++) await sys.sleep(0)
      expect(t.k.procs.has(pid)).toBe(false)
    })
  })

  test('calls after the end unwind with what is no PlanError', async () => {
    const t = boot()
    const late = event<unknown>()
    await t.proc(async sys => {
      let theirs: Sys | undefined
      await sys.rfork(RFPROC, async child => {
        theirs = child
        return ''
      })
      await sys.wait()
      theirs!.open('/', OREAD).catch(late.fire)
      expect(await late.promise).not.toBeInstanceOf(PlanError)
      expect(() => theirs!.exits('again')).toThrow()
    })
  })
})

describe('rfork', () => {
  test('refuses contradictions', async () => {
    const t = boot()
    await t.proc(async sys => {
      const none = async () => ''
      for (const flags of [RFFDG | RFCFDG, RFNAMEG | RFCNAMEG, RFENVG | RFCENVG]) {
        expect(await errof(sys.rfork(flags))).toBe('bad arg in system call')
        expect(await errof(sys.rfork(flags | RFPROC, none))).toBe('bad arg in system call')
      }
      expect(await errof(sys.rfork(RFMEM))).toBe('bad arg in system call')
      expect(await errof(sys.rfork(RFNOWAIT))).toBe('bad arg in system call')
      expect(await errof(sys.rfork(RFPROC))).toBe('bad arg in system call')
      expect(await sys.rfork(RFENVG | RFNAMEG | RFFDG | RFREND | RFNOTEG)).toBe(0)
      expect(await sys.rfork(RFPROC | RFMEM, none)).toBeGreaterThan(sys.pid)
    })
  })

  test('RFFDG copies the fds, RFCFDG has none, sharing shares', async () => {
    const t = boot()
    await t.proc(async sys => {
      const fd = await sys.open('/dev/null', ORDWR)
      await sys.rfork(RFPROC | RFFDG, async child => {
        await child.close(fd)
        return ''
      })
      await sys.wait()
      expect(await sys.fd2path(fd)).toBe('/dev/null')
      await sys.rfork(RFPROC | RFCFDG, async child => errof(child.fd2path(fd)))
      expect((await sys.wait()).msg).toMatch(/fd out of range or not open$/)
      await sys.rfork(RFPROC, async child => {
        await child.close(fd)
        return ''
      })
      await sys.wait()
      expect(await errof(sys.fd2path(fd))).toBe('fd out of range or not open')
    })
  })

  test('an offset is shared by copies of an fd', async () => {
    const t = boot({ '/tmp/f': 'abcdef' })
    await t.proc(async sys => {
      const fd = await sys.open('/tmp/f', OREAD)
      const copy = await sys.dup(fd, -1)
      await sys.rfork(RFPROC | RFFDG, async child => {
        await child.read(fd, 2)
        return ''
      })
      await sys.wait()
      expect(new TextDecoder().decode(await sys.read(copy, 2))).toBe('cd')
      expect(await sys.dup(fd, 17)).toBe(17)
      expect(new TextDecoder().decode(await sys.read(17, 2))).toBe('ef')
      expect(await errof(sys.dup(99, -1))).toBe('fd out of range or not open')
      expect(await errof(sys.dup(fd, -7))).toBe('fd out of range or not open')
    })
  })

  test('environment groups: shared, copied, cleared', async () => {
    const t = boot()
    await t.proc(async sys => {
      await writefile(sys, '/env/x', 'one')
      const set = (value: string) => async (child: Sys) => {
        await writefile(child, '/env/x', value)
        return ''
      }
      await sys.rfork(RFPROC | RFENVG, set('two'))
      await sys.wait()
      expect(await readall(sys, '/env/x')).toBe('one')
      await sys.rfork(RFPROC, set('three'))
      await sys.wait()
      expect(await readall(sys, '/env/x')).toBe('three')
      await sys.rfork(RFPROC | RFCENVG, async child => ((await ls(child, '/env')).length === 0 ? '' : 'not empty'))
      expect((await sys.wait()).msg).toBe('')
    })
  })

  test('rendezvous swaps values within a group', async () => {
    const t = boot()
    await t.proc(async sys => {
      await sys.rfork(RFPROC, async child => await child.rendezvous('tag', 'from child'))
      expect(await sys.rendezvous('tag', 'from parent')).toBe('from child')
      expect((await sys.wait()).msg).toMatch(/: from parent$/)
      await sys.rfork(RFPROC | RFREND, async child => {
        child.notify(() => true)
        child.alarm(20)
        return errof(child.rendezvous('tag', 1))
      })
      expect((await sys.wait()).msg).toMatch(/: interrupted$/)
    })
  })
})

describe('notes', () => {
  test('without a handler a note ends the process, wherever it waits', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a] = await sys.pipe()
      const waits: ((child: Sys) => Promise<unknown>)[] = [
        child => child.read(a, 1),
        child => child.sleep(1e6),
        child => child.rendezvous('x', 1),
        child => child.read(0, 1),
        () => new Promise(() => {}),
      ]
      for (const wait of waits) {
        const at = event()
        const pid = await sys.rfork(RFPROC, async child => {
          at.fire()
          await wait(child)
          return 'went on'
        })
        await at.promise
        await sys.sleep(0)
        await sys.postnote(PNPROC, pid, 'interrupt')
        expect((await sys.wait()).msg).toBe(`t1 ${pid}: interrupt`)
      }
    })
  })

  test('the handler runs before the interrupted call rejects', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a] = await sys.pipe()
      const order: string[] = []
      const at = event()
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(async note => {
          await child.sleep(0)
          order.push(`note ${note}`)
          return true
        })
        at.fire()
        order.push(await errof(child.read(a, 1)))
        order.push(await errof(child.open('/dev/null', OREAD)))
        return ''
      })
      await at.promise
      await sys.sleep(0)
      await sys.postnote(PNPROC, pid, 'hello')
      expect((await sys.wait()).msg).toBe('')
      expect(order).toEqual(['note hello', 'interrupted', ''])
    })
  })

  test('a handler that says NDFLT ends the process with the note', async () => {
    const t = boot()
    await t.proc(async sys => {
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(() => false)
        await child.postnote(PNPROC, child.pid, 'mine')
        return 'went on'
      })
      expect((await sys.wait()).msg).toBe(`t1 ${pid}: mine`)
    })
  })

  test('a note that comes between calls is seen to at the next, which goes on when it need not wait', async () => {
    const t = boot()
    await t.proc(async sys => {
      const got: string[] = []
      const at = event()
      const posted = event()
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(note => {
          got.push(note)
          return true
        })
        at.fire()
        const signal = child.interrupted()
        await posted.promise
        got.push(String(signal.aborted))
        await child.sleep(0)
        got.push(String(child.interrupted().aborted))
        return ''
      })
      await at.promise
      await sys.postnote(PNPROC, pid, 'now')
      posted.fire()
      expect((await sys.wait()).msg).toBe('')
      expect(got).toEqual(['true', 'now', 'false'])
    })
  })

  test('a note that comes between calls interrupts the next where it waits, and no other', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      const got: string[] = []
      sys.notify(note => {
        got.push(note)
        return true
      })
      await sys.write(b, 'xy')
      t.k.postnote(PNPROC, sys.pid, 'one')
      expect(new TextDecoder().decode(await sys.read(a, 1))).toBe('x')
      expect(got).toEqual(['one'])
      await sys.read(a, 1)
      const waits = [() => sys.read(a, 1), () => sys.sleep(1e6), () => sys.rendezvous('r', 0), () => sys.read(0, 1)]
      for (const wait of waits) {
        t.k.postnote(PNPROC, sys.pid, 'two')
        expect(await errof(wait())).toBe('interrupted')
        expect(got.pop()).toBe('two')
      }
      const later = sys.read(a, 1)
      await sys.write(b, 'z')
      expect(new TextDecoder().decode(await later)).toBe('z')
      expect(got).toEqual(['one'])
    })
  })

  test('a note that comes between a handler and an exec is not lost', async () => {
    const t = boot()
    t.program('next', async () => 'went on')
    await t.proc(async sys => {
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(() => true)
        t.k.postnote(PNPROC, child.pid, 'late')
        child.notify(undefined)
        return child.exec('/bin/next', ['next'])
      })
      expect((await sys.wait()).msg).toBe(`t1 ${pid}: late`)
      await sys.rfork(RFPROC, async child => {
        const got: string[] = []
        child.notify(note => got.push(note) > 0)
        t.k.postnote(PNPROC, child.pid, 'late')
        got.push(await errof(child.exec('/bin/next', ['next'])))
        return got.join(' ')
      })
      expect((await sys.wait()).msg).toMatch(/: late interrupted$/)
    })
  })

  test('notes that come while one is handled wait their turn', async () => {
    const t = boot()
    await t.proc(async sys => {
      const got: string[] = []
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(async note => {
          got.push(`<${note}`)
          if (note === 'a') await errof(child.postnote(PNPROC, child.pid, 'b'))
          got.push(`${note}>`)
          return true
        })
        await errof(child.postnote(PNPROC, child.pid, 'a'))
        return ''
      })
      expect((await sys.wait()).pid).toBe(pid)
      expect(got).toEqual(['<a', 'a>', '<b', 'b>'])
    })
  })

  test('several calls under way are all interrupted, after one run of the handler', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a] = await sys.pipe()
      let runs = 0
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(() => {
          runs++
          return true
        })
        const calls = [child.read(a, 1), child.sleep(1e6), child.rendezvous('r', 0)].map(errof)
        calls.push(errof(child.postnote(PNPROC, child.pid, 'x')))
        return (await Promise.all(calls)).join(',')
      })
      expect((await sys.wait()).msg).toBe(`t1 ${pid}: interrupted,interrupted,interrupted,`)
      expect(runs).toBe(1)
    })
  })

  test('a group: all but the sender; RFNOTEG leaves it', async () => {
    const t = boot()
    await t.proc(async sys => {
      await sys.rfork(RFNOTEG)
      const wait = async (child: Sys) => {
        await child.sleep(1e6)
        return ''
      }
      const one = await sys.rfork(RFPROC, wait)
      const two = await sys.rfork(RFPROC, wait)
      const out = await sys.rfork(RFPROC | RFNOTEG, wait)
      await sys.postnote(PNGROUP, one, 'hangup')
      const dead = [await sys.wait(), await sys.wait()]
      expect(dead.map(w => w.pid).sort()).toEqual([one, two])
      expect(dead[0]!.msg).toMatch(/: hangup$/)
      expect(await readall(sys, `/proc/${out}/noteid`)).toBe(`${String(out).padStart(11)} `)
      await writefile(sys, `/proc/${out}/note`, 'bye')
      expect((await sys.wait()).msg).toMatch(/: bye$/)
      expect(await errof(sys.postnote(PNPROC, 9999, 'x'))).toBe('process does not exist')
    })
  })

  test('alarm posts a note, and tells what was left', async () => {
    const t = boot()
    await t.proc(async sys => {
      const got: string[] = []
      sys.notify(note => {
        got.push(note)
        return true
      })
      expect(sys.alarm(100000)).toBe(0)
      expect(sys.alarm(5)).toBeGreaterThan(99000)
      expect(await errof(sys.sleep(1e6))).toBe('interrupted')
      expect(got).toEqual(['alarm'])
      sys.alarm(5)
      sys.alarm(0)
      await sys.sleep(10)
      expect(got).toEqual(['alarm'])
    })
  })

  test('kill ends what handles notes, what waits outside, and what is exiting', async () => {
    const t = boot()
    await t.proc(async sys => {
      const pid = await sys.rfork(RFPROC, async child => {
        child.notify(() => true)
        for (;;) await errof(child.sleep(1e6))
      })
      await writefile(sys, `/proc/${pid}/note`, 'x')
      expect(t.k.procs.has(pid)).toBe(true)
      await writefile(sys, `/proc/${pid}/ctl`, 'kill')
      expect((await sys.wait()).msg).toBe(`t1 ${pid}: sys: killed`)
      const out = await sys.rfork(RFPROC, async child => {
        child.notify(() => true)
        return new Promise<string>(() => {})
      })
      await sys.sleep(0)
      await writefile(sys, `/proc/${out}/ctl`, 'kill')
      expect((await sys.wait()).pid).toBe(out)
    })
  })

  test('a write on a closed pipe is an error and a note', async () => {
    const t = boot()
    await t.proc(async sys => {
      const child = async (c: Sys) => {
        const [a, b] = await c.pipe()
        await c.close(a)
        return errof(c.write(b, 'x'))
      }
      await sys.rfork(RFPROC, child)
      expect((await sys.wait()).msg).toMatch(/: sys: write on closed pipe$/)
      await sys.rfork(RFPROC, async c => {
        c.notify(note => note === 'sys: write on closed pipe')
        return child(c)
      })
      expect((await sys.wait()).msg).toMatch(/: i\/o on hungup channel$/)
    })
  })
})

describe('the host', () => {
  test('gets its turn while processes keep each other busy', async () => {
    const t = boot()
    await t.proc(async sys => {
      const [a, b] = await sys.pipe()
      const pids: number[] = []
      for (const fd of [a, b])
        pids.push(
          await sys.rfork(RFPROC, async child => {
            for (;;) {
              await child.write(fd, 'x')
              await child.read(fd, 1)
            }
          }),
        )
      setTimeout(() => {
        for (const pid of pids) t.k.postnote(PNPROC, pid, 'enough')
      }, 20)
      expect((await sys.wait()).msg).toMatch(/: enough$/)
      expect((await sys.wait()).msg).toMatch(/: enough$/)
    })
  })

  test('a wait is interrupted like any other call', async () => {
    const t = boot()
    await t.proc(async sys => {
      sys.notify(() => true)
      const pid = await sys.rfork(RFPROC, async child => {
        await child.sleep(1e6)
        return ''
      })
      const waiting = errof(sys.wait())
      t.k.postnote(PNPROC, sys.pid, 'x')
      expect(await waiting).toBe('interrupted')
      t.k.kill(pid)
      expect((await sys.wait()).pid).toBe(pid)
    })
  })
})

describe('exec', () => {
  test('runs programs, with their arguments, in the same process', async () => {
    const t = boot()
    t.program('args', async (sys, argv) => `${sys.pid} ${argv.join(',')}`)
    await t.proc(async sys => {
      const pid = await sys.rfork(RFPROC, child => child.exec('/bin/args', ['args', 'a b', '']))
      expect((await sys.wait()).msg).toBe(`args ${pid}: ${pid} args,a b,`)
    })
  })

  test('scripts: the base name, the line, the full path, the rest', async () => {
    const t = boot()
    t.program('args', async (_sys, argv) => argv.join(','))
    t.tree.add('/rc/bin/script', "#!/bin/args -x 'two words'\nrest\n", 0o775)
    t.tree.add('/rc/bin/nested', '#!/rc/bin/script\n', 0o775)
    t.tree.add('/rc/bin/endless', '#!/bin/args', 0o775)
    await t.proc(async sys => {
      const run = async (name: string) => {
        await sys.rfork(RFPROC, async child => errof(child.exec(name, ['zero', 'one'])))
        return (await sys.wait()).msg.replace(/^\S+ \d+: /, '')
      }
      expect(await run('/bin/script')).toBe('script,-x,two words,/bin/script,one')
      expect(await run('/bin/nested')).toBe('exec header invalid')
      expect(await run('/bin/endless')).toBe('exec header invalid')
    })
  })

  test('refuses what cannot be executed', async () => {
    const t = boot({ '/lib/text': 'just text\n' })
    t.tree.add('/bin/plain', 'just text\n', 0o775)
    t.tree.add('/bin/lost', '#!js nosuch\n', 0o775)
    t.tree.add('/bin/empty', '', 0o775)
    await t.proc(async sys => {
      const run = (name: string) => errof(sys.exec(name, ['x']))
      expect(await run('/nope')).toBe("file does not exist: '/nope'")
      expect(await run('/lib/text')).toBe("permission denied: '/lib/text'")
      expect(await run('/lib')).toBe("cannot exec directory: '/lib'")
      expect(await run('/root/bin/plain')).toBe('exec header invalid')
      expect(await run('/root/bin/empty')).toBe('exec header invalid')
      expect(await run('/root/bin/lost')).toBe("file does not exist: '#!js nosuch'")
      expect(await errof(sys.exec('/bin/t1', []))).toBe('bad arg in system call')
    })
  })

  test('keeps fds and dot, closes OCEXEC ones, forgets the handler, and leaves the old program', async () => {
    const t = boot()
    t.program('next', async sys => {
      const open = await Promise.all([5, 6].map(fd => errof(sys.fd2path(fd))))
      await sys.postnote(
        PNPROC,
        sys.pid,
        `fds ${open.map(e => (e === '' ? 'open' : 'closed'))} in ${await sys.fd2path(7)}`,
      )
      return 'handled'
    })
    await t.proc(async sys => {
      const unwound = event<unknown>()
      await sys.rfork(RFPROC | RFFDG, async child => {
        child.notify(() => true)
        await child.chdir('/usr/glenda')
        await child.dup(await child.open('/dev/null', OREAD), 5)
        await child.close(3)
        for (let i = 3; i < 6; i++) await errof(child.open('/dev/null', OREAD))
        await child.close(6).catch(() => {})
        expect(await child.open('/dev/zero', OREAD | OCEXEC)).toBe(6)
        await child.dup(await child.open('.', OREAD), 7)
        try {
          return await child.exec('/bin/next', ['next'])
        } catch (e) {
          unwound.fire(e)
          throw e
        }
      })
      expect(await unwound.promise).not.toBeInstanceOf(PlanError)
      expect((await sys.wait()).msg).toMatch(/^next \d+: fds open,closed in \/usr\/glenda$/)
    })
  })

  test('other kinds of image have their hook', async () => {
    const t = boot()
    t.tree.add('/bin/a.out', '\u0000\u0000\u0001\u00ebrest', 0o775)
    t.k.images.push({
      name: 'test',
      async load({ header, chan }, up) {
        if (header[2] !== 1) return undefined
        const rest = await chan.type.read(up, chan, 100, 4)
        return async (_sys, argv) => `${argv[1]} ${rest.length}`
      },
    })
    await t.proc(async sys => {
      await sys.rfork(RFPROC, child => child.exec('/root/bin/a.out', ['a.out', 'hi']))
      expect((await sys.wait()).msg).toMatch(/^a\.out \d+: hi 5$/)
    })
  })
})

describe('/proc', () => {
  test('status, args, fd, ppid, text and wait', async () => {
    const t = boot()
    const at = event()
    t.program('sleeper', async sys => {
      await sys.open('/dev/null', OWRITE)
      at.fire()
      await sys.sleep(1e6)
      return ''
    })
    await t.proc(async sys => {
      const pid = await sys.rfork(RFPROC | RFFDG, child => child.exec('/bin/sleeper', ['sleeper', '-x', "it's"]))
      await at.promise
      await sys.sleep(0)
      const status = await readall(sys, `/proc/${pid}/status`)
      expect(status).toMatch(/^sleeper {21}glenda {22}Sleep {7}( *\d+){9}\n$/)
      expect(status).toHaveLength(28 + 28 + 12 + 9 * 12)
      expect(await readall(sys, `/proc/${pid}/args`)).toBe("sleeper -x 'it''s'")
      expect(await readall(sys, `/proc/${pid}/ppid`)).toBe(`${String(sys.pid).padStart(11)} `)
      expect(await readall(sys, `/proc/${pid}/text`)).toBe('#!js sleeper\n')
      const fds = (await readall(sys, `/proc/${pid}/fd`)).split('\n')
      expect(fds[0]).toBe('/')
      expect(fds.at(-2)).toMatch(/^ {2}3 w {2}c {4}0 \([0-9a-f]{16} 0 00\) {5}0 {8}0 \/dev\/null$/)
      expect(await ls(sys, `/proc/${pid}`)).toContain('ctl')
      expect(await ls(sys, '/proc')).toContain(String(pid))
      await writefile(sys, `/proc/${pid}/args`, 'renamed')
      expect(await readall(sys, `/proc/${pid}/args`)).toBe('sleeper [renamed]')
      const wait = await sys.open(`/proc/${sys.pid}/wait`, OREAD)
      await writefile(sys, `/proc/${pid}/ctl`, 'close 3')
      expect(await readall(sys, `/proc/${pid}/fd`)).not.toContain('/dev/null')
      await writefile(sys, `/proc/${pid}/ctl`, 'kill')
      expect(new TextDecoder().decode(await sys.read(wait, 200))).toMatch(
        new RegExp(`^${pid} 0 0 \\d+ 'sleeper ${pid}: sys: killed'$`),
      )
      expect(await errof(sys.read(wait, 200))).toBe('no living children')
      expect(await errof(sys.stat(`/proc/${pid}`))).toBe(`file does not exist: '/proc/${pid}'`)
      expect(await errof(writefile(sys, `/proc/${sys.pid}/ctl`, 'frobnicate'))).toBe(
        'unknown control message "frobnicate"',
      )
      expect(await errof(writefile(sys, `/proc/${sys.pid}/ctl`, 'close'))).toBe(
        'wrong #args in control message "close"',
      )
    })
  })

  test('stop stops at the next call, start goes on', async () => {
    const t = boot()
    await t.proc(async sys => {
      let n = 0
      const pid = await sys.rfork(RFPROC, async child => {
        for (;;) {
          n++
          await child.sleep(0)
        }
      })
      await writefile(sys, `/proc/${pid}/ctl`, 'stop')
      expect(await readall(sys, `/proc/${pid}/status`)).toContain('Stopped')
      const was = n
      for (let i = 0; i < 5; i++) await sys.sleep(0)
      expect(n).toBe(was)
      await writefile(sys, `/proc/${pid}/ctl`, 'start')
      for (let i = 0; i < 5; i++) await sys.sleep(0)
      expect(n).toBeGreaterThan(was)
      expect(await errof(writefile(sys, `/proc/${pid}/ctl`, 'start'))).toBe('bad process or channel control request')
      await writefile(sys, `/proc/${pid}/ctl`, 'stop')
      await writefile(sys, `/proc/${pid}/ctl`, 'kill')
      expect((await sys.wait()).msg).toMatch(/sys: killed$/)
    })
  })

  test('noteid moves a process to another group of its user', async () => {
    const t = boot()
    await t.proc(async sys => {
      const wait = async (child: Sys) => {
        await child.sleep(1e6)
        return ''
      }
      const a = await sys.rfork(RFPROC | RFNOTEG, wait)
      const b = await sys.rfork(RFPROC | RFNOTEG, wait)
      await writefile(sys, `/proc/${b}/noteid`, String(a))
      expect(await errof(writefile(sys, `/proc/${b}/noteid`, '4242'))).toBe('permission denied')
      await writefile(sys, `/proc/${a}/notepg`, 'kill')
      expect([(await sys.wait()).pid, (await sys.wait()).pid].sort()).toEqual([a, b])
    })
  })
})

test('start: fds, environment and directory; its failure is told', async () => {
  const t = boot()
  const seen: unknown[] = []
  const { exited } = await t.start(
    async sys => {
      seen.push(await sys.fd2path(0), await sys.fd2path(2), await sys.fd2path(await sys.open('.', OREAD)))
      seen.push(await readall(sys, '/env/list'), await readall(sys, '/env/one'))
      await sys.write(1, 'out')
      await sys.bind('/n/a', '/n/b', MREPL)
      return 'done'
    },
    { cons: 1, dir: '/usr/glenda', env: { list: ['a', 'b'], one: '1' }, fds: ['/dev/null', '/dev/cons', '#c0/cons'] },
  )
  expect(await exited).toBe('done')
  expect(seen).toEqual(['/dev/null', '#c0/cons', '/usr/glenda', 'a\0b\0', '1'])
  expect(t.cons[1]!.out).toBe('out')
  expect(await errof(t.k.start({ argv: ['nosuch'], cons: 0 }))).toBe("file does not exist: '/bin/nosuch'")
  expect(await errof(t.k.start({ argv: ['/bin/t1'], cons: 0, dir: '/nope' }))).toBe("file does not exist: '/nope'")
})
