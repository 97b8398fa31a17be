import { describe, expect, it } from 'vitest'
import { fromtext } from '../../../plan9/libc/bytes.ts'
import { cases, files, filters } from '../../../tests/cmd/awkprograms.ts'
import { Programs } from '../../../tests/cmd/awkrandom.ts'
import { Random } from '../../../tests/random.ts'
import { Parser } from './parse.ts'
import { Cell, enter, Fatal } from './value.ts'

/** 'tree', or the first line of what is wrong. */
function parse(text: string): string {
  enter({ convfmt: new Cell('CONVFMT', 2, 0, '%.6g'), elements: 0 })
  const p = new Parser([{ name: undefined, text }], new Map(), { argv0: 'awk', safe: false })
  try {
    if (p.parse() !== undefined) return 'tree'
  } catch (e) {
    // An expression that is none.
    if (!(e instanceof Fatal)) throw e
  }
  expect(p.errors).toMatch(/^awk: .*\n/)
  return p.errors.split('\n')[0]!
}

const programs = [...filters, ...cases.map(c => c.prog), files.prog!].map(fromtext)

describe('Parser', () => {
  it.each([
    ['{ print a, b > "x" c }', 'awk: syntax error at line 1'],
    ['{ print a > "x" }', 'tree'],
    ['BEGIN { a == b == c }', 'awk: syntax error at line 1'],
    ['BEGIN { a ~ /b/ ~ /c/ in d }', 'tree'],
    ['BEGIN { (x) = 1 }', 'awk: syntax error at line 1'],
    ['BEGIN { -x = 1 }', 'awk: syntax error at line 1'],
    ['BEGIN { a && b = c }', 'tree'],
    ['BEGIN { if (x) {} else {} }', 'tree'],
    ['BEGIN { if (x) ; ; else y() }', 'awk: syntax error at line 1'],
    ['BEGIN { x = 1', 'awk: syntax error at line 1'],
    ['BEGIN { /a/ }\n/b', 'tree'],
    ['function f(a,\n b)\n\n{ return a }', 'tree'],
    ['function f(NF) { }', 'awk: syntax error at line 1 in function f'],
    ['', 'tree'],
  ])('%j: %s', (text, want) => {
    expect(parse(text)).toBe(want)
  })

  it('comes to an end with whatever it is given: bytes', () => {
    const r = new Random(1)
    for (let n = 0; n < 2000; n++) parse(String.fromCharCode(...r.bytes(r.int(60))))
  })
  it('programs with characters taken out, put in and changed', () => {
    const r = new Random(2)
    const odd = Array.from('{}()[];\n"/$\\,+-*%^!<>=&|~?:#. \t\r\0a1_', c => c)
    let trees = 0
    for (let n = 0; n < 6000; n++) {
      let text = n % 3 === 0 ? new Programs(r).program() : r.pick(programs)
      for (let k = r.int(4); k > 0; k--) {
        const i = r.int(text.length + 1)
        text = text.slice(0, i) + (r.int(3) === 0 ? '' : r.pick(odd)) + text.slice(i + r.int(2))
      }
      if (parse(text) === 'tree') trees++
    }
    expect(trees).toBeGreaterThan(500)
  })
  it.each([
    '(',
    '{',
    '[',
    '!',
    '-',
    '$',
    '++',
    'a[',
    'f(',
    'if(1)',
    'while(1)',
    '1?',
    '{if(1)',
    'a=',
    'a^',
    'function ',
  ])('100,000 times %s', s => {
    expect(parse(`BEGIN { ${s.repeat(100_000)} }`)).toMatch(/^awk: /)
    expect(parse(s.repeat(100_000))).toMatch(/^awk: /)
  })
})
