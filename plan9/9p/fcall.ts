import { ProtocolError } from '../error.ts'
import { Decoder, Encoder, QIDSZ, strsize } from './bit.ts'
import * as c from './const.ts'
import type { Qid } from './dir.ts'

/**
 * One 9P message, its fields named as in section 5. `type` tells which.
 * `data` (and `stat`, a stat record of stat(5) without a leading count) of a decoded message are views of its buffer.
 */
export type Fcall =
  | { type: typeof c.Tversion; tag: number; msize: number; version: string }
  | { type: typeof c.Rversion; tag: number; msize: number; version: string }
  | { type: typeof c.Tauth; tag: number; afid: number; uname: string; aname: string }
  | { type: typeof c.Rauth; tag: number; aqid: Qid }
  | { type: typeof c.Tattach; tag: number; fid: number; afid: number; uname: string; aname: string }
  | { type: typeof c.Rattach; tag: number; qid: Qid }
  | { type: typeof c.Rerror; tag: number; ename: string }
  | { type: typeof c.Tflush; tag: number; oldtag: number }
  | { type: typeof c.Rflush; tag: number }
  | { type: typeof c.Twalk; tag: number; fid: number; newfid: number; wname: string[] }
  | { type: typeof c.Rwalk; tag: number; wqid: Qid[] }
  | { type: typeof c.Topen; tag: number; fid: number; mode: number }
  | { type: typeof c.Ropen; tag: number; qid: Qid; iounit: number }
  | { type: typeof c.Tcreate; tag: number; fid: number; name: string; perm: number; mode: number }
  | { type: typeof c.Rcreate; tag: number; qid: Qid; iounit: number }
  | { type: typeof c.Tread; tag: number; fid: number; offset: bigint; count: number }
  | { type: typeof c.Rread; tag: number; data: Uint8Array }
  | { type: typeof c.Twrite; tag: number; fid: number; offset: bigint; data: Uint8Array }
  | { type: typeof c.Rwrite; tag: number; count: number }
  | { type: typeof c.Tclunk; tag: number; fid: number }
  | { type: typeof c.Rclunk; tag: number }
  | { type: typeof c.Tremove; tag: number; fid: number }
  | { type: typeof c.Rremove; tag: number }
  | { type: typeof c.Tstat; tag: number; fid: number }
  | { type: typeof c.Rstat; tag: number; stat: Uint8Array }
  | { type: typeof c.Twstat; tag: number; fid: number; stat: Uint8Array }
  | { type: typeof c.Rwstat; tag: number }

/** size[4] type[1] tag[2] */
const HDR = 7

/** Bytes after the header. */
function body(f: Fcall): number {
  switch (f.type) {
    case c.Tversion:
    case c.Rversion:
      return 4 + strsize(f.version)
    case c.Tauth:
      return 4 + strsize(f.uname) + strsize(f.aname)
    case c.Rauth:
    case c.Rattach:
      return QIDSZ
    case c.Tattach:
      return 8 + strsize(f.uname) + strsize(f.aname)
    case c.Rerror:
      return strsize(f.ename)
    case c.Tflush:
      return 2
    case c.Twalk:
      return 10 + f.wname.reduce((n, name) => n + strsize(name), 0)
    case c.Rwalk:
      return 2 + f.wqid.length * QIDSZ
    case c.Topen:
      return 5
    case c.Ropen:
    case c.Rcreate:
      return QIDSZ + 4
    case c.Tcreate:
      return 9 + strsize(f.name)
    case c.Tread:
      return 16
    case c.Rread:
      return 4 + f.data.length
    case c.Twrite:
      return 16 + f.data.length
    case c.Rwrite:
    case c.Tclunk:
    case c.Tremove:
    case c.Tstat:
      return 4
    case c.Rstat:
      return 2 + f.stat.length
    case c.Twstat:
      return 6 + f.stat.length
    case c.Rflush:
    case c.Rclunk:
    case c.Rremove:
    case c.Rwstat:
      return 0
  }
}

/**
 * Encodes one message into a buffer of its own, size field included. The order of the fields is section 5's.
 * @throws ProtocolError a string of more than 65535 bytes, more than MAXWELEM names or qids
 */
