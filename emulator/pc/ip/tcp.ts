import type { ByteStream } from '../../../plan9/9p/framer.ts'
import { PlanError } from '../../../plan9/error.ts'
import { ACK, FIN, PSH, RST, type Segment, SYN } from './frame.ts'

/** One TCP connection (RFC 9293), of which the link is the guest's memory: fast, and with little room. */

/** Bytes of data in a segment at most. */
export const MSS = 1460
/** Bytes that are received before somebody reads. */
const RCVBUF = 65535
/** Bytes that are taken of a writer before he waits. */
const SNDBUF = 256 * 1024
/** Bytes under way at most: an NE2000's ring holds some 12 KB. */
const INFLIGHT = 8 * MSS
/** Milliseconds. */
const MAXRTO = 5000
/** Of a peer that does not answer. */
const PATIENCE = 30_000

export const Etimedout = 'connection timed out'
export const Erefused = 'connection refused'

type State = 'synsent' | 'synrcvd' | 'open' | 'closed'

/** a - b, of sequence numbers. */
const diff = (a: number, b: number) => (a - b) | 0

export interface Wire {
  /** Sends a segment; its ports are the connection's. */
  send(s: Omit<Segment, 'sport' | 'dport'>): void
  /** The connection is no more. */
  gone(): void
  /** Milliseconds of a retransmission timeout at least. */
  minrto: number
}

export class Connection implements ByteStream {
  private readonly wire: Wire
  private state: State
  private mss = 536
  /** First byte that the peer has not acknowledged, next to be sent, last that was ever sent. */
  private una: number
  private nxt: number
  private max: number
  private window = 0
  /** What is to be sent from `una` on. */
  private out: Uint8Array[] = []
  private outlen = 0
  private wantfin = false
  private finsent = false
  private rcv = 0
  private readonly early = new Map<number, Uint8Array>()
  private earlyfin: number | undefined
  private received: Uint8Array[] = []
  private receivedlen = 0
  /** The window that the peer was told. */
  private told = 0
  private peerfin = false
  private broken: string | undefined
  private closed = false
  private readers: (() => void)[] = []
  private writers: (() => void)[] = []
  private openers: { resolve(): void; reject(e: unknown): void }[] = []
  private timer: unknown
  private rto = 1000
  private srtt: number | undefined
  private rttvar = 0
  private timed: { seq: number; at: number } | undefined
  private dupacks = 0
  /** When what is under way was first sent without an answer. */
  private since: number | undefined
  private ackpending = false

  constructor(wire: Wire, iss: number, syn?: Segment) {
    this.wire = wire
    this.una = this.nxt = this.max = iss
    if (syn) {
      this.state = 'synrcvd'
      this.rcv = (syn.seq + 1) >>> 0
      this.learn(syn)
    } else this.state = 'synsent'
    this.sendsyn()
  }

  private learn(s: Segment): void {
    this.mss = Math.min(s.mss ?? 536, MSS)
    this.window = s.window
  }

  private sendsyn(): void {
    const flags = this.state === 'synrcvd' ? SYN | ACK : SYN
    this.emit(flags, this.una, new Uint8Array(0), MSS)
    this.nxt = this.max = (this.una + 1) >>> 0
    this.arm()
  }

  private emit(flags: number, seq: number, data: Uint8Array, mss?: number): void {
    this.told = Math.max(0, RCVBUF - this.receivedlen)
    this.ackpending = false
    this.wire.send({
      seq,
      ack: flags & ACK ? this.rcv : 0,
      flags,
      window: this.told,
      data,
      ...(mss !== undefined && { mss }),
    })
  }

  /** Resolves when the peer has answered. @throws PlanError */
  opened(): Promise<void> {
    if (this.state === 'open') return Promise.resolve()
    if (this.broken !== undefined) return Promise.reject(new PlanError(this.broken))
    return new Promise((resolve, reject) => this.openers.push({ resolve, reject }))
  }

  receive(s: Segment): void {
    if (this.state === 'closed') return
    if (this.state === 'synsent') {
      const acked = s.flags & ACK && diff(s.ack, this.una) > 0 && diff(s.ack, this.nxt) <= 0
      if (s.flags & RST) {
        if (acked) this.end(Erefused)
        return
      }
      if (!(s.flags & SYN) || !acked) return
      this.rcv = (s.seq + 1) >>> 0
      this.learn(s)
      this.una = s.ack
      this.established()
      this.emit(ACK, this.nxt, new Uint8Array(0))
      this.push()
      return
    }
    if (s.flags & RST) {
      if (diff(s.seq, this.rcv) >= 0 && diff(s.seq, this.rcv) < RCVBUF) this.end('hungup')
      return
    }
    if (s.flags & SYN) {
      // Ours was lost, or is old news.
      if (this.state === 'synrcvd') this.sendsyn()
      else this.ackLater()
      return
    }
    if (!(s.flags & ACK)) return
    if (this.state === 'synrcvd') {
      if (s.ack !== this.nxt) return
      this.una = s.ack
      this.established()
    }
    this.acked(s)
    if (this.gone) return
    this.take(s)
    this.push()
  }

