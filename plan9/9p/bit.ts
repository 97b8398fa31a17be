import { ProtocolError } from '../error.ts'
import type { Qid } from './dir.ts'

const utf8encoder = new TextEncoder()
const utf8decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes of a qid on the wire: type[1] vers[4] path[8]. */
export const QIDSZ = 13

/** Parts, one after another; a single one is itself what comes back. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const all = new Uint8Array(parts.reduce((n, b) => n + b.length, 0))
  let at = 0
  for (const b of parts) {
    all.set(b, at)
    at += b.length
  }
  return all
}

/** Bytes of a string in UTF-8; a lone surrogate counts as the replacement character it is encoded as. */
export function utf8len(s: string): number {
  let n = 0
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i)
    if (c < 0x80) n += 1
    else if (c < 0x800) n += 2
    else if ((c & 0xfc00) === 0xd800 && (s.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      n += 4
      i++
    } else n += 3
  }
  return n
}

/** Bytes of a string with its count, s[2]. */
export const strsize = (s: string): number => 2 + utf8len(s)

/** Writes 9P's little-endian integers and counted strings into a buffer made in exactly the size wanted. */
export class Encoder {
  readonly buf: Uint8Array<ArrayBuffer>
  pos = 0

  constructor(size: number) {
    this.buf = new Uint8Array(size)
  }

  u8(v: number): void {
    this.buf[this.pos++] = v
  }

  u16(v: number): void {
    this.buf[this.pos++] = v
    this.buf[this.pos++] = v >>> 8
  }

  u32(v: number): void {
    this.u16(v)
    this.u16(v >>> 16)
  }

  u64(v: bigint): void {
    this.u32(Number(v & 0xffffffffn))
    this.u32(Number((v >> 32n) & 0xffffffffn))
  }

  /** @throws ProtocolError more than 65535 bytes, which s[2] cannot say; a NUL, which no string of 9P holds */
  string(s: string): void {
    if (s.includes('\0')) throw new ProtocolError('NUL in a string', this.pos)
    const { written } = utf8encoder.encodeInto(s, this.buf.subarray(this.pos + 2))
    if (written > 0xffff) throw new ProtocolError(`string of ${written} bytes`, this.pos)
    this.u16(written)
    this.pos += written
  }

  bytes(b: Uint8Array): void {
    this.buf.set(b, this.pos)
    this.pos += b.length
  }

  qid(q: Qid): void {
    this.u8(q.type)
    this.u32(q.vers)
    this.u64(q.path)
  }
}

/**
 * Reads the same from bytes that are not trusted: no count is believed before it is compared with what is there.
 * @throws ProtocolError a field runs past the end; a string is no UTF-8 or holds a NUL
 */
export class Decoder {
  pos: number
  private readonly buf: Uint8Array

  constructor(buf: Uint8Array, pos = 0) {
    this.buf = buf
    this.pos = pos
  }

  get left(): number {
    return this.buf.length - this.pos
  }

  /** Claims n bytes and returns where they begin. */
  private take(n: number): number {
    const at = this.pos
    if (n > this.buf.length - at) throw new ProtocolError(`${n} bytes wanted, ${this.buf.length - at} left`, at)
    this.pos = at + n
    return at
  }

  u8(): number {
    return this.buf[this.take(1)]!
  }

  u16(): number {
    const at = this.take(2)
    return this.buf[at]! | (this.buf[at + 1]! << 8)
  }

  u32(): number {
    const { buf } = this
    const at = this.take(4)
    return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0
  }

  u64(): bigint {
    const low = this.u32()
    const high = this.u32()
    return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low)
  }

  string(): string {
    const n = this.u16()
    const at = this.take(n)
    let ascii = true
    for (let i = at; i < at + n; i++) {
      const c = this.buf[i]!
      if (c === 0) throw new ProtocolError('NUL in a string', i)
      if (c >= 0x80) ascii = false
    }
    if (ascii && n < 32) return String.fromCharCode(...this.buf.subarray(at, at + n))
    try {
      return utf8decoder.decode(this.buf.subarray(at, at + n))
    } catch {
      throw new ProtocolError('string is not UTF-8', at)
    }
  }

  /** A view of the next n bytes. */
  bytes(n: number): Uint8Array {
    const at = this.take(n)
    return this.buf.subarray(at, at + n)
  }

  qid(): Qid {
    return { type: this.u8(), vers: this.u32(), path: this.u64() }
  }

  /** @throws ProtocolError bytes are left over */
  end(): void {
    if (this.left !== 0) throw new ProtocolError(`${this.left} bytes too many`, this.pos)
  }
}
