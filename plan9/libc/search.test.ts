import { describe, expect, it } from 'vitest'
import { compre } from '../../shell/cmd/awk/regex.ts'
import { Random } from '../../tests/random.ts'
import { fromtext, tobytes, utflen } from './bytes.ts'
import { regcomp, regexec, regparse } from './regexp.ts'
import { bytestorunes, Runeerror, Runemax } from './rune.ts'
import { Searcher } from './search.ts'

/** What regexec finds: in bytes, as Searcher tells it. A byte that is no UTF-8 is Runeerror there. */
function reference(pattern: string, s: string, from: number): [number, number] | undefined {
  const runes = bytestorunes(tobytes(s)).map(r => (r > Runemax ? Runeerror : r))
  const m = regexec(regcomp(pattern), runes, utflen(s, from))
  if (m === undefined) return undefined
  const at = [0]
  for (const r of bytestorunes(tobytes(s)))
    at.push(at[at.length - 1]! + (r > Runemax || r < 0x80 ? 1 : r < 0x800 ? 2 : r < 0x10000 ? 3 : 4))
  return [at[m[0]![0]]!, at[m[0]![1]]!]
}

function found(re: Searcher, s: string, from = 0): [number, number] | undefined {
  return re.search(s, from) ? [re.start, re.end] : undefined
}

describe('Searcher', () => {
  it.each<[string, string, [number, number] | undefined]>([
    ['abc', 'xxabcabc', [2, 5]],
    ['a|ab', 'xabc', [1, 3]],
    ['abcd|c', 'xabcd', [1, 5]],
    ['abcd|c', 'xabce', [3, 4]],
    ['x*', 'aaa', [0, 0]],
    ['x*$', 'axx', [1, 3]],
    ['^b', 'a\nb', [2, 3]],
    ['a$', 'a\nb', [0, 1]],
    ['^$', 'a\n\nb', [2, 2]],
    ['.+', '\nab\n', [1, 3]],
    ['[^a]', 'a\nb', [2, 3]],
    ['z', 'abc', undefined],
    ['^a', 'ba', undefined],
  ])('/%s/ in %j', (pattern, s, want) => {
    const re = new Searcher(regparse(pattern).node)
    expect(found(re, s)).toEqual(want)
    expect(re.test(s)).toBe(want !== undefined)
  })

  it('finds what regexec finds, from any place, for random expressions', () => {
    const r = new Random(1)
    const atoms = ['a', 'b', 'c', 'é', '本', '.', '[ab]', '[^a]', '[é-本]', '^', '$', '\\n']
    const expression = (depth: number): string => {
      let s = ''
      for (let n = r.int(3); n >= 0; n--) {
        const e = depth > 0 && r.int(3) === 0 ? `(${expression(depth - 1)})` : r.pick(atoms)
        s += e + r.pick(['', '', '', '*', '+', '?'])
      }
      return r.int(4) === 0 ? `${s}|${r.pick(atoms)}` : s
    }
    for (let n = 0; n < 3000; n++) {
      const pattern = expression(2)
      const re = new Searcher(regparse(pattern).node)
      const text = Array.from({ length: r.int(12) }, () => r.pick(['a', 'b', 'c', 'é', '本', '\n', 'a', '\xff'])).join(
        '',
      )
      // The last one is a byte that is no UTF-8.
      const s = text.split('\xff').map(fromtext).join('\xff')
      for (let from = 0; from <= s.length; from++) {
        if ((s.charCodeAt(from) & 0xc0) === 0x80) continue
        expect(found(re, s, from), `/${pattern}/ in ${JSON.stringify(s)} from ${from}`).toEqual(
          reference(pattern, s, from),
        )
      }
      expect(re.test(s)).toBe(reference(pattern, s, 0) !== undefined)
    }
  })

  it('goes on with a table begun anew when there are too many states', () => {
    const r = new Random(2)
    const s = Array.from({ length: 20_000 }, () => r.pick(['a', 'b'])).join('')
    const re = new Searcher(regparse('(a|b)*a(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)c').node)
    expect(re.test(s)).toBe(false)
    expect(found(re, `${s}a${'b'.repeat(12)}c`)).toEqual([0, s.length + 14])
  })

  it.each(['(a*)*b', '(a|a)*b', '(a?)*b'])('/%s/ comes to an end on 1 MB of a', pattern => {
    expect(new Searcher(regparse(pattern).node).test('a'.repeat(1 << 20))).toBe(false)
  })
})

describe('compre()', () => {
  it.each<[string, string, boolean]>([
    ['a\\.b', 'a.b', true],
    ['a\\.b', 'axb', false],
    ['\\t', '\t', true],
    ['[\\t]', '\t', true],
    ['\\101\\x42', 'AB', true],
    ['[a-]', '-', true],
    ['[-a]', '-', true],
    ['[^-a]', '-', false],
    ['[z-a]', 'm', true],
    ['[]', '', true],
    ['x()y', 'xy', true],
    ['[n]', 'n', true],
    ['[n]', '\n', false],
    ['[\\n]', '\n', true],
    ['\\/', '/', true],
    ['a\\', 'a\\', true],
  ])('/%s/ on %j: %s', (pattern, s, want) => {
    expect(compre(pattern).test(s)).toBe(want)
  })
  it.each([
    ['', 'regexp : parsing error'],
    ['(', 'regexp (: parsing error'],
    ['*', 'regexp *: syntax error: *'],
    [')', 'regexp ): syntax error: )'],
    ['[a', 'No closing ] for class'],
  ])('refuses %j: %s', (pattern, message) => {
    expect(() => compre(pattern)).toThrow(message)
  })
})
