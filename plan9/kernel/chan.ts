import { DMDIR, MAXWELEM, OCEXEC, OEXCL, OEXEC, ORCLOSE, OTRUNC, QTAUTH, QTDIR, QTEXCL, QTMOUNT } from '../9p/const.ts'
import type { Qid } from '../9p/dir.ts'
import {
  Ebadarg,
  Ebadchar,
  Ebadsharp,
  Eexist,
  Efilename,
  Eintr,
  Emount,
  Emountnocreate,
  Enoattach,
  Enonexist,
  Enotdir,
  Eprocdied,
  ERRMAX,
  Etoolong,
  Eunion,
  Eunmount,
  PlanError,
} from '../error.ts'
import { cleanname, forcequote, quote, utfcut } from './parse.ts'
import { nextmount } from './pgrp.ts'
import {
  Aaccess,
  Abind,
  Acreate,
  type Amode,
  Amount,
  Aopen,
  Aremove,
  Atodir,
  Aunmount,
  type Chan,
  COPEN,
  CRCLOSE,
  type Dev,
  Mhead,
  MORDER,
  type Mount,
  Path,
  type Proc,
  type Walkqid,
} from './portdat.ts'
import { MAFTER, MCREATE, MREPL } from './sys.ts'

export function chanpath(c: Chan): string {
  return c.path?.s ?? ''
}

/** Drops a reference; the last one closes. Resolves when the device has closed it. Never rejects: a close cannot fail. */
export function cclose(c: Chan): void | Promise<void> {
  if (--c.ref > 0) return
  if (c.ref < 0) throw new Error(`cclose: ${chanpath(c)} closed already`)
  // A fid that was only walked to holds nothing up: its clunk is sent, and not waited for.
  const later = c.type.dc === 'M' && !(c.flag & COPEN) && !(c.qid.type & (QTEXCL | QTMOUNT | QTAUTH))
  const r = devclose(c)
  if (!later) return r
}

function devclose(c: Chan): void | Promise<void> {
  let r: void | Promise<void>
  try {
    r = c.type.close(c)
  } catch {
    r = undefined
  }
  if (r === undefined) return chanfree(c)
  return r.then(
    () => chanfree(c),
    () => chanfree(c),
  )
}

/** Lets go of what c holds, but for the device's part. */
export function chanfree(c: Chan): void {
  c.dirrock = []
  putmhead(c.umh)
  c.umh = undefined
  if (c.umc) cclose(c.umc)
  c.umc = undefined
  c.mux?.close()
  c.mux = undefined
  if (c.mchan) cclose(c.mchan)
  c.mchan = undefined
  pathclose(c.path)
  c.path = undefined
}

export function pathclose(p: Path | undefined): void {
  if (p === undefined || --p.ref > 0) return
  if (p.mtpt) cclose(p.mtpt)
  pathclose(p.parent)
}

/** p with one more element (for `..`, one less). Takes over the caller's reference to p. */
export function addelem(p: Path, s: string, from?: Chan): Path {
  if (s === '.') return p
  let np: Path
  if (s === '..') {
    const up = p.parent
    np = new Path(fixdotdot(p.s), up?.parent, up?.mtpt)
  } else np = new Path(p.s.endsWith('/') ? p.s + s : `${p.s}/${s}`, p, from)
  pathclose(p)
  return np
}

/** The name of the parent: of #c/cons it is #c, but of #/x it is #/. */
function fixdotdot(s: string): string {
  if (!s.startsWith('#')) return cleanname(`${s}/..`)
  const slash = s.indexOf('/', 1)
  if (slash < 0) return s
  const r = cleanname(`${s.slice(slash)}/..`)
  return r === '/' && s[1] !== '/' ? s.slice(0, slash) : s.slice(0, slash) + r
}

/** p, or a copy that nobody else sees. Takes over the caller's reference. */
function uniquepath(p: Path): Path {
  if (p.ref === 1) return p
  const np = new Path(p.s, p.parent, p.mtpt)
  pathclose(p)
  return np
}

export function eqchan(a: Chan, type: Dev, dev: number, path: bigint): boolean {
  return a.qid.path === path && a.type === type && a.dev === dev
}

