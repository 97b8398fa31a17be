import { DMDIR, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bout, Bsize } from '../../plan9/libc/bio.ts'
import { dirreadall } from '../../plan9/libc/dirread.ts'
import { blockcrc, deflate } from '../../plan9/libc/flate.ts'
import { utf8 } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { type Tzone, tzload } from '../../plan9/libc/tm.ts'
import { le16, le32 } from './gzip/format.ts'
import * as z from './zip/format.ts'

const help = 'usage: zip [-vD] [-1-9] [-f zipfile] file ...'
/** Version 2.0, of DOS. */
const version = [20, z.ZDos]

class Zip {
  readonly sys: Sys
  readonly fd: number
  readonly #out: Bout
  /**
   * The archive, which is not put into itself; undefined when it is standard output, where one cannot go back to fill in
   * what is known after the data.
   */
  readonly self: Dir | undefined
  level = 6
  verbose = false
  readonly #tz: Tzone
  readonly #heads: z.ZipHead[] = []
  #off = 0

  constructor(sys: Sys, fd: number, self: Dir | undefined, tz: Tzone) {
    this.sys = sys
    this.fd = fd
    this.self = self
    this.#out = new Bout(sys, fd)
    this.#tz = tz
  }

  async #put(b: Uint8Array): Promise<void> {
    this.#off += b.length
    if (this.#off > 0xffffffff) throw new PlanError('zip file too big')
    await this.#out.write(b)
  }

  /** A file, or a directory and all in it. @throws PlanError */
  async add(file: string): Promise<void> {
    const { sys } = this
    let fd: number
    let dir: Dir
    try {
      fd = await sys.open(file, OREAD)
      dir = await sys.fstat(fd)
    } catch (e) {
      throw new PlanError(`can't open ${file}: ${r(e)}`)
    }
    try {
      const self = this.self
      if (self && dir.qid.path === self.qid.path && dir.dev === self.dev && dir.type === self.type) return
      const isdir = (dir.mode & DMDIR) !== 0
      const h: z.ZipHead = {
        file: isdir ? `${file}/` : file,
        extos: z.ZDos,
        flags: /^[\0-\x7f]*$/.test(file) ? 0 : z.ZUtf8,
        meth: isdir ? z.ZStored : z.ZDeflate,
        ...z.dostime(dir.mtime, this.#tz),
        crc: 0,
        csize: 0,
        uncsize: 0,
        eattr: z.ZDArch | (dir.mode & 0o700 ? 0 : z.ZDROnly) | (isdir ? z.ZDDir : 0),
        off: this.#off,
      }
      if (!isdir) return await this.#file(h, fd)
      if (file !== '.') await this.#header(h)
      for (const d of await dirreadall(sys, fd)) await this.add(file === '.' ? d.name : `${file}/${d.name}`)
    } finally {
      await sys.close(fd)
    }
  }

  async #header(h: z.ZipHead): Promise<void> {
    if (this.verbose) await eprint(this.sys, `adding ${h.file}\n`)
    this.#heads.push(h)
    const name = utf8(h.file)
    if (name.length > 0xffff) throw new PlanError(`name too long: ${h.file}`)
    await this.#put(Uint8Array.of(...le32(z.ZHeader), ...version, ...this.#fields(h, name.length), ...le16(0)))
    await this.#put(name)
  }

  #fields(h: z.ZipHead, nname: number): number[] {
    return [
      ...le16(h.flags),
      ...le16(h.meth),
      ...le16(h.modtime),
      ...le16(h.moddate),
      ...this.#sizes(h),
      ...le16(nname),
    ]
  }

  #sizes(h: z.ZipHead): number[] {
    return [...le32(h.crc), ...le32(h.csize), ...le32(h.uncsize)]
  }

  async #file(h: z.ZipHead, fd: number): Promise<void> {
    const { sys } = this
    if (this.self === undefined) h.flags |= z.ZTrailInfo
    await this.#header(h)
    let crc = 0
    await deflate(
      this.level,
      async () => {
        const b = await sys.read(fd, Bsize)
        crc = blockcrc(crc, b)
        h.uncsize += b.length
        return b
      },
      async b => {
        h.csize += b.length
        await this.#put(b)
      },
    )
    if (h.uncsize > 0xffffffff) throw new PlanError(`${h.file} is too big`)
    h.crc = crc
    const sizes = Uint8Array.from(this.#sizes(h))
    if (this.self === undefined) return this.#put(sizes)
    await this.#out.flush()
    await sys.pwrite(this.fd, sizes, h.off + z.ZHeadCrc)
  }

  /** The table of contents. */
  async end(): Promise<void> {
    const heads = this.#heads
    if (heads.length > 0xffff) throw new PlanError('too many entries in zip file: max 65535')
    const start = this.#off
    for (const h of heads) {
      const name = utf8(h.file)
      const fields = this.#fields({ ...h, flags: h.flags & ~z.ZTrailInfo }, name.length)
      // No extra field and no comment, disk 0, no internal attributes.
      const rest = [...le16(0), ...le16(0), ...le16(0), ...le16(0), ...le32(h.eattr), ...le32(h.off)]
      await this.#put(Uint8Array.of(...le32(z.ZCHeader), ...version, ...version, ...fields, ...rest))
      await this.#put(name)
    }
    const n = le16(heads.length)
    const size = this.#off - start
    await this.#put(
      Uint8Array.of(
        ...le32(z.ZECHeader),
        ...le16(0),
        ...le16(0),
        ...n,
        ...n,
        ...le32(size),
        ...le32(start),
        ...le16(0),
      ),
    )
    await this.#out.flush()
  }
}

const zip: Program = async (sys, argv) => {
  let zfile: string | undefined
  let level = 6
  let verbose = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'f') zfile = arg.argf() ?? (await usage(sys, help))
    else if (c === 'v') verbose = true
    else if (/[1-9]/.test(c)) level = Number(c)
    else if (c !== 'D') await usage(sys, help)
  }
  if (arg.argv.length === 0) await usage(sys, help)
  let fd = 1
  try {
    if (zfile !== undefined) fd = await sys.create(zfile, OWRITE, 0o664)
  } catch (e) {
    return sysfatal(sys, 'zip', `can't create ${zfile}: ${r(e)}`)
  }
  const archive = new Zip(sys, fd, zfile === undefined ? undefined : await sys.fstat(fd), await tzload(sys, 'local'))
  archive.level = level
  archive.verbose = verbose
  try {
    for (const file of arg.argv) await archive.add(file)
    await archive.end()
    return ''
  } catch (e) {
    await eprint(sys, `zip: ${r(e)}\n`)
    if (zfile !== undefined) {
      await eprint(sys, `zip: removing output file ${zfile}\n`)
      await attempt(sys.remove(zfile))
    }
    return 'errors'
  }
}
export default zip
