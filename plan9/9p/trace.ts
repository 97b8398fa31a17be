import { NOTAG } from './const.ts'
import { convM2S } from './fcall.ts'
import { fcallfmt } from './fmt.ts'
import type { Captured } from './pcap.ts'
import { tap } from './tap.ts'

/**
 * What the tap sees, as bytes that a reader takes when it likes. A record is, least significant byte first:
 * its size[4] in bytes, 0 or how many messages were lost before it[4], microseconds since the epoch[8], n[2] and the n bytes of
 * the connection's name, then the message.
 */

const HDR = 18
/** Bytes that wait for a reader at most; what does not fit is lost, and counted. */
const MAXWAIT = 16 << 20
/** Connections whose names begin so are those by which somebody looks on. */
const QUIET = 'inspector'

/** A message, or what is left over of one: with who spoke to whom. */
export interface Seen {
  conn: string
  /** Microseconds since the epoch. */
  at: number
  /** Messages before it that nobody has seen. */
  lost: number
  msg: Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** One who looks on. While there is one, the tap is open. */
export class Onlooker {
  private readonly wake: () => void
  private waiting: Uint8Array[] = []
  private bytes = 0
  private lost = 0

  /** `wake` is called when there is something to take. */
  constructor(wake: () => void) {
    this.wake = wake
    onlookers.add(this)
    tap.see = see
  }

  put(conn: Uint8Array, msg: Uint8Array, at: bigint): void {
    const size = HDR + conn.length + msg.length
    if (this.bytes + size > MAXWAIT) {
      this.lost++
      return
    }
    const b = new Uint8Array(size)
    const v = new DataView(b.buffer)
    v.setUint32(0, size, true)
    v.setUint32(4, this.lost, true)
    v.setBigUint64(8, at, true)
    v.setUint16(16, conn.length, true)
    b.set(conn, HDR)
    b.set(msg, HDR + conn.length)
    this.lost = 0
    this.waiting.push(b)
    this.bytes += size
    if (this.waiting.length === 1) this.wake()
  }

  /** Whole records, some n bytes of them, one at least; undefined: there is none. */
  take(n: number): Uint8Array[] | undefined {
    let size = 0
    let i = 0
    while (i < this.waiting.length && (i === 0 || size + this.waiting[i]!.length <= n))
      size += this.waiting[i++]!.length
    if (i === 0) return undefined
    this.bytes -= size
    return this.waiting.splice(0, i)
  }

  close(): void {
    onlookers.delete(this)
    if (onlookers.size === 0) tap.see = undefined
  }
}

const onlookers = new Set<Onlooker>()
const names = new Map<string, Uint8Array>()

function see(conn: string, sent: boolean, msg: Uint8Array): void {
  if (conn.startsWith(QUIET)) return
  // T-messages have even numbers. A connection of two ends in one machine is seen at both.
  const key = sent === (msg[4]! % 2 === 0) ? conn : `${conn}<`
  let name = names.get(key)
  if (!name) {
    name = encoder.encode(key)
    names.set(key, name)
  }
  const at = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000))
  for (const o of onlookers) o.put(name, msg, at)
}

/** Records out of the bytes that come, however they are cut. */
export class Records {
  private rest = new Uint8Array(0)

  push(data: Uint8Array): Seen[] {
    const b = new Uint8Array(this.rest.length + data.length)
    b.set(this.rest)
    b.set(data, this.rest.length)
    const v = new DataView(b.buffer)
    const seen: Seen[] = []
    let at = 0
    while (b.length - at >= HDR) {
      const size = v.getUint32(at, true)
      if (b.length - at < size) break
      const n = v.getUint16(at + 16, true)
      seen.push({
        conn: decoder.decode(b.subarray(at + HDR, at + HDR + n)),
        at: Number(v.getBigUint64(at + 8, true)),
        lost: v.getUint32(at + 4, true),
        msg: b.subarray(at + HDR + n, at + size),
      })
      at += size
    }
    this.rest = b.slice(at)
    return seen
  }
}

/** As the manual writes it; bytes that are no message in hexadecimal. */
export function seenfmt(msg: Uint8Array): string {
  try {
    return fcallfmt(convM2S(msg))
  } catch {
    return `0x${Array.from(msg, b => b.toString(16).padStart(2, '0')).join('')}`
  }
}

/** A message and its reply. */
export interface Exchange {
  conn: string
  at: number
  t?: Uint8Array
  r?: Uint8Array
  /** Microseconds until the reply. */
  took?: number
}

const tagOf = (msg: Uint8Array) => (msg.length >= 7 ? msg[5]! | (msg[6]! << 8) : NOTAG)

/** What has been seen, the replies beside their requests, up to so many bytes; what came first goes first. */
export class History {
  exchanges: Exchange[] = []
  /** Messages that are not here any more, or never were. */
  lost = 0
  private readonly most: number
  private bytes = 0
  private pending = new Map<string, Exchange>()

  /** @param most bytes of messages that are kept */
  constructor(most = 64 << 20) {
    this.most = most
  }

  add({ conn, at, lost, msg }: Seen): void {
    this.lost += lost
    this.bytes += msg.length
    const key = `${tagOf(msg)} ${conn}`
    if (msg[4]! % 2 === 0) {
      const x: Exchange = { conn, at, t: msg }
      this.pending.set(key, x)
      this.exchanges.push(x)
    } else {
      const x = this.pending.get(key)
      this.pending.delete(key)
      if (x) Object.assign(x, { r: msg, took: at - x.at })
      else this.exchanges.push({ conn, at, r: msg })
    }
    if (this.bytes > this.most) this.forget()
  }

  /** A tenth of it, at once. */
  private forget(): void {
    let n = 0
    for (; this.bytes > 0.9 * this.most && n < this.exchanges.length; n++) {
      const { t, r } = this.exchanges[n]!
      this.bytes -= (t?.length ?? 0) + (r?.length ?? 0)
      this.lost += (t ? 1 : 0) + (r ? 1 : 0)
    }
    this.exchanges = this.exchanges.slice(n)
  }

  clear(): void {
    this.exchanges = []
    this.pending.clear()
    this.bytes = 0
    this.lost = 0
  }
}

/** The messages of exchanges, as they came, for pcap. */
export function messages(exchanges: Iterable<Exchange>): Captured[] {
  const all: Captured[] = []
  for (const { conn, at, t, r, took } of exchanges) {
    if (t) all.push({ conn, sent: true, msg: t, at })
    if (r) all.push({ conn, sent: false, msg: r, at: at + (took ?? 0) })
  }
  return all.sort((a, b) => a.at! - b.at!)
}

/** A conversation as the traces of tests/9p have it: a line for each message. */
export function tracefmt(exchanges: Iterable<Exchange>): string {
  return messages(exchanges)
    .map(({ msg }) => `${seenfmt(msg)}\n`)
    .join('')
}
