import { once } from 'node:events'
import { connect } from 'node:net'
import { MessageChannel, type MessagePort as NodePort, Worker } from 'node:worker_threads'
import { Client, type Fid } from '../../plan9/9p/client.ts'
import { MSIZE, ORDWR } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport, portTransport, type Transport } from '../../plan9/9p/transport.ts'
import { ramfs, Tree } from '../../plan9/9p/tree.ts'
import { dial } from '../../shell/node/tcp.ts'

const SIZE = 1 << 20
const BULK = 64
const ONE = 5000
const MANY = 16384
const ATONCE = 32
const ROUNDS = 5
/** Bytes of an Rstat, about. */
const SMALL = 64

/** Per second: round trips one after another, ATONCE of them at once; MB read and written by SIZE. */
interface Figures {
  one: number
  many: number
  read: number
  write: number | undefined
}

const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1]!

/** n of what f does, per second: the median of some runs after one to warm up. */
async function rate(n: number, f: () => Promise<unknown>): Promise<number> {
  const runs: number[] = []
  for (let r = 0; r <= ROUNDS; r++) {
    const start = performance.now()
    await f()
    if (r > 0) runs.push((n * 1000) / (performance.now() - start))
  }
  return median(runs)
}

/** The same for any connection: `trip` is a round trip, `read` and `write` move SIZE bytes. */
async function measure(
  trip: () => Promise<unknown>,
  read: () => Promise<unknown>,
  write?: () => Promise<unknown>,
): Promise<Figures> {
  const times = async (n: number, f: () => Promise<unknown>) => {
    for (let i = 0; i < n; i++) await f()
  }
  const mb = async (f: () => Promise<unknown>) => (await rate(BULK * SIZE, () => times(BULK, f))) / 1e6
  return {
    one: await rate(ONE, () => times(ONE, trip)),
    many: await rate(MANY, () => Promise.all(Array.from({ length: ATONCE }, () => times(MANY / ATONCE, trip)))),
    read: await mb(read),
    write: write && (await mb(write)),
  }
}

/** 9P: a Tstat and its reply; SIZE bytes of a file. */
async function ninep(t: Transport): Promise<Figures> {
  const client = await Client.connect(t)
  const f = await (await (await client.attach('glenda', '')).walk(['file'])).open(ORDWR)
  const data = new Uint8Array(SIZE)
  const figures = await measure(
    () => f.stat(),
    () => whole(f),
    () => f.write(data, 0),
  )
  client.close()
  return figures
}

async function whole(f: Fid): Promise<void> {
  const { length } = await f.read(SIZE, 0)
  if (length !== SIZE) throw new Error(`read ${length} bytes of ${SIZE}`)
}

/** A port whose other end sends each buffer back, without 9P: SIZE is as many buffers of msize as it takes, copied out. */
function bareport(port: MessagePort): Promise<Figures> {
  const waiting: ((buf: ArrayBuffer) => void)[] = []
  port.onmessage = ({ data }) => waiting.shift()!(data)
  const trip = (n: number) =>
    new Promise<ArrayBuffer>(resolve => {
      waiting.push(resolve)
      const buf = new ArrayBuffer(n)
      port.postMessage(buf, [buf])
    })
  const all = new Uint8Array(Math.ceil(SIZE / MSIZE) * MSIZE)
  const read = () =>
    Promise.all(
      Array.from({ length: all.length / MSIZE }, async (_, i) => all.set(new Uint8Array(await trip(MSIZE)), i * MSIZE)),
    )
  return measure(() => trip(SMALL), read)
}

/** A socket whose other end sends as many bytes as it is asked for, without 9P. */
async function baretcp(port: number): Promise<Figures> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  await once(socket, 'connect')
  const waiting: { left: number; resolve(): void }[] = []
  const all = new Uint8Array(SIZE)
  socket.on('data', d => {
    for (let at = 0; at < d.length; ) {
      const w = waiting[0]!
      const n = Math.min(w.left, d.length - at)
      all.set(d.subarray(at, at + n), SIZE - w.left)
      at += n
      w.left -= n
      if (w.left === 0) waiting.shift()!.resolve()
    }
  })
  const ask = (n: number) =>
    new Promise<void>(resolve => {
      waiting.push({ left: n, resolve })
      const count = Buffer.alloc(4)
      count.writeUInt32LE(n)
      socket.write(count)
    })
  const figures = await measure(
    () => ask(SMALL),
    () => ask(SIZE),
  )
  socket.destroy()
  return figures
}

/**
 * 9P between our client and our ramfs, in memory, and over a MessagePort and TCP to a server in another thread. After
 * each of these comes the same exchange of bytes with the same thread without 9P, and 9P's part of that.
 */
export default async function bench(): Promise<{ name: string; rows: string[][] }> {
  const [a, b] = pipeTransport()
  const tree = new Tree('glenda')
  tree.add('/file', new Uint8Array(SIZE), 0o666)
  serve(b, ramfs(tree))
  const pipe = await ninep(a)

  const [nine, echo] = [new MessageChannel(), new MessageChannel()]
  const worker = new Worker(new URL('./9p.source.mjs', import.meta.url), {
    workerData: { port: nine.port2, echo: echo.port2, size: SIZE },
    execArgv: [],
    transferList: [nine.port2, echo.port2],
  })
  const [at] = (await once(worker, 'message')) as [{ tcp: number; bare: number }]
  // Node's port has what the page's has, and more.
  const webport = (port: NodePort): MessagePort => port as unknown as MessagePort
  const port = await ninep(portTransport(webport(nine.port1)))
  const portpeer = await bareport(webport(echo.port1))
  const tcp = await ninep(await dial(`tcp!127.0.0.1!${at.tcp}`))
  const tcppeer = await baretcp(at.bare)
  await worker.terminate()

  const row = (name: string, f: Figures) => [
    name,
    f.one.toFixed(0),
    f.many.toFixed(0),
    f.read.toFixed(0),
    f.write?.toFixed(0) ?? '-',
  ]
  const part = (f: Figures, of: Figures) => [
    '  9P to bare',
    ...[f.one / of.one, f.many / of.many, f.read / of.read].map(r => r.toFixed(2)),
    '-',
  ]
  return {
    name: '9p',
    rows: [
      ['transport', 'round trips/s', `${ATONCE} at once, /s`, 'read 1 MB, MB/s', 'write 1 MB, MB/s'],
      row('in memory', pipe),
      row('MessagePort', port),
      row('  bare', portpeer),
      part(port, portpeer),
      row('TCP', tcp),
      row('  bare', tcppeer),
      part(tcp, tcppeer),
    ],
  }
}
