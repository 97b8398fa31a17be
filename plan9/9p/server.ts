import * as e from '../error.ts'
import { PlanError, ProtocolError } from '../error.ts'
import { concat, utf8len } from './bit.ts'
import * as c from './const.ts'
import { changes, convD2M, convM2D, type Dir, nulldir, type Qid } from './dir.ts'
import { convM2S, convS2M, type Fcall } from './fcall.ts'
import type { Fid, Req, Srv } from './srv.ts'
import { tap } from './tap.ts'
import type { Transport } from './transport.ts'

/** A connection being served. */
export interface Conn {
  /** Resolves when the connection is over and its last fid is clunked. */
  readonly closed: Promise<void>
  close(): void
}

export interface ServeOptions {
  /** The largest message taken and sent, in bytes. */
  msize?: number
  /** What the trace tap calls the connection. */
  name?: string
}

/** Below this no stat record of ordinary names fits. */
const MINMSIZE = 256
const MAXOFFSET = BigInt(Number.MAX_SAFE_INTEGER)
/** Bits of a mode that a wstat may set. */
const MODEBITS = c.DMDIR | c.DMAPPEND | c.DMEXCL | c.DMTMP | 0o777
const OMODES = 3 | c.OTRUNC | c.OCEXEC | c.ORCLOSE

type Reply = Fcall extends infer F ? (F extends { tag: number } ? Omit<F, 'tag'> : never) : never
type T<N extends Fcall['type']> = Extract<Fcall, { type: N }>

/** How far a directory has been read. */
interface Reading {
  left: AsyncIterator<Dir> | Iterator<Dir>
  next: Uint8Array | undefined
  offset: number
  /** What `readdir` was called with: it lasts over several Treads, and whichever of them is flushed ends it. */
  req: Pending
}

class ServedFid<A> implements Fid<A> {
  readonly fid: number
  readonly uid: string
  qid: Qid
  aux: A
  omode = -1
  /** Requests under way on it, and one for its place in the table. At 0 it is clunked. */
  ref = 1
  /** An open or create is under way: there cannot be two. */
  opening = false
  /** A directory's entries that were not read yet, and the one offset besides 0 that a read may name. */
  dir: Reading | undefined
  /** Directory reads happen one after another. */
  reading: Promise<unknown> = Promise.resolve()

  constructor(fid: number, uid: string, qid: Qid, aux: A) {
    this.fid = fid
    this.uid = uid
    this.qid = qid
    this.aux = aux
  }
}

/** A request under way. Most are answered before anybody asks for their signal, which costs more than the rest of them. */
class Pending implements Req {
  readonly tag: number
  readonly iounit: number
  /** Resolves when the reply has been sent, or will never be. */
  settled: Promise<void> = Promise.resolve()
  private aborted = false
  private other: Pending | undefined
  private controller: AbortController | undefined

  constructor(tag: number, iounit: number) {
    this.tag = tag
    this.iounit = iounit
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.aborted) this.controller.abort()
    }
    return this.controller.signal
  }

  abort(): void {
    this.aborted = true
    this.controller?.abort()
    this.other?.abort()
  }

  /** From now on `other` is aborted along with this one. */
  abortwith(other: Pending): void {
    this.other = other
    if (this.aborted) other.abort()
  }
}

/** Bytes of replies that may wait to be taken; until they are fewer, no more requests are read from a client so slow. */
const UNSENT = 4 << 20

/** Bytes of a name at most. A longer one would make a directory that clients with a small msize cannot read. */
const NAMEMAX = 255

const isdir = (qid: Qid): boolean => (qid.type & c.QTDIR) !== 0

/** @throws PlanError Ebadchar, Efilename, Etoolong: no file can be called so */
function checkname(name: string): void {
  if (utf8len(name) > NAMEMAX) throw new PlanError(e.Etoolong)
  if (name.includes('/')) throw new PlanError(e.Ebadchar)
  if (name === '' || name === '.' || name === '..') throw new PlanError(e.Efilename)
}

