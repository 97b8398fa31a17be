import { PlanError } from '../plan9/error.ts'
import type { Sys } from '../plan9/kernel/sys.ts'

/**
 * A redirection that holds for the commands being run, newest first. rc itself keeps its file descriptors where they
 * are; a command's process applies the list just before it becomes that command.
 */
export interface Redir {
  /** open: `from` becomes `to` and goes away; dup: `to` becomes a copy of `from`; close: `from` goes away. */
  type: 'open' | 'dup' | 'close' | 'none'
  from: number
  to: number
  next: Redir | undefined
}

/** Carries the redirections out, oldest first; one that fails is passed over. */
export async function apply(sys: Sys, redir: Redir | undefined): Promise<void> {
  const list: Redir[] = []
  for (let r = redir; r; r = r.next) list.push(r)
  for (const r of list.reverse()) {
    try {
      if (r.type === 'dup') await sys.dup(r.from, r.to)
      else if (r.type === 'close') await sys.close(r.from)
      else if (r.type === 'open' && r.from !== r.to) {
        await sys.dup(r.from, r.to)
        await sys.close(r.from)
      }
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
  }
}

/** Where a built-in command finds what would be `fd` for another; -1 when that is closed. */
export function mapfd(redir: Redir | undefined, fd: number): number {
  let n = fd
  for (let r = redir; r; r = r.next) {
    if (r.type === 'close' ? r.from === n : r.type !== 'none' && r.to === n) n = r.type === 'close' ? -1 : r.from
  }
  return n
}

export function copyredir(redir: Redir | undefined): Redir | undefined {
  return redir && { ...redir, next: copyredir(redir.next) }
}
