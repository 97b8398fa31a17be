import { DMDIR, OREAD, OWRITE, QTDIR } from '../9p/const.ts'
import {
  Ebadctl,
  Ebadfd,
  Eiotoobig,
  Eiotoosmall,
  Eisdir,
  Enonexist,
  Eperm,
  Eprocdied,
  ERRMAX,
  PlanError,
} from '../error.ts'
import { cclose, chanpath } from './chan.ts'
import {
  type Devgen,
  devattach,
  devdefaults,
  devdir,
  devdirread,
  devopen,
  devstat,
  devwalk,
  dirtab,
  mkqid,
  numfmt,
  openmode,
  readstr,
} from './dev.ts'
import { procfdprint } from './devdup.ts'
import { changenoteid, postnote, postnotepg } from './note.ts'
import { lookupcmd, parsecmd, quote } from './parse.ts'
import type { Chan, Dev, Memory, Mhead, Mount, Proc } from './portdat.ts'
import { pexit, procstart, procstopwait, pwait } from './proc.ts'
import { MAFTER, MBEFORE, MCACHE, MCREATE } from './sys.ts'
import { fdclose } from './sysfile.ts'

/** proc(3). Qids are pid * 32 + file. */
const Qdir = 0
const Qargs = 1
const Qctl = 2
const Qfd = 3
const Qmem = 4
const Qnote = 5
const Qnoteid = 6
const Qnotepg = 7
const Qns = 8
const Qppid = 9
const Qregs = 10
const Qsegment = 11
const Qstatus = 12
const Qtext = 13
const Qwait = 14

/** Modes of 0 are the process's own. status, fd and ns are for all to read. mem, regs and segment are machine code's alone. */
const procdir = [
  dirtab('args', Qargs, 0o660),
  dirtab('ctl', Qctl, 0),
  dirtab('fd', Qfd, 0o444),
  dirtab('mem', Qmem, 0),
  dirtab('note', Qnote, 0),
  dirtab('noteid', Qnoteid, 0o664),
  dirtab('notepg', Qnotepg, 0),
  dirtab('ns', Qns, 0o444),
  dirtab('ppid', Qppid, 0o444),
  dirtab('regs', Qregs, 0),
  dirtab('segment', Qsegment, 0o444),
  dirtab('status', Qstatus, 0o444),
  dirtab('text', Qtext, 0),
  dirtab('wait', Qwait, 0o400),
]

/** Messages to ctl, and how many words they have. */
const proccmd = {
  close: 2,
  closefiles: 1,
  fixedpri: 2,
  hang: 1,
  interrupt: 1,
  kill: 1,
  nohang: 1,
  nointerrupt: 1,
  noswap: 1,
  pri: 2,
  private: 1,
  start: 1,
  stop: 1,
  waitstop: 1,
}

const PriNormal = 10
const PriMax = 19

function qtype(c: Chan): number {
  return Number(c.qid.path & 31n)
}

/** The process of c. @throws PlanError Eprocdied */
function proc(up: Proc, c: Chan): Proc {
  const p = up.k.procs.get(Number(c.qid.path >> 5n))
  if (!p) throw new PlanError(Eprocdied)
  return p
}

function piddir(up: Proc, c: Chan, p: Proc) {
  return devdir(up, c, mkqid(p.pid * 32, QTDIR, p.pid), String(p.pid), 0, p.user, DMDIR | 0o555)
}

const gen: Devgen = (up, c, name, s) => {
  if (s < 0) return devdir(up, c, mkqid(Qdir, QTDIR), '#p', 0, up.k.eve, DMDIR | 0o555)
  if (c.qid.path === 0n) {
    if (name !== undefined) {
      const p = s === 0 && /^[1-9][0-9]*$/.test(name) ? up.k.procs.get(Number(name)) : undefined
      return p ? piddir(up, c, p) : null
    }
    if (s === 0)
      listing.set(
        c,
        [...up.k.procs.keys()].sort((a, b) => a - b),
      )
    const pid = (listing.get(c) ?? [])[s]
    if (pid === undefined) return null
    const p = up.k.procs.get(pid)
    return p && piddir(up, c, p)
  }
  const tab = procdir[s]
  const p = up.k.procs.get(Number(c.qid.path >> 5n))
  if (!tab || !p) return null
  const perm = tab.perm === 0 ? p.procmode : tab.perm | (p.procmode & 0o444)
  const length = tab.qid.path === BigInt(Qwait) ? p.waitq.length : 0
  return devdir(up, c, mkqid(BigInt(p.pid * 32) | tab.qid.path, 0, p.pid), tab.name, length, p.user, perm)
}
const listing = new WeakMap<Chan, number[]>()

/** User none has no say over others. */
function nonone(up: Proc, p: Proc): void {
  if (p !== up && up.user === 'none' && up.k.eve !== 'none') throw new PlanError(Eperm)
}

