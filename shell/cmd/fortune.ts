import { OREAD } from '../../plan9/9p/const.ts'
import type { Program } from '../../plan9/kernel/sys.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { attempt } from '../../plan9/libc/sysfatal.ts'

const fortune: Program = async (sys, argv) => {
  const out = new Bout(sys, 1)
  const fd = await attempt(sys.open(argv[1] ?? '/lib/fortunes', OREAD))
  if (fd === undefined) {
    await out.write('Misfortune!\n')
    await out.flush()
    return 'misfortune'
  }
  const b = new Bin(sys, fd)
  let choice: Uint8Array = new Uint8Array(0)
  // The i'th line takes the place of the one before with a chance of 1 in i, so that all have the same in the end.
  for (let i = 1; ; i++) {
    const line = await b.rdline()
    if (line === undefined) break
    if (Math.random() * i < 1) choice = line.slice()
  }
  await out.write(choice)
  if (choice.at(-1) !== 0x0a) await out.write('\n')
  await out.flush()
  return ''
}
export default fortune
