/** A file of the program, or its text from the command line, which has no name. */
export interface Source {
  name: string | undefined
  text: string
}

/** What words mean. A `builtin` is a function that may stand without parentheses. */
const words = new Map<string, string>(
  [
    ...['BEGIN', 'END', 'NF', 'break', 'close', 'continue', 'delete', 'do', 'else', 'exit', 'for', 'getline', 'gsub'],
    ...['if', 'in', 'index', 'match', 'next', 'nextfile', 'print', 'printf', 'return', 'split', 'sprintf', 'sub'],
    ...['substr', 'while'],
  ].map(w => [w, w] as const),
)
words.set('func', 'function').set('function', 'function')
for (const w of ['atan2', 'cos', 'exp', 'fflush', 'int', 'length', 'log', 'rand', 'sin', 'sqrt', 'srand', 'system'])
  words.set(w, 'builtin')
for (const w of ['tolower', 'toupper', 'utf']) words.set(w, 'builtin')

/**
 * A token. Its kind is a keyword, an operator, or: name, call (a name with a parenthesis right after it), field ($ and a
 * name), $, number, string, builtin, assign (=, +=, ...), \n, or '' at the end.
 */
export interface Token {
  kind: string
  /** A name, the text of a number, a string's bytes, an operator. */
  text: string
}

const alpha = (c: number) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95
const digit = (c: number) => c >= 48 && c <= 57