function open(up: Proc, c: Chan, omode0: number): Chan {
  if (c.qid.type & QTDIR) return devopen(up, c, omode0, gen)
  const p = proc(up, c)
  const omode = openmode(omode0)
  const t = qtype(c)
  if (t === Qtext) {
    if (omode !== OREAD) throw new PlanError(Eperm)
    nonone(up, p)
    const tc = p.textc
    if (!tc) throw new PlanError(Enonexist)
    tc.ref++
    tc.offset = 0
    cclose(c)
    return tc
  }
  if ((t === Qfd || t === Qns || t === Qppid || t === Qsegment || t === Qstatus) && omode !== OREAD)
    throw new PlanError(Eperm)
  if (t === Qnotepg && omode !== OWRITE) throw new PlanError(Eperm)
  if (p.kp && (t === Qnote || t === Qnotepg || omode !== OREAD)) throw new PlanError(Eperm)
  nonone(up, p)
  if (t === Qmem || t === Qregs || t === Qsegment) memory(p)
  const tc = devopen(up, c, omode, gen)
  // The group that a note goes to is the one of this moment.
  if (t === Qnotepg) tc.aux = p.noteid
  return tc
}

/** What a program of the table has not got. @throws PlanError */
function memory(p: Proc): Memory {
  if (!p.memory) throw new PlanError('no memory')
  return p.memory
}

function mflags(flag: number): string {
  let s = ''
  if (flag & MAFTER) s += 'a'
  if (flag & MBEFORE) s += 'b'
  if (flag & MCREATE) s += 'c'
  if (flag & MCACHE) s += 'C'
  return s && `-${s}`
}

/** The commands that would make p's name space, in the order in which they made it. */
export function nslines(p: Proc): string[] {
  if (!p.pgrp || !p.dot) throw new PlanError(Eprocdied)
  const all: { mh: Mhead; m: Mount }[] = []
  for (const heads of p.pgrp.mnthash.values()) for (const mh of heads) for (const m of mh.mount) all.push({ mh, m })
  all.sort((a, b) => a.m.mountid - b.m.mountid)
  const lines = all.map(({ mh, m }) => {
    const flag = mflags(m.mflag)
    const from = quote(chanpath(mh.from))
    if (chanpath(m.to) !== '#M') return `bind ${flag} ${quote(chanpath(m.to))} ${from}\n`
    const mc = m.to.mchan!
    const spec = m.spec === '' ? '' : ` ${quote(m.spec)}`
    return `mount ${flag} ${quote(mc.srvname ?? chanpath(mc))} ${from}${spec}\n`
  })
  return [...lines, `cd ${quote(chanpath(p.dot))}\n`]
}

function fdlines(p: Proc): string[] {
  if (!p.fgrp || !p.dot) return []
  const lines = [`${chanpath(p.dot)}\n`]
  p.fgrp.fd.forEach((c, fd) => {
    if (c) lines.push(procfdprint(c, fd))
  })
  return lines
}

/** A read gets one line, or what is left of it: ns(1) counts on that. The lines are those of the read at 0. */
function readline(c: Chan, n: number, offset: number, make: () => string[]): Uint8Array {
  if (offset === 0 || c.aux === undefined) c.aux = make().map(s => new TextEncoder().encode(s))
  let at = 0
  for (const line of c.aux as Uint8Array[]) {
    if (offset < at + line.length) return line.slice(offset - at, offset - at + n)
    at += line.length
  }
  return new Uint8Array(0)
}

function status(up: Proc, p: Proc): string {
  const state = p.stopped ? 'Stopped' : p.dead ? 'Moribund' : p.incall > 0 ? p.psstate : up === p ? 'Running' : 'Ready'
  const real = Math.round(performance.now() - p.starttime)
  const num = (x: number) => String(x).padStart(11)
  // The time of a program in TypeScript is not told apart from the others': one thread runs them all.
  const times = [Math.round(p.utime), 0, real, ...p.ctime, 0, p.basepri, p.priority].map(num).join(' ')
  return `${p.text.padEnd(27)} ${p.user.padEnd(27)} ${state.padEnd(11)} ${times}\n`
}

