import {
  Z_BUF_ERROR,
  Z_DEFAULT_STRATEGY,
  Z_FINISH,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibDeflate,
  zlibDeflateInit2,
  zlibInflate,
  zlibInflateInit2,
} from 'pako'
import { PlanError } from '../error.ts'
import { type Bin, Bsize } from './bio.ts'

/**
 * flate(2), over pako's zlib: of the libraries in JavaScript the one that tells where a stream ends, which is where a
 * trailer begins, and that compresses in pieces without fault.
 */

export const FlateInputFail = 'input error'
export const FlateCorrupted = 'corrupted data'

/** A window of 32K, and no header or trailer of zlib's own. */
const Rawbits = -15
const Deflated = 8
const Memlevel = 8

export const crctab = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n
})

/** The CRC-32 of what went before and of `b`; it begins with 0. */
export function blockcrc(crc: number, b: Uint8Array): number {
  crc = ~crc
  for (let i = 0; i < b.length; i++) crc = crctab[(crc ^ b[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/**
 * Expands the stream that begins where `b` is, and leaves `b` behind its last byte. Returns the number of bytes taken.
 *
 * @throws PlanError FlateCorrupted; FlateInputFail when the input ends first; and what reading and `write` throw
 */
export async function inflate(b: Bin, write: (data: Uint8Array) => Promise<void>): Promise<number> {
  const s = new ZStream()
  zlibInflateInit2(s, Rawbits)
  s.output = new Uint8Array(Bsize)
  s.avail_out = Bsize
  let taken = 0
  for (;;) {
    // A full buffer may have been filled from what zlib holds: there is more to come without input.
    if (s.avail_in === 0 && s.avail_out > 0) {
      s.input = await b.chunk()
      if (s.input.length === 0) throw new PlanError(FlateInputFail)
      s.next_in = 0
      s.avail_in = s.input.length
      taken += s.avail_in
    }
    s.next_out = 0
    s.avail_out = Bsize
    const status = zlibInflate(s, Z_NO_FLUSH)
    if (s.next_out > 0) await write(s.output.slice(0, s.next_out))
    if (status === Z_STREAM_END) {
      b.ungetc(s.avail_in)
      return taken - s.avail_in
    }
    if (status !== Z_OK && status !== Z_BUF_ERROR) throw new PlanError(FlateCorrupted)
  }
}

/** Compresses what `read` gives, up to an empty piece; level is 1 to 9. @throws what `read` and `write` throw */
export async function deflate(
  level: number,
  read: () => Promise<Uint8Array>,
  write: (data: Uint8Array) => Promise<void>,
): Promise<void> {
  const s = new ZStream()
  zlibDeflateInit2(s, level, Deflated, Rawbits, Memlevel, Z_DEFAULT_STRATEGY)
  s.output = new Uint8Array(Bsize)
  for (let end = false; !end; ) {
    s.input = await read()
    s.next_in = 0
    s.avail_in = s.input.length
    end = s.avail_in === 0
    do {
      s.next_out = 0
      s.avail_out = Bsize
      zlibDeflate(s, end ? Z_FINISH : Z_NO_FLUSH)
      if (s.next_out > 0) await write(s.output.slice(0, s.next_out))
    } while (s.avail_out === 0)
  }
}
