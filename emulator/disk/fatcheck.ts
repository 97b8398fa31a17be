import { Eio, PlanError } from '../../plan9/error.ts'
import type { Disk } from './blocks.ts'
import { Fat } from './fat.ts'
import { ATTR_DIR, dots, ENTRY, entries, fold } from './fatname.ts'

/** Lines about one kind of trouble at most. */
const MAXLINES = 100
/** Entries of a directory at most. */
const MAXDIR = 65536 * ENTRY

/**
 * What is wrong with a FAT file system, a line each: chains with loops, out of the disk or into another file's; sizes that
 * are not the chain's; clusters that no file has; FATs that differ; names that are there twice or belong to nothing.
 * Nothing is changed.
 *
 * @throws PlanError i/o error of the disk, and what Fat.open throws
 */
export async function* check(disk: Disk): AsyncGenerator<string> {
  const fat = await Fat.open(disk, { readonly: true })
  const g = fat.geometry
  if (g.size > disk.size) yield `cut short: ${disk.size} of ${g.size} bytes`
  if (fat.unclean) yield 'not cleanly unmounted'
  if (g.active < 0) {
    const size = Math.min(Math.ceil(((g.clusters + 2) * g.type) / 8), g.fatsize)
    const first = await disk.read(g.fat, size)
    for (let i = 1; i < g.fats; i++) {
      const b = await disk.read(g.fat + i * g.fatsize, size)
      const at = first.findIndex((x, k) => x !== b[k])
      if (at >= 0) yield `FAT ${i + 1} differs from the first at cluster ${Math.floor((at * 8) / g.type)}`
    }
  }

  const limit = g.clusters + 2
  /** The number of the file that a cluster belongs to. */
  const owner = new Uint32Array(limit)
  const paths: string[] = ['']
  let lines = 0
  const say = function* (line: string) {
    if (++lines <= MAXLINES) yield line
  }

  /** The clusters of a file, as far as they are good. */
  const chain = function* (path: string, first: number): Generator<string, number[]> {
    const id = paths.push(path) - 1
    const all: number[] = []
    for (let c = first; ; ) {
      if (!fat.iscluster(c)) {
        yield* say(`${path}: bad cluster ${c}`)
        break
      }
      if (owner[c] === id) {
        yield* say(`${path}: loop at cluster ${c}`)
        break
      }
      if (owner[c] !== 0) {
        yield* say(`${path}: cross-linked with ${paths[owner[c]!]} at cluster ${c}`)
        break
      }
      owner[c] = id
      all.push(c)
      const next = fat.entry(c)
      if (fat.ends(next)) break
      c = next
    }
    return all
  }

  /** Directories that are still to be looked at. */
  const dirs: { path: string; bytes: Uint8Array; self: number; parent: number }[] = []
  const load = async (clusters: number[]): Promise<Uint8Array> => {
    const bytes = new Uint8Array(Math.min(clusters.length * g.cluster, MAXDIR))
    for (let i = 0; i * g.cluster < bytes.length; i++) {
      const b = await disk.read(g.data + (clusters[i]! - 2) * g.cluster, g.cluster)
      if (b.length < g.cluster) throw new PlanError(Eio)
      bytes.set(b.subarray(0, bytes.length - i * g.cluster), i * g.cluster)
    }
    return bytes
  }
  if (g.rootsize > 0) dirs.push({ path: '', bytes: await disk.read(g.root, g.rootsize), self: 0, parent: 0 })
  else dirs.push({ path: '', bytes: await load(yield* chain('/', g.rootcluster)), self: g.rootcluster, parent: 0 })

  for (let d = dirs.pop(); d; d = dirs.pop()) {
    const names = new Set<string>()
    const stray: number[] = []
    let dot = 0
    for (const e of entries(d.bytes, slot => stray.push(slot))) {
      const v = new DataView(e.raw.buffer, e.raw.byteOffset, ENTRY)
      const high = g.type === 32 ? v.getUint16(20, true) : 0
      const first = ((high << 16) | v.getUint16(26, true)) & 0x0fffffff
      const length = v.getUint32(28, true)
      const path = `${d.path}/${e.name}`
      if (dots(e)) {
        if (e.slot !== dot++ || d.path === '') yield* say(`${path}: out of place`)
        if (first !== (e.name === '.' ? d.self : d.parent)) yield* say(`${path}: cluster ${first}`)
        continue
      }
      if (e.name === '') {
        yield* say(`${path}: no name`)
        continue
      }
      for (const name of new Set([fold(e.name), e.alias])) {
        if (names.has(name)) yield* say(`${path}: name is there twice`)
        names.add(name)
      }
      if (e.raw[11]! & ATTR_DIR) {
        if (length !== 0) yield* say(`${path}: directory of ${length} bytes`)
        const clusters = yield* chain(path, first)
        if (clusters.length * g.cluster > MAXDIR) yield* say(`${path}: directory too large`)
        const parent = d.path === '' ? 0 : d.self
        if (clusters.length > 0) dirs.push({ path, bytes: await load(clusters), self: first, parent })
      } else if (first === 0) {
        if (length > 0) yield* say(`${path}: ${length} bytes, no cluster`)
      } else {
        const n = (yield* chain(path, first)).length
        if (n !== Math.ceil(length / g.cluster)) yield* say(`${path}: ${length} bytes, ${n} clusters of ${g.cluster}`)
      }
    }
    if (d.path !== '' && dot < 2) yield* say(`${d.path}: no . and ..`)
    for (const slot of stray) yield* say(`${d.path || '/'}: entry ${slot} is a part of no name`)
  }

  let free = 0
  let lost = 0
  let firstlost = 0
  for (let c = 2; c < limit; c++) {
    const e = fat.entry(c)
    if (e === 0) free++
    // One less than a chain's end: it cannot be used.
    else if (owner[c] === 0 && (fat.ends(e) || !fat.ends(e + 1)) && lost++ === 0) firstlost = c
  }
  if (lost > 0) yield `${lost} lost clusters, the first ${firstlost}`
  if (lines > MAXLINES) yield `${lines - MAXLINES} more`

  if (g.info > 0) {
    const b = await disk.read(g.info, 512)
    const v = new DataView(b.buffer, b.byteOffset, b.length)
    if (b.length < 512 || v.getUint32(0, true) !== 0x41615252 || v.getUint32(484, true) !== 0x61417272)
      yield 'FSInfo: not there'
    else {
      const says = v.getUint32(488, true)
      if (says !== free && says !== 0xffffffff) yield `FSInfo: ${says} clusters free, not ${free}`
    }
  }
}

/** The lines of check, and of what cannot be opened its error. */
export async function checked(disk: Disk): Promise<string[]> {
  const lines: string[] = []
  try {
    for await (const line of check(disk)) lines.push(line)
  } catch (e) {
    if (!(e instanceof PlanError)) throw e
    lines.push(e.message)
  }
  return lines
}
