import { DMDIR, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout, Bsize } from '../../plan9/libc/bio.ts'
import { blockcrc, deflate } from '../../plan9/libc/flate.ts'
import { utf8 } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'
import { now } from '../../plan9/libc/tm.ts'
import { GZDEFLATE, GZFNAME, GZMAGIC1, GZMAGIC2, GZOSUNIX, le32 } from './gzip/format.ts'

const help = 'usage: gzip [-vcnD] [-1-9] [file ...]'

/** One member, of what `fd` gives; the error that ended it, if any. */
async function gzip(sys: Sys, fd: number, ofd: number, level: number, mtime: number, name?: string) {
  const out = new Bout(sys, ofd)
  const write = async (b: Uint8Array) => {
    await out.write(b)
  }
  let crc = 0
  let total = 0
  try {
    const flags = name === undefined ? 0 : GZFNAME
    await write(Uint8Array.of(GZMAGIC1, GZMAGIC2, GZDEFLATE, flags, ...le32(mtime), 0, GZOSUNIX))
    if (name !== undefined) await write(utf8(`${name}\0`))
    await deflate(
      level,
      async () => {
        const b = await sys.read(fd, Bsize)
        crc = blockcrc(crc, b)
        total += b.length
        return b
      },
      write,
    )
    await write(Uint8Array.of(...le32(crc), ...le32(total)))
    await out.flush()
    return undefined
  } catch (e) {
    return r(e)
  }
}

/** FILE.gz in the current directory, or FILE.tgz for FILE.tar. */
function outname(file: string): string {
  const f = file.slice(file.lastIndexOf('/') + 1)
  return f.endsWith('.tar') && f !== '.tar' ? `${f.slice(0, -4)}.tgz` : `${f}.gz`
}

const main: Program = async (sys, argv) => {
  let level = 6
  const flags = new Set<string>()
  const arg = new Arg(argv)
  for (const c of arg) {
    if (/[1-9]/.test(c)) level = Number(c)
    else if ('vcnD'.includes(c)) flags.add(c)
    else await usage(sys, help)
  }
  const fail = async (msg: string) => {
    await eprint(sys, `gzip: ${msg}\n`)
    return false
  }

  const gzipf = async (file: string): Promise<boolean> => {
    let fd: number
    let dir: Dir
    try {
      fd = await sys.open(file, OREAD)
      dir = await sys.fstat(fd)
    } catch (e) {
      return fail(`can't open ${file}: ${r(e)}`)
    }
    try {
      if (dir.mode & DMDIR) return await fail("can't compress a directory")
      let ofile = '<stdout>'
      let ofd = 1
      if (!flags.has('c')) {
        ofile = outname(file)
        try {
          ofd = await sys.create(ofile, OWRITE, 0o666)
        } catch (e) {
          return await fail(`can't open ${ofile}: ${r(e)}`)
        }
      }
      if (flags.has('v')) await eprint(sys, `compressing ${file} to ${ofile}\n`)
      const err = await gzip(sys, fd, ofd, level, flags.has('n') ? 0 : dir.mtime, file)
      if (ofd !== 1) {
        await sys.close(ofd)
        if (err !== undefined) await attempt(sys.remove(ofile))
      }
      return err === undefined || (await fail(`error writing ${ofile}: ${err}`))
    } finally {
      await sys.close(fd)
    }
  }

  let ok = true
  if (arg.argv.length === 0) {
    const err = await gzip(sys, 0, 1, level, flags.has('n') ? 0 : (await now(sys)).sec)
    if (err !== undefined) ok = await fail(`deflate failed: ${err}`)
  }
  for (const file of arg.argv) ok = (await gzipf(file)) && ok
  return ok ? '' : 'errors'
}
export default main
