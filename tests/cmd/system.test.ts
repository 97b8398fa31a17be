import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Transport } from '../../plan9/9p/transport.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { setDial } from '../../shell/cmd/dial.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { announce, dialStream } from '../../shell/node/tcp.ts'

/** A whole system, and what a command prints on it. */
class System {
  readonly cons = new Testcons()
  readonly machine: Machine

  constructor(services: Record<string, Transport> = {}) {
    this.machine = boot({ fill: fillRoot, cons: [this.cons], services })
  }

  async run(command: string): Promise<{ out: string; status: string }> {
    const from = this.cons.out.length
    const { exited } = await this.machine.start({ argv: ['rc', '-c', command], cons: 0 })
    const status = await exited
    return { out: this.cons.out.slice(from), status }
  }

  async out(command: string): Promise<string> {
    return (await this.run(command)).out
  }
}

test('kill, slay: commands for what has the name and is mine', async () => {
  const s = new System()
  const [one, two] = (await s.out('sleep 1000& echo $apid; cat /dev/zero >/dev/null & echo $apid')).trim().split('\n')
  expect(await s.out('kill sleep cat')).toBe(
    `@{echo kill>/proc/${one}/note} # sleep\n@{echo kill>/proc/${two}/note} # cat\n`,
  )
  expect(await s.out("slay 's.*p'")).toBe(`@{echo kill>/proc/${one}/ctl} # sleep\n`)
  expect(await s.out('kill slee leep nosuch; user=nobody kill sleep; broke; broke glenda')).toBe('')
  const left = "while(ps | grep -s ' (sleep|cat)$') sleep 0; ps | grep -c ' (sleep|cat)$'"
  // What is gone meanwhile does not keep the others.
  expect(await s.out(`kill sleep >/tmp/k; {cat /tmp/k /tmp/k; slay cat} | rc >[2]/dev/null; ${left}`)).toBe('0\n')
})

test('membername: what is in parentheses', async () => {
  const s = new System()
  expect(await s.out("membername 'lib.a(a.8)' '$LIB(b c)' plain 'open(' '(x)(y)' 'a=b'")).toBe(
    'a.8 b c plain open( x a=b ',
  )
  expect(await s.out("membername 'a=b' '-f' ''; echo; membername")).toBe('a=b -f  \n')
})

test('lookman: pages that have all the words, whole or their beginnings', async () => {
  const s = new System()
  expect(await s.out('lookman membername; lookman Member archi MKFILE')).toBe('man 1 mk # mk(1)\nman 1 mk # mk(1)\n')
  expect((await s.out('lookman mkfile')).split('\n')).toContain('man 1 mk # mk(1)')
  expect(await s.run('lookman mkfile zzyzx')).toEqual({ out: '', status: '' })
  expect(await s.out('lookman')).toBe('usage: lookman key ...\n')
  expect((await s.run('lookman !')).status).toMatch(/usage$/)
})

test('ramfs takes its entry in /srv with it', async () => {
  const s = new System()
  const gone = 'slay ramfs | rc; while(test -f /srv/one) sleep 0'
  expect(await s.out(`ramfs -S one; mount -c /srv/one /n; echo x >/n/x; cat /n/x; ${gone}`)).toBe('x\n')
  expect(
    await s.out('ls -p /srv | grep one; ramfs -S one; ls -p /srv | grep one; rm /srv/one; ls -p /srv | grep one'),
  ).toBe('one\n')
})

test('stop and start', async () => {
  const s = new System()
  const pid = (await s.out('cat /dev/zero >/dev/null & echo $apid')).trim()
  expect(await s.out('start cat; start; stop; stop cat')).toBe(`echo stop>/proc/${pid}/ctl\n`)
  expect(await s.out('stop cat | rc; start cat; ps | grep Stopped')).toMatch(
    new RegExp(`^echo start>/proc/${pid}/ctl\nglenda +${pid} .* Stopped +cat\n$`),
  )
  expect(await s.out('start cat | rc; start cat; ps | grep Stopped; slay cat | rc')).toBe('')
})

test('who and uptime', async () => {
  const s = new System()
  expect(await s.out('who')).toBe('glenda\n')
  expect(await s.out('echo -n mars >/dev/sysname; uptime')).toMatch(/^mars up \d+ days, \d\d:[0-5]\d:[0-5]\d\n$/)
})

