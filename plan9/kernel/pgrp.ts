import { cclose, cmountfree, newmount, putmhead } from './chan.ts'
import { type Egrp, Fgrp, Mhead, type Mount, type Pgrp, type Rgrp } from './portdat.ts'

/** The groups that processes share, and rfork splits. */

let mountid = 0

export function nextmount(): number {
  return ++mountid
}

export function closepgrp(p: Pgrp): void {
  if (--p.ref > 0) return
  for (const heads of p.mnthash.values())
    for (const mh of heads) {
      const m = mh.mount
      mh.mount = []
      cmountfree(m)
      putmhead(mh)
    }
  p.mnthash.clear()
}

/** Copies a name space; its mounts get new ids in the order of the old ones, which is the order that /proc/n/ns shows. */
export function pgrpcpy(to: Pgrp, from: Pgrp): void {
  const copies: { id: number; m: Mount }[] = []
  for (const [path, heads] of from.mnthash)
    to.mnthash.set(
      path,
      heads.map(f => {
        const mh = new Mhead(f.from)
        mh.mount = f.mount.map(m => {
          const copy = newmount(m.to, m.mflag, m.spec)
          copies.push({ id: m.mountid, m: copy })
          return copy
        })
        return mh
      }),
    )
  copies.sort((a, b) => a.id - b.id)
  for (const { m } of copies) m.mountid = nextmount()
}

export function dupfgrp(f?: Fgrp): Fgrp {
  const nf = new Fgrp()
  if (!f) return nf
  nf.fd = f.fd.slice()
  nf.flag = f.flag.slice()
  for (const c of nf.fd) if (c) c.ref++
  return nf
}

/** Resolves when all is closed. */
export async function closefgrp(f: Fgrp): Promise<void> {
  if (--f.ref > 0) return
  const fd = f.fd
  f.fd = []
  await Promise.all(fd.map(c => c && cclose(c)))
}

export function closeegrp(eg: Egrp): void {
  eg.ref--
}

export function closergrp(r: Rgrp): void {
  r.ref--
}
