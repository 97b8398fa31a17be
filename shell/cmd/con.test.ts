import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot } from '../boot.ts'
import { fillRoot } from '../node/root.ts'
import { dialStream } from '../node/tcp.ts'
import { setDial } from './dial.ts'

/** A console on which commands run, one at a time. */
class Terminal {
  readonly cons = new Testcons()
  readonly machine = boot({ fill: fillRoot, cons: [this.cons] })

  /** Resolves with the status. */
  async start(command: string): Promise<{ exited: Promise<string> }> {
    return this.machine.start({ argv: ['rc', '-c', command], cons: 0 })
  }

  async shows(s: string): Promise<void> {
    while (!this.cons.out.includes(s)) await new Promise(resolve => setTimeout(resolve, 1))
  }
}

/** A TCP service of one connection at a time: what it got, and the socket to answer on. */
async function service(): Promise<{
  addr: string
  got(): string
  gets(s: string): Promise<void>
  socket: Promise<Socket>
}> {
  let got = ''
  let connected: (s: Socket) => void = () => {}
  const socket = new Promise<Socket>(resolve => {
    connected = resolve
  })
  const server = createServer(s => {
    s.on('data', b => (got += b.toString('latin1')))
    s.on('error', () => {})
    onTestFinished(() => void s.destroy())
    connected(s)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  setDial(dialStream)
  const at = server.address()
  return {
    addr: `tcp!127.0.0.1!${typeof at === 'object' && at ? at.port : 0}`,
    got: () => got,
    async gets(s) {
      while (!got.includes(s)) await new Promise(resolve => setTimeout(resolve, 1))
    },
    socket,
  }
}

const FS = '\x1c'

describe('con', () => {
  test('carries what is typed, raw, and what comes; ends when the other end does', async () => {
    const { addr, gets, socket } = await service()
    const t = new Terminal()
    const { exited } = await t.start(`con ${addr}`)
    await t.shows(`connected to ${addr}\n`)
    t.cons.type('who\x7f\n')
    await gets('who\x7f\n')
    expect(t.cons.ctls).toEqual(['rawon'])
    const s = await socket
    s.write('gl\r\nenda')
    await t.shows('gl\r\nenda')
    s.end()
    expect(await exited).toBe('')
    expect(t.cons.ctls).toEqual(['rawon', 'rawoff'])
  })

  test('control-\\ leads to the menu', async () => {
    const { addr, gets, got, socket } = await service()
    const t = new Terminal()
    const { exited } = await t.start(`con ${addr}`)
    const s = await socket
    const menu = async (line: string) => {
      const from = t.cons.out.length
      t.cons.type(FS)
      while (!t.cons.out.slice(from).endsWith('>>> ')) await new Promise(resolve => setTimeout(resolve, 1))
      t.cons.type(line)
    }
    await menu('x\n')
    await t.shows('(q)uit')
    t.cons.type('i\n')
    await gets(FS)
    // b: nothing has breaks here.
    await menu('b\n')
    await menu('r\n')
    s.write('a\rb\n')
    await t.shows('ab\n')
    await menu('.\n')
    t.cons.type('on')
    await gets('on')
    await menu('!echo sent; head -1 >/tmp/l; echo done >[1=2]\n')
    await gets('sent\n')
    s.write('taken\n')
    await t.shows('done\n!\n')
    await menu('q\n')
    expect(await exited).toBe('')
    expect(got()).toBe(`${FS}onsent\n`)
    const from = t.cons.out.length
    await (await t.start('cat /tmp/l')).exited
    expect(t.cons.out.slice(from)).toBe('taken\n')
  })

  test.each([
    ['-r', 'a\rb\r\n', 'ab\n'],
    ['-T', 'a\rb', 'a\nb'],
    ['-s', '\u00e1b', 'C!b'],
  ])('%s translates what comes', async (flag, sent, shown) => {
    const { addr, socket } = await service()
    const t = new Terminal()
    const { exited } = await t.start(`con ${flag} ${addr} >[2]/dev/null`)
    ;(await socket).end(sent)
    expect(await exited).toBe('')
    expect(t.cons.out).toBe(shown)
  })

  test('-R swaps newlines and returns; -C is local echo, with interrupts and ends of file sent', async () => {
    const { addr, gets, socket } = await service()
    const t = new Terminal()
    const { exited } = await t.start(`con -RC ${addr}`)
    await t.shows('connected')
    t.cons.type('a\nb\r')
    await gets('a\rb\n')
    t.cons.type('')
    await gets('\x04')
    expect(t.cons.ctls).toEqual([])
    ;(await socket).end()
    expect(await exited).toBe('')
  })

  test('input that ends closes the connection; with -n it stays until the other end closes', async () => {
    const one = await service()
    const t = new Terminal()
    const { exited } = await t.start(`echo hello | con ${one.addr}`)
    await once(await one.socket, 'end')
    expect(await exited).toBe('')
    expect(one.got()).toBe('hello\n')

    const two = await service()
    const staying = await t.start(`echo hello | con -n ${two.addr} | tr a-z A-Z`)
    await two.gets('hello\n')
    ;(await two.socket).end('answer\n')
    expect(await staying.exited).toBe('')
    expect(t.cons.out).toMatch(/ANSWER\n$/)
  })

  test('-c runs a command on the connection first; one that fails is the end', async () => {
    const { addr, gets, socket } = await service()
    const t = new Terminal()
    const { exited } = await t.start(`con -c 'echo login' ${addr}`)
    await gets('login\n')
    ;(await socket).end('in\n')
    expect(await exited).toBe('')
    const other = await service()
    const failed = await t.start(`con -c 'exit no' ${other.addr}`)
    expect(await failed.exited).toMatch(/: no$/)
    expect(t.cons.out).toMatch(/con: exit no terminated with rc \d+: no\n$/)
  })

  test('a service in /srv; -S posts the near end as another', async () => {
    const t = new Terminal()
    const { exited } = await t.start(`srv -e 'while(l=\`{read}) echo got $l' talk >[2]/dev/null
con -n -S line /srv/talk &
while(! test -e /srv/line) sleep 0
{echo one; read >[1=2]} <>/srv/line >[1=0]; rm /srv/talk; kill con | rc; ls /srv/line`)
    await exited
    expect(t.cons.out).toMatch(/^got one\n/)
  })

  test('what is wrong', async () => {
    const t = new Terminal()
    const says = async (command: string) => {
      const from = t.cons.out.length
      const status = await (await t.start(command)).exited
      return { status, out: t.cons.out.slice(from) }
    }
    setDial(dialStream)
    const refused = 'connection refused: tcp!127.0.0.1!1'
    expect(await says('con tcp!127.0.0.1!1')).toEqual({ status: refused, out: `con: ${refused}\n` })
    expect((await says('con -v tcp!127.0.0.1!1')).out).toBe(`'${refused}' calling tcp!127.0.0.1!1\ncon: ${refused}\n`)
    expect(await says('con /nosuch')).toEqual({
      status: 'open',
      out: "con: cannot open /nosuch: file does not exist: '/nosuch'\n",
    })
    expect((await says('con')).out).toMatch(/^con: usage: con /)
    expect((await says('con a b')).out).toMatch(/^con: usage: con /)
    for (const args of ['-l', '-l user', '-l -v', '-vl user'])
      expect((await says(`con ${args} tcp!127.0.0.1!1`)).out, args).toContain(`con: ${refused}\n`)
  })
})
