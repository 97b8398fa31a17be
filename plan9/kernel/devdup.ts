import { ORCLOSE, OREAD, QTDIR } from '../9p/const.ts'
import { Eisdir, Eperm, PlanError } from '../error.ts'
import { cclose, chanpath } from './chan.ts'
import {
  type Devgen,
  devattach,
  devdefaults,
  devdir,
  devdirread,
  devstat,
  devwalk,
  mkqid,
  opened,
  openmode,
  readstr,
} from './dev.ts'
import type { Chan, Dev } from './portdat.ts'
import { fdtochan } from './sysfile.ts'

/** dup(3). Qids are 2 * fd + (is it ctl) + 1. */
const gen: Devgen = (up, c, _name, s) => {
  if (s < 0) return devdir(up, c, mkqid(0, QTDIR), '.', 0, up.k.eve, 0o555)
  const fd = s >> 1
  const fds = up.fgrp?.fd ?? []
  if (fd >= fds.length) return null
  const f = fds[fd]
  if (!f) return undefined
  const ctl = (s & 1) !== 0
  const perm = ctl ? 0o400 : [0o400, 0o200, 0o600, 0][f.mode & 3]!
  return devdir(up, c, mkqid(s + 1), ctl ? `${fd}ctl` : `${fd}`, 0, up.k.eve, perm)
}

/** One line about an open file, as /proc/n/fd has them. */
export function procfdprint(c: Chan, fd: number): string {
  const mode = ['r ', 'w ', 'rw', 'r '][c.mode & 3]!
  const path = c.qid.path.toString(16).padStart(16, '0')
  const qid = `(${path} ${c.qid.vers} ${c.qid.type.toString(16).padStart(2, '0')})`
  const num = (n: number, w: number) => String(n).padStart(w)
  return `${num(fd, 3)} ${mode} ${c.type.dc} ${num(c.dev, 4)} ${qid} ${num(c.iounit, 5)} ${num(c.offset, 8)} ${chanpath(c)}\n`
}

export const dupdev: Dev = {
  ...devdefaults,
  dc: 'd',
  name: 'dup',
  attach: (_up, spec) => devattach(dupdev, spec),
  walk: (up, c, names) => devwalk(up, c, names, gen),
  stat: (up, c) => devstat(up, c, gen),
  open(up, c, omode) {
    if (omode & ORCLOSE) throw new PlanError(Eperm)
    if (c.qid.type & QTDIR) {
      if (omode !== OREAD) throw new PlanError(Eisdir)
      return opened(c, omode)
    }
    const s = Number(c.qid.path) - 1
    if (s & 1) return opened(c, omode)
    const f = fdtochan(up, s >> 1, openmode(omode), false)
    f.ref++
    cclose(c)
    return f
  },
  read(up, c, n, offset) {
    if (c.qid.type & QTDIR) return devdirread(up, c, n, gen)
    const fd = (Number(c.qid.path) - 1) >> 1
    return readstr(procfdprint(fdtochan(up, fd, -1, false), fd), n, offset)
  },
  write() {
    throw new PlanError(Eperm)
  },
}
