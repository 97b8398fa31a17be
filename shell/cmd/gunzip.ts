import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Beof, Bin, write } from '../../plan9/libc/bio.ts'
import { blockcrc, inflate } from '../../plan9/libc/flate.ts'
import { text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'
import { CTIME, tmfmt, tmtime, tzload } from '../../plan9/libc/tm.ts'
import * as gz from './gzip/format.ts'

const help = 'usage: gunzip [-ctvTD] [file ....]'

/** Bytes that are kept of the name in a header. */
const Namemax = 4096

interface Header {
  mtime: number
  name: string
}

class Gunzip {
  readonly sys: Sys
  readonly flags = new Set<string>()

  constructor(sys: Sys) {
    this.sys = sys
  }

  async header(f: gz.Fields): Promise<Header> {
    if ((await f.get1()) !== gz.GZMAGIC1 || (await f.get1()) !== gz.GZMAGIC2) throw new PlanError('bad gzip file magic')
    if ((await f.get1()) !== gz.GZDEFLATE) throw new PlanError('unknown compression type')
    const flag = await f.get1()
    if (flag & ~(gz.GZFTEXT | gz.GZFEXTRA | gz.GZFNAME | gz.GZFCOMMENT | gz.GZFHCRC))
      await eprint(this.sys, 'gunzip: reserved flags set, data may not be decompressed correctly\n')
    const mtime = await f.get4()
    await f.get2()
    if (flag & gz.GZFEXTRA) await f.bytes(await f.get2())
    const name: number[] = []
    if (flag & gz.GZFNAME)
      for (let c = await f.get1(); c !== 0; c = await f.get1()) if (name.length < Namemax) name.push(c)
    if (flag & gz.GZFCOMMENT) while ((await f.get1()) !== 0);
    if (flag & gz.GZFHCRC) await f.get2()
    return { mtime, name: flag & gz.GZFNAME ? text(Uint8Array.from(name)) : '<unnamed file>' }
  }

  /** All the members that come from `b`, to `ofd` unless that is -1; false when one is bad, and that has been told. */
  async members(b: Bin, infile: string, ofd: number, ofile: string, remove: () => Promise<void>): Promise<boolean> {
    const { sys, flags } = this
    const f = new gz.Fields(b)
    /** Bytes of good members, while the next one is looked for. */
    let good = 0
    try {
      for (;;) {
        if ((await b.getc()) === Beof) return true
        b.ungetc()
        const h = await this.header(f)
        good = 0
        if (flags.has('v') && !flags.has('t')) await eprint(sys, `extracting ${h.name} to ${ofile}\n`)
        let crc = 0
        let length = 0
        try {
          f.taken += await inflate(b, async data => {
            crc = blockcrc(crc, data)
            length += data.length
            if (ofd >= 0) await write(sys, ofd, data)
          })
        } catch (e) {
          throw new PlanError(`inflate failed: ${r(e)}`)
        }
        if ((await f.get4()) !== crc) throw new PlanError('crc mismatch')
        const want = await f.get4()
        if (want !== length % 2 ** 32)
          throw new PlanError(`bad output length: expected ${want} got ${length % 2 ** 32}`)
        await this.finish(h, length, ofd)
        good = f.taken
      }
    } catch (e) {
      const err = r(e)
      if (good > 0) await eprint(sys, `gunzip: ${infile}: corrupted data after byte ${good} ignored\n`)
      else {
        await eprint(sys, `gunzip: ${infile}: ${err}\n`)
        await remove()
      }
      return false
    }
  }

  async finish(h: Header, length: number, ofd: number): Promise<void> {
    const { sys, flags } = this
    if (flags.has('t')) {
      const ctime = tmfmt(tmtime(h.mtime, await tzload(sys, 'local')), CTIME)
      await write(
        sys,
        1,
        flags.has('v') ? `${h.name.padEnd(32)} ${String(length).padStart(10)} ${ctime}\n` : `${h.name}\n`,
      )
    } else if (flags.has('T') && h.mtime !== 0) await attempt(sys.fwstat(ofd, { mtime: h.mtime }))
  }

  async fail(msg: string): Promise<boolean> {
    await eprint(this.sys, `gunzip: ${msg}\n`)
    return false
  }

  async file(file: string): Promise<boolean> {
    const { sys, flags } = this
    let fd: number
    try {
      fd = await sys.open(file, OREAD)
    } catch (e) {
      return this.fail(`can't open ${file}: ${r(e)}`)
    }
    try {
      const b = new Bin(sys, fd)
      const magic = await b.read(3)
      b.ungetc(magic.length)
      if (magic[0] !== gz.GZMAGIC1 || magic[1] !== gz.GZMAGIC2 || magic[2] !== gz.GZDEFLATE)
        return await this.fail(`${file} is not a gzip deflate file`)
      if (flags.has('t')) return await this.members(b, file, -1, '', async () => {})
      if (flags.has('c')) return await this.members(b, file, 1, '<stdout>', async () => {})

      let ofile = file.slice(file.lastIndexOf('/') + 1)
      if (ofile.endsWith('.gz') && ofile !== '.gz') ofile = ofile.slice(0, -3)
      else if (ofile.endsWith('.tgz')) ofile = `${ofile.slice(0, -4)}.tar`
      else if (ofile === file) return await this.fail(`can't overwrite ${file}`)
      let ofd: number
      try {
        ofd = await sys.create(ofile, OWRITE, 0o666)
      } catch (e) {
        return await this.fail(`can't create ${ofile}: ${r(e)}`)
      }
      const ok = await this.members(b, file, ofd, ofile, async () => {
        await this.fail(`removing output file ${ofile}`)
        await attempt(sys.remove(ofile))
      })
      await sys.close(ofd)
      return ok
    } catch (e) {
      return this.fail(`${file}: ${r(e)}`)
    } finally {
      await sys.close(fd)
    }
  }
}

const gunzip: Program = async (sys, argv) => {
  const g = new Gunzip(sys)
  const arg = new Arg(argv)
  for (const c of arg) {
    if (!'DctTv'.includes(c)) await usage(sys, help)
    g.flags.add(c)
  }
  if (arg.argv.length === 0 || g.flags.has('c')) g.flags.delete('T')
  let ok = true
  if (arg.argv.length === 0)
    ok = await g.members(new Bin(sys, 0), '<stdin>', g.flags.has('t') ? -1 : 1, '<stdout>', async () => {})
  for (const file of arg.argv) ok = (await g.file(file)) && ok
  return ok ? '' : 'errors'
}
export default gunzip
