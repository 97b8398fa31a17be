import { describe, expect, it } from 'vitest'
import { Random } from '../../tests/random.ts'
import { LineMatcher, RegexpError, regcomp, regexec, regparse, regsub } from './regexp.ts'
import { bytestorunes, runestobytes, stringtorunes, text, utf8 } from './rune.ts'

const exec = (pat: string, s: string, start = 0) => {
  const runes = stringtorunes(s)
  return regexec(regcomp(pat), runes, start)?.map(([b, e]) =>
    b < 0 ? undefined : String.fromCodePoint(...runes.slice(b, e)),
  )
}
const grep = (pat: string, s: string, opt = {}) => {
  const b = utf8(s)
  return new LineMatcher(regparse(pat, { grep: true, ...opt }).node).match(b, 0, b.length)
}

describe('regexec()', () => {
  it.each<[string, string, (string | undefined)[] | undefined]>([
    ['a', 'bab', ['a']],
    ['a|ab', 'xabc', ['ab']],
    ['(a|ab)(c|bcd)', 'abcd', ['abcd', 'a', 'bcd']],
    ['x*', 'aaa', ['']],
    ['(a*)(b*)', 'aabb', ['aabb', 'aa', 'bb']],
    ['(a)|(b)', 'b', ['b', undefined, 'b']],
    ['^abc$', 'x\nabc\ny', ['abc']],
    ['[^a]', 'a\nb', ['b']],
    ['[a-cé]+', 'xxbéa', ['béa']],
    ['\\.', 'a.b', ['.']],
    ['[\\]\\-]', 'a-', ['-']],
    ['(.*)(foo)', 'afoobfoo', ['afoobfoo', 'afoob', 'foo']],
    ['a?b+', 'aabb', ['abb']],
    ['日本|語', '日本語', ['日本']],
    ['z', 'abc', undefined],
  ])('/%s/ in %j', (pat, s, want) => {
    expect(exec(pat, s)).toEqual(want)
  })

  it('matches ^ only at the beginning of a line when it starts inside one', () => {
    expect(exec('^a', 'aaa', 1)).toBeUndefined()
    expect(exec('^a', 'b\naa', 1)).toEqual(['a'])
  })

  it.each(['(a', 'a)', '*a', '[a', '[]', 'a||b', '()', '', '[z-a]', '[-a]'])('refuses %j', pat => {
    expect(() => regcomp(pat)).toThrow(RegexpError)
  })

  it.each(['(a*)*b', '(a|a)*b', '(a?)*b', '(a*)*(a*)*b'])('/%s/ takes steps linear in 100 KB of a', pat => {
    const steps = (n: number) => {
      const re = regcomp(pat)
      expect(regexec(re, new Array<number>(n).fill(97))).toBeUndefined()
      return re.steps
    }
    const small = steps(10_000)
    expect(steps(100_000)).toBeLessThanOrEqual(10 * small)
    expect(small).toBeLessThanOrEqual(10_000 * 2 * regcomp(pat).prog.length)
  })

  it('regsub() puts the parts in', () => {
    const s = stringtorunes('hello world')
    const m = regexec(regcomp('(o) (w)'), s)!
    expect(String.fromCodePoint(...regsub(stringtorunes('<\\2&\\1\\&>'), s, m))).toBe('<wo wo&>')
  })
})

