import type { ByteStream } from '../../../plan9/9p/framer.ts'
import { Eintr, PlanError } from '../../../plan9/error.ts'
import {
  ACK,
  ARP,
  checksum,
  EVERYBODY,
  ethernet,
  FIN,
  ICMP,
  IP,
  ipaddr,
  ipfmt,
  ipv4,
  type Mac,
  macfmt,
  type Packet,
  parseipv4,
  parsemac,
  parsetcp,
  parseudp,
  RST,
  type Segment,
  SYN,
  TCP,
  tcp,
  UDP,
  udp,
  view,
} from './frame.ts'
import { Connection, Etimedout } from './tcp.ts'

/** The only other machine on the guest's network: its gateway, its DHCP and DNS server, and whom it talks 9P with. */

const ME: Mac = parsemac('525400866401')
const MYIP = ipaddr('192.168.86.1')
const GUEST = ipaddr('192.168.86.100')
const MASK = ipaddr('255.255.255.0')
/** Seconds. */
const LEASE = 86400
/** Names that are this machine's. */
const names = new Set(['host', 'page', '9ml'])
/** Milliseconds between two questions who has the guest's address, and how often it is asked. */
const ASK = 500
const ASKS = 40
const MINRTO = 200

export interface HostState {
  /** The guest's. */
  mac: string
  ip: string
}

export interface HostOptions {
  /** A frame to the guest. */
  send(frame: Uint8Array): void
  /** As `state` was, of a guest that goes on from a snapshot. */
  state?: HostState
  /** Milliseconds of a retransmission timeout at least. */
  minrto?: number
}

export class Host {
  private readonly o: HostOptions
  private mac: Mac | undefined
  private ip = GUEST
  /** By the ports of both. */
  private readonly connections = new Map<string, Connection>()
  private readonly listeners = new Map<number, (c: ByteStream, port: number) => void>()
  private learnt: (() => void)[] = []
  private port = 49152 + Math.floor(Math.random() * 8192)
  private closed = false

  constructor(o: HostOptions) {
    this.o = o
    if (!o.state) return
    this.mac = parsemac(o.state.mac)
    this.ip = ipaddr(o.state.ip)
  }

  /** undefined until the guest has spoken. */
  get state(): HostState | undefined {
    return this.mac && { mac: macfmt(this.mac), ip: ipfmt(this.ip) }
  }

  /** A frame of the guest's: only valid during the call. What is no frame is nothing. */
  receive(frame: Uint8Array): void {
    if (this.closed || frame.length < 14) return
    const src = frame.subarray(6, 12)
    if (src[0]! & 1) return
    const type = view(frame).getUint16(12)
    const payload = frame.subarray(14)
    if (type === ARP) this.arp(payload, src)
    else if (type === IP) {
      const p = parseipv4(payload)
      if (!p) return
      if (p.proto === UDP) this.udp(p, src)
      else if (p.proto === ICMP) this.icmp(p, src)
      else if (p.proto === TCP) this.tcp(p, src)
    }
  }

  /** Whose address is in our network is the guest. */
  private learn(mac: Mac, ip: number): void {
    if ((ip & MASK) !== (MYIP & MASK) || ip === MYIP) return
    this.mac = mac.slice()
    this.ip = ip
    for (const f of this.learnt.splice(0)) f()
  }

  private send(type: number, payload: Uint8Array, to = this.mac ?? EVERYBODY): void {
    this.o.send(ethernet(to, ME, type, payload))
  }

  private arp(b: Uint8Array, src: Mac): void {
    if (b.length < 28) return
    const v = view(b)
    if (v.getUint32(0) !== 0x00010800 || v.getUint16(4) !== 0x0604) return
    const from = v.getUint32(14)
    const target = v.getUint32(24)
    if (from !== 0) this.learn(src, from)
    if (v.getUint16(6) === 1 && target === MYIP) this.send(ARP, arp(2, MYIP, src, from), src.slice())
  }

  private icmp(p: Packet, src: Mac): void {
    if (p.dst !== MYIP || p.payload.length < 8 || p.payload[0] !== 8 || checksum(p.payload) !== 0) return
    this.learn(src, p.src)
    const reply = p.payload.slice()
    reply[0] = 0
    reply[2] = reply[3] = 0
    view(reply).setUint16(2, checksum(reply))
    this.send(IP, ipv4(MYIP, p.src, ICMP, reply))
  }

