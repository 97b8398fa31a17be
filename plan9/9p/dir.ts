import { ProtocolError } from '../error.ts'
import { Decoder, Encoder, QIDSZ, strsize } from './bit.ts'

/** A file's identity. `path` is unique on its server, for ever; it is compared and never reckoned with. */
export interface Qid {
  /** QT bits. */
  type: number
  vers: number
  path: bigint
}

/** A machine-independent directory entry, stat(5). Numbers of 64 bits are bigint throughout 9P. */
export interface Dir {
  /** For kernel use: the device's character code, and its number. */
  type: number
  dev: number
  qid: Qid
  /** DM bits and permissions. */
  mode: number
  /** Seconds since the epoch. */
  atime: number
  mtime: number
  /** Bytes; 0 for a directory. */
  length: bigint
  name: string
  uid: string
  gid: string
  muid: string
}

/** wstat's don't-touch values, as unsigned integers. */
const NOTOUCH32 = 0xffffffff
const NOTOUCH64 = 0xffffffffffffffffn
/** size[2] type[2] dev[4] qid[13] mode[4] atime[4] mtime[4] length[8] */
const STATFIX = 2 + 2 + 4 + QIDSZ + 4 + 4 + 4 + 8

/** A Dir that asks wstat for no change at all. */
export function nulldir(): Dir {
  return {
    type: 0xffff,
    dev: NOTOUCH32,
    qid: { type: 0xff, vers: NOTOUCH32, path: NOTOUCH64 },
    mode: NOTOUCH32,
    atime: NOTOUCH32,
    mtime: NOTOUCH32,
    length: NOTOUCH64,
    name: '',
    uid: '',
    gid: '',
    muid: '',
  }
}

/** The members that a wstat wants changed: the inverse of `{ ...nulldir(), ...changes }`. */
export function changes(d: Dir): Partial<Dir> {
  const c: Partial<Dir> = {}
  if (d.type !== 0xffff) c.type = d.type
  if (d.dev !== NOTOUCH32) c.dev = d.dev
  if (d.qid.type !== 0xff || d.qid.vers !== NOTOUCH32 || d.qid.path !== NOTOUCH64) c.qid = d.qid
  if (d.mode !== NOTOUCH32) c.mode = d.mode
  if (d.atime !== NOTOUCH32) c.atime = d.atime
  if (d.mtime !== NOTOUCH32) c.mtime = d.mtime
  if (d.length !== NOTOUCH64) c.length = d.length
  if (d.name !== '') c.name = d.name
  if (d.uid !== '') c.uid = d.uid
  if (d.gid !== '') c.gid = d.gid
  if (d.muid !== '') c.muid = d.muid
  return c
}

/** Bytes of a stat record, its own size[2] included. */
export function sizeD2M(d: Dir): number {
  return STATFIX + strsize(d.name) + strsize(d.uid) + strsize(d.gid) + strsize(d.muid)
}

/**
 * A stat record, stat(5):
 *   size[2] type[2] dev[4] qid[13] mode[4] atime[4] mtime[4] length[8] name[s] uid[s] gid[s] muid[s]
 *
 * @throws ProtocolError the record is longer than size[2] can say
 */
export function convD2M(d: Dir): Uint8Array<ArrayBuffer> {
  const size = sizeD2M(d)
  if (size - 2 > 0xffff) throw new ProtocolError(`stat record of ${size} bytes`)
  const e = new Encoder(size)
  e.u16(size - 2)
  e.u16(d.type)
  e.u32(d.dev)
  e.qid(d.qid)
  e.u32(d.mode)
  e.u32(d.atime)
  e.u32(d.mtime)
  e.u64(d.length)
  e.string(d.name)
  e.string(d.uid)
  e.string(d.gid)
  e.string(d.muid)
  return e.buf
}

/** @throws ProtocolError buf is not exactly one stat record */
export function convM2D(buf: Uint8Array): Dir {
  const m = new Decoder(buf)
  const size = m.u16()
  if (size !== buf.length - 2) throw new ProtocolError(`stat record says ${size} bytes, has ${buf.length - 2}`)
  const d: Dir = {
    type: m.u16(),
    dev: m.u32(),
    qid: m.qid(),
    mode: m.u32(),
    atime: m.u32(),
    mtime: m.u32(),
    length: m.u64(),
    name: m.string(),
    uid: m.string(),
    gid: m.string(),
    muid: m.string(),
  }
  m.end()
  return d
}

/** The records of a directory read. @throws ProtocolError buf does not end where a record does */
export function convM2Ds(buf: Uint8Array): Dir[] {
  const dirs: Dir[] = []
  for (let at = 0; at < buf.length; ) {
    const n = buf.length - at < 2 ? 0 : 2 + (buf[at]! | (buf[at + 1]! << 8))
    if (n === 0 || n > buf.length - at) throw new ProtocolError('directory read ends within a record', at)
    dirs.push(convM2D(buf.subarray(at, at + n)))
    at += n
  }
  return dirs
}
