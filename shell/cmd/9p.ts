import { DMDIR, ORDWR, OREAD, OTRUNC, OWRITE, QTAPPEND, QTAUTH, QTDIR, QTEXCL } from '../../plan9/9p/const.ts'
import type { Dir } from '../../plan9/9p/dir.ts'
import { MCREATE, MREPL, type Program, RFNAMEG, type Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bsize, write } from '../../plan9/libc/bio.ts'
import { dirreadall, dirstat, isdir } from '../../plan9/libc/dirread.ts'
import { dirmodefmt, strtol } from '../../plan9/libc/fmt.ts'
import { quotestr } from '../../plan9/libc/quote.ts'
import { strcmp } from '../../plan9/libc/rune.ts'
import { eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { now, tmfmt, tmtime, tzload } from '../../plan9/libc/tm.ts'
import { dial, netmkaddr } from './dial.ts'

const help = [
  'usage: 9p [-n] [-a address] [-A aname] cmd args...',
  'possible cmds:',
  '\tcreate [-p perm] name...',
  '\tls [-dlnt] name...',
  '\tmkdir [-p perm] name...',
  '\tread name',
  '\trdwr name',
  '\trm name...',
  '\tstat name',
  '\twrite [-lt] name',
  'without -a, name elem/path means /path on server /srv/elem',
].join('\n')

const elements = (path: string) => path.split('/').filter(e => e !== '' && e !== '.')

/** dirfmt of fcall(2)'s %D. */
function dirfmt(d: Dir): string {
  const t = d.qid.type
  const kinds: [number, string][] = [
    [QTDIR, 'd'],
    [QTAPPEND, 'a'],
    [QTEXCL, 'l'],
    [QTAUTH, 'A'],
  ]
  const type = kinds
    .filter(([bit]) => t & bit)
    .map(([, c]) => c)
    .join('')
  const qid = `(${d.qid.path.toString(16).padStart(16, '0')} ${d.qid.vers} ${type})`
  return (
    `'${d.name}' '${d.uid}' '${d.gid}' '${d.muid}' q ${qid} m ${d.mode.toString(8).padStart(1, '0')} ` +
    `at ${d.atime} mt ${d.mtime} l ${d.length} t ${d.type} d ${d.dev}`
  )
}

/** Where servers are mounted, in a name space of our own: a directory that is there. */
const places = ['/n', '/mnt', '/tmp']

class P9 {
  readonly sys: Sys
  readonly argv0: string
  addr: string | undefined
  aname = ''
  #place: string | undefined
  /** The server mounted last. */
  #mounted: string | undefined

  constructor(sys: Sys, argv0: string) {
    this.sys = sys
    this.argv0 = argv0
  }

  fatal(msg: string): Promise<never> {
    return sysfatal(this.sys, this.argv0, msg)
  }

  async #findplace(): Promise<string> {
    for (const p of places) {
      const d = await dirstat(this.sys, p)
      if (d !== undefined && isdir(d)) return p
    }
    return this.fatal(`none of ${places.join(' ')} is there to mount on`)
  }

  /** Mounts the server that a name is on; returns the name that its file has here. */
  async file(name: string): Promise<string> {
    const path = elements(name)
    const addr = this.addr ?? path.shift()
    if (addr === undefined) return this.fatal(`bad name ${name}: no server in it`)
    if (this.#place === undefined) {
      this.#place = await this.#findplace()
      await this.sys.rfork(RFNAMEG)
    }
    const { sys } = this
    const place = this.#place
    if (this.#mounted !== addr) {
      if (this.#mounted !== undefined) await sys.unmount(undefined, place)
      let fd: number
      try {
        fd = addr.includes('!')
          ? await dial(sys, netmkaddr(addr))
          : await sys.open(addr.startsWith('/') ? addr : `/srv/${addr}`, ORDWR)
      } catch (e) {
        return this.fatal(`dial ${addr}: ${r(e)}`)
      }
      try {
        await sys.mount(fd, -1, place, MREPL | MCREATE, this.aname)
      } catch (e) {
        return this.fatal(`mount: ${r(e)}`)
      }
      this.#mounted = addr
    }
    return [place, ...path].join('/')
  }

  async open(name: string, mode: number): Promise<number> {
    const file = await this.file(name)
    try {
      return await this.sys.open(file, mode)
    } catch (e) {
      return this.fatal(`open ${name}: ${r(e)}`)
    }
  }

  async read(name: string): Promise<string> {
    const fd = await this.open(name, OREAD)
    for (;;) {
      let b: Uint8Array
      try {
        b = await this.sys.read(fd, Bsize)
      } catch (e) {
        return this.fatal(`read error: ${r(e)}`)
      }
      if (b.length === 0) return ''
      await write(this.sys, 1, b)
    }
  }

  async write(args: string[]): Promise<string> {
    const arg = new Arg(['write', ...args])
    let lines = false
    let mode = OWRITE
    for (const c of arg) {
      if (c === 'l') lines = true
      else if (c === 't') mode |= OTRUNC
      else await usage(this.sys, help)
    }
    if (arg.argv.length !== 1) await usage(this.sys, help)
    const fd = await this.open(arg.argv[0]!, mode)
    const b = new Bin(this.sys, 0)
    for (;;) {
      const data = lines ? await b.rdline() : await b.chunk()
      if (data === undefined || data.length === 0) return ''
      try {
        await write(this.sys, fd, data.slice())
      } catch (e) {
        await this.fatal(`write error: ${r(e)}`)
      }
    }
  }

  async rdwr(name: string): Promise<string> {
    const { sys } = this
    const fd = await this.open(name, ORDWR)
    const b = new Bin(sys, 0)
    for (;;) {
      let data: Uint8Array | undefined
      try {
        data = await sys.read(fd, Bsize)
      } catch (e) {
        await eprint(sys, `read: ${r(e)}\n`)
      }
      if (data !== undefined) await write(sys, 1, data)
      const line = await b.rdline()
      if (line === undefined) return ''
      try {
        await write(sys, fd, line.slice())
      } catch (e) {
        await eprint(sys, `write: ${r(e)}\n`)
      }
    }
  }

  async stat(name: string): Promise<Dir> {
    const file = await this.file(name)
    try {
      return await this.sys.stat(file)
    } catch (e) {
      return this.fatal(`stat ${name}: ${r(e)}`)
    }
  }

  async rm(names: string[]): Promise<string> {
    for (const name of names) {
      const file = await this.file(name)
      try {
        await this.sys.remove(file)
      } catch (e) {
        await this.fatal(`remove ${name}: ${r(e)}`)
      }
    }
    return ''
  }

  async create(args: string[], dir: boolean): Promise<string> {
    const arg = new Arg(['create', ...args])
    let perm = dir ? 0o777 : 0o666
    for (const c of arg) {
      if (c === 'p') perm = strtol(arg.argf() ?? (await usage(this.sys, help)), 8).value
      else await usage(this.sys, help)
    }
    if (arg.argv.length === 0) await usage(this.sys, help)
    for (const name of arg.argv) {
      const file = await this.file(name)
      try {
        await this.sys.close(await this.sys.create(file, OREAD, dir ? DMDIR + perm : perm))
      } catch (e) {
        await this.fatal(`create ${name}: ${r(e)}`)
      }
    }
    return ''
  }

  async ls(args: string[]): Promise<string> {
    const arg = new Arg(['ls', ...args])
    const flags = new Set<string>()
    for (const c of arg) {
      if (!'dlnt'.includes(c)) await usage(this.sys, help)
      flags.add(c)
    }
    if (arg.argv.length === 0) {
      if (this.addr === undefined) await usage(this.sys, help)
      arg.argv.push('/')
    }
    const tz = await tzload(this.sys, 'local')
    const { sec } = await now(this.sys)
    for (const name of arg.argv) {
      const d = await this.stat(name)
      let all = [d]
      if (d.mode & DMDIR && !flags.has('d')) {
        const fd = await this.open(name, OREAD)
        all = await dirreadall(this.sys, fd)
        await this.sys.close(fd)
      }
      if (flags.has('t')) all.sort((a, b) => b.mtime - a.mtime)
      else if (!flags.has('n')) all.sort((a, b) => strcmp(a.name, b.name))
      const width = (f: (d: Dir) => string) => Math.max(...all.map(d => f(d).length), 0)
      const uid = width(d => quotestr(d.uid))
      const gid = width(d => quotestr(d.gid))
      const len = width(d => String(d.length))
      for (const d of all) {
        if (!flags.has('l')) {
          await write(this.sys, 1, `${quotestr(d.name)}\n`)
          continue
        }
        const old = d.mtime < sec - 180 * 86400 || d.mtime > sec + 86400
        const time = tmfmt(tmtime(d.mtime, tz), old ? 'MMM _D  YYYY' : 'MMM _D hh:mm')
        const cols = [
          dirmodefmt(d.mode),
          quotestr(d.uid).padEnd(uid),
          quotestr(d.gid).padEnd(gid),
          String(d.length).padStart(len),
          time,
          quotestr(d.name),
        ]
        await write(this.sys, 1, `${cols.join(' ')}\n`)
      }
    }
    return ''
  }
}

const p9: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const p = new P9(sys, arg.argv0)
  for (const c of arg) {
    if (c === 'a') p.addr = arg.argf() ?? (await usage(sys, help))
    else if (c === 'A') p.aname = arg.argf() ?? (await usage(sys, help))
    else if (c !== 'n') await usage(sys, help)
  }
  const [cmd, ...args] = arg.argv
  const one = async () => (args.length === 1 ? args[0]! : usage(sys, help))
  switch (cmd) {
    case 'read':
      return p.read(await one())
    case 'write':
      return p.write(args)
    case 'rdwr':
      return p.rdwr(await one())
    case 'stat':
      await write(sys, 1, `${dirfmt(await p.stat(await one()))}\n`)
      return ''
    case 'ls':
      return p.ls(args)
    case 'rm':
      return p.rm(args.length > 0 ? args : [await one()])
    case 'create':
      return p.create(args, false)
    case 'mkdir':
      return p.create(args, true)
    default:
      return usage(sys, help)
  }
}
export default p9
