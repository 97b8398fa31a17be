/** Ethernet frames and what is in them: written and read by offsets, as the RFCs draw them. */

export type Mac = Uint8Array

export const IP = 0x0800
export const ARP = 0x0806
export const ICMP = 1
export const TCP = 6
export const UDP = 17

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16

export const EVERYBODY: Mac = new Uint8Array(6).fill(0xff)

/** Four bytes of an address as a number, and back. */
export function ipaddr(s: string): number {
  return s.split('.').reduce((n, b) => ((n << 8) | Number(b)) >>> 0, 0)
}

export function ipfmt(n: number): string {
  return [24, 16, 8, 0].map(k => (n >>> k) & 255).join('.')
}

export function macfmt(mac: Mac): string {
  return Array.from(mac, b => b.toString(16).padStart(2, '0')).join('')
}

export function parsemac(s: string): Mac {
  return Uint8Array.from({ length: 6 }, (_, i) => Number.parseInt(s.slice(2 * i, 2 * i + 2), 16))
}

export function view(b: Uint8Array): DataView {
  return new DataView(b.buffer, b.byteOffset, b.length)
}

/** The Internet's checksum of b, begun with `sum`. */
export function checksum(b: Uint8Array, sum = 0): number {
  const n = b.length & ~1
  for (let i = 0; i < n; i += 2) sum += (b[i]! << 8) | b[i + 1]!
  if (n < b.length) sum += b[n]! << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

/** The part of a TCP or UDP checksum that comes from the addresses. */
export function pseudo(src: number, dst: number, proto: number, length: number): number {
  return (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff) + proto + length
}

export function ethernet(dst: Mac, src: Mac, type: number, payload: Uint8Array): Uint8Array {
  const f = new Uint8Array(Math.max(60, 14 + payload.length))
  f.set(dst)
  f.set(src, 6)
  f[12] = type >> 8
  f[13] = type & 255
  f.set(payload, 14)
  return f
}

let ident = 0

export function ipv4(src: number, dst: number, proto: number, payload: Uint8Array): Uint8Array {
  const p = new Uint8Array(20 + payload.length)
  const v = view(p)
  p[0] = 0x45
  v.setUint16(2, p.length)
  v.setUint16(4, ident++ & 0xffff)
  v.setUint16(6, 0x4000)
  p[8] = 64
  p[9] = proto
  v.setUint32(12, src)
  v.setUint32(16, dst)
  v.setUint16(10, checksum(p.subarray(0, 20)))
  p.set(payload, 20)
  return p
}

export interface Packet {
  src: number
  dst: number
  proto: number
  payload: Uint8Array
}

/** undefined: no whole packet without faults; a fragment is none. */
export function parseipv4(b: Uint8Array): Packet | undefined {
  if (b.length < 20 || b[0]! >> 4 !== 4) return undefined
  const v = view(b)
  const head = (b[0]! & 15) * 4
  const length = v.getUint16(2)
  if (head < 20 || length < head || length > b.length || v.getUint16(6) & 0x3fff) return undefined
  if (checksum(b.subarray(0, head)) !== 0) return undefined
  return { src: v.getUint32(12), dst: v.getUint32(16), proto: b[9]!, payload: b.subarray(head, length) }
}

export function udp(src: number, sport: number, dst: number, dport: number, payload: Uint8Array): Uint8Array {
  const d = new Uint8Array(8 + payload.length)
  const v = view(d)
  v.setUint16(0, sport)
  v.setUint16(2, dport)
  v.setUint16(4, d.length)
  d.set(payload, 8)
  v.setUint16(6, checksum(d, pseudo(src, dst, UDP, d.length)) || 0xffff)
  return ipv4(src, dst, UDP, d)
}

export interface Datagram {
  sport: number
  dport: number
  payload: Uint8Array
}

export function parseudp(p: Packet): Datagram | undefined {
  const b = p.payload
  if (b.length < 8) return undefined
  const v = view(b)
  const n = v.getUint16(4)
  if (n < 8 || n > b.length) return undefined
  const d = b.subarray(0, n)
  if (v.getUint16(6) !== 0 && checksum(d, pseudo(p.src, p.dst, UDP, n)) !== 0) return undefined
  return { sport: v.getUint16(0), dport: v.getUint16(2), payload: d.subarray(8) }
}

export interface Segment {
  sport: number
  dport: number
  seq: number
  ack: number
  flags: number
  window: number
  /** Bytes that the sender takes at most; with SYN. */
  mss?: number
  data: Uint8Array
}

export function tcp(src: number, dst: number, s: Segment): Uint8Array {
  const head = s.mss === undefined ? 20 : 24
  const b = new Uint8Array(head + s.data.length)
  const v = view(b)
  v.setUint16(0, s.sport)
  v.setUint16(2, s.dport)
  v.setUint32(4, s.seq)
  v.setUint32(8, s.ack)
  b[12] = head << 2
  b[13] = s.flags
  v.setUint16(14, s.window)
  if (s.mss !== undefined) v.setUint32(20, 0x02040000 | s.mss)
  b.set(s.data, head)
  v.setUint16(16, checksum(b, pseudo(src, dst, TCP, b.length)))
  return ipv4(src, dst, TCP, b)
}

export function parsetcp(p: Packet): Segment | undefined {
  const b = p.payload
  if (b.length < 20 || checksum(b, pseudo(p.src, p.dst, TCP, b.length)) !== 0) return undefined
  const v = view(b)
  const head = (b[12]! >> 4) * 4
  if (head < 20 || head > b.length) return undefined
  const s: Segment = {
    sport: v.getUint16(0),
    dport: v.getUint16(2),
    seq: v.getUint32(4),
    ack: v.getUint32(8),
    flags: b[13]!,
    window: v.getUint16(14),
    data: b.subarray(head),
  }
  for (let i = 20; i + 1 < head; ) {
    const kind = b[i]!
    if (kind === 0) break
    if (kind === 1) {
      i++
      continue
    }
    const n = b[i + 1]!
    if (n < 2 || i + n > head) break
    if (kind === 2 && n === 4) s.mss = v.getUint16(i + 2)
    i += n
  }
  return s
}
