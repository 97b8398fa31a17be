import { Ebadarg, Eperm, ERRMAX, PlanError } from '../error.ts'
import { utfcut } from './parse.ts'
import { NNOTE, type Note, type Noteflag, type Proc, TIMEMAX } from './portdat.ts'
import { pexit, unwind } from './proc.ts'

/** Notes: what is posted waits on the process, and is seen to when it crosses the system call boundary. */

/**
 * Posts a note. What blocks is interrupted. A process that has no handler ends here and now, with the note as its
 * status: nothing that it could still do would show. (So one that waits for something outside the kernel ends too.)
 *
 * @returns false when it cannot be posted: the process is exiting (and then waits for no close any more), or has too many
 */
export function postnote(p: Proc, msg: string, flag: Noteflag = 'user'): boolean {
  if (p.dead) {
    p.exitnow?.()
    return false
  }
  if (p.kp) return false
  const note: Note = { msg: utfcut(msg, ERRMAX - 1), flag }
  if (flag !== 'user' && (p.notify === undefined || p.notified)) p.notes = []
  if (p.notes.length >= NNOTE) return false
  if (flag === 'exit' || (p.notify === undefined && !p.notified) || (flag !== 'user' && p.notified)) {
    pexit(p, note.msg, flag === 'exit')
    return true
  }
  p.notes.push(note)
  p.attn = true
  p.procinterrupt()
  return true
}

/** To every process of a note group but `except`. */
export function postnotepg(procs: Iterable<Proc>, noteid: number, msg: string, except?: Proc): void {
  for (const p of [...procs]) if (p !== except && p.noteid === noteid) postnote(p, msg)
}

/**
 * Hands the waiting notes to the handler, one at a time, until none is left. While it runs, further notes wait; so a
 * call that the handler makes may be interrupted once, as sleep() in proc.c has it, and goes on the next time.
 *
 * @throws Unwind when a note ends the process
 */
export async function deliver(p: Proc): Promise<void> {
  p.clearinterrupt()
  if (p.notified) return
  const { gen } = p
  for (let note = p.notes.shift(); note; note = p.notes.shift()) {
    p.clearinterrupt()
    if (p.notify === undefined) pexit(p, note.msg)
    if (p.gen !== gen) throw unwind
    p.notified = true
    let goon: boolean
    try {
      goon = await p.notify!(note.msg)
    } finally {
      if (p.gen === gen) p.notified = false
    }
    if (p.gen === gen && !goon) pexit(p, note.msg)
    if (p.gen !== gen) throw unwind
  }
  p.attn = p.stopreq
}

/** Changes the note group of p: an existing one of the same user's, or its own. */
export function changenoteid(up: Proc, p: Proc, noteid: number): void {
  if (!(noteid > 0)) throw new PlanError(Ebadarg)
  if (noteid === p.noteid) return
  if (noteid !== p.pid) {
    const group = [...p.k.procs.values()].some(pp => pp.noteid === noteid && !pp.kp && pp.user === p.user)
    if (!group || (up !== p && up.user === 'none')) throw new PlanError(Eperm)
  }
  p.noteid = noteid
}

/** alarm(2): posts the note `alarm` after ms milliseconds; 0 cancels. Returns what was left of the one before. */
export function procalarm(p: Proc, ms: number): number {
  const now = performance.now()
  const left = p.alarm ? Math.max(1, Math.ceil(p.alarm.when - now)) : 0
  if (p.alarm) clearTimeout(p.alarm.timer)
  p.alarm = undefined
  if (ms > 0) {
    const timer = setTimeout(
      () => {
        p.alarm = undefined
        p.k.stats.intr++
        postnote(p, 'alarm')
      },
      Math.min(ms, TIMEMAX),
    )
    p.alarm = { timer, when: now + ms }
  }
  return left
}
