import type { Disk } from '../../emulator/disk/blocks.ts'
import { Fat, type FatFile } from '../../emulator/disk/fat.ts'
import { DMDIR, ORDWR, OREAD, OTRUNC, QTDIR } from '../../plan9/9p/const.ts'
import type { Dir, Qid } from '../../plan9/9p/dir.ts'
import { serve } from '../../plan9/9p/server.ts'
import type { Srv } from '../../plan9/9p/srv.ts'
import { Eperm, PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { fdTransport, postsrv } from '../../plan9/libc/postsrv.ts'
import { attempt, r, sysfatal } from '../../plan9/libc/sysfatal.ts'

/** Bytes of one read or write of the image at most. */
const PIECE = 64 * 1024

interface Node {
  volume: Volume
  parent: Node | undefined
  file: FatFile
  qid: Qid
  /** By their names in capitals, those that somebody has walked to. */
  children: Map<string, Node>
  /** Removed: it has no place on the disk any more. */
  gone: boolean
}

interface Volume {
  fat: Fat
  root: Node
  writable: boolean
  /** One thing at a time. */
  alone<T>(f: () => Promise<T>): Promise<T>
}

/** An image in the name space; read-only where it may not be written. */
async function imageDisk(sys: Sys, name: string, readonly: boolean): Promise<{ disk: Disk; writable: boolean }> {
  const rw = readonly ? undefined : await attempt(sys.open(name, ORDWR))
  const fd = rw ?? (await sys.open(name, OREAD))
  const { length } = await sys.fstat(fd)
  return {
    writable: rw !== undefined,
    disk: {
      size: Number(length),
      async read(offset, n) {
        const out = new Uint8Array(n)
        let at = 0
        while (at < n) {
          const b = await sys.pread(fd, Math.min(n - at, PIECE), offset + at)
          if (b.length === 0) break
          out.set(b, at)
          at += b.length
        }
        return out.subarray(0, at)
      },
      async write(offset, data) {
        for (let at = 0; at < data.length; ) at += await sys.pwrite(fd, data.subarray(at, at + PIECE), offset + at)
      },
    },
  }
}

let serial = 0n

function node(volume: Volume, parent: Node | undefined, file: FatFile): Node {
  const qid = { type: file.dir ? QTDIR : 0, vers: 0, path: serial++ }
  return { volume, parent, file, qid, children: new Map(), gone: false }
}

async function mount(sys: Sys, name: string, readonly: boolean): Promise<Volume> {
  const { disk, writable } = await imageDisk(sys, name, readonly)
  const fat = await Fat.open(disk)
  let tail: Promise<unknown> = Promise.resolve()
  const volume: Volume = {
    fat,
    writable,
    root: undefined as never,
    alone(f) {
      const done = tail.then(f, f)
      tail = done
      return done
    },
  }
  volume.root = node(volume, undefined, fat.root)
  return volume
}

/** A file server of FAT images; the spec of an attach names one. */
function fatSrv(open: (spec: string) => Promise<Volume>, user: string): Srv<Node> {
  const volumes = new Map<string, Promise<Volume>>()
  const dir = (n: Node): Dir => ({
    type: 0,
    dev: 0,
    qid: n.qid,
    mode: (n.file.dir ? DMDIR | 0o777 : 0o666) & ~(n.file.readonly || !n.volume.writable ? 0o222 : 0),
    atime: n.file.mtime,
    mtime: n.file.mtime,
    length: BigInt(n.file.size),
    name: n.parent ? n.file.name : '/',
    uid: user,
    gid: user,
    muid: user,
  })
  const child = (d: Node, f: FatFile): Node => {
    const key = f.name.toUpperCase()
    let n = d.children.get(key)
    if (!n) d.children.set(key, (n = node(d.volume, d, f)))
    return n
  }
  /** @throws PlanError permission denied */
  const change = <T>(n: Node, f: (fat: Fat) => Promise<T>): Promise<T> => {
    if (!n.volume.writable) throw new PlanError(Eperm)
    return n.volume.alone(async () => {
      if (n.gone) throw new PlanError('file does not exist')
      n.qid = { ...n.qid, vers: n.qid.vers + 1 }
      return f(n.volume.fat)
    })
  }
  return {
    async attach(_uname, aname) {
      let volume = volumes.get(aname)
      if (!volume) {
        volume = open(aname)
        volume.catch(() => volumes.delete(aname))
        volumes.set(aname, volume)
      }
      const { root } = await volume
      return { aux: root, qid: root.qid }
    },
    async walk1(aux, name) {
      if (name === '..') {
        const up = aux.parent ?? aux
        return { aux: up, qid: up.qid }
      }
      const { volume } = aux
      const next = await volume.alone(
        async () => aux.children.get(name.toUpperCase()) ?? child(aux, await volume.fat.walk1(aux.file, name)),
      )
      return { aux: next, qid: next.qid }
    },
    stat: fid => dir(fid.aux),
    async open(fid, mode) {
      const { aux } = fid
      if ((mode & 3) === OREAD || (mode & 3) === 3) return
      if (aux.file.readonly) throw new PlanError(Eperm)
      await change(aux, async fat => {
        if (mode & OTRUNC) await fat.truncate(aux.file, 0)
        await fat.flush()
      })
    },
    create: (fid, name, perm) =>
      change(fid.aux, async fat => {
        const made = child(fid.aux, await fat.create(fid.aux.file, name, { dir: (perm & DMDIR) !== 0 }))
        await fat.flush()
        return { aux: made, qid: made.qid }
      }),
    read: ({ aux }, offset, count) => aux.volume.alone(() => aux.volume.fat.read(aux.file, offset, count)),
    readdir: ({ aux }) =>
      aux.volume.alone(async () => (await aux.volume.fat.list(aux.file)).map(f => dir(child(aux, f)))),
    write: ({ aux }, offset, data) =>
      change(aux, async fat => {
        await fat.write(aux.file, offset, data)
        return data.length
      }),
    remove: ({ aux }) =>
      change(aux, async fat => {
        await fat.remove(aux.file)
        await fat.flush()
        aux.gone = true
        aux.parent?.children.delete(aux.file.name.toUpperCase())
      }),
    async wstat({ aux }, to) {
      const { name, length, mtime, mode, ...rest } = to
      if (Object.keys(rest).length > 0) throw new PlanError(Eperm)
      await change(aux, async fat => {
        if (name !== undefined && name !== aux.file.name) {
          const old = aux.file.name.toUpperCase()
          await fat.rename(aux.file, name)
          aux.parent?.children.delete(old)
          aux.parent?.children.set(name.toUpperCase(), aux)
        }
        if (length !== undefined) await fat.truncate(aux.file, Number(length))
        if (mtime !== undefined || mode !== undefined)
          await fat.setattr(aux.file, mtime ?? aux.file.mtime, mode === undefined ? aux.file.readonly : !(mode & 0o222))
        await fat.flush()
      })
    },
    async clunk({ aux, omode }) {
      if (omode !== -1 && (omode & 3) !== OREAD && aux.volume.writable)
        await aux.volume.alone(() => aux.volume.fat.flush())
    },
  }
}

/** dossrv(4). */
const dossrv: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-rsv] [-f file] [service]`
  let file = ''
  let stdio = false
  let readonly = false
  for (const c of arg)
    if (c === 'r') readonly = true
    else if (c === 's') stdio = true
    else if (c === 'f') file = arg.argf() ?? (await usage(sys, help))
    else if (c !== 'v') await usage(sys, help)
  if (arg.argv.length > 1) await usage(sys, help)
  const service = arg.argv[0] ?? 'dos'
  const server = (s: Sys) =>
    fatSrv(spec => {
      const name = spec === '' ? file : spec
      if (name === '') throw new PlanError('no file system device specified')
      return mount(s, name, readonly)
    }, s.user)
  if (stdio) {
    await serve(fdTransport(sys, 0, 1), server(sys)).closed
    return ''
  }
  try {
    await postsrv(sys, service, server, { perm: 0o666, name: service })
  } catch (e) {
    return sysfatal(sys, arg.argv0, `/srv/${service}: ${r(e)}`)
  }
  return ''
}
export default dossrv
