import type { Program } from '../../plan9/kernel/sys.ts'
import { argv0, usage } from '../../plan9/libc/arg.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const unmount: Program = async (sys, argv) => {
  if (argv.length !== 2 && argv.length !== 3)
    await usage(sys, 'usage: unmount mountpoint\n       unmount mounted mountpoint')
  const old = argv[argv.length - 1]!
  try {
    await sys.unmount(argv.length === 3 ? argv[1] : undefined, old)
  } catch (e) {
    return sysfatal(sys, argv0(argv), `${old}: ${r(e)}`)
  }
  return ''
}
export default unmount
