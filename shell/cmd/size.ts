import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { crackhdr, Hdrmax } from '../../plan9/libc/aout.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

async function size(sys: Sys, out: Bout, file: string): Promise<boolean> {
  try {
    const fd = await sys.open(file, OREAD)
    const f = crackhdr(await new Bin(sys, fd).read(Hdrmax))
    await sys.close(fd)
    if (f !== undefined) {
      await out.write(`${f.text}t + ${f.data}d + ${f.bss}b = ${f.text + f.data + f.bss}\t${file}\n`)
      return true
    }
    await eprint(sys, `size: ${file} not an a.out\n`)
  } catch (e) {
    await eprint(sys, `size: ${file}: ${r(e)}\n`)
  }
  return false
}

const main: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  for (const _ of arg) await usage(sys, 'usage: size [a.out ...]')
  const out = new Bout(sys, 1)
  let ok = true
  for (const file of arg.argv.length === 0 ? ['8.out'] : arg.argv) ok = (await size(sys, out, file)) && ok
  await out.flush()
  return ok ? '' : 'error'
}
export default main
