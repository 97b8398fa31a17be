import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serve } from '../../plan9/9p/server.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { announce } from '../../shell/node/tcp.ts'
import { Child, command, freePort, hostDir, ml, plainUser, rc, session, story } from './ml.ts'

describe('the session of the first issue', () => {
  const model = `dim 128
hidden_dim 256
n_layers 4
n_heads 8
n_kv_heads 4
vocab_size 1024
seq_len 320
params 722048
quant f32
bytes 2908700
`
  const text = story('Once upon a time', 50)

  function check({ code, out, err }: { code: number | null; out: string; err: string }): void {
    const fixed = out.replace(/done \d+\.\d\d tok\/s\n/, 'done\n').replace(/memory \d+\nthreads \d+\n/, '')
    expect(fixed).toBe(`${model}${text}${text}done\n${text}\n`)
    expect(err).toMatch(/^achieved tok\/s: \d+\.\d{6}\n$/)
    expect(code).toBe(0)
  }

  test('as a script', async () => {
    const { host } = await hostDir()
    writeFileSync(join(host, 'session.rc'), session)
    check(await ml(['session.rc'], { cwd: host }))
  })

  test('from standard input', async () => check(await ml([], { stdin: session })))

  test('as an argument', async () => check(await rc(session)))
})

/** Runs 9ml in a directory whose name may be any bytes: `sh` goes there. */
function spawnIn(cwd: string | Buffer, args: string[]) {
  const octal = [...Buffer.from(cwd)].map(b => `\\${b.toString(8).padStart(3, '0')}`).join('')
  const go = `cd "$(printf '${octal}')" && exec "$@"`
  const r = spawnSync('sh', ['-c', go, 'sh', process.execPath, command, ...args], { encoding: 'utf8', input: '' })
  return { out: r.stdout, err: r.stderr, code: r.status }
}

describe('what is run', () => {
  test.each([
    ['', 0],
    ['cat /lib/namespace > /dev/null', 0],
    ['exit', 0],
    ["exit ''", 0],
    ['exit 0', 0],
    ['exit 1', 1],
    ['exit foo', 1],
    ["status=''", 0],
    ['status=bad', 1],
    ['cat /nosuch', 1],
    ['nosuch', 1],
    ['nosuch; echo fine', 0],
    ['~ a b', 1],
    ['~ a a', 0],
    ['cat /nosuch | cat', 1],
    ['echo )', 1],
  ])('-c %j exits with %d', async (commands, code) => {
    expect((await rc(commands)).code).toBe(code)
  })

  test('-c has arguments behind it', async () => {
    const { out } = await ml(['-c', 'echo $#* $*', 'a b', 'c'])
    expect(out).toBe('2 a b c\n')
  })

  test('standard input is the commands’ when there are none on it', async () => {
    const { out } = await rc('read; cat', { stdin: 'one\ntwo\nthree\n' })
    expect(out).toBe('one\ntwo\nthree\n')
  })

  describe('a script', () => {
    const script = 'echo $#* $*\npwd\nexit $3\n'

    test('by a relative path', async () => {
      const { host, inside } = await hostDir()
      mkdirSync(join(host, 'sub'))
      writeFileSync(join(host, 'sub', 's.rc'), script)
      const { out, code } = await ml(['sub/s.rc', 'a b', "it's"], { cwd: host })
      expect(out).toBe(`2 a b it's\n${inside}\n`)
      expect(code).toBe(0)
    })

    test('by an absolute path of the host, with flags before it', async () => {
      const { host } = await hostDir()
      writeFileSync(join(host, 's.rc'), script)
      const { out, err, code } = await ml(['-x', join(host, 's.rc'), '-n', '', 'bad'], { cwd: '/' })
      expect(out).toBe('3 -n  bad\n/n/host\n')
      expect(err).toContain('exit bad\n')
      expect(code).toBe(1)
    })

    test('that is of the system', async () => {
      const { out } = await ml(['/rc/bin/lc', '/usr'])
      expect(out).toBe('glenda/\n')
    })

    test('that is not there', async () => {
      const { out, err, code } = await ml(['nosuch.rc'])
      expect(out).toBe('')
      expect(err).toContain("nosuch.rc: file does not exist: './nosuch.rc'\n")
      expect(code).toBe(1)
      expect((await ml(['/no/such.rc'])).err).toContain(". can't open: /no/such.rc: file does not exist")
    })
  })

  test('in a directory that has no name here, the first directory is the host’s root', async () => {
    const { host } = await hostDir()
    for (const name of ['two\nlines', Buffer.from('/not utf-8 \xff', 'latin1')]) {
      const cwd = typeof name === 'string' ? join(host, name) : Buffer.concat([Buffer.from(host), name])
      mkdirSync(cwd)
      const { out, err, code } = spawnIn(cwd, ['-c', 'pwd; exit'])
      expect(out).toBe('/n/host\n')
      expect(err).toMatch(/^9ml: current directory: .*; this is \/n\/host\n$/s)
      expect(code).toBe(0)
    }
  })

  test('-h tells the usage', async () => {
    const { out, code } = await ml(['-h'])
    expect(out).toMatch(/^usage: 9ml /)
    expect(code).toBe(0)
  })
})