  private get gone(): boolean {
    return this.state === 'closed'
  }

  private established(): void {
    this.state = 'open'
    this.since = undefined
    this.arm()
    for (const o of this.openers.splice(0)) o.resolve()
  }

  private acked(s: Segment): void {
    const n = diff(s.ack, this.una)
    if (n < 0 || diff(s.ack, this.max) > 0) {
      if (n > 0) this.ackLater()
      return
    }
    const opened = this.window === 0 && s.window > 0
    const same = s.window === this.window
    this.window = s.window
    if (n > 0) {
      this.dupacks = 0
      this.since = undefined
      this.rto = this.estimated()
      if (this.timed && diff(s.ack, this.timed.seq) >= 0) {
        this.measure(performance.now() - this.timed.at)
        this.timed = undefined
      }
      this.drop(Math.min(n, this.outlen))
      this.una = s.ack
      if (diff(this.nxt, this.una) < 0) this.nxt = this.una
      this.arm()
      for (const f of this.writers.splice(0)) f()
      if (this.finsent && this.una === this.max) this.finish()
    } else if (s.data.length === 0 && same && this.nxt !== this.una && !(s.flags & FIN)) {
      if (++this.dupacks === 3) this.resend()
    } else if (opened) this.resend()
  }

  /** Round trips, by RFC 6298. */
  private measure(rtt: number): void {
    if (this.srtt === undefined) {
      this.srtt = rtt
      this.rttvar = rtt / 2
    } else {
      this.rttvar = 0.75 * this.rttvar + 0.25 * Math.abs(this.srtt - rtt)
      this.srtt = 0.875 * this.srtt + 0.125 * rtt
    }
    this.rto = this.estimated()
  }

  private estimated(): number {
    if (this.srtt === undefined) return Math.max(1000, this.wire.minrto)
    return Math.min(MAXRTO, Math.max(this.wire.minrto, this.srtt + Math.max(10, 4 * this.rttvar)))
  }

  private drop(n: number): void {
    this.outlen -= n
    while (n > 0) {
      const b = this.out[0]!
      if (b.length > n) {
        this.out[0] = b.subarray(n)
        return
      }
      n -= b.length
      this.out.shift()
    }
  }

  private slice(from: number, n: number): Uint8Array {
    const b = new Uint8Array(n)
    let at = 0
    for (const part of this.out) {
      if (from >= part.length) {
        from -= part.length
        continue
      }
      const piece = part.subarray(from, from + n - at)
      b.set(piece, at)
      at += piece.length
      from = 0
      if (at === n) break
    }
    return b
  }

  /** Sends what the window has room for; an acknowledgement goes along. */
  private push(probe = false): void {
    if (this.state !== 'open') return
    for (;;) {
      const flying = diff(this.nxt, this.una)
      const left = this.outlen - flying
      let room = Math.min(this.window, INFLIGHT) - flying
      if (probe && flying === 0 && room <= 0) room = 1
      const n = Math.min(left, this.mss, room)
      if (n <= 0) break
      // A crumb of a window that is not empty yet is not worth a segment.
      if (n < left && n < this.mss && flying > 0) break
      const last = n === left
      this.emit(ACK | (last ? PSH : 0), this.nxt, this.slice(flying, n))
      this.advance(n)
    }
    if (this.wantfin && diff(this.nxt, this.una) === this.outlen && !this.finout) {
      this.emit(FIN | ACK, this.nxt, new Uint8Array(0))
      this.finsent = true
      this.advance(1)
    }
    if (!this.timer && (this.nxt !== this.una || this.outlen > 0)) this.arm()
    if (this.ackpending) this.emit(ACK, this.nxt, new Uint8Array(0))
  }

  /** The FIN is among what is under way. */
  private get finout(): boolean {
    return this.finsent && diff(this.nxt, this.una) > this.outlen
  }

  private advance(n: number): void {
    this.nxt = (this.nxt + n) >>> 0
    if (diff(this.nxt, this.max) > 0) {
      this.max = this.nxt
      this.timed ??= { seq: this.nxt, at: performance.now() }
    }
    this.since ??= performance.now()
  }