function samechan(a: Chan, b: Chan): boolean {
  return eqchan(a, b.type, b.dev, b.qid.path)
}

/** Another Chan in the same place, not open. */
export async function cclone(up: Proc, c: Chan): Promise<Chan> {
  const { clone } = await c.type.walk(up, c, [])
  if (!clone) throw new PlanError('clone failed')
  setpath(clone, c.path)
  return clone
}

function setpath(c: Chan, p: Path | undefined): void {
  if (p) p.ref++
  pathclose(c.path)
  c.path = p
}

/** c, or a clone when c has other users. Takes over the caller's reference, also when it fails. */
async function cunique(up: Proc, c: Chan): Promise<Chan> {
  if (c.ref === 1) return c
  try {
    return await cclone(up, c)
  } finally {
    cclose(c)
  }
}

export function putmhead(mh: Mhead | undefined): void {
  if (mh && --mh.ref === 0) cclose(mh.from)
}

export function newmount(to: Chan, mflag: number, spec = ''): Mount {
  to.ref++
  return { mountid: nextmount(), to, mflag, spec }
}

export function cmountfree(list: readonly Mount[]): void {
  for (const m of list) cclose(m.to)
}

function mhead(up: Proc, type: Dev, dev: number, path: bigint): Mhead | undefined {
  const heads = up.pgrp!.mnthash.get(path)
  return heads?.find(mh => eqchan(mh.from, type, dev, path))
}

/**
 * Puts c (new) onto old in up's name space. Consumes no references. Returns the mount id.
 *
 * @throws PlanError Emount for a file upon a directory, a union of files, a create into a bound union
 */
export function cmount(up: Proc, c: Chan, old: Chan, flag: number, spec: string): number {
  if ((old.qid.type ^ c.qid.type) & QTDIR) throw new PlanError(Emount)
  const order = flag & MORDER
  if (!(old.qid.type & QTDIR) && order !== MREPL) throw new PlanError(Emount)
  const um = c.umh?.mount ?? []
  // Whether files are made in a union is up to its members: a bound union takes no MCREATE of its own,
  // unless it is one mount alone, or its first member allows creation.
  if (um.length > 0 && flag & MCREATE && (um.length > 1 || !(um[0]!.mflag & MCREATE))) throw new PlanError(Emount)

  const nm = newmount(c, flag, spec)
  const added = [nm, ...um.slice(1).map(m => newmount(m.to, order === MREPL ? MAFTER : order, m.spec))]
  const { mnthash } = up.pgrp!
  let mh = mhead(up, old.type, old.dev, old.qid.path)
  if (!mh) {
    mh = new Mhead(old)
    if (order !== MREPL) mh.mount = [newmount(old, 0)]
    const heads = mnthash.get(old.qid.path)
    if (heads) heads.push(mh)
    else mnthash.set(old.qid.path, [mh])
  }
  const was = mh.mount
  if (order === MREPL) {
    mh.mount = added
    cmountfree(was)
  } else mh.mount = order === MAFTER ? [...was, ...added] : [...added, ...was]
  return nm.mountid
}

/** Takes mounted, or everything, off mnt. @throws PlanError Eunmount, Eunion */
export function cunmount(up: Proc, mnt: Chan, mounted?: Chan): void {
  const mh = mhead(up, mnt.type, mnt.dev, mnt.qid.path)
  if (!mh) throw new PlanError(Eunmount)
  let gone: readonly Mount[] = mh.mount
  if (mounted) {
    const m = gone.find(f => samechan(f.to, mounted) || (f.to.mchan && samechan(f.to.mchan, mounted)))
    if (!m) throw new PlanError(Eunion)
    mh.mount = gone.filter(f => f !== m)
    gone = [m]
  } else mh.mount = []
  if (mh.mount.length === 0) {
    const { mnthash } = up.pgrp!
    const rest = mnthash.get(mnt.qid.path)!.filter(h => h !== mh)
    if (rest.length > 0) mnthash.set(mnt.qid.path, rest)
    else mnthash.delete(mnt.qid.path)
    cmountfree(gone)
    putmhead(mh)
  } else cmountfree(gone)
}