/** An error string fits in ERRMAX bytes, its NUL included; a longer one loses its end, whole characters of it. */
function cutename(ename: string): string {
  if (utf8len(ename) < e.ERRMAX) return ename
  let cut = ''
  let n = 0
  for (const ch of ename) {
    n += utf8len(ch)
    if (n >= e.ERRMAX) break
    cut += ch
  }
  return cut
}

function checkoffset(offset: bigint): number {
  if (offset >= 1n << 63n) throw new PlanError(e.Enegoff)
  if (offset > MAXOFFSET) throw new PlanError(e.Ebadoffset)
  return Number(offset)
}

/**
 * Serves 9P2000 on one connection, until it ends. All of intro(5)'s rules that do not depend on the files are kept here:
 *
 *   a reply is sent once; the tag is free from then on
 *   Rflush follows the reply of the request flushed, or its end without one
 *   a fid is clunked once, after the last request on it
 *   the tables of fids and tags are looked at and changed in one turn
 *
 * Bytes that are not 9P end the connection and nothing else.
 */
export function serve<A>(t: Transport, srv: Srv<A>, options: ServeOptions = {}): Conn {
  const connection = new Connection(t, srv, options)
  return { closed: connection.closed, close: () => t.close() }
}

class Connection<A> {
  readonly closed: Promise<void>
  private readonly t: Transport
  private readonly srv: Srv<A>
  private readonly name: string
  private readonly maxmsize: number
  private msize: number
  private fids = new Map<number, ServedFid<A>>()
  /** Fids that a Tattach or Twalk under way will make. */
  private coming = new Set<number>()
  /** Counts the sessions: a fid that was coming when its session ended does not get into the next. */
  private session = 0
  private reqs = new Map<number, Pending>()
  private over = false
  /** Bytes of replies that the transport has not taken yet, and who waits for them to be less than UNSENT. */
  private unsent = 0
  private drained: { promise: Promise<void>; resolve(): void } | undefined

  constructor(t: Transport, srv: Srv<A>, options: ServeOptions) {
    this.t = t
    this.srv = srv
    this.name = options.name ?? ''
    this.maxmsize = options.msize ?? c.MSIZE
    this.msize = this.maxmsize
    this.closed = new Promise(resolve => {
      t.start(
        msg => this.receive(msg),
        () => {
          this.over = true
          void this.reset().then(() => {
            srv.end?.()
            resolve()
          })
        },
      )
    })
  }

  private receive(msg: Uint8Array): void | Promise<void> {
    if (this.over) return
    tap.see?.(this.name, false, msg)
    let f: Fcall
    try {
      if (msg.length > this.msize) throw new ProtocolError(`message of ${msg.length} bytes, msize is ${this.msize}`)
      f = convM2S(msg)
      if (f.type % 2 !== 0) throw new ProtocolError('reply sent to a server', 4)
    } catch (err) {
      this.t.close(err instanceof Error ? err : undefined)
      return
    }
    const { tag } = f
    if (this.reqs.has(tag)) {
      this.send({ type: c.Rerror, tag, ename: e.Eduptag })
      return
    }
    const req = new Pending(tag, this.iounit(undefined))
    this.reqs.set(tag, req)
    req.settled = this.answer(f, req)
    return this.drained?.promise
  }

  private async answer(f: Fcall, req: Pending): Promise<void> {
    let reply: Reply
    try {
      reply = await this.dispatch(f, req)
    } catch (err) {
      if (!(err instanceof PlanError)) console.error('9P server:', err)
      reply = { type: c.Rerror, ename: e.errstr(err) }
    }
    if (this.reqs.get(f.tag) !== req) return
    this.reqs.delete(f.tag)
    this.send(Object.assign(reply, { tag: f.tag }) as Fcall)
  }

