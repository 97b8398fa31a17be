import { concat } from '../9p/bit.ts'
import { OCEXEC, OEXCL, ORDWR, OREAD, OTRUNC, OWRITE, QTDIR } from '../9p/const.ts'
import { convD2M, convM2D, type Dir } from '../9p/dir.ts'
import {
  Ebadarg,
  Ebadfd,
  Ebadusefd,
  Edirseek,
  Eisdir,
  Eismtpt,
  Eisstream,
  Enegoff,
  Enoattach,
  Enofd,
  PlanError,
} from '../error.ts'
import {
  cclone,
  cclose,
  chanfree,
  chanpath,
  cmount,
  cunmount,
  findmount,
  namec,
  namelenerror,
  validname,
} from './chan.ts'
import { openmode } from './dev.ts'
import { mntattach } from './devmnt.ts'
import { newpipe } from './devpipe.ts'
import {
  Aaccess,
  Abind,
  Acreate,
  Amount,
  Aopen,
  Aremove,
  Atodir,
  Aunmount,
  type Await,
  CCEXEC,
  type Chan,
  CMSG,
  MMASK,
  MORDER,
  type Proc,
} from './portdat.ts'
import { orintr } from './qio.ts'
import { MAFTER, MBEFORE, MCACHE } from './sys.ts'

/** More than this many open files is taken for a mistake. */
const NFD = 5000

/** The Chan of fd; mode -1 asks for no right. Not increfed. @throws PlanError Ebadfd, Ebadusefd */
export function fdtochan(up: Proc, fd: number, mode: number, chkmnt: boolean): Chan {
  const c = up.fgrp?.fd[fd]
  if (!c) throw new PlanError(Ebadfd)
  if (chkmnt && c.flag & CMSG) throw new PlanError(Ebadusefd)
  if (mode < 0 || c.mode === ORDWR) return c
  if ((mode & OTRUNC && c.mode === OREAD) || (mode & ~OTRUNC) !== c.mode) throw new PlanError(Ebadusefd)
  return c
}

/** The lowest free fd, made c. Takes over the caller's reference, also when it fails. */
export function newfd(up: Proc, c: Chan, mode: number): number {
  const f = up.fgrp
  let fd = 0
  if (f) while (f.fd[fd]) fd++
  if (!f || fd >= NFD) {
    cclose(c)
    throw new PlanError(Enofd)
  }
  f.fd[fd] = c
  f.flag[fd] = mode & OCEXEC ? CCEXEC : 0
  return fd
}

/** Takes fd from up's table, and closes it. */
export function fdclose(up: Proc, fd: number): void | Promise<void> {
  const f = up.fgrp
  const c = f?.fd[fd]
  if (!f || !c) return
  f.fd[fd] = undefined
  while (f.fd.length > 0 && !f.fd.at(-1)) f.fd.pop()
  return cclose(c)
}

/** Does f with c, whose reference it holds meanwhile. */
async function holding<T>(c: Chan, f: (c: Chan) => Await<T>): Promise<T> {
  try {
    return await f(c)
  } finally {
    await cclose(c)
  }
}

export async function sysopen(up: Proc, name: string, mode: number): Promise<number> {
  openmode(mode)
  return newfd(up, await namec(up, name, Aopen, mode), mode)
}

export async function syscreate(up: Proc, name: string, mode: number, perm: number): Promise<number> {
  openmode(mode & ~OEXCL)
  return newfd(up, await namec(up, name, Acreate, mode, perm), mode)
}

/** A close cannot fail: a note that comes while it waits for the server leaves it to itself. */
export function sysclose(up: Proc, fd: number): void | Promise<void> {
  fdtochan(up, fd, -1, false)
  const r = fdclose(up, fd)
  if (r) return orintr(r, up.signal).catch(() => {})
}

