import type * as c from './const.ts'
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
