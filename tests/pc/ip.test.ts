import { expect, test } from 'vitest'
import {
  ACK,
  ARP,
  EVERYBODY,
  ethernet,
  IP,
  ipaddr,
  parseipv4,
  parsemac,
  parsetcp,
  RST,
  SYN,
  tcp,
  view,
} from '../../emulator/pc/ip/frame.ts'
import { Host } from '../../emulator/pc/ip/host.ts'
import { Connection, type Wire } from '../../emulator/pc/ip/tcp.ts'
import { PlanError } from '../../plan9/error.ts'
import { Random } from '../random.ts'

/** The other machine on the guest's network, where Linux (linux.test.ts) does not lead it: a bad link, bad frames. */

const RUNS = Number(process.env['RUNS'] ?? 12)
const SEED = Number(process.env['SEED'] ?? 1)

type Segment = Parameters<Wire['send']>[0]

/** Two ends of a connection on a link that loses, doubles and reorders. */
function pair(rand: Random, trouble: number): [Connection, Connection] {
  const ends: (Connection | undefined)[] = []
  const wire = (to: 0 | 1): Wire => ({
    send(s: Segment) {
      const copies = rand.int(100) < trouble ? 0 : rand.int(100) < trouble ? 2 : 1
      for (let i = 0; i < copies; i++) {
        const copy = { ...s, data: s.data.slice(), sport: 1, dport: 2 }
        const deliver = () => {
          if (!ends[to] && copy.flags === SYN) ends[to] = new Connection(wire(0), 77, copy)
          else ends[to]?.receive(copy)
        }
        if (rand.int(100) < trouble) setTimeout(deliver, rand.int(8))
        else setImmediate(deliver)
      }
    },
    gone() {},
    minrto: 20,
  })
  // Sequence numbers that wrap on the way.
  ends[0] = new Connection(wire(1), 2 ** 32 - 50_000)
  return [ends[0], new Proxy({} as Connection, { get: (_, k) => Reflect.get(ends[1]!, k).bind(ends[1]) })]
}

async function collect(c: Connection): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for (;;) {
    const b = await c.read()
    if (b.length === 0) return Buffer.concat(parts)
    parts.push(b)
    // One who reads slowly closes the window.
    if (parts.length % 7 === 0) await new Promise(resolve => setTimeout(resolve, 1))
  }
}

test.each(Array.from({ length: RUNS }, (_, i) => i))(
  'what is written is what is read, over a bad link: %s',
  async i => {
    const rand = new Random(SEED * 1000 + i)
    const [a, b] = pair(rand, [0, 2, 10][i % 3]!)
    await a.opened()
    const bytes = (n: number) => Buffer.from(Uint8Array.from({ length: n }, () => rand.int(256)))
    const [there, back] = [bytes(rand.int(400_000)), bytes(rand.int(400_000))]
    const send = async (c: Connection, data: Buffer) => {
      for (let at = 0; at < data.length; ) {
        const n = 1 + rand.int(20_000)
        await c.write(data.subarray(at, at + n))
        at += n
      }
    }
    const gotten = async (c: Connection, n: number) => {
      const parts: Uint8Array[] = []
      for (let have = 0; have < n; ) {
        const b = await c.read()
        if (b.length === 0) break
        parts.push(b)
        have += b.length
      }
      return Buffer.concat(parts)
    }
    const [got, , ret] = await Promise.all([
      gotten(b, there.length),
      send(a, there),
      gotten(a, back.length),
      send(b, back),
    ])
    expect(got.equals(there)).toBe(true)
    expect(ret.equals(back)).toBe(true)
    // One side is done; the other may go on until it is done too.
    a.close()
    expect((await collect(b)).length).toBe(0)
    b.close()
    await expect(async () => a.write(Buffer.from('x'))).rejects.toThrow(PlanError)
  },
  60_000,
)

const guest = parsemac('002215000001')
const [us, them] = [ipaddr('192.168.86.1'), ipaddr('192.168.86.100')]

function host() {
  const sent: Uint8Array[] = []
  const h = new Host({ send: f => void sent.push(f.slice()) })
  return { h, sent }
}

/** A guest's segment, in a frame. */
const segment = (flags: number, sport: number, dport: number, seq: number, ack: number, data = new Uint8Array(0)) =>
  ethernet(EVERYBODY, guest, IP, tcp(them, us, { sport, dport, seq, ack, flags, window: 1000, data }))

const last = (sent: Uint8Array[]) => parsetcp(parseipv4(sent.at(-1)!.subarray(14))!)!

test('a call to a port that nobody has, and a segment of no connection, are reset', () => {
  const { h, sent } = host()
  h.receive(segment(SYN, 1000, 99, 5, 0))
  expect(last(sent)).toMatchObject({ flags: RST | ACK, ack: 6, sport: 99, dport: 1000 })
  h.receive(segment(ACK, 1000, 564, 5, 1234, new Uint8Array(3)))
  expect(last(sent)).toMatchObject({ flags: RST, seq: 1234 })
  h.close()
})

test('who has our address is told, and is known from then on', () => {
  const { h, sent } = host()
  const ask = new Uint8Array(28)
  const v = view(ask)
  v.setUint32(0, 0x00010800)
  v.setUint32(4, 0x06040001)
  ask.set(guest, 8)
  v.setUint32(14, them)
  v.setUint32(24, us)
  expect(h.state).toBeUndefined()
  h.receive(ethernet(EVERYBODY, guest, ARP, ask))
  expect(sent).toHaveLength(1)
  expect(view(sent[0]!).getUint32(14 + 14)).toBe(us)
  expect(h.state).toEqual({ mac: '002215000001', ip: '192.168.86.100' })
  h.close()
})

test('nobody there, nobody waits for ever: a note ends it, and so does the end', async () => {
  const { h } = host()
  const stop = new AbortController()
  const dialing = h.dial(564, stop.signal)
  stop.abort()
  await expect(dialing).rejects.toThrow('interrupted')
  const other = h.dial(564)
  h.close()
  await expect(other).rejects.toThrow('hungup')
})

test(`${RUNS * 500} frames of nonsense, seed ${SEED}, are nothing`, () => {
  const rand = new Random(SEED)
  const { h, sent } = host()
  h.listen(564, () => {})
  const real = [segment(SYN, 1000, 564, 5, 0), segment(ACK, 1000, 564, 6, 1), segment(SYN, 1, 99, 5, 0)]
  for (let i = 0; i < RUNS * 500; i++) {
    const frame =
      rand.int(3) === 0
        ? Uint8Array.from({ length: rand.int(200) }, () => rand.int(256))
        : real[rand.int(real.length)]!.slice(0, 14 + rand.int(80))
    for (let k = rand.int(4); k > 0 && frame.length > 0; k--) frame[rand.int(frame.length)] = rand.int(256)
    if (frame.length > 14 && rand.int(2)) frame.set([0x08, rand.int(2) ? 0 : 6], 12)
    h.receive(frame)
  }
  h.receive(segment(SYN, 2000, 99, 5, 0))
  expect(last(sent)).toMatchObject({ flags: RST | ACK, ack: 6 })
  h.close()
})
