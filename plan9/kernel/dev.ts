import { DMDIR, DMMOUNT, OCEXEC, OEXEC, ORCLOSE, OREAD, OTRUNC, QTDIR, QTFILE, QTMOUNT } from '../9p/const.ts'
import type { Dir, Qid } from '../9p/dir.ts'
import { convD2M } from '../9p/dir.ts'
import { Ebadarg, Enonexist, Enotdir, Eperm, Eshort, PlanError } from '../error.ts'
import { Chan, CMSG, COPEN, type Dev, type Dirtab, NUMSIZE, Path, type Proc, type Walkqid } from './portdat.ts'

/** What the simple devices share, from dev.c: a device of theirs is a table of files, or a function that makes entries. */

export const DEVDOTDOT = -1

/**
 * The s'th entry of the directory c (or, c being a file, of the one that it is in); with a name, the device may go to it
 * straight. `undefined` is a hole, `null` the end. DEVDOTDOT asks for the parent.
 */
export type Devgen = (up: Proc, c: Chan, name: string | undefined, s: number) => Dir | undefined | null

export function mkqid(path: number | bigint, type = QTFILE, vers = 0): Qid {
  return { path: BigInt(path), type, vers }
}

export function devdir(up: Proc, c: Chan, qid: Qid, name: string, length: number, uid: string, perm: number): Dir {
  const type = c.flag & CMSG ? qid.type | QTMOUNT : qid.type
  const now = up.k.seconds()
  return {
    type: c.type.dc.codePointAt(0)!,
    dev: c.dev,
    qid: { ...qid, type },
    mode: (perm | (type << 24)) >>> 0,
    atime: now,
    mtime: up.k.boottime,
    length: BigInt(length),
    name,
    uid,
    gid: up.k.eve,
    muid: uid,
  }
}

/** A Devgen of a table, whose first entry is the directory itself. */
export function tabgen(tab: readonly Dirtab[]): Devgen {
  return (up, c, name, s) => {
    const d = s === DEVDOTDOT ? tab[0] : name !== undefined ? tab.find((t, i) => i > 0 && t.name === name) : tab[s + 1]
    return d ? devdir(up, c, d.qid, d.name, d.length, up.k.eve, d.perm) : null
  }
}

export function devattach(dev: Dev, spec: string): Chan {
  const c = new Chan(dev)
  c.qid = mkqid(0, QTDIR)
  c.path = new Path(`#${dev.dc}${spec}`)
  return c
}

/** Another Chan in the same place, not open. */
export function devclone(c: Chan): Chan {
  const nc = new Chan(c.type)
  nc.dev = c.dev
  nc.qid = c.qid
  nc.mode = c.mode
  nc.aux = c.aux
  return nc
}

export function devwalk(up: Proc, c: Chan, names: string[], gen: Devgen): Walkqid {
  const clone = devclone(c)
  const qid: Qid[] = []
  for (const name of names) {
    if (!(clone.qid.type & QTDIR)) {
      if (qid.length === 0) throw new PlanError(Enotdir)
      return { clone: undefined, qid }
    }
    if (name !== '.') {
      const d = name === '..' ? gen(up, clone, undefined, DEVDOTDOT) : lookup(up, clone, name, gen)
      if (!d) {
        if (qid.length === 0) throw new PlanError(Enonexist)
        return { clone: undefined, qid }
      }
      clone.qid = d.qid
    }
    qid.push(clone.qid)
  }
  return { clone, qid }
}

function lookup(up: Proc, c: Chan, name: string, gen: Devgen): Dir | undefined {
  for (let s = 0; ; s++) {
    const d = gen(up, c, name, s)
    if (d === null) return undefined
    if (d?.name === name) return d
  }
}

export function devstat(up: Proc, c: Chan, gen: Devgen): Dir {
  for (let s = 0; ; s++) {
    const d = gen(up, c, undefined, s)
    if (d === null) break
    if (d?.qid.path !== c.qid.path) continue
    if (c.flag & CMSG) d.mode |= DMMOUNT
    return d
  }
  if (!(c.qid.type & QTDIR)) throw new PlanError(Enonexist)
  const s = c.path?.s ?? '/'
  return devdir(up, c, c.qid, s === '/' ? s : s.slice(s.lastIndexOf('/') + 1), 0, up.k.eve, 0o555)
}

/** Whole entries, from where the last read of c ended. */
export function devdirread(up: Proc, c: Chan, n: number, gen: Devgen): Uint8Array {
  const out = new Uint8Array(n)
  let m = 0
  for (; ; c.dri++) {
    const d = gen(up, c, undefined, c.dri)
    if (d === null) break
    if (d === undefined) continue
    const b = convD2M(d)
    if (m + b.length > n) {
      if (m === 0) throw new PlanError(Eshort)
      break
    }
    out.set(b, m)
    m += b.length
  }
  return out.subarray(0, m)
}

const access = [0o400, 0o200, 0o600, 0o100]

/** @throws PlanError Eperm when the file's modes refuse omode to up's user */
export function devpermcheck(up: Proc, fileuid: string, perm: number, omode: number): void {
  const shift = up.user === fileuid ? 0 : up.user === up.k.eve ? 3 : 6
  const want = access[omode & 3]!
  if (((perm << shift) & want) !== want) throw new PlanError(Eperm)
}

/** How a file opened with o may be used: OREAD, OWRITE or ORDWR. @throws PlanError Ebadarg */
export function openmode(o: number): number {
  const m = o & ~(OTRUNC | OCEXEC | ORCLOSE)
  if (m > OEXEC || m < 0) throw new PlanError(Ebadarg)
  return m === OEXEC ? OREAD : m
}

export function devopen(up: Proc, c: Chan, omode: number, gen: Devgen): Chan {
  for (let s = 0; ; s++) {
    const d = gen(up, c, undefined, s)
    if (d === null) break
    if (d?.qid.path !== c.qid.path) continue
    devpermcheck(up, d.uid, d.mode, omode)
    break
  }
  if (c.qid.type & QTDIR && omode !== OREAD) throw new PlanError(Eperm)
  return opened(c, omode)
}

export function opened(c: Chan, omode: number): Chan {
  c.offset = 0
  c.mode = openmode(omode)
  c.flag |= COPEN
  return c
}

export function noperm(): never {
  throw new PlanError(Eperm)
}

/** The calls of a device that has nothing to create, remove or change. */
export const devdefaults = { create: noperm, remove: noperm, wstat: noperm, close() {} }

/** A device whose only files are a table's: its read and write are given the path of the file. */
export function tabwalk(tab: readonly Dirtab[]) {
  const gen = tabgen(tab)
  return {
    gen,
    walk: (up: Proc, c: Chan, names: string[]) => devwalk(up, c, names, gen),
    stat: (up: Proc, c: Chan) => devstat(up, c, gen),
    open: (up: Proc, c: Chan, omode: number) => devopen(up, c, omode, gen),
  }
}

export function dirtab(name: string, path: number, perm: number, length = 0): Dirtab {
  return { name, qid: mkqid(path, perm & DMDIR ? QTDIR : QTFILE), length, perm }
}

const encoder = new TextEncoder()

/** The part of a text file that a read asks for. */
export function readstr(s: string, n: number, offset: number): Uint8Array {
  return encoder.encode(s).subarray(offset, offset + n)
}

/** A number in its fixed width. */
export function numfmt(val: number, size = NUMSIZE): string {
  return `${String(val).padStart(size - 1)} `
}
