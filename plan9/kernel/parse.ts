import { PlanError } from '../error.ts'

/** quote(2): as rc would need it, in quotes only where it must be. */
export function quote(s: string): string {
  return s !== '' && !/[\u0000- ']/.test(s) ? s : forcequote(s)
}

export function forcequote(s: string): string {
  return `'${s.replaceAll("'", "''")}'`
}

/** tokenize(2): words between blanks, in which '' quotes. */
export function tokenize(s: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (let i = 0; i < s.length; i++) {
    const ch = s[i]!
    if (ch === "'") {
      word ??= ''
      for (i++; i < s.length; i++) {
        if (s[i] !== "'") word += s[i]
        else if (s[i + 1] === "'") word += s[i++]
        else break
      }
    } else if (ch === ' ' || ch === '\t' || ch === '\r' || ch === '\n') {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + ch
  }
  if (word !== undefined) words.push(word)
  return words
}

/** A command written to a device, by its words. */
export function parsecmd(data: Uint8Array): string[] {
  return tokenize(new TextDecoder().decode(data))
}

/**
 * Checks a control message against the device's table of names and numbers of words (0: any).
 *
 * @throws PlanError `unknown control message "..."`, `wrong #args in control message "..."`
 */
export function lookupcmd(f: string[], tab: Record<string, number>): string {
  const name = f[0]
  if (name === undefined) throw new PlanError('empty control message')
  const narg = Object.hasOwn(tab, name) ? tab[name] : undefined
  const text = f.map(quote).join(' ')
  if (narg === undefined) throw new PlanError(`unknown control message "${text}"`)
  if (narg !== 0 && narg !== f.length) throw new PlanError(`wrong #args in control message "${text}"`)
  return name
}

/** At most n bytes of UTF-8, cut between characters. */
export function utfcut(s: string, n: number): string {
  if (s.length * 3 <= n) return s
  const { read } = new TextEncoder().encodeInto(s, new Uint8Array(n))
  return s.slice(0, read)
}

/** cleanname(2): multiple slashes, dots and dot-dots resolved in the text alone. */
export function cleanname(name: string): string {
  const rooted = name.startsWith('/')
  const out: string[] = []
  for (const e of name.split('/')) {
    if (e === '' || e === '.') continue
    if (e === '..') {
      if (out.length > 0 && out.at(-1) !== '..') out.pop()
      else if (!rooted) out.push(e)
    } else out.push(e)
  }
  return rooted ? `/${out.join('/')}` : out.join('/') || '.'
}
