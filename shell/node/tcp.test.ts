import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Client } from '../../plan9/9p/client.ts'
import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { parseaddr } from '../../plan9/libc/netaddr.ts'
import { Random } from '../../tests/random.ts'
import { announce, dial } from './tcp.ts'

let listening: Awaited<ReturnType<typeof announce>>
let addr: string
const sockets: Socket[] = []

beforeEach(async () => {
  const tree = new Tree('glenda')
  tree.add('/hello', 'hello, world\n')
  tree.mkdir('/tmp')
  listening = await announce('tcp!127.0.0.1!0', t => void serve(t, ramfs(tree)))
  addr = `tcp!127.0.0.1!${listening.port}`
})
afterEach(() => {
  for (const s of sockets.splice(0)) s.destroy()
  listening.close()
})

/** A connection that sends these bytes; resolves with what came back when the server has closed it. */
function raw(data: Uint8Array): Promise<number> {
  return new Promise(resolve => {
    const socket = connect(listening.port, '127.0.0.1', () => socket.write(data))
    sockets.push(socket)
    let n = 0
    socket.on('data', b => (n += b.length))
    socket.on('error', () => {})
    socket.on('close', () => resolve(n))
  })
}

test('dial strings', () => {
  expect(parseaddr('tcp!host!5640')).toEqual({ host: 'host', port: 5640 })
  expect(parseaddr('tcp!host!9fs')).toEqual({ host: 'host', port: 564 })
  expect(parseaddr('net!host')).toEqual({ host: 'host', port: 564 })
  expect(parseaddr('tcp!*!0')).toEqual({ host: '*', port: 0 })
  expect(parseaddr('tcp!::1!17019')).toEqual({ host: '::1', port: 17019 })
  expect(parseaddr('host:5640')).toEqual({ host: 'host', port: 5640 })
  expect(parseaddr('net!host:5640!9fs')).toEqual({ host: 'host', port: 5640 })
  for (const bad of ['', 'tcp', 'tcp!', 'il!host!9fs', 'tcp!host!nosuch', 'tcp!host!65536', 'tcp!h!1!2', 'tcp!h!-1'])
    expect(() => parseaddr(bad), bad).toThrow('bad address')
})

test('9P over TCP, a megabyte there and back', async () => {
  const client = await Client.connect(await dial(addr))
  const root = await client.attach('glenda', '')
  const f = await (await root.walk(['tmp'])).create('big', 0o666, OWRITE)
  const data = new Random(1).bytes(1 << 20)
  let at = 0
  while (at < data.length) at += await f.write(data.subarray(at), at)
  await f.clunk()
  const g = await (await root.walk(['tmp', 'big'])).open(OREAD)
  expect(Buffer.compare(await g.readAll(), data)).toBe(0)
  client.close()
})

test('what one connection sends does not disturb another', async () => {
  const client = await Client.connect(await dial(addr))
  const root = await client.attach('glenda', '')
  const hello = async () => new TextDecoder().decode(await (await (await root.walk(['hello'])).open(OREAD)).readAll())
  expect(await hello()).toBe('hello, world\n')

  const r = new Random(Number(process.env.SEED ?? 5))
  const bad = [
    Uint8Array.of(3, 0, 0, 0),
    Uint8Array.of(0, 0, 0, 0, 100, 0, 0),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff, 100, 0xff, 0xff),
    Uint8Array.of(0, 0, 0, 0xf0, 100, 0xff, 0xff, ...r.bytes(1000)),
    new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'),
    ...Array.from({ length: 20 }, () => Uint8Array.of(0xff, 0xff, 0, 0x80, ...r.bytes(100))),
  ]
  const closed = bad.map(raw)
  expect(await hello()).toBe('hello, world\n')
  // Refused without a word.
  expect(await Promise.all(closed)).toEqual(bad.map(() => 0))
  expect(await hello()).toBe('hello, world\n')
  client.close()
})

test('nobody listens; nobody can listen twice', async () => {
  const other = await announce('tcp!127.0.0.1!0', () => {})
  await expect(announce(`tcp!127.0.0.1!${other.port}`, () => {})).rejects.toThrow('address in use')
  other.close()
  await expect(dial(`tcp!127.0.0.1!${other.port}`)).rejects.toThrow('connection refused')
})

test('a server that goes away ends what is waited for', async () => {
  const ended: (() => void)[] = []
  const mute = await announce('tcp!127.0.0.1!0', t => ended.push(() => t.close()))
  const connecting = Client.connect(await dial(`tcp!127.0.0.1!${mute.port}`))
  while (ended.length === 0) await new Promise(resolve => setImmediate(resolve))
  ended[0]!()
  await expect(connecting).rejects.toThrow()
  mute.close()
})
