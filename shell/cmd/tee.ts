import { OWRITE } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bsize } from '../../plan9/libc/bio.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'

const tee: Program = async (sys, argv) => {
  let aflag = false
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'a') aflag = true
    else if (c === 'i') sys.notify(note => note === 'interrupt')
    else if (c !== 'u') await usage(sys, 'usage: tee [-ai] [file ...]')
  }
  const fds: number[] = []
  for (const name of arg.argv) {
    try {
      let fd = aflag ? await attempt(sys.open(name, OWRITE)) : undefined
      fd ??= await sys.create(name, OWRITE, 0o666)
      if (aflag) await sys.seek(fd, 0, 2)
      fds.push(fd)
    } catch (e) {
      await eprint(sys, `tee: cannot open ${name}: ${r(e)}\n`)
    }
  }
  for (;;) {
    let b: Uint8Array | undefined
    try {
      b = await sys.read(0, Bsize)
    } catch (e) {
      r(e)
      return ''
    }
    if (b.length === 0) return ''
    for (const fd of fds) await attempt(sys.write(fd, b.slice()))
    await attempt(sys.write(1, b))
  }
}
export default tee
