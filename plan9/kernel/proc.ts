import { Ebadctl, Einuse, Enochild, Eprocdied, ERRMAX, PlanError } from '../error.ts'
import { cclose } from './chan.ts'
import type { Kernel } from './kernel.ts'
import { utfcut } from './parse.ts'
import { closeegrp, closefgrp, closepgrp, closergrp } from './pgrp.ts'
import type { Proc } from './portdat.ts'
import { Proc as NewProc } from './portdat.ts'
import { orintr } from './qio.ts'
import type { Sys, Waitmsg } from './sys.ts'
import { Syscalls } from './syscall.ts'

/** What is thrown into a program that has ended, by exec, exits or a note: no PlanError, so that programs let it pass. */
export class Unwind extends Error {
  override name = 'Unwind'
}

/** The one that is thrown: a stack trace, which nobody sees, costs more than a system call. */
export const unwind = new Unwind()

/** Wait records kept for a process that does not wait, at most. */
const NWAIT = 128

export function newproc(k: Kernel, user: string): Proc {
  const p = new NewProc(k, user)
  p.pid = k.nextpid()
  p.noteid = p.pid
  p.starttime = performance.now()
  k.procs.set(p.pid, p)
  return p
}

/**
 * Runs a program in p, in place of the one that runs there now. Whatever that one still does ends in Unwind.
 * The program ends the process by returning, unless it has itself been replaced by then.
 */
export function launch(p: Proc, body: (sys: Sys) => Promise<string>): void {
  const gen = ++p.gen
  const sys = new Syscalls(p, gen)
  p.k.stats.cs++
  const over = (e: unknown) => {
    if (p.gen === gen) trap(p, e)
    else if (!(e instanceof Unwind || e instanceof PlanError)) p.k.printerr(`${p.text} ${p.pid}`, e)
  }
  queueMicrotask(() => {
    if (p.gen !== gen) return
    try {
      body(sys).then(status => {
        if (p.gen === gen) pexit(p, status)
      }, over)
    } catch (e) {
      over(e)
    }
  })
}

/** A program let an exception out: an error string is its status; anything else is a bug in it. */
async function trap(p: Proc, e: unknown): Promise<void> {
  const { gen } = p
  let status = 'sys: trap: unwound'
  if (e instanceof PlanError) status = e.message
  else {
    if (!(e instanceof Unwind)) {
      p.k.printerr(`${p.text} ${p.pid}`, e)
      status = `sys: trap: ${e instanceof Error ? e.message : String(e)}`
    }
    status = utfcut(status, ERRMAX - 1)
  }
  const c = p.fgrp?.fd[2]
  if (c && (c.mode & 3) !== 0) {
    const text = new TextEncoder().encode(`${p.text} ${p.pid}: ${status}\n`)
    c.ref++
    p.incall++
    try {
      c.offset += await c.type.write(p, c, text, c.offset)
    } catch {
      // As pprint: nobody to tell.
    } finally {
      p.incall--
      cclose(c)
    }
  }
  if (p.gen === gen) pexit(p, status)
}

/**
 * Ends a process, once. Its calls under way are interrupted, its program unwinds; when all that it had is closed the
 * parent gets its wait record. A kill, before or during that, waits for no close.
 */
export function pexit(p: Proc, exitstr: string, now = false): void {
  if (p.dead) {
    if (now) p.exitnow?.()
    return
  }
  p.dead = true
  p.gen++
  p.attn = true
  p.exitstr = exitstr
  p.notes = []
  if (p.alarm) clearTimeout(p.alarm.timer)
  p.alarm = undefined
  p.procinterrupt()
  p.psstate = 'Moribund'

  const { fgrp, egrp, rgrp, pgrp, dot, slash, textc } = p
  p.fgrp = p.egrp = p.rgrp = p.pgrp = p.dot = p.slash = p.textc = undefined
  const closes = closeall()
  async function closeall() {
    const c = fgrp && closefgrp(fgrp)
    if (egrp) closeegrp(egrp)
    if (rgrp) closergrp(rgrp)
    await c
    for (const ch of [dot, slash, textc]) if (ch) cclose(ch)
    if (pgrp) closepgrp(pgrp)
  }
  wakeall(p.stopr)
  wakeall(p.startr)
  if (now) buried(p)
  else
    new Promise<void>(resolve => {
      p.exitnow = resolve
      closes.then(resolve, resolve)
    }).then(() => buried(p))
}

function wakeall(list: (() => void)[]): void {
  for (const wake of list.splice(0)) wake()
}

/** The last of a process: its parent is told. Its children go on, and tell nobody: Plan 9 hands orphans to no one. */
function buried(p: Proc): void {
  p.exitnow = undefined
  const now = performance.now()
  const { parent } = p
  if (parent && !parent.dead) {
    const real = Math.round(now - p.starttime)
    const user = Math.round(p.utime) + p.ctime[0]
    parent.nchild--
    parent.ctime[0] += user
    parent.ctime[2] += real
    if (parent.waitq.length < NWAIT) {
      const msg = p.exitstr === '' ? '' : utfcut(`${p.text} ${p.pid}: ${p.exitstr}`, ERRMAX - 1)
      parent.waitq.push({ pid: p.pid, time: [user, 0, real], msg })
    }
    wakeall(parent.waitr)
  }
  p.parent = undefined
  p.k.procs.delete(p.pid)
  for (const child of p.k.procs.values()) if (child.parent === p) child.parent = undefined
  p.waitq = []
  wakeall(p.waitr)
  p.finish(p.exitstr)
}

/**
 * The wait record of p's next child to exit, for p itself or a reader of its wait file. One may wait at a time.
 *
 * @throws PlanError Enochild, Einuse
 */
export async function pwait(up: Proc, p: Proc): Promise<Waitmsg> {
  if (p.qwaitr) throw new PlanError(Einuse)
  p.qwaitr = true
  try {
    for (;;) {
      const w = p.waitq.shift()
      if (w) return w
      if (p.dead) throw new PlanError(Eprocdied)
      if (up === p && p.nchild === 0) throw new PlanError(Enochild)
      await orintr(new Promise<void>(resolve => p.waitr.push(resolve)), up.signal)
    }
  } finally {
    p.qwaitr = false
  }
}

/** Stops p at its next system call and waits for that. */
export async function procstopwait(up: Proc, p: Proc, stop: boolean): Promise<void> {
  if (stop && up === p) {
    p.stopreq = p.attn = true
    return
  }
  if (stop && !p.stopped) {
    p.stopreq = p.attn = true
    void p.memory?.stop()
  }
  while (!p.stopped) {
    if (p.dead) throw new PlanError(Eprocdied)
    await orintr(new Promise<void>(resolve => p.stopr.push(resolve)), up.signal)
  }
}

/** p itself, at the boundary: stands still until started. */
export async function stopme(p: Proc): Promise<void> {
  p.stopreq = false
  p.stopped = true
  wakeall(p.stopr)
  await new Promise<void>(resolve => p.startr.push(resolve))
}

export function procstart(p: Proc): void {
  if (!p.stopped) throw new PlanError(Ebadctl)
  p.stopped = false
  p.attn = p.notes.length > 0
  wakeall(p.startr)
}
