import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { strtoll } from '../../plan9/libc/fmt.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { CTIME, now, type Tzone, tmfmt, tmtime, tzload } from '../../plan9/libc/tm.ts'

const help = 'usage: date [-itun] [-f fmt] [seconds]'

const date: Program = async (sys, argv) => {
  let fmt = CTIME
  let nflag = false
  let uflag = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'n') nflag = true
    else if (c === 'u') uflag = true
    else if (c === 't') fmt = 'YYYY-MM-DDThh:mm:ssZZ'
    else if (c === 'i') fmt = 'YYYY-MM-DD'
    else if (c === 'f') fmt = arg.argf() ?? (await usage(sys, help))
    else await usage(sys, help)
  }
  if (arg.argv.length > 1) await usage(sys, help)
  const t = arg.argv[0] === undefined ? await now(sys) : { sec: strtoll(arg.argv[0]).value, nsec: 0 }
  let tz: Tzone | undefined
  if (!uflag)
    try {
      tz = await tzload(sys, 'local')
    } catch (e) {
      return sysfatal(sys, 'date', `timezone: ${r(e)}`)
    }
  let s: string
  try {
    s = nflag ? String(t.sec) : tmfmt(tmtime(t.sec, tz, t.nsec), fmt)
  } catch (e) {
    return sysfatal(sys, 'date', r(e))
  }
  await write(sys, 1, `${s}\n`)
  return ''
}
export default date
