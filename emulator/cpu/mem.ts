import { concat } from '../../plan9/9p/bit.ts'
import { Ebadarg, Enovmem, PlanError } from '../../plan9/error.ts'
import { BY2PG, KPD, KPDE, PAGES, PGSHIFT } from './layout.ts'

/** The memory of programs: physical pages, segments of them, and address spaces of segments; segment.c and fault.c in short. */

/** Where programs begin, and the end of their stacks. */
export const UTZERO = 0x1000
export const USTKTOP = 0xdffff000
export const USTKSIZE = 16 * 1024 * 1024

/** Segments that a process may have. */
const NSEG = 12

const Esoverlap = 'segments overlap'
const Einuse = 'device or object already in use'

/** segattach(2)'s attributes. */
const SG_RONLY = 0o040
const SG_CEXEC = 0o100

/** Page table bits. */
const PTEVALID = 1
const PTEWRITE = 2
const PTEUSER = 4

/** Bytes of a file that are asked for at once. */
export const CLUSTER = 64 * 1024

/** No page is left. Whoever needed one ends. */
export class Nomem extends Error {
  override name = 'Nomem'
}

/** Bytes of an executable file that have to come first. */
export class Pagein {
  readonly image: Image
  /** In the file; a multiple of CLUSTER, but for the first of the data. */
  readonly offset: number
  readonly n: number
  constructor(image: Image, offset: number, n: number) {
    this.image = image
    this.offset = offset
    this.n = n
  }
}

/** What memory needs of the processor. */
export interface Ram {
  readonly size: number
  readonly mem8: Uint8Array
  readonly mem32: Int32Array
  dirty(pa: number, n?: number): void
}

export function pground(n: number): number {
  return Math.ceil(n / BY2PG) * BY2PG
}

/** The physical pages, counted by who uses them. */
export class Pages {
  readonly ram: Ram
  private readonly ref: Uint16Array
  private readonly free: number[] = []
  private fresh = PAGES
  /** Gives pages back that are only kept in case; false when there are none. */
  reclaim: () => boolean = () => false

  constructor(ram: Ram) {
    this.ram = ram
    this.ref = new Uint16Array(ram.size >> PGSHIFT)
  }

  /** Bytes that are used. */
  get used(): number {
    return this.fresh - PAGES - this.free.length * BY2PG
  }

  /** The address of a page of zeros, with one reference. @throws Nomem */
  alloc(): number {
    let pa = this.free.pop()
    if (pa === undefined && this.fresh < this.ram.size) {
      pa = this.fresh
      this.fresh += BY2PG
    } else {
      if (pa === undefined) {
        if (!this.reclaim()) throw new Nomem()
        return this.alloc()
      }
      this.ram.mem8.fill(0, pa, pa + BY2PG)
      this.ram.dirty(pa)
    }
    this.ref[pa >>> PGSHIFT] = 1
    return pa
  }

  incref(pa: number): void {
    this.ref[pa >>> PGSHIFT]!++
  }

  decref(pa: number): void {
    if (--this.ref[pa >>> PGSHIFT]! === 0) this.free.push(pa)
  }

  shared(pa: number): boolean {
    return this.ref[pa >>> PGSHIFT]! > 1
  }
}

/** What exec knows of an a.out: its sizes in bytes, as crackhdr has them. */
export interface Header {
  text: number
  data: number
  bss: number
  entry: number
}

const HDRSZ = 32

/** An executable file, and what of it is in memory already: kept between its runs. */
export class Image {
  readonly id: number
  readonly header: Header
  /** Pages of text, by their number in the file; segments of text share the map. */
  readonly text = new Map<number, number>()
  /** The data, in clusters. */
  private readonly data: (Uint8Array | undefined)[] = []
  /** Address spaces that it is in. */
  users = 0
  private readonly pages: Pages

  constructor(pages: Pages, id: number, header: Header) {
    this.pages = pages
    this.id = id
    this.header = header
  }

  private get datoff(): number {
    return HDRSZ + this.header.text
  }

