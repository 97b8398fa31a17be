import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { Beof, Bin } from '../../plan9/libc/bio.ts'
import { totext } from '../../plan9/libc/bytes.ts'
import { utf8 } from '../../plan9/libc/rune.ts'
import { attempt, eprint } from '../../plan9/libc/sysfatal.ts'
import { Hocerror, type Input, Lexer } from './hoc/lex.ts'
import { Hoc, type Name } from './hoc/machine.ts'
import { Parser } from './hoc/parse.ts'

/** The expression of -e. */
class Text implements Input {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(text: string) {
    this.#bytes = utf8(`${text}\n`)
  }

  async getc(): Promise<number> {
    return this.#bytes[this.#at++] ?? Beof
  }

  ungetc(): void {
    this.#at--
  }
}

/** A file; what is still to be read of it can be given up. */
class File implements Input {
  readonly fd: number
  readonly #sys: Sys
  #bin: Bin

  constructor(sys: Sys, fd: number) {
    this.fd = fd
    this.#sys = sys
    this.#bin = new Bin(sys, fd)
  }

  getc(): Promise<number> {
    return this.#bin.getc()
  }

  ungetc(): void {
    this.#bin.ungetc()
  }

  /** What cannot be positioned, such as a pipe, goes on. */
  async giveup(): Promise<void> {
    if ((await attempt(this.#sys.seek(this.fd, 0, 2))) !== undefined) this.#bin = new Bin(this.#sys, this.fd)
  }
}

class Main {
  readonly #sys: Sys
  readonly #argv0: string
  readonly #args: string[]
  readonly #stdin: File
  readonly #hoc: Hoc
  #input: Text | File
  #lex: Lexer
  /** Of the input; undefined for standard input. */
  #name: string | undefined

  constructor(sys: Sys, argv: string[]) {
    this.#sys = sys
    this.#argv0 = argv0(argv)
    this.#args = argv.length > 1 ? argv.slice(1) : ['-']
    this.#hoc = new Hoc(sys, name => this.#read(name))
    this.#input = this.#stdin = new File(sys, 0)
    this.#lex = new Lexer(this.#input)
  }

  async run(): Promise<void> {
    while (await this.#more()) {
      for (;;) {
        try {
          const code = await new Parser(this.#hoc, this.#lex).top()
          if (code === undefined) break
          this.#hoc.begin()
          await code()
        } catch (e) {
          if (!(e instanceof Hocerror)) throw e
          await this.#complain(e)
        }
        await this.#hoc.out.flush()
      }
    }
  }

  async #complain(e: Hocerror): Promise<void> {
    await this.#hoc.out.flush()
    const where = this.#name === undefined ? '' : ` in ${this.#name}`
    await eprint(this.#sys, `${this.#argv0}: ${totext(e.message)}${where} near line ${this.#lex.line}\n`)
    await this.#lex.flush()
    if (this.#input instanceof File) await this.#input.giveup()
  }

  /** Goes on to the next input; false when there is none. */
  async #more(): Promise<boolean> {
    const sys = this.#sys
    if (this.#input instanceof File && this.#input.fd !== 0) await sys.close(this.#input.fd)
    for (let a = this.#args.shift(); a !== undefined; a = this.#args.shift()) {
      if (a === '-') {
        this.#name = undefined
        this.#input = this.#stdin
      } else if (a.startsWith('-e')) {
        const text = a.slice(2) || this.#args.shift()
        if (text === undefined) {
          await eprint(sys, `${this.#argv0}: no argument for -e\n`)
          return false
        }
        this.#name = '-e'
        this.#input = new Text(text)
      } else {
        const fd = await attempt(sys.open(a, OREAD))
        if (fd === undefined) {
          await eprint(sys, `${this.#argv0}: can't open ${a}\n`)
          continue
        }
        this.#name = a
        this.#input = new File(sys, fd)
      }
      this.#lex = new Lexer(this.#input)
      return true
    }
    this.#input = new Text('')
    this.#lex = new Lexer(this.#input)
    return false
  }

  /** read(): a number from where the program is read, or from the inputs after that; 0 when there is none. */
  async #read(name: Name): Promise<number> {
    await this.#hoc.out.flush()
    let c = await this.#lex.skip()
    while (c === Beof) {
      if (!(await this.#more())) {
        name.value = 0
        return 0
      }
      c = await this.#lex.skip()
    }
    const ch = String.fromCharCode(c)
    if (!'+-.0123456789'.includes(ch)) throw new Hocerror(`non-number read into ${name.text}`)
    const sign = ch === '+' || ch === '-'
    if (!sign) this.#lex.bin.ungetc()
    const v = await this.#lex.number()
    name.value = ch === '-' ? -v : v
    return 1
  }
}

const hoc: Program = async (sys, argv) => {
  await new Main(sys, argv).run()
  return ''
}
export default hoc
