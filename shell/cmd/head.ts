import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { usage } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: head [-n count | -count] [file ...]'

/** Copies up to the count'th newline, as it comes: a line without an end takes no memory. @returns a status */
async function head1(sys: Sys, fd: number, count: number, name: string): Promise<string> {
  while (count > 0) {
    let b: Uint8Array
    try {
      b = await sys.read(fd, 8192)
    } catch (e) {
      await eprint(sys, `head: error reading ${name}: ${r(e)}\n`)
      return 'read error'
    }
    if (b.length === 0) return ''
    let end = 0
    while (count > 0 && end < b.length) {
      const i = b.indexOf(10, end)
      if (i >= 0) count--
      end = i < 0 ? b.length : i + 1
    }
    await write(sys, 1, b.subarray(0, end))
  }
  return ''
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
  if (args.length === 0) return head1(sys, 0, count, '<stdin>')
  let status = ''
  for (const [i, name] of args.entries()) {
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      await eprint(sys, `head: can't open ${name}: ${r(e)}\n`)
      status = 'open'
      continue
    }
    if (args.length > 1) await write(sys, 1, `${i > 0 ? '\n' : ''}==> ${name} <==\n`)
    const err = await head1(sys, fd, count, name)
    if (err !== '') status = err
    await sys.close(fd)
  }
  return status
}
export default head
