import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bsize, write } from '../../plan9/libc/bio.ts'
import { crctab } from '../../plan9/libc/flate.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: sum [-5r] [file ...]'

/** A sum of 32 bits taken on over a block, and what is printed of it and of the length in bytes. */
interface Sum {
  add(sum: number, b: Uint8Array): number
  show(sum: number, length: number): string
}

const blocks = (sum: number, length: number, size: number) =>
  `${String(sum & 0xffff).padStart(5, '0')}${String(Math.ceil(length / size)).padStart(6)}`

/** Research's. */
const sumr: Sum = {
  add(sum, b) {
    for (let i = 0; i < b.length; i++) sum = ((sum >>> 1) + b[i]! + ((sum & 1) << 15)) & 0xffff
    return sum
  },
  show: (sum, length) => blocks(sum, length, 1024),
}

/** System V's. */
const sum5: Sum = {
  add(sum, b) {
    for (let i = 0; i < b.length; i++) sum = (sum + b[i]!) | 0
    return sum
  },
  show: (sum, length) => blocks((sum >>> 16) + (sum & 0xffff), length, 512),
}

/** The polynomial of gzip, but from 0 and not inverted; the length is summed too. */
const sum32: Sum = {
  add(sum, b) {
    for (let i = 0; i < b.length; i++) sum = crctab[(sum ^ b[i]!) & 0xff]! ^ (sum >>> 8)
    return sum
  },
  show(sum, length) {
    const n = length | 0
    sum = sum32.add(sum, Uint8Array.of((n >> 24) ^ 0xcc, (n >> 16) ^ 0x55, (n >> 8) ^ 0xcc, n ^ 0x55))
    return `${(sum >>> 0).toString(16).padStart(8, '0')} ${String(length).padStart(6)}`
  },
}

/** The message of what went wrong, printed already; '' for nothing. */
async function sumfile(sys: Sys, fn: Sum, name?: string): Promise<string> {
  const fail = async (msg: string) => {
    await eprint(sys, `sum: ${msg}\n`)
    return msg
  }
  let fd = 0
  try {
    if (name !== undefined) fd = await sys.open(name, OREAD)
  } catch (e) {
    return fail(`can't open ${name}: ${r(e)}`)
  }
  let sum = 0
  let length = 0
  try {
    for (;;) {
      const b = await sys.read(fd, Bsize)
      if (b.length === 0) break
      sum = fn.add(sum, b)
      length += b.length
    }
  } catch (e) {
    return fail(`reading ${name ?? '<stdin>'}: ${r(e)}`)
  } finally {
    if (name !== undefined) await sys.close(fd)
  }
  await write(sys, 1, `${fn.show(sum, length)}${name === undefined ? '' : ` ${name}`}\n`)
  return ''
}

const sum: Program = async (sys, argv) => {
  let fn = sum32
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'r') fn = sumr
    else if (c === '5') fn = sum5
    else await usage(sys, help)
  }
  if (arg.argv.length === 0) return sumfile(sys, fn)
  let status = ''
  for (const name of arg.argv) status = (await sumfile(sys, fn, name)) || status
  return status
}
export default sum
