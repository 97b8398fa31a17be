import { concat } from './bit.ts'

/** A message of a conversation between a client and a server. */
export interface Captured {
  /** Which of several conversations. */
  conn?: string
  /** From the client to the server. */
  sent: boolean
  msg: Uint8Array
  /** Microseconds since the epoch. */
  at?: number
}

const PORT = 564
const CLIENTPORT = 40000
/** Ethernet, IP without options, TCP without options. */
const HDRS = 14 + 20 + 20
/** Bytes of TCP data in a frame: one message a frame as far as IP's length field goes. */
const SEGMENT = 65535 - 40

/** The checksum of RFC 1071 over a slice of even length. */
function checksum(v: DataView, at: number, n: number, sum: number): number {
  for (let i = 0; i < n; i += 2) sum += i + 1 < n ? v.getUint16(at + i) : v.getUint8(at + i) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/**
 * Conversations as a pcap file, for tcpdump, Wireshark and tshark: each message in TCP segments of their own, with made-up
 * Ethernet, IP and TCP headers, the server at 10.0.0.2 port 564, the client at 10.0.0.1, from a port for each conversation.
 */
export function pcap(conversation: Iterable<Captured>): Uint8Array {
  const head = new DataView(new ArrayBuffer(24))
  head.setUint32(0, 0xa1b2c3d4, true)
  head.setUint16(4, 2, true)
  head.setUint16(6, 4, true)
  head.setUint32(16, HDRS + SEGMENT, true)
  head.setUint32(20, 1, true)
  const parts: Uint8Array[] = [new Uint8Array(head.buffer)]
  const conversations = new Map<string | undefined, { port: number; client: number; server: number }>()
  let now = 0
  for (const { conn, sent, msg, at } of conversation) {
    now = at ?? now + 1000
    const seq = conversations.get(conn) ?? { port: CLIENTPORT + conversations.size, client: 1, server: 1 }
    conversations.set(conn, seq)
    for (let i = 0; i < msg.length; i += SEGMENT) {
      const data = msg.subarray(i, i + SEGMENT)
      const [from, to] = sent ? (['client', 'server'] as const) : (['server', 'client'] as const)
      parts.push(frame(sent, seq.port, seq[from], seq[to], data, now))
      seq[from] = (seq[from] + data.length) >>> 0
    }
  }
  return concat(parts)
}

/** One packet with pcap's header before it. */
function frame(sent: boolean, port: number, seq: number, ack: number, data: Uint8Array, at: number): Uint8Array {
  const n = HDRS + data.length
  const bytes = new Uint8Array(16 + n)
  const v = new DataView(bytes.buffer)
  v.setUint32(0, Math.floor(at / 1e6), true)
  v.setUint32(4, at % 1e6, true)
  v.setUint32(8, n, true)
  v.setUint32(12, n, true)

  const [src, dst] = sent ? [1, 2] : [2, 1]
  const eth = 16
  // Locally administered addresses, ending as the IP addresses do.
  bytes.set([2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 8, 0], eth)

  const ip = eth + 14
  bytes.set([0x45, 0], ip)
  v.setUint16(ip + 2, 40 + data.length)
  bytes.set([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, src, 10, 0, 0, dst], ip + 4)
  v.setUint16(ip + 10, checksum(v, ip, 20, 0))

  const tcp = ip + 20
  v.setUint16(tcp, sent ? port : PORT)
  v.setUint16(tcp + 2, sent ? PORT : port)
  v.setUint32(tcp + 4, seq)
  v.setUint32(tcp + 8, ack)
  // Five words of header; PSH and ACK.
  v.setUint16(tcp + 12, 0x5018)
  v.setUint16(tcp + 14, 0xffff)
  bytes.set(data, tcp + 20)
  // The pseudo header: both addresses, the protocol, the length.
  const pseudo = 2 * 0x0a00 + src + dst + 6 + 20 + data.length
  v.setUint16(tcp + 16, checksum(v, tcp, 20 + data.length, pseudo))
  return bytes
}