test('9fs says what it has not', async () => {
  const s = new System()
  expect(await s.run('9fs dump')).toEqual({ out: '9fs: dump: no such file server here\n', status: 'no dump' })
  expect(await s.run('9fs')).toEqual({ out: 'usage: 9fs [net!]system [mountpoint]\n', status: 'usage' })
})

/** Another system, at a TCP port of this machine: each call gets `exportfs FLAGS` of it on the connection. */
async function exporter(
  flags: string,
  setup = '',
): Promise<{ addr: string; ended: Promise<string>[]; last(): System }> {
  const systems: System[] = []
  const ended: Promise<string>[] = []
  const { port, close } = await announce('tcp!127.0.0.1!0', t => {
    const s = new System({ net: t })
    systems.push(s)
    ended.push(s.run(`${setup}; exportfs ${flags} <>/srv/net >[1=0]`).then(r => r.out + r.status))
  })
  onTestFinished(close)
  setDial(dialStream)
  return { addr: `tcp!127.0.0.1!${port}`, ended, last: () => systems.at(-1)! }
}

afterEach(() => setDial(addr => Promise.reject(new Error(`nobody calls ${addr} here`))))

describe('exportfs and import, of two systems that a TCP connection joins', () => {
  test('files are read, made, renamed and removed; unions and devices are as the other sees them', async () => {
    const { addr, ended, last } = await exporter(
      '-r /',
      'mkdir /tmp/a /tmp/b; bind -a /tmp/b /tmp/a; echo two >/tmp/b/two',
    )
    const s = new System()
    const run = (c: string) => s.run(`import -c ${addr} / /n/remote && {${c}}`)
    expect(
      await run(`cd /n/remote/tmp; ls a; cat a/two; seq 20000 >x; wc -l x; mv x y; ls; chmod 600 y; ls -l y; rm y; ls
echo -n venus >/n/remote/dev/sysname; cat /n/remote/dev/sysname; cat /n/remote/nosuch`),
    ).toEqual({
      out: expect.stringMatching(
        /^a\/two\ntwo\n {2}20000 x\na\nb\ny\n--rw------- M \d+ glenda glenda 108894 .* y\na\nb\nvenuscat: can't open .*file does not exist/,
      ),
      status: expect.stringContaining("can't open /n/remote/nosuch"),
    })
    expect(last().machine.kernel.sysname).toBe('venus')
    // The last name space with the connection is gone.
    expect(await ended[0]).toBe('')
  })

  test('a tree below the root; where it is not, nothing stays', async () => {
    const { addr, ended } = await exporter('-r /', 'mkdir /tmp/d; echo here >/tmp/d/f')
    const s = new System()
    expect(await s.out(`import ${addr} /tmp/d /n/remote; cat /n/remote/f; unmount /n/remote; ls /tmp /n/remote`)).toBe(
      'here\n',
    )
    expect(await s.run(`mkdir /tmp/d; echo mine >/tmp/d/g; import -a ${addr} /tmp/d; lc /tmp/d`)).toEqual({
      out: 'f g\n',
      status: '',
    })
    expect(await s.run(`import ${addr} /nosuch /n/remote; ls /tmp /n/remote`)).toMatchObject({
      out: expect.stringMatching(/^import: mount \/n\/remote: file does not exist: .*\n\/tmp\/d\n$/),
    })
    expect(await Promise.all(ended)).toEqual(['', '', ''])
  })

  test('-s posts it; no authentication; who does not answer is told', async () => {
    const { addr } = await exporter('-R -r /lib')
    const s = new System()
    expect(
      await s.out(
        `import -n -s there ${addr} / /n/remote; mount /srv/there /n/temp; cmp /n/temp/namespace /lib/namespace; ls /srv/there`,
      ),
    ).toBe('/srv/there\n')
    expect(await s.run('import -q tcp!127.0.0.1!1 / /n/remote')).toEqual({ out: '', status: '' })
    expect(await s.run('import tcp!127.0.0.1!1 / /n/remote')).toEqual({
      out: 'import: dial tcp!127.0.0.1!1: connection refused: tcp!127.0.0.1!1\n',
      status: 'dial',
    })
    expect((await s.run(`import -p ${addr} / /n/remote`)).status).toMatch(/^-p: aan/)
    expect((await s.run('import x')).status).toBe('usage')
  })

  test('a read that waits is flushed, and others go on meanwhile', async () => {
    const { addr, last } = await exporter('-r /')
    const s = new System()
    const first = s.run(`import ${addr} / /n/remote
cat /n/remote/dev/cons & slow=$apid
while(! ps | grep -s 'Pread.*cat') sleep 0; cat /n/remote/dev/sysname
echo interrupt >/proc/$slow/note; while(test -d /proc/$slow) sleep 0; cat /n/remote/dev/user`)
    expect((await first).out).toBe('9mlglenda')
    // What is typed there is not lost to the read that was given up.
    const line = last().run('head -1 </dev/cons')
    last().cons.type('typed\n')
    expect((await line).out).toBe('typed\n')
  })

  test('9fs mounts it on a directory of its name', async () => {
    const { addr } = await exporter('-r /lib')
    const s = new System()
    const name = addr.slice(4)
    expect(
      await s.out(`9fs ${addr}; cmp /n/${name}/namespace /lib/namespace; 9fs ${addr} /tmp/x; ls /tmp/x/namespace`),
    ).toBe('post...\n/tmp/x/namespace\n')
  })
})

