import type { Dir, Qid } from './dir.ts'

/** A client's handle on a file, as the server keeps it. `aux` is the file server's own. */
export interface Fid<A> {
  readonly fid: number
  qid: Qid
  /** As opened: OREAD and its kin with OTRUNC and ORCLOSE kept; -1 while not open. */
  omode: number
  readonly uid: string
  aux: A
}

/** A request under way. `signal` aborts when it is flushed or its connection goes: a handler that waits must heed it. */
export interface Req {
  readonly tag: number
  readonly signal: AbortSignal
  /** Bytes of data that one message of the connection carries at most: a Twrite of so many may be a part of a longer write. */
  readonly iounit: number
}

type Await<T> = T | Promise<T>

/**
 * A file server, in the spirit of 9p(2): a handler a message. The library (`serve`) has checked fids, open modes, tags,
 * counts and offsets before it calls; it sends the reply once, and an `Rerror` for a PlanError thrown. A handler may
 * answer at any later time; other requests go on meanwhile, so state looked at before an `await` is looked at again after.
 * Handlers on one fid may run alongside each other.
 *
 * `A` is what a fid's `aux` holds.
 */
export interface Srv<A> {
  /** Makes the root fid: its aux and qid. */
  attach(uname: string, aname: string, req: Req): Await<{ aux: A; qid: Qid }>
  /** One step of a walk from `aux`; '..' at the root stays there. @throws PlanError Enonexist and the like. */
  walk1(aux: A, name: string, fid: Fid<A>, req: Req): Await<{ aux: A; qid: Qid }>
  /** A copy of `aux` for a newfid, where a reference is counted. Absent: the aux is shared. */
  clone?(aux: A): A
  stat(fid: Fid<A>, req: Req): Await<Dir>
  /** Permissions are the server's to check here. The qid may change (`clone` files); absent: open always succeeds. */
  open?(fid: Fid<A>, mode: number, req: Req): Await<{ aux?: A; qid?: Qid; iounit?: number } | void>
  /** Absent: Enocreate. Moves the fid to the new file, open. */
  create?(fid: Fid<A>, name: string, perm: number, mode: number, req: Req): Await<{ aux: A; qid: Qid; iounit?: number }>
  /** Not called for directories. An empty array is the end of file. At most `count` bytes; more are cut. */
  read?(fid: Fid<A>, offset: number, count: number, req: Req): Await<Uint8Array>
  /** The entries of a directory, in a lasting order; the library packs them, whole records only, and keeps the offset rule. */
  readdir?(fid: Fid<A>, req: Req): Await<Iterable<Dir> | AsyncIterable<Dir>>
  /** Absent: Enowrite. `data` is the handler's to keep. */
  write?(fid: Fid<A>, offset: number, data: Uint8Array, req: Req): Await<number>
  /** Absent: Enoremove. The fid is clunked either way. */
  remove?(fid: Fid<A>, req: Req): Await<void>
  /** Only the members that the client wants changed are present. All or none of it happens. Absent: Enowstat. */
  wstat?(fid: Fid<A>, dir: Partial<Dir>, req: Req): Await<void>
  /** The last of a fid: after clunk, remove, a failed walk, or the end of its connection; after its last request settled. */
  clunk?(fid: Fid<A>): Await<void>
  /** When the connection has ended and its fids are clunked. */
  end?(): void
}
