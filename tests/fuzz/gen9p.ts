import * as c from '../../plan9/9p/const.ts'
import { convD2M, type Dir, type Qid } from '../../plan9/9p/dir.ts'
import type { Fcall } from '../../plan9/9p/fcall.ts'
import { Random } from '../random.ts'

export const types: Fcall['type'][] = [
  100, 101, 102, 103, 104, 105, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123,
  124, 125, 126, 127,
]
const alphabet = ['a', 'B', '0x', ' ', "'", '\\', '\n', '\x01', '/', '..', 'é', '世', '😀', '(', ')', '#']

/** Random 9P, well formed and not. */
export class Gen extends Random {
  string(): string {
    return Array.from({ length: this.int(12) }, () => this.pick(alphabet)).join('')
  }
  u32(): number {
    return this.pick([0, 1, 2, 0xffffffff, this.int(2 ** 32)])
  }
  qid(): Qid {
    return { type: this.int(256), vers: this.u32(), path: this.u64() }
  }
  dir(): Dir {
    return {
      type: this.int(65536),
      dev: this.u32(),
      qid: this.qid(),
      mode: this.u32(),
      atime: this.u32(),
      mtime: this.u32(),
      length: this.u64(),
      name: this.string(),
      uid: this.string(),
      gid: this.string(),
      muid: this.string(),
    }
  }
  /** A message whose fids and tags are few, so that they meet. */
  fcall(type = this.pick(types)): Fcall {
    const tag = this.pick([this.int(4), this.int(65536)])
    const fid = this.pick([this.int(6), this.u32()])
    const list = <T>(one: () => T): T[] => Array.from({ length: this.int(17) }, one)
    const data = this.bytes(this.int(64))
    const stat = this.int(2) ? convD2M(this.dir()) : data
    switch (type) {
      case c.Tversion:
      case c.Rversion:
        return { type, tag, msize: this.u32(), version: this.pick(['9P2000', this.string()]) }
      case c.Tauth:
        return { type, tag, afid: fid, uname: this.string(), aname: this.string() }
      case c.Rauth:
        return { type, tag, aqid: this.qid() }
      case c.Tattach:
        return { type, tag, fid, afid: this.pick([c.NOFID, this.u32()]), uname: 'glenda', aname: this.string() }
      case c.Rattach:
        return { type, tag, qid: this.qid() }
      case c.Rerror:
        return { type, tag, ename: this.string() }
      case c.Tflush:
        return { type, tag, oldtag: this.int(4) }
      case c.Twalk: {
        const name = () => this.pick(['a', 'b', '..', this.string()])
        return { type, tag, fid, newfid: this.pick([fid, this.int(6)]), wname: list(name) }
      }
      case c.Rwalk:
        return { type, tag, wqid: list(() => this.qid()) }
      case c.Topen:
        return { type, tag, fid, mode: this.pick([0, 1, 2, 3, 16, 18, 64, this.int(256)]) }
      case c.Ropen:
      case c.Rcreate:
        return { type, tag, qid: this.qid(), iounit: this.u32() }
      case c.Tcreate: {
        const perm = this.pick([0o666, c.DMDIR + 0o777, this.u32()])
        return { type, tag, fid, name: this.pick(['a', 'b', this.string()]), perm, mode: this.int(256) }
      }
      case c.Tread:
        return { type, tag, fid, offset: this.pick([0n, 1n, this.u64()]), count: this.u32() }
      case c.Rread:
        return { type, tag, data }
      case c.Twrite:
        return { type, tag, fid, offset: this.pick([0n, 1n, this.u64()]), data }
      case c.Rwrite:
        return { type, tag, count: this.u32() }
      case c.Tclunk:
      case c.Tremove:
      case c.Tstat:
        return { type, tag, fid }
      case c.Rstat:
        return { type, tag, stat }
      case c.Twstat:
        return { type, tag, fid, stat }
      default:
        return { type, tag }
    }
  }
  /** Some bytes changed, cut off or put in; half the time the size is made right again. */
  mutate(msg: Uint8Array): Uint8Array {
    let b = msg.slice()
    for (let n = 1 + this.int(4); n > 0; n--) {
      const at = this.int(b.length)
      const how = this.int(4)
      if (how === 0) b = b.slice(0, at)
      else if (how === 1) b = Uint8Array.of(...b.subarray(0, at), ...this.bytes(this.int(8)), ...b.subarray(at))
      else if (b.length > 0) b[at] = this.pick([0, 0xff, 0x80, this.int(256)])
    }
    if (b.length >= 7 && this.int(2)) new DataView(b.buffer).setUint32(0, b.length, true)
    return b
  }
}