  private send(f: Fcall): void {
    if (this.over) return
    const msg = this.encode(f)
    tap.see?.(this.name, true, msg)
    const taken = this.t.send(msg)
    if (taken) void this.unsend(msg.length, taken)
  }

  private async unsend(n: number, taken: Promise<void>): Promise<void> {
    this.unsent += n
    if (this.unsent > UNSENT && !this.drained) {
      let resolve!: () => void
      const promise = new Promise<void>(r => {
        resolve = r
      })
      this.drained = { promise, resolve }
    }
    await taken
    this.unsent -= n
    if (this.unsent > UNSENT) return
    this.drained?.resolve()
    this.drained = undefined
  }

  /** What a file server answered, or, where no message of this connection can say that, an Rerror. */
  private encode(f: Fcall): Uint8Array {
    try {
      const msg = convS2M(f.type === c.Rerror ? { ...f, ename: cutename(f.ename) } : f)
      if (msg.length <= this.msize) return msg
    } catch (err) {
      console.error('9P server:', err)
      return convS2M({ type: c.Rerror, tag: f.tag, ename: e.Eio })
    }
    return convS2M({ type: c.Rerror, tag: f.tag, ename: e.Eiotoobig })
  }

  private dispatch(f: Fcall, req: Pending): Promise<Reply> | Reply {
    switch (f.type) {
      case c.Tversion:
        return this.version(f, req)
      case c.Tauth:
        throw new PlanError(e.Enoauth)
      case c.Tattach:
        return this.attach(f, req)
      case c.Tflush:
        return this.flush(f)
      case c.Twalk:
        return this.walk(f, req)
      case c.Topen:
        return this.use(f.fid, fid => this.open(fid, f, req))
      case c.Tcreate:
        return this.use(f.fid, fid => this.create(fid, f, req))
      case c.Tread:
        return this.use(f.fid, fid => this.read(fid, f, req))
      case c.Twrite:
        return this.use(f.fid, fid => this.write(fid, f, req))
      case c.Tclunk:
        return this.clunk(f)
      case c.Tremove:
        return this.remove(f, req)
      case c.Tstat:
        return this.use(f.fid, async fid => ({ type: c.Rstat, stat: convD2M(await this.srv.stat(fid, req)) }))
      case c.Twstat:
        return this.use(f.fid, fid => this.wstat(fid, f, req))
      default:
        throw new PlanError(e.Ebotch)
    }
  }

  private lookup(n: number): ServedFid<A> {
    const fid = this.fids.get(n)
    if (!fid) throw new PlanError(e.Eunknownfid)
    return fid
  }

  /** Runs `f` on a fid that stays whole meanwhile, even when another request clunks it. */
  private async use(n: number, f: (fid: ServedFid<A>) => Promise<Reply>): Promise<Reply> {
    const fid = this.lookup(n)
    fid.ref++
    try {
      return await f(fid)
    } finally {
      await this.release(fid)
    }
  }

  /** Gives up a reference; whoever gives up the last one clunks the fid. */
  private async release(fid: ServedFid<A>): Promise<void> {
    if (--fid.ref > 0) return
    try {
      if (fid.omode !== -1 && fid.omode & c.ORCLOSE && this.srv.remove)
        await this.srv.remove(fid, new Pending(c.NOTAG, this.iounit(undefined)))
    } catch (err) {
      if (!(err instanceof PlanError)) console.error('9P server: remove on close:', err)
    }
    try {
      await this.srv.clunk?.(fid)
    } catch (err) {
      if (!(err instanceof PlanError)) console.error('9P server: clunk:', err)
    }
  }

