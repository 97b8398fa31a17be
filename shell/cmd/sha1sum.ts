import { sha1 } from '@noble/hashes/legacy.js'
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { sysfatal } from '../../plan9/libc/sysfatal.ts'
import { digests } from './sum/digest.ts'

const help = 'usage: sha1sum [-2 bits] [file...]'
const sha2 = new Map([sha224, sha256, sha384, sha512].map(h => [8 * h.outputLen, h]))

const sha1sum: Program = async (sys, argv) => {
  let hash: { create(): ReturnType<typeof sha1.create | typeof sha512.create> } = sha1
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c !== '2') await usage(sys, help)
    const bits = atoi(arg.argf() ?? (await usage(sys, help)))
    hash = sha2.get(bits) ?? (await sysfatal(sys, arg.argv0, `unknown number of sha2 bits: ${bits}`))
  }
  return digests(sys, arg.argv0, arg.argv, () => hash.create())
}
export default sha1sum
