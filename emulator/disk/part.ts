import { PlanError } from '../../plan9/error.ts'
import { type Blocks, type Disk, window } from './blocks.ts'

/** Partition tables: the PC's, with logical partitions, and Plan 9's text within one of its own; fdisk and prep of prep(8). */

const SECTOR = 512
/** Partitions begin at multiples of so many sectors. */
const ALIGN = 2048
/** Of the table in sector 0; bytes of an entry. */
const TABLE = 446
const ENTRY = 16
/** Logical partitions at most, for a chain may be a loop. */
const MAXLOGICAL = 128

export const Enotable = 'no partition table'
export const PLAN9 = 0x39
export const DOS = 0x0c
const EXTENDED = 0x0f

/** Types by the names that 9front's fdisk has for them. */
const types: [string, number[]][] = [
  ['dos', [0x01, 0x04, 0x06, 0x0b, DOS, 0x0e, 0xef]],
  ['ntfs', [0x07]],
  ['plan9', [PLAN9]],
  ['linuxswap', [0x82]],
  ['linux', [0x83]],
]
const extended = (type: number) => type === 0x05 || type === EXTENDED || type === 0x85

export interface Partition {
  /** `dos`, `plan9`, `p1` where the type has no name; those within a Plan 9 partition have their own. */
  name: string
  /** The PC's number of what it is for; -1: of Plan 9's own table. */
  type: number
  /** The first sector of the disk's, and how many. */
  start: number
  sectors: number
  active: boolean
}

/** Names that are there already get a number. */
function unique(name: string, all: Partition[]): string {
  const sep = /\d$/.test(name) ? '.' : ''
  let s = name
  for (let n = 1; all.some(p => p.name === s); n++) s = `${name}${sep}${n}`
  return s
}

interface Slot {
  type: number
  start: number
  sectors: number
  active: boolean
}

/** The four entries of a table; undefined: the sector holds none. */
function table(b: Uint8Array): Slot[] | undefined {
  if (b.length < SECTOR || b[510] !== 0x55 || b[511] !== 0xaa) return undefined
  const v = new DataView(b.buffer, b.byteOffset, SECTOR)
  const slots = [0, 1, 2, 3].map(i => {
    const at = TABLE + i * ENTRY
    return { status: b[at]!, type: b[at + 4]!, start: v.getUint32(at + 8, true), sectors: v.getUint32(at + 12, true) }
  })
  if (slots.some(s => s.status & 0x7f)) return undefined
  return slots.map(s => ({ type: s.type, start: s.start, sectors: s.sectors, active: s.status === 0x80 }))
}

/** The partitions of a disk: primary ones, logical ones, those within Plan 9's. @throws PlanError Enotable */
export async function partitions(disk: Blocks): Promise<Partition[]> {
  const total = Math.floor(disk.size / SECTOR)
  const all: Partition[] = []
  const add = (s: Slot, number: string) => {
    if (s.type === 0 || s.sectors === 0 || s.start === 0 || s.start + s.sectors > total) return
    const name = types.find(([, t]) => t.includes(s.type))?.[0] ?? number
    all.push({ ...s, name: unique(name, all) })
  }
  const slots = table(await disk.read(0, SECTOR))
  if (!slots) {
    // A disk without the PC's table may have Plan 9's.
    const own = await prep(disk, 0, total)
    if (own.length === 0) throw new PlanError(Enotable)
    return own
  }
  for (const [i, s] of slots.entries()) if (!extended(s.type)) add(s, `p${i + 1}`)
  let logical = 0
  for (const s of slots) {
    if (!extended(s.type)) continue
    // The place of a partition is told from its table's, that of the next table from the first one's.
    for (let at = 0; logical < MAXLOGICAL; ) {
      const here = s.start + at
      const [part, next] = table(await disk.read(here * SECTOR, SECTOR)) ?? []
      if (!part || !next) break
      if (part.type !== 0) add({ ...part, start: here + part.start }, `s${++logical}`)
      if (!extended(next.type) || next.start <= at) break
      at = next.start
    }
  }
  for (const p of [...all])
    if (p.type === PLAN9)
      for (const q of await prep(disk, p.start, p.sectors)) all.push({ ...q, name: unique(q.name, all) })
  return all
}

/** Plan 9's own: lines in the second sector of what it divides. */
async function prep(disk: Blocks, start: number, sectors: number): Promise<Partition[]> {
  const text = new TextDecoder('latin1').decode(await disk.read((start + 1) * SECTOR, SECTOR))
  const all: Partition[] = []
  for (const line of text.split('\0')[0]!.split('\n')) {
    const m = /^part (\S+) (\d+) (\d+)$/.exec(line)
    if (!m) break
    const [from, to] = [Number(m[2]), Number(m[3])]
    if (from >= to || to > sectors) continue
    const name = unique(m[1]!, all)
    all.push({ name, type: -1, start: start + from, sectors: to - from, active: false })
  }
  return all
}

