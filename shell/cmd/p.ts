import { OREAD } from '../../plan9/9p/const.ts'
import { type Program, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { text } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

/** Lines on a page: three are a page of nroff's. */
const DEF = 22
const NL = 10

class Pager {
  pglen = DEF
  readonly #sys: Sys
  readonly #out: Bout
  readonly #cons: Bin

  constructor(sys: Sys, cons: number) {
    this.#sys = sys
    this.#out = new Bout(sys, 1)
    this.#cons = new Bin(sys, cons)
  }

  /** Waits until the user wants the next page. */
  async #getcmd(): Promise<void> {
    const sys = this.#sys
    for (;;) {
      const line = await this.#cons.rdline()
      const cmd = line && text(line).replace(/\n$/, '')
      if (cmd === undefined || cmd.startsWith('q')) await sys.exits('')
      if (!cmd!.startsWith('!')) return
      const pid = await sys.rfork(RFPROC | RFFDG, async child => {
        await child.dup(this.#cons.fd, 0)
        return child.exec('/bin/rc', ['rc', '-c', cmd!.slice(1)])
      })
      while ((await sys.wait()).pid !== pid);
    }
  }

  async print(fd: number): Promise<void> {
    const out = this.#out
    const b = new Bin(this.#sys, fd)
    let lines = 0
    for (;;) {
      const buf = await b.chunk()
      if (buf.length === 0) break
      let at = 0
      for (let nl = buf.indexOf(NL); nl >= 0; nl = buf.indexOf(NL, at)) {
        // The user's newline ends the last line of a page.
        const last = ++lines === this.pglen
        await out.write(buf.subarray(at, last ? nl : nl + 1))
        at = nl + 1
        if (!last) continue
        await out.flush()
        await this.#getcmd()
        lines = 0
      }
      await out.write(buf.subarray(at))
      await out.flush()
    }
  }
}

const p: Program = async (sys, argv) => {
  let cons: number
  try {
    cons = await sys.open('/dev/cons', OREAD)
  } catch (e) {
    r(e)
    await eprint(sys, "p: can't open /dev/cons\n")
    return 'missing /dev/cons'
  }
  const pager = new Pager(sys, cons)
  let files = 0
  for (const a of argv.slice(1)) {
    if (a.startsWith('-')) {
      const n = atoi(a.slice(1))
      pager.pglen = n > 0 ? n : DEF
      continue
    }
    files++
    let fd: number
    try {
      fd = await sys.open(a, OREAD)
    } catch (e) {
      await eprint(sys, `p: can't open ${a} - ${r(e)}\n`)
      continue
    }
    await pager.print(fd)
    await sys.close(fd)
  }
  if (files === 0) await pager.print(0)
  return ''
}
export default p
