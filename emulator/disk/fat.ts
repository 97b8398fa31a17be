import { concat } from '../../plan9/9p/bit.ts'
import { Eexist, Eio, Eisdir, Enonexist, Enotdir, PlanError } from '../../plan9/error.ts'
import type { Disk } from './blocks.ts'

/** FAT16 and FAT32 with long names, read and written. */

const SECTOR = 512
const SLOT = 32
const RDONLY = 1
const HIDDEN = 2
const SYSTEM = 4
const VOLUME = 8
const DIR = 16
const ARCHIVE = 32
const LONG = RDONLY | HIDDEN | SYSTEM | VOLUME
/** UCS-2 units of a long name in one slot, and in all of them. */
const UNITS = 13
const MAXNAME = 255
const MAXSIZE = 0xffffffff
/** Bytes of a directory at most. */
const MAXDIR = 65536 * SLOT
const EOC = 0x0ffffff8
/** Bytes of one transfer. */
const RUN = 1 << 20

export const Enotfat = 'not a FAT file system'
export const Ebadchain = 'bad cluster chain'
export const Efull = 'file system full'
export const Ebadname = 'bad file name'
export const Enotempty = 'directory not empty'
export const Etoolarge = 'file too large'

export interface FatFile {
  name: string
  readonly dir: boolean
  /** Bytes. */
  size: number
  /** Seconds since the epoch. */
  mtime: number
  readonly: boolean
  /** Its first cluster; 0: none. Of FAT16's root: 0. */
  cluster: number
  /** The directory it is in; undefined: it is the root. */
  readonly parent: FatFile | undefined
  /** Its short name's slot in there, and how many it has before that. */
  slot: number
  before: number
  short: string
  /** Its clusters, once they were looked up. */
  chain?: number[]
}

export interface MakeOptions {
  type?: 16 | 32
  /** Eleven characters at most. */
  label?: string
}

const view = (b: Uint8Array) => new DataView(b.buffer, b.byteOffset, b.length)
const latin = (b: Uint8Array) => String.fromCharCode(...b)

/** As DOS has it, from 1980 on, by two seconds. */
function dostime(t: number): [date: number, time: number] {
  const d = new Date(Math.max(t, 315532800) * 1000)
  return [
    (Math.min(d.getUTCFullYear() - 1980, 127) << 9) | ((d.getUTCMonth() + 1) << 5) | d.getUTCDate(),
    (d.getUTCHours() << 11) | (d.getUTCMinutes() << 5) | (d.getUTCSeconds() >> 1),
  ]
}

function unixtime(date: number, time: number): number {
  const day = Date.UTC(1980 + (date >> 9), Math.max(((date >> 5) & 15) - 1, 0), Math.max(date & 31, 1))
  return day / 1000 + (time >> 11) * 3600 + ((time >> 5) & 63) * 60 + (time & 31) * 2
}

/** Of a short name, which every slot of its long one has. */
function shortsum(short: Uint8Array): number {
  let sum = 0
  for (const c of short) sum = (((sum & 1) << 7) + (sum >> 1) + c) & 255
  return sum
}

