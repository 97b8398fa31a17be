import * as e from '../error.ts'
import { PlanError, ProtocolError } from '../error.ts'
import { concat } from './bit.ts'
import * as c from './const.ts'
import { convD2M, convM2D, convM2Ds, type Dir, nulldir, type Qid } from './dir.ts'
import { convM2S, convS2M, type Fcall } from './fcall.ts'
import { tap } from './tap.ts'
import type { Transport } from './transport.ts'

/** A T-message before it has its tag. */
export type Tmsg = Fcall extends infer F
  ? F extends { type: infer N }
    ? N extends TypeT
      ? Omit<F, 'tag'>
      : never
    : never
  : never
type TypeT =
  | typeof c.Tversion
  | typeof c.Tauth
  | typeof c.Tattach
  | typeof c.Tflush
  | typeof c.Twalk
  | typeof c.Topen
  | typeof c.Tcreate
  | typeof c.Tread
  | typeof c.Twrite
  | typeof c.Tclunk
  | typeof c.Tremove
  | typeof c.Tstat
  | typeof c.Twstat
type R<N extends Fcall['type']> = Extract<Fcall, { type: N }>

/** The reply to a message of type N: its number is one more. */
interface ReplyTo {
  [c.Tversion]: R<typeof c.Rversion>
  [c.Tauth]: R<typeof c.Rauth>
  [c.Tattach]: R<typeof c.Rattach>
  [c.Tflush]: R<typeof c.Rflush>
  [c.Twalk]: R<typeof c.Rwalk>
  [c.Topen]: R<typeof c.Ropen>
  [c.Tcreate]: R<typeof c.Rcreate>
  [c.Tread]: R<typeof c.Rread>
  [c.Twrite]: R<typeof c.Rwrite>
  [c.Tclunk]: R<typeof c.Rclunk>
  [c.Tremove]: R<typeof c.Rremove>
  [c.Tstat]: R<typeof c.Rstat>
  [c.Twstat]: R<typeof c.Rwstat>
}

export interface ClientOptions {
  msize?: number
  /** What the trace tap calls the connection. */
  name?: string
}

/** Requests of one read or write that are under way at once. */
const PIPELINE = 8

/** Numbers from 0 up; the one given back last is taken first. */
class Pool {
  private readonly limit: number
  private next = 0
  private freed: number[] = []

  constructor(limit: number) {
    this.limit = limit
  }
  take(): number {
    const n = this.freed.pop()
    if (n !== undefined) return n
    if (this.next >= this.limit) throw new PlanError('out of tags or fids')
    return this.next++
  }
  give(n: number): void {
    this.freed.push(n)
  }
}

/** Why no message can say it: a name holds a NUL, or one is too long. */
function unsayable(of: Tmsg | Partial<Dir>): string {
  const names = Object.values(of).flat()
  return names.some(s => typeof s === 'string' && s.includes('\0')) ? e.Ebadchar : e.Etoolong
}

interface Waiting {
  type: TypeT
  /** Bytes of data at most that the reply may carry. */
  count: number
  resolve(f: Fcall): void
  reject(err: Error): void
}

/**
 * The client's end of a 9P connection, with any number of requests under way.
 *
 * When the connection ends, whatever waits rejects with PlanError(Ehungup), and so does all that comes after. A reply
 * that section 5 does not allow (of the wrong type, with an unknown tag, of more data than was asked for) ends the connection.
 */
export class Client {
  /** As agreed, in bytes. */
  msize: number
  /** Resolves with the reason when the connection is over. */
  readonly closed: Promise<Error | undefined>
  private readonly t: Transport
  private readonly name: string
  private readonly tags = new Pool(c.NOTAG)
  private readonly fids = new Pool(c.NOFID)
  private waiting = new Map<number, Waiting>()
  private dead: Error | undefined

  private constructor(t: Transport, options: ClientOptions) {
    this.t = t
    this.msize = options.msize ?? c.MSIZE
    this.name = options.name ?? ''
    this.closed = new Promise(resolve => {
      t.start(
        msg => this.receive(msg),
        err => {
          this.die(err)
          resolve(err)
        },
      )
    })
  }