  /** The physical page n of the text, or what to read for it. */
  textpage(n: number): number | Pagein {
    const pa = this.text.get(n)
    if (pa !== undefined) return pa
    const offset = Math.floor((n * BY2PG) / CLUSTER) * CLUSTER
    return new Pagein(this, offset, Math.min(CLUSTER, this.datoff - offset))
  }

  /** Puts bytes [at, at+BY2PG) of the data into a page; those behind its end stay. */
  datapage(at: number, pa: number): Pagein | undefined {
    const k = Math.floor(at / CLUSTER)
    const bytes = this.data[k]
    if (!bytes) {
      const offset = this.datoff + k * CLUSTER
      return new Pagein(this, offset, Math.min(CLUSTER, this.header.data - k * CLUSTER))
    }
    if (pa >= 0) {
      const { ram } = this.pages
      ram.mem8.set(bytes.subarray(at - k * CLUSTER, at - k * CLUSTER + BY2PG), pa)
      ram.dirty(pa)
    }
    return undefined
  }

  /** What was asked for by `need`. A file that has become shorter has zeros in place of the rest. @throws Nomem */
  fill(need: Pagein, bytes: Uint8Array): void {
    const { offset, n } = need
    if (offset >= this.datoff) {
      const all = new Uint8Array(n)
      all.set(bytes.subarray(0, n))
      this.data[(offset - this.datoff) / CLUSTER] = all
      return
    }
    const { ram } = this.pages
    for (let at = 0; at < n; at += BY2PG) {
      const page = (offset + at) / BY2PG
      if (this.text.has(page)) continue
      const pa = this.pages.alloc()
      ram.mem8.set(bytes.subarray(at, Math.min(at + BY2PG, n)), pa)
      ram.dirty(pa)
      this.text.set(page, pa)
    }
  }

  forget(): boolean {
    const had = this.text.size > 0
    for (const pa of this.text.values()) this.pages.decref(pa)
    this.text.clear()
    this.data.length = 0
    return had
  }
}

export type Segtype = 'Text' | 'Data' | 'Bss' | 'Stack' | 'Shared'

/** A range of addresses, and its pages; in several address spaces where it is shared. */
export class Segment {
  readonly type: Segtype
  base: number
  top: number
  readonly rdonly: boolean
  /** Freed by exec, where it was attached. */
  readonly cexec: boolean
  /** By their number from the base. */
  readonly pages: Map<number, number>
  readonly image: Image | undefined
  readonly users = new Set<Space>()
  /** By segattach: exec leaves it, unless it is `cexec`. */
  readonly attached: boolean

  constructor(
    type: Segtype,
    base: number,
    top: number,
    o: { rdonly?: boolean; cexec?: boolean; attached?: boolean; image?: Image } = {},
  ) {
    this.type = type
    this.attached = o.attached ?? false
    this.base = base
    this.top = top
    this.rdonly = o.rdonly ?? type === 'Text'
    this.cexec = o.cexec ?? false
    this.image = o.image
    this.pages = type === 'Text' ? o.image!.text : new Map()
  }
}

/** What a process can address. Page tables are filled as it touches pages. */
export class Space {
  readonly pages: Pages
  readonly seg: Segment[] = []
  /** The page directory. */
  readonly pd: number
  /** Page tables, by their index in the directory. */
  private readonly tables = new Map<number, number>()
  /** The processor may know what is no longer so. */
  flush = false

  constructor(pages: Pages) {
    this.pages = pages
    this.pd = pages.alloc()
    const { mem32 } = pages.ram
    mem32[(this.pd >> 2) + KPDE] = mem32[(KPD >> 2) + KPDE]!
  }

  /** The segments of a program that begins. */
  exec(image: Image): void {
    const { text, data, bss } = image.header
    const t = pground(UTZERO + HDRSZ + text)
    const d = pground(t + data)
    this.attach(new Segment('Stack', USTKTOP - USTKSIZE, USTKTOP))
    this.attach(new Segment('Text', UTZERO, t, { image }))
    this.attach(new Segment('Data', t, d, { image }))
    this.attach(new Segment('Bss', d, pground(t + data + bss)))
    image.users++
  }