export function convS2M(f: Fcall): Uint8Array<ArrayBuffer> {
  const size = HDR + body(f)
  const e = new Encoder(size)
  e.u32(size)
  e.u8(f.type)
  e.u16(f.tag)
  switch (f.type) {
    case c.Tversion:
    case c.Rversion:
      e.u32(f.msize)
      e.string(f.version)
      break
    case c.Tauth:
      e.u32(f.afid)
      e.string(f.uname)
      e.string(f.aname)
      break
    case c.Rauth:
      e.qid(f.aqid)
      break
    case c.Tattach:
      e.u32(f.fid)
      e.u32(f.afid)
      e.string(f.uname)
      e.string(f.aname)
      break
    case c.Rattach:
      e.qid(f.qid)
      break
    case c.Rerror:
      e.string(f.ename)
      break
    case c.Tflush:
      e.u16(f.oldtag)
      break
    case c.Twalk:
      if (f.wname.length > c.MAXWELEM) throw new ProtocolError(`walk of ${f.wname.length} names`)
      e.u32(f.fid)
      e.u32(f.newfid)
      e.u16(f.wname.length)
      for (const name of f.wname) e.string(name)
      break
    case c.Rwalk:
      if (f.wqid.length > c.MAXWELEM) throw new ProtocolError(`walk of ${f.wqid.length} qids`)
      e.u16(f.wqid.length)
      for (const qid of f.wqid) e.qid(qid)
      break
    case c.Topen:
      e.u32(f.fid)
      e.u8(f.mode)
      break
    case c.Ropen:
    case c.Rcreate:
      e.qid(f.qid)
      e.u32(f.iounit)
      break
    case c.Tcreate:
      e.u32(f.fid)
      e.string(f.name)
      e.u32(f.perm)
      e.u8(f.mode)
      break
    case c.Tread:
      e.u32(f.fid)
      e.u64(f.offset)
      e.u32(f.count)
      break
    case c.Rread:
      e.u32(f.data.length)
      e.bytes(f.data)
      break
    case c.Twrite:
      e.u32(f.fid)
      e.u64(f.offset)
      e.u32(f.data.length)
      e.bytes(f.data)
      break
    case c.Rwrite:
      e.u32(f.count)
      break
    case c.Tclunk:
    case c.Tremove:
    case c.Tstat:
      e.u32(f.fid)
      break
    case c.Rstat:
      e.u16(f.stat.length)
      e.bytes(f.stat)
      break
    case c.Twstat:
      e.u32(f.fid)
      e.u16(f.stat.length)
      e.bytes(f.stat)
      break
    case c.Rflush:
    case c.Rclunk:
    case c.Rremove:
    case c.Rwstat:
      break
  }
  return e.buf
}

/**
 * Decodes one message. `buf` is exactly one message, size field included.
 * `data` and `stat` of the result are views of `buf`: copy them to keep them longer than it.
 *
 * @throws ProtocolError size is not buf's length; a count runs past the end; more than MAXWELEM names or qids; a string
 *   is no UTF-8 or holds a NUL; the type is none of 9P2000's; bytes are left over
 */
export function convM2S(buf: Uint8Array): Fcall {
  const m = new Decoder(buf)
  const size = m.u32()
  if (size !== buf.length) throw new ProtocolError(`message of ${buf.length} bytes says ${size}`)
  const type = m.u8()
  const f = decodeBody(m, type, m.u16())
  m.end()
  return f
}

function decodeBody(m: Decoder, type: number, tag: number): Fcall {
  switch (type) {
    case c.Tversion:
    case c.Rversion:
      return { type, tag, msize: m.u32(), version: m.string() }
    case c.Tauth:
      return { type, tag, afid: m.u32(), uname: m.string(), aname: m.string() }
    case c.Rauth:
      return { type, tag, aqid: m.qid() }
    case c.Tattach:
      return { type, tag, fid: m.u32(), afid: m.u32(), uname: m.string(), aname: m.string() }
    case c.Rattach:
      return { type, tag, qid: m.qid() }
    case c.Rerror:
      return { type, tag, ename: m.string() }
    case c.Tflush:
      return { type, tag, oldtag: m.u16() }
    case c.Twalk:
      return { type, tag, fid: m.u32(), newfid: m.u32(), wname: welems(m, () => m.string()) }
    case c.Rwalk:
      return { type, tag, wqid: welems(m, () => m.qid()) }
    case c.Topen:
      return { type, tag, fid: m.u32(), mode: m.u8() }
    case c.Ropen:
    case c.Rcreate:
      return { type, tag, qid: m.qid(), iounit: m.u32() }
    case c.Tcreate:
      return { type, tag, fid: m.u32(), name: m.string(), perm: m.u32(), mode: m.u8() }
    case c.Tread:
      return { type, tag, fid: m.u32(), offset: m.u64(), count: m.u32() }
    case c.Rread:
      return { type, tag, data: m.bytes(m.u32()) }
    case c.Twrite:
      return { type, tag, fid: m.u32(), offset: m.u64(), data: m.bytes(m.u32()) }
    case c.Rwrite:
      return { type, tag, count: m.u32() }
    case c.Tclunk:
    case c.Tremove:
    case c.Tstat:
      return { type, tag, fid: m.u32() }
    case c.Rstat:
      return { type, tag, stat: m.bytes(m.u16()) }
    case c.Twstat:
      return { type, tag, fid: m.u32(), stat: m.bytes(m.u16()) }
    case c.Rflush:
    case c.Rclunk:
    case c.Rremove:
    case c.Rwstat:
      return { type, tag }
    default:
      throw new ProtocolError(`message of unknown type ${type}`, 4)
  }
}

function welems<T>(m: Decoder, one: () => T): T[] {
  const n = m.u16()
  if (n > c.MAXWELEM) throw new ProtocolError(`walk of ${n} names`, m.pos - 2)
  const elems: T[] = []
  while (elems.length < n) elems.push(one())
  return elems
}
