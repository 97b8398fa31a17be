import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { Runeblocks } from '../../plan9/libc/blocks.ts'
import { chartorune, runetochar, stringtorunes } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'
import { now, tmfmt, tmtime, tzload } from '../../plan9/libc/tm.ts'

/** Lines of a page; of its head and foot; columns of one with several columns of text. */
const LENGTH = 66
const MARGIN = 10
const LINEW = 72
const NUMW = 5
const DEFTAB = 8
const EOF = -1
const [BS, TAB, NL, FF, CR, ESC] = [8, 9, 10, 12, 13, 27]

const printable = (c: number) => c >= 32

/** A file, a rune ahead. */
class File {
  readonly name: string
  /** The rune that comes next; EOF at the end. `more` must have been awaited when `stale`. */
  next = EOF
  stale = true
  readonly #blocks: Runeblocks
  #buf: Uint8Array = new Uint8Array(0)
  #at = 0

  constructor(name: string, bin: Bin) {
    this.name = name
    this.#blocks = new Runeblocks(bin)
  }

  advance(): void {
    if (this.#at >= this.#buf.length) {
      this.stale = true
      return
    }
    const x = chartorune(this.#buf, this.#at)
    this.#at += x & 7
    this.next = x >>> 3
  }

  async more(): Promise<void> {
    this.#buf = await this.#blocks.read()
    this.#at = 0
    this.stale = false
    if (this.#buf.length === 0) this.next = EOF
    else this.advance()
  }
}

/** A column of a page that is held in the buffer: where it begins, where it is read next, its next line's number. */
interface Column {
  start: number
  at: number
  lno: number
}

class Options {
  balance = false
  columns = 1
  double = 1
  /** -e and -i: the tab's rune and its stops, 0 for none. */
  etab = { c: TAB, n: 0 }
  itab = { c: TAB, n: 0 }
  formfeed = false
  first = 1
  head: string | undefined
  length = LENGTH
  /** 'm' and 'a' say how several columns are filled. */
  multi = ''
  /** -n: what stands behind a line's number, and columns of that, 0 for none. */
  number = { c: TAB, n: 0 }
  offset = 0
  pad = false
  sep = 0
  margin = MARGIN
  width = 0
  readonly files: string[] = []

  /** Takes the arguments apart; what is wrong with them. */
  parse(args: string[]): string | undefined {
    while (args.length > 0) {
      const a = args.shift()!
      if (!/^(\+|-.)/s.test(a)) {
        this.files.push(a === '-' ? '' : a)
        continue
      }
      const s = stringtorunes(a)
      if (s[0] === 45) s.shift()
      while (s.length > 0) if (!this.#option(s, args)) return 'bad option'
    }
    if (this.length === 0) this.length = LENGTH
    if (this.length <= this.margin) this.margin = 0
    if (this.multi === 'm') this.columns = this.files.length
    if (this.columns === 0) this.columns = 1
    if (this.columns > 1 && this.etab.n === 0) this.etab.n = DEFTAB
    if (this.width === 0) this.width = this.columns !== 1 && this.sep === 0 ? LINEW : 512
    this.width -= this.multi === 'm' ? this.number.n : this.number.n * this.columns
    return this.colw < 1 ? 'width too small' : undefined
  }

  /** Columns of a column. */
  get colw(): number {
    return Math.trunc((this.width - this.columns + 1) / this.columns)
  }

  #number(s: number[]): number {
    let n = 0
    while (s[0]! >= 48 && s[0]! <= 57) n = 10 * n + s.shift()! - 48
    return n
  }

  /** A character, if one is there, and a number. */
  #tabs(s: number[], tab: { c: number; n: number }, n = DEFTAB): void {
    if (s.length > 0 && !(s[0]! >= 48 && s[0]! <= 57)) tab.c = s.shift()!
    tab.n = this.#number(s) || n
  }

  #option(s: number[], args: string[]): boolean {
    if (s[0]! >= 48 && s[0]! <= 57) {
      this.columns = this.#number(s)
      return true
    }
    const c = String.fromCodePoint(s.shift()!).toLowerCase()
    switch (c) {
      case '+':
        this.first = Math.max(this.#number(s), 1)
        break
      case 'a':
      case 'm':
        this.multi = c
        break
      case 'b':
        this.balance = true
        break
      case 'd':
        this.double = 2
        break
      case 'e':
        this.#tabs(s, this.etab)
        break
      case 'f':
        this.formfeed = true
        break
      case 'h':
        this.head = args.shift()
        break
      case 'i':
        this.#tabs(s, this.itab)
        break
      case 'l':
        this.length = this.#number(s)
        break
      case 'n':
        this.#tabs(s, this.number, NUMW)
        this.balance = true
        break
      case 'o':
        this.offset = this.#number(s)
        break
      case 'p':
        this.pad = true
        break
      case 's':
        this.sep = s.shift() ?? TAB
        break
      case 't':
        this.margin = 0
        break
      case 'w':
        this.width = this.#number(s)
        break
      default:
        return false
    }
    return true
  }
}

class Pr {
  readonly sys: Sys
  readonly out: Bout
  readonly opt: Options
  files: File[] = []
  failed = false
  /** The rune in hand. */
  #c = 0
  /** Blanks that a tab of the input still is. */
  #tabbing = false
  #lnumb = 0
  #page = 0
  #line = 0
  /** Columns: of the input's line, of the output's, blanks owed to it, of this column of text and as far as it is out. */
  #inpos = 0
  #outpos = 0
  #nspace = 0
  #lcolpos = 0
  #pcolpos = 0
  /** A page of several columns, where these are not filled from several files or along the lines. */
  readonly #buffered: boolean
  #buffer: number[] = []
  #columns: Column[] = []

