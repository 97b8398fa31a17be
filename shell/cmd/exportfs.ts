import { MSIZE, NOTAG, ORCLOSE, ORDWR, OTRUNC, OWRITE, QTDIR, Rerror } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import { convS2M } from '../../plan9/9p/fcall.ts'
import { Qidmap } from '../../plan9/9p/qidmap.ts'
import { serve } from '../../plan9/9p/server.ts'
import type { Srv } from '../../plan9/9p/srv.ts'
import { Ebadusefd, Eintr, Enonexist, PlanError } from '../../plan9/error.ts'
import {
  MCREATE,
  MREPL,
  PNPROC,
  type Program,
  RFNOTEG,
  RFNOWAIT,
  RFPROC,
  RFREND,
  type Sys,
} from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin } from '../../plan9/libc/bio.ts'
import { chatty } from '../../plan9/libc/chatty.ts'
import { dirreadall } from '../../plan9/libc/dirread.ts'
import { fdTransport } from '../../plan9/libc/fdtransport.ts'
import { strtol } from '../../plan9/libc/fmt.ts'
import { RegexpError, type Reprog, regcomp, regexec } from '../../plan9/libc/regexp.ts'
import { stringtorunes, text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const Ereadonly = 'File system read only'
const Enopsmt = 'Out of pseudo mount points'

/** How many directories /mnt/exportfs has, for -S. */
const Npsmpt = 32

/** Which files there are, by -P. */
interface Patterns {
  include: Reprog[]
  exclude: Reprog[]
}

async function patterns(sys: Sys, argv0: string, file: string): Promise<Patterns> {
  const fd = await attempt(sys.open(file, 0))
  if (fd === undefined) return sysfatal(sys, argv0, 'cannot open patternfile')
  const all: Patterns = { include: [], exclude: [] }
  const b = new Bin(sys, fd)
  try {
    for (let l = await b.rdline(); l !== undefined; l = await b.rdline()) {
      const line = text(l).replace(/\n$/, '')
      if (line.startsWith('+ ')) all.include.push(regcomp(line.slice(2)))
      else if (line.startsWith('- ')) all.exclude.push(regcomp(line.slice(2)))
    }
  } catch (e) {
    if (!(e instanceof RegexpError)) throw e
    await eprint(sys, `regerror: ${e.message}\n`)
    return sys.exits('regerr')
  }
  await sys.close(fd)
  return all
}

/**
 * Does f, which may wait, in a process of its own with the same descriptors and name space, so that a flush can end it by
 * a note.
 */
function apart<T>(sys: Sys, signal: AbortSignal, f: (child: Sys) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = async (child: Sys) => {
      child.notify(note => note === 'flush')
      const flush = () => void sys.postnote(PNPROC, child.pid, 'flush').catch(() => {})
      signal.addEventListener('abort', flush)
      try {
        if (signal.aborted) throw new PlanError(Eintr)
        resolve(await f(child))
      } catch (e) {
        reject(e instanceof PlanError ? e : new PlanError(Eintr))
        if (!(e instanceof PlanError)) throw e
      } finally {
        signal.removeEventListener('abort', flush)
      }
      return ''
    }
    sys.rfork(RFPROC | RFNOWAIT, child).catch(reject)
  })
}

/** What an attach made: the directory that paths begin at, and how many fids are in it. */
interface Root {
  dir: string
  refs: number
}

interface File {
  readonly root: Root
  path: string[]
  fd: number
}

/** A name space as a file server, in system calls; a fid is a path until it is open. */
class Export {
  readonly #sys: Sys
  readonly #qids = new Qidmap()
  readonly #readonly: boolean
  readonly #patterns: Patterns | undefined
  /** The service that each attach mounts anew; -1: `.` is served. */
  readonly #srvfd: number
  readonly #mounts = new Set<string>()

  constructor(sys: Sys, readonly: boolean, patterns: Patterns | undefined, srvfd: number) {
    this.#sys = sys
    this.#readonly = readonly
    this.#patterns = patterns
    this.#srvfd = srvfd
  }

