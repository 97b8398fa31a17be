import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { programs } from '../programs.ts'
import { format, pageof } from './man/man.ts'

const repo = fileURLToPath(new URL('../../', import.meta.url))
const root = join(repo, 'plan9/root/sys/man')
const chapters = readdirSync(root).filter(c => /^\d$/.test(c))
const pages = chapters.flatMap(c =>
  readdirSync(join(root, c))
    .filter(f => f !== 'INDEX')
    .map(f => [c, f] as const),
)
const source = (c: string, f: string) => readFileSync(join(root, c, f), 'utf8')

/** The names before the dash of the NAME section. */
function names(text: string): string[] {
  const m = /^\.SH NAME\n(.*) \\- /m.exec(text)
  return m === null ? [] : m[1]!.split(/, */)
}

describe.each(pages)('%s/%s', (c, f) => {
  const text = source(c, f)
  it('has a title, names, and says where its source is', () => {
    expect(text).toMatch(new RegExp(`^\\.TH \\S+ ${c}$`, 'm'))
    expect(names(text).length).toBeGreaterThan(0)
    if (f === '0intro') return
    expect(text).toMatch(/^\.SH SOURCE$/m)
    const files = [...text.matchAll(/^\.B (shell|plan9|llmfs|emulator)(\/[\w./-]+)/gm)].map(m => m[1]! + m[2]!)
    expect(files.filter(f => !existsSync(join(repo, f)))).toEqual([])
  })
  it.each([40, 60, 80, 120])('fits %s columns, with no escape or request left in it', columns => {
    const out = format(text, pageof(columns))
    expect(out).not.toMatch(/^\s*\.(SH|TP|PP|B|I|EX|EE|br)\b/m)
    expect(out).not.toMatch(/\\[fsw]./)
    const literal = new Set(
      [...text.matchAll(/^\.EX\n([\s\S]*?)^\.EE/gm)].flatMap(m => m[1]!.split('\n')).map(l => l.trim()),
    )
    const long = out.split('\n').filter(l => [...l].length >= columns && !literal.has(l.trim()))
    expect(long.filter(l => l.trim().includes(' ') && columns >= 60)).toEqual([])
  })
})

it('every program has a page', () => {
  const titles = new Set(pages.flatMap(([c, f]) => names(source(c, f))))
  expect(Object.keys(programs).filter(p => !titles.has(p))).toEqual([])
})

it.each(chapters)('INDEX of chapter %s has the titles of its pages', c => {
  const want = pages
    .filter(([ch]) => ch === c)
    .flatMap(([ch, f]) => names(source(ch, f)).map(n => `${n} ${f}`))
    .sort()
  const index = readFileSync(join(root, c, 'INDEX'), 'utf8')
    .trimEnd()
    .split('\n')
  const have = index.filter(l => pages.some(([ch, f]) => ch === c && f === l.split(' ')[1]))
  expect(have.sort()).toEqual(want)
})

it('formats paragraphs, tags, literal text and tables', () => {
  const text = [
    '.TH X 1',
    '.SH NAME',
    'x \\- y',
    '.SH DESCRIPTION',
    'One sentence.',
    'Another',
    '.I italic',
    'and',
    '.BR bold (1),',
    'with words enough to go past the right margin of the page.',
    '.TP',
    '.B -a',
    'Short tag.',
    '.TP',
    '.B -longer-tag',
    'Text on the next line.',
    '.IP',
    '.EX',
    'a  b\\e',
    '\tc',
    '.EE',
    '.PP',
    '.de xx',
    '[\\\\$1]',
    '..',
    '.xx arg',
    '.if t not this',
    '.if n this',
    '.ie t \\{\\',
    'nor this',
    '.\\}',
    '.el but this\\c',
    '!',
    '.TS',
    'l r.',
    'ab\t1',
    'c\t100',
    '.TE',
  ].join('\n')
  expect(format(text, pageof(80))).toBe(
    [
      '     X(1)                                                              X(1)',
      '',
      '     NAME',
      '          x - y',
      '',
      '     DESCRIPTION',
      '          One sentence.  Another italic and bold(1), with words enough to',
      '          go past the right margin of the page.',
      '',
      '          -a   Short tag.',
      '',
      '          -longer-tag',
      '               Text on the next line.',
      '',
      '               a  b\\',
      '                       c',
      '',
      '          [arg] this but this!',
      '          ab     1',
      '          c    100',
      '',
    ].join('\n'),
  )
})

it.each([
  [
    'tab stops by the width of words, with a blank in them',
    ['.EX', ".ta \\w'int 'u +\\w'abcde 'u", 'a\tb\tc'],
    '          a   b     c',
  ],
  ['a request close to its argument', ['.in +4n', '.ti0', 'out', '.br', 'in'], '          out\n              in'],
  ['a condition close to its request', ['.ifn here', '.ift not here'], '          here'],
  [
    'another escape character for a while',
    ['.EX', '.ec %', 'a\\n%fBb%fR', '.ec \\', 'c\\e'],
    '          a\\nb\n          c\\',
  ],
  ['characters printed as others', ['.tr xy', 'axb', '.br', '.tr xx', 'axb'], '          ayb\n          axb'],
])('man: %s', (_, lines, out) => {
  expect(format(lines.join('\n'), pageof(80))).toBe(`${out}\n`)
})
