import { quoterc } from '../../../plan9/libc/quote.ts'
import { Fatal, type Mk } from './state.ts'

/** Whether rc allows the character in the name of a variable. */
const wordchr = (c: string): boolean => c > ' ' && !'!"#$%&\'()*+,-./:;<=>?@[\\]^`{|}~'.includes(c)

/** The end of the variable's name that starts at i. */
export function shname(s: string, i = 0): number {
  while (i < s.length && wordchr(s[i]!)) i++
  return i
}

/** Whether a list is nothing, or starts with an empty word. */
export const empty = (w: readonly string[]): boolean => w.length === 0 || w[0] === ''

/** Words as rc would read them. */
export const wtos = (w: readonly string[]): string => w.map(quoterc).join(' ')

export const percent = (c: string | undefined): boolean => c === '%' || c === '&'

/** The index of the first of the characters in `set` that is in no quotes and no ${}; -1 for none. */
export function charin(mk: Mk, s: string, set: string, i = 0): number {
  let vargen = false
  for (; i < s.length; i++) {
    const c = s[i]!
    if (c === "'") {
      const end = closequote(s, i + 1)
      if (end < 0) {
        mk.complain(mk.where("missing closing '"))
        return -1
      }
      i = end
    } else if (c === '$') {
      if (s[i + 1] === '{') vargen = true
    } else if (c === '}' && vargen) vargen = false
    else if (!vargen && set.includes(c)) return i
  }
  if (vargen) mk.complain(mk.where('missing closing } in pattern generator'))
  return -1
}

/** The index of the quote that ends what starts at i, where two quotes stand for one; -1 for none. */
function closequote(s: string, i: number): number {
  for (; i < s.length; i++) {
    if (s[i] !== "'") continue
    if (s[i + 1] !== "'") return i
    i++
  }
  return -1
}

/** The words of a text: quotes are honoured and variables replaced. @throws Fatal */
export function stow(mk: Mk, s: string): string[] {
  return new Reader(mk, s).words()
}

class Reader {
  readonly mk: Mk
  readonly s: string
  pos = 0

  constructor(mk: Mk, s: string) {
    this.mk = mk
    this.s = s
  }

  words(): string[] {
    const all: string[] = []
    while (this.pos < this.s.length) {
      const w = this.word()
      // A variable without a value at the end of the text ends it.
      if (w.length === 0) break
      all.push(...w)
    }
    return all
  }

  /** A word, or as many as a list in it makes: the text next to a list joins its first and its last. */
  word(): string[] {
    const { s } = this
    const start = this.pos
    const list: string[] = []
    let text = ''
    let some = false
    this.blanks()
    while (this.pos < s.length) {
      const c = s[this.pos++]!
      if (c === ' ' || c === '\t' || c === '\n') break
      if (c === "'") {
        const end = closequote(s, this.pos)
        if (end < 0) throw new Fatal(`missing closing quote: ${s.slice(start)}`)
        text += s.slice(this.pos, end).replaceAll("''", "'")
        this.pos = end + 1
        some = true
      } else if (c === '\\' || c === '"') {
        text += c
        some = true
      } else if (c === '$') {
        const w = this.variable()
        if (w.length === 0) {
          if (!some && text === '') this.blanks()
          continue
        }
        some = true
        list.push(`${list.pop() ?? ''}${text}${w[0]!}`, ...w.slice(1))
        text = ''
      } else text += c
    }
    if (list.length > 0) list.push(list.pop()! + text)
    else if (some || text !== '') list.push(text)
    return list
  }

  blanks(): void {
    while (this.s[this.pos] === ' ' || this.s[this.pos] === '\t') this.pos++
  }

  /** The value of what follows a dollar: `name`, `{name}` or `{name:A%B=C%D}`. */
  variable(): readonly string[] {
    const { mk, s } = this
    const begin = this.pos
    const braced = s[begin] === '{'
    if (braced) this.pos++
    const end = shname(s, this.pos)
    if (end === this.pos) {
      mk.complain(mk.where(`missing variable name <${s.slice(this.pos)}>`))
      return []
    }
    const name = s.slice(this.pos, end)
    this.pos = end
    const value = mk.vars.get(name) ?? []
    if (!braced) return value
    if (s[end] === '}') {
      this.pos++
      return value
    }
    if (s[end] !== ':') {
      mk.complain(mk.where(`bad variable name <${name}>`))
      return []
    }
    const close = charin(mk, s, '}', end + 1)
    if (close < 0) throw new Fatal(mk.where(`missing '}': ${s.slice(begin)}`))
    this.pos = close + 1
    return value.length === 0 ? value : substitute(mk, value, s.slice(end + 1, close))
  }
}

/** Each word of v that A%B matches becomes C%D, unless that is nothing; A, B, C and D may be lists. */
function substitute(mk: Mk, v: readonly string[], pattern: string): string[] {
  let at = 0
  const part = (from: number, term: string): string[] => {
    const i = charin(mk, pattern, term, from)
    at = i < 0 ? pattern.length : i
    return stow(mk, pattern.slice(from, at))
  }
  const a = part(0, '=%&')
  const b = percent(pattern[at]) ? part(at + 1, '=') : []
  const c = pattern[at] === '=' ? part(at + 1, '&%') : []
  const middle = percent(pattern[at])
  const d = stow(mk, pattern.slice(middle ? at + 1 : at))
  return v.flatMap(word => {
    const prefix = a.length === 0 ? '' : a.find(p => word.startsWith(p))
    const suffix = b.length === 0 ? '' : b.find(p => word.endsWith(p))
    if (prefix === undefined || suffix === undefined) return [word]
    const mid = middle ? word.slice(prefix.length, Math.max(word.length - suffix.length, prefix.length)) : ''
    const to = [...c]
    if (mid !== '') to.push((to.pop() ?? '') + mid)
    if (!empty(d)) to.push((to.pop() ?? '') + d[0]!, ...d.slice(1))
    return to.length === 0 ? [word] : to
  })
}