describe('streams', () => {
  test('standard error is apart', async () => {
    const { out, err } = await rc('echo out; echo err >[1=2]; cat /nosuch')
    expect(out).toBe('out\n')
    expect(err).toBe("err\ncat: can't open /nosuch: file does not exist: '/nosuch'\n")
  })

  test('bytes go through as they are', async () => {
    const data = randomBytes(1 << 20)
    const { bytes, code } = await rc('cat', { stdin: data })
    expect(bytes.equals(data)).toBe(true)
    expect(code).toBe(0)
  })

  test('bytes go through a pipeline and a file as they are', async () => {
    const { host, inside } = await hostDir()
    const data = randomBytes(1 << 20)
    await rc(`cat | tee ${inside}/copy | wc -c > ${inside}/size`, { stdin: data })
    expect(readFileSync(join(host, 'copy')).equals(data)).toBe(true)
    expect(readFileSync(join(host, 'size'), 'utf8').trim()).toBe(String(data.length))
  })

  test('when nobody reads the output any more it ends', async () => {
    const child = new Child(['-c', 'while() echo y'], { stdin: '' })
    await child.says('y\n')
    child.child.stdout!.destroy()
    expect((await child.ended).code).toBe(0)
  })

  test('an input that stays open does not hold up the end', async () => {
    const child = new Child(['-c', 'read; exit'])
    child.type('one\ntwo\n')
    expect(await child.ended).toMatchObject({ out: 'one\n', code: 0 })
  })
})

describe('the end', () => {
  test.each([
    ['SIGINT', 'sleep 1000'],
    ['SIGTERM', 'sleep 1000'],
    ['SIGHUP', 'sleep 1000'],
    ['SIGINT', 'while() ;'],
    ['SIGTERM', 'while() ;'],
    ['SIGINT', 'cat'],
    ['SIGINT', 'cat | wc'],
  ] as const)('%s ends %s', async (signal, commands) => {
    const child = new Child(['-c', `echo ready; ${commands}; echo not here`])
    await child.says('ready\n')
    child.child.kill(signal)
    expect(await child.ended).toMatchObject({ out: 'ready\n', code: 1 })
  })

  test('a script may take an interrupt', async () => {
    const child = new Child(['-c', 'fn sigint { echo caught; exit }; echo ready; sleep 1000; echo not here'])
    await child.says('ready\n')
    child.child.kill('SIGINT')
    expect(await child.ended).toMatchObject({ out: 'ready\ncaught\n', code: 0 })
  })

  test('does not wait for what runs in the background, nor for a file server', async () => {
    const { out, code } = await rc('sleep 1000 &\nllmfs -s llm -m /mnt/llm\nramfs\ncat /dev/pid >/dev/null\necho done')
    expect(out).toBe('done\n')
    expect(code).toBe(0)
  })
})