  constructor(sys: Sys, opt: Options) {
    this.sys = sys
    this.out = new Bout(sys, 1)
    this.opt = opt
    this.#buffered = opt.columns !== 1 && opt.multi === ''
  }

  get #plength(): number {
    return this.opt.length - Math.floor(this.opt.margin / 2)
  }

  async complain(msg: string): Promise<void> {
    this.failed = true
    await eprint(this.sys, `pr: ${msg}\n`)
  }

  /** A name that is empty is standard input's. */
  async open(name: string): Promise<File | undefined> {
    let fd = 0
    if (name !== '')
      try {
        fd = await this.sys.open(name, OREAD)
      } catch (e) {
        r(e)
        await this.complain(`can't open ${name}`)
        return undefined
      }
    const f = new File(name, new Bin(this.sys, fd))
    await f.more()
    if (f.next !== EOF || this.opt.multi === 'm') return f
    await this.complain(`${name} -- empty file`)
    if (fd !== 0) await this.sys.close(fd)
    return undefined
  }

  async #date(): Promise<string> {
    const { name } = this.files[0]!
    const at = this.files.length > 1 || name === '' ? (await now(this.sys)).sec : (await this.sys.stat(name)).mtime
    return tmfmt(tmtime(at, await tzload(this.sys, 'local')), 'MMM _D hh:mm YYYY')
  }

  /** Prints what `files` has. */
  async print(): Promise<void> {
    const { opt, out } = this
    let date: string | undefined
    this.#c = 0
    this.#tabbing = false
    this.#lnumb = 1
    for (this.#page = 0; ; await this.#putpage()) {
      if (this.#c === EOF) break
      if (this.#buffered) await this.#fill()
      this.#inpos = 0
      if ((await this.#get(0)) === EOF) break
      await out.flush()
      this.#page++
      if (this.#page < opt.first || opt.margin === 0) continue
      date ??= await this.#date()
      const head = opt.head ?? (this.files.length < 2 ? this.files[0]!.name : '')
      out.put('\n\n')
      this.#nspace = opt.offset
      this.#putspace()
      out.put(`${date}  ${head} Page ${this.#page}\n\n\n`)
    }
    if (opt.pad && this.#page % 2 === 1) {
      this.#line = 0
      this.#feed()
    }
    await out.flush()
  }

  /** Ends the page. */
  #feed(): void {
    if (this.opt.formfeed) this.#put(FF)
    else while (this.#line < this.opt.length) this.#put(NL)
  }

  async #putpage(): Promise<void> {
    const { opt, out } = this
    for (this.#line = Math.floor(opt.margin / 2); ; await this.#get(0)) {
      this.#nspace = opt.offset
      this.#outpos = 0
      let colno = 0
      while (this.#c !== FF) {
        if (opt.number.n > 0 && this.#c !== EOF && (colno === 0 || opt.multi === 'a')) {
          if (this.#page >= opt.first) {
            this.#putspace()
            out.put(String(this.#buffered ? this.#columns[colno]!.lno++ : this.#lnumb).padStart(opt.number.n))
            this.#outpos += opt.number.n
            this.#put(opt.number.c)
          }
          this.#lnumb++
        }
        this.#lcolpos = 0
        this.#pcolpos = 0
        while (this.#c !== NL && this.#c !== FF && this.#c !== EOF) {
          this.#put(this.#c)
          const c = this.#get(colno)
          if (typeof c !== 'number') await c
          if (out.full) await out.flush()
        }
        if (this.#c === EOF || ++colno === opt.columns) break
        if (this.#c === NL && (await this.#get(colno)) === EOF) break
        if (opt.sep !== 0) this.#put(opt.sep)
        else this.#nspace = Math.max(this.#nspace + opt.colw - this.#lcolpos + 1, 1)
      }
      if (this.#c === EOF && colno === 0) {
        if (opt.margin === 0) return
        break
      }
      if (this.#c === FF) break
      this.#put(NL)
      if (opt.double === 2 && this.#line < this.#plength) this.#put(NL)
      if (this.#line >= this.#plength) break
    }
    this.#feed()
  }

  /** Reads a page into the buffer, its lines cut at the width of a column. */
  async #fill(): Promise<void> {
    const { opt } = this
    const f = this.files[0]!
    const max = (Math.floor(this.#plength / opt.double) + 1) * (opt.width + 1)
    const s: number[] = []
    let lines = 0
    this.#buffer = s
    this.#columns = []
    for (let col = 0; ; col++) {
      this.#columns.push({ start: s.length, at: s.length, lno: this.#lnumb + lines })
      if (col === opt.columns) return
      for (let j = Math.floor((opt.length - opt.margin) / opt.double); j > 0; j--, lines++) {
        this.#inpos = 0
        for (;;) {
          if (f.stale) await f.more()
          const c = f.next
          if (c === EOF) {
            while (this.#columns.length <= opt.columns)
              this.#columns.push({ start: s.length, at: s.length, lno: this.#lnumb + lines })
            s.push(EOF)
            if (opt.balance) this.#balance(lines)
            return
          }
          f.advance()
          if (printable(c)) this.#inpos++
          if (this.#inpos <= opt.colw || c === NL) {
            s.push(c)
            if (s.length >= max) {
              await this.complain('page-buffer overflow')
              await this.sys.exits('error')
            }
          }
          if (c === NL) break
          if (c === BS && this.#inpos === 0) s.pop()
          if ((c === BS || c === ESC) && this.#inpos > 0) this.#inpos--
        }
      }
    }
  }

  /** Makes the columns of the last page equally long. */
  #balance(lines: number): void {
    const n = this.opt.columns
    const more = lines % n
    let l = Math.ceil(lines / n)
    let s = 0
    let done = 0
    for (let col = 1; col < n; col++) {
      for (let j = 0; j < l; j++) s = this.#buffer.indexOf(NL, s) + 1
      done += l
      this.#columns[col] = { start: s, at: s, lno: this.#lnumb + done }
      if (col === more) l--
    }
  }

  /** Takes the next rune of a column in hand; a promise when it has to be read. */
  #get(colno: number): number | Promise<number> {
    if (this.#tabbing) {
      this.#tabbing = false
      return this.#got(this.opt.etab.c)
    }
    if (this.#buffered) {
      const col = this.#columns[colno]!
      if (col.at >= this.#columns[colno + 1]!.start) return this.#got(EOF)
      const c = this.#buffer[col.at]!
      if (c !== EOF) col.at++
      return this.#got(c)
    }
    const f = this.files[this.opt.multi === 'a' ? 0 : colno]!
    if (f.stale) return this.#read(f)
    return this.#from(f)
  }

  async #read(f: File): Promise<number> {
    await f.more()
    return this.#from(f)
  }

  async #others(): Promise<number> {
    for (const f of this.files) if (f.stale) await f.more()
    return this.#got(this.files.some(f => f.next !== EOF) ? NL : EOF)
  }

  #from(f: File): number | Promise<number> {
    const c = f.next
    // Beside files that go on, one that has ended has empty lines.
    if (c === EOF) return this.opt.multi === 'm' ? this.#others() : this.#got(EOF)
    f.advance()
    return this.#got(c)
  }

  #got(c: number): number {
    const { etab, columns } = this.opt
    if (etab.n !== 0 && c === etab.c) {
      this.#inpos++
      this.#tabbing = this.#inpos % etab.n !== 0
      c = 32
    } else if (printable(c)) this.#inpos++
    else if (c === BS || c === ESC) this.#inpos = Math.max(this.#inpos - 1, 0)
    else if (c === FF && columns > 1) {
      c = NL
      this.#inpos = 0
    } else if (c === NL || c === CR) this.#inpos = 0
    this.#c = c
    return c
  }

  #put(c: number): void {
    let move = printable(c) ? 1 : 0
    if (c === 32) {
      this.#nspace++
      this.#lcolpos++
      return
    }
    if (c === BS) {
      if (this.#lcolpos === 0) return
      if (this.#nspace > 0) {
        this.#nspace--
        this.#lcolpos--
        return
      }
      if (this.#lcolpos > this.#pcolpos) {
        this.#lcolpos--
        return
      }
    }
    if (c === BS || c === ESC) move = -1
    else if (c === NL || c === CR || c === FF) {
      if (c === NL) this.#line++
      this.#pcolpos = 0
      this.#lcolpos = 0
      this.#nspace = 0
      this.#outpos = 0
    }
    if (this.#page < this.opt.first) return
    if (this.#lcolpos > 0 || move > 0) this.#lcolpos += move
    if (this.#lcolpos <= this.opt.colw) {
      this.#putspace()
      this.#rune(c)
      this.#pcolpos = this.#lcolpos
      this.#outpos += move
    }
  }

  #putspace(): void {
    const { itab } = this.opt
    while (this.#nspace > 0) {
      const n = itab.n > 0 ? itab.n - (this.#outpos % itab.n) : 0
      const tab = n > 0 && this.#nspace > 1 && this.#nspace >= n
      this.#rune(tab ? itab.c : 32)
      this.#outpos += tab ? n : 1
      this.#nspace -= tab ? n : 1
    }
  }

  readonly #utf = new Uint8Array(4)

  #rune(c: number): void {
    this.out.put(this.#utf, 0, runetochar(this.#utf, 0, c))
  }
}

const pr: Program = async (sys, argv) => {
  const opt = new Options()
  const bad = opt.parse(argv.slice(1))
  if (bad !== undefined) {
    await eprint(sys, `pr: ${bad}\n`)
    return 'error'
  }
  if (opt.files.length === 0) opt.files.push('')
  const p = new Pr(sys, opt)
  for (const name of opt.files) {
    const f = await p.open(name)
    if (f === undefined) continue
    if (opt.multi === 'm') p.files.push(f)
    else {
      p.files = [f]
      await p.print()
    }
  }
  if (opt.multi === 'm' && p.files.length === opt.files.length) await p.print()
  return p.failed ? 'error' : ''
}
export default pr
