import { Ebadarg, Eintr, Enoproc, Enoprocs, Eperm, PlanError } from '../error.ts'
import { envcpy } from './devenv.ts'
import { postnote, postnotepg } from './note.ts'
import { closeegrp, closefgrp, closepgrp, closergrp, dupfgrp, pgrpcpy } from './pgrp.ts'
import { Egrp, Pgrp, type Proc, Rgrp, TIMEMAX } from './portdat.ts'
import { launch, newproc } from './proc.ts'
import {
  PNGROUP,
  RFCENVG,
  RFCFDG,
  RFCNAMEG,
  RFENVG,
  RFFDG,
  RFMEM,
  RFNAMEG,
  RFNOMNT,
  RFNOTEG,
  RFNOWAIT,
  RFPROC,
  RFREND,
  type Sys,
} from './sys.ts'

/** Processes at once, at most: conf.nproc. */
export const NPROC = 2000

/** The devices that RFNOMNT leaves: pipes, fds, the environment, the console, processes. */
const nomntdevs = '|decp'

/**
 * Differs: a child has no note handler until it calls notify. The parent's is a function of the parent's program.
 *
 * @throws PlanError Ebadarg for contradicting flags, a child without RFPROC, RFMEM or RFNOWAIT without RFPROC; Enoprocs
 */
export function sysrfork(up: Proc, flag: number, child?: (sys: Sys) => Promise<string>): number {
  for (const both of [RFFDG | RFCFDG, RFNAMEG | RFCNAMEG, RFENVG | RFCENVG])
    if ((flag & both) === both) throw new PlanError(Ebadarg)
  if (!(flag & RFPROC)) {
    if (flag & (RFMEM | RFNOWAIT) || child) throw new PlanError(Ebadarg)
    const { fgrp, pgrp, rgrp, egrp } = up
    split(up, up, flag)
    if (up.fgrp !== fgrp) void closefgrp(fgrp!)
    if (up.pgrp !== pgrp) closepgrp(pgrp!)
    if (up.rgrp !== rgrp) closergrp(rgrp!)
    if (up.egrp !== egrp) closeegrp(egrp!)
    if (flag & RFNOTEG) up.noteid = up.pid
    return 0
  }
  if (!child) throw new PlanError(Ebadarg)
  if (up.k.procs.size >= NPROC) throw new PlanError(Enoprocs)

  const p = newproc(up.k, up.user)
  if (!(flag & RFNOTEG)) p.noteid = up.noteid
  p.parentpid = up.pid
  p.text = up.text
  p.cons = up.cons
  p.hang = up.hang
  p.procmode = up.procmode
  p.basepri = p.priority = up.basepri
  p.image = up.image
  for (const c of [(p.slash = up.slash), (p.dot = up.dot), (p.textc = up.textc)]) if (c) c.ref++
  split(p, up, flag)
  if (p.fgrp === up.fgrp) p.fgrp!.ref++
  if (p.pgrp === up.pgrp) p.pgrp!.ref++
  if (p.rgrp === up.rgrp) p.rgrp!.ref++
  if (p.egrp === up.egrp) p.egrp!.ref++
  if (!(flag & RFNOWAIT)) {
    p.parent = up
    up.nchild++
  }
  launch(p, child)
  return p.pid
}

/** Gives p the groups of up, or where the flags say so copies or empty ones. Counts no references. */
function split(p: Proc, up: Proc, flag: number): void {
  const { fgrp, pgrp, rgrp, egrp } = up
  p.fgrp = flag & RFFDG ? dupfgrp(fgrp) : flag & RFCFDG ? dupfgrp() : fgrp
  p.pgrp = pgrp
  if (flag & (RFNAMEG | RFCNAMEG)) {
    p.pgrp = new Pgrp()
    if (flag & RFNAMEG) pgrpcpy(p.pgrp, pgrp!)
    p.pgrp.notallowed = new Set(pgrp!.notallowed)
  }
  if (flag & RFNOMNT) for (const dc of up.k.devtab.keys()) if (!nomntdevs.includes(dc)) p.pgrp!.notallowed.add(dc)
  p.rgrp = flag & RFREND ? new Rgrp() : rgrp
  p.egrp = egrp
  if (flag & (RFENVG | RFCENVG)) {
    p.egrp = new Egrp()
    if (flag & RFENVG) envcpy(p.egrp, egrp!)
  }
}

/** 0 lets everything else that can run go first. */
export function syssleep(up: Proc, ms: number): Promise<void> {
  const { signal } = up
  if (ms <= 0) return yieldq()
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new PlanError(Eintr))
    const aborted = () => {
      clearTimeout(timer)
      reject(new PlanError(Eintr))
    }
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', aborted)
        up.k.stats.intr++
        resolve()
      },
      Math.min(ms, TIMEMAX),
    )
    signal.addEventListener('abort', aborted, { once: true })
  })
}

/** Those who yield, until a message comes round. (A timer of 0 ms takes up to 4.) */
let yielders: (() => void)[] = []
/**
 * Two channels in turn: Node hands over up to 1000 messages of one channel, those posted meanwhile included, before its
 * timers and its input get their turn.
 */
const channels: MessageChannel[] = []

export function yieldq(): Promise<void> {
  return new Promise(resolve => {
    yielders.push(resolve)
    if (yielders.length > 1) return
    if (channels.length === 0) channels.push(new MessageChannel(), new MessageChannel())
    channels.reverse()
    const { port1, port2 } = channels[0]!
    // The listener goes when nobody waits: in Node it would keep the host running.
    port1.onmessage = () => {
      port1.onmessage = null
      const all = yielders
      yielders = []
      for (const wake of all) wake()
    }
    port2.postMessage(0)
  })
}

/**
 * Swaps values with the other process that comes to the tag.
 *
 * Differs: an interrupted one rejects with Eintr, where C's has ~0.
 */
export function sysrendezvous(up: Proc, tag: unknown, value: unknown): unknown {
  const rend = up.rgrp!.rend
  const other = rend.get(tag)
  if (other) {
    rend.delete(tag)
    other.wake(value)
    return other.value
  }
  const { signal } = up
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new PlanError(Eintr))
    const me = {
      value,
      wake: (v: unknown) => {
        signal.removeEventListener('abort', aborted)
        resolve(v)
      },
    }
    const aborted = () => {
      if (rend.get(tag) === me) rend.delete(tag)
      reject(new PlanError(Eintr))
    }
    rend.set(tag, me)
    signal.addEventListener('abort', aborted, { once: true })
  })
}

/** As postnote(2): a group is that of process pid, and leaves out the caller. */
export function syspostnote(up: Proc, kind: number, pid: number, note: string): void {
  const p = up.k.procs.get(pid)
  if (!p || p.dead) throw new PlanError(Enoproc)
  if (p.kp || (up.user !== p.user && up.user !== up.k.eve)) throw new PlanError(Eperm)
  if (kind === PNGROUP) postnotepg(up.k.procs.values(), p.noteid, note, up)
  else if (!postnote(p, note)) throw new PlanError('note not posted')
}
