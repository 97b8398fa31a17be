import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const mtime: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  for (const _ of arg) await usage(sys, 'usage: mtime file...')
  let status = ''
  for (const name of arg.argv) {
    let t: number
    try {
      t = (await sys.stat(name)).mtime
    } catch (e) {
      await eprint(sys, `stat ${name}: ${r(e)}\n`)
      status = 'errors'
      continue
    }
    await write(sys, 1, `${String(t).padStart(11)} ${name}\n`)
  }
  return status
}
export default mtime
