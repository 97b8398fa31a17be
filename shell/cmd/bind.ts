import { MAFTER, MBEFORE, MCREATE, type Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: bind [-b|-a|-c|-bc|-ac] new old'

const bind: Program = async (sys, argv) => {
  let flag = 0
  let quiet = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'a') flag |= MAFTER
    else if (c === 'b') flag |= MBEFORE
    else if (c === 'c') flag |= MCREATE
    else if (c === 'q') quiet = true
    else await usage(sys, help)
  }
  const [newname, old] = arg.argv
  if (arg.argv.length !== 2 || (flag & MAFTER && flag & MBEFORE)) await usage(sys, help)
  try {
    await sys.bind(newname!, old!, flag)
    return ''
  } catch (e) {
    const err = r(e)
    if (quiet) return ''
    // A name that is not there makes a less confusing message than bind's own.
    for (const name of [newname!, old!]) {
      try {
        await sys.stat(name)
      } catch (e) {
        await eprint(sys, `bind: ${name}: ${r(e)}\n`)
        return 'bind'
      }
    }
    await eprint(sys, `bind ${newname} ${old}: ${err}\n`)
    return 'bind'
  }
}
export default bind
