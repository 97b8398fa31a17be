import { ORCLOSE, OWRITE } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import type { Transport } from '../../plan9/9p/transport.ts'
import { ramfs as ramfsSrv, Tree } from '../../plan9/9p/tree.ts'
import {
  MAFTER,
  MBEFORE,
  MCREATE,
  MREPL,
  type Program,
  RFFDG,
  RFNAMEG,
  RFNOTEG,
  RFNOWAIT,
  RFPROC,
  type Sys,
} from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { chatty } from '../../plan9/libc/chatty.ts'
import { fdTransport } from '../../plan9/libc/fdtransport.ts'
import { attempt, r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const ramfs: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const help = `usage: ${arg.argv0} [-Dipsubac] [-m mountpoint] [-S srvname]`
  let srvname: string | undefined
  let mtpt: string | undefined = '/tmp'
  let flags = 0
  let stdio = false
  let debug = false
  for (const c of arg) {
    switch (c) {
      case 'D':
        debug = true
        break
      case 's':
        srvname = 'ramfs'
        mtpt = undefined
        break
      case 'S':
        srvname = arg.argf() ?? (await usage(sys, help))
        mtpt = undefined
        break
      case 'm':
        mtpt = arg.argf() ?? (await usage(sys, help))
        break
      case 'i':
        stdio = true
        break
      case 'p':
      case 'u':
        break
      case 'b':
        flags |= MBEFORE
        break
      case 'c':
        flags |= MCREATE
        break
      case 'a':
        flags |= MAFTER
        break
      default:
        await usage(sys, help)
    }
  }
  if (arg.argv.length > 0) await usage(sys, help)
  const fs = ramfsSrv(new Tree(sys.user, 0o777))
  const chat = (s: Sys, t: Transport) => (debug ? chatty(s, t) : t)
  if (stdio) {
    await serve(chat(sys, fdTransport(sys, 0, 1)), fs).closed
    return ''
  }
  const [ours, theirs] = await sys.pipe()
  /** The server keeps it open: it goes with that. */
  let entry = -1
  try {
    if (srvname !== undefined) {
      entry = await sys.create(`/srv/${srvname}`, OWRITE | ORCLOSE, 0o600)
      await write(sys, entry, String(theirs))
    }
  } catch (e) {
    return sysfatal(sys, arg.argv0, `postsrv: create(/srv/${srvname}): ${r(e)}`)
  }
  await sys.rfork(RFPROC | RFFDG | RFNAMEG | RFNOTEG | RFNOWAIT, async child => {
    for (const fd of [theirs, 0, 1]) await attempt(child.close(fd))
    await serve(chat(child, fdTransport(child, ours)), fs, { name: arg.argv0 }).closed
    return ''
  })
  if (entry >= 0) await sys.close(entry)
  await sys.close(ours)
  if (mtpt === undefined) return ''
  try {
    await sys.mount(theirs, -1, mtpt, flags === 0 ? MREPL | MCREATE : flags, '')
  } catch (e) {
    return sysfatal(sys, arg.argv0, `mount ${mtpt}: ${r(e)}`)
  }
  return ''
}
export default ramfs
