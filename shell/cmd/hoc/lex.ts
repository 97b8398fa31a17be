import { Beof } from '../../../plan9/libc/bio.ts'
import { atof } from '../../../plan9/libc/fmt.ts'

/** What is wrong with the program, or went wrong in it: it is told, and what follows in the input is given up. */
export class Hocerror extends Error {
  override name = 'Hocerror'
}

/** Where a program is read from. */
export interface Input {
  getc(): Promise<number>
  /** Puts back the last byte that was read. */
  ungetc(): void
}

export interface Token {
  /** `number string name newline eof`, an operator, or a character that begins nothing. */
  kind: string
  /** Of a name or a string: a string of bytes. */
  text: string
  value: number
}

const NL = 10
const digit = (c: number) => c >= 48 && c <= 57
const letter = (c: number) => (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c >= 0x80
const escapes: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** What may follow a character to make an operator of two. */
const second: Record<string, string> = {
  '+': '+=',
  '-': '-=',
  '*': '=',
  '/': '=',
  '%': '=',
  '>': '=',
  '<': '=',
  '=': '=',
  '!': '=',
  '|': '|',
  '&': '&',
}

export class Lexer {
  readonly bin: Input
  line = 1
  /** The last byte read, for `flush`. */
  #c = NL
  #peeked: Token | undefined

  constructor(bin: Input) {
    this.bin = bin
  }

  /** The next token. What it is read from is read no further than it must be, for `read()` reads on there. */
  async peek(): Promise<Token> {
    this.#peeked ??= await this.#token()
    return this.#peeked
  }

  async next(): Promise<Token> {
    const t = await this.peek()
    this.#peeked = undefined
    return t
  }

  async #getc(): Promise<number> {
    this.#c = await this.bin.getc()
    return this.#c
  }

  async #while(ok: (c: number) => boolean, s: string): Promise<string> {
    for (;;) {
      const c = await this.bin.getc()
      if (c === Beof) return s
      if (!ok(c)) {
        this.bin.ungetc()
        return s
      }
      s += String.fromCharCode(c)
    }
  }

  async #token(): Promise<Token> {
    const token = (kind: string, text = '', value = 0): Token => ({ kind, text, value })
    for (;;) {
      let c = await this.#getc()
      if (c === 32 || c === 9) continue
      if (c === 92) {
        c = await this.#getc()
        if (c === NL) {
          this.line++
          continue
        }
      }
      if (c === 35) while (c !== NL && c !== Beof) c = await this.#getc()
      if (c === Beof) return token('eof')
      if (c === NL) {
        this.line++
        return token('newline')
      }
      const ch = String.fromCharCode(c)
      if (c === 46 || digit(c)) {
        this.bin.ungetc()
        return token('number', '', await this.number())
      }
      if (letter(c)) return token('name', await this.#while(d => letter(d) || digit(d), ch))
      if (c === 34) return token('string', await this.#string())
      const more = second[ch]
      if (more !== undefined) {
        const d = await this.bin.getc()
        if (d !== Beof && (more.includes(String.fromCharCode(d)) || (d === c && (c === 43 || c === 45))))
          return token(ch + String.fromCharCode(d))
        if (d !== Beof) this.bin.ungetc()
      }
      return token(ch)
    }
  }

  /** A number without a sign, as far as it goes. */
  async number(): Promise<number> {
    let s = await this.#while(digit, '')
    let c = await this.bin.getc()
    if (c === 46) {
      s = await this.#while(digit, `${s}.`)
      c = await this.bin.getc()
    }
    if (c !== 101 && c !== 69) {
      if (c !== Beof) this.bin.ungetc()
      return atof(s)
    }
    c = await this.bin.getc()
    const sign = c === 43 || c === 45 ? String.fromCharCode(c) : ''
    if (sign === '' && c !== Beof) this.bin.ungetc()
    return atof(await this.#while(digit, `${s}e${sign}`))
  }

  async #string(): Promise<string> {
    let s = ''
    for (;;) {
      let c = await this.#getc()
      if (c === 34) return s
      if (c === NL || c === Beof) throw new Hocerror('missing quote ')
      if (c === 92) {
        c = await this.#getc()
        const escaped = escapes[String.fromCharCode(c)]
        if (escaped !== undefined) {
          s += escaped
          continue
        }
      }
      s += String.fromCharCode(c)
    }
  }

  /** The next byte that is no blank or newline; Beof. */
  async skip(): Promise<number> {
    for (;;) {
      const c = await this.bin.getc()
      if (c !== 32 && c !== 9 && c !== NL) return c
    }
  }

  /** Gives up the rest of the line. */
  async flush(): Promise<void> {
    this.#peeked = undefined
    while (this.#c !== NL && this.#c !== Beof) if ((await this.#getc()) === NL) this.line++
    this.#c = NL
  }
}
