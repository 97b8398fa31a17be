import { DMDIR, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bsize, write } from '../../plan9/libc/bio.ts'
import { AEXIST, access, dirstat, isdir } from '../../plan9/libc/dirread.ts'
import { blockcrc, inflate } from '../../plan9/libc/flate.ts'
import { text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { CTIME, tmfmt, tmtime, tzload } from '../../plan9/libc/tm.ts'
import { Fields } from './gzip/format.ts'
import * as z from './zip/format.ts'

const help = 'usage: unzip [-acistTvD] [-f zipfile] [file ...]'

/** How far from the end of the file the end of the table of contents may be. */
const Commentmax = 1024

class Unzip {
  readonly sys: Sys
  readonly fd: number
  readonly zfile: string
  readonly flags: ReadonlySet<string>
  readonly want: string[]

  constructor(sys: Sys, fd: number, zfile: string, flags: ReadonlySet<string>, want: string[]) {
    this.sys = sys
    this.fd = fd
    this.zfile = zfile
    this.flags = flags
    this.want = want
  }

  async warn(msg: string): Promise<false> {
    await eprint(this.sys, `unzip: ${msg}\n`)
    return false
  }

  wanted(file: string): boolean {
    return this.want.length === 0 || this.want.some(w => file === w || file.startsWith(`${w}/`))
  }

  async seek(off: number): Promise<Fields> {
    await this.sys.seek(this.fd, off, 0)
    return new Fields(new Bin(this.sys, this.fd))
  }

  /** What a header in the table and one before a file have in common. */
  async fields(f: Fields): Promise<z.ZipHead & { nname: number; nextra: number }> {
    await f.get1()
    return {
      file: '',
      extos: await f.get1(),
      flags: await f.get2(),
      meth: await f.get2(),
      modtime: await f.get2(),
      moddate: await f.get2(),
      crc: await f.get4(),
      csize: await f.get4(),
      uncsize: await f.get4(),
      nname: await f.get2(),
      nextra: await f.get2(),
      eattr: 0,
      off: 0,
    }
  }

  async name(f: Fields, n: number): Promise<string> {
    const s = text(await f.bytes(n))
    return this.flags.has('i') ? s.toLowerCase() : s
  }

  /** A header in the table of contents; undefined at its end. */
  async cheader(f: Fields): Promise<z.ZipHead | undefined> {
    const magic = await f.get4()
    if (magic === z.ZECHeader) return undefined
    if (magic !== z.ZCHeader) throw new PlanError(`bad magic number ${magic.toString(16)}`)
    await f.get2()
    const h = await this.fields(f)
    const ncomment = await f.get2()
    await f.bytes(4)
    h.eattr = await f.get4()
    h.off = await f.get4()
    h.file = await this.name(f, h.nname)
    await f.bytes(h.nextra + ncomment)
    return h
  }

  /** A header before a file; undefined where the table of contents begins. */
  async header(f: Fields): Promise<z.ZipHead | undefined> {
    const at = f.taken
    const magic = await f.get4()
    if (magic === z.ZCHeader) return undefined
    if (magic !== z.ZHeader) throw new PlanError(`bad magic number ${magic.toString(16)} at ${at}`)
    const h = await this.fields(f)
    h.file = await this.name(f, h.nname)
    await f.bytes(h.nextra)
    return h
  }

  /**
   * The table of contents, as far as it can be read, and what was wrong then; undefined, which has been told, when it
   * cannot be found.
   */
  async contents(): Promise<{ heads: z.ZipHead[]; error?: string } | undefined> {
    const { sys, fd, zfile } = this
    let tail: Uint8Array
    try {
      const size = await sys.seek(fd, 0, 2)
      if (size < z.ZECHeadSize) throw new PlanError('')
      const n = Math.min(size, z.ZECHeadSize + Commentmax)
      tail = await (await this.seek(size - n)).bytes(n)
    } catch (e) {
      r(e)
      await this.warn(`can't seek to contents of ${zfile}`)
      return undefined
    }
    const view = new DataView(tail.buffer, tail.byteOffset, tail.length)
    let at = tail.length - z.ZECHeadSize
    while (at >= 0 && view.getUint32(at, true) !== z.ZECHeader) at--
    if (at < 0) {
      await this.warn(`cannot find end of table of contents in ${zfile}`)
      return undefined
    }
    const heads: z.ZipHead[] = []
    try {
      const f = await this.seek(view.getUint32(at + 16, true))
      for (let n = view.getUint16(at + 10, true); n > 0; n--) {
        const h = await this.cheader(f)
        if (h === undefined) break
        heads.push(h)
      }
      return { heads }
    } catch (e) {
      return { heads, error: r(e) }
    }
  }

  async list(h: z.ZipHead): Promise<void> {
    if (!this.wanted(h.file)) return
    let line = h.file
    if (this.flags.has('v')) {
      const tz = await tzload(this.sys, 'local')
      const ctime = tmfmt(tmtime(z.unixtime(h, tz), tz), CTIME)
      line = `${h.file.padEnd(32)} ${String(h.uncsize).padStart(10)} ${ctime}`
    }
    await write(this.sys, 1, `${line}\n`)
  }

  /** The data of a file to `fd`, or nowhere for -1; what the trailer says is put into `h`. @throws PlanError */
  async data(f: Fields, h: z.ZipHead, fd: number): Promise<void> {
    const { sys } = this
    let crc = 0
    let wlen = 0
    let rlen = 0
    const out = async (b: Uint8Array) => {
      crc = blockcrc(crc, b)
      wlen += b.length
      if (fd >= 0) await write(sys, fd, b)
    }
    if (h.flags & z.ZEncrypted) throw new PlanError(`can't handle encryption of ${h.file}`)
    try {
      if (h.meth === z.ZStored)
        while (rlen < h.csize) {
          const b = await f.bytes(Math.min(h.csize - rlen, Bsize))
          rlen += b.length
          await out(b)
        }
      else if (h.meth === z.ZDeflate) {
        rlen = await inflate(f.b, out)
        f.taken += rlen
      }
    } catch (e) {
      throw new PlanError(
        h.meth === z.ZStored ? `copying data for ${h.file} failed: ${r(e)}` : `inflate failed: ${r(e)}`,
      )
    }
    if (h.meth !== z.ZStored && h.meth !== z.ZDeflate)
      throw new PlanError(`can't handle compression method ${h.meth} for ${h.file}`)
    if (h.flags & z.ZTrailInfo) {
      h.crc = await f.get4()
      if (h.crc === z.ZTrailer) h.crc = await f.get4()
      h.csize = await f.get4()
      h.uncsize = await f.get4()
    }
    if (h.crc !== crc) throw new PlanError(`crc mismatch for ${h.file}`)
    if (h.uncsize !== wlen) throw new PlanError(`output size mismatch for ${h.file}`)
    if (h.csize !== rlen) throw new PlanError(`input size mismatch for ${h.file}`)
  }

  async mkpdirs(path: string): Promise<void> {
    const { sys } = this
    for (let i = path.indexOf('/', 1); i > 0; i = path.indexOf('/', i + 1)) {
      const dir = path.slice(0, i)
      if (!(await access(sys, dir, AEXIST)))
        await attempt(sys.create(dir, OREAD, DMDIR + 0o755).then(fd => sys.close(fd)))
    }
  }

  /** Where a file is to go; -1 for nowhere, undefined when that has been told. */
  async create(h: z.ZipHead, dir: boolean): Promise<number | undefined> {
    const { sys, flags } = this
    if (!this.wanted(h.file)) return -1
    if (flags.has('v')) await eprint(sys, `extracting ${h.file}\n`)
    if (flags.has('c')) return dir ? -1 : 1
    if (flags.has('a')) await this.mkpdirs(h.file)
    try {
      return await sys.create(h.file, dir ? OREAD : OWRITE, dir ? DMDIR + 0o775 : 0o664)
    } catch (e) {
      const err = r(e)
      const there = dir ? await dirstat(sys, h.file) : undefined
      if (there !== undefined && isdir(there)) return -1
      await this.warn(`can't create ${dir ? 'directory ' : ''}${h.file}: ${err}`)
      return undefined
    }
  }

  /** Takes out a file whose header comes next; `c` is the same file's in the table, if that is known. */
  async entry(f: Fields, c?: z.ZipHead): Promise<'ok' | 'failed' | 'bad' | 'end'> {
    const { sys, flags } = this
    let h: z.ZipHead | undefined
    let fd: number | undefined = -1
    let dir = false
    try {
      h = await this.header(f)
      if (h === undefined) return 'end'
      dir = c?.extos === z.ZDos && (c.eattr & z.ZDDir) !== 0
      if (dir && h.uncsize !== 0) await this.warn(`ignoring directory data for ${h.file}`)
      if (h.meth === z.ZStored && h.uncsize === 0 && h.file.endsWith('/')) dir = true
      fd = await this.create(h, dir)
      await this.data(f, h, dir ? -1 : (fd ?? -1))
      if (fd !== undefined && fd > 2 && flags.has('T'))
        await attempt(sys.fwstat(fd, { mtime: z.unixtime(h, await tzload(sys, 'local')) }))
      return fd === undefined ? 'failed' : 'ok'
    } catch (e) {
      await this.warn(r(e))
      if (h !== undefined && fd !== undefined && fd > 2 && !dir) {
        await this.warn(`removing output file ${h.file}`)
        await attempt(sys.remove(h.file))
      }
      return 'bad'
    } finally {
      if (fd !== undefined && fd > 2) await sys.close(fd)
    }
  }

  /** By the table of contents; undefined when there is none. */
  async bytable(): Promise<boolean | undefined> {
    const all = await this.contents()
    if (all === undefined) return undefined
    let ok = true
    for (const c of all.heads) {
      if (this.flags.has('t')) await this.list(c)
      else if (this.wanted(c.file)) {
        const got = await this.entry(await this.seek(c.off), c)
        if (got === 'ok') continue
        await eprint(this.sys, `unzip: skipping ${c.file}\n`)
        ok = false
      }
    }
    return all.error === undefined ? ok : this.warn(all.error)
  }

  /** As they come. */
  async stream(): Promise<boolean> {
    const f = new Fields(new Bin(this.sys, this.fd))
    if (!this.flags.has('t'))
      for (let ok = true; ; ) {
        const got = await this.entry(f)
        if (got === 'end') return ok
        if (got === 'bad') return false
        if (got === 'failed') ok = false
      }
    try {
      for (let h = await this.header(f); h !== undefined; h = await this.header(f)) {
        await this.data(f, h, -1)
        await this.list(h)
      }
      return true
    } catch (e) {
      return this.warn(r(e))
    }
  }
}

const unzip: Program = async (sys, argv) => {
  const flags = new Set<string>()
  let zfile: string | undefined
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'f') zfile = arg.argf() ?? (await usage(sys, help))
    else if ('acistTvD'.includes(c)) flags.add(c)
    else await usage(sys, help)
  }
  let fd = 0
  try {
    if (zfile !== undefined) fd = await sys.open(zfile, OREAD)
  } catch (e) {
    return sysfatal(sys, 'unzip', `can't open ${zfile}: ${r(e)}`)
  }
  const u = new Unzip(sys, fd, zfile ?? '<stdin>', flags, arg.argv)
  let ok = flags.has('s') ? undefined : await u.bytable()
  if (ok === undefined) {
    if (!flags.has('s')) {
      await eprint(sys, 'trying to re-run assuming -s\n')
      await attempt(sys.seek(fd, 0, 0))
    }
    ok = await u.stream()
  }
  return ok ? '' : 'errors'
}
export default unzip
