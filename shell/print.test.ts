import { expect, test } from 'vitest'
import { scripts } from '../tests/rc/scripts.ts'
import { ParseError, parse } from './parse.ts'
import { print } from './print.ts'
import type { Command } from './tree.ts'

/** A tree without its lines. */
function plain(t: readonly Command[]): unknown {
  return JSON.parse(JSON.stringify(t, (k, v) => (k === 'line' ? undefined : v)))
}

function roundtrip(text: string): void {
  const block = parse(`{\n${text}\n}`)
  const printed = print(block[0])
  expect(plain(parse(printed)), printed).toEqual(plain(block))
}

test.each([
  'a >x | b >y <z',
  '>x a | b',
  '>x {a | b} >y',
  'x=1 >y a | b',
  'a >[2=1] | b |[2] c |[0=3] d |[4=5] e',
  'a <<E | b\nbody\nE\nc',
  'if(a <<E) b\nbody\nE',
  "if(a <<E){b <<'F'}\n1\nE\n2\nF",
  '{a <<E} | b\n1\nE',
  'a `{b <<E}\n1\nE',
  'for(i in) a; for(i in ()) a; for(i) a',
  'while(){a}; while(a;b) c',
  'a & b & c; d &',
  '! a && @ b || ! {c}',
  'fn f; fn g h {}; fn {a}',
  "a 'b'^c $x(1 2) $#x $\"x $x^y a`{b}c `:{d} <{e} >{f} <>{g}",
  'switch($x){\ncase a b\nc\ncase *\n}',
  '~ a b c; ~ $x',
  'a for in if',
  '>x',
  '> x && <y || z',
  "'a\nb' '' ''''",
  'a=b c=$d; a=() e',
  'if(a) if(b) c; if not d',
  'a *.c [a-z]^$x',
  'a |\n;b',
  'a &&\n;b ||\n;!\n;c',
  'if(a)\n;x=1 |\n;>y @\n;z',
  'a <{b} <<{c}',
])('print(%j) reads back as the same tree', text => {
  roundtrip(text)
})

test('commands on lines of one command line are one line', () => {
  const trees = parse('{a\n}& `{b}\n')
  expect(plain(parse(print(trees[0])))).toEqual(plain(trees))
})

test('a function of 50000 lines is printed', () => {
  const text = `{\n${'\techo a line\n'.repeat(50000)}}`
  expect(print(parse(text)[0])).toBe(text)
})

test('all scripts read back as the same trees', () => {
  let n = 0
  for (const s of scripts) {
    try {
      parse(`{\n${s.text}\n}`)
    } catch (e) {
      expect(e).toBeInstanceOf(ParseError)
      continue
    }
    roundtrip(s.text)
    n++
  }
  expect(n).toBeGreaterThan(80)
})

test("print() is laid out as 9front's whatis", () => {
  const f = parse('fn f { echo a; if(~ a b){ c; d }\n for(i in x y) e\n x=1 y=2 cmd $x.c; k | l & }')[0]!
  expect(print(f)).toBe(`fn f {
	echo a; if(~ a b){
		c; d
	}
	for(i in x y)e
	x=1 y=2 cmd $x^.c; k|l&
}`)
})
