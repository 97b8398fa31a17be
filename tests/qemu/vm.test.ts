import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Dialogue } from '../../emulator/pc/dialogue.ts'
import { LoggedLine } from '../../emulator/qemu/line.ts'
import { type Config, commandLine } from '../../emulator/qemu/qemu.ts'
import { Qmp } from '../../emulator/qemu/qmp.ts'
import { folder, living, names } from '../../emulator/qemu/state.ts'
import { status, stop } from '../../emulator/qemu/vm.ts'
import { Child, freePort, ml, rc } from '../e2e/ml.ts'
import { Terminal } from '../e2e/terminal.ts'
import { once } from '../llm/models.ts'
import { guest } from '../pc/guest.ts'
import { iso, tiny } from '../pc/tiny.ts'

/** `9ml vm` and what runs under it, in a real QEMU. There is no 9front here: a Linux, and a kernel of a hundred bytes. */

let dir: string
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), '9ml-vm-'))
  process.env['XDG_RUNTIME_DIR'] = dir
  const g = await guest('e1000')
  writeFileSync(join(dir, 'kernel'), g.kernel)
  writeFileSync(join(dir, 'initrd'), g.initrd)
}, 600_000)
const clean = async () => {
  for (const name of names()) await stop(name, () => {})
}
afterAll(async () => {
  await clean()
  rmSync(dir, { recursive: true, force: true })
})

const vm = (...args: string[]) => ml(['vm', ...args])
const anyPorts = ['9P', 'rcpu', 'auth'].flatMap(p => ['--port', `${p}=0`])
/** A Linux whose shell is on the serial line. */
const linux = (name: string, ...args: string[]) =>
  vm(
    ...['start', '-n', name, '-m', '128', '--accel', 'tcg', ...anyPorts, '--kernel', join(dir, 'kernel')],
    ...['--initrd', join(dir, 'initrd'), '--append', 'console=ttyS0 quiet', ...args],
  )