describe('exportfs', () => {
  /** Serves on a pipe in one system, and mounts that on /n/remote. */
  const local = (flags: string, cmd: string) =>
    new System().run(`srv -ce 'exportfs ${flags}' x /n/remote; {${cmd}} >[2=1]`)

  test('-R refuses what would change something', async () => {
    const { out } = await local(
      '-R -r /lib',
      'cd /n/remote; touch f; rm namespace; mkdir d; mv namespace h; chmod 600 namespace; echo x >>namespace',
    )
    expect(out.match(/File system read only/g)).toHaveLength(6)
  })

  test('-P: names that all + match, and no -', async () => {
    const s = new System()
    const { out } = await s.run(`mkdir /tmp/t /tmp/t/d; cd /tmp/t; touch a.c a.o b.c d/x.c d/x.o
{echo '+ ^/(.*\\.[co])?$|/d$'; echo '- \\.o$'; echo 'no pattern'} >/tmp/p
srv -e 'exportfs -r /tmp/t -P /tmp/p' x /n/remote >[2]/dev/null; mount -c /srv/x /n/remote
cd /n/remote; ls -p; ls d; cat a.o; touch c.h; mv a.c a.o; ls -d d/../a.c`)
    expect(out).toMatch(/^a\.c\nb\.c\nd\nd\/x\.c\ncat: can't open a\.o: file does not exist/)
    expect(out.match(/file does not exist/g)).toHaveLength(3)
    expect(out).toMatch(/\nd\/..\/a\.c\n$/)
    expect(await s.out('ls -p /tmp/t')).toBe('a.c\na.o\nb.c\nd\n')
  })

  test('-S serves a service, a mount for each attach', async () => {
    const { out } = await local(
      '-S /srv/boot',
      `ls -d /n/remote/lib; mount '#s/x' /n/temp; ls -d /n/temp/lib; ls -d /mnt/exportfs/*/lib
unmount /n/temp; unmount /n/remote; while(test -d /mnt/exportfs/0/lib -o -d /mnt/exportfs/1/lib) sleep 0; echo gone`,
    )
    expect(out).toBe('post...\n/n/remote/lib\n/n/temp/lib\n/mnt/exportfs/0/lib\n/mnt/exportfs/1/lib\ngone\n')
  })

  test('a root that is not there is the answer to who mounts it', async () => {
    expect((await local('-r /nosuch', '')).out).toBe(
      "post...\nsrv exportfs -r /nosuch: mount failed: file does not exist: '/nosuch'\n",
    )
  })

  test('flags', async () => {
    const s = new System()
    const usage = 'usage: exportfs [-dsR] [-m msize] [-r root] [-P patternfile] [-S srvfile]\n'
    expect(await s.run('exportfs')).toEqual({ out: usage, status: 'usage' })
    expect(await s.run('exportfs -S /srv/boot -s')).toEqual({
      out: `exportfs: -S cannot be used with -r or -s\n${usage}`,
      status: 'usage',
    })
    expect(await s.run('exportfs -s -P /nosuch')).toMatchObject({ status: 'cannot open patternfile' })
    expect(await s.run("echo '+ (' >/tmp/p; exportfs -s -P /tmp/p")).toMatchObject({ status: 'regerr' })
    const { out } = await local('-d -m 4096 -s', 'cmp /n/remote/lib/namespace /lib/namespace')
    expect(out).toMatch(/-> Rversion tag NOTAG msize 4096 version 9P2000\n/)
  })
})
