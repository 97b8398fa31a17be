import { concat } from '../9p/bit.ts'
import { Client, type Tmsg } from '../9p/client.ts'
import {
  IOHDRSZ,
  MSIZE,
  NOFID,
  QTDIR,
  Tattach,
  Tclunk,
  Tcreate,
  Topen,
  Tread,
  Tremove,
  Tstat,
  Twalk,
  Twrite,
  Twstat,
} from '../9p/const.ts'
import { convD2M, convM2D, type Dir, nulldir, type Qid } from '../9p/dir.ts'
import { type ByteStream, streamTransport } from '../9p/framer.ts'
import { Ebadusefd, Eintr, Enoattach, Enoversion, PlanError, ProtocolError } from '../error.ts'
import { devattach, devclone, opened } from './dev.ts'
import { hosttransport } from './devhost.ts'
import { CCACHE, type Chan, CMSG, type Dev, type Mux, type Proc, shadow, type Walkqid } from './portdat.ts'
import { orintr } from './qio.ts'

/**
 * mnt(3): turns the calls on a Chan into 9P, and is the only place that does.
 *
 * The channel to a server has one Mnt, shared by all that mount it, and one reference for each Chan there: it closes
 * after the last of them has been clunked.
 */
class Mnt implements Mux {
  readonly client: Client
  readonly c: Chan

  constructor(client: Client, c: Chan) {
    this.client = client
    this.c = c
  }

  close(): void {
    this.client.close()
  }
}

const Esbadstat = 'invalid directory entry received from server'
const dcM = 'M'.charCodeAt(0)

let mntid = 0

/** Establishments of a version under way. */
const versions = new WeakMap<Chan, Promise<Mnt>>()

/** The Mnt of a channel: its version is agreed on when it is first mounted. */
function mntversion(up: Proc, c: Chan): Promise<Mnt> {
  if (c.mux) {
    if (c.mux instanceof Mnt) return Promise.resolve(c.mux)
    throw new PlanError(Ebadusefd)
  }
  let v = versions.get(c)
  if (!v) {
    v = connect(up, c).finally(() => versions.delete(c))
    versions.set(c, v)
  }
  return v
}

async function connect(up: Proc, c: Chan): Promise<Mnt> {
  const t = hosttransport(c) ?? streamTransport(chanstream(up, c))
  const name = c.srvname ?? c.path?.s ?? ''
  // Nobody else may read the replies from here on.
  c.flag |= CMSG
  try {
    const client = await orintr(Client.connect(t, { msize: MSIZE, name }), up.signal)
    const m = new Mnt(client, c)
    c.mux = m
    client.closed.then(err => {
      if (err instanceof ProtocolError) up.k.print(`mnt: ${name}: ${err.message}\n`)
    })
    return m
  } catch (e) {
    t.close()
    c.flag &= ~CMSG
    if (!(e instanceof PlanError)) throw new PlanError(Enoversion)
    throw e
  }
}

/** The bytes of a channel. It holds no reference: when the channel's last user goes, the stream ends with it. */
function chanstream(up: Proc, c: Chan): ByteStream {
  const abort = new AbortController()
  const kup = shadow(up.k.kproc, abort.signal)
  return {
    read: async () => c.type.read(kup, c, MSIZE, 0),
    async write(b) {
      for (let n = 0; n < b.length; ) n += await c.type.write(kup, c, b.subarray(n), 0)
    },
    close: () => abort.abort(),
  }
}

function mnt(c: Chan): Mnt {
  return c.mchan!.mux as Mnt
}

/** A new fid on the server, and the Chan that it will be. */
function mntchan(m: Mnt, c: Chan): Chan {
  c.fid = m.client.newfid()
  return c
}

/** A server's reply that is no use as it stands is the server's fault. */
function fault(e: unknown): unknown {
  return e instanceof ProtocolError ? new PlanError(Esbadstat) : e
}

/**
 * The root of aname on the server behind bc, for up's user.
 *
 * @throws PlanError the server's; Ebadusefd an afid of another channel; Eintr
 */
export async function mntattach(up: Proc, bc: Chan, ac: Chan | undefined, aname: string, flags: number): Promise<Chan> {
  if (ac && ac.mchan !== bc) throw new PlanError(Ebadusefd)
  const m = await mntversion(up, bc)
  const c = mntchan(m, devattach(mntdev, ''))
  c.dev = ++mntid
  const { client } = m
  try {
    const r = await client.rpc({ type: Tattach, fid: c.fid, afid: ac?.fid ?? NOFID, uname: up.user, aname }, up.signal)
    c.qid = r.qid
  } catch (e) {
    client.freefid(c.fid)
    throw e
  }
  c.mchan = bc
  bc.ref++
  if (flags) c.flag |= CCACHE
  return c
}

