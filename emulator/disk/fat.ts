import { concat } from '../../plan9/9p/bit.ts'
import { DMDIR, DMEXCL } from '../../plan9/9p/const.ts'
import { Eexist, Eio, Eisdir, Enonexist, Enotdir, Enotempty, Eperm, PlanError } from '../../plan9/error.ts'
import type { Disk } from './blocks.ts'
import {
  ATTR_ARCHIVE,
  ATTR_DIR,
  ATTR_RDONLY,
  ATTR_SYSTEM,
  dots,
  END,
  ENTRY,
  type Entry,
  entries,
  FREE,
  fold,
  makeshort,
  nameentries,
  shortname,
  validname,
} from './fatname.ts'

/** FAT file systems with long names, read and written: FAT32, FAT16, and FAT12 as floppies have it. */

/** What directories are written by. */
const SECTOR = 512
/** Entries of a directory, bytes of a file at most. */
const MAXENTRIES = 65536
const MAXLENGTH = 0xffffffff
/** Zeros are written in pieces of so many bytes. */
const PIECE = 1 << 20

export const Enotfat = 'not a FAT file system'
export const Efull = 'file system full'
export const Edirfull = 'directory full'
export const Etoolarge = 'file too large'
export const Ebadchain = 'bad cluster chain'
export const Ebaddir = 'bad directory'

/** What sector 0 says, in bytes where nothing else is said. */
export interface Geometry {
  type: 12 | 16 | 32
  sector: number
  cluster: number
  /** Of the first FAT, of one, how many there are; the one in use where they are not kept alike, or -1. */
  fat: number
  fatsize: number
  fats: number
  active: number
  /** The root's entries, where it is no file: FAT12 and FAT16. */
  root: number
  rootsize: number
  /** The root's first cluster: FAT32. */
  rootcluster: number
  /** Of cluster 2; how many clusters there are. */
  data: number
  clusters: number
  /** FSInfo; 0: there is none. */
  info: number
  /** Of the byte that says that the volume is in use; 0: there is none. */
  state: number
  /** Bytes of the volume. */
  size: number
}

/** @throws PlanError Enotfat */
export function geometry(b: Uint8Array): Geometry {
  const bad = () => new PlanError(Enotfat)
  if (b.length < SECTOR) throw bad()
  const v = new DataView(b.buffer, b.byteOffset, b.length)
  const sector = v.getUint16(11, true)
  const per = b[13]!
  const reserved = v.getUint16(14, true)
  const fats = b[16]!
  const rootentries = v.getUint16(17, true)
  const small = v.getUint16(22, true)
  const fat32 = small === 0
  const fatsize = (fat32 ? v.getUint32(36, true) : small) * sector
  const sectors = v.getUint16(19, true) || v.getUint32(32, true)
  if (![512, 1024, 2048, 4096].includes(sector) || per === 0 || per & (per - 1) || per * sector > 1 << 18) throw bad()
  if (b[0] !== 0xeb && b[0] !== 0xe9 && !(b[510] === 0x55 && b[511] === 0xaa)) throw bad()
  if (reserved === 0 || fats === 0 || fats > 4 || fatsize === 0 || (rootentries === 0) !== fat32) throw bad()
  const fat = reserved * sector
  const root = fat + fats * fatsize
  const rootsize = rootentries * ENTRY
  const data = root + Math.ceil(rootsize / sector) * sector
  const cluster = per * sector
  let clusters = Math.floor((sectors * sector - data) / cluster)
  if (clusters < 1) throw bad()
  const type = fat32 ? 32 : clusters < 4085 ? 12 : 16
  clusters = Math.min(clusters, Math.floor((fatsize * 8) / type) - 2, 0x0ffffff5)
  if (clusters < 1) throw bad()
  const flags = fat32 ? v.getUint16(40, true) : 0
  const info = fat32 ? v.getUint16(48, true) : 0
  const signed = b[fat32 ? 66 : 38]
  return {
    type,
    sector,
    cluster,
    fat,
    fatsize,
    fats,
    active: flags & 0x80 && (flags & 15) < fats ? flags & 15 : -1,
    root,
    rootsize,
    rootcluster: fat32 ? v.getUint32(44, true) & 0x0fffffff : 0,
    data,
    clusters,
    info: info > 0 && info < reserved ? info * sector : 0,
    state: signed === 0x28 || signed === 0x29 ? (fat32 ? 65 : 37) : 0,
    size: sectors * sector,
  }
}

