import { DMDIR, ORDWR, OREAD, QTDIR } from '../9p/const.ts'
import { Ebadarg, Ehungup, Eperm, PlanError } from '../error.ts'
import { addelem } from './chan.ts'
import { type Devgen, devattach, devclone, devdefaults, devdir, devdirread, devwalk, mkqid, opened } from './dev.ts'
import { postnote } from './note.ts'
import { type Chan, CMSG, COPEN, type Dev, type Proc } from './portdat.ts'
import { Queue, qiomaxatomic } from './qio.ts'

/** pipe(3). Qids are pipe * 4 + file. */
const Qdir = 0
const Qdata0 = 1
const files = ['data', 'data1']

/** Bytes on their way, each way, at most; a write that begins below this is taken whole. */
const pipeqsize = 256 * 1024

interface Pipe {
  path: number
  /** q[i] is what a reader of data i reads. */
  q: [Queue, Queue]
  /** Opens of each end. */
  qref: [number, number]
}

let pipepath = 0

function attach(spec: string): Chan {
  const c = devattach(pipedev, spec)
  const p: Pipe = { path: ++pipepath, q: [new Queue(pipeqsize), new Queue(pipeqsize)], qref: [0, 0] }
  c.qid = mkqid(p.path * 4, QTDIR)
  c.aux = p
  return c
}

function type(c: Chan): number {
  return Number(c.qid.path & 3n)
}

const gen: Devgen = (up, c, _name, s) => {
  const p = c.aux as Pipe
  if (s < 0) return devdir(up, c, mkqid(p.path * 4, QTDIR), '#|', 0, up.k.eve, DMDIR | 0o500)
  const name = files[s]
  if (name === undefined) return null
  return devdir(up, c, mkqid(p.path * 4 + Qdata0 + s), name, p.q[s as 0 | 1].len, up.k.eve, 0o666)
}

function open(c: Chan, omode: number): Chan {
  const t = type(c)
  if (t === Qdir) {
    if (omode !== OREAD) throw new PlanError(Ebadarg)
    return opened(c, omode)
  }
  ;(c.aux as Pipe).qref[t === Qdata0 ? 0 : 1]++
  c.iounit = qiomaxatomic
  return opened(c, omode)
}

/** Both ends of a new pipe, as pipe(2) opens them. */
export function newpipe(): [Chan, Chan] {
  const dir = attach('')
  const p = dir.aux as Pipe
  const end = (i: 0 | 1) => {
    const c = devclone(dir)
    c.qid = mkqid(p.path * 4 + Qdata0 + i)
    dir.path!.ref++
    c.path = addelem(dir.path!, files[i]!)
    return open(c, ORDWR)
  }
  return [end(0), end(1)]
}

/** Writing where nobody reads any more is told by a note as well, but not to a mount driver. */
function broken(up: Proc, c: Chan, e: unknown): void {
  if (e instanceof PlanError && e.message === Ehungup && !(c.flag & CMSG)) postnote(up, 'sys: write on closed pipe')
}

export const pipedev: Dev = {
  ...devdefaults,
  dc: '|',
  name: 'pipe',
  attach: (_up, spec) => attach(spec),
  walk: (up, c, names) => devwalk(up, c, names, gen),
  stat(up, c) {
    return gen(up, c, undefined, type(c) - Qdata0)!
  },
  open: (_up, c, omode) => open(c, omode),
  close(c) {
    if (!(c.flag & COPEN) || type(c) === Qdir) return
    const p = c.aux as Pipe
    const i = type(c) === Qdata0 ? 0 : 1
    if (--p.qref[i] === 0) {
      p.q[1 - i]!.qhangup()
      p.q[i].qclose()
    }
    if (p.qref[0] === 0 && p.qref[1] === 0) for (const q of p.q) q.qreopen()
  },
  read(up, c, n) {
    const t = type(c)
    if (t === Qdir) return devdirread(up, c, n, gen)
    return (c.aux as Pipe).q[t === Qdata0 ? 0 : 1].qread(n, () => up.signal)
  },
  write(up, c, data) {
    const q = (c.aux as Pipe).q[type(c) === Qdata0 ? 1 : 0]
    try {
      const r = q.qwrite(data, () => up.signal)
      if (!(r instanceof Promise)) return r
      return r.catch(e => {
        broken(up, c, e)
        throw e
      })
    } catch (e) {
      broken(up, c, e)
      throw e
    }
  },
  /** A length sets the limit of bytes on their way. */
  wstat(_up, c, dir) {
    if (type(c) === Qdir) throw new PlanError(Eperm)
    if (dir.length === undefined) return
    if (dir.length > BigInt(pipeqsize) || dir.length <= 0n) throw new PlanError(Ebadarg)
    for (const q of (c.aux as Pipe).q) q.limit = Number(dir.length)
  },
}
