import { type FileHandle, mkdir, open, readdir, stat, utimes } from 'node:fs/promises'
import { basename, join } from 'node:path'
import process from 'node:process'
import { cached, type Disk } from '../../emulator/disk/blocks.ts'
import { openfat } from '../../emulator/disk/dossrv.ts'
import { Enotfat, Fat, type FatFile } from '../../emulator/disk/fat.ts'
import { check } from '../../emulator/disk/fatcheck.ts'
import { Iso, type IsoFile } from '../../emulator/disk/iso9660.ts'
import { mkfat } from '../../emulator/disk/mkfat.ts'
import { DOS, fdisk, named, partition, partitions } from '../../emulator/disk/part.ts'
import { DMDIR } from '../../plan9/9p/const.ts'
import { Eexist, Eisdir, Enonexist, Enotdir, PlanError } from '../../plan9/error.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { type Filedisk, filedisk } from './filedisk.ts'

const usage = `usage: 9ml disk make [-p] [-t fat12|fat16|fat32] [-s size] [-l label] image [file ...]
       9ml disk ls [-r] image [path]
       9ml disk cp [-r] from ... to
       9ml disk rm [-r] image:/path ...
       9ml disk check image
       9ml disk parts image
A file in an image is image:/path, or image:partition:/path; images are FAT's, and for ls and cp ISO 9660's.
`

class Usage extends Error {}

const MB = 1 << 20
/** Bytes that are copied at a time. */
const PIECE = MB
const types: Record<string, 12 | 16 | 32> = { fat12: 12, fat16: 16, fat32: 32 }

/** What FAT's and ISO 9660's files have in common. */
interface File {
  name: string
  mode: number
  length: number
  mtime: number
}

/** A file system of an image, to be read. */
interface Tree {
  root: File
  readdir(d: File): Promise<File[]>
  read(f: File, offset: number, n: number): Promise<Uint8Array>
}

interface Image {
  tree: Tree
  /** Undefined: it cannot be written. */
  fat: Fat | undefined
  close(): Promise<void>
}

const isdir = (f: File) => (f.mode & DMDIR) !== 0

/** `image:part` where no file is called so. */
async function opendisk(spec: string, flags: 'r' | 'r+'): Promise<{ disk: Filedisk; part: string }> {
  try {
    return { disk: await filedisk(spec, flags), part: '' }
  } catch (e) {
    const colon = spec.lastIndexOf(':')
    if (colon < 0 || !(e instanceof Error && 'code' in e && e.code === 'ENOENT')) throw e
    return { disk: await filedisk(spec.slice(0, colon), flags), part: spec.slice(colon + 1) }
  }
}

async function openimage(spec: string, flags: 'r' | 'r+'): Promise<Image> {
  const { disk, part } = await opendisk(spec, flags)
  const close = () => disk.close()
  try {
    const fat = await openfat(disk, part, { readonly: flags === 'r' })
    const tree: Tree = {
      root: fat.root,
      readdir: d => fat.readdir(d as FatFile),
      read: (f, offset, n) => fat.read(f as FatFile, offset, n),
    }
    const end = () => fat.flush().finally(close)
    return { tree, fat, close: end }
  } catch (e) {
    if (!(e instanceof PlanError) || e.message !== Enotfat || flags !== 'r') throw e
    const iso = await Iso.open(cached(disk)).catch(() => Promise.reject(new PlanError('neither FAT nor ISO 9660')))
    const tree: Tree = {
      root: iso.root,
      readdir: d => iso.readdir(d as IsoFile),
      read: (f, offset, n) => iso.read(f as IsoFile, offset, n),
    }
    return { tree, fat: undefined, close }
  }
}

