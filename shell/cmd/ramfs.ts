import { serve } from '../../plan9/9p/server.ts'
import { ramfs as ramfsSrv, Tree } from '../../plan9/9p/tree.ts'
import { MAFTER, MBEFORE, MCREATE, MREPL, type Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { chatty } from '../../plan9/libc/chatty.ts'
import { fdTransport } from '../../plan9/libc/fdtransport.ts'
import { startsrv } from '../../plan9/libc/postsrv.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

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
  if (stdio) {
    const t = fdTransport(sys, 0, 1)
    await serve(debug ? chatty(sys, t) : t, fs).closed
    return ''
  }
  let fd: number
  try {
    ;({ fd } = await startsrv(sys, srvname, fs, { name: arg.argv0, chatty: debug }))
  } catch (e) {
    return sysfatal(sys, arg.argv0, `postsrv: ${srvname === undefined ? '' : `create(/srv/${srvname}): `}${r(e)}`)
  }
  if (mtpt === undefined) return ''
  try {
    await sys.mount(fd, -1, mtpt, flags === 0 ? MREPL | MCREATE : flags, '')
  } catch (e) {
    return sysfatal(sys, arg.argv0, `mount ${mtpt}: ${r(e)}`)
  }
  return ''
}
export default ramfs