  /**
   * Agrees on a version and msize.
   * @throws PlanError the server speaks no 9P2000, or the connection ended
   */
  static async connect(t: Transport, options: ClientOptions = {}): Promise<Client> {
    const client = new Client(t, options)
    const { msize } = client
    try {
      const r = await client.request({ type: c.Tversion, msize, version: c.VERSION9P }, c.NOTAG)
      if (r.version !== c.VERSION9P) throw new PlanError(`bad 9P version returned from server: ${r.version}`)
      if (r.msize > msize || r.msize < 256) throw new PlanError(`bad msize in reply to version: ${r.msize}`)
      client.msize = r.msize
    } catch (err) {
      t.close()
      throw err
    }
    return client
  }

  get iounit(): number {
    return this.msize - c.IOHDRSZ
  }

  close(): void {
    this.t.close()
  }

  private die(err?: Error): void {
    if (this.dead) return
    this.dead =
      err instanceof ProtocolError ? new PlanError(`${e.Emountrpc}: ${err.message}`) : new PlanError(e.Ehungup)
    const { waiting } = this
    this.waiting = new Map()
    for (const w of waiting.values()) w.reject(this.dead)
  }

  private receive(msg: Uint8Array): void {
    if (this.dead) return
    tap.see?.(this.name, false, msg)
    try {
      if (msg.length > this.msize) throw new ProtocolError(`message of ${msg.length} bytes, msize is ${this.msize}`)
      const f = convM2S(msg)
      const w = this.waiting.get(f.tag)
      if (!w) throw new ProtocolError(`reply with unknown tag ${f.tag}`, 5)
      if (f.type !== c.Rerror && f.type !== w.type + 1)
        throw new ProtocolError(`reply of type ${f.type} to a message of type ${w.type}`, 4)
      if (f.type === c.Rread && f.data.length > w.count) throw new ProtocolError('more data than was asked for', 7)
      if (f.type === c.Rwrite && f.count > w.count) throw new ProtocolError('more written than was sent', 7)
      if (f.type === c.Rwalk && f.wqid.length > w.count) throw new ProtocolError('more qids than names', 7)
      this.waiting.delete(f.tag)
      if (f.type === c.Rerror) w.reject(new PlanError(f.ename))
      else w.resolve(f)
    } catch (err) {
      const reason = err instanceof Error ? err : new Error(String(err))
      this.die(reason)
      this.t.close(reason)
    }
  }

  private request<M extends Tmsg>(m: M, tag: number): Promise<ReplyTo[M['type']]> {
    if (this.dead) return Promise.reject(this.dead)
    let count = 0
    if (m.type === c.Tread) count = m.count
    else if (m.type === c.Twrite) count = m.data.length
    else if (m.type === c.Twalk) count = m.wname.length
    let msg: Uint8Array
    try {
      msg = convS2M({ ...m, tag } as Fcall)
      if (msg.length > this.msize) throw new PlanError(e.Etoolong)
    } catch (err) {
      return Promise.reject(err instanceof ProtocolError ? new PlanError(unsayable(m)) : err)
    }
    const reply = new Promise<Fcall>((resolve, reject) => {
      this.waiting.set(tag, { type: m.type, count, resolve, reject })
    })
    tap.see?.(this.name, true, msg)
    void this.t.send(msg)
    return reply as Promise<ReplyTo[M['type']]>
  }

  /**
   * One request and its reply. When `signal` aborts, a Tflush goes out and its answer is waited for: a reply that came
   * before it counts, as flush(5) says; otherwise the result is PlanError(Eintr).
   *
   * @throws PlanError the server's Rerror; Ehungup; Eintr
   */
  async rpc<M extends Tmsg>(m: M, signal?: AbortSignal): Promise<ReplyTo[M['type']]> {
    if (signal?.aborted) throw new PlanError(e.Eintr)
    const tag = this.tags.take()
    const reply = this.request(m, tag)
    if (!signal) {
      try {
        return await reply
      } finally {
        this.tags.give(tag)
      }
    }
    let flushed: Promise<void> | undefined
    const flush = () => {
      flushed = this.flush(tag)
    }
    signal.addEventListener('abort', flush, { once: true })
    try {
      return await reply
    } finally {
      signal.removeEventListener('abort', flush)
      // The tag cannot be used again before the Rflush.
      if (flushed) await flushed
      this.tags.give(tag)
    }
  }

