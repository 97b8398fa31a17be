import { OWRITE } from '../plan9/9p/const.ts'
import { PlanError } from '../plan9/error.ts'
import type { Sys } from '../plan9/kernel/sys.ts'

/** Commands of other systems that Plan 9 has not, and its way to the same: a command, or what begins with ^, a key. */
export const hints: Readonly<Record<string, string>> = {
  bash: 'rc',
  clear: '^L',
  cut: "awk '{print $2}' FILE",
  emacs: 'ed FILE',
  env: 'ls /env',
  export: 'NAME=VALUE',
  find: 'du -a DIRECTORY | grep NAME',
  hostname: 'cat /dev/sysname',
  killall: 'slay NAME | rc',
  less: 'p FILE',
  ln: 'bind NEW OLD',
  more: 'p FILE',
  nano: 'ed FILE',
  nl: "awk '{print NR, $0}' FILE",
  pkill: 'slay NAME | rc',
  printenv: 'ls /env',
  readlink: 'ns',
  reset: '^L',
  rev: 'awk \'{for(i = length; i > 0; i--) printf "%s", substr($0, i, 1); print ""}\' FILE',
  rmdir: 'rm DIRECTORY',
  sh: 'rc',
  source: '. FILE',
  tac: 'tail -r FILE',
  top: 'ps',
  tree: 'du -a DIRECTORY',
  unset: 'NAME=()',
  vi: 'ed FILE',
  vim: 'ed FILE',
  wget: 'hget URL',
  which: 'whatis NAME',
  whoami: 'cat /dev/user',
  xargs: 'COMMAND `{OTHER COMMAND}',
}

/** Has the console tell Plan 9's way to what `name` does elsewhere, if there is one; it does so in comfort mode only. */
export async function hint(sys: Sys, name: string): Promise<void> {
  if (!Object.hasOwn(hints, name)) return
  try {
    const fd = await sys.open('/dev/consctl', OWRITE)
    try {
      await sys.write(fd, `hint Plan 9 has no ${name}; here: ${hints[name]}`)
    } finally {
      await sys.close(fd)
    }
  } catch (e) {
    if (!(e instanceof PlanError)) throw e
  }
}
