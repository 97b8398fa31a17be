import { OREAD } from '../../../plan9/9p/const.ts'
import { readall } from '../../../plan9/libc/bio.ts'
import { text } from '../../../plan9/libc/rune.ts'
import { eprint, r } from '../../../plan9/libc/sysfatal.ts'
import type { Attribute, Body } from './rule.ts'
import type { Jobs } from './run.ts'
import { readpipe, recipeenv } from './shell.ts'
import { Fatal, type Mk } from './state.ts'
import { charin, empty, stow, wtos } from './word.ts'

interface Head {
  sep: '?' | ':' | '=' | '<' | '|'
  head: string[]
  tail: string[]
  attr: Set<Attribute>
  prog?: string
}

const attributes = 'DEnNQRUV'

/** Reads mkfiles, and what they include. */
export class Parser {
  readonly mk: Mk
  readonly jobs: Jobs
  /** The text of the file that is being read. */
  #src = ''
  #pos = 0

  constructor(mk: Mk, jobs: Jobs) {
    this.mk = mk
    this.jobs = jobs
  }

  /** @throws Fatal */
  async file(name: string): Promise<void> {
    let src: string
    try {
      src = await this.#read(name)
    } catch (e) {
      throw new Fatal(`${name}: ${r(e)}`)
    }
    await this.parse(name, src)
  }

