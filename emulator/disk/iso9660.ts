import { concat } from '../../plan9/9p/bit.ts'
import { DMDIR, ORCLOSE, OTRUNC, OWRITE, QTDIR } from '../../plan9/9p/const.ts'
import type { Dir, Qid } from '../../plan9/9p/dir.ts'
import type { Srv } from '../../plan9/9p/srv.ts'
import { Eio, Enonexist, Eperm, PlanError } from '../../plan9/error.ts'
import type { Blocks } from './blocks.ts'

/** ISO 9660 (ECMA-119), read: plain, with Rock Ridge, with Joliet, and with Plan 9's fields, as 9660srv takes them. */

const SECTOR = 2048
/** Volume descriptors begin here. */
const FIRST = 16
/** Bytes of a directory at most, and how deep continuations of one record may go. */
const MAXDIR = 64 << 20
const MAXCONT = 32

const Enotiso = 'unknown cd type'
const Ebaddir = 'bad directory record'

export interface IsoOptions {
  /** Takes no notice of Plan 9's fields; of Joliet; of Rock Ridge. */
  noplan9?: boolean
  nojoliet?: boolean
  norock?: boolean
}

/** A file's bytes: where in the image, and how many, part after part. */
interface Extent {
  offset: number
  size: number
}

/** A file or directory. */
export interface IsoFile {
  name: string
  mode: number
  uid: string
  gid: string
  /** Seconds since the epoch. */
  mtime: number
  length: number
  /** Of the first extent: no two files of an image that hold anything share it. */
  path: number
  extents: Extent[]
}

type Kind = 'plan9' | 'joliet' | 'plain'

const latin = (b: Uint8Array) => String.fromCharCode(...b)
const utf8 = new TextDecoder()

/** Seven bytes of a record: years since 1900, month, day, hour, minute, second, quarters of an hour east of GMT. */
function date(b: Uint8Array): number {
  const zone = (b[6]! << 24) >> 24
  const t = Date.UTC(1900 + b[0]!, Math.max(b[1]! - 1, 0), b[2]!, b[3]!, b[4]!, b[5]!) / 1000 - zone * 15 * 60
  return Number.isFinite(t) && t > 0 ? t : 0
}

export class Iso {
  readonly root: IsoFile
  private readonly blocks: Blocks
  private readonly kind: Kind
  /** Bytes to skip in each system use area; -1: there is no Rock Ridge. */
  private readonly susp: number

  /** Names differ in more than their case. */
  get exact(): boolean {
    return this.kind === 'plan9' || this.susp >= 0
  }

  private constructor(blocks: Blocks, root: IsoFile, kind: Kind, susp: number) {
    this.blocks = blocks
    this.root = root
    this.kind = kind
    this.susp = susp
  }

  /**
   * Of several trees of the same files the first there is: that with Plan 9's fields, Joliet's, the standard's with Rock Ridge
   * or without.
   *
   * @throws PlanError 'unknown cd type', i/o error
   */
  static async open(blocks: Blocks, o: IsoOptions = {}): Promise<Iso> {
    let primary: Uint8Array | undefined
    let joliet: Uint8Array | undefined
    for (let k = FIRST; k < FIRST + 64; k++) {
      const v = await blocks.read(k * SECTOR, SECTOR)
      if (v.length < SECTOR || latin(v.subarray(1, 6)) !== 'CD001' || v[0] === 255) break
      if (v[0] === 1) primary ??= v
      else if (v[0] === 2 && v[88] === 0x25 && v[89] === 0x2f && [0x40, 0x43, 0x45].includes(v[90]!)) joliet ??= v
    }
    if (!primary) throw new PlanError(Enotiso)
    const plan9 = latin(primary.subarray(8, 14)) === 'PLAN 9' && !o.noplan9
    const kind: Kind = plan9 ? 'plan9' : 'plain'
    const plain = new Iso(blocks, rootOf(primary), kind, -1)
    if (kind === 'plan9') return plain
    if (joliet && !o.nojoliet) return new Iso(blocks, rootOf(joliet), 'joliet', -1)
    const susp = o.norock ? -1 : await plain.suspStart()
    return susp < 0 ? plain : new Iso(blocks, rootOf(primary), 'plain', susp)
  }