  private async flush(oldtag: number): Promise<void> {
    try {
      const tag = this.tags.take()
      await this.request({ type: c.Tflush, oldtag }, tag)
      this.tags.give(tag)
    } catch {
      // Only a dead connection refuses a flush, and then the request itself has been rejected.
    }
    const w = this.waiting.get(oldtag)
    this.waiting.delete(oldtag)
    w?.reject(new PlanError(e.Eintr))
  }

  /** Claims a fid number; `clunk` or `remove` gives it back. */
  newfid(): number {
    return this.fids.take()
  }

  freefid(n: number): void {
    this.fids.give(n)
  }

  async auth(uname: string, aname: string): Promise<Fid> {
    const afid = this.newfid()
    try {
      const { aqid } = await this.rpc({ type: c.Tauth, afid, uname, aname })
      return new Fid(this, afid, aqid)
    } catch (err) {
      this.freefid(afid)
      throw err
    }
  }

  async attach(uname: string, aname: string, afid?: Fid, signal?: AbortSignal): Promise<Fid> {
    const fid = this.newfid()
    try {
      const { qid } = await this.rpc({ type: c.Tattach, fid, afid: afid?.fid ?? c.NOFID, uname, aname }, signal)
      return new Fid(this, fid, qid)
    } catch (err) {
      this.freefid(fid)
      throw err
    }
  }
}

/** A client's hold on a file of the server. It is good until `clunk` or `remove`. */
export class Fid {
  readonly client: Client
  readonly fid: number
  qid: Qid
  /** Bytes that one message of this file carries; set by open and create. */
  iounit = 0

  constructor(client: Client, fid: number, qid: Qid) {
    this.client = client
    this.fid = fid
    this.qid = qid
  }

  /** As far as the walk goes, which may be less than all of `names` (at most MAXWELEM of them); then `fid` is absent. */
  async walkSome(names: string[], signal?: AbortSignal): Promise<{ fid: Fid | undefined; wqid: Qid[] }> {
    const { client } = this
    const newfid = client.newfid()
    try {
      const { wqid } = await client.rpc({ type: c.Twalk, fid: this.fid, newfid, wname: names }, signal)
      if (wqid.length === names.length) return { fid: new Fid(client, newfid, wqid.at(-1) ?? this.qid), wqid }
      client.freefid(newfid)
      return { fid: undefined, wqid }
    } catch (err) {
      client.freefid(newfid)
      throw err
    }
  }

  /** All the way or not at all, however many names. @throws PlanError Enonexist */
  async walk(names: string[], signal?: AbortSignal): Promise<Fid> {
    let at: Fid = this
    for (let i = 0; i === 0 || i < names.length; i += c.MAXWELEM) {
      try {
        const { fid } = await at.walkSome(names.slice(i, i + c.MAXWELEM), signal)
        if (!fid) throw new PlanError(e.Enonexist)
        if (at !== this) await at.clunk()
        at = fid
      } catch (err) {
        if (at !== this) await at.clunk()
        throw err
      }
    }
    return at
  }

  async open(mode: number, signal?: AbortSignal): Promise<this> {
    const { qid, iounit } = await this.client.rpc({ type: c.Topen, fid: this.fid, mode }, signal)
    return this.opened(qid, iounit)
  }

  async create(name: string, perm: number, mode: number, signal?: AbortSignal): Promise<this> {
    const { qid, iounit } = await this.client.rpc({ type: c.Tcreate, fid: this.fid, name, perm, mode }, signal)
    return this.opened(qid, iounit)
  }

  private opened(qid: Qid, iounit: number): this {
    const most = this.client.iounit
    this.qid = qid
    this.iounit = iounit > 0 ? Math.min(iounit, most) : most
    return this
  }

