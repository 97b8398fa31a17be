import * as e from '../error.ts'
import { PlanError } from '../error.ts'
import * as c from './const.ts'
import type { Dir, Qid } from './dir.ts'
import type { Fid, Srv } from './srv.ts'

/** A file's content that is fetched when it is first read: an asset, an entry of a pack. */
export interface Source {
  /** Bytes. */
  length: number
  load(): Promise<Uint8Array>
}

/** Bytes of a file at most: what one typed array holds everywhere. */
const MAXLENGTH = 0x7fffffff

const text = new TextEncoder()

/** A file or directory of a Tree. `children` tells which. */
export class File {
  name: string
  /** The root is its own parent. */
  parent: File
  qid: Qid
  mode: number
  uid: string
  gid: string
  muid: string
  atime: number
  mtime: number
  /** By name, in the order of creation. */
  readonly children: Map<string, File> | undefined
  /** The content is the first `length` bytes; the rest is room to grow. */
  data = new Uint8Array(0)
  length = 0
  /** Where the content is as long as nobody has read it. */
  source: Source | undefined
  private loading: Promise<void> | undefined
  /** How many fids have it open, for DMEXCL. */
  opens = 0

  constructor(name: string, parent: File | undefined, qid: Qid, mode: number, uid: string, now: number) {
    this.name = name
    this.parent = parent ?? this
    this.qid = qid
    this.mode = mode
    this.uid = uid
    this.gid = uid
    this.muid = uid
    this.atime = now
    this.mtime = now
    this.children = mode & c.DMDIR ? new Map() : undefined
  }

  stat(): Dir {
    const { qid, mode, atime, mtime, name, uid, gid, muid } = this
    return { type: 0, dev: 0, qid, mode, atime, mtime, length: BigInt(this.length), name, uid, gid, muid }
  }

  /** @throws PlanError Eio, with the source's reason; the next read tries again */
  load(): Promise<void> | undefined {
    const { source } = this
    if (!source) return undefined
    this.loading ??= source.load().then(
      bytes => {
        this.loading = undefined
        if (this.source !== source) return
        this.source = undefined
        this.data = new Uint8Array(bytes)
        this.length = bytes.length
      },
      err => {
        this.loading = undefined
        throw new PlanError(`${e.Eio}: ${err instanceof Error ? err.message : String(err)}`)
      },
    )
    return this.loading
  }

  /** Makes room for n bytes: twice what there was, so that many small writes cost what one big write does. */
  private grow(n: number): void {
    if (n <= this.data.length) return
    if (n > MAXLENGTH) throw new PlanError('file too large')
    let bigger: Uint8Array<ArrayBuffer>
    try {
      bigger = new Uint8Array(Math.min(MAXLENGTH, Math.max(n, 2 * this.data.length, 64)))
    } catch {
      throw new PlanError(e.Enomem)
    }
    bigger.set(this.data.subarray(0, this.length))
    this.data = bigger
  }

  write(bytes: Uint8Array, offset: number): void {
    this.grow(offset + bytes.length)
    this.data.set(bytes, offset)
    this.length = Math.max(this.length, offset + bytes.length)
  }

  truncate(length: number): void {
    this.source = undefined
    this.grow(length)
    if (length < this.length) this.data.fill(0, length, this.length)
    this.length = length
  }

  /** A write has happened: qid.vers, mtime and muid say so. */
  touched(uid: string, now: number): void {
    this.qid = { ...this.qid, vers: (this.qid.vers + 1) >>> 0 }
    this.mtime = now
    this.muid = uid
  }
}

/** Files in memory, by name. */
export class Tree {
  readonly root: File
  readonly owner: string
  private nextpath = 0n

  constructor(owner: string, perm = 0o775) {
    this.owner = owner
    this.root = this.make('/', undefined, c.DMDIR | perm, owner)
  }

  /** Seconds since the epoch. */
  now(): number {
    return Math.floor(Date.now() / 1000)
  }

  /** A new file in `parent`; that the name is free has been checked. */
  make(name: string, parent: File | undefined, mode: number, uid: string): File {
    const qid = { type: (mode >>> 24) & 0xff, vers: 0, path: this.nextpath++ }
    const file = new File(name, parent, qid, mode >>> 0, uid, this.now())
    if (parent) {
      file.gid = parent.gid
      parent.children!.set(name, file)
    }
    return file
  }

  lookup(path: string): File | undefined {
    let file: File | undefined = this.root
    for (const name of path.split('/')) {
      if (name === '' || name === '.') continue
      file = name === '..' ? file.parent : file.children?.get(name)
      if (!file) return undefined
    }
    return file
  }

  /** The directory at `path`, made with its parents where it is not there. @throws PlanError Enotdir */
  mkdir(path: string, perm = 0o775): File {
    let dir = this.root
    for (const name of path.split('/')) {
      if (name === '') continue
      const next = dir.children!.get(name) ?? this.make(name, dir, c.DMDIR | perm, this.owner)
      if (!next.children) throw new PlanError(e.Enotdir)
      dir = next
    }
    return dir
  }

  /** Puts a file at `path`, with the directories that it takes, in place of one that is there. */
  add(path: string, content: Uint8Array | string | Source, perm = 0o664): File {
    const slash = path.lastIndexOf('/')
    const dir = this.mkdir(path.slice(0, Math.max(0, slash)))
    const file = this.make(path.slice(slash + 1), dir, perm, this.owner)
    if (typeof content !== 'string' && 'load' in content) {
      file.source = content
      file.length = content.length
    } else file.write(typeof content === 'string' ? text.encode(content) : content, 0)
    return file
  }

  remove(file: File): void {
    if (!this.gone(file)) file.parent.children!.delete(file.name)
  }