/** What is mounted on a place: the head, and its first member; neither is the caller's until increfed. */
export function findmount(up: Proc, type: Dev, dev: number, qid: Qid): { mh: Mhead; to: Chan } | undefined {
  if (!up.pgrp) throw new PlanError(Eprocdied)
  if (up.pgrp.mnthash.size === 0) return undefined
  const mh = mhead(up, type, dev, qid.path)
  const to = mh?.mount[0]?.to
  return mh && to && { mh, to }
}

/** References held by a walk under way; `drop` undoes it whole. */
interface Walking {
  c: Chan
  path: Path
  mh: Mhead | undefined
}

function drop(w: Walking): void {
  cclose(w.c)
  pathclose(w.path)
  putmhead(w.mh)
}

/** Steps onto what is mounted on w.c, if anything is. */
function domount(up: Proc, w: Walking): boolean {
  const found = findmount(up, w.c.type, w.c.dev, w.c.qid)
  if (!found) return false
  const { mh, to } = found
  mh.ref++
  to.ref++
  putmhead(w.mh)
  cclose(w.c)
  w.mh = mh
  w.c = to
  w.path = uniquepath(w.path)
  mh.from.ref++
  if (w.path.mtpt) cclose(w.path.mtpt)
  w.path.mtpt = mh.from
  return true
}

/** How far a walk got: names to show in the error message. */
class Walkerror extends PlanError {
  readonly nerror: number
  constructor(message: string, nerror: number) {
    super(message)
    this.nerror = nerror
  }
}

/**
 * Walks names from c, crossing mount points and trying each member of a union in order.
 * All the way or not at all: on error c is untouched. Consumes no reference to c. The result is nobody else's, its path set.
 *
 * May await a file server between names; the name space may change meanwhile, and the walk then sees the new one.
 *
 * Invariant of the loop: w.path is the full name of w.c. When didmount, w.c is already on top of what is mounted there.
 */
export async function walk(up: Proc, c: Chan, names: string[], nomount: boolean): Promise<Chan> {
  c.ref++
  c.path!.ref++
  const w: Walking = { c, path: c.path!, mh: undefined }
  try {
    let didmount = false
    let n: number
    for (let nhave = 0; nhave < names.length; nhave += n) {
      if (!(w.c.qid.type & QTDIR)) throw new Walkerror(Enotdir, nhave)
      const dotdot = names[nhave] === '..'
      const stop = names.indexOf('..', nhave)
      let ntry = Math.min(names.length - nhave, MAXWELEM)
      if (dotdot) ntry = 1
      else if (stop >= 0) ntry = Math.min(ntry, stop - nhave)
      const elems = names.slice(nhave, nhave + ntry)

      if (!dotdot && !nomount && !didmount) domount(up, w)
      const { wq, type, dev } = await unionwalk(up, w, elems, nomount, nhave)

      didmount = false
      if (dotdot) {
        n = 1
        w.path = uniquepath(addelem(w.path, '..'))
        cclose(w.c)
        w.c = wq.clone!
        const from = w.path.mtpt
        if (from) {
          // The name came from a mount point: go on beneath it. The path's reference becomes ours.
          cclose(w.c)
          w.path.mtpt = undefined
          w.c = from
        }
        putmhead(w.mh)
        w.mh = undefined
        continue
      }

      let found: { mh: Mhead; to: Chan } | undefined
      let i = 0
      if (!nomount)
        for (; i < wq.qid.length && i < ntry - 1; i++) {
          found = findmount(up, type, dev, wq.qid[i]!)
          if (found) break
        }
      let nc: Chan
      let mh: Mhead | undefined
      if (found) {
        if (wq.clone) cclose(wq.clone)
        mh = found.mh
        nc = found.to
        mh.ref++
        nc.ref++
        didmount = true
        n = i + 1
      } else {
        const last = wq.qid.at(-1)
        if (!wq.clone) {
          if (!last || last.type & QTDIR) throw new Walkerror(Enonexist, nhave + wq.qid.length + 1)
          throw new Walkerror(Enotdir, nhave + wq.qid.length)
        }
        nc = wq.clone
        n = wq.qid.length
      }
      for (let j = 0; j < n; j++) w.path = addelem(w.path, elems[j]!, j === n - 1 ? mh?.from : undefined)
      cclose(w.c)
      putmhead(w.mh)
      w.c = nc
      w.mh = mh
    }
    w.c = await cuniquewalk(up, w)
  } catch (e) {
    drop(w)
    throw e
  }
  putmhead(w.mh)
  pathclose(w.c.path)
  w.c.path = w.path
  return w.c
}

