import { Beof, type Bin } from '../../../plan9/libc/bio.ts'

/** Nothing more is to be read: the last file's end, or `quit`. */
export class Eof extends Error {}

export type Kind =
  | 'letter'
  | 'digit'
  | 'string'
  | 'eqop'
  | 'relation'
  | 'incr'
  | 'base'
  | 'word'
  /** Any other character, and what is no word. */
  | 'char'

export interface Token {
  kind: Kind
  /** What it says: bytes. For `base` dc's command that pushes it, in capitals. */
  text: string
}

interface Source {
  name: string
  bin: Bin
}

/** The first two letters tell a word. */
const words: Record<string, string> = {
  pr: 'print',
  if: 'if',
  wh: 'while',
  fo: 'for',
  sq: 'sqrt',
  re: 'return',
  br: 'break',
  de: 'define',
  di: 'display',
  au: 'auto',
  le: 'length',
}
const bases: Record<string, string> = { sc: 'K', ba: 'I', ib: 'I', ob: 'O' }

const lower = (c: string) => c >= 'a' && c <= 'z'

export class Lex {
  /** The file's name, and the lines that the parser has taken of it. */
  name = ''
  line = 0
  readonly #next: () => Promise<Source | undefined>
  #bin: Bin | undefined
  #peek: string | undefined

  /** @param next - opens the next file; undefined after the last one */
  constructor(next: () => Promise<Source | undefined>) {
    this.#next = next
  }

  async #getc(): Promise<string> {
    const p = this.#peek
    if (p !== undefined) {
      this.#peek = undefined
      return p
    }
    for (;;) {
      const c = this.#bin ? await this.#bin.getc() : Beof
      if (c !== Beof) return String.fromCharCode(c)
      if (this.#bin && this.#bin.fd !== 0) await this.#bin.sys.close(this.#bin.fd)
      this.#bin = undefined
      const source = await this.#next()
      if (source === undefined) throw new Eof()
      this.#bin = source.bin
      this.name = source.name
      this.line = 0
    }
  }

  /** Takes the next character if it is c. */
  async #is(c: string): Promise<boolean> {
    const next = await this.#getc()
    if (next === c) return true
    this.#peek = next
    return false
  }

  async #word(c: string): Promise<Token> {
    const second = await this.#getc()
    this.#peek = second
    if (!lower(second)) return { kind: 'letter', text: c }
    const two = c + second
    if (two === 'qu') throw new Eof()
    const [word, base] = [words[two], bases[two]]
    if (word === undefined && base === undefined) return { kind: 'char', text: two }
    let rest = await this.#getc()
    while (lower(rest)) rest = await this.#getc()
    this.#peek = rest
    return base === undefined ? { kind: 'word', text: word! } : { kind: 'base', text: base }
  }

  async #comment(): Promise<void> {
    for (;;) if ((await this.#getc()) === '*' && (await this.#is('/'))) return
  }

  async token(): Promise<Token> {
    for (;;) {
      const c = await this.#getc()
      if (c === ' ' || c === '\t') continue
      if (c === '\\') {
        await this.#getc()
        continue
      }
      if (lower(c)) return this.#word(c)
      if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')) return { kind: 'digit', text: c }
      switch (c) {
        case '+':
        case '-':
        case '*':
        case '/':
        case '%':
        case '^':
          if (await this.#is('=')) return { kind: 'eqop', text: c }
          if ((c === '+' || c === '-') && (await this.#is(c))) return { kind: 'incr', text: c }
          if (c === '/' && (await this.#is('*'))) {
            await this.#comment()
            continue
          }
          break
        case '=':
        case '<':
        case '>':
        case '!':
          if (await this.#is('=')) return { kind: 'relation', text: `${c}=` }
          if (c === '<' || c === '>') return { kind: 'relation', text: c }
          break
        case '"': {
          let text = ''
          for (let s = await this.#getc(); s !== '"'; s = await this.#getc()) text += s
          return { kind: 'string', text }
        }
      }
      return { kind: 'char', text: c }
    }
  }
}
