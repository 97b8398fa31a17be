import { errstr, PlanError } from '../../plan9/error.ts'
import type { Blocks } from '../disk/blocks.ts'
import { Enotfat, geometry } from '../disk/fat.ts'
import { Iso } from '../disk/iso9660.ts'
import { Enotable, type Partition, partitions } from '../disk/part.ts'

/** What the bytes of an image are, and what can be done with them here. */

export type Kind = '386' | 'amd64' | 'iso' | 'disk' | 'fat' | 'gzip' | 'qcow2' | 'empty' | 'unknown'

export interface Identified {
  kind: Kind
  /** A sentence for its user. */
  says: string
  /** Bytes that the image says it has, and more than are there. */
  short?: number
  partitions?: Partition[]
}

const SECTOR = 512
/** An ISO's first volume descriptor. */
const DESCRIPTOR = 16 * 2048

const kernels = { '386': '386/9pc', amd64: 'amd64/9pc64' } as const

const le16 = (b: Uint8Array, at: number) => b[at]! | (b[at + 1]! << 8)
const le32 = (b: Uint8Array, at: number) => (le16(b, at) | (le16(b, at + 2) << 16)) >>> 0
const latin = (b: Uint8Array) => String.fromCharCode(...b)

/** Of a number of bytes: `243.9 MB`. */
export function bytes(n: number): string {
  return n < 1e3
    ? `${n} bytes`
    : n < 1e6
      ? `${(n / 1e3).toFixed(1)} KB`
      : n < 1e9
        ? `${(n / 1e6).toFixed(1)} MB`
        : `${(n / 1e9).toFixed(2)} GB`
}

/**
 * The 386 kernel of 9front's ISO, of `most` bytes at most.
 *
 * @throws PlanError what the image is instead; i/o error: it is cut short
 */
export async function kernel(image: Blocks, most = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  let iso: Iso
  try {
    iso = await Iso.open(image)
  } catch (e) {
    throw new PlanError(`not an ISO of 9front: ${errstr(e)}`)
  }
  const file = await iso.find(kernels['386'])
  if (file) {
    if (file.length > most) throw new PlanError('kernel is too large')
    return iso.read(file, 0, file.length)
  }
  if (await iso.find(kernels.amd64)) throw new PlanError('image is for amd64: v86 has no 64-bit mode; QEMU runs it')
  throw new PlanError(`not an ISO of 9front: no /${kernels['386']}`)
}

/** Never fails for what the bytes are. @throws what `b` throws */
export async function identify(b: Blocks): Promise<Identified> {
  if (b.size === 0) return { kind: 'empty', says: 'empty file' }
  const head = await b.read(0, SECTOR)
  if (head[0] === 0x1f && head[1] === 0x8b)
    return { kind: 'gzip', says: 'compressed by gzip: expand it first (9ml image fetch does, gunzip does)' }
  if (latin(head.subarray(0, 4)) === 'QFI\xfb')
    return { kind: 'qcow2', says: 'a disk in QEMU’s format qcow2: qemu-img convert -O raw makes a disk of it' }
  const volume = await b.read(DESCRIPTOR, 2048)
  if (latin(volume.subarray(0, 6)) === '\x01CD001' && volume.length === 2048) return isoImage(b, volume)
  return fat(head, b.size) ?? (await disk(b)) ?? { kind: 'unknown', says: 'neither an ISO nor a disk' }
}

/** A sentence, and that bytes are missing where they are. */
function checked(i: Identified, size: number, should: number): Identified {
  if (size >= should) return i
  return {
    ...i,
    says: `${i.says}; cut short: ${bytes(should - size)} of ${bytes(should)} are missing`,
    short: should - size,
  }
}

async function isoImage(b: Blocks, volume: Uint8Array): Promise<Identified> {
  const size = le32(volume, 80) * (le16(volume, 128) || 2048)
  let found: Identified
  try {
    const iso = await Iso.open(b)
    if (await iso.find(kernels['386']))
      found = { kind: '386', says: `9front for 386, an ISO with the kernel /${kernels['386']}: 9ml runs it` }
    else if (await iso.find(kernels.amd64))
      found = {
        kind: 'amd64',
        says: `9front for amd64, an ISO with the kernel /${kernels.amd64}: v86 has no 64-bit mode; use 9ml vm (QEMU)`,
      }
    else found = { kind: 'iso', says: 'an ISO, and no kernel of 9front is in it' }
  } catch (e) {
    if (!(e instanceof PlanError)) throw e
    found = { kind: 'iso', says: `an ISO that cannot be read: ${e.message}` }
  }
  return checked(found, b.size, size)
}

/** A FAT file system without a partition table before it. */
function fat(boot: Uint8Array, size: number): Identified | undefined {
  try {
    const g = geometry(boot)
    return checked({ kind: 'fat', says: `a FAT${g.type} file system` }, size, g.size)
  } catch (e) {
    if (e instanceof PlanError && e.message === Enotfat) return undefined
    throw e
  }
}

/** A disk with partitions, of those that lie within it. */
async function disk(b: Blocks): Promise<Identified | undefined> {
  try {
    const parts = await partitions(b)
    const list = parts.map(p => `${p.name} (${bytes(p.sectors * SECTOR)})`).join(', ')
    return { kind: 'disk', says: `a disk: ${list || 'no partition lies within it'}`, partitions: parts }
  } catch (e) {
    if (e instanceof PlanError && e.message === Enotable) return undefined
    throw e
  }
}