/** cunique of a walk's chan, whose reference stays the walk's when it fails. */
async function cuniquewalk(up: Proc, w: Walking): Promise<Chan> {
  if (w.c.ref === 1) return w.c
  const nc = await cclone(up, w.c)
  cclose(w.c)
  return nc
}

/** One walk message, to w.c or, where that fails, to the other members of the union that it is the first of. */
async function unionwalk(
  up: Proc,
  w: Walking,
  elems: string[],
  nomount: boolean,
  nhave: number,
): Promise<{ wq: Walkqid; type: Dev; dev: number }> {
  const { c } = w
  try {
    return { wq: await c.type.walk(up, c, elems), type: c.type, dev: c.dev }
  } catch (e) {
    if (!(e instanceof PlanError) || e.message === Eintr) throw e
    if (w.mh && !nomount)
      for (const { to } of w.mh.mount.slice(1)) {
        to.ref++
        try {
          return { wq: await to.type.walk(up, to, elems), type: to.type, dev: to.dev }
        } catch (e1) {
          if (!(e1 instanceof PlanError) || e1.message === Eintr) throw e1
        } finally {
          cclose(to)
        }
      }
    throw new Walkerror(e.message, nhave + 1)
  }
}

/** A clone of the first member of the union that takes new files. @throws PlanError Emountnocreate */
async function createdir(up: Proc, mh: Mhead): Promise<Chan> {
  const m = mh.mount.find(f => f.mflag & MCREATE)
  if (!m) throw new PlanError(Emountnocreate)
  m.to.ref++
  return cunique(up, m.to)
}

/** @throws PlanError Etoolong; Ebadchar for control characters, and slashes where they are no separators */
export function validname(name: string, slashok: boolean): void {
  if (name.length >= 1 << 16) throw new PlanError(Etoolong)
  for (let i = 0; i < name.length; i++) {
    const ch = name.charCodeAt(i)
    if (ch < 0x20 || ch === 0x7f || (ch === 0x2f && !slashok)) throw new PlanError(`${Ebadchar}: ${quote(name)}`)
  }
}

interface Elemlist {
  elems: string[]
  /** Where in the whole name each element ends; off[0] is where the first begins. */
  off: number[]
  /** The name ends in a slash, or in a dot. */
  mustbedir: boolean
}

function parsename(name: string, prefix: number): Elemlist {
  const e: Elemlist = { elems: [], off: [prefix], mustbedir: true }
  let i = prefix
  for (;;) {
    while (name[i] === '/' || (name[i] === '.' && (i + 1 === name.length || name[i + 1] === '/'))) i++
    if (i >= name.length) {
      if (e.elems.length > 0) e.off[e.elems.length] = name.length
      return e
    }
    let end = name.indexOf('/', i)
    if (end < 0) end = name.length
    e.elems.push(name.slice(i, end))
    e.off.push(end)
    if (end === name.length) {
      e.mustbedir = false
      return e
    }
    i = end
  }
}

/** The error with the name that it is about; of a long name the end. */
export function namelenerror(name: string, err: string): PlanError {
  let show = name
  if (name.length >= ERRMAX / 3 && name.length + err.length >= (2 * ERRMAX) / 3) {
    let at = name.length
    for (;;) {
      const slash = name.lastIndexOf('/', at - 1)
      const len = name.length - slash
      if (slash < 0 || (len >= ERRMAX / 3 && len + err.length >= (2 * ERRMAX) / 3)) break
      at = slash
    }
    if (at === name.length) at = name.length - ERRMAX / 4
    show = `...${name.slice(at)}`
  }
  return new PlanError(utfcut(`${err}: ${forcequote(show)}`, ERRMAX - 1))
}

