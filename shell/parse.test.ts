import { expect, test } from 'vitest'
import { Lexer, NeedInput } from './lex.ts'
import { ParseError, parse, parseLine, parseLineAgain } from './parse.ts'
import type { Command, Word } from './tree.ts'

/** A tree as brackets: (op part part), words as they are, quoted ones in quotes. */
function show(t: Command | undefined): string {
  if (t === undefined) return '-'
  switch (t.type) {
    case 'simple':
      return `(${t.words.map(word).join(' ')})`
    case 'seq':
      return `(; ${t.cmds.map(show).join(' ')})`
    case 'brace':
      return `{${show(t.body)}}`
    case 'paren':
      return show(t.body)
    case 'if':
    case 'while':
      return `(${t.type} ${show(t.cond)} ${show(t.body)})`
    case 'for':
      return `(for ${word(t.name)} [${t.words ? t.words.map(word).join(' ') : '$*'}] ${show(t.body)})`
    case 'switch': {
      const cases = t.cases.map(c => `[${c.patterns.map(word).join(' ')}: ${c.cmds.map(show).join(' ')}]`)
      return `(switch ${word(t.word)} ${cases.join(' ')})`
    }
    case '~':
      return `(~ ${[t.subject, ...t.patterns].map(word).join(' ')})`
    case '&&':
    case '||':
      return `(${t.type} ${show(t.left)} ${show(t.right)})`
    case '|':
      return `(|${t.out}=${t.in} ${show(t.left)} ${show(t.right)})`
    case 'fn':
      return `(fn [${t.names.map(word).join(' ')}] ${t.body ? show(t.body) : 'undefine'})`
    case '=':
      return `(${word(t.name)}=${word(t.value)} ${show(t.body)})`
    case 'redir':
      return `(${t.mode}[${t.fd}] ${word(t.file)}${t.mode === '<<' ? ` ${JSON.stringify(t.here)}` : ''} ${show(t.body)})`
    case 'dup':
      return `(dup[${t.fd}=${t.from}] ${show(t.body)})`
    default:
      return `(${t.type} ${show(t.body)})`
  }
}

function word(w: Word): string {
  switch (w.type) {
    case 'word':
      return w.quoted ? `'${w.text}'` : w.text
    case '$':
    case '$#':
    case '$"':
      return w.type + word(w.name)
    case 'sub':
      return `$${word(w.name)}[${w.subs.map(word).join(' ')}]`
    case '`':
      return `\`${w.split ? word(w.split) : ''}{${show(w.body)}}`
    case '^':
      return `(^ ${word(w.left)} ${word(w.right)})`
    case 'list':
      return `[${w.words.map(word).join(' ')}]`
    case 'pipefile':
      return `${w.mode}{${show(w.body)}}`
  }
}

const tree = (text: string) => parse(text).map(show).join(' ')

test.each([
  ['a b c', '(a b c)'],
  ['a;b&c', '(; (a) (& (b)) (c))'],
  ['a&', '(& (a))'],
  ['a | b | c', '(|1=0 (|1=0 (a) (b)) (c))'],
  ['a |[2] b', '(|2=0 (a) (b))'],
  ['a |[3=4] b', '(|4=3 (a) (b))'],
  ['a && b || c && d', '(&& (|| (&& (a) (b)) (c)) (d))'],
  ['! a | b && c', '(&& (! (|1=0 (a) (b))) (c))'],
  ['a | ! b | c', '(|1=0 (a) (! (|1=0 (b) (c))))'],
  ['if(a) b && c', '(if (a) (&& (b) (c)))'],
  ['a && if(b) c || d', '(&& (a) (if (b) (|| (c) (d))))'],
  ['x=1 a | b && c', '(&& (x=1 (|1=0 (a) (b))) (c))'],
  ['>f a | b', '(>[1] f (|1=0 (a) (b)))'],
  ['a >f | b', '(|1=0 (>[1] f (a)) (b))'],
  ['a >f <g >[2=1] b', '(>[1] f (<[0] g (dup[2=1] (a b))))'],
  ['{a} >f >>g', '(>[1] f (>>[1] g {(a)}))'],
  ['a >[2=] <>[3]f', '(dup[2=-1] (<>[3] f (a)))'],
  ['@ a && b', '(&& (@ (a)) (b))'],
  ['x=1 y=2', '(x=1 (y=2 -))'],
  ['x=(a b)', '(x=[a b] -)'],
  ['$x=y', '($x=y -)'],
  ['fn f g {a}', '(fn [f g] {(a)})'],
  ['fn f', '(fn [f] undefine)'],
  ['for(i in a $b) c', '(for i [a $b] (c))'],
  ['for(i) c', '(for i [$*] (c))'],
  ['for(i in) c', '(for i [[]] (c))'],
  ['while() a', '(while - (a))'],
  ['while(a;b) c', '(while (; (a) (b)) (c))'],
  ['switch(x){\ncase a b\n c\n d\ncase *\n e\n}', '(switch [x] [a b: (c) (d)] [*: (e)])'],
  ['~ $x a *', '(~ $x a *)'],
  ['a$b', '((^ a $b))'],
  ["'a'b$c'd'", "((^ (^ (^ 'a' b) $c) 'd'))"],
  ['$x.c', '((^ $x .c))'],
  ['a^b ^c', '((^ (^ a b) c))'],
  ['$x(1 2-)', '($x[1 2-])'],
  ['$$x(1)', '($$x[1])'],
  ['$#x $"x $(x)', '($#x $"x $[x])'],
  ['a`{b}', '((^ a `{(b)}))'],
  ['`:{b} `$x{c}', '(`:{(b)} `$x{(c)})'],
  ['`{b}c (d)e', '(`{(b)} c [d] e)'],
  ['a <{b} >{c} <>{d}', '(a <{(b)} >{(c)} <>{(d)})'],
  ['<{a} b', '(<{(a)} b)'],
  ['a if not in', '(a if not in)'],
  ['a \\\nb', '(a b)'],
  ['a\\b', '(a\\b)'],
  ['a # b\nc', '(a) (c)'],
  ['a &&\n\n# x\nb', '(&& (a) (b))'],
  ['if(a)\n\n b', '(if (a) (b))'],
  ['{\n}', '{-}'],
  ['cat <<E; b\nx $y\nE\nc', '(; (<<[0] E "x $y\\n" (cat)) (b)) (c)'],
  ["{cat <<A <<'B'\n1\nA\n2\nB\n}", '{(<<[0] A "1\\n" (<<[0] \'B\' "2\\n" (cat)))}'],
  ['cat <<E\nno end', '(<<[0] E "no end\\n" (cat))'],
])('parse(%j)', (text, expected) => {
  expect(tree(text)).toBe(expected)
})

