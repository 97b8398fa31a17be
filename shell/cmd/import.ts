import { DMDIR, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { MAFTER, MBEFORE, MCACHE, MCREATE, MREPL, type Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { dial, netmkaddr } from './dial.ts'

const help = 'usage: import [-abcCnpq] [-s name] host tree [mountpoint]'

/**
 * A directory of another system's, whose exportfs is called. That one serves from a root of its own choice, so a tree
 * below it is bound from where all of it is mounted for the moment.
 */
const importp: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const mounts: Record<string, number> = { a: MAFTER, b: MBEFORE, c: MCREATE, C: MCACHE }
  let flag = MREPL
  let quiet = false
  let srvname: string | undefined
  for (const c of arg) {
    if (mounts[c] !== undefined) flag |= mounts[c]
    else if (c === 'q') quiet = true
    else if (c === 's') srvname = arg.argf() ?? (await usage(sys, help))
    else if (c === 'p') return sysfatal(sys, arg.argv0, '-p: aan: file does not exist')
    else if (c !== 'n') await usage(sys, help)
  }
  const [host, tree, mtpt = tree] = arg.argv
  if (host === undefined || tree === undefined || arg.argv.length > 3 || (flag & MAFTER && flag & MBEFORE))
    return usage(sys, help)
  const fail = async (msg: string, status: string) => {
    if (quiet) return ''
    await eprint(sys, `${arg.argv0}: ${msg}\n`)
    return status
  }

  const addr = netmkaddr(host, 'net', 'exportfs')
  let fd: number
  try {
    fd = await dial(sys, addr)
  } catch (e) {
    return fail(`dial ${addr}: ${r(e)}`, 'dial')
  }
  if (srvname !== undefined)
    try {
      const f = await sys.create(`/srv/${srvname}`, OWRITE, 0o600)
      await write(sys, f, String(fd))
      await sys.close(f)
    } catch (e) {
      return fail(`create /srv/${srvname}: ${r(e)}`, 'post')
    }
  const below = tree.split('/').filter(e => e !== '' && e !== '.')
  try {
    if (below.length === 0) await sys.mount(fd, -1, mtpt!, flag, '')
    else {
      const all = `/tmp/import.${sys.pid}`
      await sys.close(await sys.create(all, OREAD, DMDIR + 0o700))
      try {
        await sys.mount(fd, -1, all, MREPL | (flag & MCACHE), '')
        try {
          await sys.bind([all, ...below].join('/'), mtpt!, flag & ~MCACHE)
        } finally {
          await sys.unmount(undefined, all)
        }
      } finally {
        await sys.remove(all)
      }
    }
  } catch (e) {
    return fail(`mount ${mtpt}: ${r(e)}`, 'mount')
  }
  return ''
}
export default importp
