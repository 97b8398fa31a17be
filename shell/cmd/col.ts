import type { Program } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { Runeblocks } from '../../plan9/libc/blocks.ts'
import { chartorune } from '../../plan9/libc/rune.ts'
import { sysfatal } from '../../plan9/libc/sysfatal.ts'

const ESC = 0x1b
/** Half lines that are held: as far back as the input can go. */
const PL = 256
/** Columns that a line may have. */
const LINELN = 1 << 20
const Tabstop = 8

/** By column, the character there, or a pile of them: `a\bb` and so on. What has none is blank. */
type Line = string[]

class Col {
  readonly out: Bout
  bflag = false
  fflag = false
  xflag = false
  /** The last half lines, by their number modulo PL, where they are not out yet. */
  #page: Line[] = []
  #line: Line = []
  /** Where the paper stands: column, half line, and the furthest half line. */
  cp = 0
  #ll = 0
  #llh = 0
  /** Half lines from here on to PL before are out. */
  #mustwr = PL
  #half = 0
  /** Where the output stands. */
  #pcp = 0
  #cline = 0

  constructor(out: Bout) {
    this.out = out
  }

  put(c: string): void {
    const old = this.#line[this.cp]
    if (old === undefined || this.bflag) this.#line[this.cp] = c
    else {
      const first = String.fromCodePoint(old.codePointAt(0)!)
      this.#line[this.cp] = `${first}\b${c}${old.slice(first.length)}`
    }
    this.cp++
  }

  /** Down by half a line. */
  incr(): void {
    this.#page[this.#ll++ % PL] = this.#line
    this.#llh = Math.max(this.#llh, this.#ll)
    const next = this.#page[this.#ll % PL]
    if (this.#ll >= this.#mustwr) {
      if (next !== undefined) this.#emit(next, this.#ll - PL)
      this.#mustwr++
      this.#line = []
    } else this.#line = next ?? []
  }

  /** Up by half a line, as far as there is paper. */
  decr(): void {
    if (this.#ll <= this.#mustwr - PL) return
    this.#page[this.#ll-- % PL] = this.#line
    this.#line = this.#page[this.#ll % PL] ?? []
  }

  newline(): void {
    this.incr()
    this.incr()
    this.cp = 0
  }

  escape(c: number): void {
    if (c === 0x37) {
      this.decr()
      this.decr()
    } else if (c === 0x38) {
      if (this.fflag) this.decr()
      else if (--this.#half < -1) {
        this.decr()
        this.decr()
        this.#half += 2
      }
    } else if (c === 0x39) {
      if (this.fflag) this.incr()
      else if (++this.#half > 0) {
        this.incr()
        this.incr()
        this.#half -= 2
      }
    }
  }

  /** Takes a character that follows none that means more. */
  take(r: number): void {
    if (r === 10) this.newline()
    else if (r === 0x0b) {
      this.decr()
      this.decr()
    } else if (r === 13) this.cp = 0
    else if (r === 9) this.cp = (this.cp + Tabstop) & -Tabstop
    else if (r === 8) this.cp = Math.max(this.cp - 1, 0)
    else if (r === 32) this.cp++
    else if (r > 32 && r !== 0x7f) this.put(String.fromCodePoint(r))
  }

  #seek(lineno: number): void {
    for (; this.#cline < lineno - 1; this.#cline += 2) {
      this.out.put('\n')
      this.#pcp = 0
    }
    if (this.#cline !== lineno) {
      this.out.put('\x1b9')
      this.#cline++
    }
    if (this.#pcp > 0) this.out.put('\r')
    this.#pcp = 0
  }

  #emit(line: Line, lineno: number): void {
    if (line.length === 0) return
    this.#seek(lineno)
    let s = ''
    // Only what is there: the columns may be far apart.
    for (const [col, pile] of Object.entries(line)) {
      const to = Number(col)
      for (let tab = (this.#pcp + Tabstop) & -Tabstop; tab <= to && !this.xflag; tab += Tabstop) {
        s += '\t'
        this.#pcp = tab
      }
      s += ' '.repeat(to - this.#pcp) + pile
      this.#pcp = to + 1
    }
    this.out.put(s)
  }

  /** Prints all that is held. */
  finish(): void {
    this.#page[this.#ll % PL] = this.#line
    for (let i = this.#mustwr; i < this.#mustwr + PL; i++) {
      const line = this.#page[i % PL]
      if (line !== undefined) this.#emit(line, i - PL)
    }
    this.#seek((this.#llh + 1) & -2)
  }
}

const col: Program = async (sys, argv) => {
  const out = new Bout(sys, 1)
  const c = new Col(out)
  const arg = new Arg(argv)
  for (const f of arg)
    if (f === 'b') c.bflag = true
    else if (f === 'f') c.fflag = true
    else if (f === 'x') c.xflag = true
    else await usage(sys, `usage: ${arg.argv0} [-bfx]`)
  const blocks = new Runeblocks(new Bin(sys, 0))
  let last = 10
  for (;;) {
    const b = await blocks.read()
    if (b.length === 0) break
    for (let i = 0; i < b.length; ) {
      const x = chartorune(b, i)
      i += x & 7
      const r = x >>> 3
      if (last === ESC) c.escape(r)
      else if (r !== ESC) c.take(r)
      last = last === ESC ? 0 : r
      if (c.cp >= LINELN) await sysfatal(sys, 'col', 'line too long')
      if (out.full) await out.flush()
    }
  }
  if (c.cp > 0) c.newline()
  c.finish()
  await out.flush()
  return ''
}
export default col
