import { expect, test } from 'vitest'
import { compare, deglob, match } from './glob.ts'
import { GLOB } from './tree.ts'

/** A pattern with GLOB marks before its metacharacters. */
const p = (s: string) => s.replace(/[*?[]/g, c => GLOB + c)

test.each([
  ['abc', 'abc', true],
  ['abc', 'ab', false],
  ['', '', true],
  ['', '*', true],
  ['', '?', false],
  ['abc', 'a*', true],
  ['abc', '*c', true],
  ['abc', '*b*', true],
  ['abc', 'a*b*c*', true],
  ['abc', '*d', false],
  ['abc', '??', false],
  ['é', '?', true],
  ['😀x', '?x', true],
  ['b', '[abc]', true],
  ['d', '[abc]', false],
  ['d', '[~abc]', true],
  ['', '[~a]', false],
  ['m', '[a-z]', true],
  ['m', '[z-a]', true],
  ['-', '[a-]', false],
  ['a]', '[a]]', true],
  ['x', '[x', false],
  ['λ', '[α-ω]', true],
  ['a/b', '*', true],
  ['aab', '*ab', true],
])('match(%j, %j) is %j', (s, pattern, expected) => {
  expect(match(s, p(pattern))).toBe(expected)
})

test('an unmarked metacharacter matches itself', () => {
  expect(match('*', '*')).toBe(true)
  expect(match('x', '*')).toBe(false)
  expect(match('[a]', '[a]')).toBe(true)
})

test('a pattern of many stars ends', () => {
  expect(match('a'.repeat(2000), p(`${'*a'.repeat(200)}b`))).toBe(false)
})

test('deglob() takes the marks out and leaves a marked mark', () => {
  expect(deglob(p('a*?b'))).toBe('a*?b')
  expect(deglob(`${GLOB}${GLOB}`)).toBe(GLOB)
})

test('compare() is the order of the UTF-8 bytes', () => {
  expect(['b', '\u{1f600}', 'a', '\uffee', 'ab', ''].sort(compare)).toEqual(['', 'a', 'ab', 'b', '\uffee', '\u{1f600}'])
})
