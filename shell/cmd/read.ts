import { concat } from '../../plan9/9p/bit.ts'
import { OREAD } from '../../plan9/9p/const.ts'
import { Enovmem, PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Memmax, write } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { chartorune, fullrune } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: read [ -m | -n nlines | -c nbytes | -r nrunes ] [ file ... ]'

class Read {
  readonly sys: Sys
  multi = false
  count = 0
  status = ''

  constructor(sys: Sys) {
    this.sys = sys
  }

  async read(fd: number, n: number, file: string): Promise<Uint8Array> {
    try {
      return await this.sys.read(fd, n)
    } catch (e) {
      await eprint(this.sys, `read: error reading ${file}: ${r(e)}\n`)
      return this.sys.exits('read error')
    }
  }

  /** One line, a byte at a time so that the next program finds the rest. False at the end of the file. */
  async line(fd: number, file: string): Promise<boolean> {
    let buf = new Uint8Array(256)
    let n = 0
    for (;;) {
      const b = await this.read(fd, 1, file)
      if (b.length === 0) {
        if (n === 0) this.status = 'eof'
        break
      }
      if (n === buf.length) {
        if (n >= Memmax) throw new PlanError(Enovmem)
        const bigger = new Uint8Array(2 * n)
        bigger.set(buf)
        buf = bigger
      }
      buf[n++] = b[0]!
      if (b[0] === 10) break
    }
    if (n > 0) await write(this.sys, 1, buf.subarray(0, n))
    return n > 0
  }

  async lines(fd: number, file: string): Promise<void> {
    do {
      if (!(await this.line(fd, file))) break
    } while (this.multi || --this.count > 0)
  }

  async chars(fd: number, file: string): Promise<void> {
    for (let m = 0; m < this.count; ) {
      const b = await this.read(fd, Math.min(8192, this.count - m), file)
      if (b.length === 0) {
        if (m === 0) this.status = 'eof'
        break
      }
      m += b.length
      await write(this.sys, 1, b)
    }
  }

  async runes(fd: number, file: string): Promise<void> {
    while (this.count > 0) {
      // No rune is shorter than a byte: so many do not go past the last one.
      let buf = await this.read(fd, Math.min(8192, this.count), file)
      if (buf.length === 0) return
      for (let i = 0; i < buf.length; this.count--) {
        while (!fullrune(buf, i)) {
          const b = await this.read(fd, 1, file)
          if (b.length === 0) {
            await eprint(this.sys, `warning: partial rune at end of ${file}\n`)
            await write(this.sys, 1, buf)
            return
          }
          buf = concat([buf, b])
        }
        i += chartorune(buf, i) & 7
      }
      await write(this.sys, 1, buf)
    }
  }
}

const read: Program = async (sys, argv) => {
  const rd = new Read(sys)
  let proc: 'lines' | 'chars' | 'runes' = 'lines'
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'm') rd.multi = true
    else if (c === 'c' || c === 'r' || c === 'n') {
      rd.count = atoi(arg.argf() ?? (await usage(sys, help)))
      if (c !== 'n') proc = c === 'c' ? 'chars' : 'runes'
    } else await usage(sys, help)
  }
  if (arg.argv.length === 0) await rd[proc](0, '<stdin>')
  for (const file of arg.argv) {
    let fd: number
    try {
      fd = await sys.open(file, OREAD)
    } catch (e) {
      await eprint(sys, `read: can't open ${file}: ${r(e)}\n`)
      return 'open'
    }
    await rd[proc](fd, file)
    await sys.close(fd)
  }
  return rd.status
}
export default read
