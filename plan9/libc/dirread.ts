import { OEXEC, ORDWR, OREAD, OWRITE, QTDIR } from '../9p/const.ts'
import { convM2Ds, type Dir } from '../9p/dir.ts'
import { PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'

/** dirread(2): the next entries of an open directory; none at its end. */
export async function dirread(sys: Sys, fd: number): Promise<Dir[]> {
  const b = await sys.read(fd, 65536)
  return b.length === 0 ? [] : convM2Ds(b)
}

/** dirreadall(2): all the entries of an open directory. */
export async function dirreadall(sys: Sys, fd: number): Promise<Dir[]> {
  const all: Dir[] = []
  for (;;) {
    const dirs = await dirread(sys, fd)
    if (dirs.length === 0) return all
    all.push(...dirs)
  }
}

/** stat(2) that says undefined where the C one returns nil. */
export async function dirstat(sys: Sys, name: string): Promise<Dir | undefined> {
  try {
    return await sys.stat(name)
  } catch (e) {
    if (e instanceof PlanError) return undefined
    throw e
  }
}

export const AEXIST = 0
export const AEXEC = 1
export const AWRITE = 2
export const AREAD = 4

/** access(2). Tried by opening, as there: so writing a directory is never allowed. */
export async function access(sys: Sys, name: string, mode: number): Promise<boolean> {
  if (mode === AEXIST) return (await dirstat(sys, name)) !== undefined
  const omode = mode === AEXEC ? OEXEC : mode === AWRITE ? OWRITE : mode === AREAD ? OREAD : ORDWR
  try {
    await sys.close(await sys.open(name, omode))
    return true
  } catch (e) {
    if (e instanceof PlanError) return false
    throw e
  }
}

export const isdir = (d: Dir): boolean => (d.qid.type & QTDIR) !== 0

/** Whether two names lead to the same file: as its server, and its version, say. */
export function samedir(a: Dir, b: Dir): boolean {
  return (
    a.qid.type === b.qid.type &&
    a.qid.path === b.qid.path &&
    a.qid.vers === b.qid.vers &&
    a.dev === b.dev &&
    a.type === b.type
  )
}

/** cleanname(2): the shortest name for the same file, by its text alone. */
export function cleanname(name: string): string {
  const rooted = name.startsWith('/')
  // A leading #dev is the root of its own tree.
  const sharp = name.startsWith('#') ? name.split('/', 1)[0]! : undefined
  const out: string[] = []
  for (const e of (sharp === undefined ? name : name.slice(sharp.length)).split('/')) {
    if (e === '' || e === '.') continue
    if (e === '..') {
      if (out.length > 0 && out[out.length - 1] !== '..') out.pop()
      else if (!rooted && sharp === undefined) out.push('..')
    } else out.push(e)
  }
  const s = out.join('/')
  if (sharp !== undefined) return s === '' ? sharp : `${sharp}/${s}`
  if (rooted) return `/${s}`
  // A name that was not a #dev's does not become one.
  return s === '' ? '.' : s.startsWith('#') ? `./${s}` : s
}