  /** Whether the file has been removed; fids that were on it before are on it still. */
  gone(file: File): boolean {
    return file !== this.root && file.parent.children!.get(file.name) !== file
  }
}

/** Whether uid may do what `want` asks, bits of DMREAD, DMWRITE and DMEXEC. A group has one member, of its own name. */
function may(file: File, uid: string, want: number): boolean {
  let bits = file.mode
  if (uid === file.uid) bits |= file.mode >> 6
  if (uid === file.gid) bits |= file.mode >> 3
  return (bits & want) === want
}

function check(file: File, uid: string, want: number): void {
  if (!may(file, uid, want)) throw new PlanError(e.Eperm)
}

/** What an open asks for: bits of DMREAD, DMWRITE and DMEXEC. */
function wanted(mode: number): number {
  const want = [c.DMREAD, c.DMWRITE, c.DMREAD | c.DMWRITE, c.DMEXEC][mode & 3]!
  return mode & c.OTRUNC ? want | c.DMWRITE : want
}

/**
 * Serves a Tree: ramfs(4), and the boot file system. Owner, group and others are told apart by the name that a client
 * attached with; nobody is above the permissions.
 */
export function ramfs(tree: Tree): Srv<File> {
  function open(file: File, fid: Fid<File>): void {
    if (file.mode & c.DMEXCL && file.opens > 0) throw new PlanError(e.Einuse)
    file.opens++
    fid.aux = file
  }

  return {
    attach: () => ({ aux: tree.root, qid: tree.root.qid }),

    walk1(file, name, fid) {
      check(file, fid.uid, c.DMEXEC)
      const next = name === '..' ? file.parent : file.children?.get(name)
      if (!next) throw new PlanError(e.Enonexist)
      return { aux: next, qid: next.qid }
    },

    stat: fid => fid.aux.stat(),

    open(fid, mode) {
      const file = fid.aux
      check(file, fid.uid, wanted(mode))
      if (mode & c.ORCLOSE) check(file.parent, fid.uid, c.DMWRITE)
      open(file, fid)
      if (mode & c.OTRUNC && !(file.mode & c.DMAPPEND)) {
        file.truncate(0)
        file.touched(fid.uid, tree.now())
      }
      return { qid: file.qid }
    },

    create(fid, name, perm) {
      const dir = fid.aux
      check(dir, fid.uid, c.DMWRITE)
      if (tree.gone(dir)) throw new PlanError(e.Enonexist)
      if (dir.children!.has(name)) throw new PlanError(e.Eexist)
      const kept = perm & c.DMDIR ? 0o777 : 0o666
      const file = tree.make(name, dir, perm & (~kept | (dir.mode & kept)), fid.uid)
      dir.touched(fid.uid, tree.now())
      open(file, fid)
      return { aux: file, qid: file.qid }
    },

    async read(fid, offset, count) {
      const file = fid.aux
      if (file.source) await file.load()
      file.atime = tree.now()
      return file.data.subarray(Math.min(offset, file.length), Math.min(offset + count, file.length))
    },

    readdir: fid => [...fid.aux.children!.values()].map(file => file.stat()),

    async write(fid, offset, data) {
      const file = fid.aux
      if (file.source) await file.load()
      file.write(data, file.mode & c.DMAPPEND ? file.length : offset)
      file.touched(fid.uid, tree.now())
      return data.length
    },

    remove(fid) {
      const file = fid.aux
      const dir = file.parent
      if (file === tree.root) throw new PlanError(e.Eperm)
      check(dir, fid.uid, c.DMWRITE)
      if (tree.gone(file)) throw new PlanError(e.Enonexist)
      if (file.children && file.children.size > 0) throw new PlanError(e.Enotempty)
      tree.remove(file)
      dir.touched(fid.uid, tree.now())
    },

    async wstat(fid, d) {
      const file = fid.aux
      if (file.source && d.length !== undefined) await file.load()
      const owns = fid.uid === file.uid
      const rename = d.name !== undefined && d.name !== file.name
      const resize = d.length !== undefined && Number(d.length) !== file.length
      if (rename) {
        if (file === tree.root) throw new PlanError(e.Eperm)
        check(file.parent, fid.uid, c.DMWRITE)
        if (tree.gone(file)) throw new PlanError(e.Enonexist)
        if (file.parent.children!.has(d.name!)) throw new PlanError(e.Eexist)
      }
      if (resize) {
        if (file.children) throw new PlanError(e.Eisdir)
        check(file, fid.uid, c.DMWRITE)
        if (Number(d.length) > MAXLENGTH) throw new PlanError('file too large')
      }
      if (d.mode !== undefined && !owns) throw new PlanError(e.Eperm)
      if ((d.mtime !== undefined || d.atime !== undefined || d.gid !== undefined) && !owns) throw new PlanError(e.Eperm)
      if (d.uid !== undefined && d.uid !== file.uid) throw new PlanError(e.Eperm)

      if (resize) {
        file.truncate(Number(d.length))
        file.touched(fid.uid, tree.now())
      }
      if (rename) {
        tree.remove(file)
        file.name = d.name!
        file.parent.children!.set(file.name, file)
        file.parent.touched(fid.uid, tree.now())
      }
      if (d.mode !== undefined) {
        file.mode = d.mode >>> 0
        file.qid = { ...file.qid, type: (file.mode >>> 24) & 0xff }
      }
      if (d.mtime !== undefined) file.mtime = d.mtime
      if (d.atime !== undefined) file.atime = d.atime
      if (d.gid !== undefined) file.gid = d.gid
    },

    clunk(fid) {
      if (fid.omode !== -1) fid.aux.opens--
    },
  }
}
