import { runeat } from '../../../plan9/libc/bytes.ts'
import { RegexpError, regparse } from '../../../plan9/libc/regexp.ts'
import { Runeerror, Runemax } from '../../../plan9/libc/rune.ts'
import { Searcher } from '../../../plan9/libc/search.ts'
import { Fatal } from './value.ts'

/** Regular expressions as awk writes them: regexp(6) with C's escapes, and classes in which `-` may stand first or last. */

/** Nothing: the class of no rune. It stands for itself in a pattern that regparse takes. */
const NOTHING = `[^\\\u0000-\\${String.fromCodePoint(Runemax)}]`
const NL = 10
const BACKSLASH = 92

const escapes: Record<string, number> = { t: 9, n: NL, f: 12, r: 13, b: 8 }

class Translator {
  readonly #s: string
  #i = 0

  constructor(s: string) {
    this.#s = s
  }

  #rune(): number {
    const x = runeat(this.#s, this.#i)
    this.#i += x & 7
    return x >>> 3
  }

  /** What follows a backslash. */
  #escape(): number {
    if (this.#i >= this.#s.length) return BACKSLASH
    const c = this.#s[this.#i]!
    if (escapes[c] !== undefined) {
      this.#i++
      return escapes[c]
    }
    const m = /^(?:x([0-9a-fA-F]{1,4})|([0-7]{1,3}))/.exec(this.#s.slice(this.#i, this.#i + 5))
    if (m === null) return this.#rune()
    this.#i += m[0].length
    if (m[1] !== undefined) return Number.parseInt(m[1], 16)
    const byte = Number.parseInt(m[2]!, 8) & 0xff
    return byte < 0x80 ? byte : Runeerror
  }

  #one(): number {
    const r = this.#rune()
    return r === BACKSLASH ? this.#escape() : r
  }

  /** A class, after its bracket. */
  #class(): string {
    const s = this.#s
    let out = '['
    if (s[this.#i] === '^') {
      out += '^'
      this.#i++
    }
    if (s[this.#i] === ']') {
      // No characters: nothing at all, perhaps; or anything, newline excepted.
      this.#i++
      return out === '[' ? `${NOTHING}*` : '.*'
    }
    const put = (r: number) => {
      out += `\\${String.fromCodePoint(r)}`
    }
    for (;;) {
      if (this.#i >= s.length) throw new RegexpError('No closing ] for class')
      if (s[this.#i] === ']') {
        this.#i++
        return `${out}]`
      }
      let lo = this.#one()
      let hi = lo
      if (s[this.#i] === '-' && this.#i + 1 < s.length && s[this.#i + 1] !== ']') {
        this.#i++
        hi = this.#one()
      }
      if (hi < lo) [lo, hi] = [hi, lo]
      // The parser reads \n as a newline.
      for (const [k, r] of [lo, hi].entries()) {
        if (k === 1 && hi === lo) break
        if (k === 1) out += '-'
        if (r === 110) out += 'n'
        else put(r)
      }
    }
  }

  /** The pattern as regparse reads it. */
  all(): string {
    const s = this.#s
    let out = ''
    while (this.#i < s.length) {
      const r = this.#rune()
      if (r === BACKSLASH) {
        const e = this.#escape()
        out += e === 110 ? 'n' : `\\${String.fromCodePoint(e)}`
      } else if (r === 91) out += this.#class()
      else if (r === 40 && s[this.#i] === ')') {
        this.#i++
        out += `${NOTHING}*`
      } else out += String.fromCodePoint(r)
    }
    return out
  }
}

/**
 * Compiles an expression, a string of bytes.
 *
 * @throws RegexpError with regexp(2)'s words
 */
export function compre(pattern: string): Searcher {
  try {
    return new Searcher(regparse(new Translator(pattern).all()).node)
  } catch (e) {
    if (!(e instanceof RegexpError) || /class/.test(e.message)) throw e
    throw new RegexpError(`regexp ${pattern}: ${e.message === 'empty pattern' ? 'parsing error' : e.message}`)
  }
}

/** Compiled expressions of the strings that were last used as such. */
export class Regexps {
  readonly #cache = new Map<string, Searcher>()

  /** @throws Fatal */
  get(pattern: string): Searcher {
    let re = this.#cache.get(pattern)
    if (re === undefined) {
      try {
        re = compre(pattern)
      } catch (e) {
        if (!(e instanceof RegexpError)) throw e
        throw new Fatal(e.message)
      }
      if (this.#cache.size >= 100) this.#cache.delete(this.#cache.keys().next().value!)
      this.#cache.set(pattern, re)
    }
    return re
  }
}
