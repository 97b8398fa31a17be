import { memdisk } from './blocks.ts'
import { Fat } from './fat.ts'
import { mkfat } from './mkfat.ts'

const MB = 1 << 20
/** A FAT32 is no smaller; a file takes whole clusters, of so many bytes at most. */
const LEAST = 40 * MB
const CLUSTER = 4096

export interface GuestdiskOptions {
  /** Bytes that are left for what the guest makes. */
  room?: number
  /** An rc script, `/setup`. */
  setup?: string
  label?: string
  /** Of the files, in seconds since the epoch. */
  mtime?: number
}

/**
 * The disk that a guest shares with the host: a FAT32 file system without a partition table, which 9front has by
 *
 *     dossrv -f /dev/sdC1/data sh
 *     mount -c /srv/sh /n/sh
 *
 * @param files paths from the disk's root, and what they hold; of two with the same path the last counts
 * @throws PlanError a name is none of a FAT's
 */
export async function guestdisk(
  files: Iterable<readonly [string, Uint8Array]>,
  o: GuestdiskOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const all = [...files]
  if (o.setup !== undefined) all.push(['setup', new TextEncoder().encode(o.setup)])
  // A cluster for each file's end, and one for a directory that is made for it.
  const need = all.reduce((n, [, data]) => n + data.length + 2 * CLUSTER, 0) + (o.room ?? 64 * MB)
  // Both FATs have four bytes a cluster, that is 512 bytes at least.
  const size = Math.max(LEAST, Math.ceil((need * 1.02) / MB) * MB + MB)
  const image = new Uint8Array(size)
  const disk = memdisk(image)
  await mkfat(disk, { type: 32, label: o.label ?? '9ML', ...(o.mtime === undefined ? {} : { mtime: o.mtime }) })
  const fat = await Fat.open(disk)
  for (const [path, data] of all) await fat.add(path, data, o.mtime)
  await fat.flush()
  return image
}
