import { ORDWR, OWRITE } from '../../plan9/9p/const.ts'
import {
  MAFTER,
  MBEFORE,
  MCACHE,
  MCREATE,
  MREPL,
  type Program,
  RFFDG,
  RFNOTEG,
  RFNOWAIT,
  RFPROC,
  type Sys,
} from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { AEXIST, access } from '../../plan9/libc/dirread.ts'
import { procsetuser } from '../../plan9/libc/env.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'
import { dial, netmkaddr } from './dial.ts'

/** A descriptor of a pipe that is standard input and output of a command. */
async function connectcmd(sys: Sys, cmd: string): Promise<number> {
  const [mine, theirs] = await sys.pipe()
  await sys.rfork(RFPROC | RFFDG | RFNOTEG | RFNOWAIT, async child => {
    await child.dup(theirs, 0)
    await child.dup(theirs, 1)
    await child.close(theirs)
    await child.close(mine)
    try {
      return await child.exec('/bin/rc', ['rc', '-c', cmd])
    } catch (e) {
      await eprint(child, `exec failed: ${r(e)}\n`)
      return 'exec'
    }
  })
  await sys.close(theirs)
  return mine
}

const srv: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = [
    `usage: ${arg.argv0} [-abcCmnNq] [net!]host [srvname [mtpt]]`,
    `    or ${arg.argv0} -e [-abcCmnNq] command [srvname [mtpt]]`,
    '',
  ].join('\n')
  let flag = MREPL
  let domount = false
  let reallymount = false
  let doexec = false
  let asnone = false
  let seconds = 0
  const mounts: Record<string, number> = { a: MAFTER, b: MBEFORE, c: MCREATE, C: MCACHE, m: MREPL }
  for (const c of arg) {
    if (mounts[c] !== undefined) {
      flag |= mounts[c]
      domount = reallymount = true
    } else if (c === 'q') {
      domount = true
      reallymount = false
    } else if (c === 'e') doexec = true
    else if (c === 's') seconds = atoi(arg.argf() ?? (await usage(sys, help)))
    else if (c === 'N') asnone = true
    else if (!'nr'.includes(c)) await usage(sys, help)
  }
  const [dest, srvname, mtpt] = arg.argv
  if (dest === undefined || arg.argv.length > 3 || (flag & MAFTER && flag & MBEFORE)) return usage(sys, help)
  if (mtpt !== undefined) domount = reallymount = true
  const last = dest.slice(dest.lastIndexOf('/') + 1)
  const file = `/srv/${srvname ?? last}`
  const on = mtpt ?? `/n/${last.slice(last.indexOf('!') + 1)}`
  const addr = doexec ? dest : netmkaddr(dest)

  let timeout = false
  sys.notify(note => {
    if (note === 'alarm') timeout = true
    return timeout
  })
  /** Opens what is posted, or connects and posts. Undefined: nothing is to be mounted. */
  const get = async (): Promise<number | undefined> => {
    if (await access(sys, file, AEXIST)) {
      if (!domount) {
        await eprint(sys, `srv: ${file} already exists\n`)
        return undefined
      }
      const fd = await attempt(sys.open(file, ORDWR))
      if (fd !== undefined) return fd
      await attempt(sys.remove(file))
    }
    let fd: number
    sys.alarm(10000)
    try {
      fd = doexec ? await connectcmd(sys, dest) : await dial(sys, addr)
    } catch (e) {
      const err = r(e)
      if (timeout) {
        await eprint(sys, `srv: timeout establishing connection to ${addr}\n`)
        return sys.exits('timeout')
      }
      await eprint(sys, `srv: dial ${addr}: ${err}\n`)
      return sys.exits('dial')
    }
    sys.alarm(0)
    if (seconds > 0) {
      await eprint(sys, 'sleep...')
      await sys.sleep(seconds * 1000)
    }
    await eprint(sys, 'post...\n')
    try {
      const f = await sys.create(file, OWRITE, 0o666)
      await write(sys, f, String(fd))
      await sys.close(f)
    } catch (e) {
      await eprint(sys, `srv ${addr}: create(${file}): ${r(e)}\n`)
      return sys.exits('srv: error')
    }
    return fd
  }

  for (let again = true; ; again = false) {
    const fd = await get()
    if (fd === undefined || !domount || !reallymount) return ''
    if (asnone)
      try {
        await procsetuser(sys, 'none')
      } catch (e) {
        await eprint(sys, `srv ${addr}: can't become none: ${r(e)}\n`)
        return 'becomenone'
      }
    try {
      await sys.mount(fd, -1, on, flag, '')
      return ''
    } catch (e) {
      const err = r(e)
      if (/Hangup|hungup|timed out/.test(err)) {
        await attempt(sys.remove(file))
        if (again && !asnone) continue
      }
      await eprint(sys, `srv ${addr}: mount failed: ${err}\n`)
      return 'mount'
    }
  }
}
export default srv
