import { DMAPPEND, DMDIR, DMEXCL, DMEXEC, DMREAD, DMWRITE, ORCLOSE, OTRUNC, QTDIR } from '../plan9/9p/const.ts'
import type { Dir, Qid } from '../plan9/9p/dir.ts'
import type { Fid, Srv } from '../plan9/9p/srv.ts'
import * as e from '../plan9/error.ts'
import { PlanError } from '../plan9/error.ts'

export const Efull = 'file system full'

/** What OPFS does not keep of a file, by path from the root of the tree. */
interface Kept {
  /** qid.path */
  q: number
  /** mode */
  m: number
  /** mtime, atime: seconds since the epoch. */
  t: number
  a: number
}

/** The sidecar: the newer of two files that are written in turn, so that one is whole whenever the browser dies. */
interface Index {
  seq: number
  /** The next qid.path. */
  next: number
  files: Record<string, Kept>
}

class Node {
  name: string
  parent: Node
  qid: Qid
  mode: number
  mtime: number
  atime: number
  /** Bytes. */
  length: number
  readonly children: Map<string, Node> | undefined
  handle: FileSystemDirectoryHandle | FileSystemFileHandle
  /** Open fids; the access handle is there from the first use until none is left. */
  opens = 0
  access: FileSystemSyncAccessHandle | undefined
  gone = false

  constructor(name: string, parent: Node | undefined, handle: Node['handle'], kept: Kept, length: number) {
    this.name = name
    this.parent = parent ?? this
    this.handle = handle
    this.qid = { type: (kept.m >>> 24) & 0xff, vers: 0, path: BigInt(kept.q) }
    this.mode = kept.m >>> 0
    this.mtime = kept.t
    this.atime = kept.a
    this.length = length
    this.children = kept.m & DMDIR ? new Map() : undefined
  }

  path(): string {
    if (this.parent === this) return ''
    const up = this.parent.path()
    return up ? `${up}/${this.name}` : this.name
  }
}

const seconds = (ms = Date.now()) => Math.floor(ms / 1000)
const isdir = (h: Node['handle']): h is FileSystemDirectoryHandle => h.kind === 'directory'

/** The browser's error as Plan 9's. */
function plan9(err: unknown): unknown {
  if (!(err instanceof DOMException)) return err
  switch (err.name) {
    case 'QuotaExceededError':
      return new PlanError(Efull)
    case 'NotFoundError':
      return new PlanError(e.Enonexist)
    case 'NoModificationAllowedError':
    case 'InvalidStateError':
      return new PlanError(e.Einuse)
    case 'TypeMismatchError':
      return new PlanError(e.Eexist)
    default:
      return new PlanError(`${e.Eio}: ${err.message}`)
  }
}

async function orPlan9<T>(p: Promise<T> | T): Promise<T> {
  try {
    return await p
  } catch (err) {
    throw plan9(err)
  }
}

