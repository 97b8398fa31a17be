import { QTDIR } from '../9p/const.ts'
import { convM2Ds, type Qid } from '../9p/dir.ts'
import { Qidmap } from '../9p/qidmap.ts'
import type { Req, Srv } from '../9p/srv.ts'
import { Ebadusefd, PlanError } from '../error.ts'
import { cclose, chancreate, chanplace, findmount, namec, walk } from './chan.ts'
import { Aaccess, Aopen, Aremove, Atodir, type Chan, COPEN, type Proc, shadow } from './portdat.ts'
import { chanread, chanremove, chanstat, chanwstat } from './sysfile.ts'

/**
 * A name space as a file server: what base sees, mounts and unions and all, in base's name. A fid is a Chan; one that
 * is not open stands beneath what is mounted on it, as a current directory does. aname is the directory that is the root.
 *
 * Requests wait on their own signals, so that one which blocks holds no other up. When base exits, all is refused.
 */
export function exportsrv(base: Proc, onend?: () => void): Srv<Chan> {
  const qids = new Qidmap()
  const as = (req: Req) => shadow(base, req.signal)

  function qid(up: Proc, c: Chan): Qid {
    const on = c.flag & COPEN ? undefined : findmount(up, c.type, c.dev, c.qid)
    const { type, dev, qid: q } = on?.to ?? c
    return qids.qid(type.dc.codePointAt(0)!, dev, q)
  }

  /** Does f with what is at c, for the calls that need no open file. */
  async function at<T>(up: Proc, c: Chan, f: (c: Chan) => T | Promise<T>): Promise<T> {
    const nc = c.flag & COPEN ? c : await chanplace(up, c, Aaccess)
    if (nc === c) return f(c)
    try {
      return await f(nc)
    } finally {
      cclose(nc)
    }
  }

  return {
    async attach(_uname, aname, req) {
      const up = as(req)
      const c = await namec(up, aname === '' ? '/' : aname, Atodir)
      return { aux: c, qid: qid(up, c) }
    },
    async walk1(c, name, _fid, req) {
      const up = as(req)
      const nc = await walk(up, c, [name], false)
      return { aux: nc, qid: qid(up, nc) }
    },
    clone(c) {
      c.ref++
      return c
    },
    async stat(fid, req) {
      const up = as(req)
      return at(up, fid.aux, async c => qids.dir(await chanstat(up, c)))
    },
    async open(fid, mode, req) {
      const up = as(req)
      const old = fid.aux
      const c = await chanplace(up, old, Aopen, mode)
      cclose(old)
      fid.aux = c
      return { aux: c, qid: qid(up, c) }
    },
    async create(fid, name, perm, mode, req) {
      const up = as(req)
      const old = fid.aux
      const c = await chancreate(up, old, name, mode, perm)
      cclose(old)
      fid.aux = c
      return { aux: c, qid: qid(up, c) }
    },
    async read(fid, offset, count, req) {
      return fid.aux.type.read(as(req), fid.aux, count, offset)
    },
    async *readdir(fid, req) {
      const up = as(req)
      const c = fid.aux
      if (!(c.qid.type & QTDIR)) throw new PlanError(Ebadusefd)
      for (let off = 0; ; off = c.offset) {
        const data = await chanread(up, c, 8192, off)
        if (data.length === 0) return
        for (const d of convM2Ds(data)) yield qids.dir(d)
      }
    },
    async write(fid, offset, data, req) {
      return fid.aux.type.write(as(req), fid.aux, data, offset)
    },
    async remove(fid, req) {
      const up = as(req)
      // The fid's own reference is dropped by clunk.
      await chanremove(up, await chanplace(up, fid.aux, Aremove))
    },
    async wstat(fid, dir, req) {
      const up = as(req)
      await at(up, fid.aux, c => chanwstat(up, c, dir))
    },
    clunk(fid) {
      return cclose(fid.aux)
    },
    end: onend,
  }
}