  /** Goes back to the first byte that was not acknowledged. */
  private resend(): void {
    this.timed = undefined
    this.nxt = this.una
    this.push(true)
  }

  private arm(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.state === 'closed' || (this.nxt === this.una && this.outlen === 0 && this.state === 'open')) return
    this.timer = setTimeout(() => this.timeout(), this.rto)
  }

  private timeout(): void {
    this.timer = undefined
    this.since ??= performance.now()
    if (performance.now() - this.since > PATIENCE) {
      this.end(Etimedout)
      return
    }
    this.rto = Math.min(MAXRTO, this.rto * 2)
    if (this.state === 'open') this.resend()
    else {
      this.timed = undefined
      this.sendsyn()
    }
    this.arm()
  }

  private take(s: Segment): void {
    const fin = s.flags & FIN ? (s.seq + s.data.length) >>> 0 : undefined
    if (s.data.length === 0 && fin === undefined) {
      // A probe of a sender who thinks that we are further, or less far.
      if (s.seq !== this.rcv) this.ackLater()
      return
    }
    this.ackLater()
    const ahead = diff(s.seq, this.rcv)
    if (ahead >= RCVBUF || ahead + s.data.length > Math.max(this.told, 1) + MSS) return
    if (fin !== undefined) this.earlyfin ??= fin
    if (s.data.length > 0 && ahead + s.data.length > 0 && this.early.size < 64) this.early.set(s.seq, s.data.slice())
    for (let more = true; more; ) {
      more = false
      for (const [seq, data] of this.early) {
        const skip = -diff(seq, this.rcv)
        if (skip < 0) continue
        this.early.delete(seq)
        if (skip >= data.length) continue
        const room = RCVBUF - this.receivedlen
        const part = data.subarray(skip, skip + room)
        if (part.length === 0) continue
        if (!this.closed) {
          this.received.push(part)
          this.receivedlen += part.length
        }
        this.rcv = (this.rcv + part.length) >>> 0
        more = true
      }
    }
    if (this.earlyfin === this.rcv && !this.peerfin) {
      this.peerfin = true
      this.rcv = (this.rcv + 1) >>> 0
      this.finish()
    }
    for (const f of this.readers.splice(0)) f()
  }

  /** Acknowledges at the end of what comes in one burst, or with what is sent before. */
  private ackLater(): void {
    if (this.ackpending) return
    this.ackpending = true
    queueMicrotask(() => {
      if (this.ackpending && this.state !== 'closed') this.emit(ACK, this.nxt, new Uint8Array(0))
    })
  }

  /** Over, when both sides have said so. */
  private finish(): void {
    if (this.peerfin && this.finsent && this.una === this.max && this.outlen === 0)
      // The last acknowledgement goes first.
      queueMicrotask(() => this.end('hungup'))
  }

  /** The connection is no more, and why. */
  end(reason: string): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.broken = reason
    clearTimeout(this.timer)
    for (const f of [...this.readers.splice(0), ...this.writers.splice(0)]) f()
    for (const o of this.openers.splice(0)) o.reject(new PlanError(reason))
    this.wire.gone()
  }

  async read(): Promise<Uint8Array> {
    while (this.received.length === 0 && !this.peerfin && this.state !== 'closed' && !this.closed)
      await new Promise<void>(resolve => this.readers.push(resolve))
    const b = this.received.shift()
    if (!b) return new Uint8Array(0)
    this.receivedlen -= b.length
    // The peer waits for room: it is told when there is a good deal of it.
    if (this.told < 2 * MSS && RCVBUF - this.receivedlen >= RCVBUF / 2 && this.state === 'open') this.ackLater()
    return b
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.state === 'closed' || this.closed) throw new PlanError(this.broken ?? 'hungup')
    if (data.length === 0) return
    this.out.push(data.slice())
    this.outlen += data.length
    this.push()
    while (this.outlen > SNDBUF && !this.gone) await new Promise<void>(resolve => this.writers.push(resolve))
    if (this.gone) throw new PlanError(this.broken ?? 'hungup')
  }

  /** No more is written or read; what was written goes still. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.received = []
    this.receivedlen = 0
    for (const f of this.readers.splice(0)) f()
    if (this.state === 'synsent') {
      this.end('hungup')
      return
    }
    this.wantfin = true
    this.push()
    // A peer that never says that it is done is not waited for.
    setTimeout(() => this.end('hungup'), PATIENCE)
  }
}
