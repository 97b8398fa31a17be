import { constants, type Stats } from 'node:fs'
import {
  chmod,
  type FileHandle,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  truncate,
  utimes,
} from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname, join, parse } from 'node:path'
import * as c from '../../plan9/9p/const.ts'
import type { Dir, Qid } from '../../plan9/9p/dir.ts'
import type { Srv } from '../../plan9/9p/srv.ts'
import * as e from '../../plan9/error.ts'
import { PlanError } from '../../plan9/error.ts'

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
  append?: boolean
}

/**
 * The host's files, from `root` down, as a file server: what the process may do it may do. Owners are named by the number the
 * host has for them, the process's own by its name. Symbolic links are followed where they lead; '..' is lexical and does not
 * leave the root.
 */
export function hostfs(root: string): Srv<Place> {
  const me = userInfo()
  const uname = (uid: number) => (uid === me.uid ? me.username : String(uid))

  function qid(st: Stats): Qid {
    const path = (BigInt(st.dev) << 48n) ^ BigInt(st.ino)
    return {
      type: st.isDirectory() ? c.QTDIR : c.QTFILE,
      vers: Math.floor(st.mtimeMs) >>> 0,
      path: BigInt.asUintN(64, path),
    }
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

  async function walk(path: string): Promise<{ aux: Place; qid: Qid }> {
    return { aux: { path }, qid: qid(await host(() => stat(path))) }
  }

  return {
    attach: () => walk(root),

    walk1(at, name) {
      if (name === '..') return walk(at.path === root ? root : dirname(at.path))
      return walk(join(at.path, name))
    },

    clone: at => ({ path: at.path }),

    stat: fid => host(async () => dir(fid.aux.path, await stat(fid.aux.path))),

    async open(fid, mode) {
      const { path } = fid.aux
      if (fid.qid.type & c.QTDIR) return
      if (mode & 3 && (mode & 3) === c.OEXEC) {
        const st = await host(() => stat(path))
        if (!(st.mode & 0o111)) throw new PlanError(e.Eperm)
      }
      fid.aux.file = await host(() => open(path, flags(mode)))
      fid.qid = qid(await fid.aux.file.stat())
    },

    async create(fid, name, perm, mode) {
      const path = join(fid.aux.path, name)
      const parent = await host(() => stat(fid.aux.path))
      if (perm & c.DMDIR) {
        await host(() => mkdir(path, perm & 0o777 & parent.mode))
        const made = await walk(path)
        return made
      }
      const bits = perm & (~0o666 | parent.mode) & 0o777
      const file = await host(() => open(path, flags(mode) | constants.O_CREAT | constants.O_EXCL, bits))
      return { aux: { path, file }, qid: qid(await file.stat()) }
    },

    async read(fid, offset, count) {
      const { file } = fid.aux
      if (!file) throw new PlanError(e.Ebadusefd)
      const buf = new Uint8Array(count)
      const { bytesRead } = await host(() => file.read(buf, 0, count, offset))
      return buf.subarray(0, bytesRead)
    },

    async readdir(fid) {
      const { path } = fid.aux
      const names = await host(() => readdir(path))
      const dirs: Dir[] = []
      for (const name of names.sort()) {
        const file = join(path, name)
        // Gone meanwhile, or a link to nowhere: not listed, as it could not be opened.
        const st = await stat(file).catch(() => undefined)
        if (st && !name.includes('\ufffd')) dirs.push(dir(file, st))
      }
      return dirs
    },

    async write(fid, offset, data) {
      const { file } = fid.aux
      if (!file) throw new PlanError(e.Ebadusefd)
      const { bytesWritten } = await host(() => file.write(data, 0, data.length, offset))
      return bytesWritten
    },

    remove(fid) {
      const { path } = fid.aux
      if (path === root) throw new PlanError(e.Eperm)
      return host(() => (fid.qid.type & c.QTDIR ? rmdir(path) : rm(path)))
    },

    async wstat(fid, d) {
      const { path, file } = fid.aux
      if (d.uid !== undefined || d.gid !== undefined) throw new PlanError(e.Eperm)
      await host(async () => {
        const st = await stat(path)
        const to = d.name !== undefined && d.name !== parse(path).base ? join(dirname(path), d.name) : undefined
        if (to !== undefined) {
          if (path === root) throw new PlanError(e.Eperm)
          const there = await stat(to).catch(() => undefined)
          if (there) throw new PlanError(e.Eexist)
        }
        if (d.length !== undefined && st.isDirectory()) throw new PlanError(e.Eisdir)
        if (d.length !== undefined && d.length !== BigInt(st.size)) await truncate(path, Number(d.length))
        if (d.mode !== undefined) await chmod(path, d.mode & 0o777)
        if (d.mtime !== undefined || d.atime !== undefined)
          await utimes(path, d.atime ?? st.atimeMs / 1000, d.mtime ?? st.mtimeMs / 1000)
        if (to !== undefined) {
          await rename(path, to)
          fid.aux.path = to
        }
        if (Object.keys(d).length === 0) await file?.sync()
      })
    },

    async clunk(fid) {
      await fid.aux.file?.close()
    },
  }
}

/** Where the host's current directory is under `root`, with links resolved: what follows /n/host. */
export async function hostcwd(): Promise<string> {
  return realpath(process.cwd())
}
