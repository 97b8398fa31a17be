import { type FileHandle, open, readdir, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import process from 'node:process'
import type { Disk } from '../../emulator/disk/blocks.ts'
import { Fat, type FatFile } from '../../emulator/disk/fat.ts'
import { errstr, PlanError } from '../../plan9/error.ts'

const usage = `usage: 9ml disk make [-t fat16|fat32] [-s size] image [file ...]
       9ml disk ls image [path]
       9ml disk cp [-r] from ... to       a path in an image is image:/path
       9ml disk rm image:/path ...
       9ml disk check image
`

class Usage extends Error {}

function fileDisk(f: FileHandle, size: number): Disk {
  return {
    size,
    async read(offset, n) {
      const b = new Uint8Array(Math.max(0, Math.min(n, size - offset)))
      const { bytesRead } = await f.read(b, 0, b.length, offset)
      return b.subarray(0, bytesRead)
    },
    async write(offset, data) {
      await f.write(data, 0, data.length, offset)
    },
    flush: () => f.datasync(),
  }
}

/** Does something with the file system of an image; what was written is in the file then. @throws PlanError */
async function withFat<T>(name: string, write: boolean, f: (fat: Fat) => Promise<T>): Promise<T> {
  let h: FileHandle
  try {
    h = await open(name, write ? 'r+' : 'r')
  } catch (e) {
    throw new PlanError(`${name}: ${reason(e)}`)
  }
  try {
    const fat = await Fat.open(fileDisk(h, (await h.stat()).size))
    try {
      return await f(fat)
    } finally {
      if (write) await fat.flush()
    }
  } catch (e) {
    throw e instanceof PlanError ? new PlanError(`${name}: ${e.message}`) : e
  } finally {
    await h.close()
  }
}

function reason(e: unknown): string {
  const { code } = e as { code?: string }
  if (code === 'ENOENT') return 'file does not exist'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'EISDIR') return 'file is a directory'
  if (code === 'EEXIST') return 'file already exists'
  if (code === 'ENOSPC') return 'disk full'
  return errstr(e)
}

/** `image:/path`. */
function inside(arg: string): { image: string; path: string } | undefined {
  const at = arg.indexOf(':/')
  // C:/ is a drive of the host's.
  return at > 1 ? { image: arg.slice(0, at), path: arg.slice(at + 1) } : undefined
}

function size(text: string): number {
  const m = /^(\d+)([kmg]?)$/i.exec(text)
  if (!m) throw new Usage(`bad size ${text}`)
  return Number(m[1]) * 1024 ** ' kmg'.indexOf(m[2]!.toLowerCase() || ' ')
}

const mtime = (ms: number) => Math.floor(ms / 1000)

/** Bytes of one read of the host's file. */
const PIECE = 4 << 20

async function putin(fat: Fat, from: string, dir: FatFile, name: string, deep: boolean): Promise<void> {
  const st = await stat(from)
  if (st.isDirectory()) {
    if (!deep) throw new PlanError(`${from}: is a directory; -r copies it`)
    const sub =
      (await fat.list(dir)).find(f => f.dir && f.name === name) ??
      (await fat.create(dir, name, { dir: true, mtime: mtime(st.mtimeMs) }))
    for (const n of (await readdir(from)).sort()) await putin(fat, join(from, n), sub, n, deep)
    return
  }
  const old = (await fat.list(dir)).find(f => f.name.toUpperCase() === name.toUpperCase())
  if (old?.dir) throw new PlanError(`${name}: file is a directory`)
  const f = old ?? (await fat.create(dir, name, { mtime: mtime(st.mtimeMs) }))
  if (old) await fat.truncate(old, 0)
  const h = await open(from)
  try {
    const b = new Uint8Array(PIECE)
    for (let at = 0; ; ) {
      const { bytesRead } = await h.read(b, 0, PIECE, at)
      if (bytesRead === 0) break
      await fat.write(f, at, b.subarray(0, bytesRead), mtime(st.mtimeMs))
      at += bytesRead
    }
  } finally {
    await h.close()
  }
}