/** A name that OPFS takes as it is: Plan 9 allows more, and those are escaped. */
const stored = (name: string) => name.replace(/[%\\:*?"<>|\x00-\x1f\x7f]|[. ]$/g, encode)
const encode = (ch: string) => `%${ch.charCodeAt(0).toString(16).padStart(2, '0')}`
function shown(name: string): string {
  return name.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** How long after a change the sidecar is written, in milliseconds. */
const INDEX_DELAY = 50

/**
 * Files kept in the browser's origin-private file system, under the directory `home` of `top`, as they are named there.
 * The tree is read once and then kept in memory; contents are not. Modes, times and qid paths stand in a sidecar; a file
 * without an entry there gets its directory's permissions and the browser's own time, so losing it loses no file.
 *
 * Only one Store may be on a directory at a time: its owner holds a lock. Runs in a Worker (access handles do).
 */
export class Store {
  readonly root: Node
  readonly owner: string
  private readonly slots: FileSystemSyncAccessHandle[]
  private seq: number
  private nextpath: number
  private timer: ReturnType<typeof setTimeout> | undefined
  /** Changes of the tree and of access handles happen one after another: none of OPFS's calls sees another half done. */
  private turn: Promise<unknown> = Promise.resolve()

  private constructor(root: Node, owner: string, slots: FileSystemSyncAccessHandle[], seq: number, nextpath: number) {
    this.root = root
    this.owner = owner
    this.slots = slots
    this.seq = seq
    this.nextpath = nextpath
  }

  /** @throws DOMException OPFS is not there, or is in use */
  static async open(top: FileSystemDirectoryHandle, owner: string): Promise<Store> {
    const slots: FileSystemSyncAccessHandle[] = []
    for (const name of ['index.0', 'index.1']) {
      const file = await top.getFileHandle(name, { create: true })
      slots.push(await file.createSyncAccessHandle())
    }
    const index = slots.map(readIndex).sort((a, b) => b.seq - a.seq)[0]!
    let next = index.next
    for (const { q } of Object.values(index.files)) next = Math.max(next, q + 1)
    const taken = new Set<number>()

    function kept(path: string, dir: boolean, mtime: number): Kept {
      const k = index.files[path]
      if (k && ((k.m & DMDIR) !== 0) === dir && !taken.has(k.q)) {
        taken.add(k.q)
        return k
      }
      return { q: next++, m: dir ? DMDIR | 0o775 : 0o664, t: mtime, a: mtime }
    }

    async function scan(node: Node): Promise<void> {
      const handle = node.handle as FileSystemDirectoryHandle
      const under: Promise<unknown>[] = []
      const up = node.path()
      for await (const [as, h] of handle.entries()) {
        const name = shown(as)
        const path = up ? `${up}/${name}` : name
        if (isdir(h)) {
          const child = new Node(name, node, h, kept(path, true, seconds()), 0)
          node.children!.set(name, child)
          under.push(scan(child))
        } else
          under.push(
            h.getFile().then(f => {
              const child = new Node(name, node, h, kept(path, false, seconds(f.lastModified)), f.size)
              node.children!.set(name, child)
            }),
          )
      }
      await Promise.all(under)
    }

    const home = await top.getDirectoryHandle('home', { create: true })
    const root = new Node('/', undefined, home, kept('', true, seconds()), 0)
    await scan(root)
    return new Store(root, owner, slots, index.seq, next)
  }

  /** Whether there is no file yet. */
  get empty(): boolean {
    return this.root.children!.size === 0
  }

  private exclusive<T>(f: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(() => orPlan9(f()))
    this.turn = mine.catch(() => undefined)
    return mine
  }

  private newpath(): number {
    return this.nextpath++
  }

  changed(): void {
    this.timer ??= setTimeout(() => this.sync(), INDEX_DELAY)
  }

  /** Writes the sidecar now. That it cannot be written is no error: it can be lost. */
  sync(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const files: Record<string, Kept> = {}
    const add = (node: Node, path: string) => {
      files[path] = { q: Number(node.qid.path), m: node.mode, t: node.mtime, a: node.atime }
      for (const child of node.children?.values() ?? []) add(child, path ? `${path}/${child.name}` : child.name)
    }
    add(this.root, '')
    const index: Index = { seq: ++this.seq, next: this.nextpath, files }
    const bytes = new TextEncoder().encode(JSON.stringify(index))
    try {
      const slot = this.slots[this.seq % this.slots.length]!
      slot.truncate(0)
      slot.write(bytes, { at: 0 })
      slot.flush()
    } catch {
      this.timer = undefined
    }
  }

  touched(node: Node): void {
    node.qid = { ...node.qid, vers: (node.qid.vers + 1) >>> 0 }
    node.mtime = seconds()
    this.changed()
  }

  make(parent: Node, name: string, mode: number): Promise<Node> {
    return this.exclusive(async () => {
      if (parent.gone) throw new PlanError(e.Enonexist)
      if (parent.children!.has(name)) throw new PlanError(e.Eexist)
      const handle = parent.handle as FileSystemDirectoryHandle
      const made = await (mode & DMDIR
        ? handle.getDirectoryHandle(stored(name), { create: true })
        : handle.getFileHandle(stored(name), { create: true }))
      const now = seconds()
      const node = new Node(name, parent, made, { q: this.newpath(), m: mode, t: now, a: now }, 0)
      parent.children!.set(name, node)
      this.touched(parent)
      return node
    })
  }

  /** The file's access handle, opened when need be. */
  access(node: Node): FileSystemSyncAccessHandle | Promise<FileSystemSyncAccessHandle> {
    if (node.access) return node.access
    return this.exclusive(async () => {
      if (node.gone) throw new PlanError(e.Enonexist)
      if (!node.access) {
        node.access = await (node.handle as FileSystemFileHandle).createSyncAccessHandle()
        node.length = node.access.getSize()
      }
      return node.access
    })
  }

  /** Bytes at `offset`; none at or past the end. */
  async read(node: Node, offset: number, count: number): Promise<Uint8Array> {
    const access = await this.access(node)
    const data = new Uint8Array(Math.max(0, Math.min(count, node.length - offset)))
    if (data.length === 0) return data
    return data.subarray(0, await orPlan9(attempt(() => access.read(data, { at: offset }))))
  }

  async write(node: Node, offset: number, data: Uint8Array): Promise<number> {
    const access = await this.access(node)
    const at = node.mode & DMAPPEND ? node.length : offset
    try {
      const n = access.write(data, { at })
      // Chromium answers a write for which there is no room with a count that cannot be (an error code, unsigned).
      if (n > data.length || (n === 0 && data.length > 0)) throw new PlanError(Efull)
      return n
    } catch (err) {
      throw plan9(err)
    } finally {
      node.length = access.getSize()
      this.touched(node)
    }
  }

  async truncate(node: Node, length: number): Promise<void> {
    const access = await this.access(node)
    try {
      access.truncate(length)
    } catch (err) {
      throw plan9(err)
    } finally {
      node.length = access.getSize()
      this.touched(node)
    }
  }

  /** Lets go of the access handle when no fid has the file open. */
  release(node: Node): void {
    const { access } = node
    if (node.opens > 0 || !access) return
    node.access = undefined
    try {
      access.flush()
    } catch {
      // What could not be flushed has been written all the same, as far as this page can see.
    }
    access.close()
  }

  remove(node: Node): Promise<void> {
    return this.exclusive(async () => {
      if (node.gone) throw new PlanError(e.Enonexist)
      if (node.children && node.children.size > 0) throw new PlanError(e.Enotempty)
      node.access?.close()
      node.access = undefined
      await (node.parent.handle as FileSystemDirectoryHandle).removeEntry(stored(node.name))
      node.gone = true
      node.parent.children!.delete(node.name)
      this.touched(node.parent)
    })
  }

  rename(node: Node, name: string): Promise<void> {
    return this.exclusive(async () => {
      const { parent } = node
      if (node.gone) throw new PlanError(e.Enonexist)
      if (parent.children!.has(name)) throw new PlanError(e.Eexist)
      closeUnder(node)
      const dir = parent.handle as FileSystemDirectoryHandle
      const to = stored(name)
      node.handle = isdir(node.handle) ? await copyDir(node, dir, to) : await moveFile(node.handle, dir, to)
      if (isdir(node.handle)) await dir.removeEntry(stored(node.name), { recursive: true })
      parent.children!.delete(node.name)
      node.name = name
      parent.children!.set(name, node)
      this.touched(parent)
    })
  }
}

/** Files below a directory that moves: their access handles are opened again at the next use. */
function closeUnder(node: Node): void {
  node.access?.close()
  node.access = undefined
  for (const child of node.children?.values() ?? []) closeUnder(child)
}

async function moveFile(file: FileSystemFileHandle, dir: FileSystemDirectoryHandle, to: string) {
  const movable = file as FileSystemFileHandle & { move?(dir: FileSystemDirectoryHandle, name: string): Promise<void> }
  if (movable.move) {
    await movable.move(dir, to)
    return file
  }
  const copy = await copyFile(file, dir, to)
  await dir.removeEntry(file.name)
  return copy
}

async function copyFile(file: FileSystemFileHandle, dir: FileSystemDirectoryHandle, to: string) {
  const copy = await dir.getFileHandle(to, { create: true })
  const access = await copy.createSyncAccessHandle()
  try {
    access.write(new Uint8Array(await (await file.getFile()).arrayBuffer()), { at: 0 })
  } finally {
    access.close()
  }
  return copy
}

/** Browsers move no directories: its files move, one by one. The old one is left, empty of files. */
async function copyDir(node: Node, dir: FileSystemDirectoryHandle, to: string): Promise<FileSystemDirectoryHandle> {
  const copy = await dir.getDirectoryHandle(to, { create: true })
  for (const child of node.children!.values()) {
    const name = stored(child.name)
    child.handle = isdir(child.handle) ? await copyDir(child, copy, name) : await moveFile(child.handle, copy, name)
  }
  return copy
}

async function attempt<T>(f: () => T): Promise<T> {
  return f()
}

function readIndex(slot: FileSystemSyncAccessHandle): Index {
  const none: Index = { seq: 0, next: 1, files: {} }
  const bytes = new Uint8Array(slot.getSize())
  slot.read(bytes, { at: 0 })
  try {
    const { seq, next, files } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Index>
    if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(next) || typeof files !== 'object' || !files) return none
    const whole = Object.values(files).every(k => [k.q, k.m, k.t, k.a].every(n => Number.isSafeInteger(n) && n >= 0))
    return whole ? { seq: seq!, next: next!, files } : none
  } catch {
    return none
  }
}

function want(mode: number): number {
  const bits = [DMREAD, DMWRITE, DMREAD | DMWRITE, DMEXEC][mode & 3]!
  return mode & OTRUNC ? bits | DMWRITE : bits
}

/** Serves a Store. Every file is its owner's, and the permissions of the owner are kept; others have the last three bits. */
export function opfs(store: Store): Srv<Node> {
  const { owner } = store

  function check(node: Node, uid: string, bits: number): void {
    const mode = uid === owner ? node.mode | (node.mode >> 6) | (node.mode >> 3) : node.mode
    if ((mode & bits) !== bits) throw new PlanError(e.Eperm)
  }

  function stat(node: Node): Dir {
    const { qid, mode, atime, mtime, name } = node
    const length = BigInt(node.children ? 0 : node.length)
    return { type: 0, dev: 0, qid, mode, atime, mtime, length, name, uid: owner, gid: owner, muid: owner }
  }

  function opened(node: Node): void {
    if (node.mode & DMEXCL && node.opens > 0) throw new PlanError(e.Einuse)
    node.opens++
  }

  return {
    attach: () => ({ aux: store.root, qid: store.root.qid }),

    walk1(node, name, fid) {
      check(node, fid.uid, DMEXEC)
      const next = name === '..' ? node.parent : node.children?.get(name)
      if (!next) throw new PlanError(e.Enonexist)
      return { aux: next, qid: next.qid }
    },

    stat(fid) {
      if (fid.aux.gone) throw new PlanError(e.Enonexist)
      return stat(fid.aux)
    },

    async open(fid, mode) {
      const node = fid.aux
      if (node.gone) throw new PlanError(e.Enonexist)
      check(node, fid.uid, want(mode))
      if (mode & ORCLOSE) check(node.parent, fid.uid, DMWRITE)
      opened(node)
      try {
        if (mode & OTRUNC && !(node.mode & DMAPPEND)) await store.truncate(node, 0)
      } catch (err) {
        node.opens--
        store.release(node)
        throw err
      }
      return { qid: node.qid }
    },

    async create(fid, name, perm) {
      const dir = fid.aux
      check(dir, fid.uid, DMWRITE)
      const kept = perm & DMDIR ? 0o777 : 0o666
      const node = await store.make(dir, name, (perm & (~kept | (dir.mode & kept))) >>> 0)
      opened(node)
      return { aux: node, qid: node.qid }
    },

    read(fid, offset, count) {
      fid.aux.atime = seconds()
      return store.read(fid.aux, offset, count)
    },

    readdir: fid => [...fid.aux.children!.values()].map(stat),

    write: (fid, offset, data) => store.write(fid.aux, offset, data),

    async remove(fid) {
      const node = fid.aux
      if (node === store.root) throw new PlanError(e.Eperm)
      check(node.parent, fid.uid, DMWRITE)
      await store.remove(node)
    },

    async wstat(fid, d) {
      const node = fid.aux
      const { uid } = fid
      if (node.gone) throw new PlanError(e.Enonexist)
      const rename = d.name !== undefined && d.name !== node.name
      const resize = d.length !== undefined && (node.children ? d.length !== 0n : Number(d.length) !== node.length)
      if (rename) {
        if (node === store.root) throw new PlanError(e.Eperm)
        check(node.parent, uid, DMWRITE)
        if (node.parent.children!.has(d.name!)) throw new PlanError(e.Eexist)
      }
      if (resize) {
        if (node.children) throw new PlanError(e.Eisdir)
        check(node, uid, DMWRITE)
      }
      const attributes = d.mode !== undefined || d.mtime !== undefined || d.atime !== undefined
      if (attributes && uid !== owner) throw new PlanError(e.Eperm)
      if (d.mode !== undefined && (d.mode ^ node.mode) & DMDIR) throw new PlanError(e.Eperm)
      if (d.uid !== undefined && d.uid !== owner) throw new PlanError(e.Eperm)
      if (d.gid !== undefined && d.gid !== owner) throw new PlanError(e.Eperm)

      if (rename) await store.rename(node, d.name!)
      if (resize) await store.truncate(node, Number(d.length))
      store.release(node)
      if (d.mode !== undefined) {
        node.mode = d.mode >>> 0
        node.qid = { ...node.qid, type: (node.mode >>> 24) & 0xff }
      }
      if (d.mtime !== undefined) node.mtime = d.mtime
      if (d.atime !== undefined) node.atime = d.atime
      store.changed()
    },

    clunk(fid: Fid<Node>) {
      if (fid.omode === -1) return
      fid.aux.opens--
      if (!(fid.qid.type & QTDIR)) store.release(fid.aux)
    },
  }
}
