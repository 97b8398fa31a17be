import { DMDIR, OREAD, OTRUNC, QTDIR } from '../9p/const.ts'
import { Ebadarg, Eexist, Eiotoobig, Enomem, Enonexist, Eperm, PlanError } from '../error.ts'
import { type Devgen, devattach, devdir, devdirread, devstat, devwalk, mkqid, opened } from './dev.ts'
import { type Chan, COPEN, CRCLOSE, type Dev, Egrp, type Evalue, type Proc } from './portdat.ts'

/** env(3): the environment group as files. A Chan that is open stays with the group that it was opened in. */

const Maxenvsize = 1024 * 1024
const Maxvalsize = Maxenvsize / 2

let envpath = 0n
const empty = new Uint8Array(0)

function grp(up: Proc, c: Chan): Egrp {
  const eg = (c.aux as Egrp | undefined) ?? up.egrp
  if (!eg) throw new PlanError(Enonexist)
  return eg
}

function writable(up: Proc, c: Chan): boolean {
  return c.aux === undefined || c.aux === up.egrp || up.user === up.k.eve
}

function value(up: Proc, c: Chan): Evalue {
  const e = grp(up, c).bypath.get(c.qid.path)
  if (!e) throw new PlanError(Enonexist)
  return e
}

function remove(eg: Egrp, e: Evalue): void {
  if (eg.bypath.get(e.path) !== e) throw new PlanError(Enonexist)
  eg.ent.delete(e.name)
  eg.bypath.delete(e.path)
  eg.alloc -= e.len
  eg.vers++
}

function add(eg: Egrp, name: string, v: Uint8Array): Evalue {
  const e: Evalue = { name, path: ++envpath, vers: 0, value: v, len: v.length }
  eg.ent.set(name, e)
  eg.bypath.set(e.path, e)
  eg.alloc += e.len
  eg.vers++
  return e
}

/** Sets a variable, for the kernel. */
export function ksetenv(eg: Egrp, name: string, v: string | string[]): void {
  const text = typeof v === 'string' ? v : v.map(s => `${s}\0`).join('')
  const old = eg.ent.get(name)
  if (old) remove(eg, old)
  add(eg, name, new TextEncoder().encode(text))
}

/** Copies a group. Values are copied when they are written, since a write never changes one in place. */
export function envcpy(to: Egrp, from: Egrp): void {
  for (const e of from.ent.values()) add(to, e.name, e.value.subarray(0, e.len))
}

/** The names of the open directory, as of its first read: variables come and go while it is read. */
const gen: Devgen = (up, c, name, s) => {
  const eg = grp(up, c)
  if (s < 0) return devdir(up, c, mkqid(0, QTDIR), '#e', 0, up.k.eve, DMDIR | 0o775)
  let e: Evalue | undefined
  if (!(c.qid.type & QTDIR)) e = s === 0 ? eg.bypath.get(c.qid.path) : undefined
  else if (name !== undefined) e = s === 0 ? eg.ent.get(name) : undefined
  else {
    if (s === 0) listing.set(c, [...eg.ent.keys()])
    const next = (listing.get(c) ?? [...eg.ent.keys()])[s]
    if (next === undefined) return null
    e = eg.ent.get(next)
    if (!e) return undefined
  }
  return e ? devdir(up, c, mkqid(e.path, 0, e.vers), e.name, e.len, up.k.eve, eg === up.egrp ? 0o666 : 0o664) : null
}
const listing = new WeakMap<Chan, string[]>()

const conf = new Egrp()

export const envdev: Dev = {
  dc: 'e',
  name: 'env',
  attach(_up, spec) {
    if (spec !== '' && spec !== 'c') throw new PlanError(Ebadarg)
    const c = devattach(envdev, spec)
    if (spec === 'c') c.aux = conf
    return c
  },
  walk: (up, c, names) => devwalk(up, c, names, gen),
  stat: (up, c) => devstat(up, c, gen),
  open(up, c, omode) {
    const eg = grp(up, c)
    if (c.qid.type & QTDIR) {
      if (omode !== OREAD) throw new PlanError(Eperm)
    } else {
      if (omode !== OREAD && !writable(up, c)) throw new PlanError(Eperm)
      const e = value(up, c)
      if (omode & OTRUNC && e.len > 0) {
        eg.alloc -= e.len
        e.value = empty
        e.len = 0
        e.vers++
      }
    }
    c.aux = eg
    return opened(c, omode)
  },
  create(up, c, name, omode) {
    if (!(c.qid.type & QTDIR) || !writable(up, c)) throw new PlanError(Eperm)
    const eg = grp(up, c)
    if (eg.ent.has(name)) throw new PlanError(Eexist)
    c.qid = mkqid(add(eg, name, empty).path)
    c.aux = eg
    return opened(c, omode)
  },
  close(c) {
    if (!(c.flag & COPEN && c.flag & CRCLOSE)) return
    const eg = c.aux as Egrp
    const e = eg.bypath.get(c.qid.path)
    if (e) remove(eg, e)
  },
  read(up, c, n, offset) {
    if (c.qid.type & QTDIR) return devdirread(up, c, n, gen)
    const e = value(up, c)
    return e.value.slice(offset, Math.min(offset + n, e.len))
  },
  write(up, c, data, offset) {
    const eg = grp(up, c)
    const e = value(up, c)
    if (offset + data.length > Maxvalsize) throw new PlanError(Eiotoobig)
    const len = Math.max(e.len, offset + data.length)
    if (eg.alloc + len - e.len > Maxenvsize) throw new PlanError(Enomem)
    const v = new Uint8Array(len)
    v.set(e.value.subarray(0, e.len))
    v.set(data, offset)
    eg.alloc += len - e.len
    e.value = v
    e.len = len
    e.vers++
    eg.vers++
    return data.length
  },
  remove(up, c) {
    if (c.qid.type & QTDIR || !writable(up, c)) throw new PlanError(Eperm)
    remove(grp(up, c), value(up, c))
  },
  wstat() {
    throw new PlanError(Eperm)
  },
}
