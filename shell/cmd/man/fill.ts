import { NBSP, width } from './escape.ts'

/** Puts words into lines, ragged right, from a left margin to a right one. All columns count from 0. */
export class Fill {
  readonly lines: string[] = []
  /** The right margin: no line is longer, but for a word that is. */
  readonly ll: number
  indent = 0
  /** For the next line alone. */
  tempIndent: number | undefined
  filling = true
  /** Lines still to be centred. */
  centre = 0
  tabs: number[] = []
  #line = ''
  /** The line under way holds a word, or a tag. */
  #begun = false
  /** Between the last word and the next: set by what was read last. */
  #gap = ''

  constructor(ll: number) {
    this.ll = ll
  }

  get #margin(): number {
    return Math.max(this.tempIndent ?? this.indent, 0)
  }

  /** Ends the line under way. */
  break(): void {
    if (this.#begun) {
      let s = this.#line.replaceAll(NBSP, ' ').trimEnd()
      if (this.centre > 0) {
        this.centre--
        s = s.trim()
        s = ' '.repeat(Math.max(0, this.indent + Math.floor((this.ll - this.indent - width(s)) / 2))) + s
      }
      this.lines.push(s)
      this.nospace = false
      this.tempIndent = undefined
    }
    this.#line = ''
    this.#begun = false
    this.#gap = ''
  }

  /** A heading has just been printed: no blank line comes after it. */
  nospace = false

  /** Blank lines; several in a row are one, as man(1) squeezes them. */
  space(n: number): void {
    this.break()
    if (n < 0.5 || this.nospace) return
    if (this.lines.length > 0 && this.lines[this.lines.length - 1] !== '') this.lines.push('')
  }

  #start(): void {
    if (this.#begun) return
    this.#line = ' '.repeat(this.#margin)
    this.#begun = true
    this.#gap = ''
  }

  word(w: string): void {
    if (this.#begun && this.#line.trim() !== '' && width(this.#line) + width(this.#gap) + width(w) > this.ll) {
      this.break()
    }
    this.#start()
    this.#line += this.#gap + w
    this.#gap = ' '
  }

  /** Text of one input line, its escapes done. `cont`: the next one joins on without a space. */
  text(s: string, cont: boolean): void {
    if (!this.filling) {
      this.#start()
      this.#line = this.#tabbed(this.#line + s)
      if (!cont) this.break()
      return
    }
    const lead = /^ +/.exec(s)
    if (lead !== null && !this.#joined) {
      this.break()
      if (s.trim() === '') {
        this.space(1)
        return
      }
      this.#start()
      this.#line += lead[0]
    }
    if (s.includes('\t')) {
      this.#start()
      this.#line = this.#tabbed(this.#line + this.#gap + s.replace(/^ +/, ''))
      this.#gap = ' '
    } else
      for (const w of s.split(' ')) {
        if (w === '') continue
        this.word(w)
      }
    if (cont) this.#gap = ''
    else if (/[\w)\]"'”’*][.?!]["')\]*”’]*$/.test(s)) this.#gap = '  '
    else this.#gap = ' '
    this.#joined = cont
    if (this.centre > 0 && !cont) this.break()
  }
  #joined = false

  #tabbed(s: string): string {
    let out = ''
    for (const c of s) {
      if (c !== '\t') {
        out += c
        continue
      }
      const at = width(out) - this.#margin
      const stop = this.tabs.find(t => t > at) ?? (Math.floor(at / 8) + 1) * 8
      out += ' '.repeat(stop - at)
    }
    return out
  }

  /** A tag that hangs out to the left of the text that follows, on a line of its own when it is too wide. */
  tag(s: string, at: number): void {
    this.break()
    this.#line = ' '.repeat(at) + s
    this.#begun = true
    this.#gap = ''
    if (width(this.#line) + 1 > this.indent) this.break()
    else this.#line = this.#line.padEnd(this.indent + this.#line.length - width(this.#line))
  }
}
