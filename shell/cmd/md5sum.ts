import { md5 } from '@noble/hashes/legacy.js'
import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { digests } from './sum/digest.ts'

const md5sum: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  for (const _ of arg) await usage(sys, 'usage: md5sum [file...]')
  return digests(sys, arg.argv0, arg.argv, () => md5.create())
}
export default md5sum