  /** One Tread: at most `count` bytes, and what one message carries. The bytes are the caller's. */
  async readSome(count: number, offset: number, signal?: AbortSignal): Promise<Uint8Array> {
    const n = Math.min(count, this.iounit)
    const { data } = await this.client.rpc({ type: c.Tread, fid: this.fid, offset: BigInt(offset), count: n }, signal)
    return data
  }

  /**
   * At most `count` bytes, by several Treads under way at once when one message does not carry them. A short reply ends
   * what is read. Directories, and files whose reads block, are read by `readSome`.
   */
  async read(count: number, offset: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (count <= this.iounit || this.qid.type & c.QTDIR) return this.readSome(count, offset, signal)
    const { iounit } = this
    const parts: Uint8Array[] = []
    const under: Promise<Uint8Array>[] = []
    let asked = 0
    let got = 0
    while (asked < count || under.length > 0) {
      while (asked < count && under.length < PIPELINE) {
        const n = Math.min(iounit, count - asked)
        const part = this.readSome(n, offset + asked, signal)
        part.catch(() => undefined)
        under.push(part)
        asked += n
      }
      const want = Math.min(iounit, count - got)
      const data = await under.shift()!
      parts.push(data)
      got += data.length
      if (data.length < want) break
    }
    await Promise.allSettled(under)
    return concat(parts)
  }

  /** From the start to the end of file. */
  async readAll(signal?: AbortSignal): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let at = 0
    for (;;) {
      const data = await this.readSome(this.iounit, at, signal)
      if (data.length === 0) return concat(parts)
      parts.push(data)
      at += data.length
    }
  }

  /** The entries of an open directory. @throws ProtocolError the server sent half a record */
  async readdir(signal?: AbortSignal): Promise<Dir[]> {
    const dirs: Dir[] = []
    let at = 0
    for (;;) {
      const data = await this.readSome(this.iounit, at, signal)
      if (data.length === 0) return dirs
      dirs.push(...convM2Ds(data))
      at += data.length
    }
  }

  /** Writes all of `data`, by several Twrites under way at once where it takes more than one. Returns what was written. */
  async write(data: Uint8Array, offset: number, signal?: AbortSignal): Promise<number> {
    const { iounit } = this
    const send = (at: number) =>
      this.client
        .rpc(
          { type: c.Twrite, fid: this.fid, offset: BigInt(offset + at), data: data.subarray(at, at + iounit) },
          signal,
        )
        .then(r => r.count)
    if (data.length <= iounit) return send(0)
    const under: Promise<number>[] = []
    let sent = 0
    let done = 0
    while (sent < data.length || under.length > 0) {
      while (sent < data.length && under.length < PIPELINE) {
        const part = send(sent)
        part.catch(() => undefined)
        under.push(part)
        sent += iounit
      }
      const want = Math.min(iounit, data.length - done)
      const n = await under.shift()!
      done += n
      if (n < want) break
    }
    await Promise.allSettled(under)
    return done
  }

  async stat(signal?: AbortSignal): Promise<Dir> {
    const { stat } = await this.client.rpc({ type: c.Tstat, fid: this.fid }, signal)
    return convM2D(stat)
  }

  /** Only the members given are changed; none asks the server to commit the file to stable storage. */
  async wstat(dir: Partial<Dir>, signal?: AbortSignal): Promise<void> {
    let stat: Uint8Array
    try {
      stat = convD2M({ ...nulldir(), ...dir })
    } catch (err) {
      throw err instanceof ProtocolError ? new PlanError(unsayable(dir)) : err
    }
    await this.client.rpc({ type: c.Twstat, fid: this.fid, stat }, signal)
  }

  /** The file and the fid are gone, the fid even when the file could not be removed. */
  async remove(): Promise<void> {
    try {
      await this.client.rpc({ type: c.Tremove, fid: this.fid })
    } finally {
      this.client.freefid(this.fid)
    }
  }

  async clunk(): Promise<void> {
    try {
      await this.client.rpc({ type: c.Tclunk, fid: this.fid })
    } finally {
      this.client.freefid(this.fid)
    }
  }
}