  async #read(name: string): Promise<string> {
    const { sys } = this.mk
    const fd = await sys.open(name, OREAD)
    try {
      return text(await readall(sys, fd))
    } finally {
      await sys.close(fd)
    }
  }

  async parse(name: string, src: string): Promise<void> {
    const { mk } = this
    const outer = { file: mk.file, line: mk.line, src: this.#src, pos: this.#pos }
    mk.file = name
    mk.line = 1
    this.#src = src
    this.#pos = 0
    for (;;) {
      const line = await this.#assemble()
      if (line === '') break
      const hline = mk.line
      const h = this.#head(line)
      await mk.speak()
      if (h.sep === '?') throw new Fatal(mk.where('expected one of :<=', hline))
      if (h.sep === '=') this.#assign(h, false)
      else if (h.sep === ':') {
        const body: Body = { recipe: this.#body(), attr: h.attr, line: hline, prog: h.prog }
        mk.rules.add(mk, h.head, h.tail, body)
      } else await this.#include(h)
      await mk.speak()
    }
    mk.file = outer.file
    mk.line = outer.line
    this.#src = outer.src
    this.#pos = outer.pos
  }

  /** An assignment among the arguments. */
  async argument(line: string): Promise<void> {
    const h = this.#head(line)
    if (h.sep === '=') this.#assign(h, true)
    await this.mk.speak()
  }

  async #include({ sep, tail }: Head): Promise<void> {
    const { mk } = this
    const name = wtos(tail)
    const what = sep === '|' ? 'program' : 'file'
    if (name === '') throw new Fatal(mk.where(`missing include ${what} name`))
    if (sep === '<') {
      let src: string
      try {
        src = await this.#read(name)
      } catch (e) {
        await eprint(mk.sys, `warning: skipping missing include file: ${name}: ${r(e)}\n`)
        return
      }
      await this.parse(name, src)
      return
    }
    const { pid, output } = await readpipe(mk, name, recipeenv(mk))
    await this.parse(name, output)
    if ((await this.jobs.status(pid)) !== '') throw new Fatal('bad include program status')
  }

  #assign({ head, tail, attr }: Head, argument: boolean): void {
    const { mk } = this
    if (head.length > 1) throw new Fatal(mk.where('multiple vars on left side of assignment'))
    const name = head[0]!
    if (argument || !mk.override.has(name)) {
      mk.vars.set(name, tail)
      mk.ours.add(name)
    }
    if (argument) mk.override.add(name)
    if (attr.has('U')) mk.noexport.add(name)
  }

  #head(line: string): Head {
    const { mk } = this
    const at = charin(mk, line, ':=<')
    const attr = new Set<Attribute>()
    if (at < 0) return { sep: '?', head: [], tail: [], attr }
    let sep = line[at] as Head['sep']
    let rest = line.slice(at + 1)
    let prog: string | undefined
    if (sep === '<' && rest[0] === '|') {
      sep = '|'
      rest = rest.slice(1)
    } else if (sep === '=') {
      const eq = charin(mk, rest, "'= \t")
      if (rest[eq] === '=') {
        for (const c of rest.slice(0, eq)) {
          if (c !== 'U') throw new Fatal(mk.where(`unknown attribute '${c}'`))
          attr.add(c)
        }
        rest = rest.slice(eq + 1)
      }
    } else if (sep === ':' && /^[^ \t]/.test(rest)) {
      let i = 0
      for (; i < rest.length && rest[i] !== ':'; i++) {
        const c = String.fromCodePoint(rest.codePointAt(i)!)
        if (c === 'P') {
          const end = rest.indexOf(':', i)
          if (end < 0) throw new Fatal(mk.where('missing trailing :'))
          prog = rest.slice(i + 1, end)
          i = end - 1
        } else if (attributes.includes(c)) attr.add(c as Attribute)
        else throw new Fatal(mk.where(`unknown attribute '${c}'`))
      }
      if (i >= rest.length) throw new Fatal(mk.where('missing trailing :'))
      rest = rest.slice(i + 1)
    }
    const head = stow(mk, line.slice(0, at))
    if (empty(head) && sep !== '<' && sep !== '|')
      throw new Fatal(mk.where('no var on left side of assignment/rule', mk.line - 1))
    return { sep, head, tail: stow(mk, rest), attr, prog }
  }

  /** The recipe: lines that begin with a blank, which goes, or with #. */
  #body(): string {
    let body = ''
    while (this.#pos < this.#src.length) {
      const c = this.#src[this.#pos]!
      if (c !== ' ' && c !== '\t' && c !== '#') break
      let end = this.#src.indexOf('\n', this.#pos) + 1
      if (end === 0) end = this.#src.length
      else this.mk.line++
      body += this.#src.slice(c === '#' ? this.#pos : this.#pos + 1, end)
      this.#pos = end
    }
    return body
  }

  /** The next character, without escaped newlines, which are `instead`; undefined at the end. */
  #next(instead: string): string | undefined {
    for (;;) {
      const c = this.#src[this.#pos++]
      if (c === '\\' && this.#src[this.#pos] === '\n') {
        this.#pos++
        this.mk.line++
        if (instead === '') continue
        return instead
      }
      if (c === '\n') this.mk.line++
      return c
    }
  }

  /** The next line that is neither blank nor a comment, its `{} replaced; '' at the end. */
  async #assemble(): Promise<string> {
    let line = ''
    for (;;) {
      const c = this.#next('')
      if (c === undefined) return line
      if (c === '\r') continue
      if (c === '\n') {
        if (line !== '') return line
      } else if (c === "'") line += c + this.#quoted()
      else if (c === '`') line += await this.#backquote()
      else if (c === '#') {
        const end = this.#src.indexOf('\n', this.#pos)
        if (end < 0) {
          this.#pos = this.#src.length
          return line
        }
        const comment = this.#src.slice(this.#pos, end).replaceAll('\r', '')
        this.#pos = end + 1
        this.mk.line++
        if (!comment.endsWith('\\') && line !== '') return line
      } else line += c
    }
  }

  /** The rest of a quoted string, its last quote included. */
  #quoted(): string {
    const { mk } = this
    const line = mk.line
    let s = ''
    for (;;) {
      const c = this.#next(' ')
      if (c === undefined) break
      s += c
      if (c !== "'") continue
      const after = this.#src[this.#pos]
      if (after === undefined) break
      if (after !== "'") return s
      this.#pos++
      s += after
    }
    throw new Fatal(mk.where("missing closing '", line))
  }

  /** What a `{command}, or a `command`, prints. */
  async #backquote(): Promise<string> {
    const { mk } = this
    const line = mk.line
    const blanks = () => {
      while (this.#src[this.#pos] === ' ' || this.#src[this.#pos] === '\t') this.#pos++
    }
    blanks()
    let term = '`'
    if (this.#src[this.#pos] === '{') {
      term = '}'
      this.#pos++
      blanks()
    }
    let cmd = ''
    let depth = 1
    for (;;) {
      const c = this.#next(' ')
      if (c === undefined || c === '\n') break
      if (c === '{' && term === '}') depth++
      if (c === term && --depth === 0) {
        const { output } = await readpipe(mk, `${cmd}\n`, recipeenv(mk))
        return output.endsWith('\n') ? output.slice(0, -1) : output
      }
      cmd += c
      if (c === "'") cmd += this.#quoted()
    }
    throw new Fatal(mk.where(`missing closing ${term} after \``, line))
  }
}
