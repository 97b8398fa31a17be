/** quote(2): the quoting of rc. */

/** Whether a character needs quoting in rc's eyes. */
export function needsrcquote(c: string): boolean {
  return c <= ' ' || /[`^#*[\]=|\\?${}()'<>&;]/.test(c)
}

/** As print(2)'s %q: in quotes when it is empty or has a blank, a control character, a quote, or what `doquote` names. */
export function quotestr(s: string, doquote: (c: string) => boolean = () => false): string {
  let need = s === ''
  for (const c of s) if (c <= ' ' || c === "'" || doquote(c)) need = true
  return need ? `'${s.replaceAll("'", "''")}'` : s
}

/** %q with quoterc(2): fit to be typed at rc. */
export const quoterc = (s: string): string => quotestr(s, needsrcquote)

/** tokenize(2): fields separated by white space, quotes honoured and taken off. */
export function tokenize(s: string, max = Number.POSITIVE_INFINITY): string[] {
  const fields: string[] = []
  let i = 0
  const blank = (c: string) => c === ' ' || c === '\t' || c === '\n' || c === '\r'
  while (fields.length < max) {
    while (i < s.length && blank(s[i]!)) i++
    if (i >= s.length) break
    let word = ''
    let quoting = false
    for (; i < s.length; i++) {
      const c = s[i]!
      if (quoting) {
        if (c !== "'") word += c
        else if (s[i + 1] === "'") {
          word += c
          i++
        } else quoting = false
      } else if (c === "'") quoting = true
      else if (blank(c)) break
      else word += c
    }
    fields.push(word)
  }
  return fields
}