  private udp(p: Packet, src: Mac): void {
    const d = parseudp(p)
    if (!d) return
    if (d.dport === 67) {
      const reply = dhcp(d.payload)
      if (!reply) return
      if (reply.ack) this.learn(src, GUEST)
      const to = reply.ciaddr || 0xffffffff
      this.send(IP, udp(MYIP, 67, to, 68, reply.bytes), reply.ciaddr ? src.slice() : EVERYBODY)
    } else if (d.dport === 53 && p.dst === MYIP) {
      this.learn(src, p.src)
      const reply = dns(d.payload)
      if (reply) this.send(IP, udp(MYIP, 53, p.src, d.sport, reply))
    }
  }

  private tcp(p: Packet, src: Mac): void {
    if (p.dst !== MYIP) return
    const s = parsetcp(p)
    if (!s) return
    this.learn(src, p.src)
    const key = `${s.dport} ${s.sport}`
    const c = this.connections.get(key)
    if (c) {
      c.receive(s)
      return
    }
    const accept = this.listeners.get(s.dport)
    if (accept && (s.flags & (SYN | ACK | RST)) === SYN) {
      const fresh = this.connect(s.dport, s.sport, s)
      fresh.opened().then(
        () => accept(fresh, s.dport),
        () => {},
      )
      return
    }
    if (s.flags & RST) return
    // Nobody here knows of it: a guest that was restored learns so that its old connections are no more.
    const n = s.data.length + (s.flags & SYN ? 1 : 0) + (s.flags & FIN ? 1 : 0)
    const reset =
      s.flags & ACK ? { seq: s.ack, ack: 0, flags: RST } : { seq: 0, ack: (s.seq + n) >>> 0, flags: RST | ACK }
    this.segment({ ...reset, sport: s.dport, dport: s.sport, window: 0, data: new Uint8Array(0) })
  }

  private segment(s: Segment): void {
    if (!this.closed) this.send(IP, tcp(MYIP, this.ip, s))
  }

  private connect(sport: number, dport: number, syn?: Segment): Connection {
    const key = `${sport} ${dport}`
    const c = new Connection(
      {
        send: s => this.segment({ ...s, sport, dport }),
        gone: () => {
          if (this.connections.get(key) === c) this.connections.delete(key)
        },
        minrto: this.o.minrto ?? MINRTO,
      },
      Math.floor(Math.random() * 2 ** 32),
      syn,
    )
    this.connections.set(key, c)
    return c
  }

  /** Waits for the guest's address. @throws PlanError */
  private async find(signal?: AbortSignal): Promise<void> {
    for (let i = 0; !this.mac; i++) {
      if (signal?.aborted) throw new PlanError(Eintr)
      if (this.closed) throw new PlanError('hungup')
      if (i === ASKS) throw new PlanError(Etimedout)
      this.send(ARP, arp(1, MYIP, new Uint8Array(6), GUEST))
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, ASK)
        const done = () => {
          clearTimeout(timer)
          resolve()
        }
        this.learnt.push(done)
        signal?.addEventListener('abort', done)
      })
    }
  }

  /** Connects to a port of the guest. @throws PlanError connection refused, connection timed out, hungup, Eintr */
  async dial(port: number, signal?: AbortSignal): Promise<ByteStream> {
    await this.find(signal)
    if (this.closed) throw new PlanError('hungup')
    do this.port = this.port === 65535 ? 49152 : this.port + 1
    while (this.connections.has(`${this.port} ${port}`))
    const c = this.connect(this.port, port)
    const abort = () => c.end(Eintr)
    signal?.addEventListener('abort', abort)
    try {
      if (signal?.aborted) abort()
      await c.opened()
    } finally {
      signal?.removeEventListener('abort', abort)
    }
    return c
  }

  /** Takes the guest's calls to a port; what it returns ends that. */
  listen(port: number, accept: (c: ByteStream, port: number) => void): () => void {
    this.listeners.set(port, accept)
    return () => {
      if (this.listeners.get(port) === accept) this.listeners.delete(port)
    }
  }

  /** Every connection is hung up. */
  close(): void {
    this.closed = true
    for (const c of [...this.connections.values()]) c.end('hungup')
    for (const f of this.learnt.splice(0)) f()
  }
}

