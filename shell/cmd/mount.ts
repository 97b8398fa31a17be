import { ORDWR } from '../../plan9/9p/const.ts'
import { MAFTER, MBEFORE, MCACHE, MCREATE, MREPL, type Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { procsetuser } from '../../plan9/libc/env.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: mount [-a|-b] [-cCnNq] [-k keypattern] /srv/service dir [spec]'

const mount: Program = async (sys, argv) => {
  let flag = MREPL
  let quiet = false
  let asnone = false
  const arg = new Arg(argv)
  const { argv0 } = arg
  for (const c of arg) {
    if (c === 'a') flag |= MAFTER
    else if (c === 'b') flag |= MBEFORE
    else if (c === 'c') flag |= MCREATE
    else if (c === 'C') flag |= MCACHE
    else if (c === 'q') quiet = true
    else if (c === 'N') asnone = true
    else if (c === 'k') arg.argf() ?? (await usage(sys, help))
    else if (c !== 'n') await usage(sys, help)
  }
  const [srv, dir, spec] = arg.argv
  if (arg.argv.length < 2 || arg.argv.length > 3 || (flag & MAFTER && flag & MBEFORE)) await usage(sys, help)
  const fail = async (msg: string, status: string) => {
    if (quiet) return ''
    await eprint(sys, `${argv0}: ${msg}\n`)
    return status
  }
  let fd: number
  try {
    fd = await sys.open(srv!, ORDWR)
  } catch (e) {
    return fail(`can't open ${srv}: ${r(e)}`, 'open')
  }
  sys.notify(async note => {
    await eprint(sys, `${argv0}: ${note}\n`)
    return false
  })
  if (asnone) {
    try {
      await procsetuser(sys, 'none')
    } catch (e) {
      return fail(`can't become none: ${r(e)}`, 'becomenone')
    }
  }
  try {
    await sys.mount(fd, -1, dir!, flag, spec ?? '')
  } catch (e) {
    return fail(`mount ${dir}: ${r(e)}`, 'mount')
  }
  return ''
}
export default mount
