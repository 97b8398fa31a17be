import { constants, type Stats } from 'node:fs'
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rmdir,
  stat,
  unlink,
  utimes,
} from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname, join, parse, resolve } from 'node:path'
import * as c from '../../plan9/9p/const.ts'
import type { Dir, Qid } from '../../plan9/9p/dir.ts'
import type { Srv } from '../../plan9/9p/srv.ts'
import * as e from '../../plan9/error.ts'
import { PlanError } from '../../plan9/error.ts'
import { validname } from '../../plan9/kernel/chan.ts'

/** Node's error codes in Plan 9's words; the rest is told as `i/o error` with its code. */
const errors: Record<string, string> = {
  ENOENT: e.Enonexist,
  EACCES: e.Eperm,
  EPERM: e.Eperm,
  EROFS: e.Eperm,
  EEXIST: e.Eexist,
  ENOTDIR: e.Enotdir,
  EISDIR: e.Eisdir,
  ENOTEMPTY: e.Enotempty,
  EINVAL: e.Ebadarg,
  ENAMETOOLONG: e.Etoolong,
  EMFILE: e.Enofd,
  ENFILE: e.Enofd,
  EBUSY: e.Einuse,
  ENOSPC: 'file system full',
  EDQUOT: 'file system full',
  EPIPE: e.Ehungup,
  ELOOP: 'too many symbolic links',
}

const Especial = 'the host has no append-only or exclusive files'

async function host<T>(f: () => Promise<T>): Promise<T> {
  try {
    return await f()
  } catch (err) {
    const code = err instanceof Error && 'code' in err ? String(err.code) : undefined
    if (code === undefined) throw err
    throw new PlanError(errors[code] ?? `${e.Eio}: ${code}`)
  }
}

interface Place {
  /** A path of the host's. */
  path: string
  /** When it is open; a directory needs none. */
  file?: FileHandle
  /** Which file of the host's that is. */
  key?: bigint
  /** A pipe or a terminal of the host's is read from where it is. */
  stream?: boolean
  /** Bytes that it held when it was opened; what is no plain file has none. */
  size?: number
  /** Where the last read ended. */
  end?: number
  /** The next pieces of a file that is read from front to back, asked for before they are wanted. */
  ahead?: Ahead
}

interface Ahead {
  /** Of the first of the pieces that are left, each of `count` bytes. */
  offset: number
  count: number
  pieces: Uint8Array[]
  /** Whether the host has filled them. */
  filled: Promise<boolean>
  /** `performance.now()` when that was asked for, and `changes` then. */
  time: number
  change: number
}

/** Pieces that are read ahead at once. */
const AHEAD = 4
/** Milliseconds after which what was read ahead is read again: the host's programs write too. */
const STALE = 50

/** How many entries of a directory are looked at at once. */
const BATCH = 64
/** Modes that the host's files cannot have. */
const SPECIAL = c.DMAPPEND | c.DMEXCL | c.DMAUTH

/**
 * The host's files, from `top` down, as a file server: what the process may do it may do. Owners are named by the number the
 * host has for them, the process's own by its name. Symbolic links are followed where they lead; one that leads nowhere is a file
 * that cannot be opened. '..' is lexical and does not leave `top`. A name that is no UTF-8 is not seen.
 */
