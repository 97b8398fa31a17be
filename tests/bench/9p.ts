import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { MessageChannel, type MessagePort as NodePort, Worker } from 'node:worker_threads'
import { Client, type Fid } from '../../plan9/9p/client.ts'
import { MSIZE, ORDWR } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport, portTransport, type Transport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { dial } from '../../shell/node/tcp.ts'

const SIZE = 64 << 20
const ROUNDS = 5

const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1]!

/** f's result per second, n at a time: the median of some runs after one to warm up. */
async function rate(n: number, f: () => Promise<unknown>): Promise<number> {
  const runs: number[] = []
  for (let r = 0; r <= ROUNDS; r++) {
    const start = performance.now()
    await f()
    if (r > 0) runs.push((n * 1000) / (performance.now() - start))
  }
  return median(runs)
}

/** Node's port has what the page's has, and more. */
const webport = (port: NodePort): MessagePort => port as unknown as MessagePort

async function mount(t: Transport): Promise<Fid> {
  const client = await Client.connect(t)
  return (await (await client.attach('glenda', '')).walk(['file'])).open(ORDWR)
}

/** One after another, then 64 at once, then both ways in bulk. */
async function measure(f: Fid): Promise<{ one: number; many: number; read: number; write: number }> {
  const bulk = new Uint8Array(SIZE)
  const stats = async (n: number) => {
    for (let i = 0; i < n; i++) await f.stat()
  }
  return {
    one: await rate(5000, () => stats(5000)),
    many: await rate(16384, () => Promise.all(Array.from({ length: 64 }, () => stats(256)))),
    read: (await rate(SIZE, () => f.read(SIZE, 0))) / 1e6,
    write: (await rate(SIZE, () => f.write(bulk, 0))) / 1e6,
  }
}

/** The same messages without 9P: buffers of msize there and back on a MessagePort. */
async function portBaseline(port: MessagePort): Promise<{ one: number; mb: number }> {
  const there = async (n: number) => {
    let buf = new ArrayBuffer(64)
    for (let i = 0; i < n; i++) {
      buf = await new Promise<ArrayBuffer>(resolve => {
        port.onmessage = ({ data }) => resolve(data)
        port.postMessage(buf, [buf])
      })
    }
  }
  const n = Math.ceil(SIZE / MSIZE)
  const bulk = () =>
    new Promise<void>(resolve => {
      const copy = new Uint8Array(SIZE)
      let sent = 0
      let got = 0
      const send = () => {
        sent++
        const buf = new ArrayBuffer(MSIZE)
        port.postMessage(buf, [buf])
      }
      port.onmessage = ({ data }: { data: ArrayBuffer }) => {
        copy.set(new Uint8Array(data).subarray(0, SIZE - got * MSIZE), got * MSIZE)
        if (sent < n) send()
        if (++got === n) resolve()
      }
      for (let i = 0; i < 8; i++) send()
    })
  return { one: await rate(5000, () => there(5000)), mb: (await rate(SIZE, bulk)) / 1e6 }
}

/** A socket that echoes, and one that sends as much as it can: TCP without 9P, in this process. */
async function tcpBaseline(): Promise<{ one: number; mb: number }> {
  const piece = Buffer.alloc(65536)
  const server = createServer((socket: Socket) => {
    socket.setNoDelay(true)
    socket.on('data', d => {
      if (d[0] === 0) return void socket.write(d)
      let left = SIZE
      const more = () => {
        while (left > 0) {
          left -= piece.length
          if (!socket.write(piece)) return void socket.once('drain', more)
        }
      }
      more()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = server.address()
  const socket = connect(typeof at === 'object' && at ? at.port : 0, '127.0.0.1')
  socket.setNoDelay(true)
  await once(socket, 'connect')
  const small = Buffer.alloc(64)
  const there = async (n: number) => {
    for (let i = 0; i < n; i++) {
      socket.write(small)
      await once(socket, 'data')
    }
  }
  const bulk = async () => {
    socket.write(Buffer.from([1]))
    const copy = new Uint8Array(SIZE)
    let got = 0
    await new Promise<void>(resolve => {
      socket.on('data', d => {
        copy.set(d, got)
        got += d.length
        if (got === SIZE) {
          socket.removeAllListeners('data')
          resolve()
        }
      })
    })
  }
  const figures = { one: await rate(3000, () => there(3000)), mb: (await rate(SIZE, bulk)) / 1e6 }
  socket.destroy()
  server.close()
  return figures
}

/**
 * 9P between our client and our ramfs: round trips a second (a Tstat each) and MB/s in messages of 64 KB. The server of
 * the MessagePort and of TCP is in another thread. `bare` is the same exchange of bytes without 9P.
 */
export default async function bench(): Promise<{ name: string; rows: string[][] }> {
  const [a, b] = pipeTransport()
  const tree = new Tree('glenda')
  tree.add('/file', new Uint8Array(SIZE), 0o666)
  serve(b, ramfs(tree))
  const pipe = await measure(await mount(a))

  const { port1, port2 } = new MessageChannel()
  const echo = new MessageChannel()
  const worker = new Worker(new URL('./9p.source.mjs', import.meta.url), {
    workerData: { port: port2, echo: echo.port2 },
    execArgv: [],
    transferList: [port2, echo.port2],
  })
  const [tcpport] = (await once(worker, 'message')) as [number]
  const port = await measure(await mount(portTransport(webport(port1))))
  const bareport = await portBaseline(webport(echo.port1))
  const tcp = await measure(await mount(await dial(`tcp!127.0.0.1!${tcpport}`)))
  const baretcp = await tcpBaseline()
  await worker.terminate()

  const src = new Uint8Array(SIZE).fill(1)
  const dst = new Uint8Array(SIZE).fill(2)
  const copy =
    (await rate(SIZE, async () => {
      for (let i = 0; i < SIZE; i += 65536) dst.set(src.subarray(i, i + 65536), i)
    })) / 1e6

  const row = (name: string, m: { one: number; many: number; read: number; write: number }) => [
    name,
    m.one.toFixed(0),
    m.many.toFixed(0),
    m.read.toFixed(0),
    m.write.toFixed(0),
    (m.read / copy).toFixed(3),
  ]
  const bare = (name: string, m: { one: number; mb: number }) => [
    name,
    m.one.toFixed(0),
    '-',
    m.mb.toFixed(0),
    '-',
    (m.mb / copy).toFixed(3),
  ]
  return {
    name: '9p',
    rows: [
      ['transport', 'round trips/s', '64 at once, /s', 'read MB/s', 'write MB/s', 'read to copy'],
      row('in memory', pipe),
      row('MessagePort', port),
      bare('MessagePort, bare', bareport),
      row('TCP', tcp),
      bare('TCP, bare', baretcp),
      ['copy', '-', '-', copy.toFixed(0), '-', '1.000'],
    ],
  }
}