const number = /(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?/y

const escapes: Record<string, string> = { n: '\n', t: '\t', f: '\f', r: '\r', b: '\b', v: '\v', a: '\x07' }

export class Lexer {
  readonly #src: string
  readonly #sources: Source[]
  /** Where each source ends. */
  readonly #ends: number[] = []
  #pos = 0
  /** The furthest that was looked at: what lies behind is known to be there. */
  #seen = 0
  #brace = false
  #depth = { '{': 0, '[': 0, '(': 0 }
  lineno = 1
  /** Names of the arguments of the function that is being read. */
  args: string[] = []
  infunc = false
  /** Where messages go. */
  readonly syntax: (msg: string) => void

  constructor(sources: Source[], syntax: (msg: string) => void) {
    this.#sources = sources
    this.#src = sources.map(s => s.text).join('')
    let end = 0
    for (const s of sources) this.#ends.push((end += s.text.length))
    this.syntax = syntax
  }

  /** The name of the file that is being read. */
  get source(): string | undefined {
    const i = this.#ends.findIndex(e => this.#pos <= e)
    return this.#sources[i < 0 ? this.#sources.length - 1 : i]!.name
  }

  #peek(): string {
    this.#seen = Math.max(this.#seen, this.#pos + 1)
    return this.#src[this.#pos] ?? ''
  }

  #get(): string {
    const c = this.#peek()
    if (this.#ends.includes(this.#pos) && this.#pos < this.#src.length) this.lineno = 1
    this.#pos++
    if (c === '\n') this.lineno++
    return c
  }

  #word(): string {
    const start = this.#pos
    let i = start
    while (i < this.#src.length && (alpha(this.#src.charCodeAt(i)) || digit(this.#src.charCodeAt(i)))) i++
    this.#past(i)
    return this.#src.slice(start, i)
  }

  /** After a word or number, whose end was seen by reading on: at the end of all, that was read too. */
  #past(i: number): void {
    this.#pos = i < this.#src.length ? i : i + 1
    this.#peek()
  }

  next(): Token {
    const t = (kind: string, text = kind): Token => ({ kind, text })
    if (this.#brace) {
      this.#brace = false
      return t('}')
    }
    for (;;) {
      const c = this.#get()
      if (c === '') return t('')
      const code = c.charCodeAt(0)
      if (alpha(code)) {
        this.#pos--
        return this.#name()
      }
      if (digit(code) || (c === '.' && digit(this.#src.charCodeAt(this.#pos)))) {
        this.#pos--
        number.lastIndex = this.#pos
        const m = number.exec(this.#src)!
        this.#past(this.#pos + m[0].length)
        return t('number', m[0])
      }
      switch (c) {
        case '\r':
        case ' ':
        case '\t':
          continue
        case '#':
          while (this.#peek() !== '\n' && this.#peek() !== '') this.#get()
          continue
        case '\\':
          if (this.#peek() === '\n') this.#get()
          else if (this.#peek() === '\r') {
            this.#get()
            this.#get()
          } else return t(c)
          continue
        case '&':
        case '|':
          if (this.#peek() !== c) return t(c)
          this.#get()
          return t(c + c)
        case '!':
          if (this.#peek() === '=' || this.#peek() === '~') return t(c + this.#get())
          return t(c)
        case '<':
          if (this.#peek() === '=') return t(c + this.#get())
          return t(c)
        case '>':
          if (this.#peek() === '=' || this.#peek() === '>') return t(c + this.#get())
          return t(c)
        case '=':
          if (this.#peek() === '=') return t(c + this.#get())
          return t('assign', c)
        case '+':
        case '-':
          if (this.#peek() === c) return t(c + this.#get())
          if (this.#peek() === '=') return t('assign', c + this.#get())
          return t(c)
        case '*':
          if (this.#peek() === '*') {
            this.#get()
            if (this.#peek() !== '=') return t('^')
            this.#get()
            return t('assign', '^=')
          }
          if (this.#peek() === '=') return t('assign', c + this.#get())
          return t(c)
        case '%':
        case '^':
          if (this.#peek() === '=') return t('assign', c + this.#get())
          return t(c)
        case '$':
          return this.#dollar()
        case '}':
          this.#close('{', c)
          // A brace ends a statement.
          this.#brace = true
          return t(';')
        case ']':
          this.#close('[', c)
          return t(c)
        case ')':
          this.#close('(', c)
          return t(c)
        case '{':
        case '[':
        case '(':
          this.#depth[c]++
          return t(c)
        case '"':
          return this.#string()
        default:
          return t(c)
      }
    }
  }

  #close(open: '{' | '[' | '(', c: string): void {
    if (--this.#depth[open] < 0) this.syntax(`extra ${c}`)
  }

  #name(): Token {
    const w = this.#word()
    const kind = words.get(w)
    if (kind !== undefined) {
      if (kind === 'function' && this.infunc) this.syntax('illegal nested function')
      if (kind === 'return' && !this.infunc) this.syntax('return not in function')
      return { kind, text: w }
    }
    return { kind: this.#peek() === '(' ? 'call' : 'name', text: w }
  }

  /** $x is a field at once, so that $x++ counts the field and not x; but not when x is an argument. */
  #dollar(): Token {
    if (!alpha(this.#peek().charCodeAt(0))) return { kind: '$', text: '$' }
    const at = this.#pos
    const w = this.#word()
    if (w !== 'NF' && !(this.infunc && this.args.includes(w))) return { kind: 'field', text: w }
    this.#pos = at
    return { kind: '$', text: '$' }
  }

  #string(): Token {
    let s = ''
    for (;;) {
      let c = this.#get()
      if (c === '"') return { kind: 'string', text: s }
      if (c === '\n' || c === '\r' || c === '') {
        this.syntax(`non-terminated string ${s.slice(0, 10)}...`)
        return { kind: '', text: '' }
      }
      if (c !== '\\') {
        s += c
        continue
      }
      c = this.#get()
      const m = /^(?:x([0-9a-fA-F]*)|([0-7]{1,3}))/.exec(c + this.#src.slice(this.#pos, this.#pos + 100))
      if (m === null) {
        s += escapes[c] ?? c
        continue
      }
      this.#pos += m[0].length - 1
      this.#peek()
      s += String.fromCharCode(
        (m[1] !== undefined ? Number.parseInt(m[1] || '0', 16) : Number.parseInt(m[2]!, 8)) & 0xff,
      )
    }
  }

  /** The expression up to the next slash, or the end of all; to be called when the last token was a slash. */
  regexp(): string {
    let s = ''
    for (;;) {
      const c = this.#get()
      if (c === '/' || c === '') return s
      if (c === '\n') {
        this.syntax(`newline in regular expression ${s.slice(0, 10)}...`)
        this.#pos--
        this.lineno--
        return s
      }
      s += c
      if (c === '\\') s += this.#get()
    }
  }

  /** The line that is being read, with what was read last marked. The rest of it, if it is shown, is done with. */
  context(): string {
    const src = this.#src
    let end = Math.min(this.#pos, src.length)
    const last = this.#pos > src.length
    if (last) return ' context is\n\t >>>  <<< \n'
    let p = end - 1
    if (p > 0 && src[p] === '\n') p--
    while (p > 0 && src[p] !== '\n') p--
    while (src[p] === '\n') p++
    let q = end - 1
    while (q >= p && !/[ \t\n]/.test(src[q]!)) q--
    let out = ` context is\n\t${src.slice(p, Math.max(p, q))} >>> ${src.slice(Math.max(p, q), end)} <<< `
    if (this.#seen > end) {
      const rest = end
      while (end < src.length && src[end] !== '\n') this.#count(src[end++]!)
      out += src.slice(rest, end)
      this.#pos = end
      this.#get()
    }
    return `${out}\n`
  }

  #count(c: string): void {
    if (c === '{' || c === '[' || c === '(') this.#depth[c]++
    else if (c === '}') this.#depth['{']--
    else if (c === ']') this.#depth['[']--
    else if (c === ')') this.#depth['(']--
  }

  /** Reads what is left, as tokens or as mere bytes, and tells what is missing or too much. */
  unbalanced(tokens: boolean): string {
    if (tokens) while (this.next().kind !== '');
    for (let c = this.#get(); c !== ''; c = this.#get()) this.#count(c)
    let out = ''
    for (const [open, close] of ['{}', '[]', '()']) {
      const n = this.#depth[open as '{' | '[' | '(']
      if (n === 1) out += `\tmissing ${close}\n`
      else if (n > 1) out += `\t${n} missing ${close}'s\n`
      else if (n === -1) out += `\textra ${close}\n`
      else if (n < -1) out += `\t${-n} extra ${close}'s\n`
    }
    return out
  }
}