/** Waits for what the serial line says, from its beginning. */
async function says(name: string, re: RegExp): Promise<void> {
  const line = new LoggedLine(folder(name))
  const d = new Dialogue(line, { prompt: /^guest# /m })
  try {
    await d.run([{ expect: re, within: 120_000, otherwise: 'not said' }])
  } finally {
    d.close()
    line.close()
  }
}

describe('a Linux', { timeout: 240_000 }, () => {
  test('starts', async () => {
    const { code, out, err } = await linux('lin')
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toMatch(/^lin, running, pid \d+, 386, 128 MB, tcg, up 00:00:\d\d$/m)
    await says('lin', /^guest# /m)
  })

  test('status tells where its ports are, and how to mount it', async () => {
    const { out } = await vm('status')
    const port = /^\t9P tcp!127\.0\.0\.1!(\d+) is its 564$/m.exec(out)![1]
    expect(out).toContain(`srv tcp!127.0.0.1!${port} lin /n/lin`)
    expect((await vm('status', 'lin')).out.split('\n').slice(1)).toEqual(out.split('\n').slice(1))
  })

  test('is not started twice', async () => {
    const { pid } = await status('lin')
    expect(await linux('lin')).toMatchObject({ code: 1, out: '', err: `9ml vm: already running: lin, pid ${pid}\n` })
    expect(await status('lin')).toMatchObject({ pid, state: 'running' })
  })

  test('its llmfs, mounted by its name, gives the golden text', async () => {
    const { out, err } = await rc(`srv tcp!lin!564 lin && mount /srv/lin /n/guest && cd /n/guest || exit
      echo 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin' >ctl
      s=\`{cat clone}
      echo 'temp 0.0' >$s/ctl
      echo 'steps 256' >$s/ctl
      echo -n ${`'${once.prompt}'`} >$s/prompt
      echo generate >$s/ctl
      cat $s/stream`)
    expect(err).toBe('post...\n')
    expect(out).toBe(once.text)
  })

  test('9fs finds it by its name alone', async () => {
    const { out, err } = await rc('9fs lin && ls /n/lin')
    expect(err).toBe('post...\n')
    expect(out).toContain('/n/lin/clone\n')
  })

  test('a port that is not forwarded, and a name that no vm has', async () => {
    expect((await rc('srv tcp!lin!7 x')).err).toContain('connection refused: tcp!lin!7')
    expect((await rc('srv tcp!nosuch.invalid!564 x')).err).toContain("can't translate address")
  })

  test('its console, without a terminal: what comes is what it says', async () => {
    const c = new Child(['vm', 'console', 'lin'])
    c.type('echo is-$((6*9))\n')
    await c.says('is-54')
    c.child.kill('SIGTERM')
    expect(await c.ended).toMatchObject({ code: 0, err: '' })
  })

  test('its console, on a terminal: one at a time, and control-] leaves', async () => {
    const t = new Terminal({ args: ['vm', 'console', 'lin'] })
    await t.until(() => t.out.includes('guest# '), 'the prompt')
    t.type('echo is-$((6*7))\r')
    await t.until(() => t.out.includes('is-42'), 'an answer')
    const second = await vm('console', 'lin')
    expect(second).toMatchObject({ code: 1, err: '9ml vm: device or object already in use\n' })
    t.type('\x1d')
    expect(await t.ended).toEqual({ status: 0, restored: true })
    expect((await status('lin')).state).toBe('running')
  })

  test('one that is stopped for a while is paused', async () => {
    const qmp = (await Qmp.open(folder('lin').qmp))!
    await qmp.execute('stop')
    qmp.close()
    expect((await vm('status', 'lin')).out).toMatch(/^lin, paused, /)
    const again = (await Qmp.open(folder('lin').qmp))!
    await again.execute('cont')
    await expect(again.execute('nonsense')).rejects.toThrow('nonsense')
    again.close()
  })

  test('is kept in a file, and goes on where it was', async () => {
    const type = async (line: string, answer: string) => {
      const c = new Child(['vm', 'console', 'lin'])
      c.type(`${line}\n`)
      await c.says(answer)
      c.child.kill('SIGTERM')
      await c.ended
    }
    await type('kept=in-memory; echo $((1+1))-is-set', '2-is-set')
    const file = join(dir, 'lin.vm')
    expect(await vm('save', '-n', 'lin', join(dir, 'no', 'such'))).toMatchObject({ code: 1, out: '' })
    expect((await status('lin')).state).toBe('running')
    expect(await vm('save', '-n', 'lin', file)).toMatchObject({ code: 0, out: '', err: '' })
    expect(names()).toEqual([])
    const cut = join(dir, 'cut.vm')
    writeFileSync(cut, readFileSync(file).subarray(0, 1 << 20))
    expect((await vm('start', '-n', 'lin', '--load', cut)).err).toMatch(
      /^9ml vm: .*(unexpected end of file|load of migration failed)/,
    )
    expect((await vm('start', '-n', 'lin', '--load', join(dir, 'kernel'))).err).toMatch(/kernel is not a saved vm\n$/)
    expect(names()).toEqual([])

    const { err, out } = await vm('start', '-n', 'lin', '--load', file, ...anyPorts)
    expect(err).toBe('')
    expect(out).toMatch(/^lin, running, .* tcg, /)
    await type('echo $((1+2))-$kept', '3-in-memory')
    expect((await rc('9fs lin && ls /n/lin')).out).toContain('/n/lin/clone\n')
  })

  test('the console of one that ends tells so, and stop leaves nothing', async () => {
    const f = folder('lin')
    const pid = readFileSync(f.pid)
    const t = new Terminal({ args: ['vm', 'console', 'lin'] })
    await t.until(() => t.out.includes('control-] leaves'), 'its greeting')
    expect(await vm('stop', 'lin')).toMatchObject({ code: 0, out: '', err: '' })
    expect(await t.ended).toEqual({ status: 0, restored: true })
    expect(t.out).toContain('lin has ended')
    expect(existsSync(f.dir)).toBe(false)
    writeFileSync(join(dir, 'pid'), pid)
    expect(living({ ...f, pid: join(dir, 'pid') })).toBeUndefined()
    expect((await vm('status')).out).toBe('')
  })
})

describe('one that dies', { timeout: 120_000 }, () => {
  const kill = async (name: string) => {
    const { pid } = await status(name)
    process.kill(pid!, 'SIGKILL')
    while ((await status(name)).state !== 'dead') await new Promise(wake => setTimeout(wake, 20))
  }
  afterEach(clean)

  test('is dead, is not called, and can be started again', async () => {
    expect((await linux('mort')).code).toBe(0)
    await kill('mort')
    expect((await vm('status')).out).toBe('mort, dead, 386, 128 MB\n')
    expect((await rc('srv tcp!mort!564 x')).err).toContain('connection refused: tcp!mort!564')
    expect((await vm('console', 'mort')).err).toBe('9ml vm: mort is dead\n')
    expect(await linux('mort')).toMatchObject({ code: 0, err: '' })
    expect((await status('mort')).state).toBe('running')
  })

  test('of two that are started at once one is', async () => {
    const two = await Promise.all([linux('mort'), linux('mort')])
    expect(two.map(r => r.code).sort()).toEqual([0, 1])
    expect(two.find(r => r.code === 1)!.err).toMatch(/^9ml vm: already running: mort(, pid \d+)?\n$/)
    expect((await status('mort')).state).toBe('running')
  })

  test('a /dev/kvm that does not work is done without', async () => {
    const { code, err } = await vm('start', '-n', 'mort', ...anyPorts, '--kernel', join(dir, 'kernel'))
    expect(err).toBe('')
    expect(code).toBe(0)
    const { state, accel } = await status('mort')
    expect(state).toBe('running')
    const must = await vm('start', '-n', 'kvm', '--accel', 'kvm', ...anyPorts, '--kernel', join(dir, 'kernel'))
    expect(must.err).toBe(accel === 'kvm' ? '' : '9ml vm: kvm does not work here\n')
  })

  test('is forgotten by stop', async () => {
    expect((await linux('mort')).code).toBe(0)
    await kill('mort')
    expect(await vm('stop', 'mort')).toMatchObject({ code: 0, err: '' })
    expect((await vm('stop', 'mort')).err).toBe('9ml vm: no such vm: mort\n')
  })

  test('what hangs is killed', async () => {
    expect((await linux('mort')).code).toBe(0)
    const { pid } = await status('mort')
    process.kill(pid!, 'SIGSTOP')
    expect(await vm('stop', 'mort')).toMatchObject({ code: 0, err: '9ml vm: qemu did not answer: killed\n' })
    expect(names()).toEqual([])
  })
})

describe('9front’s image', { timeout: 120_000 }, () => {
  beforeAll(() => {
    iso(dir, '386.iso', { '386/9pc': tiny() })
    iso(dir, 'a,b.iso', { 'amd64/9pc64': tiny() })
    iso(dir, 'other.iso', { readme: new Uint8Array(10) })
  })
  afterEach(clean)

  test.each([
    ['386.iso', '386'],
    ['a,b.iso', 'amd64'],
  ])(
    '%s: its kernel is started with plan9.ini, its console is spoken to; stop types fshalt',
    async (image, machine) => {
      const starting = new Child(['vm', 'start', '--image', join(dir, image), '--accel', 'tcg', ...anyPorts])
      await starting.says('waiting for its prompt')
      // The prompt was waited for; this kernel knows no command, and would be waited for long.
      await says('9front', /test -f \/dev\/sdC1.*\n\nterm% $/)
      starting.child.kill('SIGINT')
      const { code, out, err } = await starting.ended
      expect(out).toMatch(new RegExp(`^9front, running, pid \\d+, ${machine}, `))
      expect(err).toBe('9ml vm: interrupted; 9front goes on: 9ml vm console 9front\n')
      expect(code).toBe(1)
      const { log } = folder('9front')
      expect(readFileSync(log, 'latin1')).toMatch(
        /^console=0\n[\s\S]*\nnobootprompt=local!\/dev\/sdD0\/data\n[\s\S]*\n\nterm% /,
      )
      const file = join(dir, `${machine}.vm`)
      expect(await vm('save', file)).toMatchObject({ code: 0, err: '' })
      expect(await vm('start', '--load', file, ...anyPorts)).toMatchObject({ code: 0, err: '' })
      const line = new LoggedLine(folder('9front'))
      await line.write(Uint8Array.of(10))
      await says('9front', /\n\nterm% $/)
      line.close()
      const kept = openSync(log, 'r')
      expect(await vm('stop')).toMatchObject({ code: 0, err: '' })
      expect(readFileSync(kept, 'latin1')).toMatch(/term% fshalt\n\nterm% $/)
      closeSync(kept)
    },
  )

  test('what is none', async () => {
    const start = async (image: string, ...args: string[]) =>
      (await vm('start', '--image', join(dir, image), ...anyPorts, ...args)).err
    expect(await start('other.iso')).toBe(`9ml vm: ${join(dir, 'other.iso')}: not an ISO of 9front: no /amd64/9pc64\n`)
    expect(await start('386.iso', '--machine', 'amd64')).toBe(
      `9ml vm: ${join(dir, '386.iso')}: not an ISO of 9front: no /amd64/9pc64\n`,
    )
    expect(await start('a,b.iso', '--machine', '386')).toBe(`9ml vm: ${join(dir, 'a,b.iso')}: image is for amd64\n`)
    expect(await start('nosuch')).toBe(`9ml vm: ${join(dir, 'nosuch')} does not exist\n`)
    expect(await start('')).toBe(`9ml vm: ${dir} is a directory\n`)
    expect(names()).toEqual([])
  })
})

describe('bad input', () => {
  test.each([
    [['start'], 'no image'],
    [['start', '-n', '../x', '--kernel', 'k'], 'bad vm name: ../x'],
    [['start', '-n', '..', '--kernel', 'k'], 'bad vm name: ..'],
    [['start', '--kernel', '/nosuch'], 'kernel does not exist: /nosuch'],
    [['start', '-m', 'much'], 'bad memory: much'],
    [['start', '--machine', 'mips'], 'bad machine: mips'],
    [['start', '--port', '9P'], 'bad port: 9P'],
    [['start', '--port', '9P=65536'], 'bad port: 9P=65536'],
    [['start', '--port', 'nosuch=1'], 'bad port: nosuch=1'],
    [['start', '--nic', 'a,b'], 'bad nic: a,b'],
    [['stop'], 'no such vm: 9front'],
    [['console', 'nosuch'], 'no such vm: nosuch'],
    [['status', 'nosuch'], 'no such vm: nosuch'],
  ])('%j: %s', async (args, words) => {
    expect(await vm(...args)).toMatchObject({ code: 1, out: '', err: `9ml vm: ${words}\n` })
    expect(names()).toEqual([])
  })

  test.each([[[]], [['nosuch']], [['start', '-x']], [['start', '-n']], [['stop', 'a', 'b']]])(
    '%j: usage',
    async args => {
      const { code, err } = await vm(...args)
      expect(code).toBe(1)
      expect(err).toMatch(/^usage: 9ml vm start /)
    },
  )

  test('a port in use, twice the same, and what QEMU itself refuses: nothing is left', async () => {
    const port = await freePort()
    const server = createServer().listen(port, '127.0.0.1')
    expect((await linux('lin', '--port', `7=${port}`)).err).toBe(`9ml vm: port in use: ${port}\n`)
    server.close()
    expect((await linux('lin', '--port', `7=${port}`, '--port', `8=${port}`)).err).toBe(
      `9ml vm: port in use: ${port}\n`,
    )
    expect((await linux('lin', '--nic', 'nosuch')).err).toMatch(/^9ml vm: qemu: .*nosuch/)
    expect(names()).toEqual([])
  })

  test('no QEMU', async () => {
    const path = process.env['PATH']
    mkdirSync(join(dir, 'bin'))
    process.env['PATH'] = join(dir, 'bin')
    try {
      const { code, err } = await linux('lin')
      expect(code).toBe(1)
      expect(err).toMatch(/^9ml vm: no qemu-system-i386: (apt-get|brew) install qemu.* installs it\n$/)
    } finally {
      process.env['PATH'] = path
    }
  })
})

test('the disks by 9front’s names, a comma in a name, an ISO that is never written', () => {
  const base: Config = {
    machine: '386',
    memory: 256,
    image: { file: '/a,b.iso', format: 'iso' },
    disk: { file: '/d.img', format: 'raw' },
    snapshot: true,
    own: true,
    ports: [],
    nic: 'e1000',
    accel: 'tcg',
    screen: false,
  }
  const disks = (c: Config) => {
    const args = commandLine(c, { qmp: '/q', serial: '/s', log: '/l' })
    return args.filter((_, i) => args[i - 1] === '-drive')
  }
  expect(disks(base)).toEqual([
    'file=/d.img,if=ide,index=1,format=raw,media=disk',
    'file=/a,,b.iso,if=ide,index=2,format=raw,media=cdrom,readonly=on',
  ])
  expect(disks({ ...base, image: { file: '/i.qcow2', format: 'qcow2' } })).toEqual([
    'file=/i.qcow2,if=ide,index=0,format=qcow2,media=disk,snapshot=on',
    'file=/d.img,if=ide,index=1,format=raw,media=disk',
  ])
})