/** The file at a path. @throws PlanError Enonexist, Enotdir */
async function walk(tree: Tree, path: string): Promise<File> {
  let f = tree.root
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue
    if (!isdir(f)) throw new PlanError(Enotdir)
    const all = await tree.readdir(f)
    const next = all.find(e => e.name === name) ?? all.find(e => e.name.toLowerCase() === name.toLowerCase())
    if (!next) throw new PlanError(Enonexist)
    f = next
  }
  return f
}

/** `image:/path` in two; undefined: it is a file of the host's. */
function inimage(arg: string): { image: string; path: string } | undefined {
  const at = arg.indexOf(':/')
  return at > 0 ? { image: arg.slice(0, at), path: arg.slice(at + 1) } : undefined
}

const print = (line: string) => process.stdout.write(`${line}\n`)

/** Says of whom an error tells. */
async function of<T>(name: string, f: () => Promise<T>): Promise<T> {
  try {
    return await f()
  } catch (e) {
    if (e instanceof PlanError && !e.message.startsWith(`${name}: `)) throw new PlanError(`${name}: ${e.message}`)
    throw e
  }
}

const date = (mtime: number) => new Date(mtime * 1000).toISOString().slice(0, 16).replace('T', ' ')

async function list(tree: Tree, f: File, path: string, deep: boolean): Promise<void> {
  const line = (f: File, name: string) => {
    const w = f.mode & 0o200 ? 'w' : '-'
    print(`${isdir(f) ? 'd' : '-'}r${w} ${String(f.length).padStart(10)} ${date(f.mtime)} ${name}`)
  }
  if (!isdir(f)) return line(f, path)
  const all = (await tree.readdir(f)).sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const e of all) {
    const name = path === '' ? e.name : `${path}/${e.name}`
    line(e, name)
    if (deep && isdir(e)) await list(tree, e, name, true)
  }
}

/** Where files are copied from or to. */
interface From {
  name: string
  isdir: boolean
  length: number
  mtime: number
  /** What it returns holds until the next read. */
  read(offset: number, n: number): Promise<Uint8Array>
  children(): Promise<From[]>
  close(): Promise<void>
}

async function fromhost(path: string): Promise<From> {
  const s = await stat(path)
  let file: FileHandle | undefined
  let b: Uint8Array | undefined
  return {
    name: basename(path),
    isdir: s.isDirectory(),
    length: s.size,
    mtime: Math.floor(s.mtimeMs / 1000),
    async read(offset, n) {
      file ??= await open(path, 'r')
      b ??= new Uint8Array(Math.min(n, s.size + 1))
      return b.subarray(0, (await file.read(b, 0, b.length, offset)).bytesRead)
    },
    children: async () => Promise.all((await readdir(path)).map(name => fromhost(join(path, name)))),
    close: async () => file?.close(),
  }
}

const fromtree = (tree: Tree, f: File, done: () => Promise<void> = async () => {}): From => ({
  name: f === tree.root ? '' : f.name,
  isdir: isdir(f),
  length: f.length,
  mtime: f.mtime,
  read: (offset, n) => tree.read(f, offset, n),
  children: async () => (await tree.readdir(f)).map(e => fromtree(tree, e)),
  close: done,
})

async function source(arg: string): Promise<From> {
  const place = inimage(arg)
  if (!place) return fromhost(arg)
  const image = await openimage(place.image, 'r')
  try {
    return fromtree(image.tree, await walk(image.tree, place.path), image.close)
  } catch (e) {
    await image.close()
    throw e
  }
}

async function* pieces(from: From): AsyncGenerator<[number, Uint8Array]> {
  for (let at = 0; ; ) {
    const b = await from.read(at, PIECE)
    if (b.length === 0) return
    yield [at, b]
    at += b.length
  }
}