export function hostfs(top: string): Srv<Place> {
  // '..' finds its end by comparing with this.
  const root = resolve(top)
  const me = userInfo()
  const uname = (uid: number) => (uid === me.uid ? me.username : String(uid))

  /**
   * What happened here to files, by their number: how often they were removed, for the host gives a number to another file
   * then, and how often written, for the host's clock is coarse.
   */
  const history = new Map<bigint, { removed: bigint; written: number }>()
  const key = (st: Stats) => (BigInt(st.dev) << 64n) | BigInt(st.ino)
  const past = (st: Stats) => history.get(key(st)) ?? { removed: 0n, written: 0 }

  function qid(st: Stats): Qid {
    const { removed, written } = past(st)
    const path = BigInt(st.ino) + BigInt(st.dev) * 0x9e3779b97f4a7c15n + removed * 0xc2b2ae3d27d4eb4fn
    return {
      type: st.isDirectory() ? c.QTDIR : c.QTFILE,
      vers: (Math.floor(st.mtimeMs) + written) >>> 0,
      path: BigInt.asUintN(64, path),
    }
  }

  async function unlinked(path: string): Promise<void> {
    const st = await lstat(path)
    await (st.isDirectory() ? rmdir(path) : unlink(path))
    const { removed, written } = past(st)
    if (st.isDirectory() || st.nlink === 1) history.set(key(st), { removed: removed + 1n, written })
  }

  function dir(path: string, st: Stats): Dir {
    const isdir = st.isDirectory()
    return {
      type: 0,
      dev: 0,
      qid: qid(st),
      mode: ((isdir ? c.DMDIR : 0) | (st.mode & 0o777)) >>> 0,
      atime: Math.floor(st.atimeMs / 1000) >>> 0,
      mtime: Math.floor(st.mtimeMs / 1000) >>> 0,
      length: isdir ? 0n : BigInt(st.size),
      name: path === root ? '/' : parse(path).base,
      uid: uname(st.uid),
      gid: String(st.gid),
      muid: '',
    }
  }

  function flags(mode: number): number {
    let f = [constants.O_RDONLY, constants.O_WRONLY, constants.O_RDWR, constants.O_RDONLY][mode & 3]!
    if (mode & c.OTRUNC) f |= constants.O_TRUNC
    // A FIFO or terminal of the host's must not hold up the server.
    return f | constants.O_NONBLOCK
  }

  /** Counts what may change a file's bytes, as it begins and as it ends: what was read ahead before is not used. */
  let changes = 0
  async function change<T>(f: () => Promise<T>): Promise<T> {
    changes++
    try {
      return await host(f)
    } finally {
      changes++
    }
  }

  /** Of what a link leads to, or of the link when that is nothing. */
  const look = (path: string): Promise<Stats> => stat(path).catch(() => lstat(path))

  async function walk(path: string): Promise<{ aux: Place; qid: Qid }> {
    return { aux: { path }, qid: qid(await host(() => look(path))) }
  }

  async function opened(aux: Place, file: FileHandle): Promise<Qid> {
    const st = await file.stat()
    aux.file = file
    aux.key = key(st)
    aux.stream = !st.isFile() && !st.isBlockDevice()
    aux.size = st.isFile() ? st.size : 0
    return qid(st)
  }

  /** Where in the file to read or write, as Node has it. */
  const position = (aux: Place, offset: number) => (aux.stream ? null : offset)

  return {
    attach: () => walk(root),

    walk1(at, name) {
      if (name === '..') return walk(at.path === root ? root : dirname(at.path))
      if (/[/\0]/.test(name)) throw new PlanError(e.Ebadchar)
      return walk(join(at.path, name))
    },

    clone: at => ({ path: at.path }),

    stat: fid => host(async () => dir(fid.aux.path, await look(fid.aux.path))),

    async open(fid, mode) {
      const { path } = fid.aux
      if (fid.qid.type & c.QTDIR) return
      if (mode & 3 && (mode & 3) === c.OEXEC) {
        const st = await host(() => stat(path))
        if (!(st.mode & 0o111)) throw new PlanError(e.Eperm)
      }
      const file = await (mode & c.OTRUNC ? change : host)(() => open(path, flags(mode)))
      fid.qid = await opened(fid.aux, file)
    },

    async create(fid, name, perm, mode) {
      const path = join(fid.aux.path, name)
      if (perm & SPECIAL) throw new PlanError(Especial)
      const parent = await host(() => stat(fid.aux.path))
      if (perm & c.DMDIR) {
        await host(() => mkdir(path, perm & 0o777 & parent.mode))
        return walk(path)
      }
      const bits = perm & (~0o666 | parent.mode) & 0o777
      const file = await host(() => open(path, flags(mode) | constants.O_CREAT | constants.O_EXCL, bits))
      const aux: Place = { path }
      return { aux, qid: await opened(aux, file) }
    },

    async read(fid, offset, count) {
      const { aux } = fid
      const { file, ahead } = aux
      if (!file) throw new PlanError(e.Ebadusefd)
      let data: Uint8Array | undefined
      if (ahead?.offset === offset && ahead.count === count && performance.now() - ahead.time < STALE) {
        const piece = ahead.pieces.shift()
        ahead.offset += count
        if (piece && (await ahead.filled) && ahead.change === changes) data = piece
      }
      if (data === undefined) {
        aux.ahead = undefined
        const buf = new Uint8Array(count)
        const { bytesRead } = await host(() => file.read(buf, 0, count, position(aux, offset)))
        data = buf.subarray(0, bytesRead)
      }
      const next = offset + data.length
      const n =
        offset > 0 && offset === aux.end && data.length === count ? Math.floor(((aux.size ?? 0) - next) / count) : 0
      aux.end = next
      if (n > 0 && !aux.ahead?.pieces.length) {
        const pieces = Array.from({ length: Math.min(n, AHEAD) }, () => new Uint8Array(count))
        const total = pieces.length * count
        const filled = file.readv([...pieces], next).then(
          ({ bytesRead }) => bytesRead === total,
          () => false,
        )
        aux.ahead = { offset: next, count, pieces, filled, time: performance.now(), change: changes }
      }
      return data
    },

    async readdir(fid) {
      const { path } = fid.aux
      const names = await host(() => readdir(path))
      const seen = names.filter(name => !name.includes('\ufffd')).sort()
      const dirs: Dir[] = []
      for (let i = 0; i < seen.length; i += BATCH) {
        // Gone meanwhile: not listed.
        const one = (name: string) =>
          look(join(path, name)).then(
            st => dir(join(path, name), st),
            () => undefined,
          )
        for (const d of await Promise.all(seen.slice(i, i + BATCH).map(one))) if (d) dirs.push(d)
      }
      return dirs
    },

    async write(fid, offset, data) {
      const { file } = fid.aux
      if (!file) throw new PlanError(e.Ebadusefd)
      const { bytesWritten } = await change(() => file.write(data, 0, data.length, position(fid.aux, offset)))
      const { removed, written } = history.get(fid.aux.key!) ?? { removed: 0n, written: 0 }
      history.set(fid.aux.key!, { removed, written: written + 1 })
      return bytesWritten
    },

    remove(fid) {
      const { path } = fid.aux
      if (path === root) throw new PlanError(e.Eperm)
      return host(() => unlinked(path))
    },

    async wstat(fid, d) {
      const { path, file } = fid.aux
      await change(async () => {
        const st = await stat(path)
        const is = dir(path, st)
        if ((d.uid ?? is.uid) !== is.uid || (d.gid ?? is.gid) !== is.gid) throw new PlanError(e.Eperm)
        if (d.mode !== undefined && d.mode & SPECIAL) throw new PlanError(Especial)
        const to = d.name !== undefined && d.name !== parse(path).base ? join(dirname(path), d.name) : undefined
        if (to !== undefined) {
          if (path === root) throw new PlanError(e.Eperm)
          const there = await lstat(to).catch(() => undefined)
          if (there) throw new PlanError(e.Eexist)
        }
        const resize = d.length !== undefined && d.length !== is.length
        if (resize && st.isDirectory()) throw new PlanError(e.Eisdir)
        const [atime, mtime] = [d.atime ?? st.atimeMs / 1000, d.mtime ?? st.mtimeMs / 1000]
        const times = d.mtime !== undefined || d.atime !== undefined

        // All or nothing: what can be taken back comes first, what is lost for ever last.
        const undo: (() => Promise<void>)[] = []
        const writing = resize ? await open(path, constants.O_WRONLY | constants.O_NONBLOCK) : undefined
        try {
          if (to !== undefined) {
            await rename(path, to)
            undo.push(() => rename(to, path))
          }
          const now = to ?? path
          if (d.mode !== undefined) {
            await chmod(now, d.mode & 0o777)
            undo.push(() => chmod(now, st.mode & 0o7777))
          }
          if (times) {
            await utimes(now, atime, mtime)
            undo.push(() => utimes(now, st.atimeMs / 1000, st.mtimeMs / 1000))
          }
          if (writing) {
            await writing.truncate(Number(d.length))
            if (times) await utimes(now, atime, mtime)
          }
          fid.aux.path = now
        } catch (err) {
          for (const back of undo.reverse()) await back().catch(() => undefined)
          throw err
        } finally {
          await writing?.close()
        }
        if (Object.keys(d).length === 0) await file?.sync()
      })
    },

    async clunk(fid) {
      await fid.aux.file?.close()
    },
  }
}

/**
 * Where the host's current directory is under `root`, with links resolved: what follows /n/host.
 *
 * @throws Error it is gone, or has a name that is none here
 */
export async function hostcwd(): Promise<string> {
  const cwd = await realpath(process.cwd())
  validname(cwd, true)
  return cwd
}