describe('LineMatcher', () => {
  it.each<[string, string, boolean]>([
    ['abc', 'xxabcxx', true],
    ['abc', 'xxabxcx', false],
    ['^abc', 'xabc', false],
    ['abc$', 'xabc', true],
    ['abc$', 'abcx', false],
    ['^$', '', true],
    ['^$', 'a', false],
    ['^', 'anything', true],
    ['a.c', 'aéc', true],
    ['a..c', 'aéc', false],
    ['[à-ü]', 'é', true],
    ['[^à-ü]', 'é', false],
    ['[^a]', '\u{1f600}', true],
    ['[\u{1f5ff}-\u{1f601}]', '\u{1f600}', true],
    ['a\nb', 'xb', true],
    ['*a*', 'xa*', true],
    ['*a*', 'aaa', false],
    ['(ab|cd)+e', 'abcdabe', true],
    ['x(a$|b)', 'xb', true],
    ['x(a$|b)', 'xac', false],
  ])('/%s/ in %j: %s', (pat, s, want) => {
    expect(grep(pat, s)).toBe(want)
  })

  it('folds the case of ASCII letters, in classes too', () => {
    expect(grep('HeLlO', 'hElLo', { fold: true })).toBe(true)
    expect(grep('[A-C]', 'b', { fold: true })).toBe(true)
    expect(grep('[^a]', 'A', { fold: true })).toBe(false)
  })

  /** Random numbers below n, and random expressions of a depth. */
  function random(seed: number) {
    const rnd = (n: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return Math.floor((seed / 2 ** 32) * n)
    }
    const expr = (d: number): string => {
      const k = rnd(d > 0 ? 9 : 4)
      if (k < 3) return 'abé'[k]!
      if (k === 3) return ['.', '[ab]', '[^a]', '^', '$'][rnd(5)]!
      if (k < 6) return expr(d - 1) + expr(d - 1)
      if (k === 6) return `(${expr(d - 1)}|${expr(d - 1)})`
      return `(${expr(d - 1)})${'*+?'[rnd(3)]}`
    }
    return { rnd, expr }
  }

  it('agrees with regexec() on random patterns and lines', () => {
    const { rnd, expr } = random(20261123)
    for (let i = 0; i < 2000; i++) {
      const pat = expr(4)
      const s = Array.from({ length: rnd(8) }, () => 'abéc'[rnd(4)]).join('')
      expect([i, pat, s, grep(pat, s)]).toEqual([i, pat, s, exec(pat, s) !== undefined])
    }
  })

  it('find() finds the lines that match() does, however rare they are', () => {
    const { rnd, expr } = random(7)
    for (let i = 0; i < 300; i++) {
      const pat = i % 3 === 0 ? `q${expr(2)}` : expr(3)
      const rare = 1 + rnd(40)
      const lines = Array.from({ length: 60 }, () =>
        Array.from({ length: rnd(60) }, () => (rnd(rare) === 0 ? 'q' : 'abécx'[rnd(5)])).join(''),
      )
      const tail = rnd(2) === 0 ? '' : '\n'
      const buf = utf8(lines.join('\n') + tail)
      const m = new LineMatcher(regparse(pat, { grep: true }).node)
      const found: string[] = []
      for (let at = 0; at < buf.length; ) {
        const hit = m.find(buf, at, buf.length)
        if (hit < 0) break
        const from = buf.subarray(0, hit).lastIndexOf(10) + 1
        const nl = buf.indexOf(10, hit)
        const to = nl < 0 ? buf.length : nl
        expect(from).toBeGreaterThanOrEqual(at)
        found.push(text(buf.subarray(from, to)))
        at = to + 1
      }
      // A text that ends without a newline has no last empty line.
      const all = tail === '' && lines[59] === '' ? lines.slice(0, 59) : lines
      expect([pat, ...found]).toEqual([pat, ...all.filter(l => grep(pat, l))])
    }
  })

  it('find() by the front of an expression finds the lines that match() does, in bytes that are no UTF-8 too', () => {
    const r = new Random(11)
    let hits = 0
    for (let round = 0; round < 400; round++) {
      const word = () => {
        const pieces = [
          'a',
          'b',
          'c',
          'ab',
          'é',
          '[ab]',
          '[^a]',
          '[é-ü]',
          '.',
          '(a|bc)',
          '\u{1f600}',
          'b?',
          '(ca)+',
          'a$',
          '()a',
        ]
        return Array.from({ length: 1 + r.int(9) }, () => r.pick(pieces.slice(0, 4 + r.int(10)))).join('')
      }
      const pat = Array.from({ length: 1 + r.int(3) }, word).join('|')
      const { node } = regparse(pat, { grep: true, fold: r.int(4) === 0 })
      const letters = utf8('aaabbbccABCabcéü\u{1f600}  \n').slice(0, 8 + r.int(20))
      const buf = new Uint8Array(1025 + r.int(6000))
      for (let i = 0; i < buf.length; i++) {
        const odd = r.int(40)
        buf[i] = odd === 0 ? r.int(256) : odd < 3 ? 10 : letters[r.int(letters.length)]!
      }
      const [whole, single] = [new LineMatcher(node), new LineMatcher(node)]
      const found: number[] = []
      const all: number[] = []
      for (let at = 0; at < buf.length; ) {
        const hit = whole.find(buf, at, buf.length)
        if (hit < 0) break
        found.push(hit === 0 ? 0 : buf.lastIndexOf(10, hit - 1) + 1)
        const nl = buf.indexOf(10, hit)
        at = nl < 0 ? buf.length : nl + 1
      }
      for (let at = 0; at < buf.length; ) {
        const nl = buf.indexOf(10, at)
        const end = nl < 0 ? buf.length : nl
        if (single.match(buf, at, end)) all.push(at)
        at = end + 1
      }
      expect([pat, ...found]).toEqual([pat, ...all])
      hits += all.length
    }
    expect(hits).toBeGreaterThan(1000)
  })

  it('builds few states and looks at each byte once: (a*)*b on 100 KB of a', () => {
    const m = new LineMatcher(regparse('(a*)*b').node)
    expect(m.match(new Uint8Array(100_000).fill(97), 0, 100_000)).toBe(false)
    expect(m.built).toBeLessThan(100)
  })

  it('stays bounded on a pattern with exponentially many states', () => {
    const m = new LineMatcher(regparse(`(a|b)*a${'(a|b)'.repeat(14)}c`).node)
    const b = new Uint8Array(20_000)
    let seed = 1
    for (let i = 0; i < b.length; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      b[i] = 97 + ((seed >>> 16) & 1)
    }
    expect(m.match(b, 0, b.length)).toBe(false)
    expect(m.built).toBeLessThan(20_000 * 200)
  })
})

it('bytestorunes() and runestobytes() lose no byte', () => {
  const b = new Uint8Array(2000)
  let seed = 42
  for (let i = 0; i < b.length; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    b[i] = seed >>> 24
  }
  expect(runestobytes(bytestorunes(b))).toEqual(b)
  expect([...bytestorunes(utf8('aé日😀'))]).toEqual([97, 233, 0x65e5, 0x1f600])
})
