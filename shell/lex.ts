import { GLOB, type OpenMode } from './tree.ts'

/** Of tokens; the keywords are types of their own, and what is none of these is a character. */
export type TokenType =
  | Keyword
  | 'word'
  | 'redir'
  | 'dup'
  | 'sub'
  | 'eof'
  | '|'
  | '&&'
  | '||'
  | '&'
  | ';'
  | '\n'
  | '$'
  | '$#'
  | '$"'
  | '^'
  | '='
  | '`'
  | '{'
  | '}'
  | '('
  | ')'
  | 'other'

export type Keyword = 'for' | 'in' | 'while' | 'if' | 'not' | '~' | '!' | '@' | 'switch' | 'fn'

export const keywords: ReadonlySet<string> = new Set<Keyword>([
  'for',
  'in',
  'while',
  'if',
  'not',
  '~',
  '!',
  '@',
  'switch',
  'fn',
])

export interface Token {
  type: TokenType
  line: number
  /** As errors show it; of a word and a keyword also what it says. */
  text: string
  pattern?: string
  quoted?: boolean
  mode?: OpenMode
  /** Of `|`: the fd that the left command writes; of redir and dup: the fd that changes. */
  fd?: number
  /** Of `|`: the fd that the right command reads; of dup: the fd that is copied, or -1 to close. */
  from?: number
}

/** Thrown when the text at hand ends and the input may have more: read, `add` it, and parse again from the mark. */
export class NeedInput extends Error {
  override name = 'NeedInput'
}
const needInput = new NeedInput('more input is needed')

const EOF = -1
const NL = 10
const BACKSLASH = 92
const QUOTE = 39
const HASH = 35

/** 1: ends an unquoted word; 2: ends a variable's name after `$`. */
const ends = new Uint8Array(128)
for (const c of "\0\n \t#;&|^$=`'{}()<>") ends[c.charCodeAt(0)]! |= 1
for (let c = 0; c <= 32; c++) ends[c]! |= 2
for (const c of '!"#$%&\'()+,-./:;<=>?@[\\]^`{|}~') ends[c.charCodeAt(0)]! |= 2

function wordchr(c: number): boolean {
  return c !== EOF && (c >= 128 || (ends[c]! & 1) === 0)
}

/** True of a character of a variable's name. */
export function idchr(c: number): boolean {
  return c !== EOF && (c >= 128 || (ends[c]! & 2) === 0)
}

export interface LexerOptions {
  /** The name that errors give, `/fd/0`. */
  file?: string
  /** The whole input is one command in braces: nothing runs before all has been parsed. */
  block?: boolean
  line?: number
}

/**
 * Makes tokens of the text of one input, and keeps where in it we are from one command to the next.
 *
 * It never waits: at the end of the text at hand it throws NeedInput, and the command is parsed once more from its
 * beginning, which `mark` has set, when more has come. What shows to the outside (`onprompt`, `onecho`) is said once.
 *
 * Differs: a token may be of any length (rc's end at 8192 bytes); text that is not UTF-8 becomes U+FFFD.
 */
export class Lexer {
  readonly file: string
  line: number
  /** No more text comes: the end of the file, or an interrupted read. */
  ended = false
  /** The end has been seen by a token. */
  eof = false
  /** What rc prints on fd 2 for errors of syntax, whole lines, since `mark`. */
  errors = ''
  /** The last error, as it goes into `$status`. */
  error: string | undefined
  /** The last command was an `if`: an `if not` may follow. */
  iflast = false
  /** Asked before the first character of each line is read; `nth` counts from 0 within a command. */
  onprompt: ((nth: number) => void) | undefined
  /** Gets the text as it is read. */
  onecho: ((text: string) => void) | undefined

  private text = ''
  private pos = 0
  private epilog = ''
  private epilogpos = 0
  private peekc = EOF
  private future = EOF
  private lastc = 0
  private inquote = false
  private incomment = false
  private doprompt = true
  lastword = false
  private lastdol = false
  private tok = ''

  private nprompt = 0
  private prompted = -1
  private echoed = 0
  private marked = { pos: 0, line: 1, peekc: EOF, epilogpos: 0 }
  private here = { start: -1, next: 0, lines: 0 }

  constructor(opts: LexerOptions = {}) {
    this.file = opts.file ?? 'rc'
    this.line = opts.line ?? 1
    if (opts.block) {
      this.peekc = 123
      this.epilog = '}\n'
    }
  }

  /** Characters of the command begun that are at hand. */
  get pending(): number {
    return this.text.length - this.marked.pos
  }

  /** Gives it more text. */
  add(text: string): void {
    const keep = this.marked.pos
    this.text = this.text.slice(keep) + text
    this.pos -= keep
    this.echoed -= keep
    if (this.prompted >= 0) this.prompted -= keep
    if (this.here.start >= 0) {
      this.here.start -= keep
      this.here.next -= keep
    }
    this.marked.pos = 0
  }