/** The two numbers of a date and time; they have no zone, and are taken for GMT's. */
export function dosdate(mtime: number): [number, number] {
  const d = new Date(Math.min(Math.max(mtime, 315532800), 4354819198) * 1000)
  return [
    ((d.getUTCFullYear() - 1980) << 9) | ((d.getUTCMonth() + 1) << 5) | d.getUTCDate(),
    (d.getUTCHours() << 11) | (d.getUTCMinutes() << 5) | (d.getUTCSeconds() >> 1),
  ]
}

/** Seconds since the epoch. */
function unixdate(date: number, time: number): number {
  const month = Math.max(((date >> 5) & 15) - 1, 0)
  return (
    Date.UTC(1980 + (date >> 9), month, Math.max(date & 31, 1), time >> 11, (time >> 5) & 63, (time & 31) * 2) / 1000
  )
}

/** Clusters in a row: the first one's number in the file, and on the disk. */
interface Run {
  at: number
  cluster: number
  n: number
}

/** A directory that has been read. */
interface Dir {
  bytes: Uint8Array
  files: Set<FatFile>
  /** By the names folded; by the short ones. */
  names: Map<string, FatFile>
  aliases: Map<string, FatFile>
  /** The first entry that has never been used; how many in front of it are free. */
  end: number
  free: number
  /** Sectors that are not written yet. */
  dirty: Set<number>
}

/** A file or directory: the same one is the same object as long as the file system is open. */
export class FatFile {
  name: string
  attr: number
  /** Bytes; 0 for a directory. */
  length: number
  /** Seconds since the epoch. */
  mtime: number
  /** Of the root: undefined. */
  parent: FatFile | undefined
  /** A number that no other file has, and how often it was changed. */
  readonly id: number
  vers = 0
  /** It has been removed. */
  gone = false
  /** @internal */
  first: number
  /** @internal */
  alias = ''
  /** @internal Its entries in the parent. */
  slot = 0
  /** @internal */
  slots = 0
  /** @internal */
  runs: Run[] | undefined
  /** @internal */
  dir: Dir | undefined

  constructor(id: number, name: string, attr: number, first: number, length: number, mtime: number) {
    this.id = id
    this.name = name
    this.attr = attr
    this.first = first
    this.length = length
    this.mtime = mtime
  }

  get isdir(): boolean {
    return (this.attr & ATTR_DIR) !== 0
  }

  /** As dossrv(4) has it: what is read only cannot be written, a system file is one for exclusive use. */
  get mode(): number {
    const perm = this.attr & ATTR_RDONLY ? 0o444 : 0o666
    return this.isdir ? (DMDIR | perm | 0o111) >>> 0 : ((this.attr & ATTR_SYSTEM ? DMEXCL : 0) | perm) >>> 0
  }
}