/** A partition as a disk of its own. */
export const partition = (disk: Disk, p: Partition): Disk => window(disk, p.start * SECTOR, p.sectors * SECTOR)

/**
 * Which part of a disk is meant: a number is where it begins, in sectors, as dossrv has it; else a partition's name.
 *
 * @throws PlanError Enotable; there is no such partition
 */
export async function named(disk: Disk, name: string): Promise<Disk> {
  if (/^(0x[\da-f]+|\d+)$/i.test(name)) {
    const start = Number(name) * SECTOR
    return window(disk, start, Math.max(0, disk.size - start))
  }
  const all = await partitions(disk)
  const p = all.find(p => p.name === name) ?? all.find(p => p.name === name.replace(/\.(?=\d+$)/, ''))
  if (!p) throw new PlanError(`no partition ${name}`)
  return partition(disk, p)
}

export interface NewPartition {
  type: number
  /** Default: what is left. */
  sectors?: number
  active?: boolean
  /** Within the extended partition, which the logical ones make; they come last. */
  logical?: boolean
}

/** Makes the PC's table; what sector 0 holds besides is left. @throws PlanError they do not fit, or are more than four */
export async function fdisk(disk: Disk, parts: NewPartition[]): Promise<Partition[]> {
  const total = Math.min(Math.floor(disk.size / SECTOR), 0xffffffff)
  const firstlogical = parts.findIndex(p => p.logical)
  const primary = firstlogical < 0 ? parts : parts.slice(0, firstlogical)
  const logical = firstlogical < 0 ? [] : parts.slice(firstlogical)
  if (primary.length + (logical.length > 0 ? 1 : 0) > 4 || logical.some(p => !p.logical))
    throw new PlanError('too many partitions')
  let at = ALIGN
  const take = (p: NewPartition): Slot => {
    const sectors = p.sectors ?? total - at
    if (sectors <= 0 || at + sectors > total) throw new PlanError('partitions do not fit')
    const slot = { type: p.type, start: at, sectors, active: p.active ?? false }
    at = Math.ceil((at + sectors) / ALIGN) * ALIGN
    return slot
  }
  const slots = primary.map(take)
  const base = at
  const chain = logical.map(p => {
    const start = at
    at += ALIGN
    return { table: start, slot: take(p) }
  })
  const end = chain.at(-1)
  if (end) slots.push({ type: EXTENDED, start: base, sectors: end.slot.start + end.slot.sectors - base, active: false })
  const boot = new Uint8Array(SECTOR)
  boot.set(await disk.read(0, SECTOR))
  put(boot, slots)
  await disk.write(0, boot)
  for (const [i, c] of chain.entries()) {
    const b = new Uint8Array(SECTOR)
    const next = chain[i + 1]
    const own = [{ ...c.slot, start: c.slot.start - c.table }]
    if (next) {
      const sectors = next.slot.start + next.slot.sectors - next.table
      own.push({ type: EXTENDED, start: next.table - base, sectors, active: false })
    }
    put(b, own)
    await disk.write(c.table * SECTOR, b)
  }
  return partitions(disk)
}

function put(b: Uint8Array, slots: Slot[]): void {
  const v = new DataView(b.buffer, b.byteOffset)
  b.fill(0, TABLE)
  for (const [i, s] of slots.entries()) {
    const at = TABLE + i * ENTRY
    b.set([s.active ? 0x80 : 0, ...chs(s.start), s.type, ...chs(s.start + s.sectors - 1)], at)
    v.setUint32(at + 8, s.start, true)
    v.setUint32(at + 12, s.sectors, true)
  }
  b.set([0x55, 0xaa], 510)
}

/** A sector's place by cylinder, head and sector; the largest there is for one beyond it. */
function chs(sector: number): [number, number, number] {
  const cylinder = Math.floor(sector / (255 * 63))
  if (cylinder > 1023) return [254, 0xff, 0xff]
  return [Math.floor(sector / 63) % 255, ((sector % 63) + 1) | ((cylinder >> 2) & 0xc0), cylinder & 0xff]
}

/** Writes Plan 9's table into a partition, whose second sector it takes; places are told from the partition's start. */
export async function prepare(disk: Disk, parts: { name: string; start: number; end: number }[]): Promise<void> {
  const text = parts.map(p => `part ${p.name} ${p.start} ${p.end}\n`).join('')
  if (text.length > SECTOR - 1) throw new PlanError('partition table full')
  const b = new Uint8Array(SECTOR)
  b.set(new TextEncoder().encode(text))
  await disk.write(SECTOR, b)
}