  /** Ends every request and every fid, as a version message and the end of a connection do. */
  private async reset(except?: number): Promise<void> {
    const others = [...this.reqs].filter(([tag]) => tag !== except).map(([, req]) => req)
    for (const tag of [...this.reqs.keys()]) if (tag !== except) this.reqs.delete(tag)
    const fids = [...this.fids.values()]
    this.session++
    this.fids.clear()
    this.coming = new Set()
    for (const req of others) req.abort()
    await Promise.all(others.map(p => p.settled))
    await Promise.all(fids.map(fid => this.release(fid)))
  }

  private async version(f: T<typeof c.Tversion>, req: Req): Promise<Reply> {
    if (f.msize < MINMSIZE) throw new PlanError('version: message size too small')
    await this.reset(req.tag)
    this.msize = Math.min(f.msize, this.maxmsize)
    const known = f.version === c.VERSION9P || f.version.startsWith(`${c.VERSION9P}.`)
    return { type: c.Rversion, msize: this.msize, version: known ? c.VERSION9P : 'unknown' }
  }

  /** Claims a fid's number while `make` finds out what it will stand for. */
  private async newfid(n: number, make: () => Promise<ServedFid<A> | undefined>): Promise<ServedFid<A> | undefined> {
    if (n === c.NOFID) throw new PlanError(e.Eunknownfid)
    if (this.fids.has(n) || this.coming.has(n)) throw new PlanError(e.Edupfid)
    const { coming, session } = this
    coming.add(n)
    try {
      const fid = await make()
      if (fid) await this.enter(n, fid, session)
      return fid
    } finally {
      coming.delete(n)
    }
  }

  private async enter(n: number, fid: ServedFid<A>, session: number): Promise<void> {
    if (this.session === session) this.fids.set(n, fid)
    else await this.release(fid)
  }

  private async attach(f: T<typeof c.Tattach>, req: Req): Promise<Reply> {
    if (f.afid !== c.NOFID) throw new PlanError(e.Eunknownfid)
    // The name becomes the owner of files, a string of their stat records.
    if (utf8len(f.uname) > NAMEMAX) throw new PlanError(e.Etoolong)
    const fid = await this.newfid(f.fid, async () => {
      const { aux, qid } = await this.srv.attach(f.uname, f.aname, req)
      return new ServedFid(f.fid, f.uname, qid, aux)
    })
    return { type: c.Rattach, qid: fid!.qid }
  }

  private async flush(f: T<typeof c.Tflush>): Promise<Reply> {
    const old = f.oldtag === f.tag ? undefined : this.reqs.get(f.oldtag)
    old?.abort()
    await old?.settled
    return { type: c.Rflush }
  }

  private async walk(f: T<typeof c.Twalk>, req: Req): Promise<Reply> {
    const from = this.lookup(f.fid)
    if (from.omode !== -1 || from.opening) throw new PlanError('cannot clone open fid')
    from.ref++
    try {
      const wqid: Qid[] = []
      const make = async () => {
        const fid = await this.step(from, f, wqid, req)
        if (wqid.length === f.wname.length) return fid
        await this.release(fid)
        return undefined
      }
      if (f.newfid !== f.fid) await this.newfid(f.newfid, make)
      else {
        const fid = await make()
        if (fid && this.fids.get(f.fid) === from) {
          this.fids.set(f.fid, fid)
          await this.release(from)
        } else if (fid) await this.release(fid)
      }
      return { type: c.Rwalk, wqid }
    } finally {
      await this.release(from)
    }
  }

  /** Walks as far as it goes, adding to `wqid`. @throws PlanError the first name was refused */
  private async step(from: ServedFid<A>, f: T<typeof c.Twalk>, wqid: Qid[], req: Req): Promise<ServedFid<A>> {
    const aux = this.srv.clone ? this.srv.clone(from.aux) : from.aux
    const fid = new ServedFid(f.newfid, from.uid, from.qid, aux)
    try {
      for (const name of f.wname) {
        if (!isdir(fid.qid)) throw new PlanError(wqid.length === 0 ? e.Ewalknodir : e.Enotdir)
        if (name.includes('/') || name === '' || name === '.') throw new PlanError(e.Enonexist)
        const next = await this.srv.walk1(fid.aux, name, fid, req)
        fid.aux = next.aux
        fid.qid = next.qid
        wqid.push(next.qid)
      }
    } catch (err) {
      if (wqid.length === 0 || !(err instanceof PlanError)) {
        await this.release(fid)
        throw err
      }
    }
    return fid
  }