const copyOf = (b: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(b)
const now = () => Math.floor(Date.now() / 1000)

export class Fat {
  readonly root: FatFile
  readonly geometry: Geometry
  readonly disk: Disk
  readonly readonly: boolean
  /** The FAT as it is used: of FAT32 the upper four bits are not a number's. */
  private readonly table: Uint32Array | Uint16Array
  /** The bytes of `table`, except of a FAT12. */
  private readonly bytes: Uint8Array
  /** Sectors of the FAT that are not written yet. */
  private readonly changed: Uint8Array
  private anychanged = false
  private readonly mask: number
  /** Clusters are below this; the end of a chain is not below `eoc`. */
  private readonly limit: number
  private readonly eoc: number
  /** Clusters that are free, and where to look for one. */
  private free = 0
  private next = 2
  /** There are changes that are not written; somebody else had left such. */
  private dirty = false
  private readonly wasdirty: boolean
  private readonly dirs = new Set<FatFile>()
  /** Directories by their first clusters: none is read as two. */
  private readonly claimed = new Map<number, FatFile>()
  private ids = 0
  /** What is done after what is under way. */
  private tail: Promise<unknown> = Promise.resolve()

  private constructor(disk: Disk, g: Geometry, boot: Uint8Array, bytes: Uint8Array<ArrayBuffer>, readonly: boolean) {
    this.disk = disk
    this.geometry = g
    this.readonly = readonly
    this.bytes = bytes
    this.limit = g.clusters + 2
    this.mask = { 12: 0xfff, 16: 0xffff, 32: 0x0fffffff }[g.type]
    this.eoc = this.mask - 7
    this.table = g.type === 32 ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer)
    if (g.type === 12) {
      this.table = new Uint16Array(this.limit)
      for (let c = 0; c < this.limit; c++) {
        const at = c + (c >> 1)
        const two = bytes[at]! | (bytes[at + 1]! << 8)
        this.table[c] = c & 1 ? two >> 4 : two & 0xfff
      }
    }
    this.changed = new Uint8Array(Math.ceil(g.fatsize / g.sector))
    for (let c = 2; c < this.limit; c++) if ((this.table[c]! & this.mask) === 0) this.free++
    const clean = g.type === 32 ? 0x08000000 : 0x8000
    this.wasdirty = (g.type !== 12 && !(this.table[1]! & clean)) || (g.state > 0 && (boot[g.state]! & 1) !== 0)
    this.root = new FatFile(this.ids++, '/', ATTR_DIR, g.rootcluster, 0, 0)
  }

  /** @throws PlanError Enotfat, i/o error */
  static async open(disk: Disk, o: { readonly?: boolean } = {}): Promise<Fat> {
    const boot = await disk.read(0, SECTOR)
    const g = geometry(boot)
    const at = g.fat + Math.max(g.active, 0) * g.fatsize
    // No size is believed before it is compared with what is there.
    if (at + g.fatsize > disk.size) throw new PlanError(Eio)
    // Of a FAT that is larger than its clusters need, the rest is left alone.
    const need = Math.min(g.fatsize, Math.ceil(((g.clusters + 2) * g.type) / 8 / g.sector) * g.sector)
    const bytes = await disk.read(at, need)
    if (bytes.length < need) throw new PlanError(Eio)
    const fat = new Fat(disk, g, boot, copyOf(bytes), o.readonly ?? false)
    const info = g.info === 0 ? undefined : await fat.info()
    if (info) {
      const next = new DataView(info.buffer, info.byteOffset).getUint32(492, true)
      if (next >= 2 && next < fat.limit) fat.next = next
    }
    return fat
  }

  /** FSInfo; undefined: it is not there. */
  private async info(): Promise<Uint8Array | undefined> {
    const b = copyOf(await this.disk.read(this.geometry.info, SECTOR))
    if (b.length < SECTOR) return undefined
    const v = new DataView(b.buffer)
    return v.getUint32(0, true) === 0x41615252 && v.getUint32(484, true) === 0x61417272 ? b : undefined
  }

  /** Bytes that files can still take. */
  get available(): number {
    return this.free * this.geometry.cluster
  }

  /** Another had changes under way, and did not end. */
  get unclean(): boolean {
    return this.wasdirty
  }

  /** What a cluster's place in the FAT says. */
  entry(cluster: number): number {
    return this.table[cluster]! & this.mask
  }

  /** Whether what a FAT's entry says is a chain's end; is a cluster. */
  ends(value: number): boolean {
    return value >= this.eoc
  }
  iscluster(value: number): boolean {
    return value >= 2 && value < this.limit
  }

  private alone<T>(f: () => Promise<T>): Promise<T> {
    const p = this.tail.then(f)
    this.tail = p.catch(() => {})
    return p
  }

  // The FAT.

  private set(cluster: number, value: number): void {
    const t = this.table
    const was = t[cluster]! & this.mask
    if (was === 0 && value !== 0) this.free--
    else if (was !== 0 && value === 0) this.free++
    t[cluster] = (t[cluster]! & ~this.mask) | value
    this.mark(cluster)
  }

  private mark(cluster: number): void {
    const { type, sector } = this.geometry
    const at = type === 12 ? cluster + (cluster >> 1) : cluster * (type >> 3)
    this.changed[Math.floor(at / sector)] = 1
    if (type === 12) this.changed[Math.floor((at + 1) / sector)] = 1
    this.anychanged = true
  }

  /** n free clusters, as they lie, from `near` on where that is free; linked, behind `last` where there is one. */
  private allocate(n: number, last: number): { cluster: number; n: number }[] {
    if (n > this.free) throw new PlanError(Efull)
    const runs: { cluster: number; n: number }[] = []
    let c = last > 0 ? last + 1 : this.next
    let behind = last
    for (let left = n; left > 0; c++) {
      if (c >= this.limit) c = 2
      if (this.entry(c) !== 0) continue
      if (behind > 0) this.set(behind, c)
      this.set(c, this.mask)
      const run = runs.at(-1)
      if (run && behind + 1 === c) run.n++
      else runs.push({ cluster: c, n: 1 })
      behind = c
      left--
    }
    this.next = c >= this.limit ? 2 : c
    return runs
  }

  /**
   * Where a file lies: as many clusters as its length takes. What the FAT has behind them is not taken for the file's, for
   * 9front's dossrv leaves it there when it has made a file shorter, and gives it to others.
   *
   * @throws PlanError Ebadchain: the FAT has a loop, leaves the disk, or ends before the file does
   */
  private chain(f: FatFile): Run[] {
    if (f.runs) return f.runs
    const runs: Run[] = []
    let n = 0
    const { cluster, clusters } = this.geometry
    if (f.first !== 0)
      for (let c = f.first; f.isdir || n * cluster < f.length; ) {
        if (!this.iscluster(c) || n >= clusters) throw new PlanError(Ebadchain)
        const run = runs.at(-1)
        if (run && run.cluster + run.n === c) run.n++
        else runs.push({ at: n, cluster: c, n: 1 })
        n++
        const next = this.entry(c)
        if (this.ends(next)) break
        c = next
      }
    if (n * cluster < f.length) throw new PlanError(Ebadchain)
    f.runs = runs
    return runs
  }

  private clusters(runs: Run[]): number {
    const last = runs.at(-1)
    return last ? last.at + last.n : 0
  }

  /** Gives a file clusters at its end, until it has n. */
  private extend(f: FatFile, n: number): void {
    const runs = this.chain(f)
    const have = this.clusters(runs)
    if (n <= have) return
    const last = runs.at(-1)
    const more = this.allocate(n - have, last ? last.cluster + last.n - 1 : 0)
    if (!last) f.first = more[0]!.cluster
    let at = have
    for (const m of more) {
      const r = runs.at(-1)
      if (r && r.cluster + r.n === m.cluster) r.n += m.n
      else runs.push({ at, ...m })
      at += m.n
    }
  }

  /** Takes what is behind a file's first n clusters. */
  private cut(f: FatFile, n: number): void {
    const runs = this.chain(f)
    while (runs.length > 0) {
      const run = runs.at(-1)!
      const keep = Math.max(n - run.at, 0)
      if (keep >= run.n) {
        this.set(run.cluster + run.n - 1, this.mask)
        break
      }
      for (let i = keep; i < run.n; i++) this.set(run.cluster + i, 0)
      run.n = keep
      if (keep > 0) {
        this.set(run.cluster + keep - 1, this.mask)
        break
      }
      runs.pop()
    }
    if (runs.length === 0) f.first = 0
  }

  /** Bytes [from, to) of a file, part after part: where on the disk, and how many. */
  private *parts(runs: Run[], from: number, to: number): Generator<[number, number]> {
    const { cluster, data } = this.geometry
    let lo = 0
    for (let hi = runs.length; lo + 1 < hi; ) {
      const mid = (lo + hi) >> 1
      if (runs[mid]!.at * cluster <= from) lo = mid
      else hi = mid
    }
    for (; from < to; lo++) {
      const run = runs[lo]!
      const n = Math.min(to, (run.at + run.n) * cluster) - from
      yield [data + (run.cluster - 2) * cluster + (from - run.at * cluster), n]
      from += n
    }
  }

  // Directories.

  /** @throws PlanError Enotdir, Ebaddir, Ebadchain, Enonexist: it was removed */
  private async load(d: FatFile): Promise<Dir> {
    if (!d.isdir) throw new PlanError(Enotdir)
    if (d.gone) throw new PlanError(Enonexist)
    if (d.dir) return d.dir
    const { root, rootsize, cluster } = this.geometry
    let bytes: Uint8Array
    if (d === this.root && rootsize > 0) bytes = copyOf(await this.disk.read(root, rootsize))
    else {
      const other = this.claimed.get(d.first)
      if (d.first === 0 || (other && other !== d)) throw new PlanError(Ebaddir)
      const runs = this.chain(d)
      if (this.clusters(runs) * cluster > MAXENTRIES * ENTRY + cluster) throw new PlanError(Ebaddir)
      bytes = copyOf(await this.readruns(runs, 0, this.clusters(runs) * cluster))
      this.claimed.set(d.first, d)
    }
    if (bytes.length < rootsize && d === this.root) throw new PlanError(Eio)
    const dir = this.newdir(bytes)
    for (const e of entries(bytes)) if (!dots(e) && e.name !== '') this.enter(d, dir, this.file(e))
    d.dir = dir
    return dir
  }

  private newdir(bytes: Uint8Array): Dir {
    const slots = Math.floor(bytes.length / ENTRY)
    let end = 0
    let free = 0
    while (end < slots && bytes[end * ENTRY] !== END) if (bytes[end++ * ENTRY] === FREE) free++
    return { bytes, files: new Set(), names: new Map(), aliases: new Map(), end, free, dirty: new Set() }
  }

  private file(e: Entry): FatFile {
    const v = new DataView(e.raw.buffer, e.raw.byteOffset, ENTRY)
    const isdir = (e.raw[11]! & ATTR_DIR) !== 0
    const high = this.geometry.type === 32 ? v.getUint16(20, true) : 0
    const first = ((high << 16) | v.getUint16(26, true)) & 0x0fffffff
    const mtime = unixdate(v.getUint16(24, true), v.getUint16(22, true))
    const f = new FatFile(this.ids++, e.name, e.raw[11]!, first, isdir ? 0 : v.getUint32(28, true), mtime)
    f.alias = e.alias
    f.slot = e.slot
    f.slots = e.slots
    return f
  }

  /** Of names that are there twice the first counts. */
  private enter(d: FatFile, dir: Dir, f: FatFile): void {
    f.parent = d
    dir.files.add(f)
    const name = fold(f.name)
    if (!dir.names.has(name)) dir.names.set(name, f)
    if (!dir.aliases.has(f.alias)) dir.aliases.set(f.alias, f)
  }

  private leave(dir: Dir, f: FatFile): void {
    dir.files.delete(f)
    const name = fold(f.name)
    if (dir.names.get(name) === f) dir.names.delete(name)
    if (dir.aliases.get(f.alias) === f) dir.aliases.delete(f.alias)
  }

  private find(dir: Dir, name: string): FatFile | undefined {
    const key = fold(name)
    return dir.names.get(key) ?? dir.aliases.get(key)
  }

  private markdir(d: FatFile, dir: Dir, slot: number, slots: number): void {
    for (let s = Math.floor((slot * ENTRY) / SECTOR); s * SECTOR < (slot + slots) * ENTRY; s++) dir.dirty.add(s)
    this.dirs.add(d)
  }

  /** Where n entries in a row are free. @throws PlanError Edirfull, Efull */
  private room(d: FatFile, dir: Dir, n: number): number {
    const slots = Math.floor(dir.bytes.length / ENTRY)
    let at = dir.end
    if (dir.free > 0)
      for (let i = 0, row = 0; i < dir.end; i++) {
        row = dir.bytes[i * ENTRY] === FREE ? row + 1 : 0
        if (row === n || (i === dir.end - 1 && row > 0)) {
          at = i - row + 1
          break
        }
      }
    const short = at + n - slots
    if (short > 0) {
      const { cluster, rootsize } = this.geometry
      if (at + n > MAXENTRIES || (d === this.root && rootsize > 0)) throw new PlanError(Edirfull)
      const have = this.clusters(this.chain(d))
      this.extend(d, have + Math.ceil((short * ENTRY) / cluster))
      const bytes = new Uint8Array(this.clusters(d.runs!) * cluster)
      bytes.set(dir.bytes)
      dir.bytes = bytes
      this.markdir(d, dir, slots, bytes.length / ENTRY - slots)
    }
    return at
  }

  /** Puts a file's entries into a directory, where they are free. */
  private put(d: FatFile, dir: Dir, f: FatFile, name: string, attr: number): void {
    const short = makeshort(name, alias => dir.names.has(alias) || dir.aliases.has(alias))
    const b = nameentries(name, short)
    const n = b.length / ENTRY
    const at = this.room(d, dir, n)
    for (let i = at; i < Math.min(at + n, dir.end); i++) if (dir.bytes[i * ENTRY] === FREE) dir.free--
    dir.bytes.set(b, at * ENTRY)
    let marks = n
    if (at + n > dir.end) {
      dir.end = at + n
      // What follows the end may never have been cleared.
      if (dir.end * ENTRY < dir.bytes.length) {
        dir.bytes[dir.end * ENTRY] = END
        marks++
      }
    }
    f.name = name
    f.attr = attr
    f.alias = shortname(b.subarray(-ENTRY))
    f.slot = at
    f.slots = n
    this.enter(d, dir, f)
    this.markdir(d, dir, at, marks)
  }

  /** Writes a file's own entry again. */
  private update(f: FatFile): void {
    f.vers++
    const d = f.parent
    if (!d) return
    const at = (f.slot + f.slots - 1) * ENTRY
    this.fill(d.dir!.bytes.subarray(at, at + ENTRY), f)
    this.markdir(d, d.dir!, f.slot + f.slots - 1, 1)
  }

  private fill(e: Uint8Array, f: FatFile): void {
    const v = new DataView(e.buffer, e.byteOffset, ENTRY)
    const [date, time] = dosdate(f.mtime)
    e[11] = f.attr
    v.setUint16(18, date, true)
    v.setUint16(22, time, true)
    v.setUint16(24, date, true)
    if (this.geometry.type === 32) v.setUint16(20, f.first >>> 16, true)
    v.setUint16(26, f.first & 0xffff, true)
    v.setUint32(28, f.length, true)
  }

  /** Files of a directory have come or gone. */
  private touched(d: FatFile): void {
    d.mtime = now()
    this.update(d)
  }

  // What a user of it calls.

  /** @throws PlanError */
  readdir(d: FatFile): Promise<FatFile[]> {
    return this.alone(async () => [...(await this.load(d)).files])
  }

  /** The file of a directory that is called so; undefined: there is none. @throws PlanError */
  lookup(d: FatFile, name: string): Promise<FatFile | undefined> {
    return this.alone(async () => this.find(await this.load(d), name))
  }

  /** The file at a path from the root. @throws PlanError Enonexist, Enotdir */
  async walk(path: string): Promise<FatFile> {
    let f = this.root
    for (const name of path.split('/')) {
      if (name === '' || name === '.') continue
      const next = name === '..' ? (f.parent ?? f) : await this.lookup(f, name)
      if (!next) throw new PlanError(Enonexist)
      f = next
    }
    return f
  }

  /** Bytes of a file, as many as there are. @throws PlanError Ebadchain, i/o error: the disk is cut short */
  read(f: FatFile, offset: number, n: number): Promise<Uint8Array> {
    return this.alone(async () => {
      if (f.isdir) throw new PlanError(Eisdir)
      if (f.gone) throw new PlanError(Enonexist)
      const to = Math.min(offset + n, f.length)
      return offset >= to ? new Uint8Array(0) : this.readruns(this.chain(f), offset, to)
    })
  }

  private async readruns(runs: Run[], from: number, to: number): Promise<Uint8Array> {
    const got: Uint8Array[] = []
    for (const [at, n] of this.parts(runs, from, to)) {
      if (at + n > this.disk.size) throw new PlanError(Eio)
      const b = await this.disk.read(at, n)
      if (b.length < n) throw new PlanError(Eio)
      got.push(b)
    }
    return concat(got)
  }

  /** What is between a file's end and `offset` is zeros. @throws PlanError Efull, Etoolarge: nothing is written then */
  write(f: FatFile, offset: number, data: Uint8Array): Promise<void> {
    return this.change(f, async () => {
      const end = offset + data.length
      if (data.length === 0) return
      if (end > MAXLENGTH) throw new PlanError(Etoolarge)
      await this.reach(f, end, offset)
      let done = 0
      for (const [at, n] of this.parts(f.runs!, offset, end)) {
        await this.write1(f, at, data.subarray(done, done + n))
        done += n
      }
      f.length = Math.max(f.length, end)
      this.modified(f)
    })
  }

  /** Clusters for `end` bytes, and zeros from the file's end to `zeros`. */
  private async reach(f: FatFile, end: number, zeros: number): Promise<void> {
    this.extend(f, Math.ceil(end / this.geometry.cluster))
    if (zeros <= f.length) return
    const blank = new Uint8Array(Math.min(PIECE, zeros - f.length))
    for (const [at, n] of this.parts(f.runs!, f.length, zeros))
      for (let i = 0; i < n; i += blank.length) await this.write1(f, at + i, blank.subarray(0, n - i))
  }

  /** Where the disk refuses, the file has no more clusters than it needs. */
  private async write1(f: FatFile, at: number, data: Uint8Array): Promise<void> {
    try {
      await this.disk.write(at, data)
    } catch (e) {
      this.cut(f, Math.ceil(f.length / this.geometry.cluster))
      throw e
    }
  }

  private modified(f: FatFile): void {
    f.mtime = now()
    f.attr |= ATTR_ARCHIVE
    this.update(f)
  }

  /** Shorter, or longer by zeros. @throws PlanError Efull, Etoolarge */
  truncate(f: FatFile, length: number): Promise<void> {
    return this.change(f, async () => {
      if (length > MAXLENGTH) throw new PlanError(Etoolarge)
      if (length > f.length) await this.reach(f, length, length)
      else if (length > 0) this.cut(f, Math.ceil(length / this.geometry.cluster))
      else this.drop(f)
      f.length = length
      this.modified(f)
    })
  }

  /** All of a file's clusters; those of a bad chain are left, lost, for they may be another's. */
  private drop(f: FatFile): void {
    try {
      this.cut(f, 0)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
    f.first = 0
    f.runs = []
  }

  /** @throws PlanError Eexist, Efull, Edirfull and those of names */
  create(d: FatFile, name: string, o: { dir?: boolean; attr?: number; mtime?: number } = {}): Promise<FatFile> {
    return this.alone(async () => {
      validname(name)
      const dir = await this.load(d)
      if (this.find(dir, name)) throw new PlanError(Eexist)
      await this.begin()
      const attr = (o.attr ?? 0) | (o.dir ? ATTR_DIR : ATTR_ARCHIVE)
      const f = new FatFile(this.ids++, name, attr, 0, 0, o.mtime ?? now())
      if (o.dir) {
        // The entry and the directory's own cluster, or none of them.
        this.extend(f, 1)
        try {
          this.put(d, dir, f, name, attr)
        } catch (e) {
          this.cut(f, 0)
          throw e
        }
        f.dir = this.newdots(f, d)
        this.claimed.set(f.first, f)
        this.markdir(f, f.dir, 0, f.dir.bytes.length / ENTRY)
      } else this.put(d, dir, f, name, attr)
      this.update(f)
      this.touched(d)
      return f
    })
  }

  /** The directory at a path, made with its parents where it is not there. @throws PlanError Enotdir and those of create */
  async mkdir(path: string): Promise<FatFile> {
    let d = this.root
    for (const name of path.split('/')) {
      if (name === '' || name === '.') continue
      d = (await this.lookup(d, name)) ?? (await this.create(d, name, { dir: true }))
      if (!d.isdir) throw new PlanError(Enotdir)
    }
    return d
  }

  /** Puts a file at a path, with the directories that it takes, in place of one that is there. @throws PlanError */
  async add(path: string, data: Uint8Array, mtime?: number): Promise<FatFile> {
    const slash = path.lastIndexOf('/')
    const d = await this.mkdir(path.slice(0, Math.max(0, slash)))
    const name = path.slice(slash + 1)
    const old = await this.lookup(d, name)
    if (old) await this.truncate(old, 0)
    const f = old ?? (await this.create(d, name))
    await this.write(f, 0, data)
    if (mtime !== undefined) await this.setattr(f, { mtime })
    return f
  }

  /** The bytes of a new directory of `d`. */
  private newdots(f: FatFile, d: FatFile): Dir {
    const bytes = new Uint8Array(this.geometry.cluster)
    const dot = (at: number, name: string, first: number) => {
      const e = bytes.subarray(at, at + ENTRY)
      const file = new FatFile(0, name, ATTR_DIR, first, 0, f.mtime)
      e.fill(0x20, 0, 11)
      e.set(new TextEncoder().encode(name))
      this.fill(e, file)
    }
    dot(0, '.', f.first)
    dot(ENTRY, '..', d.parent ? d.first : 0)
    return this.newdir(bytes)
  }

  /** Within its directory or to another one. @throws PlanError Eexist, Eperm: into itself; and those of create */
  rename(f: FatFile, d: FatFile, name: string): Promise<void> {
    return this.alone(async () => {
      validname(name)
      const from = f.parent
      if (!from) throw new PlanError(Eperm)
      if (f.gone) throw new PlanError(Enonexist)
      const dir = await this.load(d)
      const other = this.find(dir, name)
      if (other && other !== f) throw new PlanError(Eexist)
      if (other === f && f.name === name) return
      for (let up: FatFile | undefined = d; up; up = up.parent) if (up === f) throw new PlanError(Eperm)
      const inside = f.isdir && from !== d ? await this.load(f) : undefined
      await this.begin()
      const was = { slot: f.slot, slots: f.slots, name: f.name, alias: f.alias, raw: this.raw(f) }
      // Its own old name is not in its way; it has it again when there is no room for the new one.
      this.leave(from.dir!, f)
      try {
        this.put(d, dir, f, name, f.attr)
      } catch (e) {
        this.enter(from, from.dir!, f)
        throw e
      }
      const kept = dir.bytes.subarray((f.slot + f.slots - 1) * ENTRY)
      kept.set(was.raw.subarray(11), 11)
      // The old name's case, where it had no long one.
      kept[12]! &= ~0x18
      this.clear(from, was.slot, was.slots)
      this.update(f)
      if (inside) {
        const v = new DataView(inside.bytes.buffer, inside.bytes.byteOffset)
        const up = d.parent ? d.first : 0
        if (inside.bytes[ENTRY] === 0x2e && inside.bytes[ENTRY + 1] === 0x2e) {
          if (this.geometry.type === 32) v.setUint16(ENTRY + 20, up >>> 16, true)
          v.setUint16(ENTRY + 26, up & 0xffff, true)
          this.markdir(f, inside, 1, 1)
        }
      }
      this.touched(from)
      if (d !== from) this.touched(d)
    })
  }

  private raw(f: FatFile): Uint8Array {
    const at = (f.slot + f.slots - 1) * ENTRY
    return f.parent!.dir!.bytes.slice(at, at + ENTRY)
  }

  private clear(d: FatFile, slot: number, slots: number): void {
    const dir = d.dir!
    for (let i = slot; i < slot + slots; i++) dir.bytes[i * ENTRY] = FREE
    dir.free += slots
    this.markdir(d, dir, slot, slots)
  }

  /** @throws PlanError Enotempty, Eperm: the root */
  remove(f: FatFile): Promise<void> {
    return this.alone(async () => {
      const d = f.parent
      if (!d) throw new PlanError(Eperm)
      if (f.gone) throw new PlanError(Enonexist)
      if (f.isdir && (await this.load(f)).files.size > 0) throw new PlanError(Enotempty)
      await this.begin()
      this.leave(d.dir!, f)
      this.clear(d, f.slot, f.slots)
      if (this.claimed.get(f.first) === f) this.claimed.delete(f.first)
      this.dirs.delete(f)
      this.drop(f)
      f.gone = true
      this.touched(d)
    })
  }

  /** Attributes but that of a directory, and the time. @throws PlanError */
  setattr(f: FatFile, o: { attr?: number; mtime?: number }): Promise<void> {
    return this.alone(async () => {
      if (f.gone) throw new PlanError(Enonexist)
      await this.begin()
      if (o.attr !== undefined) f.attr = (o.attr & ~ATTR_DIR) | (f.attr & ATTR_DIR)
      if (o.mtime !== undefined) f.mtime = o.mtime
      this.update(f)
    })
  }

  private change<T>(f: FatFile, g: () => Promise<T>): Promise<T> {
    return this.alone(async () => {
      if (f.isdir) throw new PlanError(Eisdir)
      if (f.gone) throw new PlanError(Enonexist)
      await this.begin()
      return g()
    })
  }

  /** Before the first change: the disk says that there will be some. @throws PlanError Eperm: it is read only */
  private async begin(): Promise<void> {
    if (this.readonly) throw new PlanError(Eperm)
    if (this.dirty) return
    this.dirty = true
    await this.clean(false)
  }

  private async clean(clean: boolean): Promise<void> {
    const { type, state } = this.geometry
    if (this.wasdirty) return
    if (type !== 12) {
      const bit = type === 32 ? 0x08000000 : 0x8000
      this.table[1] = clean ? this.table[1]! | bit : this.table[1]! & ~bit
      this.mark(1)
      await this.writefat()
    }
    if (state > 0) {
      const [b] = await this.disk.read(state, 1)
      await this.disk.write(state, Uint8Array.of(clean ? b! & ~1 : b! | 1))
    }
  }

  private async writefat(): Promise<void> {
    if (!this.anychanged) return
    const { type, sector, fat, fats, fatsize, active } = this.geometry
    if (type === 12)
      for (let c = 0; c < this.limit; c++) {
        const at = c + (c >> 1)
        const value = this.table[c]!
        if (c & 1) {
          this.bytes[at] = (this.bytes[at]! & 0x0f) | ((value & 15) << 4)
          this.bytes[at + 1] = value >> 4
        } else {
          this.bytes[at] = value & 0xff
          this.bytes[at + 1] = (this.bytes[at + 1]! & 0xf0) | (value >> 8)
        }
      }
    for (let s = 0; s < this.changed.length; s++) {
      if (this.changed[s] === 0) continue
      let end = s + 1
      while (this.changed[end] === 1) end++
      const b = this.bytes.subarray(s * sector, end * sector)
      for (let i = 0; i < fats; i++)
        if (active < 0 || active === i) await this.disk.write(fat + i * fatsize + s * sector, b)
      this.changed.fill(0, s, end)
      s = end
    }
    this.anychanged = false
  }

  private async writedir(d: FatFile, dir: Dir): Promise<void> {
    const fixed = d === this.root && this.geometry.rootsize > 0
    const sectors = [...dir.dirty].sort((a, b) => a - b)
    for (let i = 0; i < sectors.length; ) {
      let n = 1
      while (sectors[i + n] === sectors[i]! + n) n++
      const from = sectors[i]! * SECTOR
      const to = Math.min(from + n * SECTOR, dir.bytes.length)
      if (fixed) await this.disk.write(this.geometry.root + from, dir.bytes.subarray(from, to))
      else {
        let done = from
        for (const [at, n] of this.parts(this.chain(d), from, to)) {
          await this.disk.write(at, dir.bytes.subarray(done, done + n))
          done += n
        }
      }
      i += n
    }
    dir.dirty.clear()
  }

  /** Everything that was changed is on the disk, and the disk says so. */
  flush(): Promise<void> {
    return this.alone(async () => {
      if (!this.dirty) return
      for (const d of this.dirs) await this.writedir(d, d.dir!)
      this.dirs.clear()
      await this.writefat()
      const info = this.geometry.info > 0 ? await this.info() : undefined
      if (info) {
        const v = new DataView(info.buffer, info.byteOffset)
        v.setUint32(488, this.free, true)
        v.setUint32(492, this.next, true)
        await this.disk.write(this.geometry.info, info)
      }
      await this.clean(true)
      this.dirty = false
      await this.disk.flush?.()
    })
  }
}