describe('/n/host', () => {
  test('is where it begins', async () => {
    const { host, inside } = await hostDir()
    expect((await rc('pwd', { cwd: host })).out).toBe(`${inside}\n`)
    expect((await rc('pwd', { cwd: '/' })).out).toBe('/n/host\n')
    mkdirSync(join(host, 'real'))
    symlinkSync('real', join(host, 'link'))
    expect((await rc('pwd', { cwd: join(host, 'link') })).out).toBe(`/n/host${realpathSync(join(host, 'link'))}\n`)
  })

  test('a directory whose name has spaces, or is not ASCII', async () => {
    const { host, inside } = await hostDir()
    const name = "it's a größe 木"
    mkdirSync(join(host, name))
    writeFileSync(join(host, name, 's 1.rc'), 'pwd; echo $0; ls; echo made > $1\n')
    const { out, err } = await ml(['s 1.rc', 'neu ñ'], { cwd: join(host, name) })
    expect(err).toBe('')
    expect(out).toBe(`${inside}/${name}\ns 1.rc\n's 1.rc'\n`)
    expect(readFileSync(join(host, name, 'neu ñ'), 'utf8')).toBe('made\n')
    expect((await ml([join(host, name, 's 1.rc'), 'x'], { cwd: host })).out).toContain(`${inside}\n`)
  })

  test('files are read, written, cut, appended to, renamed and removed', async () => {
    const { host } = await hostDir()
    writeFileSync(join(host, 'a'), 'from the host\n')
    const { out, err, code } = await rc(
      `cat a
echo one > b; echo two >> b; cat b
echo short > a; cat a
mv b c; ls; mkdir d; mv c d/c; cat d/c; cp d/c d/e; ls d
rm d/c; chmod 444 d/e; rm a
mkdir empty; rm empty`,
      { cwd: host },
    )
    expect(err).toBe('')
    expect(out).toBe('from the host\none\ntwo\nshort\na\nc\none\ntwo\nd/c\nd/e\n')
    expect(code).toBe(0)
    expect(readFileSync(join(host, 'd', 'e'), 'utf8')).toBe('one\ntwo\n')
    expect(existsSync(join(host, 'd', 'c'))).toBe(false)
    expect(existsSync(join(host, 'a'))).toBe(false)
    expect(existsSync(join(host, 'empty'))).toBe(false)
  })

  test('a directory is listed, with kinds and sizes', async () => {
    const { host } = await hostDir()
    mkdirSync(join(host, 'dir'))
    writeFileSync(join(host, '.hidden'), '')
    writeFileSync(join(host, 'exec'), 'x'.repeat(1234), { mode: 0o755 })
    symlinkSync('exec', join(host, 'link'))
    for (let i = 0; i < 300; i++) writeFileSync(join(host, 'dir', `file with a long name, number ${i}`), '')
    const { out } = await rc('ls -l; ls dir | wc -l', { cwd: host })
    const lines = out.trimEnd().split('\n')
    expect(lines.slice(0, -1).map(l => l.replace(/^(\S+) .* (\d+) \w+ +\d+ [\d:]+ (\S+)$/, '$1 $2 $3'))).toEqual([
      '--rw-r--r-- 0 .hidden',
      'd-rwxr-xr-x 0 dir',
      '--rwxr-xr-x 1234 exec',
      '--rwxr-xr-x 1234 link',
    ])
    expect(lines.at(-1)!.trim()).toBe('300')
  })

  test('a file of the host is executed as a script', async () => {
    const { host } = await hostDir()
    writeFileSync(join(host, 'hello'), '#!/bin/rc\necho hello $*\n', { mode: 0o755 })
    expect((await rc('./hello world', { cwd: host })).out).toBe('hello world\n')
    chmodSync(join(host, 'hello'), 0o644)
    expect((await rc('./hello world', { cwd: host })).err).toContain('permission denied')
  })

  test.runIf(plainUser())('what may not be opened is permission denied', async () => {
    const { host, inside } = await hostDir()
    chmodSync(host, 0o755)
    writeFileSync(join(host, 'secret'), 'x', { mode: 0 })
    mkdirSync(join(host, 'locked'), { mode: 0o555 })
    const o = { cwd: '/', ...plainUser() }
    const { err, code } = await rc(`cd ${inside}; cat secret; mkdir locked/x; echo x > secret`, o)
    expect(err).toContain("can't open secret: permission denied")
    expect(err).toMatch(/mkdir: .*locked\/x.*permission denied/)
    expect(err).toMatch(/can't create: secret: permission denied/)
    expect(code).toBe(1)
  })

  test('errors have the words of Plan 9', async () => {
    const { host } = await hostDir()
    mkdirSync(join(host, 'full', 'x'), { recursive: true })
    writeFileSync(join(host, 'file'), '')
    const { err } = await rc('cat nosuch; cat file/x; rm full; mkdir file; cat < full/y', { cwd: host })
    expect(err).toContain("cat: can't open nosuch: file does not exist")
    expect(err).toContain("can't open file/x: not a directory")
    expect(err).toContain('rm: full: directory not empty')
    expect(err).toMatch(/mkdir: .*file.*exists/)
    expect(err).toContain("can't open: full/y: file does not exist")
    // The host's root has no name that could be changed, and is not removed.
    expect((await rc('rm /n/host; echo $status')).out).not.toBe('\n')
  })
})

test('two systems, a file server between them over TCP', async () => {
  const port = await freePort()
  const server = new Child(['-c', `llmfs -a tcp!127.0.0.1!${port} && echo serving; read`])
  await server.says('serving\n')
  const use = `
srv tcp!127.0.0.1!${port} far
mount /srv/far /n/remote
`
  const first = await rc(`${use}
echo 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin' > /n/remote/ctl
s=\`{cat /n/remote/clone}
echo 'temp 0' > /n/remote/$s/ctl; echo 'steps 50' > /n/remote/$s/ctl
echo 'Once upon a time' > /n/remote/$s/prompt
echo generate > /n/remote/$s/ctl
cat /n/remote/$s/stream`)
  expect(first.err).toBe('post...\n')
  expect(first.out).toBe(story('Once upon a time', 50))
  const second = await rc(`${use}cat /n/remote/model; cat /n/remote/0/output`)
  expect(second.out).toContain('params 722048\n')
  expect(second.out).toContain(story('Once upon a time', 50))
  server.type('\n')
  expect((await server.ended).code).toBe(0)
  const third = await rc(`srv tcp!127.0.0.1!${port} far; echo $status`)
  expect(third.err).toContain('connection refused')
})

test('import, 9fs and con call over TCP; kill ends what runs', async () => {
  const tree = new Tree('them')
  tree.add('/lib/hello', 'from afar\n')
  const files = await announce('tcp!127.0.0.1!0', t => void serve(t, ramfs(tree)))
  const echo = createServer(s => s.once('data', b => s.end(b)))
  onTestFinished(() => {
    files.close()
    echo.close()
  })
  await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', resolve))
  const at = echo.address()
  const addr = `tcp!127.0.0.1!${files.port}`
  const r = await rc(`import ${addr} /lib /n/remote; cat /n/remote/hello
9fs ${addr} /n/there; cat /n/there/lib/hello
sleep 1000 & kill sleep | rc; while(ps | grep -s ' sleep$') sleep 0
echo and back | con -n tcp!127.0.0.1!${typeof at === 'object' && at ? at.port : 0}`)
  expect(r).toMatchObject({ code: 0, out: 'from afar\nfrom afar\nand back\n' })
})