  private async opening<R>(fid: ServedFid<A>, f: () => Promise<R>): Promise<R> {
    if (fid.omode !== -1 || fid.opening) throw new PlanError(e.Eisopen)
    fid.opening = true
    try {
      return await f()
    } finally {
      fid.opening = false
    }
  }

  private iounit(n: number | undefined): number {
    return n ? Math.min(n, this.msize - c.IOHDRSZ) : this.msize - c.IOHDRSZ
  }

  private open(fid: ServedFid<A>, f: T<typeof c.Topen>, req: Req): Promise<Reply> {
    return this.opening(fid, async () => {
      if (f.mode & ~OMODES) throw new PlanError(e.Ebadarg)
      if (isdir(fid.qid) && (f.mode & ~(c.ORCLOSE | c.OCEXEC)) !== c.OREAD) throw new PlanError(e.Eisdir)
      const opened = await this.srv.open?.(fid, f.mode, req)
      if (opened?.qid) fid.qid = opened.qid
      if (opened && opened.aux !== undefined) fid.aux = opened.aux
      fid.omode = f.mode
      return { type: c.Ropen, qid: fid.qid, iounit: this.iounit(opened?.iounit) }
    })
  }

  private create(fid: ServedFid<A>, f: T<typeof c.Tcreate>, req: Req): Promise<Reply> {
    return this.opening(fid, async () => {
      checkname(f.name)
      if (!isdir(fid.qid)) throw new PlanError(e.Ecreatenondir)
      if (f.mode & ~OMODES) throw new PlanError(e.Ebadarg)
      if (f.perm & c.DMDIR && (f.mode & ~(c.ORCLOSE | c.OCEXEC)) !== c.OREAD) throw new PlanError(e.Eisdir)
      if (!this.srv.create) throw new PlanError(e.Enocreate)
      const made = await this.srv.create(fid, f.name, f.perm, f.mode, req)
      fid.aux = made.aux
      fid.qid = made.qid
      fid.omode = f.mode
      return { type: c.Rcreate, qid: fid.qid, iounit: this.iounit(made.iounit) }
    })
  }

  private async read(fid: ServedFid<A>, f: T<typeof c.Tread>, req: Pending): Promise<Reply> {
    if (fid.omode === -1 || (fid.omode & 3) === c.OWRITE) throw new PlanError(e.Ebadusefd)
    const offset = checkoffset(f.offset)
    const count = Math.min(f.count, this.msize - c.IOHDRSZ)
    if (isdir(fid.qid)) {
      const turn = fid.reading.then(() => this.readdir(fid, offset, count, req))
      fid.reading = turn.catch(() => undefined)
      return { type: c.Rread, data: await turn }
    }
    if (!this.srv.read) throw new PlanError(e.Eperm)
    const data = await this.srv.read(fid, offset, count, req)
    return { type: c.Rread, data: data.length > count ? data.subarray(0, count) : data }
  }

