import { DMDIR, OREAD, OTRUNC, OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { readfile } from '../../plan9/libc/bio.ts'
import { dirreadall } from '../../plan9/libc/dirread.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { guestdisk } from './guestdisk.ts'
import { sysdisk } from './sysdisk.ts'

/** Trees that a guest builds llmfs from, and runs it with. */
const TREES = ['/sys/src/cmd/llm', '/386/bin', '/amd64/bin']
const LIB = '/lib/llm'
const SETUP = '/rc/bin/9mlsetup'
const MB = 1 << 20
/** Bytes that are written at a time, or left out where all are zero. */
const PIECE = 64 * 1024

/** The files of a tree, or the one that it is. */
async function* tree(sys: Sys, name: string): AsyncGenerator<string> {
  const fd = await sys.open(name, OREAD)
  try {
    if (!((await sys.fstat(fd)).mode & DMDIR)) yield name
    else for (const d of await dirreadall(sys, fd)) yield* tree(sys, `${name}/${d.name}`)
  } finally {
    await sys.close(fd)
  }
}

function size(text: string): number {
  const m = /^(\d+)[mM]?$/.exec(text)
  if (!m) throw new PlanError(`bad size ${text}`)
  return Number(m[1]) * MB
}

/** mkguestdisk(1). */
const mkguestdisk: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-s megabytes] file [model ...]`
  let room = 16 * MB
  try {
    for (const c of arg)
      if (c === 's') room = size(arg.argf() ?? (await usage(sys, help)))
      else await usage(sys, help)
    const [image, ...models] = arg.argv
    if (image === undefined) await usage(sys, help)
    const files: [string, Uint8Array][] = []
    for (const dir of TREES)
      for await (const name of tree(sys, dir)) files.push([name.slice(1), await readfile(sys, name)])
    for (const model of models.length > 0 ? models : [LIB])
      for await (const name of tree(sys, model))
        files.push([`${LIB.slice(1)}/${name.slice(name.lastIndexOf('/') + 1)}`, await readfile(sys, name)])
    const setup = new TextDecoder().decode(await readfile(sys, SETUP))
    const bytes = await guestdisk(files, { room, setup })
    const fd = await sys.create(image!, OWRITE | OTRUNC, 0o664)
    try {
      const disk = sysdisk(sys, fd, bytes.length)
      for (let at = 0; at < bytes.length; at += PIECE) {
        const piece = bytes.subarray(at, at + PIECE)
        if (at + PIECE >= bytes.length || piece.some(b => b !== 0)) await disk.write(at, piece)
      }
    } finally {
      await sys.close(fd)
    }
  } catch (e) {
    if (!(e instanceof PlanError)) throw e
    return sysfatal(sys, arg.argv0, r(e))
  }
  return ''
}
export default mkguestdisk
