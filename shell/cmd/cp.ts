import { DMDIR, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bsize, write } from '../../plan9/libc/bio.ts'
import { dirstat, samedir } from '../../plan9/libc/dirread.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage:\tcp [-gux] fromfile tofile\n\tcp [-x] fromfile ... todir'

/** Copies the bytes of one file to another; the message is what to print when it fails. */
export async function copy1(sys: Sys, fdf: number, fdt: number, from: string, to: string): Promise<string | undefined> {
  for (;;) {
    let b: Uint8Array
    try {
      b = await sys.read(fdf, Bsize)
    } catch (e) {
      return `error reading ${from}: ${r(e)}`
    }
    if (b.length === 0) return undefined
    try {
      await write(sys, fdt, b)
    } catch (e) {
      return `error writing ${to}: ${r(e)}`
    }
  }
}

async function copy(sys: Sys, flags: Set<string>, from: string, to: string): Promise<string | undefined> {
  let d: Dir
  try {
    d = await sys.stat(from)
  } catch (e) {
    return `can't stat ${from}: ${r(e)}`
  }
  if (d.mode & DMDIR) return `${from} is a directory`
  const t = await dirstat(sys, to)
  if (t !== undefined && samedir(d, t)) return `${from} and ${to} are the same file`
  let fdf = -1
  let fdt = -1
  try {
    try {
      fdf = await sys.open(from, OREAD)
    } catch (e) {
      return `can't open ${from}: ${r(e)}`
    }
    try {
      fdt = await sys.create(to, OWRITE, d.mode & 0o777)
    } catch (e) {
      return `can't create ${to}: ${r(e)}`
    }
    const err = await copy1(sys, fdf, fdt, from, to)
    if (err !== undefined) return err
    const change: Partial<Dir> = {}
    if (flags.has('x')) Object.assign(change, { mtime: d.mtime, mode: d.mode })
    if (flags.has('u')) change.uid = d.uid
    if (flags.has('u') || flags.has('g')) change.gid = d.gid
    if (flags.size > 0) {
      try {
        await sys.fwstat(fdt, change)
      } catch (e) {
        await eprint(sys, `cp: warning: can't wstat ${to}: ${r(e)}\n`)
      }
    }
    return undefined
  } finally {
    if (fdf >= 0) await sys.close(fdf)
    if (fdt >= 0) await sys.close(fdt)
  }
}

const cp: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const flags = new Set<string>()
  for (const c of arg) {
    if (!'gux'.includes(c)) await usage(sys, help)
    flags.add(c)
  }
  if (arg.argv.length < 2) await usage(sys, help)
  const to = arg.argv.pop()!
  const d = await dirstat(sys, to)
  const todir = d !== undefined && (d.mode & DMDIR) !== 0
  if (arg.argv.length > 1 && !todir) {
    await eprint(sys, `cp: ${to} not a directory\n`)
    return 'bad usage'
  }
  let failed = false
  for (const from of arg.argv) {
    const err = await copy(sys, flags, from, todir ? `${to}/${from.slice(from.lastIndexOf('/') + 1)}` : to)
    if (err !== undefined) {
      await eprint(sys, `cp: ${err}\n`)
      failed = true
    }
  }
  return failed ? 'errors' : ''
}
export default cp
