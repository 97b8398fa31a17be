import { type MessagePort as NodePort, Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../error.ts'
import { Client } from './client.ts'
import { ORDWR } from './const.ts'
import { serve } from './server.ts'
import { pipeTransport, portTransport, type Transport } from './transport.ts'
import { ramfs, Tree } from './tree.ts'

const turn = () => new Promise(resolve => setImmediate(resolve))

function listen(t: Transport) {
  const got: number[][] = []
  let done!: (err?: Error) => void
  const closed = new Promise<Error | undefined>(resolve => {
    done = resolve
  })
  t.start(msg => void got.push([...msg]), done)
  return { got, closed }
}

const kinds: [string, () => [Transport, Transport]][] = [
  ['pipeTransport', pipeTransport],
  [
    'portTransport',
    () => {
      const { port1, port2 } = new MessageChannel()
      return [portTransport(port1), portTransport(port2)]
    },
  ],
]

describe.each(kinds)('%s', (_, make) => {
  test('messages arrive in order, those sent before start too; the other end is told of close after them', async () => {
    const [a, b] = make()
    void a.send(Uint8Array.of(1))
    await turn()
    const there = listen(b)
    void a.send(Uint8Array.of(2, 2))
    void a.send(Uint8Array.of(3, 3, 3))
    const here = listen(a)
    a.close()
    expect(await here.closed).toBeUndefined()
    expect((await there.closed)?.message).toBe('hungup')
    expect(there.got).toEqual([[1], [2, 2], [3, 3, 3]])
    void a.send(Uint8Array.of(4))
    a.close()
    b.close()
    await turn()
    expect(there.got.length).toBe(3)
  })
  test('a close before the other end starts is not lost', async () => {
    const [a, b] = make()
    a.start(
      () => {},
      () => {},
    )
    void a.send(Uint8Array.of(9))
    a.close()
    await turn()
    const there = listen(b)
    expect((await there.closed)?.message).toBe('hungup')
    expect(there.got).toEqual([[9]])
  })
  test('no call runs within another', async () => {
    const [a, b] = make()
    let sending = false
    const echo = new Promise<void>(resolve => {
      b.start(
        msg => {
          expect(sending).toBe(false)
          void b.send(msg)
        },
        () => {},
      )
      a.start(
        () => {
          expect(sending).toBe(false)
          resolve()
        },
        () => {},
      )
    })
    sending = true
    void a.send(Uint8Array.of(1))
    sending = false
    await echo
    a.close()
  })
  test('carries 9P', async () => {
    const [a, b] = make()
    const tree = new Tree('glenda')
    tree.add('/f', new Uint8Array(200_000).fill(7))
    const conn = serve(b, ramfs(tree))
    const client = await Client.connect(a)
    const f = await (await (await client.attach('glenda', '')).walk(['f'])).open(ORDWR)
    const data = await f.read(200_000, 0)
    expect(data.length).toBe(200_000)
    expect(data.every(x => x === 7)).toBe(true)
    // What was read is the reader's own: to change it changes no file.
    data.fill(8)
    expect((await f.read(10, 0)).every(x => x === 7)).toBe(true)
    client.close()
    await conn.closed
  })
})

describe('portTransport', () => {
  test('a message that is part of a larger buffer is sent alone, and the buffer stays', async () => {
    const { port1, port2 } = new MessageChannel()
    const [a, b] = [portTransport(port1), portTransport(port2)]
    const there = listen(b)
    const whole = Uint8Array.of(1, 2, 3, 4, 5)
    void a.send(whole.subarray(1, 3))
    a.close()
    await there.closed
    expect(there.got).toEqual([[2, 3]])
    expect([...whole]).toEqual([1, 2, 3, 4, 5])
  })
  test('what is no message ends the connection', async () => {
    for (const junk of ['text', 7, { byteLength: 3 }, new Uint8Array(3)]) {
      const { port1, port2 } = new MessageChannel()
      const there = listen(portTransport(port2))
      port1.postMessage(junk)
      expect(await there.closed).toBeInstanceOf(ProtocolError)
      expect(there.got).toEqual([])
    }
  })
  test('a thread that is terminated hangs up', async () => {
    const { port1, port2 } = new MessageChannel()
    const worker = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads')
       workerData.on('message', () => {})
       parentPort.postMessage('ready')`,
      { eval: true, workerData: port2, transferList: [port2 as unknown as NodePort] },
    )
    await new Promise(resolve => worker.once('message', resolve))
    const connecting = Client.connect(portTransport(port1))
    connecting.catch(() => undefined)
    await worker.terminate()
    await expect(connecting).rejects.toThrow('i/o on hungup channel')
  })
})