/** The last element of a name, which exec makes the process's name. */
export function lastelem(name: string): string {
  const start = name.startsWith('#') ? name.indexOf('/', 2) : 0
  return start < 0 ? '.' : (parsename(name, start).elems.at(-1) ?? '.')
}

/**
 * Turns a name into a Chan. With Aopen, Acreate, Aremove and Aaccess the result is the only one with its fid, and
 * carries the name it was reached by.
 *
 * @throws PlanError with the part of the name that is to blame: `file does not exist: '/a/b'`. Eintr comes bare.
 */
export async function namec(up: Proc, aname: string, amode: Amode, omode = 0, perm = 0): Promise<Chan> {
  if (aname === '') throw new PlanError('empty file name')
  validname(aname, true)
  // Unmounting a device from a union is allowed where attaching it is not.
  const devunmount = amode === Aunmount && aname[0] === '#' && [...aname].length === 2
  const mode = amode === Aunmount ? Aopen : amode

  let nomount = false
  let prefix = 0
  let c: Chan
  if (aname[0] === '#') {
    nomount = true
    const slash = aname.indexOf('/', 2)
    prefix = slash < 0 ? aname.length : slash
    const dc = String.fromCodePoint(aname.codePointAt(1) ?? 0)
    if (prefix > ERRMAX) throw new PlanError(Efilename)
    const dev = up.k.devtab.get(dc)
    if (!dev) throw new PlanError(Ebadsharp)
    if (!up.pgrp) throw new PlanError(Eprocdied)
    if (!devunmount && up.pgrp.notallowed.has(dc)) throw new PlanError(Enoattach)
    c = await dev.attach(up, aname.slice(1 + dc.length, prefix))
  } else {
    const start = aname[0] === '/' ? up.slash : up.dot
    if (!start) throw new PlanError(Eprocdied)
    c = start
    c.ref++
  }

  const e = parsename(aname, prefix)
  const at: At = { c, nerror: 0 }
  try {
    await nameto(up, at, e, mode, omode, perm, nomount)
    return at.c
  } catch (err) {
    if (at.c.ref > 0) cclose(at.c)
    if (err instanceof Walkerror) at.nerror = err.nerror
    if (!(err instanceof PlanError) || at.nerror === 0 || err.message === Eintr) throw err
    throw namelenerror(aname.slice(0, e.off[at.nerror]), err.message)
  }
}

/** Where a name has got to: at.c's reference is namec's. */
interface At {
  c: Chan
  nerror: number
}

async function step(up: Proc, at: At, names: string[], nomount: boolean): Promise<void> {
  const nc = await walk(up, at.c, names, nomount)
  cclose(at.c)
  at.c = nc
}

async function nameto(
  up: Proc,
  at: At,
  e: Elemlist,
  amode: Amode,
  omode: number,
  perm: number,
  nomount: boolean,
): Promise<void> {
  const { elems } = e
  let nelems = elems.length
  if (amode === Acreate) {
    if (e.mustbedir && !(perm & DMDIR)) {
      at.nerror = nelems
      throw new PlanError('create without DMDIR')
    }
    if (nelems === 0) throw new PlanError(Eexist)
    nelems--
  }
  if (nelems > 0 || at.c.ref > 1) await step(up, at, elems.slice(0, nelems), nomount)
  at.nerror = nelems
  const isdir = (at.c.qid.type & QTDIR) !== 0
  if (amode !== Acreate && e.mustbedir && !isdir) throw new PlanError(Enotdir)
  if (amode === Aopen && (omode & 3) === OEXEC && isdir) throw new PlanError('cannot exec directory')

  switch (amode) {
    case Abind: {
      const w: Walking = { c: at.c, path: at.c.path!, mh: undefined }
      w.path.ref++
      try {
        if (!nomount) domount(up, w)
        at.c = w.c = await cuniquewalk(up, w)
        at.c.umh = w.mh
      } catch (err) {
        at.c = w.c
        putmhead(w.mh)
        throw err
      } finally {
        pathclose(w.path)
      }
      return
    }
    case Aaccess:
    case Aremove:
    case Aopen:
      return place(up, at, amode, omode, nomount)
    case Atodir:
      // A directory is left beneath what is mounted on it, so that one may mount on . and see the effect.
      if (!isdir) throw new PlanError(Enotdir)
      return
    case Amount:
      // As is: the next mount on a mount point goes with the first, onto the original.
      return
    case Acreate:
      at.nerror++
      return create(up, at, elems.at(-1)!, omode, perm, nomount)
    default:
      throw new PlanError(Ebadarg)
  }
}