export function sysdup(up: Proc, oldfd: number, nfd: number): number | Promise<number> {
  const c = fdtochan(up, oldfd, -1, false)
  c.ref++
  if (nfd === -1) return newfd(up, c, 0)
  const f = up.fgrp!
  if (!Number.isInteger(nfd) || nfd < 0 || nfd >= NFD) {
    cclose(c)
    throw new PlanError(Ebadfd)
  }
  const oc = f.fd[nfd]
  while (f.fd.length < nfd) f.fd.push(undefined)
  f.fd[nfd] = c
  f.flag[nfd] = 0
  const r = oc && cclose(oc)
  return r
    ? orintr(r, up.signal).then(
        () => nfd,
        () => nfd,
      )
    : nfd
}

export function sysfd2path(up: Proc, fd: number): string {
  return chanpath(fdtochan(up, fd, -1, false))
}

export function syspipe(up: Proc): [number, number] {
  const [a, b] = newpipe()
  let fd: number
  try {
    fd = newfd(up, a, 0)
  } catch (e) {
    cclose(b)
    throw e
  }
  try {
    return [fd, newfd(up, b, 0)]
  } catch (e) {
    fdclose(up, fd)
    throw e
  }
}

/** Reads the members of the union c one after another; one that fails is skipped. */
async function unionread(up: Proc, c: Chan, n: number): Promise<Uint8Array> {
  for (;;) {
    const m = c.umh!.mount[c.uri]
    if (!m) return new Uint8Array(0)
    m.to.ref++
    try {
      if (!c.umc) {
        const nc = await cclone(up, m.to)
        try {
          c.umc = await nc.type.open(up, nc, OREAD)
        } catch (e) {
          cclose(nc)
          throw e
        }
      }
      const data = await c.umc.type.read(up, c.umc, n, c.umc.offset)
      c.umc.offset += data.length
      if (data.length > 0) return data
    } catch (e) {
      if (!(e instanceof PlanError) || up.signal.aborted) throw e
    } finally {
      cclose(m.to)
    }
    c.uri++
    if (c.umc) cclose(c.umc)
    c.umc = undefined
  }
}

/** The name in a stat record, replaced. */
function dirsetname(d: Dir, name: string): Uint8Array {
  return convD2M({ ...d, name })
}

/**
 * Makes entries show what is mounted on them: everything but the name is then of the file mounted there. Unless that is
 * a union which the entry itself is in. Entries that no longer fit go to c.dirrock, for the next read.
 */
async function mountfix(up: Proc, c: Chan, data: Uint8Array, maxn: number): Promise<Uint8Array> {
  if (up.pgrp === undefined || up.pgrp.mnthash.size === 0) return data
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let out: Uint8Array[] | undefined
  for (let p = 0; p + 2 < data.length; ) {
    const len = 2 + view.getUint16(p, true)
    if (p + len > data.length) break
    const path = view.getBigUint64(p + 13, true)
    let rec: Uint8Array | undefined
    if (up.pgrp?.mnthash.has(path)) {
      const d = convM2D(data.subarray(p, p + len))
      const dev = up.k.devtab.get(String.fromCodePoint(d.type))
      const found = dev && findmount(up, dev, d.dev, d.qid)
      if (found && !found.mh.mount.some(m => m.to.type === dev && m.to.dev === d.dev && m.to.qid.path === path)) {
        const { to } = found
        to.ref++
        rec = await holding(to, async () => dirsetname(await to.type.stat(up, to), d.name)).catch(e => {
          if (!(e instanceof PlanError)) throw e
          return undefined
        })
      }
    }
    if (rec && !out) {
      out = []
      if (p > 0) out.push(data.subarray(0, p))
    }
    out?.push(rec ?? data.subarray(p, p + len))
    p += len
  }
  if (!out) return data
  let n = 0
  const fit = out.findIndex(b => (n += b.length) > maxn)
  if (fit >= 0) c.dirrock.push(...out.splice(fit).flatMap(records))
  return concat(out)
}