  /** Where Rock Ridge begins in a system use area; -1 without it. The root's own entry says so. */
  private async suspStart(): Promise<number> {
    const { offset } = this.root.extents[0]!
    const b = await this.blocks.read(offset, SECTOR)
    const use = systemUse(b.subarray(0, b[0]))
    if (use.length < 7 || latin(use.subarray(0, 2)) !== 'SP' || use[4] !== 0xbe || use[5] !== 0xef) return -1
    let rock = false
    let nm = false
    for await (const e of this.entries(use)) {
      const sig = latin(e.subarray(0, 2))
      if (sig === 'RR' || (sig === 'ER' && /^(RRIP_1991A|IEEE_P1282)/.test(latin(e.subarray(8, 18))))) rock = true
      if (sig === 'PX') nm = true
    }
    return rock || nm ? use[6]! : -1
  }

  /** The entries of a system use area, and of what continues it. */
  private async *entries(use: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < MAXCONT; i++) {
      let more: [number, number, number] | undefined
      for (let at = 0; at + 4 <= use.length; ) {
        const len = use[at + 2]!
        if (len < 4 || at + len > use.length) break
        const e = use.subarray(at, at + len)
        const sig = latin(e.subarray(0, 2))
        if (sig === 'ST') return
        if (sig === 'CE' && len >= 28) more = [le32(e, 4), le32(e, 12), le32(e, 20)]
        yield e
        at += len
      }
      if (!more || more[2] > SECTOR) return
      use = await this.blocks.read(more[0] * SECTOR + more[1], more[2])
    }
  }

  /** The entries of a directory but `.` and `..`. @throws PlanError */
  async readdir(dir: IsoFile): Promise<IsoFile[]> {
    const files: IsoFile[] = []
    if (dir.length > MAXDIR) throw new PlanError(Ebaddir)
    const bytes = await this.read(dir, 0, dir.length)
    let part: IsoFile | undefined
    for (let at = 0; at < bytes.length; ) {
      const len = bytes[at]!
      if (len === 0) {
        at = (Math.floor(at / SECTOR) + 1) * SECTOR
        continue
      }
      const rec = bytes.subarray(at, at + len)
      if (len < 34 || rec.length < len || 33 + rec[32]! > len) throw new PlanError(Ebaddir)
      at += len
      if (rec[32] === 1 && rec[33]! <= 1) continue
      const f = await this.record(rec, at - len)
      if (!f) continue
      if (part && part.name === f.name) {
        part.extents.push(...f.extents)
        part.length += f.length
      } else {
        files.push(f)
        part = f
      }
      if (!(rec[25]! & 0x80)) part = undefined
    }
    return files
  }

  private async record(rec: Uint8Array, at: number): Promise<IsoFile | undefined> {
    const dir = (rec[25]! & 2) !== 0
    const n = rec[32]!
    const raw = rec.subarray(33, 33 + n)
    const offset = le32(rec, 2) * SECTOR
    const size = le32(rec, 10)
    const f: IsoFile = {
      name: '',
      mode: 0o444 | (dir ? DMDIR | 0o111 : 0),
      uid: 'cdrom',
      gid: this.kind === 'joliet' ? 'joliet' : this.susp >= 0 ? 'ridge' : 'iso9660',
      mtime: date(rec.subarray(18, 25)),
      length: size,
      path: offset / SECTOR,
      extents: [{ offset, size }],
    }
    const use = systemUse(rec, at)
    if (this.kind === 'joliet') {
      const u = Array.from({ length: n >> 1 }, (_, i) => (raw[2 * i]! << 8) | raw[2 * i + 1]!)
      f.name = String.fromCharCode(...u)
    } else f.name = latin(raw).toLowerCase()
    if (this.kind === 'plan9' && use.length > 0) this.plan9(f, use, rec, at)
    else {
      if (!dir) f.name = f.name.replace(/;.*$/s, '').replace(/^([^.]+)\.$/, '$1')
      if (this.susp >= 0 && !(await this.rock(f, use.subarray(this.susp)))) return undefined
    }
    if (f.name === '' || f.name === '.' || f.name === '..' || /[/\0]/.test(f.name)) return undefined
    return f
  }

  /** Three strings, each behind its length: the name where it is not the record's, owner and group; then, even, the mode. */
  private plan9(f: IsoFile, use: Uint8Array, rec: Uint8Array, at: number): void {
    let i = 0
    const string = () => {
      const n = use[i] ?? 0
      const s = utf8.decode(use.subarray(i + 1, i + 1 + n))
      i += 1 + n
      return s
    }
    f.name = string() || f.name
    f.uid = string()
    f.gid = string()
    i += (at + (use.byteOffset - rec.byteOffset) + i) & 1
    if (i + 4 <= use.length) f.mode = le32(use, i)
  }

  /** False: a directory that was moved, and is shown where it belongs. */
  private async rock(f: IsoFile, use: Uint8Array): Promise<boolean> {
    let name = ''
    let moved = false
    for await (const e of this.entries(use)) {
      const sig = latin(e.subarray(0, 2))
      if (sig === 'PX' && e.length >= 8) {
        const mode = le32(e, 4)
        f.mode = mode & 0o777
        if ((mode & 0o170000) === 0o040000) f.mode |= DMDIR
        // A symbolic link, as Plan 9 has none, is a file of nothing.
      } else if (sig === 'NM' && !(e[4]! & 6)) name += utf8.decode(e.subarray(5))
      else if (sig === 'CL') {
        // A directory that stands deeper than the format goes: its first record tells of itself.
        const offset = le32(e, 4) * SECTOR
        const own = await this.blocks.read(offset, SECTOR)
        if (own.length < 34) throw new PlanError(Ebaddir)
        moved = true
        f.length = le32(own, 10)
        f.path = offset / SECTOR
        f.extents = [{ offset, size: f.length }]
      } else if (sig === 'RE') return false
    }
    if (moved) f.mode = DMDIR | (f.mode & 0o777) | 0o111
    if (name !== '') f.name = name
    return true
  }

  /** The entry of a directory's by a name, in either case where the image has no case. */
  named(files: IsoFile[], name: string): IsoFile | undefined {
    const want = name.toLowerCase()
    return files.find(f => f.name === name) ?? (this.exact ? undefined : files.find(f => f.name.toLowerCase() === want))
  }

  /** The file at a path from the root; undefined: there is none. @throws PlanError */
  async find(path: string): Promise<IsoFile | undefined> {
    let at: IsoFile | undefined = this.root
    for (const name of path.split('/').filter(n => n !== '')) {
      if (!(at.mode & DMDIR)) return undefined
      at = this.named(await this.readdir(at), name)
      if (!at) return undefined
    }
    return at
  }

  /** Bytes of a file, as many as there are. @throws PlanError Eio: the image is cut short */
  async read(f: IsoFile, offset: number, n: number): Promise<Uint8Array> {
    const end = Math.min(offset + n, f.length)
    const parts: Uint8Array[] = []
    let base = 0
    for (const e of f.extents) {
      const from = Math.max(offset - base, 0)
      const to = Math.min(end - base, e.size)
      if (from < to) {
        const b = await this.blocks.read(e.offset + from, to - from)
        if (b.length < to - from) throw new PlanError(Eio)
        parts.push(b)
      }
      base += e.size
    }
    return parts.length === 1 ? parts[0]! : concat(parts)
  }
}