/** Copies a file or directory into a directory of an image, by the name given. */
async function tofat(fat: Fat, d: FatFile, from: From, name: string): Promise<void> {
  const old = await fat.lookup(d, name)
  if (old && old.isdir !== from.isdir) throw new PlanError(old.isdir ? Eisdir : Eexist)
  if (from.isdir) {
    const dir = old ?? (await fat.create(d, name, { dir: true, mtime: from.mtime }))
    for (const e of await from.children()) await of(e.name, () => tofat(fat, dir, e, e.name)).finally(e.close)
    return
  }
  if (old) await fat.truncate(old, 0)
  const f = old ?? (await fat.create(d, name))
  for await (const [at, b] of pieces(from)) await fat.write(f, at, b)
  await fat.setattr(f, { mtime: from.mtime })
}

async function tohost(path: string, from: From): Promise<void> {
  if (from.isdir) {
    await mkdir(path, { recursive: true })
    for (const e of await from.children()) await tohost(join(path, e.name), e).finally(e.close)
    return
  }
  const file = await open(path, 'w')
  try {
    for await (const [at, b] of pieces(from)) await file.write(b, 0, b.length, at)
  } finally {
    await file.close()
  }
  await utimes(path, from.mtime, from.mtime)
}

/** Copies into what `to` names: a directory that is there, or a name for one file in a directory that is there. */
async function copy(froms: string[], to: string, deep: boolean): Promise<void> {
  const place = inimage(to)
  const image = place ? await openimage(place.image, 'r+') : undefined
  try {
    const at = place
      ? await image!.fat!.walk(place.path).catch(e => {
          if (e.message !== Enonexist) throw e
        })
      : await stat(to).catch(() => undefined)
    const into = at !== undefined && ('isdir' in at ? at.isdir : at.isDirectory())
    if (!into && froms.length > 1) throw new PlanError(`${to}: ${Enotdir}`)
    for (const arg of froms)
      await of(arg, async () => {
        const from = await source(arg)
        try {
          if (from.isdir && !deep) throw new PlanError(Eisdir)
          if (place) {
            const slash = place.path.replace(/\/+$/, '').lastIndexOf('/')
            const d = into ? (at as FatFile) : await image!.fat!.walk(place.path.slice(0, slash))
            const name = into ? from.name : place.path.slice(slash + 1).replace(/\/+$/, '')
            if (name === '')
              for (const e of await from.children()) await tofat(image!.fat!, d, e, e.name).finally(e.close)
            else await tofat(image!.fat!, d, from, name)
          } else await tohost(into && from.name !== '' ? join(to, from.name) : to, from)
        } finally {
          await from.close()
        }
      })
  } finally {
    await image?.close()
  }
}

async function remove(fat: Fat, f: FatFile, deep: boolean): Promise<void> {
  if (deep && f.isdir) for (const e of await fat.readdir(f)) await of(e.name, () => remove(fat, e, true))
  await fat.remove(f)
}

/** Bytes that a file takes in an image, about. */
async function weight(from: From): Promise<number> {
  if (!from.isdir) return from.length + 8192
  let n = 8192
  for (const e of await from.children()) n += await weight(e)
  return n
}

function bytes(s: string): number {
  const m = /^(\d+)([kmg]?)$/i.exec(s)
  if (!m) throw new Usage()
  return Number(m[1]) * { '': 1, k: 1 << 10, m: MB, g: 1 << 30 }[m[2]!.toLowerCase() as '' | 'k' | 'm' | 'g']
}

interface MakeOptions {
  type: 12 | 16 | 32 | undefined
  size: number | undefined
  label: string
  table: boolean
}