/** Stat records, apart. */
function records(data: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = []
  for (let p = 0; p + 2 <= data.length; ) {
    const len = 2 + (data[p]! | (data[p + 1]! << 8))
    out.push(data.subarray(p, p + len))
    p += len
  }
  return out
}

/** The read of a directory: offsets go on from the last one, or are 0. */
async function dirread(up: Proc, c: Chan, n: number, off: number): Promise<Uint8Array> {
  if (off === 0) {
    c.offset = c.devoffset = 0
    c.uri = c.dri = 0
    c.dirrock = []
    if (c.umc) cclose(c.umc)
    c.umc = undefined
  }
  let fixed: Uint8Array
  if (c.dirrock.length > 0) {
    let m = 0
    const fit = c.dirrock.findIndex(b => (m += b.length) > n)
    fixed = fit === 0 ? new Uint8Array(0) : concat(c.dirrock.splice(0, fit < 0 ? c.dirrock.length : fit))
  } else {
    if (!c.umh && off !== c.offset) throw new PlanError(Edirseek)
    const raw = c.umh ? await unionread(up, c, n) : await c.type.read(up, c, n, c.devoffset)
    c.devoffset += raw.length
    fixed = await mountfix(up, c, raw, n)
  }
  c.offset += fixed.length
  return fixed
}

/** Reads from an open Chan that the caller holds. */
export function chanread(up: Proc, c: Chan, n: number, offset: number): Await<Uint8Array> {
  if (offset < 0) throw new PlanError(Enegoff)
  return c.qid.type & QTDIR ? dirread(up, c, n, offset) : c.type.read(up, c, n, offset)
}

export function sysread(up: Proc, fd: number, n: number, offset?: number): Await<Uint8Array> {
  const c = fdtochan(up, fd, OREAD, true)
  if (!(n >= 0)) throw new PlanError(Ebadarg)
  const off = offset ?? c.offset
  if (c.qid.type & QTDIR) {
    c.ref++
    return holding(c, () => chanread(up, c, n, off))
  }
  if (off < 0) throw new PlanError(Enegoff)
  c.ref++
  let r: Await<Uint8Array>
  try {
    r = c.type.read(up, c, n, off)
  } catch (e) {
    cclose(c)
    throw e
  }
  if (r instanceof Promise) return readlater(c, r, offset === undefined)
  cclose(c)
  if (offset === undefined) c.offset += r.length
  return r
}

async function readlater(c: Chan, r: Promise<Uint8Array>, move: boolean): Promise<Uint8Array> {
  try {
    const data = await r
    if (move) c.offset += data.length
    return data
  } finally {
    cclose(c)
  }
}

export async function syswrite(up: Proc, fd: number, data: Uint8Array, offset?: number): Promise<number> {
  const c = fdtochan(up, fd, OWRITE, true)
  if (c.qid.type & QTDIR) throw new PlanError(Eisdir)
  const off = offset ?? c.offset
  if (off < 0) throw new PlanError(Enegoff)
  // The fd's offset moves at once, so that writes alongside land behind each other; what was not written is taken back.
  const move = offset === undefined
  if (move) c.offset += data.length
  let m = 0
  c.ref++
  try {
    m = await c.type.write(up, c, data, off)
    return m
  } finally {
    if (move) c.offset -= data.length - m
    cclose(c)
  }
}

export async function sysseek(up: Proc, fd: number, o: number, whence: number): Promise<number> {
  const c = fdtochan(up, fd, -1, true)
  if (c.type.dc === '|') throw new PlanError(Eisstream)
  const isdir = (c.qid.type & QTDIR) !== 0
  if (isdir && (whence !== 0 || o !== 0)) throw new PlanError(Eisdir)
  let off = o
  if (whence === 1) off += c.offset
  else if (whence === 2) {
    c.ref++
    off += Number((await holding(c, () => c.type.stat(up, c))).length)
  } else if (whence !== 0) throw new PlanError(Ebadarg)
  if (!(off >= 0)) throw new PlanError(Enegoff)
  c.offset = off
  c.uri = c.dri = 0
  return off
}