test.each([
  ['echo )', "rc:1: token ')': syntax error"],
  ['a\nb (', 'rc:3: syntax error'],
  ['a b=c', "rc:1: token '=': syntax error"],
  ['a(b)', "rc:1: token '( [SUB]': syntax error"],
  ['a >[x', "rc:1: token '>[x': redirection syntax\nrc:2: token '>[x': syntax error"],
  ['a |[2=] b', "rc:1: token '|[2=': pipe syntax\nrc:2: token '|[2=': syntax error"],
  ['{a', 'rc:2: token EOF: syntax error'],
  ["a 'b", 'rc:2: token EOF: syntax error'],
  ['if not a', "rc:2: `if not' does not follow `if(...)'"],
  ['if(a) b\nc\nif not d', "rc:4: `if not' does not follow `if(...)'"],
  ['switch(a){b}', 'rc:2: case missing in switch'],
  ['switch(a)\n{\ncase b;c\n}', 'rc:2: syntax error'],
  ['cat <<$x', 'rc:2: Bad here tag'],
])('parse(%j) says what 9front says', (text, expected) => {
  let message = ''
  try {
    parse(text)
  } catch (e) {
    if (!(e instanceof ParseError)) throw e
    message = e.message
  }
  expect(message).toBe(expected)
})

test('parse() tells what is incomplete from what is wrong', () => {
  const incomplete = (text: string) => {
    try {
      parse(text)
    } catch (e) {
      return (e as ParseError).incomplete
    }
    return undefined
  }
  expect(incomplete('fn f {')).toBe(true)
  expect(incomplete("echo 'a")).toBe(true)
  expect(incomplete('if(a')).toBe(true)
  expect(incomplete('echo )')).toBe(false)
  expect(incomplete('echo a')).toBe(undefined)
})

test('commands nested too deeply are an error, of braces, parentheses, operators and dollars', () => {
  for (const text of [
    '{'.repeat(9999),
    'a '.concat('('.repeat(9999)),
    '! '.repeat(9999),
    '$'.repeat(9999),
    `a${'|a'.repeat(9999)}`,
    `a${'^a'.repeat(9999)}`,
    `a${' >b'.repeat(9999)}`,
    `{a}${' >[2=1]'.repeat(9999)}`,
  ]) {
    expect(() => parse(text)).toThrow('yacc stack overflow')
  }
})

test('a long list of commands is no deep one', () => {
  expect(parse(`{${'a;'.repeat(20000)}}`)).toHaveLength(1)
  expect(parse(`a ${'b '.repeat(20000)}`)).toHaveLength(1)
})

test('a command that comes in pieces is the same as in one, with a prompt for each line of it', () => {
  const text = "fn f {\n echo 'a\nb' $x^c <<E\nhere\nE\n}\n"
  for (let n = 1; n < text.length; n++) {
    const prompts: number[] = []
    const lex = new Lexer({ file: 'rc' })
    lex.onprompt = nth => prompts.push(nth)
    let line: ReturnType<typeof parseLine> | undefined
    for (let at = 0; line === undefined; at += n) {
      try {
        line = at === 0 ? parseLine(lex) : parseLineAgain(lex)
      } catch (e) {
        if (!(e instanceof NeedInput)) throw e
        lex.add(text.slice(at, at + n))
      }
    }
    expect(typeof line === 'object' && show(line.tree)).toBe(show(parse(text)[0]))
    expect(prompts.map(nth => (nth === 0 ? 0 : 1))).toEqual([0, 1, 1, 1, 1, 1])
  }
})
