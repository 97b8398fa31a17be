import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { builtins } from './builtin.ts'
import { hints } from './hint.ts'
import { parse } from './parse.ts'
import { programs } from './programs.ts'
import type { Command } from './tree.ts'

const scripts = readdirSync(fileURLToPath(new URL('../plan9/root/rc/bin', import.meta.url)))
const commands = [...Object.keys(programs), ...Object.keys(builtins), ...scripts]

function names(t: Command | undefined): string[] {
  if (t?.type === 'simple') return t.words[0]?.type === 'word' ? [t.words[0].text] : []
  if (t?.type === '|') return [...names(t.left), ...names(t.right)]
  return []
}

test('the commands that hints name are here, and those that they are for are not', () => {
  const missing = Object.values(hints)
    .filter(s => !s.startsWith('^'))
    .flatMap(s => parse(s).flatMap(names))
    .filter(s => s !== 'COMMAND' && !commands.includes(s))
  expect([...new Set(missing)]).toEqual([])
  expect(Object.keys(hints).filter(s => commands.includes(s))).toEqual([])
})
