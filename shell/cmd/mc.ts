import { OREAD } from '../../plan9/9p/const.ts'
import { Enovmem, PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Beof, Bin, Bout } from '../../plan9/libc/bio.ts'
import { getenv } from '../../plan9/libc/env.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const TAB = 4
/** Characters of a word at most. */
const MAXWORD = 1 << 22

/** Words in columns, as many as fit, down and then across. */
function columnate(words: string[], linewidth: number): string {
  if (words.length === 0) return ''
  const len = (w: string) => [...w].length
  const width = Math.max(...words.map(len)) + 1
  const perline = Math.max(Math.floor(linewidth / width), 1)
  const nlines = Math.ceil(words.length / perline)
  let out = ''
  for (let i = 0; i < nlines; i++) {
    for (let j = i; j < words.length; j += nlines) {
      const w = words[j]!
      out += j + nlines < words.length ? w + ' '.repeat(Math.max(width - len(w), 0)) : w
    }
    out += '\n'
  }
  return out
}

class Mc {
  readonly out: Bout
  linewidth = 80
  colonflag = false
  words: string[] = []

  constructor(sys: Sys) {
    this.out = new Bout(sys, 1)
  }

  async flush(): Promise<void> {
    await this.out.write(columnate(this.words, this.linewidth))
    this.words = []
  }

  async readbuf(b: Bin): Promise<void> {
    let line = ''
    for (;;) {
      const c = await b.getrune()
      if (c === Beof) {
        // As in Plan 9, what follows the last newline is no word.
        return
      }
      if (line.length > MAXWORD) throw new PlanError(Enovmem)
      if (c === 9) line += ' '.repeat(TAB - ([...line].length % TAB))
      else if (c !== 10) line += String.fromCodePoint(c)
      else if (this.colonflag && line.endsWith(':')) {
        const had = this.words.length > 0
        await this.flush()
        await this.out.write(`${had ? '\n' : ''}${line}\n`)
        line = ''
      } else {
        this.words.push(line)
        line = ''
      }
    }
  }
}

const mc: Program = async (sys, argv) => {
  const m = new Mc(sys)
  const width = atoi((await getenv(sys, 'COLUMNS')) ?? '')
  if (width > 1) m.linewidth = width
  const args = argv.slice(1)
  while (args[0]?.startsWith('-')) {
    const a = args.shift()!
    if (a === '-') m.colonflag = true
    else if (a[1] !== 't') m.linewidth = atoi(a.slice(1)) > 1 ? atoi(a.slice(1)) : 80
  }
  if (args.length === 0) await m.readbuf(new Bin(sys, 0))
  for (const name of args) {
    try {
      const fd = await sys.open(name, OREAD)
      await m.readbuf(new Bin(sys, fd))
      await sys.close(fd)
    } catch (e) {
      await eprint(sys, `mc: can't open ${name} (${r(e)})\n`)
    }
  }
  await m.flush()
  await m.out.flush()
  return ''
}
export default mc
