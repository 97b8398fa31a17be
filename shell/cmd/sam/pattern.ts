import { runebefore } from '../../../plan9/libc/bytes.ts'
import { chain, type Node, regparse } from '../../../plan9/libc/regexp.ts'
import { Searcher } from '../../../plan9/libc/search.ts'
import { Regexp } from '../../../plan9/libc/substitute.ts'

/** What matches the strings of an expression backwards. */
function reverse(node: Node): Node {
  switch (node.t) {
    case 'bol':
      return { t: 'eol' }
    case 'eol':
      return { t: 'bol' }
    case 'cat':
    case 'alt': {
      const parts = chain(node, node.t).map(reverse)
      if (node.t === 'cat') parts.reverse()
      return parts.reduce((a, b) => ({ t: node.t, a, b }))
    }
    case 'star':
    case 'plus':
    case 'quest':
    case 'sub':
      return { ...node, a: reverse(node.a) }
    default:
      return node
  }
}

/** The runes of a string of bytes in reverse. */
function backwards(s: string): string {
  const out: string[] = []
  for (let i = s.length; i > 0; ) {
    const n = runebefore(s, i) & 7
    out.push(s.slice(i - n, i))
    i -= n
  }
  return out.join('')
}

export interface Range {
  p1: number
  p2: number
}

/** A regular expression that looks both ways in a text. */
export class Pattern extends Regexp {
  #back: Searcher | undefined

  /** As Regexp's; a match does not begin at the limit, unless the search does. */
  override search(s: string, from = 0, limit?: number): boolean {
    return super.search(s, from, limit) && (from === limit || this.start !== limit)
  }

  /** The match in a text nearest after `p`, or from the beginning. */
  after(s: string, p: number): Range | undefined {
    const n = s.length
    if (!((p < n && this.search(s, p, n)) || (n > 0 && this.search(s, 0, n)))) return undefined
    return { p1: this.start, p2: this.end }
  }

  /** The match nearest before `p`, or from the end. */
  before(s: string, p: number): Range | undefined {
    this.#back ??= new Searcher(reverse(regparse(this.source).node))
    const b = this.#back
    const r = backwards(s)
    // One that ends where the text begins is not found.
    const found = (from: number) => b.search(r, from) && b.start < s.length
    if (!found(s.length - p) && !found(0)) return undefined
    return { p1: s.length - b.end, p2: s.length - b.start }
  }
}
