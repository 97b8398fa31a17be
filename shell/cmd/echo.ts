import type { Program } from '../../plan9/kernel/sys.ts'
import { write } from '../../plan9/libc/bio.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const echo: Program = async (sys, argv) => {
  const nflag = argv[1] === '-n'
  try {
    await write(sys, 1, argv.slice(nflag ? 2 : 1).join(' ') + (nflag ? '' : '\n'))
  } catch (e) {
    await eprint(sys, `echo: write error: ${r(e)}\n`)
    return 'write error'
  }
  return ''
}
export default echo