  /** Pages that it has to itself, about. */
  get size(): number {
    let n = 0
    for (const s of this.seg) if (s.type !== 'Text') n += s.pages.size / s.users.size
    return n
  }

  attach(s: Segment): void {
    this.seg.push(s)
    s.users.add(this)
  }

  find(va: number): Segment | undefined {
    for (const s of this.seg) if (va >= s.base && va < s.top) return s
    return undefined
  }

  private overlap(base: number, top: number, but?: Segment): Segment | undefined {
    return this.seg.find(s => s !== but && top > s.base && base < s.top)
  }

  /** Index in mem32 of the entry for va; -1 without a table for it. */
  private slot(va: number): number {
    const table = this.tables.get(va >>> 22)
    return table === undefined ? -1 : (table >> 2) + ((va >>> PGSHIFT) & 1023)
  }

  private map(va: number, pa: number, write: boolean): void {
    const { mem32 } = this.pages.ram
    let table = this.tables.get(va >>> 22)
    if (table === undefined) {
      table = this.pages.alloc()
      this.tables.set(va >>> 22, table)
      mem32[(this.pd >> 2) + (va >>> 22)] = table | PTEVALID | PTEWRITE | PTEUSER
    }
    mem32[(table >> 2) + ((va >>> PGSHIFT) & 1023)] = pa | PTEVALID | PTEUSER | (write ? PTEWRITE : 0)
  }

  /** Forgets what the tables have of [base, top). */
  private unmap(base: number, top: number): void {
    const { mem32 } = this.pages.ram
    for (let va = base; va < top; ) {
      const i = this.slot(va)
      if (i < 0) va = (Math.floor(va / 0x400000) + 1) * 0x400000
      else {
        mem32[i] = 0
        va += BY2PG
      }
    }
    this.flush = true
  }

  /** The pages of s become read-only wherever it is mapped: others have them too. */
  private protect(s: Segment): void {
    const { mem32 } = this.pages.ram
    for (const u of s.users) {
      for (const page of s.pages.keys()) {
        const i = u.slot(s.base + page * BY2PG)
        if (i >= 0) mem32[i]! &= ~PTEWRITE
      }
      u.flush = true
    }
  }

  /**
   * Makes va's page usable, for writing too where asked.
   *
   * @returns false when the program has no right to it, a Pagein when its bytes are still in the file
   * @throws Nomem
   */
  fault(va: number, write: boolean): boolean | Pagein {
    const s = this.find(va)
    if (!s || (write && s.rdonly)) return false
    const at = Math.floor((va - s.base) / BY2PG)
    const address = s.base + at * BY2PG
    if (s.type === 'Text') {
      const pa = s.image!.textpage(at)
      if (typeof pa !== 'number') return pa
      this.map(address, pa, false)
      return true
    }
    let pa = s.pages.get(at)
    if (pa === undefined) {
      const file = s.type === 'Data' && at * BY2PG < s.image!.header.data ? s.image : undefined
      const need = file?.datapage(at * BY2PG, -1)
      if (need) return need
      pa = this.pages.alloc()
      file?.datapage(at * BY2PG, pa)
      s.pages.set(at, pa)
    } else if (write && this.pages.shared(pa)) {
      const copy = this.pages.alloc()
      const { ram } = this.pages
      ram.mem8.copyWithin(copy, pa, pa + BY2PG)
      ram.dirty(copy)
      s.pages.set(at, copy)
      this.pages.decref(pa)
      pa = copy
      for (const u of s.users) {
        const i = u.slot(address)
        if (u !== this && i >= 0 && ram.mem32[i]!) {
          ram.mem32[i] = 0
          u.flush = true
        }
      }
      this.flush = true
    }
    this.map(address, pa, !s.rdonly && !this.pages.shared(pa))
    return true
  }

