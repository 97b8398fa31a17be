import { Enovmem, PlanError } from '../error.ts'
import { Memmax } from './bio.ts'
import { frombytes, runeat, tobytes } from './bytes.ts'
import { type Reprog, regcomp, regexec, regparse } from './regexp.ts'
import { bytestorunes, runestobytes } from './rune.ts'
import { Searcher } from './search.ts'

/** What the editors replace a match with: strings of bytes, and numbers of parts of the match, of which 0 is all of it. */
export type Template = (string | number)[]

/** A regular expression over strings of bytes (bytes.ts), with the parts of its matches. */
export class Regexp {
  readonly source: string
  readonly #searcher: Searcher
  #prog: Reprog | undefined

  /** @throws RegexpError */
  constructor(source: string) {
    this.source = source
    this.#searcher = new Searcher(regparse(source).node)
  }

  test(s: string): boolean {
    return this.#searcher.test(s)
  }

  /** As `Searcher.search`. */
  search(s: string, from?: number, end?: number): boolean {
    return this.#searcher.search(s, from, end)
  }

  /** Where the match of the last `search` begins. */
  get start(): number {
    return this.#searcher.start
  }

  get end(): number {
    return this.#searcher.end
  }

  /** The parenthesised parts of the match that was found in `s`, from 1; undefined for one that took no part. */
  parts(s: string): (string | undefined)[] {
    this.#prog ??= regcomp(this.source)
    // ^ looks at what stands before.
    const from = Math.max(0, this.start - 1)
    const runes = bytestorunes(tobytes(s.slice(from, this.end)))
    const match = regexec(this.#prog, runes, this.start - from) ?? []
    return match.map(([b, e]) => (b < 0 ? undefined : frombytes(runestobytes(runes, b, e))))
  }

  /** What replaces the match that was found in `s`; `missing` says what stands for a part that there is not. */
  fill(to: Template, s: string, missing: (n: number) => string): string {
    let parts: (string | undefined)[] | undefined
    let out = ''
    for (const x of to) {
      if (typeof x === 'string') out += x
      else if (x === 0) out += s.slice(this.start, this.end)
      else {
        parts ??= this.parts(s)
        out += parts[x] ?? missing(x)
      }
    }
    return out
  }

  /**
   * Puts `to` in the place of the first match in `s`, of the n'th, or of all from there on; undefined when there are not so
   * many. What was put there stands before what is searched next: `^` matches again after nothing, and after a newline.
   *
   *   atend     all: a match of nothing at the end of `s` counts, too
   *   missing   as `fill`
   */
  replace(
    s: string,
    to: Template,
    { nth = 1, all, atend = false }: { nth?: number; all: boolean; atend?: boolean },
    missing: (n: number) => string,
  ): string | undefined {
    let done = ''
    let from = 0
    let at = 0
    for (let n = 1; this.search(s, at); n++) {
      const { start, end } = this
      at = end
      if (n < nth) continue
      done += s.slice(from, start)
      done += this.fill(to, s, missing)
      if (done.length > Memmax) throw new PlanError(Enovmem)
      from = end
      nth = 0
      if (!all || (!atend && end >= s.length)) break
      if (start === end) {
        if (end >= s.length) break
        from += runeat(s, end) & 7
        done += s.slice(end, from)
        if (!atend && from >= s.length) break
      }
      const before = done.slice(-1)
      if (from > 0 && s[from - 1] !== before) {
        s = before + s.slice(from)
        from = before.length
      }
      at = from
    }
    return nth > 0 ? undefined : done + s.slice(from)
  }
}
