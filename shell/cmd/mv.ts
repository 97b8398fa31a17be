import { DMAPPEND, DMDIR, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { cleanname, dirstat, samedir } from '../../plan9/libc/dirread.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'
import { copy1 } from './cp.ts'

function split(name: string): [dir: string, elem: string] {
  const i = name.lastIndexOf('/')
  if (i >= 0) return [name.slice(0, i), name.slice(i + 1)]
  return name === '..' ? ['..', '.'] : ['.', name]
}

async function samefile(sys: Sys, a: string, b: string): Promise<boolean> {
  if (a === b) return true
  const da = await dirstat(sys, a === '' ? '/' : a)
  const db = await dirstat(sys, b === '' ? '/' : b)
  return da !== undefined && db !== undefined && samedir(da, db)
}

async function hardremove(sys: Sys, name: string): Promise<void> {
  try {
    await sys.remove(name)
  } catch (e) {
    await eprint(sys, `mv: can't remove ${name}: ${r(e)}\n`)
    sys.exits('mv')
  }
  // The name may stand in several members of a union.
  while ((await attempt(sys.remove(name).then(() => true))) === true);
}

/** Moves one file; the message is what to print when it fails. */
async function mv1(sys: Sys, from: string, todir: string, elem: string | undefined): Promise<string | undefined> {
  let d: Dir
  try {
    d = await sys.stat(from)
  } catch (e) {
    return `can't stat ${from}: ${r(e)}`
  }
  const [fromdir, fromelem] = split(from)
  const toelem = elem ?? fromelem
  if (toelem === '') return `null last name element moving ${from}`
  const to = `${todir}/${toelem}`
  if (await samefile(sys, fromdir, todir)) {
    if (await samefile(sys, from, to)) return `${from} and ${to} are the same`
    if ((await dirstat(sys, to)) !== undefined) await hardremove(sys, to)
    try {
      await sys.wstat(from, { name: toelem })
      return undefined
    } catch (e) {
      if (d.mode & DMDIR) return `can't rename directory ${from}: ${r(e)}`
      if (!(e instanceof PlanError)) throw e
    }
  }
  if (d.mode & DMDIR) return `${from} is a directory, not copied to ${to}`
  let fdf: number
  try {
    fdf = await sys.open(from, OREAD)
  } catch (e) {
    return `can't open ${from}: ${r(e)}`
  }
  try {
    const t = await dirstat(sys, to)
    if (t !== undefined && t.mode & DMAPPEND) await hardremove(sys, to)
    let fdt: number
    try {
      fdt = await sys.create(to, OWRITE, d.mode)
    } catch (e) {
      return `can't create ${to}: ${r(e)}`
    }
    try {
      const err = await copy1(sys, fdf, fdt, from, to)
      if (err !== undefined) return err
      await attempt(sys.fwstat(fdt, { mtime: d.mtime, mode: d.mode }))
    } finally {
      await sys.close(fdt)
    }
  } finally {
    await sys.close(fdf)
  }
  try {
    await sys.remove(from)
  } catch (e) {
    return `can't remove ${from}: ${r(e)}`
  }
  return undefined
}

const mv: Program = async (sys, argv) => {
  if (argv.length < 3) {
    await eprint(sys, 'usage: mv fromfile tofile\n\t  mv fromfile ... todir\n')
    return 'bad usage'
  }
  const names = argv.slice(1).map(cleanname)
  const to = names.pop()!
  const dirto = await dirstat(sys, to)
  let todir: string
  let elem: string | undefined
  if (dirto !== undefined && dirto.mode & DMDIR) {
    const dirfrom = names.length === 1 ? await dirstat(sys, names[0]!) : undefined
    if (dirfrom !== undefined && dirfrom.mode & DMDIR) [todir, elem] = split(to)
    else todir = to
  } else [todir, elem] = split(to)
  if (names.length > 1 && elem !== undefined) {
    await eprint(sys, `mv: ${to} not a directory\n`)
    return 'bad usage'
  }
  let failed = false
  for (const from of names) {
    const err = await mv1(sys, from, todir, elem)
    if (err !== undefined) {
      await eprint(sys, `mv: ${err}\n`)
      failed = true
    }
  }
  return failed ? 'failure' : ''
}
export default mv