/** A file's name is the one it was reached by. */
export async function chanstat(up: Proc, c: Chan): Promise<Dir> {
  const d = await c.type.stat(up, c)
  const s = chanpath(c)
  const name = s === '/' ? s : s.slice(s.lastIndexOf('/') + 1)
  return name === '' ? d : { ...d, name }
}

export async function sysstat(up: Proc, name: string): Promise<Dir> {
  return holding(await namec(up, name, Aaccess), c => chanstat(up, c))
}

export function sysfstat(up: Proc, fd: number): Promise<Dir> {
  const c = fdtochan(up, fd, -1, false)
  c.ref++
  return holding(c, () => chanstat(up, c))
}

export function chanwstat(up: Proc, c: Chan, dir: Partial<Dir>): Await<void> {
  if (dir.name) {
    if (dir.name !== '/') validname(dir.name, false)
    if (c.ismtpt) throw namelenerror(chanpath(c), Eismtpt)
  }
  return c.type.wstat(up, c, dir)
}

export async function syswstat(up: Proc, name: string, dir: Partial<Dir>): Promise<void> {
  return holding(await namec(up, name, Aaccess), c => chanwstat(up, c, dir))
}

export function sysfwstat(up: Proc, fd: number, dir: Partial<Dir>): Promise<void> {
  const c = fdtochan(up, fd, -1, true)
  c.ref++
  return holding(c, () => chanwstat(up, c, dir))
}

/** Removes the file of c, and c with it. Takes over the caller's reference. */
export async function chanremove(up: Proc, c: Chan): Promise<void> {
  if (c.ismtpt) {
    cclose(c)
    throw new PlanError(Eismtpt)
  }
  try {
    await c.type.remove(up, c)
  } finally {
    c.ref = 0
    chanfree(c)
  }
}

export async function sysremove(up: Proc, name: string): Promise<void> {
  return chanremove(up, await namec(up, name, Aremove))
}

export async function syschdir(up: Proc, name: string): Promise<void> {
  const c = await namec(up, name, Atodir)
  const old = up.dot
  up.dot = c
  if (old) cclose(old)
}

function checkflag(flag: number): void {
  if (flag & ~MMASK || (flag & MORDER) === (MBEFORE | MAFTER)) throw new PlanError(Ebadarg)
}

export async function sysbind(up: Proc, newname: string, old: string, flag: number): Promise<number> {
  checkflag(flag)
  return holding(await namec(up, newname, Abind), c0 => upon(up, c0, old, flag, ''))
}

async function upon(up: Proc, c0: Chan, old: string, flag: number, spec: string): Promise<number> {
  return holding(await namec(up, old, Amount), c1 => cmount(up, c0, c1, flag, spec))
}

export async function sysmount(
  up: Proc,
  fd: number,
  afd: number,
  old: string,
  flag: number,
  aname: string,
): Promise<number> {
  checkflag(flag)
  validname(aname, true)
  if (up.pgrp!.notallowed.has('M')) throw new PlanError(Enoattach)
  const bc = fdtochan(up, fd, ORDWR, false)
  const ac = afd >= 0 ? fdtochan(up, afd, ORDWR, false) : undefined
  bc.ref++
  const c0 = await holding(bc, () => mntattach(up, bc, ac, aname, flag & MCACHE))
  const id = await holding(c0, () => upon(up, c0, old, flag, aname))
  await fdclose(up, fd)
  return id
}

export async function sysunmount(up: Proc, name: string | undefined, old: string): Promise<void> {
  const mnt = await namec(up, old, Amount)
  await holding(mnt, async () => {
    if (name === undefined) return cunmount(up, mnt)
    return holding(await namec(up, name, Aunmount, OREAD), mounted => cunmount(up, mnt, mounted))
  })
}