/** @throws PlanError what no long name may be */
function checkname(name: string): void {
  if (name === '' || name === '.' || name === '..' || /[\x00-\x1f"*/:<>?\\|]/.test(name) || /[ .]$/.test(name))
    throw new PlanError(Ebadname)
  if (name.length > MAXNAME) throw new PlanError('file name too long')
}

const same = (a: string, b: string) => a.toUpperCase() === b.toUpperCase()

/** Eleven characters of a short name as they are shown. */
function showshort(raw: Uint8Array, cases: number): string {
  const text = latin(raw)
  let base = text.slice(0, 8).trimEnd()
  let ext = text.slice(8).trimEnd()
  if (raw[0] === 5) base = `\xe5${base.slice(1)}`
  // Windows NT keeps names of one case so.
  if (cases & 8) base = base.toLowerCase()
  if (cases & 16) ext = ext.toLowerCase()
  return ext === '' ? base : `${base}.${ext}`
}

export class Fat {
  readonly type: 16 | 32
  readonly root: FatFile
  readonly clusters: number
  /** Bytes of a cluster. */
  readonly unit: number
  private readonly disk: Disk
  /** What follows each cluster; 0: it is free. */
  private readonly next: Uint32Array
  private readonly fatat: number
  private readonly fatsize: number
  private readonly nfat: number
  private readonly dataat: number
  /** FAT16's root directory. */
  private readonly rootat: number
  private readonly rootsize: number
  private readonly infoat: number
  /** Pieces of the table, of a sector each, that are to be written. */
  private readonly dirty = new Set<number>()
  private hint = 2
  free = 0

  private constructor(
    disk: Disk,
    o: Pick<Fat, 'type' | 'clusters' | 'unit'> &
      Record<'fatat' | 'fatsize' | 'nfat' | 'dataat' | 'rootat' | 'rootsize' | 'infoat' | 'rootcluster', number>,
    next: Uint32Array,
  ) {
    this.disk = disk
    this.type = o.type
    this.clusters = o.clusters
    this.unit = o.unit
    this.fatat = o.fatat
    this.fatsize = o.fatsize
    this.nfat = o.nfat
    this.dataat = o.dataat
    this.rootat = o.rootat
    this.rootsize = o.rootsize
    this.infoat = o.infoat
    this.next = next
    for (let k = 2; k < next.length; k++) if (next[k] === 0) this.free++
    const root = { name: '/', dir: true, size: 0, mtime: 0, readonly: false, slot: -1, before: 0, short: '' }
    this.root = { ...root, cluster: o.rootcluster, parent: undefined }
  }

  /** @throws PlanError 'not a FAT file system', i/o error */
  static async open(disk: Disk): Promise<Fat> {
    const b = await disk.read(0, SECTOR)
    if (b.length < SECTOR || b[510] !== 0x55 || b[511] !== 0xaa) throw new PlanError(Enotfat)
    const v = view(b)
    const sector = v.getUint16(11, true)
    const per = b[13]!
    const reserved = v.getUint16(14, true)
    const nfat = b[16]!
    const rootents = v.getUint16(17, true)
    const total = v.getUint16(19, true) || v.getUint32(32, true)
    const fatsecs = v.getUint16(22, true) || v.getUint32(36, true)
    const pow2 = (n: number) => n > 0 && (n & (n - 1)) === 0
    if (!pow2(sector) || sector < SECTOR || sector > 4096 || !pow2(per) || reserved === 0 || nfat < 1 || nfat > 2)
      throw new PlanError(Enotfat)
    const fatat = reserved * sector
    const fatsize = fatsecs * sector
    const rootat = fatat + nfat * fatsize
    const rootsize = rootents * SLOT
    const dataat = rootat + Math.ceil(rootsize / sector) * sector
    const unit = sector * per
    const clusters = Math.floor((total * sector - dataat) / unit)
    if (fatsecs === 0 || clusters < 1) throw new PlanError(Enotfat)
    if (clusters < 4085) throw new PlanError('FAT12 is not known here')
    const type = clusters < 65525 ? 16 : 32
    const width = type / 8
    if (total * sector > disk.size) throw new PlanError('disk is cut short')
    if (fatsize < (clusters + 2) * width || (type === 32) !== (rootents === 0)) throw new PlanError(Enotfat)
    const table = await disk.read(fatat, (clusters + 2) * width)
    if (table.length < (clusters + 2) * width) throw new PlanError(Eio)
    const t = view(table)
    const next = new Uint32Array(clusters + 2)
    for (let k = 0; k < next.length; k++) {
      const n = type === 32 ? t.getUint32(4 * k, true) & 0x0fffffff : t.getUint16(2 * k, true)
      next[k] = type === 16 && n >= 0xfff0 ? n | 0x0fff0000 : n
    }
    const info = type === 32 ? v.getUint16(48, true) : 0
    return new Fat(
      disk,
      {
        type,
        clusters,
        unit,
        fatat,
        fatsize,
        nfat,
        dataat,
        rootat,
        rootsize,
        infoat: info > 0 && info < reserved ? info * sector : 0,
        rootcluster: type === 32 ? v.getUint32(44, true) : 0,
      },
      next,
    )
  }

  /** Makes an empty file system on all of the disk. @throws PlanError a size that the type does not have */
  static async make(disk: Disk, { type, label = '' }: MakeOptions = {}): Promise<Fat> {
    const total = Math.floor(disk.size / SECTOR)
    const kind = type ?? (total * SECTOR >= 512 << 20 ? 32 : 16)
    const reserved = kind === 32 ? 32 : 1
    const rootents = kind === 32 ? 0 : 512
    const rootsecs = (rootents * SLOT) / SECTOR
    const [least, most] = kind === 32 ? [65525, 0x0ffffff5] : [4085, 65524]
    let per = kind === 32 && total * SECTOR > 260 << 20 ? 8 : 1
    let fatsecs = 0
    let clusters = 0
    for (; per <= 128; per *= 2) {
      // The table covers itself too, at first: a little more than is needed.
      clusters = Math.floor((total - reserved - rootsecs) / per)
      fatsecs = Math.ceil(((clusters + 2) * (kind / 8)) / SECTOR)
      clusters = Math.floor((total - reserved - rootsecs - 2 * fatsecs) / per)
      if (clusters <= most) break
    }
    if (clusters < least || clusters > most) throw new PlanError(`disk size is not for FAT${kind}`)
    const boot = new Uint8Array(SECTOR)
    const v = view(boot)
    boot.set([0xeb, 0x58, 0x90])
    boot.set(new TextEncoder().encode('9ML     '), 3)
    v.setUint16(11, SECTOR, true)
    boot[13] = per
    v.setUint16(14, reserved, true)
    boot[16] = 2
    v.setUint16(17, rootents, true)
    if (kind === 16 && total < 65536) v.setUint16(19, total, true)
    else v.setUint32(32, total, true)
    boot[21] = 0xf8
    if (kind === 16) v.setUint16(22, fatsecs, true)
    v.setUint16(24, 63, true)
    v.setUint16(26, 255, true)
    const tail = kind === 32 ? 64 : 36
    if (kind === 32) {
      v.setUint32(36, fatsecs, true)
      v.setUint32(44, 2, true)
      v.setUint16(48, 1, true)
      v.setUint16(50, 6, true)
    }
    boot[tail] = 0x80
    boot[tail + 2] = 0x29
    crypto.getRandomValues(boot.subarray(tail + 3, tail + 7))
    boot.set(new TextEncoder().encode((label || 'NO NAME').toUpperCase().padEnd(11).slice(0, 11)), tail + 7)
    boot.set(new TextEncoder().encode(`FAT${kind}   `), tail + 18)
    boot[510] = 0x55
    boot[511] = 0xaa
    const zero = new Uint8Array(RUN)
    const end = (reserved + 2 * fatsecs + rootsecs) * SECTOR
    for (let at = 0; at < end; at += RUN) await disk.write(at, zero.subarray(0, Math.min(RUN, end - at)))
    await disk.write(0, boot)
    if (kind === 32) {
      const info = new Uint8Array(SECTOR)
      const w = view(info)
      w.setUint32(0, 0x41615252, true)
      w.setUint32(484, 0x61417272, true)
      w.setUint32(488, 0xffffffff, true)
      w.setUint32(492, 0xffffffff, true)
      w.setUint32(508, 0xaa550000, true)
      await disk.write(SECTOR, info)
      await disk.write(6 * SECTOR, boot)
      await disk.write(7 * SECTOR, info)
      await disk.write(end, new Uint8Array(per * SECTOR))
    }
    const first = new Uint8Array(SECTOR)
    const f = view(first)
    if (kind === 32) {
      f.setUint32(0, 0x0ffffff8, true)
      f.setUint32(4, 0x0fffffff, true)
      f.setUint32(8, 0x0fffffff, true)
    } else {
      f.setUint16(0, 0xfff8, true)
      f.setUint16(2, 0xffff, true)
    }
    for (let k = 0; k < 2; k++) await disk.write((reserved + k * fatsecs) * SECTOR, first)
    const fat = await Fat.open(disk)
    if (label !== '') await fat.setlabel(label)
    await fat.flush()
    return fat
  }

  private async setlabel(label: string): Promise<void> {
    const slot = new Uint8Array(SLOT)
    slot.set(new TextEncoder().encode(label.toUpperCase().padEnd(11).slice(0, 11)))
    slot[11] = VOLUME
    await this.writedir(this.root, 0, slot)
  }

  // Clusters.

  /** The clusters of a file. @throws PlanError 'bad cluster chain' */
  private chain(f: FatFile): number[] {
    if (f.chain) return f.chain
    const chain: number[] = []
    for (let k = f.cluster; k !== 0 && k < 0x0ffffff0; k = this.next[k]!) {
      if (k < 2 || k >= this.next.length || chain.length > this.clusters) throw new PlanError(Ebadchain)
      chain.push(k)
      if (this.next[k] === 0) throw new PlanError(Ebadchain)
    }
    f.chain = chain
    return chain
  }

  private set(k: number, n: number): void {
    if (this.next[k] === 0 && n !== 0) this.free--
    else if (this.next[k] !== 0 && n === 0) this.free++
    this.next[k] = n
    this.dirty.add(Math.floor((k * (this.type / 8)) / SECTOR))
  }

  /** Makes the file's chain so long. @throws PlanError 'file system full'; then it is as long as before */
  private resize(f: FatFile, clusters: number): void {
    const chain = this.chain(f)
    if (clusters - chain.length > this.free) throw new PlanError(Efull)
    while (chain.length < clusters) {
      let k = this.hint
      while (this.next[k] !== 0) k = k + 1 === this.next.length ? 2 : k + 1
      this.hint = k + 1 === this.next.length ? 2 : k + 1
      this.set(k, EOC | 7)
      if (chain.length > 0) this.set(chain.at(-1)!, k)
      else f.cluster = k
      chain.push(k)
    }
    if (chain.length === clusters) return
    for (const k of chain.splice(clusters)) this.set(k, 0)
    if (clusters === 0) f.cluster = 0
    else this.set(chain.at(-1)!, EOC | 7)
  }

  private at(cluster: number): number {
    return this.dataat + (cluster - 2) * this.unit
  }

  /** The runs of neighbours that bytes [offset, offset + n) of a chain are in: where, and how many bytes. */
  private *runs(chain: number[], offset: number, n: number): Generator<[at: number, n: number]> {
    while (n > 0) {
      const first = Math.floor(offset / this.unit)
      let last = first
      const within = offset - first * this.unit
      const want = Math.min(within + n, RUN)
      while ((last - first + 1) * this.unit < want && chain[last + 1] === chain[last]! + 1) last++
      if (chain[first] === undefined) throw new PlanError(Ebadchain)
      const len = Math.min(n, (last - first + 1) * this.unit - within)
      yield [this.at(chain[first]!) + within, len]
      offset += len
      n -= len
    }
  }

  /** Writes what is to be written of the tables: both are the same. */
  async flush(): Promise<void> {
    const width = this.type / 8
    const parts = [...this.dirty].sort((a, b) => a - b)
    this.dirty.clear()
    for (let i = 0; i < parts.length; ) {
      let j = i
      while (parts[j + 1] === parts[j]! + 1 && j - i < RUN / SECTOR) j++
      const from = parts[i]!
      const b = new Uint8Array((parts[j]! - from + 1) * SECTOR)
      const v = view(b)
      const first = (from * SECTOR) / width
      for (let k = 0; k < b.length / width && first + k < this.next.length; k++) {
        const n = this.next[first + k]!
        if (this.type === 32) v.setUint32(4 * k, n, true)
        else v.setUint16(2 * k, n & 0xffff, true)
      }
      for (let k = 0; k < this.nfat; k++) await this.disk.write(this.fatat + k * this.fatsize + from * SECTOR, b)
      i = j + 1
    }
    if (this.infoat > 0 && parts.length > 0) {
      const b = new Uint8Array(8)
      view(b).setUint32(0, this.free, true)
      view(b).setUint32(4, this.hint, true)
      await this.disk.write(this.infoat + 488, b)
    }
    await this.disk.flush?.()
  }

  // Directories.

  private isfixed(d: FatFile): boolean {
    return d.parent === undefined && this.type === 16
  }

  private async dirbytes(d: FatFile): Promise<Uint8Array> {
    if (this.isfixed(d)) return this.readfull(this.rootat, this.rootsize)
    const size = this.chain(d).length * this.unit
    if (size > MAXDIR) throw new PlanError(Ebadchain)
    const parts: Uint8Array[] = []
    for (const [at, n] of this.runs(this.chain(d), 0, size)) parts.push(await this.readfull(at, n))
    return concat(parts)
  }

  private async readfull(at: number, n: number): Promise<Uint8Array> {
    const b = await this.disk.read(at, n)
    if (b.length < n) throw new PlanError(Eio)
    return b
  }

  private async writedir(d: FatFile, slot: number, bytes: Uint8Array): Promise<void> {
    const offset = slot * SLOT
    if (this.isfixed(d)) {
      await this.disk.write(this.rootat + offset, bytes)
      return
    }
    let done = 0
    for (const [at, n] of this.runs(this.chain(d), offset, bytes.length)) {
      await this.disk.write(at, bytes.subarray(done, done + n))
      done += n
    }
  }

  /** What is in a directory, but `.` and `..`. @throws PlanError */
  async list(d: FatFile): Promise<FatFile[]> {
    if (!d.dir) throw new PlanError(Enotdir)
    const b = await this.dirbytes(d)
    const files: FatFile[] = []
    let units: string[] = []
    let sum = -1
    let left = 0
    for (let slot = 0; (slot + 1) * SLOT <= b.length; slot++) {
      const e = b.subarray(slot * SLOT, (slot + 1) * SLOT)
      if (e[0] === 0) break
      const attr = e[11]!
      if (e[0] === 0xe5) {
        left = 0
        sum = -1
        continue
      }
      if ((attr & 63) === LONG) {
        const order = e[0]! & 63
        if (e[0]! & 64) {
          units = []
          sum = e[13]!
          left = order
        }
        if (order !== left || e[13] !== sum || order === 0) {
          sum = -1
          continue
        }
        left--
        let text = ''
        for (const at of [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]) {
          const u = e[at]! | (e[at + 1]! << 8)
          if (u === 0) break
          text += String.fromCharCode(u)
        }
        units.unshift(text)
        continue
      }
      const long = sum >= 0 && left === 0 && shortsum(e.subarray(0, 11)) === sum ? units.join('') : ''
      const before = long === '' ? 0 : units.length
      sum = -1
      if (attr & VOLUME) continue
      const short = showshort(e.subarray(0, 11), e[12]!)
      if (short === '.' || short === '..') continue
      const v = view(e)
      files.push({
        name: long === '' || /[/\0]/.test(long) ? short.replaceAll('/', '_') : long,
        dir: (attr & DIR) !== 0,
        size: attr & DIR ? 0 : v.getUint32(28, true),
        mtime: unixtime(v.getUint16(24, true), v.getUint16(22, true)),
        readonly: (attr & RDONLY) !== 0,
        cluster:
          this.type === 32 ? ((v.getUint16(20, true) << 16) | v.getUint16(26, true)) >>> 0 : v.getUint16(26, true),
        parent: d,
        slot,
        before,
        short: latin(e.subarray(0, 11)),
      })
    }
    return files
  }

  /** @throws PlanError file does not exist */
  async walk1(d: FatFile, name: string): Promise<FatFile> {
    const f = (await this.list(d)).find(f => same(f.name, name) || same(showshort(bytesof(f.short), 0), name))
    if (!f) throw new PlanError(Enonexist)
    return f
  }

  async walk(path: string): Promise<FatFile> {
    let f = this.root
    for (const name of path.split('/')) if (name !== '') f = await this.walk1(f, name)
    return f
  }

  /** The slot of a file anew, from what it is now. */
  private async update(f: FatFile): Promise<void> {
    if (!f.parent) return
    await this.writedir(f.parent, f.slot, this.slotof(f))
  }

  private slotof(f: FatFile): Uint8Array {
    const e = new Uint8Array(SLOT)
    const v = view(e)
    e.set(bytesof(f.short))
    e[11] = (f.dir ? DIR : ARCHIVE) | (f.readonly ? RDONLY : 0)
    const [date, time] = dostime(f.mtime)
    v.setUint16(14, time, true)
    v.setUint16(16, date, true)
    v.setUint16(18, date, true)
    v.setUint16(22, time, true)
    v.setUint16(24, date, true)
    if (this.type === 32) v.setUint16(20, f.cluster >>> 16, true)
    v.setUint16(26, f.cluster & 0xffff, true)
    v.setUint32(28, f.size, true)
    return e
  }

  /** A short name that no other has, and whether it is the name itself. */
  private shorten(name: string, files: FatFile[]): { short: string; exact: boolean } {
    const taken = new Set(files.map(f => f.short))
    const legal = (s: string) => s.toUpperCase().replace(/[^A-Z0-9$%'\-_@~`!(){}^#&]/g, '_')
    const dot = name.lastIndexOf('.')
    const [stem, ext] = dot > 0 ? [name.slice(0, dot), name.slice(dot + 1)] : [name, '']
    const base = legal(stem.replace(/[ .]/g, ''))
    const tail = legal(ext.replace(/ /g, '')).slice(0, 3).padEnd(3)
    const plain = `${base.slice(0, 8).padEnd(8)}${tail}`
    const shown = showshort(bytesof(plain), 0)
    if (shown === name && !taken.has(plain)) return { short: plain, exact: true }
    if (same(shown, name) && !taken.has(plain)) return { short: plain, exact: false }
    for (let n = 1; ; n++) {
      const mark = `~${n}`
      const short = `${(base || '_').slice(0, 8 - mark.length)}${mark}`.padEnd(8) + tail
      if (!taken.has(short)) return { short, exact: false }
    }
  }

  /** Makes an empty file, or a directory. @throws PlanError */
  async create(d: FatFile, name: string, o: { dir?: boolean; mtime?: number } = {}): Promise<FatFile> {
    checkname(name)
    const files = await this.list(d)
    if (files.some(f => same(f.name, name))) throw new PlanError(Eexist)
    const { short, exact } = this.shorten(name, files)
    const before = exact ? 0 : Math.ceil(name.length / UNITS)
    const f: FatFile = {
      name,
      dir: o.dir ?? false,
      size: 0,
      mtime: o.mtime ?? Math.floor(Date.now() / 1000),
      readonly: false,
      cluster: 0,
      parent: d,
      slot: 0,
      before,
      short,
    }
    f.slot = (await this.room(d, before + 1)) + before
    if (f.dir) {
      this.resize(f, 1)
      const b = new Uint8Array(this.unit)
      b.set(this.slotof({ ...f, short: '.          ' }))
      // The root is cluster 0 to those in it.
      const up = { ...f, short: '..         ', cluster: d.parent ? d.cluster : 0 }
      b.set(this.slotof(up), SLOT)
      await this.disk.write(this.at(f.cluster), b)
    }
    await this.writedir(d, f.slot - before, concat([...longslots(name, before, bytesof(short)), this.slotof(f)]))
    return f
  }

  /** The first of n free slots in a row; the directory grows for them. @throws PlanError file system full */
  private async room(d: FatFile, n: number): Promise<number> {
    const b = await this.dirbytes(d)
    let run = 0
    for (let slot = 0; (slot + 1) * SLOT <= b.length; slot++) {
      const c = b[slot * SLOT]
      // Behind the end there may be anything.
      if (c === 0) {
        const free = b.length / SLOT - slot + run
        if (free >= n) {
          if (free > n) await this.writedir(d, slot - run + n, new Uint8Array(SLOT))
          return slot - run
        }
        return this.grow(d, slot - run, n)
      }
      run = c === 0xe5 ? run + 1 : 0
      if (run === n) return slot - n + 1
    }
    return this.grow(d, b.length / SLOT - run, n)
  }

  private async grow(d: FatFile, from: number, n: number): Promise<number> {
    if (this.isfixed(d)) throw new PlanError('directory full')
    const chain = this.chain(d)
    const old = chain.length
    const slots = this.unit / SLOT
    const want = Math.ceil((from + n) / slots)
    if (want * this.unit > MAXDIR) throw new PlanError('directory full')
    this.resize(d, want)
    const zero = new Uint8Array(this.unit)
    for (const k of chain.slice(old)) await this.disk.write(this.at(k), zero)
    await this.writedir(d, from, new Uint8Array(old * this.unit - from * SLOT))
    return from
  }

  /** @throws PlanError directory not empty */
  async remove(f: FatFile): Promise<void> {
    if (!f.parent) throw new PlanError('cannot remove the root')
    if (f.dir && (await this.list(f)).length > 0) throw new PlanError(Enotempty)
    this.resize(f, 0)
    await this.unlink(f)
  }

  private async unlink(f: FatFile): Promise<void> {
    const b = await this.dirbytes(f.parent!)
    for (let slot = f.slot - f.before; slot <= f.slot; slot++) {
      const e = b.slice(slot * SLOT, (slot + 1) * SLOT)
      e[0] = 0xe5
      await this.writedir(f.parent!, slot, e)
    }
  }

  /** Another name in the same directory. @throws PlanError */
  async rename(f: FatFile, name: string): Promise<void> {
    const d = f.parent
    if (!d) throw new PlanError(Ebadname)
    checkname(name)
    const files = (await this.list(d)).filter(g => g.slot !== f.slot)
    if (files.some(g => same(g.name, name))) throw new PlanError(Eexist)
    const { short, exact } = this.shorten(name, files)
    const before = exact ? 0 : Math.ceil(name.length / UNITS)
    const at = await this.room(d, before + 1)
    await this.unlink(f)
    Object.assign(f, { name, short, before, slot: at + before })
    await this.writedir(d, at, concat([...longslots(name, before, bytesof(short)), this.slotof(f)]))
  }

  // Files.

  /** Bytes of a file, as many as there are. @throws PlanError */
  async read(f: FatFile, offset: number, n: number): Promise<Uint8Array> {
    if (f.dir) throw new PlanError(Eisdir)
    const parts: Uint8Array[] = []
    const end = Math.min(offset + n, f.size)
    if (offset >= end) return new Uint8Array(0)
    for (const [at, len] of this.runs(this.chain(f), offset, end - offset)) parts.push(await this.readfull(at, len))
    return parts.length === 1 ? parts[0]! : concat(parts)
  }

  /** Writes at an offset; what is skipped reads as zeros. @throws PlanError file system full: nothing is written then */
  async write(f: FatFile, offset: number, data: Uint8Array, mtime = Math.floor(Date.now() / 1000)): Promise<void> {
    if (f.dir) throw new PlanError(Eisdir)
    if (data.length === 0) return
    const end = offset + data.length
    if (end > MAXSIZE) throw new PlanError(Etoolarge)
    const old = f.size
    if (Math.ceil(end / this.unit) > this.chain(f).length) this.resize(f, Math.ceil(end / this.unit))
    const chain = this.chain(f)
    const zero = new Uint8Array(Math.min(RUN, Math.max(offset - old, 0)))
    for (const [at, n] of this.runs(chain, old, Math.max(offset - old, 0)))
      await this.disk.write(at, zero.subarray(0, n))
    let done = 0
    for (const [at, n] of this.runs(chain, offset, data.length)) {
      await this.disk.write(at, data.subarray(done, done + n))
      done += n
    }
    f.size = Math.max(old, end)
    f.mtime = mtime
    await this.update(f)
  }

  /** @throws PlanError */
  async truncate(f: FatFile, size: number): Promise<void> {
    if (f.dir) throw new PlanError(Eisdir)
    if (size > f.size) {
      await this.write(f, size - 1, new Uint8Array(1))
      return
    }
    this.chain(f)
    f.size = size
    this.resize(f, Math.ceil(size / this.unit))
    await this.update(f)
  }

  async setattr(f: FatFile, mtime: number, readonly: boolean): Promise<void> {
    f.mtime = mtime
    f.readonly = readonly
    await this.update(f)
  }

  /** What is wrong, a line each. */
  async check(): Promise<string[]> {
    const wrong: string[] = []
    const owner = new Map<number, string>()
    const take = (f: FatFile, path: string): boolean => {
      let chain: number[]
      try {
        chain = this.chain({ ...f, chain: undefined } as unknown as FatFile)
      } catch {
        wrong.push(`${path}: ${Ebadchain}`)
        return false
      }
      for (const k of chain) {
        const other = owner.get(k)
        if (other !== undefined) {
          wrong.push(`${path}: cluster ${k} is of ${other} too`)
          return false
        }
        owner.set(k, path)
      }
      if (!f.dir && chain.length !== Math.ceil(f.size / this.unit))
        wrong.push(`${path}: ${f.size} bytes in ${chain.length} clusters`)
      return true
    }
    const visit = async (d: FatFile, path: string): Promise<void> => {
      let files: FatFile[]
      try {
        files = await this.list(d)
      } catch (e) {
        wrong.push(`${path || '/'}: ${(e as Error).message}`)
        return
      }
      const names = new Set<string>()
      for (const f of files) {
        const name = `${path}/${f.name}`
        if (names.has(f.name.toUpperCase())) wrong.push(`${name}: twice`)
        names.add(f.name.toUpperCase())
        if (take(f, name) && f.dir) await visit(f, name)
      }
    }
    if (this.isfixed(this.root) || take(this.root, '/')) await visit(this.root, '')
    let lost = 0
    for (let k = 2; k < this.next.length; k++)
      if (this.next[k] !== 0 && this.next[k] !== 0x0ffffff7 && !owner.has(k)) lost++
    if (lost > 0) wrong.push(`${lost} lost clusters`)
    await this.flush()
    const [a, b] = await Promise.all(
      [0, this.nfat - 1].map(k => this.readfull(this.fatat + k * this.fatsize, this.next.length * (this.type / 8))),
    )
    if (a!.some((c, i) => c !== b![i])) wrong.push('the tables differ')
    return wrong
  }
}

const bytesof = (s: string) => Uint8Array.from(s, c => c.charCodeAt(0))

/** The slots of a long name, the last part first. */
function longslots(name: string, n: number, short: Uint8Array): Uint8Array[] {
  const sum = shortsum(short)
  const slots: Uint8Array[] = []
  for (let i = n; i > 0; i--) {
    const e = new Uint8Array(SLOT).fill(0xff)
    e[0] = i | (i === n ? 64 : 0)
    e[11] = LONG
    e[12] = 0
    e[13] = sum
    e[26] = e[27] = 0
    const part = name.slice((i - 1) * UNITS, i * UNITS)
    ;[1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30].forEach((at, k) => {
      if (k > part.length) return
      const u = k === part.length ? 0 : part.charCodeAt(k)
      e[at] = u & 255
      e[at + 1] = u >> 8
    })
    slots.push(e)
  }
  return slots
}
