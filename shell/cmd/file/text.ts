import { chartorune, fullrune, UTFmax } from '../../../plan9/libc/rune.ts'

/** What a text is judged by: how often each kind of character is in it, and some words. */
export interface Counts {
  /** Printable characters and white space of ASCII, by their codes. */
  ascii: number[]
  control: number
  nul: number
  /** Runes 0x81 to 0x9f, which no text has. */
  binary: number
  latin: number
  /** Runes past Latin-1, and those of them in each block of `blocks`. */
  utf: number
  blocks: number[]
  /** Words of languages. */
  words: Record<keyof typeof dict, number>
}

export const blocks: readonly [low: number, high: number, name: string][] = [
  [0x0100, 0x01ff, 'Extended Latin'],
  [0x0370, 0x03ff, 'Greek'],
  [0x0400, 0x04ff, 'Cyrillic'],
  [0x0530, 0x058f, 'Armenian'],
  [0x0590, 0x05ff, 'Hebrew'],
  [0x0600, 0x06ff, 'Arabic'],
  [0x0900, 0x097f, 'Devanagari'],
  [0x0980, 0x09ff, 'Bengali'],
  [0x0a00, 0x0a7f, 'Gurmukhi'],
  [0x0a80, 0x0aff, 'Gujarati'],
  [0x0b00, 0x0b7f, 'Oriya'],
  [0x0b80, 0x0bff, 'Tamil'],
  [0x0c00, 0x0c7f, 'Telugu'],
  [0x0c80, 0x0cff, 'Kannada'],
  [0x0d00, 0x0d7f, 'Malayalam'],
  [0x0e00, 0x0e7f, 'Thai'],
  [0x0e80, 0x0eff, 'Lao'],
  [0x1000, 0x105f, 'Tibetan'],
  [0x10a0, 0x10ff, 'Georgian'],
  [0x3040, 0x30ff, 'Japanese'],
  [0x3100, 0x312f, 'Chinese'],
  [0x3130, 0x318f, 'Korean'],
  [0x3400, 0x3d2f, 'Korean'],
]

const dict = {
  c: /^(char|double|extern|float|int|long|register|short|static|struct|void)$/,
  as: /^TEXT$/,
  alef: /^(adt|aggr|alef)$/,
  limbo: /^(PATH|array|con|fn|implement|import|iota|module|ref|self)$/,
  include: /^include$/,
  header: /^(bio|libc|stdio|u)$/,
  h: /^h$/,
}

export function count(b: Uint8Array): Counts {
  const n: Counts = {
    ascii: new Array<number>(128).fill(0),
    control: 0,
    nul: 0,
    binary: 0,
    latin: 0,
    utf: 0,
    blocks: blocks.map(() => 0),
    words: { c: 0, as: 0, alef: 0, limbo: 0, include: 0, header: 0, h: 0 },
  }
  for (let i = 0; i < b.length; ) {
    if (!fullrune(b, i) && b.length - i < UTFmax) break
    const x = chartorune(b, i)
    i += x & 7
    const r = x >>> 3
    if (r === 0) n.nul++
    else if (r < 0x80) {
      if ((r >= 32 && r < 127) || (r >= 9 && r <= 13)) n.ascii[r]!++
      else n.control++
    } else if (r > 0x80 && r < 0xa0) n.binary++
    else if (r >= 0xa0 && r <= 0xff) n.latin++
    else {
      n.utf++
      const at = blocks.findIndex(([low, high]) => r >= low && r <= high)
      if (at >= 0) n.blocks[at]!++
    }
  }
  return n
}

export function words(n: Counts, s: string): void {
  for (const [word] of s.matchAll(/[A-Za-z]+/g))
    for (const k of Object.keys(dict) as (keyof typeof dict)[]) if (dict[k].test(word)) n.words[k]++
}

const at = (n: Counts, chars: string) => [...chars].reduce((sum, c) => sum + n.ascii[c.charCodeAt(0)]!, 0)

/** C, by what it includes, declares, assigns; Alef is C that has some words of its own. */
export function program(n: Counts): string | undefined {
  const { words: w } = n
  const dots = at(n, '.')
  const includes = w.include
  if (
    (includes >= 2 && w.header >= includes && w.h >= includes && dots >= includes) ||
    (includes >= 1 && w.alef >= includes && w.h >= includes && dots >= includes) ||
    (w.c >= 5 && at(n, ';') >= 5) ||
    (at(n, ';') >= 10 && at(n, '=') >= 10 && w.c >= 1)
  )
    return w.alef > 0 ? 'alef program' : 'c program'
  return undefined
}

/** English, by its punctuation and how often its letters come. */
export function english(n: Counts, s: string): boolean {
  let punct = 0
  let bad = 0
  for (const m of s.matchAll(/[.,)%;:?](?=(.))/gs)) {
    punct++
    if (m[1] !== ' ' && m[1] !== '\n') bad++
  }
  const e = at(n, 'e')
  if (bad * 5 > punct || at(n, '></') > e || 2 * at(n, ';') > e) return false
  const both = (letters: string) => at(n, letters + letters.toLowerCase())
  return both('AEIOU') * 5 >= s.length - at(n, ' ') && both('ETAION') >= 10 * both('VJKQXZ')
}

/** ASCII, and the blocks of Unicode that there are, if they are few. */
export function utftext(n: Counts): string | undefined {
  const found = [...new Set(blocks.filter((_, i) => n.blocks[i]! > 0).map(([, , name]) => name))]
  if (found.length >= 4) return undefined
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYabcdefghijklmnopqrstuvwxy'
  if (at(n, letters) > 0) found.unshift('Ascii')
  return `${found.length === 0 ? 'UTF' : found.join(' & ')} text`
}
