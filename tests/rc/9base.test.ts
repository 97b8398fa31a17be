import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bin, real } from './9base.ts'
import { commit, committed, report } from './conformance.ts'
import { type Script, scripts } from './scripts.ts'

/** Where the rc of Debian's 9base is older than 9front's, or its system is not Plan 9. */
const older: Record<string, string> = {
  'amp-input': 'does not give /dev/null to a command with &',
  'backquote-split': 'has no `split{}',
  'backquote-split-caret': 'has no `split{}',
  'backquote-split-ifs': 'has no `split{}',
  'backquote-split-kinds': 'has no `split{}',
  'backquote-split-lines': 'has no `split{}',
  'backquote-split-list': 'has no `split{}',
  'builtin-none': 'goes on after an error of builtin',
  'cd-path': 'looks for ../x in $cdpath too',
  'dot-quiet': 'has no . -q',
  'env-file': 'has no /env, for Linux has none',
  'env-fn-quoted': 'has no /env, for Linux has none',
  'error-exec-last': 'calls an exec that failed a success',
  'exec-missing': 'goes on after an exec that failed',
  'glob-local': 'matches no file names in a local assignment',
  'glob-local-more': 'matches no file names in a local assignment',
  'glob-match-subject': 'matches no file names in the subject of ~',
  'glob-slashes': 'leaves more slashes than one',
  'here-backquote': 'reads here documents after the whole command',
  'here-fn': 'expands variables of a here document when it is read',
  'here-function': 'has a here document once for all calls',
  'here-in-braces': 'reads here documents after the whole command',
  'here-local': 'expands variables of a here document when it is read',
  'here-loop-variables': 'expands variables of a here document when it is read',
  'here-nested-braces': 'reads here documents after the whole command',
  'here-pipe': 'expands variables of a here document when it is read',
  'here-positional': 'expands variables of a here document when it is read',
  'here-switch': 'reads here documents after the whole command',
  'here-utf8': 'knows no variables but of ASCII in a here document',
  'match-globbed-more': 'matches no file names in the subject of ~',
  newpgrp: 'has no newpgrp',
  'rc-b': 'has no -b',
  'rc-V': 'has no . -q',
  'whatis-fn': 'prints functions on one line',
  'whatis-redir': 'prints functions on one line',
}

/** Whether the two agree, by script. */
const agrees = new Map<string, boolean>()

async function run(s: Script): Promise<{ out: string; ok: boolean }> {
  const { out, ok } = await real({ script: s.text })
  agrees.set(s.name, out === s.expected && ok === s.ok)
  return { out, ok }
}

test('9base is here: apt-get install 9base', () => {
  expect(existsSync(join(bin, 'rc')), 'the Debian package 9base has /usr/lib/plan9/bin/rc').toBe(true)
})

for (const s of scripts) {
  if (s.name in older) continue
  test.concurrent(`9base's rc does the same: ${s.name}.rc`, async () => {
    expect(await run(s)).toEqual({ out: s.expected, ok: s.ok })
  })
}

test('the table of differences names scripts that differ', async () => {
  for (const name of Object.keys(older)) {
    const s = scripts.find(t => t.name === name)
    expect(s, name).toBeDefined()
    expect(await run(s!), name).not.toEqual({ out: s!.expected, ok: s!.ok })
  }
})

test('docs/rc-conformance.md is what this run makes (BLESS=1 writes it)', () => {
  expect([...agrees.keys()].sort()).toEqual(scripts.map(s => s.name).sort())
  const page = report(scripts, agrees, older)
  if (process.env['BLESS']) commit(page)
  else expect(page).toBe(committed())
})
