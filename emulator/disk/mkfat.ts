import { PlanError } from '../../plan9/error.ts'
import type { Disk } from './blocks.ts'
import { dosdate } from './fat.ts'
import { ATTR_LABEL, ENTRY } from './fatname.ts'

const SECTOR = 512
/** Below so many clusters a FAT is a FAT12; a FAT16. */
const MIN16 = 4085
const MIN32 = 65525
/** Others count by one or two off: no FAT is made so near a limit. */
const MARGIN = 16
/** Sectors of a track: mtools wants whole ones. */
const TRACK = 32

export interface MkfatOptions {
  /** Default: FAT32 from 512 MB on, FAT16 from 4 MB on. */
  type?: 12 | 16 | 32
  /** At most 11 letters. */
  label?: string
  /** Bytes of a cluster; default as the size has it. */
  cluster?: number
  /** Sectors in front of the first FAT, of a FAT32 32 or more. */
  reserved?: number
  /** Sectors of the whole disk in front of this one. */
  hidden?: number
  serial?: number
  /** Seconds since the epoch, for the label. */
  mtime?: number
}

interface Plan {
  per: number
  fatsectors: number
  clusters: number
}

/** What a FAT of clusters of `per` sectors would be. */
function plan(sectors: number, type: number, reserved: number, rootsectors: number, per: number): Plan {
  let fatsectors = 1
  for (;;) {
    const clusters = Math.floor((sectors - reserved - rootsectors - 2 * fatsectors) / per)
    const need = Math.ceil(((clusters + 2) * type) / 8 / SECTOR)
    if (need <= fatsectors) return { per, fatsectors, clusters }
    fatsectors = need
  }
}

/** Makes an empty FAT file system of a disk. @throws PlanError: there is none of the size */
export async function mkfat(disk: Disk, o: MkfatOptions = {}): Promise<void> {
  let sectors = Math.min(Math.floor(disk.size / SECTOR), 0xffffffff)
  sectors -= sectors % TRACK
  const mb = (sectors * SECTOR) / (1 << 20)
  const type = o.type ?? (mb >= 512 ? 32 : mb >= 4 ? 16 : 12)
  const reserved = o.reserved ?? (type === 32 ? 32 : 1)
  const rootsectors = type === 32 ? 0 : 32
  const [min, max] = { 12: [1, MIN16], 16: [MIN16, MIN32], 32: [MIN32, 0x0ffffff5] }[type] as [number, number]
  // Of the sizes that do, the one next to 4096 bytes.
  const sizes = (o.cluster ? [o.cluster / SECTOR] : [8, 4, 2, 1, 16, 32, 64]).map(per =>
    plan(sectors, type, reserved, rootsectors, per),
  )
  const p = sizes.find(p => p.clusters >= min + (type === 12 ? 0 : MARGIN) && p.clusters < max - MARGIN)
  if (!p) throw new PlanError(`no FAT${type} of ${disk.size} bytes`)

  const boot = new Uint8Array(SECTOR)
  const v = new DataView(boot.buffer)
  const text = (at: number, s: string) => boot.set(new TextEncoder().encode(s), at)
  const label = (o.label ?? '')
    .toUpperCase()
    .replace(/[^ -~]/g, '_')
    .slice(0, 11)
  boot.set(type === 32 ? [0xeb, 0x58, 0x90] : [0xeb, 0x3c, 0x90])
  text(3, '9ML     ')
  v.setUint16(11, SECTOR, true)
  boot[13] = p.per
  v.setUint16(14, reserved, true)
  boot[16] = 2
  v.setUint16(17, (rootsectors * SECTOR) / ENTRY, true)
  if (sectors < 0x10000 && type !== 32) v.setUint16(19, sectors, true)
  else v.setUint32(32, sectors, true)
  boot[21] = 0xf8
  if (type !== 32) v.setUint16(22, p.fatsectors, true)
  v.setUint16(24, TRACK, true)
  v.setUint16(26, 64, true)
  v.setUint32(28, o.hidden ?? 0, true)
  if (type === 32) {
    v.setUint32(36, p.fatsectors, true)
    v.setUint32(44, 2, true)
    v.setUint16(48, 1, true)
    v.setUint16(50, 6, true)
  }
  const ext = type === 32 ? 64 : 36
  boot[ext] = 0x80
  boot[ext + 2] = 0x29
  v.setUint32(ext + 3, o.serial ?? 0x396d6c00, true)
  text(ext + 7, (label || 'NO NAME').padEnd(11))
  text(ext + 18, `FAT${type}   `)
  boot.set([0x55, 0xaa], 510)
  await disk.write(0, boot)

  const info = new Uint8Array(SECTOR)
  const w = new DataView(info.buffer)
  w.setUint32(0, 0x41615252, true)
  w.setUint32(484, 0x61417272, true)
  w.setUint32(488, p.clusters - 1, true)
  w.setUint32(492, 3, true)
  w.setUint32(508, 0xaa550000, true)
  if (type === 32)
    for (const [at, b] of [
      [1, info],
      [6, boot],
      [7, info],
    ] as const)
      await disk.write(at * SECTOR, b)

  const blank = new Uint8Array(1 << 20)
  const zero = async (from: number, to: number) => {
    for (let at = from; at < to; at += blank.length) await disk.write(at, blank.subarray(0, to - at))
  }
  const fats = reserved * SECTOR
  const root = fats + 2 * p.fatsectors * SECTOR
  await zero(fats, root + (type === 32 ? p.per : rootsectors) * SECTOR)
  const first = {
    12: [0xf8, 0xff, 0xff],
    16: [0xf8, 0xff, 0xff, 0xff],
    32: [0xf8, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f, 0xf8, 0xff, 0xff, 0x0f],
  }[type]
  for (const at of [fats, fats + p.fatsectors * SECTOR]) await disk.write(at, Uint8Array.from(first))
  if (label === '') return
  const e = new Uint8Array(ENTRY)
  const [date, time] = dosdate(o.mtime ?? Math.floor(Date.now() / 1000))
  e.set(new TextEncoder().encode(label.padEnd(11)))
  e[11] = ATTR_LABEL
  new DataView(e.buffer).setUint16(22, time, true)
  new DataView(e.buffer).setUint16(24, date, true)
  await disk.write(root, e)
}
