import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { Lines } from '../../plan9/libc/blocks.ts'
import { getenv } from '../../plan9/libc/env.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { chartorune } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: fmt [-j] [-i indent] [-l length] [file...]'

function utflen(buf: Uint8Array, start: number, end: number): number {
  let n = 0
  for (let i = start; i < end; n++) i += buf[i]! < 0x80 ? 1 : chartorune(buf, i, end) & 7
  return n
}

/** Blanks wanted behind a word: two at the end of a sentence. */
function nspaceafter(buf: Uint8Array, start: number, end: number): number {
  const n = end - start
  const upper = buf[start]! >= 65 && buf[start]! <= 90
  if (n < 2 || (upper && n < 4)) return 1
  return '.!?'.includes(String.fromCharCode(buf[end - 1]!)) ? 2 : 1
}

class Fmt {
  readonly out: Bout
  /** Columns that every line is moved by. */
  extra = 0
  length = 70
  join = true
  maxtab = 8
  /** Where the line being made ends, without `extra`; -1 when there is none. */
  #col = -1
  #indent = 0
  /** Blanks wanted behind the last word. */
  #nsp = 0

  constructor(sys: Sys) {
    this.out = new Bout(sys, 1)
  }

  /** The column that the first word of a line stands in; `at` is where that is in the buffer. */
  #indentof({ buf, start }: Lines, at: number): number {
    let n = 0
    for (let i = start; i < at; i++) n += buf[i] === 32 ? 1 : this.maxtab - (n % this.maxtab)
    return n
  }

  #word(buf: Uint8Array, start: number, end: number, indent: number, bol: boolean): void {
    const { out } = this
    const len = utflen(buf, start, end)
    const full = this.#col + this.#nsp + len > this.length
    if (this.#col >= 0 && (indent !== this.#indent || full || (bol && !this.join))) this.finish()
    if (this.#col < 0) {
      const n = this.extra + indent
      if (n > 0) out.put('\t'.repeat(n / this.maxtab) + ' '.repeat(n % this.maxtab))
      this.#col = indent
    } else {
      out.put(this.#nsp === 2 ? '  ' : ' ')
      this.#col += this.#nsp
    }
    out.put(buf, start, end)
    this.#col += len
    this.#indent = indent
    this.#nsp = nspaceafter(buf, start, end)
  }

  line(lines: Lines): void {
    const { buf, start, end } = lines
    let indent = -1
    for (let i = start; ; ) {
      while (buf[i] === 32 || buf[i] === 9) i++
      if (i >= end) break
      const word = i
      while (i < end && buf[i] !== 32 && buf[i] !== 9) i++
      const bol = indent < 0
      if (bol) indent = this.#indentof(lines, word)
      this.#word(buf, word, i, indent, bol)
    }
    if (indent >= 0) return
    this.finish()
    this.out.put('\n')
  }

  /** Ends the line being made. */
  finish(): void {
    if (this.#col >= 0) this.out.put('\n')
    this.#col = -1
  }
}

const fmt: Program = async (sys, argv) => {
  const f = new Fmt(sys)
  const arg = new Arg(argv)
  for (const c of arg)
    if (c === 'j') f.join = false
    else if (c === 'i') f.extra = atoi(arg.argf() ?? (await usage(sys, help)))
    else if (c === 'l' || c === 'w') f.length = atoi(arg.argf() ?? (await usage(sys, help)))
    else await usage(sys, help)
  if (f.length <= 0) {
    await eprint(sys, 'fmt: line length<=indentation\n')
    return 'length'
  }
  const tabstop = atoi((await getenv(sys, 'tabstop')) ?? '')
  if (tabstop > 0) f.maxtab = tabstop
  const fill = async (fd: number) => {
    const lines = new Lines(new Bin(sys, fd))
    while (lines.next() || (await lines.fill())) {
      f.line(lines)
      if (f.out.full) await f.out.flush()
    }
    f.finish()
  }
  let status = ''
  if (arg.argv.length === 0) await fill(0)
  for (const [i, name] of arg.argv.entries()) {
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      await f.out.flush()
      await eprint(sys, `fmt: can't open ${name}: ${r(e)}\n`)
      status = 'open'
      continue
    }
    await fill(fd)
    await sys.close(fd)
    if (i < arg.argv.length - 1) f.out.put('\n')
  }
  await f.out.flush()
  return status
}
export default fmt