async function mntwalk(up: Proc, c: Chan, names: string[]): Promise<Walkqid> {
  const { client } = mnt(c)
  const nc = mntchan(mnt(c), devclone(c))
  nc.flag |= c.flag & CCACHE
  let wqid: Qid[]
  try {
    const r = await client.rpc({ type: Twalk, fid: c.fid, newfid: nc.fid, wname: names }, up.signal)
    wqid = r.wqid
  } catch (e) {
    client.freefid(nc.fid)
    throw e
  }
  if (wqid.length < names.length) {
    client.freefid(nc.fid)
    return { clone: undefined, qid: wqid }
  }
  nc.mchan = c.mchan
  c.mchan!.ref++
  nc.qid = wqid.at(-1) ?? c.qid
  return { clone: nc, qid: wqid }
}

async function mntstat(up: Proc, c: Chan): Promise<Dir> {
  const { stat } = await mnt(c).client.rpc({ type: Tstat, fid: c.fid }, up.signal)
  try {
    return { ...convM2D(stat), type: dcM, dev: c.dev }
  } catch (e) {
    throw fault(e)
  }
}

async function mntopen(up: Proc, c: Chan, omode: number): Promise<Chan> {
  const r = await mnt(c).client.rpc({ type: Topen, fid: c.fid, mode: omode }, up.signal)
  return isopen(c, omode, r)
}

async function mntcreate(up: Proc, c: Chan, name: string, omode: number, perm: number): Promise<Chan> {
  const r = await mnt(c).client.rpc({ type: Tcreate, fid: c.fid, name, perm, mode: omode }, up.signal)
  return isopen(c, omode, r)
}

function isopen(c: Chan, omode: number, r: { qid: Qid; iounit: number }): Chan {
  const most = mnt(c).client.msize - IOHDRSZ
  c.qid = r.qid
  c.iounit = r.iounit === 0 ? most : Math.min(r.iounit, most)
  return opened(c, omode)
}

/** The clunk is no process's: nothing interrupts it. */
async function mntclunk(c: Chan, m: Extract<Tmsg, { type: typeof Tclunk | typeof Tremove }>, signal?: AbortSignal) {
  const { client } = mnt(c)
  let free = true
  try {
    await client.rpc(m, signal)
  } catch (e) {
    // A flushed remove may or may not have clunked: the number is not used again.
    free = !(e instanceof PlanError && e.message === Eintr)
    throw e
  } finally {
    if (free) client.freefid(c.fid)
  }
}

async function mntread(up: Proc, c: Chan, n: number, offset: number): Promise<Uint8Array> {
  const { client } = mnt(c)
  const parts: Uint8Array[] = []
  const isdir = (c.qid.type & QTDIR) !== 0
  let off = offset
  for (let left = n; ; ) {
    const count = Math.min(left, c.iounit)
    const { data } = await client.rpc({ type: Tread, fid: c.fid, offset: BigInt(off), count }, up.signal)
    if (isdir) {
      mntdirfix(data, c)
      return data
    }
    parts.push(data)
    off += data.length
    left -= data.length
    if (data.length < count || left === 0 || up.notepending) return concat(parts)
  }
}

/** Entries get the type and dev that Chans of this mount have here, so that mount points among them are found. */
function mntdirfix(data: Uint8Array, c: Chan): void {
  const v = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let p = 0
  for (; p + 2 <= data.length; p += 2 + v.getUint16(p, true)) {
    if (p + 41 > data.length) break
    v.setUint16(p + 2, dcM, true)
    v.setUint32(p + 4, c.dev, true)
  }
  if (p !== data.length) throw new PlanError(Esbadstat)
}

async function mntwrite(up: Proc, c: Chan, data: Uint8Array, offset: number): Promise<number> {
  const { client } = mnt(c)
  for (let done = 0; ; ) {
    const part = data.subarray(done, done + c.iounit)
    const { count } = await client.rpc(
      { type: Twrite, fid: c.fid, offset: BigInt(offset + done), data: part },
      up.signal,
    )
    done += count
    if (count < part.length || done === data.length || up.notepending) return done
  }
}

export const mntdev: Dev = {
  dc: 'M',
  name: 'mnt',
  attach() {
    throw new PlanError(Enoattach)
  },
  walk: mntwalk,
  stat: mntstat,
  open: mntopen,
  create: mntcreate,
  close: c => mntclunk(c, { type: Tclunk, fid: c.fid }),
  read: mntread,
  write: mntwrite,
  remove: (up, c) => mntclunk(c, { type: Tremove, fid: c.fid }, up.signal),
  async wstat(up, c, dir) {
    let stat: Uint8Array
    try {
      stat = convD2M({ ...nulldir(), ...dir })
    } catch (e) {
      throw fault(e)
    }
    await mnt(c).client.rpc({ type: Twstat, fid: c.fid, stat }, up.signal)
  },
}