async function takeout(fat: Fat, f: FatFile, to: string, deep: boolean): Promise<void> {
  if (f.dir) {
    if (!deep) throw new PlanError(`${f.name}: is a directory; -r copies it`)
    const { mkdir } = await import('node:fs/promises')
    await mkdir(to, { recursive: true })
    for (const g of await fat.list(f)) await takeout(fat, g, join(to, g.name), deep)
    return
  }
  const h = await open(to, 'w')
  try {
    for (let at = 0; at < f.size; at += PIECE) await h.write(await fat.read(f, at, PIECE))
    await h.utimes(f.mtime, f.mtime)
  } finally {
    await h.close()
  }
}

async function cp(args: string[]): Promise<void> {
  const deep = args[0] === '-r'
  const names = deep ? args.slice(1) : args
  const to = names.pop()
  if (to === undefined || names.length === 0) throw new Usage('')
  const target = inside(to)
  if (target) {
    if (names.some(inside)) throw new PlanError('from an image to an image: by way of the host')
    await withFat(target.image, true, async fat => {
      const d = await fat.walk(target.path).catch(() => undefined)
      for (const from of names) {
        if (d?.dir) await putin(fat, from, d, basename(from), deep)
        else {
          if (names.length > 1) throw new PlanError(`${target.path}: not a directory`)
          const cut = target.path.lastIndexOf('/')
          await putin(fat, from, await fat.walk(target.path.slice(0, cut)), target.path.slice(cut + 1), deep)
        }
      }
    })
    return
  }
  const isdir = await stat(to).then(
    s => s.isDirectory(),
    () => false,
  )
  if (names.length > 1 && !isdir) throw new PlanError(`${to}: not a directory`)
  for (const name of names) {
    const from = inside(name)
    if (!from) throw new Usage('neither is in an image')
    await withFat(from.image, false, async fat => {
      const f = await fat.walk(from.path)
      await takeout(fat, f, isdir ? join(to, f.parent ? f.name : '') : to, deep)
    })
  }
}

async function make(args: string[]): Promise<void> {
  let type: 16 | 32 | undefined
  let bytes = 64 << 20
  while (args[0]?.startsWith('-')) {
    const flag = args.shift()
    const value = args.shift() ?? ''
    if (flag === '-t' && /^fat(16|32)$/.test(value)) type = value === 'fat16' ? 16 : 32
    else if (flag === '-s') bytes = size(value)
    else throw new Usage(`${flag} ${value}`)
  }
  const [image, ...files] = args
  if (image === undefined) throw new Usage('')
  await writeFile(image, '', { flag: 'wx' })
  const h = await open(image, 'r+')
  try {
    await h.truncate(bytes)
    const fat = await Fat.make(fileDisk(h, bytes), type === undefined ? {} : { type })
    for (const f of files) await putin(fat, f, fat.root, basename(f), true)
    await fat.flush()
  } finally {
    await h.close()
  }
}

async function ls(args: string[]): Promise<void> {
  const [image, path = '/'] = args
  if (image === undefined || args.length > 2) throw new Usage('')
  await withFat(image, false, async fat => {
    const f = await fat.walk(path)
    const files = f.dir ? await fat.list(f) : [f]
    for (const { dir, readonly, size, mtime, name } of files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const date = new Date(mtime * 1000).toISOString().slice(0, 16).replace('T', ' ')
      process.stdout.write(`${dir ? 'd' : '-'}${readonly ? 'r-' : 'rw'} ${String(size).padStart(10)} ${date} ${name}\n`)
    }
  })
}

/** `9ml disk`. */
export async function main(args: string[]): Promise<number> {
  const [verb, ...rest] = args
  try {
    if (verb === 'make') await make(rest)
    else if (verb === 'ls') await ls(rest)
    else if (verb === 'cp') await cp(rest)
    else if (verb === 'rm' && rest.length > 0)
      for (const arg of rest) {
        const at = inside(arg)
        if (!at) throw new Usage(arg)
        await withFat(at.image, true, async fat => fat.remove(await fat.walk(at.path)))
      }
    else if (verb === 'check' && rest.length === 1) {
      const wrong = await withFat(rest[0]!, false, fat => fat.check())
      for (const line of wrong) process.stdout.write(`${line}\n`)
      return wrong.length > 0 ? 1 : 0
    } else throw new Usage('')
    return 0
  } catch (e) {
    if (e instanceof Usage) process.stderr.write(usage)
    else process.stderr.write(`9ml disk: ${e instanceof PlanError ? e.message : reason(e)}\n`)
    return e instanceof Usage ? 2 : 1
  }
}
