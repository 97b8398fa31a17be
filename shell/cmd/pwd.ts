import type { Program } from '../../plan9/kernel/sys.ts'
import { write } from '../../plan9/libc/bio.ts'
import { getwd } from '../../plan9/libc/env.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const pwd: Program = async sys => {
  let dir: string
  try {
    dir = await getwd(sys)
  } catch (e) {
    await eprint(sys, `pwd: ${r(e)}\n`)
    return 'getwd'
  }
  await write(sys, 1, `${dir}\n`)
  return ''
}
export default pwd