  /** Whole records, from the beginning or from where the last read ended: read(5). */
  private async readdir(fid: ServedFid<A>, offset: number, count: number, req: Pending): Promise<Uint8Array> {
    if (offset === 0) {
      const whole = new Pending(req.tag, req.iounit)
      req.abortwith(whole)
      const entries = (await this.srv.readdir?.(fid, whole)) ?? []
      const left = Symbol.asyncIterator in entries ? entries[Symbol.asyncIterator]() : entries[Symbol.iterator]()
      fid.dir = { left, next: undefined, offset: 0, req: whole }
    }
    const { dir } = fid
    if (!dir || offset !== dir.offset) throw new PlanError(e.Ebadoffdir)
    req.abortwith(dir.req)
    const records: Uint8Array[] = []
    let n = 0
    while (count > 0) {
      if (!dir.next) {
        try {
          const step = await dir.left.next()
          if (step.done) break
          dir.next = convD2M(step.value)
        } catch (err) {
          // Where the next record would begin nobody knows: the directory is read from its start again.
          fid.dir = undefined
          throw err
        }
      }
      if (n + dir.next.length > count) {
        if (n === 0) throw new PlanError(e.Eshort)
        break
      }
      records.push(dir.next)
      n += dir.next.length
      dir.next = undefined
    }
    dir.offset += n
    return concat(records)
  }

  private async write(fid: ServedFid<A>, f: T<typeof c.Twrite>, req: Req): Promise<Reply> {
    const mode = fid.omode & 3
    if (fid.omode === -1 || (mode !== c.OWRITE && mode !== c.ORDWR)) throw new PlanError(e.Ebadusefd)
    const offset = checkoffset(f.offset)
    if (!this.srv.write) throw new PlanError(e.Enowrite)
    return { type: c.Rwrite, count: await this.srv.write(fid, offset, f.data, req) }
  }

  private async clunk(f: T<typeof c.Tclunk>): Promise<Reply> {
    const fid = this.lookup(f.fid)
    this.fids.delete(f.fid)
    await this.release(fid)
    return { type: c.Rclunk }
  }

  private async remove(f: T<typeof c.Tremove>, req: Req): Promise<Reply> {
    const fid = this.lookup(f.fid)
    this.fids.delete(f.fid)
    try {
      if (!this.srv.remove) throw new PlanError(e.Enoremove)
      await this.srv.remove(fid, req)
      return { type: c.Rremove }
    } finally {
      if (fid.omode !== -1) fid.omode &= ~c.ORCLOSE
      await this.release(fid)
    }
  }

  private async wstat(fid: ServedFid<A>, f: T<typeof c.Twstat>, req: Req): Promise<Reply> {
    let change: Partial<Dir>
    try {
      change = changes(convM2D(f.stat))
    } catch (err) {
      if (err instanceof ProtocolError) throw new PlanError(e.Ebadwstat)
      throw err
    }
    const { type, dev, qid, muid, ...wanted } = change
    if (wanted.name !== undefined) checkname(wanted.name)
    if (wanted.gid !== undefined && utf8len(wanted.gid) > NAMEMAX) throw new PlanError(e.Etoolong)
    if (wanted.length !== undefined) checkoffset(wanted.length)
    if (wanted.mode !== undefined && wanted.mode & ~MODEBITS) throw new PlanError(e.Ebadwstat)
    if (wanted.mode !== undefined && ((wanted.mode >>> 24) ^ fid.qid.type) & c.QTDIR) throw new PlanError(e.Ebadwstat)
    if (!this.srv.wstat) throw new PlanError(e.Enowstat)
    // What cannot be altered may be said as it is, by clients that send a whole stat record with a member changed.
    if (type !== undefined || dev !== undefined || qid || muid !== undefined) {
      const now = await this.srv.stat(fid, req)
      const [none, { mode = now.mode }] = [nulldir().qid, wanted]
      const same =
        (type ?? now.type) === now.type &&
        (dev ?? now.dev) === now.dev &&
        (muid ?? now.muid) === now.muid &&
        (!qid ||
          ((qid.path === none.path || qid.path === now.qid.path) &&
            (qid.vers === none.vers || qid.vers === now.qid.vers) &&
            (qid.type === none.type || qid.type === mode >>> 24)))
      if (!same) throw new PlanError(e.Ebadwstat)
    }
    await this.srv.wstat(fid, wanted, req)
    return { type: c.Rwstat }
  }
}
