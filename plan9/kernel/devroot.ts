import { DMDIR, QTDIR } from '../9p/const.ts'
import { Enonexist, PlanError } from '../error.ts'
import {
  DEVDOTDOT,
  type Devgen,
  devattach,
  devdefaults,
  devdir,
  devdirread,
  devopen,
  devstat,
  devwalk,
  mkqid,
} from './dev.ts'
import type { Dev } from './portdat.ts'

/**
 * root(3): the directories that a name space is built upon, empty. Those of the root file server's that nothing of the
 * kernel's is mounted on (/mnt, /n, /lib ...) are left to it, since a union shows its first member's.
 */
const names = ['bin', 'dev', 'env', 'fd', 'net', 'proc', 'root', 'srv']

const gen: Devgen = (up, c, _name, s) => {
  if (s === DEVDOTDOT) return devdir(up, c, mkqid(0, QTDIR), '#/', 0, up.k.eve, DMDIR | 0o555)
  const name = c.qid.path === 0n ? names[s] : undefined
  return name === undefined ? null : devdir(up, c, mkqid(s + 1, QTDIR), name, 0, up.k.eve, DMDIR | 0o555)
}

export const rootdev: Dev = {
  ...devdefaults,
  dc: '/',
  name: 'root',
  attach: (_up, spec) => devattach(rootdev, spec),
  walk: (up, c, elems) => devwalk(up, c, elems, gen),
  stat: (up, c) => devstat(up, c, gen),
  open: (up, c, omode) => devopen(up, c, omode, gen),
  read: (up, c, n) => devdirread(up, c, n, gen),
  write() {
    throw new PlanError(Enonexist)
  },
}