/** Goes onto what is mounted, makes at.c our own, keeps its name, and opens it when amode says so. */
async function place(up: Proc, at: At, amode: Amode, omode: number, nomount: boolean): Promise<void> {
  const w: Walking = { c: at.c, path: at.c.path!, mh: undefined }
  w.path.ref++
  try {
    if (!nomount) domount(up, w)
    w.c = await cuniquewalk(up, w)
  } catch (err) {
    at.c = w.c
    pathclose(w.path)
    putmhead(w.mh)
    throw err
  }
  const c = (at.c = w.c)
  pathclose(c.path)
  c.path = w.path
  c.ismtpt = w.mh !== undefined
  if (amode === Aopen && w.mh && w.mh.mount.length > 1) c.umh = w.mh
  else putmhead(w.mh)
  if (amode !== Aopen) return
  at.c = await c.type.open(up, c, omode & ~OCEXEC)
  if (omode & ORCLOSE) at.c.flag |= CRCLOSE
}

/**
 * For a file server on a name space: goes onto what is mounted on c, as a name's last step does, and opens it when told
 * to. The result is nobody else's. Consumes no reference.
 */
export async function chanplace(up: Proc, c: Chan, amode: Amode, omode = 0): Promise<Chan> {
  const at: At = { c, nerror: 0 }
  c.ref++
  try {
    await place(up, at, amode, omode, false)
    return at.c
  } catch (e) {
    cclose(at.c)
    throw e
  }
}

/** create(5) in the directory c, in the member of a union that takes files. Consumes no reference. */
export async function chancreate(up: Proc, c: Chan, name: string, omode: number, perm: number): Promise<Chan> {
  const at: At = { c, nerror: 0 }
  c.ref++
  try {
    await create(up, at, name, omode | OEXCL, perm, false)
    return at.c
  } catch (e) {
    cclose(at.c)
    throw e
  }
}

/**
 * create(2): the file is opened with truncation where it exists. create(5) fails then; so when two processes create one
 * file at once, the one whose message fails walks again, and opens what the other made.
 */
async function create(up: Proc, at: At, name: string, omode: number, perm: number, nomount: boolean): Promise<void> {
  const walked = await walk(up, at.c, [name], nomount).catch(err => {
    if (!(err instanceof PlanError) || err.message === Eintr) throw err
  })
  if (walked) {
    cclose(at.c)
    at.c = walked
    if (omode & OEXCL) throw new PlanError(Eexist)
    return place(up, at, Aopen, omode | OTRUNC, nomount)
  }
  let cnew: Chan | undefined
  let mh: Mhead | undefined
  try {
    const found = nomount ? undefined : findmount(up, at.c.type, at.c.dev, at.c.qid)
    if (found) {
      mh = found.mh
      mh.ref++
      cnew = await createdir(up, mh)
    } else cnew = await cclone(up, at.c)
    setpath(cnew, at.c.path)
    const made = await cnew.type.create(up, cnew, name, omode & ~(OEXCL | OCEXEC), perm)
    cnew = undefined
    if (omode & ORCLOSE) made.flag |= CRCLOSE
    cclose(at.c)
    at.c = made
    made.path = addelem(made.path!, name)
  } catch (err) {
    if (cnew) cclose(cnew)
    if (!(err instanceof PlanError) || err.message === Eintr || omode & OEXCL) throw err
    const again = await walk(up, at.c, [name], nomount).catch(() => {
      throw err
    })
    cclose(at.c)
    at.c = again
    return place(up, at, Aopen, omode | OTRUNC, nomount)
  } finally {
    putmhead(mh)
  }
}
