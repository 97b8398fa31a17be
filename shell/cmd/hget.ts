import { OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { orNote } from '../../plan9/libc/abort.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { dirstat } from '../../plan9/libc/dirread.ts'
import { Echanged, isurl, Webfile } from '../../plan9/libc/http.ts'
import { Progress, report } from '../../plan9/libc/progress.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: hget [-v] [-o file] [-b baseurl] url'
/** Bytes of one write, at most. */
const PIECE = 1 << 18

/** Opens the file and ends the connection after `use`. */
async function using<T>(sys: Sys, url: string, from: number, use: (web: Webfile) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const opening = Webfile.open(url, { from, signal: stop.signal })
  try {
    return await use(await orNote(sys, opening))
  } finally {
    stop.abort()
    opening.then(
      web => web.close(),
      () => {},
    )
  }
}

async function copy(sys: Sys, web: Webfile, fd: number, verbose: boolean): Promise<void> {
  const progress = new Progress()
  progress.size = web.size ?? 0
  progress.bytes = web.start
  const all = async () => {
    for (let at = web.start; ; ) {
      const b = await orNote(sys, web.readSome(at, PIECE))
      if (b.length === 0) return
      at += b.length
      progress.add(b.length)
      await write(sys, fd, b)
    }
  }
  await (verbose ? report(sys, progress, all()) : all())
}

/** Makes `file` a copy of what is at `url`; of one that is the beginning of it, only the rest is fetched. */
async function keep(sys: Sys, url: string, file: string, verbose: boolean): Promise<void> {
  const d = await dirstat(sys, file)
  const have = Number(d?.length ?? 0)
  const rest = async (web: Webfile): Promise<boolean> => {
    const newer = d !== undefined && web.mtime !== undefined && web.mtime > d.mtime
    if (web.start !== have || newer || web.size === undefined || web.size < have) return false
    if (web.size === have) return true
    const fd = await sys.open(file, OWRITE)
    try {
      await sys.seek(fd, have, 0)
      await fetched(web, fd)
    } finally {
      await sys.close(fd)
    }
    return true
  }
  /** What is half of one file and half of another is not left for the next time to go on with. */
  const fetched = async (web: Webfile, fd: number): Promise<void> => {
    try {
      await copy(sys, web, fd, verbose)
    } catch (e) {
      if (r(e) === Echanged) await sys.remove(file)
      throw e
    }
  }
  if (have > 0 && (await using(sys, url, have, rest))) return
  await using(sys, url, 0, async web => {
    const fd = await sys.create(file, OWRITE, 0o666)
    try {
      await fetched(web, fd)
    } finally {
      await sys.close(fd)
    }
  })
}

/** @throws PlanError */
function absolute(url: string, base: string): string {
  try {
    return new URL(url, base).href
  } catch {
    throw new PlanError('bad url')
  }
}

/** hget(1). */
const hget: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  let file: string | undefined
  let base: string | undefined
  let verbose = false
  for (const c of arg) {
    if (c === 'v') verbose = true
    else if (c === 'o') file = arg.argf() ?? (await usage(sys, help))
    else if (c === 'b') base = arg.argf() ?? (await usage(sys, help))
    else await usage(sys, help)
  }
  let [url] = arg.argv
  if (url === undefined || arg.argv.length !== 1) return usage(sys, help)
  try {
    if (base !== undefined) url = absolute(url, base)
    if (!isurl(url)) throw new PlanError('bad url')
    if (file !== undefined) await keep(sys, url, file, verbose)
    else await using(sys, url, 0, web => copy(sys, web, 1, verbose))
    return ''
  } catch (e) {
    return sysfatal(sys, arg.argv0, `${url}: ${r(e)}`)
  }
}
export default hget