async function make(image: string, files: string[], o: MakeOptions): Promise<void> {
  let size = o.size
  if (size === undefined) {
    const froms = await Promise.all(files.map(fromhost))
    let need = 0
    for (const f of froms) need += await weight(f)
    // A tenth is left; no less than a FAT32 can be.
    size = Math.max(64 * MB, Math.ceil((need * 1.1) / MB) * MB)
  }
  const disk = await filedisk(image, 'w+', size)
  try {
    let part: Disk = disk
    const type = o.type ?? (size >= 512 * MB ? 32 : 16)
    let hidden = 0
    if (o.table) {
      const [p] = await fdisk(disk, [{ type: { 12: 0x01, 16: 0x0e, 32: DOS }[type], active: true }])
      part = partition(disk, p!)
      hidden = p!.start
    }
    await mkfat(part, { type, hidden, label: o.label })
    const fat = await Fat.open(part)
    for (const name of files)
      await of(name, async () => {
        const from = await fromhost(name)
        await tofat(fat, fat.root, from, from.name).finally(from.close)
      })
    await fat.flush()
  } finally {
    await disk.close()
  }
}

/** `9ml disk`: images of disks, made, listed, read and written on the host. */
export async function main(args: string[]): Promise<number> {
  const arg = new Arg(args)
  let deep = false
  const o: MakeOptions = { type: undefined, size: undefined, label: '', table: false }
  const value = () => {
    const v = arg.argf()
    if (v === undefined) throw new Usage()
    return v
  }
  try {
    const verb = args[0]
    for (const c of arg)
      if (c === 'r' && ['ls', 'cp', 'rm'].includes(verb!)) deep = true
      else if (verb !== 'make') throw new Usage()
      else if (c === 'p') o.table = true
      else if (c === 's') o.size = bytes(value())
      else if (c === 'l') o.label = value()
      else if (c === 't') {
        o.type = types[value()]
        if (!o.type) throw new Usage()
      } else throw new Usage()
    const [first, ...rest] = arg.argv
    if (verb === 'make' && first !== undefined) await of(first, () => make(first, rest, o))
    else if (verb === 'ls' && first !== undefined && rest.length <= 1) {
      const place = inimage(first) ?? { image: first, path: rest[0] ?? '/' }
      await of(place.image, async () => {
        const { tree, close } = await openimage(place.image, 'r')
        const path = place.path.replace(/^\/+|\/+$/g, '')
        await walk(tree, path)
          .then(f => list(tree, f, path, deep))
          .finally(close)
      })
    } else if (verb === 'cp' && rest.length > 0) await copy([first!, ...rest.slice(0, -1)], rest.at(-1)!, deep)
    else if (verb === 'rm' && first !== undefined)
      for (const name of arg.argv) {
        const place = inimage(name)
        if (!place) throw new Usage()
        await of(name, async () => {
          const { fat, close } = await openimage(place.image, 'r+')
          await fat!
            .walk(place.path)
            .then(f => remove(fat!, f, deep))
            .finally(close)
        })
      }
    else if (verb === 'check' && first !== undefined && rest.length === 0) return await checkimage(first)
    else if (verb === 'parts' && first !== undefined && rest.length === 0) {
      const disk = await filedisk(first, 'r')
      const all = await of(first, () => partitions(disk)).finally(() => disk.close())
      for (const p of all) {
        const type = p.type < 0 ? 'plan9' : `0x${p.type.toString(16).padStart(2, '0')}`
        print(`${p.active ? '*' : ' '} ${p.name.padEnd(10)} ${p.start} ${p.start + p.sectors} ${type}`)
      }
    } else throw new Usage()
    return 0
  } catch (e) {
    if (e instanceof Usage) process.stderr.write(usage)
    else if (e instanceof PlanError || (e instanceof Error && 'code' in e))
      process.stderr.write(`9ml disk: ${e.message}\n`)
    else throw e
    return e instanceof Usage ? 2 : 1
  }
}

/** 1: something is wrong with it. */
async function checkimage(spec: string): Promise<number> {
  const { disk, part } = await opendisk(spec, 'r')
  try {
    let n = 0
    let d: Disk = disk
    if (part !== '') d = await named(disk, part)
    else d = (await openfat(disk, '', { readonly: true })).disk
    for await (const line of check(d)) {
      print(line)
      n++
    }
    return n === 0 ? 0 : 1
  } finally {
    await disk.close()
  }
}