  /** A command begins here. */
  mark(): void {
    this.marked = { pos: this.pos, line: this.line, peekc: this.peekc, epilogpos: this.epilogpos }
    this.future = EOF
    this.lastword = this.lastdol = false
    this.nprompt = 0
    this.prompted = -1
    this.here.start = -1
    this.tok = ''
    this.errors = ''
    this.error = undefined
    this.doprompt = true
  }

  /** Back to the mark, to parse the same again with more text. */
  again(): void {
    const m = this.marked
    this.pos = m.pos
    this.line = m.line
    this.peekc = m.peekc
    this.epilogpos = m.epilogpos
    this.future = EOF
    this.lastc = 0
    this.inquote = this.incomment = false
    this.lastword = this.lastdol = false
    this.nprompt = 0
    this.doprompt = true
    this.tok = ''
    this.errors = ''
    this.error = undefined
  }

  /** After an interrupted read: the line begun is dropped, the input goes on. */
  interrupted(): void {
    this.text = ''
    this.pos = this.echoed = 0
    this.ended = this.eof = false
    this.mark()
  }

  private prompt(): void {
    this.doprompt = false
    if (this.onprompt === undefined) return
    const nth = this.nprompt++
    if (this.pos <= this.prompted) return
    this.prompted = this.pos
    this.onprompt(nth)
  }

  private rchr(): number {
    if (this.pos < this.text.length) {
      const c = this.text.charCodeAt(this.pos++)
      if (this.pos > this.echoed) {
        this.onecho?.(this.text.slice(this.echoed, this.pos))
        this.echoed = this.pos
      }
      return c
    }
    if (this.ended) return EOF
    throw needInput
  }

  private getnext(): number {
    let c = this.peekc
    if (c !== EOF) {
      this.peekc = EOF
      return c
    }
    if (!this.eof) {
      if (this.doprompt) this.prompt()
      c = this.rchr()
      if (c === BACKSLASH && !this.inquote) {
        c = this.rchr()
        if (c === NL && !this.incomment) {
          this.doprompt = true
          c = 32
        } else {
          this.peekc = c
          c = BACKSLASH
        }
      }
      if (c === NL) this.doprompt = true
      if (c !== EOF) return c
      this.eof = true
    }
    if (this.epilogpos < this.epilog.length) return this.epilog.charCodeAt(this.epilogpos++)
    return EOF
  }

  private nextc(): number {
    if (this.future === EOF) this.future = this.getnext()
    return this.future
  }

  private advance(): number {
    const c = this.nextc()
    this.lastc = c
    this.future = EOF
    if (c === NL) this.line++
    return c
  }

  private nextis(c: number): boolean {
    if (this.nextc() !== c) return false
    this.advance()
    return true
  }

  private skipwhite(): void {
    for (;;) {
      let c = this.nextc()
      if (c === HASH) {
        this.incomment = true
        while (c !== NL && c !== EOF) {
          this.advance()
          c = this.nextc()
        }
        this.incomment = false
      }
      if (c !== 32 && c !== 9) return
      this.advance()
    }
  }

  /** Passes over blanks, comments and the ends of lines. */
  skipnl(): void {
    for (;;) {
      this.skipwhite()
      if (this.nextc() !== NL) return
      this.advance()
    }
  }

  /**
   * The next token. A caret that is not written comes out as one; after a word `(` is the beginning of a subscript.
   * An error gives `eof`, and the rest of the line is gone.
   */
  next(): Token {
    const t = this.scan()
    this.tok = t.text
    return t
  }

  private scan(): Token {
    const d = this.nextc()
    if (this.lastword) {
      this.lastword = false
      if (d === 40) {
        this.advance()
        return this.token('sub', '( [SUB]')
      }
      if (wordchr(d) || d === QUOTE || d === 96 || d === 36 || d === 34) return this.token('^', '^')
    }
    this.inquote = false
    this.skipwhite()
    const c = this.advance()
    const dol = this.lastdol
    this.lastdol = false
    switch (c) {
      case EOF:
        return this.token('eof', 'EOF')
      case 0:
        return this.token('eof', '')
      case 36:
        this.lastdol = true
        if (this.nextis(HASH)) return this.token('$#', '$#')
        if (this.nextis(34)) return this.token('$"', '$"')
        return this.token('$', '$')
      case 38:
        if (!this.nextis(38)) return this.token('&', '&')
        this.skipnl()
        return this.token('&&', '&&')
      case 124:
        if (!this.nextis(124)) return this.redirection(c)
        this.skipnl()
        return this.token('||', '||')
      case 60:
      case 62:
        return this.redirection(c)
      case QUOTE:
        return this.quoted()
    }
    if (!wordchr(c)) {
      const s = String.fromCharCode(c)
      return this.token(ischar(s) ? s : 'other', s)
    }
    return this.word(c, dol)
  }

  private token(type: TokenType, text: string): Token {
    return { type, line: this.line, text }
  }