function le32(b: Uint8Array, at: number): number {
  return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0
}

/** What of a record, `at` bytes into its directory, is behind its name: it begins at an even place. */
function systemUse(rec: Uint8Array, at = 0): Uint8Array {
  const end = 33 + (rec[32] ?? 0)
  return rec.subarray(end + ((at + end) & 1))
}

function rootOf(v: Uint8Array): IsoFile {
  const rec = v.subarray(156, 190)
  const offset = le32(rec, 2) * SECTOR
  const length = le32(rec, 10)
  return {
    name: '/',
    mode: DMDIR | 0o555,
    uid: 'cdrom',
    gid: 'iso9660',
    mtime: date(rec.subarray(18, 25)),
    length,
    path: offset / SECTOR,
    extents: [{ offset, size: length }],
  }
}

/** One place in one image. */
interface Aux {
  image: Image
  file: IsoFile
  parent: Aux | undefined
}

interface Image {
  iso: Iso
  /** What the image was opened by: files of two images do not share a qid. */
  number: number
  dirs: Map<number, Promise<IsoFile[]>>
}

/** A file server of images; the spec of an attach names one. `open` finds it. */
export function isoSrv(open: (spec: string) => Promise<Iso>): Srv<Aux> {
  const images = new Map<string, Promise<Image>>()
  const qid = ({ image, file }: Aux): Qid => ({
    type: file.mode & DMDIR ? QTDIR : 0,
    vers: 0,
    path: (BigInt(image.number) << 33n) | (BigInt(file.mode & DMDIR ? 1 : 0) << 32n) | BigInt(file.path),
  })
  const list = ({ image, file }: Aux): Promise<IsoFile[]> => {
    let files = image.dirs.get(file.path)
    if (!files) {
      files = image.iso.readdir(file)
      files.catch(() => image.dirs.delete(file.path))
      image.dirs.set(file.path, files)
    }
    return files
  }
  const dir = (a: Aux): Dir => {
    const { file } = a
    const isdir = (file.mode & DMDIR) !== 0
    return {
      type: 0,
      dev: 0,
      qid: qid(a),
      mode: file.mode & ~0o222,
      atime: file.mtime,
      mtime: file.mtime,
      length: isdir ? 0n : BigInt(file.length),
      name: a.parent ? file.name : '/',
      uid: file.uid,
      gid: file.gid,
      muid: '',
    }
  }
  return {
    async attach(_uname, aname) {
      let image = images.get(aname)
      if (!image) {
        const number = images.size
        image = open(aname).then(iso => ({ iso, number, dirs: new Map() }))
        image.catch(() => images.delete(aname))
        images.set(aname, image)
      }
      const { iso } = await image
      const aux: Aux = { image: await image, file: iso.root, parent: undefined }
      return { aux, qid: qid(aux) }
    },
    async walk1(aux, name) {
      if (name === '..') {
        const up = aux.parent ?? aux
        return { aux: up, qid: qid(up) }
      }
      const files = await list(aux)
      const file = aux.image.iso.named(files, name)
      if (!file) throw new PlanError(Enonexist)
      const next: Aux = { image: aux.image, file, parent: aux }
      return { aux: next, qid: qid(next) }
    },
    stat: fid => dir(fid.aux),
    open(_fid, mode) {
      if (mode & (OWRITE | OTRUNC | ORCLOSE) && (mode & 3) !== 3) throw new PlanError(Eperm)
    },
    create() {
      throw new PlanError(Eperm)
    },
    remove() {
      throw new PlanError(Eperm)
    },
    wstat(_fid, change) {
      if (Object.keys(change).length > 0) throw new PlanError(Eperm)
    },
    read: (fid, offset, count) => fid.aux.image.iso.read(fid.aux.file, offset, count),
    readdir: async fid => (await list(fid.aux)).map(file => dir({ image: fid.aux.image, file, parent: fid.aux })),
  }
}
