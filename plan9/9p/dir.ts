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
