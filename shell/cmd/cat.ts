import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Bsize, write } from '../../plan9/libc/bio.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

async function copy(sys: Sys, fd: number, name: string): Promise<void> {
  for (;;) {
    let b: Uint8Array
    try {
      b = await sys.read(fd, Bsize)
    } catch (e) {
      return sysfatal(sys, 'cat', `error reading ${name}: ${r(e)}`)
    }
    if (b.length === 0) return
    try {
      await write(sys, 1, b)
    } catch (e) {
      return sysfatal(sys, 'cat', `write error copying ${name}: ${r(e)}`)
    }
  }
}

const cat: Program = async (sys, argv) => {
  if (argv.length === 1) await copy(sys, 0, '<stdin>')
  for (const name of argv.slice(1)) {
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      return sysfatal(sys, 'cat', `can't open ${name}: ${r(e)}`)
    }
    await copy(sys, fd, name)
    await sys.close(fd)
  }
  return ''
}
export default cat
