import type { Program } from '../../plan9/kernel/sys.ts'
import { usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'

const basename: Program = async (sys, argv) => {
  const args = argv.slice(1)
  const dflag = args[0] === '-d'
  if (dflag) args.shift()
  const [name, suffix] = args
  if (args.length < 1 || args.length > 2) await usage(sys, 'usage: basename [-d] string [suffix]')
  const i = name!.lastIndexOf('/')
  let s = dflag ? (i < 0 ? '.' : name!.slice(0, i)) : name!.slice(i + 1)
  if (!dflag && suffix !== undefined && s.endsWith(suffix)) s = s.slice(0, s.length - suffix.length)
  await write(sys, 1, `${s}\n`)
  return ''
}
export default basename