  /** The physical address of va, or why there is none; as `fault`. */
  translate(va: number, write: boolean): number | false | Pagein {
    const i = this.slot(va)
    const want = PTEVALID | (write ? PTEWRITE : 0)
    if (i < 0 || (this.pages.ram.mem32[i]! & want) !== want) {
      const r = this.fault(va, write)
      if (r !== true) return r
    }
    return (this.pages.ram.mem32[this.slot(va)]! & ~(BY2PG - 1)) + (va & (BY2PG - 1))
  }

  /** okaddr: n bytes from va on belong to the program. */
  ok(va: number, n: number, write: boolean): boolean {
    const end = va + n
    do {
      const s = this.find(va)
      if (!s || (write && s.rdonly)) return false
      va = s.top
    } while (va < end)
    return true
  }

  /** Copies out of the program. @throws Pagein, Badaddr, Nomem */
  copyin(va: number, n: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(n)
    for (let i = 0; i < n; ) {
      const m = Math.min(n - i, BY2PG - ((va + i) & (BY2PG - 1)))
      const pa = this.translate(va + i, false)
      if (pa === false) throw new Badaddr()
      if (typeof pa !== 'number') throw pa
      out.set(this.pages.ram.mem8.subarray(pa, pa + m), i)
      i += m
    }
    return out
  }

  /** Copies into the program. @throws Pagein, Badaddr, Nomem */
  copyout(va: number, bytes: Uint8Array): void {
    const n = bytes.length
    for (let i = 0; i < n; ) {
      const m = Math.min(n - i, BY2PG - ((va + i) & (BY2PG - 1)))
      const pa = this.translate(va + i, true)
      if (pa === false) throw new Badaddr()
      if (typeof pa !== 'number') throw pa
      this.pages.ram.mem8.set(m === n ? bytes : bytes.subarray(i, i + m), pa)
      this.pages.ram.dirty(pa, m)
      i += m
    }
  }

  /** Bytes up to a NUL, which has to come within max. undefined: it does not. @throws as copyin */
  string(va: number, max: number): Uint8Array | undefined {
    const bytes: Uint8Array[] = []
    for (let n = 0; n < max; ) {
      const b = this.copyin(va + n, Math.min(max - n, BY2PG - ((va + n) & (BY2PG - 1))))
      const end = b.indexOf(0)
      bytes.push(end < 0 ? b : b.subarray(0, end))
      if (end >= 0) return concat(bytes)
      n += b.length
    }
    return undefined
  }

  /** A child's memory: the same pages, each copied by whoever writes first; with `shared`, all but the stack is one. */
  fork(shared: boolean): Space {
    const child = new Space(this.pages)
    try {
      for (const s of this.seg) {
        if (s.type === 'Text' || s.type === 'Shared' || (shared && s.type !== 'Stack')) {
          child.attach(s)
          if (s.type === 'Text') s.image!.users++
          continue
        }
        const copy = new Segment(s.type, s.base, s.top, {
          rdonly: s.rdonly,
          cexec: s.cexec,
          attached: s.attached,
          ...(s.image && { image: s.image }),
        })
        for (const [at, pa] of s.pages) {
          copy.pages.set(at, pa)
          this.pages.incref(pa)
        }
        child.attach(copy)
        this.protect(s)
      }
      return child
    } catch (e) {
      child.free()
      throw e
    }
  }

  private putseg(s: Segment): void {
    s.users.delete(this)
    if (s.type === 'Text') s.image!.users--
    else if (s.users.size === 0) for (const pa of s.pages.values()) this.pages.decref(pa)
  }

  /** Gives all back. */
  free(): void {
    for (const s of this.seg.splice(0)) this.putseg(s)
    for (const table of this.tables.values()) this.pages.decref(table)
    this.tables.clear()
    this.pages.decref(this.pd)
  }

  /** Frees the pages of s from `from` on, up to `to`. */
  private mfreeseg(s: Segment, from: number, to: number): void {
    for (let va = from; va < to; va += BY2PG) {
      const at = (va - s.base) / BY2PG
      const pa = s.pages.get(at)
      if (pa === undefined) continue
      s.pages.delete(at)
      this.pages.decref(pa)
    }
    for (const u of s.users) u.unmap(from, to)
  }