  private quoted(): Token {
    const parts: number[] = []
    let text = ''
    this.inquote = true
    for (;;) {
      const c = this.advance()
      if (c === EOF || (c === QUOTE && !this.nextis(QUOTE))) break
      if (parts.push(c) === 1024) {
        text += String.fromCharCode(...parts)
        parts.length = 0
      }
    }
    this.lastword = true
    text += String.fromCharCode(...parts)
    return { type: 'word', line: this.line, text, quoted: true }
  }

  private word(first: number, dol: boolean): Token {
    let text = ''
    let pattern = ''
    let glob = false
    for (let c = first; ; ) {
      const s = String.fromCharCode(c)
      if (c === 42 || c === 91 || c === 63 || c === 1) {
        glob = true
        pattern += GLOB
      }
      text += s
      pattern += s
      c = this.nextc()
      if (dol ? !idchr(c) : !wordchr(c)) break
      this.advance()
    }
    const t = this.token('word', text)
    if (keywords.has(text)) t.type = text as Keyword
    else {
      this.lastword = true
      if (glob) t.pattern = pattern
    }
    return t
  }

  /** `|`, `<`, `>`, `<<`, `>>`, `<>`, any of them with `[fd]`, `[fd=]` or `[fd=fd]`. */
  private redirection(first: number): Token {
    const pipe = first === 124
    const t = this.token(pipe ? '|' : 'redir', String.fromCharCode(first))
    t.fd = first === 60 ? 0 : 1
    t.from = 0
    if (!pipe) {
      if (this.nextis(first)) t.text += t.text
      else if (first === 60 && this.nextis(62)) t.text = '<>'
      t.mode = t.text as OpenMode
    }
    if (this.nextis(91)) {
      t.text += '['
      let c = this.advance()
      const number = () => {
        let n = 0
        for (; c >= 48 && c <= 57; c = this.advance()) {
          n = Math.min(n * 10 + c - 48, 0x7fffffff)
          t.text += String.fromCharCode(c)
        }
        return n
      }
      const wrong = (): Token => {
        this.yyerror(pipe ? 'pipe syntax' : 'redirection syntax', t.text)
        return this.token('eof', t.text)
      }
      if (c < 48 || c > 57) {
        if (c !== EOF) t.text += String.fromCharCode(c)
        return wrong()
      }
      t.fd = number()
      if (c === 61) {
        t.text += '='
        c = this.advance()
        const digits = c >= 48 && c <= 57
        if (pipe && !digits) return wrong()
        if (pipe) {
          t.from = t.fd
          t.fd = number()
        } else {
          t.type = 'dup'
          t.from = digits ? number() : -1
        }
      }
      if (c !== 93) return wrong()
      t.text += ']'
    }
    if (pipe) this.skipnl()
    return t
  }

  /**
   * The text of a here document: lines up to one that is `tag`, which is passed over, or up to the end of the input.
   * No backslash is looked at. Undefined, with an error, when there is a NUL in it.
   */
  readhere(tag: string): string | undefined {
    const start = this.pos
    if (this.here.start !== start) this.here = { start, next: start, lines: 0 }
    const here = this.here
    let end = -1
    if (here.next === start) this.prompt()
    while (end < 0) {
      const nl = this.text.indexOf('\n', here.next)
      if (nl < 0) {
        if (!this.ended) throw needInput
        end = here.next = this.text.length
        break
      }
      if (nl - here.next === tag.length && this.text.startsWith(tag, here.next)) end = here.next
      here.next = nl + 1
      here.lines++
      this.pos = here.next
      if (end < 0) this.prompt()
    }
    this.pos = here.next
    this.line += here.lines
    this.doprompt = true
    if (this.pos > this.echoed) {
      this.onecho?.(this.text.slice(this.echoed, this.pos))
      this.echoed = this.pos
    }
    this.here = { start: -1, next: 0, lines: 0 }
    const text = this.text.slice(start, end)
    if (!text.includes('\0')) return text
    this.yyerror('NUL bytes in here doc')
    return undefined
  }

  /** Notes an error of syntax at the last token, and passes over the rest of the line. */
  yyerror(msg: string, tok = this.tok): void {
    const token = tok !== '' && tok[0] !== '\n' ? `token ${quote(tok)}: ` : ''
    this.errors += `${this.file}:${this.line}: ${token}${msg}\n`
    this.error = msg
    this.lastword = this.lastdol = false
    while (this.lastc !== NL && this.lastc !== EOF) this.advance()
  }
}

function ischar(s: string): s is '\n' | ';' | '^' | '=' | '`' | '{' | '}' | '(' | ')' {
  return '\n;^=`{}()'.includes(s)
}

/** A word as rc writes it: in quotes when it could not be read back without. */
export function quote(s: string): string {
  return s === '' || /[\0- `^#*[\]=|\\?${}()'<>&;]/.test(s) ? `'${s.replaceAll("'", "''")}'` : s
}