async function read(up: Proc, c: Chan, n: number, offset: number): Promise<Uint8Array> {
  if (c.qid.type & QTDIR) return devdirread(up, c, n, gen)
  const p = proc(up, c)
  switch (qtype(c)) {
    case Qargs: {
      const text = p.setargs === undefined ? p.args.map(quote).join(' ') : `${p.text} [${p.setargs}]`
      return readstr(text, n, offset)
    }
    case Qctl:
      return readstr(numfmt(p.pid), n, offset)
    case Qfd:
      return readline(c, n, offset, () => fdlines(p))
    case Qnote: {
      if (n < 1) throw new PlanError(Eiotoosmall)
      const note = p.notes.shift()
      if (p.notes.length === 0 && note) p.clearinterrupt()
      return note ? new TextEncoder().encode(note.msg).subarray(0, n) : new Uint8Array(0)
    }
    case Qnoteid:
      return readstr(numfmt(p.noteid), n, offset)
    case Qns:
      return readline(c, n, offset, () => nslines(p))
    case Qppid:
      return readstr(numfmt(p.parentpid), n, offset)
    case Qmem:
      return memory(p).read('mem', n, offset)
    case Qregs:
      return memory(p).read('regs', n, offset)
    case Qsegment:
      return memory(p).read('segment', n, offset)
    case Qstatus:
      return readstr(status(up, p), n, offset)
    case Qwait: {
      const w = await pwait(up, p)
      return readstr(`${w.pid} ${w.time.join(' ')} ${quote(w.msg)}`, n, 0)
    }
    default:
      throw new PlanError(Eperm)
  }
}

async function ctl(up: Proc, p: Proc, data: Uint8Array): Promise<void> {
  const f = parsecmd(data)
  switch (lookupcmd(f, proccmd)) {
    case 'close': {
      const fd = Number.parseInt(f[1]!, 10)
      if (!(fd >= 0)) throw new PlanError(Ebadfd)
      await fdclose(p, fd)
      return
    }
    case 'closefiles':
      for (const fd of p.fgrp?.fd.keys() ?? []) await fdclose(p, fd)
      return
    case 'kill':
      if (p.kp) throw new PlanError(Eperm)
      return pexit(p, 'sys: killed', true)
    case 'stop':
      return procstopwait(up, p, true)
    case 'waitstop':
      return procstopwait(up, p, false)
    case 'start':
      return procstart(p)
    case 'hang':
    case 'nohang':
      p.hang = f[0] === 'hang'
      return
    case 'interrupt':
      p.attn = true
      return p.procinterrupt()
    case 'nointerrupt':
      if (p.notes.length > 0) throw new PlanError('notes pending')
      return p.clearinterrupt()
    case 'pri':
    case 'fixedpri': {
      const pri = Number.parseInt(f[1]!, 10)
      if (pri > PriNormal && up.user !== up.k.eve) throw new PlanError(Eperm)
      p.basepri = p.priority = Math.min(Math.max(pri || 0, 0), PriMax)
      return
    }
    default:
      // noswap, private: nothing is swapped, and there is no mem file.
      return
  }
}

async function write(up: Proc, c: Chan, data: Uint8Array, offset: number): Promise<number> {
  if (c.qid.type & QTDIR) throw new PlanError(Eisdir)
  if (data.length >= ERRMAX && qtype(c) !== Qmem) throw new PlanError(Eiotoobig)
  const text = new TextDecoder().decode(data)
  if (qtype(c) === Qnotepg) {
    postnotepg(up.k.procs.values(), c.aux as number, text, up)
    return data.length
  }
  const p = proc(up, c)
  if (p.dead && qtype(c) !== Qctl) throw new PlanError(Eprocdied)
  switch (qtype(c)) {
    case Qargs:
      if (offset !== 0) throw new PlanError(Eiotoobig)
      p.setargs = text
      break
    case Qctl:
      await ctl(up, p, data)
      break
    case Qmem:
      await memory(p).write('mem', data, offset)
      break
    case Qregs:
      if (!p.stopped) throw new PlanError(Ebadctl)
      await memory(p).write('regs', data, offset)
      break
    case Qnote:
      if (!postnote(p, text)) throw new PlanError('note not posted')
      break
    case Qnoteid:
      if (offset !== 0) throw new PlanError(Eiotoobig)
      changenoteid(up, p, Number.parseInt(text, 10))
      break
    default:
      throw new PlanError(Eperm)
  }
  return data.length
}

export const procdev: Dev = {
  ...devdefaults,
  dc: 'p',
  name: 'proc',
  attach: (_up, spec) => devattach(procdev, spec),
  walk: (up, c, names) => devwalk(up, c, names, gen),
  stat: (up, c) => devstat(up, c, gen),
  open,
  read,
  write,
  wstat(up, c, dir) {
    if (c.qid.type & QTDIR || qtype(c) === Qnotepg) throw new PlanError(Eperm)
    const p = proc(up, c)
    nonone(up, p)
    if (up.user !== p.user && up.user !== up.k.eve) throw new PlanError(Eperm)
    if (dir.uid && dir.uid !== p.user) {
      if (dir.uid !== 'none' && up.user !== up.k.eve) throw new PlanError(Eperm)
      p.user = dir.uid
    }
    if (dir.mode !== undefined) p.procmode = dir.mode & 0o777
  },
}