  /** brk_(2). @throws PlanError */
  brk(addr: number): number {
    const s = this.seg.find(s => s.type === 'Bss' && !s.attached)
    if (!s) throw new PlanError(Ebadarg)
    return this.ibrk(s, addr)
  }

  private ibrk(s: Segment, addr0: number): number {
    let addr = addr0
    if (addr === 0) return s.base
    if (addr < s.base) {
      const data = this.seg.find(s => s.type === 'Data')
      if (s.attached || s.type !== 'Bss' || !data || addr < data.base) throw new PlanError(Enovmem)
      addr = s.base
    }
    const newtop = pground(addr)
    if (newtop < s.top) {
      if (s.users.size > 1) throw new PlanError(Einuse)
      this.mfreeseg(s, newtop, s.top)
      s.top = newtop
      return 0
    }
    if (newtop > USTKTOP || this.overlap(s.base, newtop, s)) throw new PlanError(Esoverlap)
    s.top = newtop
    return 0
  }

  segbrk(addr: number, newtop: number): number {
    const s = this.find(addr)
    if (!s || s.type === 'Text' || s.type === 'Data' || s.type === 'Stack') throw new PlanError(Ebadarg)
    return this.ibrk(s, newtop)
  }

  segattach(attr: number, name: string, va0: number, len0: number): number {
    if (va0 >= USTKTOP || this.seg.length >= NSEG - 1) throw new PlanError(va0 >= USTKTOP ? Ebadarg : Enovmem)
    const len = pground(len0 + (va0 & (BY2PG - 1)))
    if (len === 0) throw new PlanError(Ebadarg)
    let va = va0 - (va0 & (BY2PG - 1))
    if (va0 === 0)
      for (let os = this.seg.find(s => s.type === 'Stack'); os; os = this.overlap(va, va + len)) {
        if (len >= os.base) throw new PlanError(Enovmem)
        va = os.base - len
      }
    if (va === 0 || va + len > USTKTOP) throw new PlanError(Ebadarg)
    if (this.overlap(va, va + len)) throw new PlanError(Esoverlap)
    if (name !== 'shared' && name !== 'memory') throw new PlanError(Ebadarg)
    const s = new Segment(name === 'shared' ? 'Shared' : 'Bss', va, va + len, {
      rdonly: (attr & SG_RONLY) !== 0,
      cexec: (attr & SG_CEXEC) !== 0,
      attached: true,
    })
    this.attach(s)
    return va
  }

  segdetach(addr: number): void {
    const i = this.seg.findIndex(s => (addr >= s.base && addr < s.top) || (s.top === s.base && addr === s.base))
    const s = this.seg[i]
    if (!s || s.type === 'Stack') throw new PlanError(Ebadarg)
    this.seg.splice(i, 1)
    this.unmap(s.base, s.top)
    this.putseg(s)
  }

  segfree(addr: number, n: number): void {
    const s = this.find(addr)
    if (!s || s.type === 'Text') throw new PlanError(Ebadarg)
    const to = Math.floor((addr + n) / BY2PG) * BY2PG
    const from = pground(addr)
    if (from >= to) return
    if (to > s.top) throw new PlanError(Ebadarg)
    this.mfreeseg(s, from, to)
  }

  /** Takes over what exec leaves: the segments that were attached, but for those which asked to be freed. */
  inherit(old: Space): void {
    for (const s of old.seg) if (s.attached && !s.cexec) this.attach(s)
  }

  /** Lines of /proc/n/segment. */
  lines(): string {
    const hex = (n: number) => `0x${n.toString(16)}`.padStart(8)
    return this.seg
      .map(
        s =>
          `${s.type.padEnd(6)} ${s.rdonly ? 'R' : ' '}  ${hex(s.base)} ${hex(s.top)} ${String(s.users.size).padStart(4)}\n`,
      )
      .join('')
  }
}

/** An address that is none of the program's. */
export class Badaddr extends Error {
  override name = 'Badaddr'
}
