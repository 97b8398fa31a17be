import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { cleanname } from '../../plan9/libc/dirread.ts'

const help = 'usage: cleanname [-d pwd] name...'

const main: Program = async (sys, argv) => {
  let dir: string | undefined
  const arg = new Arg(argv)
  for (const c of arg)
    if (c === 'd') dir = arg.argf() ?? (await usage(sys, help))
    else await usage(sys, help)
  if (arg.argv.length === 0) await usage(sys, help)
  for (const name of arg.argv)
    await write(sys, 1, `${cleanname(dir === undefined || name.startsWith('/') ? name : `${dir}/${name}`)}\n`)
  return ''
}
export default main
