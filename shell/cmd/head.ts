import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: head [-n count | -count] [file ...]'

async function head1(sys: Sys, fd: number, out: Bout, count: number): Promise<void> {
  const b = new Bin(sys, fd)
  for (; count > 0; count--) {
    const line = await b.rdline()
    if (line === undefined) break
    await out.write(line)
  }
  await out.flush()
}

const head: Program = async (sys, argv) => {
  const args = argv.slice(1)
  let count = 10
  while (args[0] !== undefined && args[0].length > 1 && args[0][0] === '-') {
    const a = args.shift()!
    if (a === '--') break
    const n = /^-n?(\d*)$/.exec(a)
    const v = n === null ? undefined : n[1] || args.shift()
    if (v === undefined || !/^\d+$/.test(v)) await usage(sys, help)
    count = Number(v)
  }
  const out = new Bout(sys, 1)
  if (args.length === 0) await head1(sys, 0, out, count)
  let status = ''
  for (const [i, name] of args.entries()) {
    try {
      const fd = await sys.open(name, OREAD)
      if (args.length > 1) await out.write(`${i > 0 ? '\n' : ''}==> ${name} <==\n`)
      await head1(sys, fd, out, count)
      await sys.close(fd)
    } catch (e) {
      await eprint(sys, `head: can't open ${name}: ${r(e)}\n`)
      status = 'open'
    }
  }
  return status
}
export default head
