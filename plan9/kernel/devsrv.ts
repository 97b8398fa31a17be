import { DMDIR, ORCLOSE, OREAD, OTRUNC, OWRITE, QTAUTH, QTDIR } from '../9p/const.ts'
import { Ebadusefd, Eexist, Eiotoobig, Eisdir, Enonexist, Eperm, Eshutdown, PlanError } from '../error.ts'
import { cclose, chanpath, validname } from './chan.ts'
import {
  type Devgen,
  devattach,
  devdir,
  devdirread,
  devpermcheck,
  devstat,
  devwalk,
  mkqid,
  opened,
  openmode,
} from './dev.ts'
import { type Chan, COPEN, CRCLOSE, type Dev, type Proc } from './portdat.ts'
import { fdtochan } from './sysfile.ts'

/**
 * srv(3): a bulletin board of open channels. An entry holds a reference to its channel.
 *
 * Differs: one board, without /srv/clone and the boards that it makes.
 */
interface Srv {
  name: string
  owner: string
  perm: number
  path: bigint
  chan: Chan | undefined
}

/** What a kernel's devsrv also offers to the kernel. */
export interface Srvdev extends Dev {
  /** Posts a channel, whose reference it takes over. */
  post(name: string, owner: string, perm: number, chan: Chan): void
}

export function devsrv(): Srvdev {
  const board: Srv[] = []
  let path = 0n

  const find = (c: Chan) => board.find(s => s.path === c.qid.path)

  const gen: Devgen = (up, c, name, s) => {
    if (s < 0) return devdir(up, c, mkqid(0, QTDIR), '#s', 0, up.k.eve, DMDIR | 0o777)
    const sp = name === undefined ? board[s] : s === 0 ? board.find(b => b.name === name) : undefined
    return sp ? devdir(up, c, mkqid(sp.path), sp.name, 0, sp.owner, sp.perm) : null
  }

  function create(up: Proc, c: Chan, name: string, omode: number, perm: number): Chan {
    if (openmode(omode) !== OWRITE) throw new PlanError(Eperm)
    if (board.some(s => s.name === name)) throw new PlanError(Eexist)
    const sp: Srv = { name, owner: up.user, perm: perm & 0o777, path: ++path, chan: undefined }
    board.push(sp)
    c.qid = mkqid(sp.path)
    return opened(c, OWRITE)
  }

  function take(c: Chan): void {
    const i = board.findIndex(s => s.path === c.qid.path)
    if (i < 0) throw new PlanError(Enonexist)
    const [sp] = board.splice(i, 1)
    if (sp!.chan) cclose(sp!.chan)
  }

  /** @throws PlanError Eperm unless up owns the entry or the machine */
  function own(up: Proc, c: Chan): Srv {
    const sp = c.qid.type & QTDIR ? undefined : find(c)
    if (c.qid.type & QTDIR) throw new PlanError(Eperm)
    if (!sp) throw new PlanError(Enonexist)
    if (sp.owner !== up.user && up.user !== up.k.eve) throw new PlanError(Eperm)
    return sp
  }

  const dev: Srvdev = {
    dc: 's',
    name: 'srv',
    attach: (_up, spec) => devattach(dev, spec),
    walk: (up, c, names) => devwalk(up, c, names, gen),
    stat: (up, c) => devstat(up, c, gen),
    open(up, c, omode) {
      if (omode & OTRUNC) throw new PlanError(Eexist)
      if (omode & ORCLOSE) throw new PlanError(Eperm)
      const mode = openmode(omode)
      if (c.qid.type & QTDIR) {
        if (omode !== OREAD) throw new PlanError(Eisdir)
        return opened(c, omode)
      }
      const sp = find(c)
      const nc = sp?.chan
      if (!sp || !nc) throw new PlanError(Eshutdown)
      if (mode !== nc.mode && nc.mode !== 2) throw new PlanError(Eperm)
      devpermcheck(up, sp.owner, sp.perm, omode)
      nc.ref++
      cclose(c)
      return nc
    },
    create,
    close(c) {
      if (c.flag & CRCLOSE && c.flag & COPEN && find(c)) take(c)
    },
    read(up, c, n) {
      if (!(c.qid.type & QTDIR)) throw new PlanError(Eperm)
      return devdirread(up, c, n, gen)
    },
    write(up, c, data) {
      if (data.length >= 32) throw new PlanError(Eiotoobig)
      const fd = Number.parseInt(new TextDecoder().decode(data), 10)
      const c1 = fdtochan(up, fd, -1, false)
      const sp = find(c)
      if (c1.qid.type & QTAUTH) throw new PlanError('cannot post auth file in srv')
      if (!sp) throw new PlanError(Enonexist)
      if (sp.chan) throw new PlanError(Ebadusefd)
      c1.ref++
      sp.chan = c1
      c1.srvname ??= chanpath(c)
      return data.length
    },
    remove(up, c) {
      own(up, c)
      take(c)
    },
    wstat(up, c, dir) {
      const sp = own(up, c)
      if (dir.name && dir.name !== sp.name) {
        validname(dir.name, false)
        if (board.some(s => s.name === dir.name)) throw new PlanError(Eexist)
        sp.name = dir.name
      }
      if (dir.uid) sp.owner = dir.uid
      if (dir.mode !== undefined) sp.perm = dir.mode & 0o777
    },
    post(name, owner, perm, chan) {
      if (board.some(s => s.name === name)) throw new PlanError(Eexist)
      chan.srvname ??= `#s/${name}`
      board.push({ name, owner, perm, path: ++path, chan })
    },
  }
  return dev
}
