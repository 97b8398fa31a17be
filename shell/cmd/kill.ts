import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { write } from '../../plan9/libc/bio.ts'
import { getenv } from '../../plan9/libc/env.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'
import { processes, type Status } from './ps.ts'

/** Prints commands for some of the user's processes. */
export async function commands(
  sys: Sys,
  argv0: string,
  user: string | undefined,
  pick: (p: Status) => boolean,
  command: (p: Status) => string,
): Promise<string> {
  user ??= (await getenv(sys, 'user')) ?? sys.user
  let all: Status[]
  try {
    all = await processes(sys)
  } catch (e) {
    await eprint(sys, `${argv0}: /proc: ${r(e)}\n`)
    return '/proc'
  }
  const lines = all.filter(p => p.user === user && pick(p)).map(p => `${command(p)} # ${p.text}\n`)
  if (lines.length > 0) await write(sys, 1, lines.join(''))
  return ''
}

const kill: Program = async (sys, argv) => {
  for (const name of argv.slice(1)) {
    const status = await commands(
      sys,
      'kill',
      undefined,
      p => p.text === name,
      p => `echo kill>/proc/${p.pid}/note`,
    )
    if (status !== '') return status
  }
  return ''
}
export default kill