function arp(op: number, from: number, mac: Mac, to: number): Uint8Array {
  const b = new Uint8Array(28)
  const v = view(b)
  v.setUint32(0, 0x00010800)
  v.setUint16(4, 0x0604)
  v.setUint16(6, op)
  b.set(ME, 8)
  v.setUint32(14, from)
  b.set(mac, 18)
  v.setUint32(24, to)
  return b
}

/** The answer to a DHCP message (RFC 2131); `ack`: the guest has its address now. */
function dhcp(b: Uint8Array): { bytes: Uint8Array; ack: boolean; ciaddr: number } | undefined {
  if (b.length < 240 || b[0] !== 1) return undefined
  const v = view(b)
  if (v.getUint32(236) !== 0x63825363) return undefined
  const options = new Map<number, Uint8Array>()
  for (let i = 240; i + 1 < b.length && b[i] !== 255; ) {
    if (b[i] === 0) {
      i++
      continue
    }
    options.set(b[i]!, b.subarray(i + 2, i + 2 + b[i + 1]!))
    i += 2 + b[i + 1]!
  }
  const four = (code: number) => {
    const o = options.get(code)
    return o?.length === 4 ? view(o).getUint32(0) : 0
  }
  const [DISCOVER, OFFER, REQUEST, PACK, NAK, INFORM] = [1, 2, 3, 5, 6, 8] as const
  const type = options.get(53)?.[0]
  const ciaddr = v.getUint32(12)
  let answer: number
  if (type === DISCOVER) answer = OFFER
  else if (type === INFORM) answer = PACK
  else if (type === REQUEST) {
    const server = four(54)
    if (server !== 0 && server !== MYIP) return undefined
    answer = (four(50) || ciaddr) === GUEST ? PACK : NAK
  } else return undefined
  const out = new Uint8Array(300)
  const w = view(out)
  out.set(b.subarray(0, 8))
  out[0] = 2
  out.set(b.subarray(10, 12), 10)
  if (ciaddr && answer !== NAK) w.setUint32(12, ciaddr)
  if (answer !== NAK && type !== INFORM) w.setUint32(16, GUEST)
  w.setUint32(20, MYIP)
  out.set(b.subarray(28, 44), 28)
  w.setUint32(236, 0x63825363)
  let at = 240
  const put = (code: number, value: number) => {
    out.set([code, 4], at)
    w.setUint32(at + 2, value)
    at += 6
  }
  out.set([53, 1, answer], at)
  at += 3
  put(54, MYIP)
  if (answer !== NAK) {
    if (type !== INFORM) put(51, LEASE)
    put(1, MASK)
    put(3, MYIP)
    put(6, MYIP)
  }
  out[at] = 255
  return { bytes: out, ack: answer === PACK && type === REQUEST, ciaddr }
}

/** The answer to a question (RFC 1035): our names have our address, and there are no others. */
function dns(b: Uint8Array): Uint8Array | undefined {
  if (b.length < 12) return undefined
  const v = view(b)
  if (v.getUint16(2) & 0x8000 || v.getUint16(4) !== 1) return undefined
  const labels: string[] = []
  let at = 12
  for (;;) {
    const n = b[at]
    if (n === undefined || n > 63 || at + n >= b.length) return undefined
    at++
    if (n === 0) break
    labels.push(String.fromCharCode(...b.subarray(at, at + n)).toLowerCase())
    at += n
  }
  if (at + 4 > b.length) return undefined
  const type = v.getUint16(at)
  at += 4
  const known = names.has(labels[0] ?? '') && labels.length <= 2
  const answer = known && type === 1
  const out = new Uint8Array(at + (answer ? 16 : 0))
  out.set(b.subarray(0, at))
  const w = view(out)
  w.setUint16(2, 0x8180 | (v.getUint16(2) & 0x0100) | (known ? 0 : 3))
  w.setUint16(6, answer ? 1 : 0)
  w.setUint32(8, 0)
  if (answer) {
    w.setUint32(at, 0xc00c0001)
    w.setUint16(at + 4, 1)
    w.setUint32(at + 6, 60)
    w.setUint16(at + 10, 4)
    w.setUint32(at + 12, MYIP)
  }
  return out
}