  #name(f: File): string {
    return [f.root.dir, ...f.path].join('/')
  }

  #visible(path: string[]): boolean {
    if (this.#patterns === undefined) return true
    const { include, exclude } = this.#patterns
    const name = stringtorunes(`/${path.join('/')}`)
    return include.every(re => regexec(re, name)) && !exclude.some(re => regexec(re, name))
  }

  /** @throws PlanError Ereadonly */
  #change(): void {
    if (this.#readonly) throw new PlanError(Ereadonly)
  }

  /** @throws PlanError Enonexist for what is not to be seen */
  #see(path: string[]): void {
    if (!this.#visible(path)) throw new PlanError(Enonexist)
  }

  async #at(f: File) {
    const d = await (f.fd >= 0 ? this.#sys.fstat(f.fd) : this.#sys.stat(this.#name(f)))
    return this.#qids.dir(d)
  }

  /** Mounts the service of -S for one attach. */
  async #mount(aname: string): Promise<string> {
    for (let n = 0; n < Npsmpt; n++) {
      const dir = `/mnt/exportfs/${n}`
      if (this.#mounts.has(dir)) continue
      this.#mounts.add(dir)
      const fd = await this.#sys.dup(this.#srvfd, -1)
      try {
        await this.#sys.mount(fd, -1, dir, MREPL | MCREATE, aname)
      } catch (e) {
        this.#mounts.delete(dir)
        await attempt(this.#sys.close(fd))
        throw e
      }
      return dir
    }
    throw new PlanError(Enopsmt)
  }

  /** The last fid of an attach takes its mount along. */
  async #clunk({ fd, root }: File): Promise<void> {
    if (fd >= 0) await attempt(this.#sys.close(fd))
    if (--root.refs > 0 || !this.#mounts.has(root.dir)) return
    await attempt(this.#sys.unmount(undefined, root.dir))
    this.#mounts.delete(root.dir)
  }

  srv(): Srv<File> {
    const sys = this.#sys
    return {
      attach: async (_uname, aname) => {
        const dir = this.#srvfd >= 0 ? await this.#mount(aname) : '.'
        const aux = { root: { dir, refs: 1 }, path: [], fd: -1 }
        try {
          return { aux, qid: (await this.#at(aux)).qid }
        } catch (e) {
          await this.#clunk(aux)
          throw e
        }
      },
      clone: aux => {
        aux.root.refs++
        return { ...aux }
      },
      walk1: async (aux, name) => {
        const up = name === '..'
        const to = { ...aux, path: up ? aux.path.slice(0, -1) : [...aux.path, name] }
        if (!up) this.#see(to.path)
        return { aux: to, qid: (await this.#at(to)).qid }
      },
      stat: fid => this.#at(fid.aux),
      open: async (fid, mode, req) => {
        if ((mode & 3) === OWRITE || mode & (OTRUNC | ORCLOSE)) this.#change()
        const { aux } = fid
        aux.fd = await apart(sys, req.signal, child => child.open(this.#name(aux), mode & ~ORCLOSE))
        return { qid: (await this.#at(aux)).qid }
      },
      create: async (fid, name, perm, mode) => {
        this.#change()
        const to = { ...fid.aux, path: [...fid.aux.path, name] }
        this.#see(to.path)
        to.fd = await sys.create(this.#name(to), mode & ~ORCLOSE, perm)
        return { aux: to, qid: (await this.#at(to)).qid }
      },
      read: (fid, offset, count, req) => apart(sys, req.signal, child => child.pread(fid.aux.fd, count, offset)),
      readdir: (fid, req) =>
        apart(sys, req.signal, async child => {
          if (!(fid.qid.type & QTDIR)) throw new PlanError(Ebadusefd)
          const { fd, path } = fid.aux
          await child.seek(fd, 0, 0)
          const all = await dirreadall(child, fd)
          return all.filter(d => this.#visible([...path, d.name])).map(d => this.#qids.dir(d))
        }),
      write: (fid, offset, data, req) => {
        this.#change()
        return apart(sys, req.signal, child => child.pwrite(fid.aux.fd, data, offset))
      },
      remove: async fid => {
        this.#change()
        await sys.remove(this.#name(fid.aux))
      },
      wstat: async ({ aux }, dir: Partial<Dir>) => {
        this.#change()
        const { path } = aux
        const to = dir.name === undefined || path.length === 0 ? path : [...path.slice(0, -1), dir.name]
        this.#see(to)
        await (aux.fd >= 0 ? sys.fwstat(aux.fd, dir) : sys.wstat(this.#name(aux), dir))
        aux.path = to
      },
      clunk: fid => this.#clunk(fid.aux),
    }
  }
}

const exportfs: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const { argv0 } = arg
  const help = `usage: ${argv0} [-dsR] [-m msize] [-r root] [-P patternfile] [-S srvfile]`
  let debug = false
  let readonly = false
  let msize = 0
  let root: string | undefined
  let patternfile: string | undefined
  let srvfile: string | undefined
  const value = async () => arg.argf() ?? (await usage(sys, help))
  for (const c of arg) {
    if (c === 'd') debug = true
    else if (c === 's') root = '/'
    else if (c === 'R') readonly = true
    else if (c === 'm') msize = strtol(await value()).value
    else if (c === 'r') root = await value()
    else if (c === 'P') patternfile = await value()
    else if (c === 'S' && srvfile === undefined) srvfile = await value()
    else await usage(sys, help)
  }
  if (srvfile !== undefined && root !== undefined) {
    await eprint(sys, `${argv0}: -S cannot be used with -r or -s\n`)
    await usage(sys, help)
  }
  let srvfd = -1
  if (srvfile !== undefined)
    try {
      srvfd = await sys.open(srvfile, ORDWR)
    } catch (e) {
      return sysfatal(sys, argv0, `open ${srvfile}: ${r(e)}`)
    }
  else if (root === undefined) return usage(sys, help)
  const only = patternfile === undefined ? undefined : await patterns(sys, argv0, patternfile)

  await sys.rfork(RFNOTEG | RFREND)
  let t = fdTransport(sys, 0, 1)
  if (debug) t = chatty(sys, t)
  if (root !== undefined)
    try {
      await sys.chdir(root)
    } catch (e) {
      // The answer to the version message of whoever mounts it.
      await t.send(convS2M({ type: Rerror, tag: NOTAG, ename: r(e) }))
      return r(e)
    }
  await serve(t, new Export(sys, readonly, only, srvfd).srv(), { msize: msize > 0 ? msize : MSIZE, name: argv0 }).closed
  return ''
}
export default exportfs
