import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: xd [-u] [-r] [-s] [-a{odx}] [-c|{b1w2l4v8}{odx}] ... file ...'

/** One line of output for each group of 16 bytes. */
interface Format {
  ascii: boolean
  /** Log2 of the bytes of a unit. */
  loglen: number
  base: 8 | 10 | 16
  /** Of its addresses. */
  abase: 8 | 10 | 16
}

const bases = { o: 8, d: 10, x: 16 } as const
const lens: Record<string, number> = { b: 0, '1': 0, w: 1, '2': 1, l: 2, '4': 2, v: 3, '8': 3 }
const escapes: Record<number, string> = { 9: '\\t', 13: '\\r', 10: '\\n', 8: '\\b' }

function address(n: number, base: number, first: boolean): string {
  return `${n.toString(base).padStart(7, first ? '0' : ' ')} `
}

class Xd {
  readonly out: Bout
  readonly formats: Format[] = []
  repeats = false
  little = false
  flush = false
  /** Of the formats to come, and of the last address. */
  abase: 8 | 10 | 16 = 16

  constructor(sys: Sys) {
    this.out = new Bout(sys, 1)
  }

  group(f: Format, data: Uint8Array, ndata: number): string {
    let s = ''
    if (f.ascii) {
      for (let i = 0; i < ndata; i++) {
        const c = data[i]!
        if (escapes[c] !== undefined) s += ` ${escapes[c]}`
        else if (c >= 0x7f || c < 32) s += ` ${c.toString(16).padStart(2, '0')}`
        else s += `  ${String.fromCharCode(c)}`
      }
      return s
    }
    const n = 1 << f.loglen
    const digits = (2n ** BigInt(8 * n) - 1n).toString(f.base).length
    for (let i = 0; i < ndata; i += n) {
      let v = 0n
      for (let k = 0; k < n; k++) v = (v << 8n) | BigInt(data[i + (this.little ? n - 1 - k : k)]!)
      s += ` ${v.toString(f.base).padStart(digits, '0')}`
    }
    return s
  }

  async dump(b: Bin): Promise<void> {
    const { out, formats } = this
    let at = 0
    let star = false
    let old: string | undefined
    for (;;) {
      if (this.flush) await out.flush()
      const got = await b.read(16)
      const data = new Uint8Array(16)
      data.set(got)
      if (got.length === 16 && this.repeats) {
        const s = data.join()
        if (s === old) {
          at += 16
          if (!star) await out.write('*\n')
          star = true
          continue
        }
        old = s
        star = false
      }
      let text = ''
      formats.forEach((f, i) => {
        text += `${address(at, f.abase, i === 0)}${this.group(f, data, got.length)}\n`
      })
      await out.write(text)
      at += got.length
      if (got.length < 16) break
    }
    await out.write(`${address(at, this.abase, true)}\n`)
    await out.flush()
  }
}

const xd: Program = async (sys, argv) => {
  const x = new Xd(sys)
  const args = argv.slice(1)
  while (args[0] !== undefined && args[0].length > 1 && args[0][0] === '-') {
    const a = args.shift()!.slice(1)
    if (a === 'r') x.repeats = true
    else if (a === 's') x.little = true
    else if (a === 'u') x.flush = true
    else if (/^a[odx]$/.test(a)) x.abase = bases[a[1] as 'o' | 'd' | 'x']
    else if (a === 'c') x.formats.push({ ascii: true, loglen: 0, base: 16, abase: x.abase })
    else if (/^[odxb1w2l4v8]+$/.test(a)) {
      const f: Format = { ascii: false, loglen: 2, base: 16, abase: x.abase }
      for (const c of a) {
        if (c === 'o' || c === 'd' || c === 'x') f.base = bases[c]
        else f.loglen = lens[c]!
      }
      x.formats.push(f)
    } else await usage(sys, help)
    if (x.formats.length >= 10) {
      await eprint(sys, 'xd: too many formats (max 10)\n')
      return 'usage'
    }
  }
  if (x.formats.length === 0) x.formats.push({ ascii: false, loglen: 2, base: 16, abase: x.abase })
  if (args.length === 0) await x.dump(new Bin(sys, 0))
  let status = ''
  for (const name of args) {
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      r(e)
      await eprint(sys, `xd: can't open ${name}\n`)
      status = 'error'
      continue
    }
    if (args.length > 1) await x.out.write(`${name}\n`)
    await x.dump(new Bin(sys, fd))
    await sys.close(fd)
  }
  return status
}
export default xd
