import { DMDIR, ORDWR, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import { type Program, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { usage } from '../../plan9/libc/arg.ts'
import { Bsize, write } from '../../plan9/libc/bio.ts'
import { AEXIST, access, cleanname, dirreadall, isdir } from '../../plan9/libc/dirread.ts'
import { dirmodefmt, strtol } from '../../plan9/libc/fmt.ts'
import { text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { CTIME, tmfmt, tmtime, tzload } from '../../plan9/libc/tm.ts'
import * as h from './tar/header.ts'

const help = 'usage: tar {crtx}[PRTfgikmpsuvz] [archive] [file1 file2...]'

/** Programs that compress and expand, and the archives they are for; the first is for all others. */
const comps = [
  { comp: 'gzip', decomp: 'gunzip', suffixes: ['.tar.gz', '.tgz'] },
  { comp: 'compress', decomp: 'uncompress', suffixes: ['.tar.Z', '.tz'] },
  { comp: 'bzip2', decomp: 'bunzip2', suffixes: ['.tar.bz', '.tbz', '.tar.bz2', '.tbz2'] },
]

/** Bytes of a pax header, or of GNU's long name, at most. */
const Maxattr = 1 << 20

interface Entry {
  name: string
  mode: number
  /** Bytes of data, which the archive fills up to a block. */
  size: number
  mtime: number
  uid: string
  gid: string
  linkflag: string
}

class Tar {
  readonly sys: Sys
  verb = ''
  readonly flags = new Set<string>()
  readonly numbers: h.Options = { posix: true, uid: 0, gid: 0 }
  usefile: string | undefined
  arname = 'archive'
  ar = 0
  /** The process that compresses or expands for us. */
  kid = 0
  // What was read of the archive: the bytes that follow, and the offset of the first of them.
  #buf = new Uint8Array(0) as Uint8Array
  #off = 0
  #seekable = false
  // What is to be written.
  #out = new Uint8Array(h.Dblock * h.Tblock)
  #nout = 0

  constructor(sys: Sys) {
    this.sys = sys
  }

  fatal(msg: string): Promise<never> {
    return sysfatal(this.sys, 'tar', msg)
  }

  async warn(msg: string): Promise<void> {
    await eprint(this.sys, `tar: ${msg}\n`)
  }

  /** One read. An error ends it all, or with the key i is so many zeros. */
  async read(name: string, fd: number, n: number): Promise<Uint8Array> {
    try {
      return await this.sys.read(fd, n)
    } catch (e) {
      const ignore = this.flags.has('i')
      await this.warn(`${ignore ? 'ignoring ' : ''}error reading ${name}: ${r(e)}`)
      if (!ignore) return this.sys.exits('read error')
      await attempt(this.sys.seek(fd, n, 1))
      return new Uint8Array(n)
    }
  }

  async write(name: string, fd: number, b: Uint8Array): Promise<void> {
    try {
      await write(this.sys, fd, b)
    } catch (e) {
      return this.fatal(`error writing ${name}: ${r(e)}`)
    }
  }

  // Compression.

  compmethod(): (typeof comps)[number] | undefined {
    const name = this.usefile ?? ''
    const known = comps.find(c => c.suffixes.some(s => name.length > s.length && name.endsWith(s)))
    return known ?? (this.flags.has('z') ? comps[0] : undefined)
  }

  /** Puts a program between us and the archive. */
  async push(cmd: string, input: boolean): Promise<void> {
    const { sys, ar } = this
    const [rd, wr] = await sys.pipe()
    this.kid = await sys.rfork(RFPROC | RFFDG, async child => {
      await child.dup(ar, input ? 0 : 1)
      await child.dup(input ? wr : rd, input ? 1 : 0)
      for (const fd of [rd, wr, ...(ar > 2 ? [ar] : [])]) await child.close(fd)
      try {
        return await child.exec(`/bin/${cmd}`, [cmd])
      } catch (e) {
        return sysfatal(child, 'tar', `can't exec ${cmd}: ${r(e)}`)
      }
    })
    await sys.close(input ? wr : rd)
    if (ar > 2) await sys.close(ar)
    this.ar = input ? rd : wr
  }

  /** Done with the archive; the status, which is that of the program in between. */
  async close(): Promise<string> {
    const { sys } = this
    if (this.ar > 2) await sys.close(this.ar)
    while (this.kid !== 0) {
      const w = await sys.wait()
      if (w.pid === this.kid) return w.msg
    }
    return ''
  }

  // Blocks, in and out.

  /** At most n bytes of the archive; none at its end. */
  async some(n: number): Promise<Uint8Array> {
    if (this.#buf.length === 0) this.#buf = await this.read(this.arname, this.ar, Bsize)
    if (this.#buf.length === 0 && this.#off % h.Tblock > 0)
      return this.fatal(`partial block read from archive ${this.arname}`)
    const b = this.#buf.subarray(0, n)
    this.#buf = this.#buf.subarray(b.length)
    this.#off += b.length
    return b
  }

  /** n bytes, or what there is. */
  async bytes(n: number): Promise<Uint8Array> {
    const all = new Uint8Array(n)
    let got = 0
    while (got < n) {
      const b = await this.some(n - got)
      if (b.length === 0) break
      all.set(b, got)
      got += b.length
    }
    return all.subarray(0, got)
  }

  async skip(n: number, name: string): Promise<void> {
    while (n > 0) {
      if (this.#seekable && this.#buf.length === 0 && n > Bsize) {
        await this.sys.seek(this.ar, n - h.Tblock, 1)
        this.#off += n - h.Tblock
        n = h.Tblock
      }
      const b = await this.some(n)
      if (b.length === 0) return this.fatal(`unexpected EOF on archive extracting ${name} from ${this.arname}`)
      n -= b.length
    }
  }

  /** Blocks go out as many at a time as a tape would have them. */
  async put(b: Uint8Array): Promise<void> {
    for (let i = 0; i < b.length; ) {
      const n = Math.min(b.length - i, this.#out.length - this.#nout)
      this.#out.set(b.subarray(i, i + n), this.#nout)
      this.#nout += n
      i += n
      if (this.#nout < this.#out.length) continue
      await this.write(this.arname, this.ar, this.#out)
      this.#out = new Uint8Array(h.Dblock * h.Tblock)
      this.#nout = 0
    }
  }

  // Reading an archive.

  /** The next header; undefined at the end of the archive. */
  async header(): Promise<Uint8Array | undefined> {
    const { arname } = this
    let b = await this.bytes(h.Tblock)
    if (b.length === 0) {
      if (this.#off === 0) return this.fatal(`EOF reading archive ${arname}`)
      // The end may be missing where the last of the blocks that are written together is short.
      if (this.#off % (h.Dblock * h.Tblock) === 0) return this.fatal(`unexpected EOF reading archive ${arname}`)
      return undefined
    }
    if (h.parsename(b) === '') return undefined
    const bad = (b: Uint8Array) => h.octal(b, 'chksum') !== h.chksum(b)
    if (!bad(b)) return b
    if (!this.flags.has('s')) {
      const want = h.octal(b, 'chksum')?.toString(8) ?? 'none'
      return this.fatal(
        `bad archive header checksum in ${arname}: ` +
          `name ${h.str(b, 'name')}...; expected 0${want} got 0${h.chksum(b).toString(8)}`,
      )
    }
    await eprint(this.sys, `tar: skipping past archive header with bad checksum in ${arname}...`)
    do {
      b = await this.bytes(h.Tblock)
      if (b.length < h.Tblock) return this.fatal(`unexpected EOF looking for archive header in ${arname}`)
    } while (bad(b))
    await eprint(this.sys, `found ${h.parsename(b)}\n`)
    return b
  }

  async size(b: Uint8Array): Promise<number> {
    const n = h.size(b)
    if (n === undefined) await this.warn(`${h.parsename(b)}: no size in header`)
    return n ?? 0
  }

  /** The data of a header that is about another entry. */
  async attr(b: Uint8Array): Promise<Uint8Array> {
    const n = await this.size(b)
    if (n > Maxattr) return this.fatal(`oversize attributes for ${h.parsename(b)} in ${this.arname}`)
    const data = (await this.bytes(h.Tblock * Math.ceil(n / h.Tblock))).subarray(0, n)
    if (data.length < n) return this.fatal(`unexpected EOF on archive reading attr from ${this.arname}`)
    return data
  }

  /** The next entry, with what stands before it about it; undefined at the end. */
  async entry(): Promise<Entry | undefined> {
    let long: string | undefined
    let pax = new Map<string, string>()
    for (;;) {
      const b = await this.header()
      if (b === undefined) return undefined
      const linkflag = h.linkflag(b)
      if (linkflag === h.LF_LONGNAME) {
        long = text(await this.attr(b)).split('\0', 1)[0]
        continue
      }
      if (h.isustar(b) && (linkflag === h.LF_PAXHDR || linkflag === h.LF_PAXGLOBL)) {
        const attrs = h.parsepax(await this.attr(b))
        if (typeof attrs === 'string') return this.fatal(attrs)
        if (linkflag === h.LF_PAXHDR) pax = attrs
        continue
      }
      return this.parse(b, long, pax)
    }
  }

  async parse(b: Uint8Array, long: string | undefined, pax: Map<string, string>): Promise<Entry> {
    for (const [k, v] of pax)
      if (!/^(path|linkpath|uname|gname|[acm]time|size|comment)$/.test(k))
        await eprint(this.sys, `warning: pax attribute not supported: ${k}=${v}\n`)
    const number = (k: string) => {
      const n = Number.parseInt(pax.get(k) ?? '', 10)
      return Number.isSafeInteger(n) && n >= 0 ? n : undefined
    }
    const linkflag = h.linkflag(b)
    const name = pax.get('path') ?? long ?? h.parsename(b)
    const mode = h.octal(b, 'mode') ?? 0
    // The mode's test is for archives older than the flag.
    const dir = linkflag === h.LF_DIR || name.endsWith('/') || (mode & 0o170000) === 0o040000
    const data = !dir && ![h.LF_LINK, h.LF_SYMLINK1, h.LF_SYMLINK2, h.LF_FIFO].includes(linkflag)
    return {
      name,
      mode: (mode & 0o777) + (dir ? DMDIR : 0),
      size: data ? (number('size') ?? (await this.size(b))) : 0,
      mtime: number('mtime') ?? h.octal(b, 'mtime') ?? 0,
      uid: pax.get('uname') ?? (h.isustar(b) ? h.str(b, 'uname') : ''),
      gid: pax.get('gname') ?? (h.isustar(b) ? h.str(b, 'gname') : ''),
      linkflag,
    }
  }

  // t and x.

  async extract(files: string[]): Promise<string> {
    const { sys } = this
    try {
      if (this.usefile !== undefined) this.ar = await sys.open(this.usefile, OREAD)
    } catch (e) {
      return this.fatal(`can't open archive ${this.usefile}: ${r(e)}`)
    }
    const comp = this.compmethod()
    if (comp !== undefined) await this.push(comp.decomp, true)
    else if (this.usefile !== undefined) this.#seekable = (await attempt(sys.seek(this.ar, 0, 1))) !== undefined
    const wanted = files.map(cleanname)
    for (;;) {
      const e = await this.entry()
      if (e === undefined) break
      const name = cleanname(e.name)
      if (wanted.length === 0 || wanted.some(w => name === w || name.startsWith(`${w}/`))) await this.extract1(e)
      else await this.skip(h.Tblock * Math.ceil(e.size / h.Tblock), e.name)
    }
    // What is left is read, so that its writer ends well.
    while (comp !== undefined && (await attempt(sys.read(this.ar, Bsize)))?.length);
    return this.close()
  }

  async extract1(e: Entry): Promise<void> {
    const { sys, flags } = this
    let path = e.name
    if (!flags.has('R') && path.startsWith('/')) path = `.${path}`
    else if (!flags.has('R') && path.startsWith('#')) path = `./${path}`
    let fd = -1
    if (this.verb === 'x') {
      path = cleanname(path)
      fd = await this.create(path, e)
    } else {
      let line = path
      if (flags.has('v')) {
        const ctime = tmfmt(tmtime(e.mtime, await tzload(sys, 'local')), CTIME)
        line = `${dirmodefmt(e.mode)} ${String(e.size).padStart(8)}  ${ctime.slice(4, 16)} ${ctime.slice(-4)} ${path}`
      }
      await write(sys, 1, `${line}\n`)
    }
    const padded = h.Tblock * Math.ceil(e.size / h.Tblock)
    if (fd < 0) return this.skip(padded, path)
    for (let left = e.size; left > 0; ) {
      const b = await this.some(left)
      if (b.length === 0) return this.fatal(`unexpected EOF on archive extracting ${path} from ${this.arname}`)
      await this.write(path, fd, b)
      left -= b.length
    }
    await this.skip(padded - e.size, path)
    if (flags.has('T')) {
      await attempt(sys.fwstat(fd, { mtime: e.mtime, mode: e.mode }))
      if (e.gid !== '') await attempt(sys.fwstat(fd, { gid: e.gid }))
      if (e.uid !== '') await attempt(sys.fwstat(fd, { uid: e.uid }))
    }
    await sys.close(fd)
  }

  /** A file for an entry, and the directories that lead there; -1 when there is none to be, which has been told. */
  async create(path: string, e: Entry): Promise<number> {
    const { sys, flags } = this
    const dir = e.mode >= DMDIR
    if ([h.LF_LINK, h.LF_SYMLINK1, h.LF_SYMLINK2, h.LF_LONGLINK].includes(e.linkflag)) {
      await this.warn(`can't make (sym)link ${path}`)
      return -1
    }
    if (e.linkflag === h.LF_FIFO) {
      await this.warn(`can't make fifo ${path}`)
      return -1
    }
    if (flags.has('k') && (await access(sys, path, AEXIST))) return -1
    const create = () => sys.create(path, dir ? OREAD : OWRITE, e.mode)
    let fd = await attempt(create())
    if (fd === undefined) {
      await this.mkpdirs(path)
      fd = await attempt(create(), async err => {
        if (!dir || !(await access(sys, path, AEXIST))) await this.warn(`can't create ${path}: ${err}`)
      })
    }
    if (fd !== undefined && flags.has('v')) await eprint(sys, `${path}\n`)
    return fd ?? -1
  }

  async mkpdirs(path: string): Promise<void> {
    const { sys } = this
    for (let i = path.indexOf('/', 1); i > 0; i = path.indexOf('/', i + 1)) {
      const dir = path.slice(0, i)
      if (await access(sys, dir, AEXIST)) continue
      try {
        await sys.close(await sys.create(dir, OREAD, DMDIR + 0o777))
      } catch (e) {
        return this.warn(`can't create ${dir}: ${r(e)}`)
      }
    }
  }

  // c and r.

  async replace(files: string[]): Promise<string> {
    const { sys, usefile } = this
    const creating = this.verb === 'c'
    this.ar = 1
    try {
      if (usefile !== undefined)
        this.ar = creating ? await sys.create(usefile, OWRITE, 0o666) : await sys.open(usefile, ORDWR)
    } catch (e) {
      return this.fatal(`can't open archive ${usefile}: ${r(e)}`)
    }
    const comp = creating && this.flags.has('z') ? this.compmethod() : undefined
    if (comp !== undefined) await this.push(comp.comp, false)
    if (usefile !== undefined && !creating) await this.toend()
    for (const file of files) await this.add(file)
    // Two blocks of zeros, and more to fill the last write.
    await this.put(new Uint8Array(2 * h.Tblock))
    if (this.#nout > 0) await this.put(new Uint8Array(this.#out.length - this.#nout))
    return this.close()
  }

  /** To where the end of the archive is, to write over it. */
  async toend(): Promise<void> {
    this.#seekable = true
    let end = 0
    for (let b = await this.header(); b !== undefined; b = await this.header()) {
      const dir = h.linkflag(b) === h.LF_DIR || h.parsename(b).endsWith('/')
      await this.skip(dir ? 0 : h.Tblock * Math.ceil((await this.size(b)) / h.Tblock), h.parsename(b))
      end = this.#off
    }
    try {
      await this.sys.seek(this.ar, end, 0)
    } catch (e) {
      return this.fatal(`can't seek back over end-of-archive in ${this.arname}: ${r(e)}`)
    }
    this.#out = this.#out.subarray(end % this.#out.length)
  }

  async add(file: string): Promise<void> {
    const { sys } = this
    let fd: number
    try {
      fd = await sys.open(file.startsWith('#') ? `./${file}` : file, OREAD)
    } catch (e) {
      return this.warn(`can't open ${file}: ${r(e)}`)
    }
    try {
      const dir = await sys.fstat(fd)
      const header = h.mkhdr(dir, isdir(dir), file, this.numbers)
      if (typeof header === 'string') return await this.warn(header)
      await this.put(header)
      if (isdir(dir)) return await this.tree(file, await dirreadall(sys, fd))
      await this.data(file, fd, Number(dir.length))
      if (this.flags.has('v')) await eprint(sys, `${file}\n`)
    } finally {
      await sys.close(fd)
    }
  }

  async tree(file: string, entries: Dir[]): Promise<void> {
    for (const d of entries) await this.add(`${file}/${d.name}`)
  }

  /** As many bytes as the header said; zeros for what is missing, and to fill the last block. */
  async data(file: string, fd: number, size: number): Promise<void> {
    let left = size
    while (left > 0) {
      const b = await this.read(file, fd, Math.min(left, Bsize))
      if (b.length === 0) break
      await this.put(b)
      left -= b.length
    }
    let fill = left + ((h.Tblock - (size % h.Tblock)) % h.Tblock)
    for (; fill > 0; fill -= Math.min(fill, Bsize)) await this.put(new Uint8Array(Math.min(fill, Bsize)))
  }
}

const tar: Program = async (sys, argv) => {
  const t = new Tar(sys)
  const args = argv.slice(2)
  const key = [...(argv[1] ?? '')]
  let bad = false
  for (let c = key.shift(); c !== undefined; c = key.shift()) {
    if (c === 'f' || c === 'g' || c === 'u') {
      const a = key.length > 0 ? key.splice(0).join('') : (args.shift() ?? (await usage(sys, help)))
      if (c === 'f') t.usefile = t.arname = a
      else t.numbers[c === 'g' ? 'gid' : 'uid'] = Math.max(strtol(a).value, 0)
    } else if ('crtx'.includes(c)) t.verb = c === 'r' && t.verb === 'c' ? 'c' : c
    else if (c === 'm') t.flags.delete('T')
    else if (c === 'p' || c === 'P') t.numbers.posix = c === 'p'
    else if ('RTiksvz'.includes(c)) t.flags.add(c)
    else if (c !== '-') {
      await t.warn(`unknown letter ${c}`)
      bad = true
    }
  }
  if (bad || t.verb === '') await usage(sys, help)
  return t.verb === 't' || t.verb === 'x' ? t.extract(args) : t.replace(args)
}
export default tar
