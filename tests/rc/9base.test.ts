import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bin, real } from './9base.ts'
import { type Script, scripts } from './scripts.ts'

/** Where the rc of Debian's 9base is older than 9front's, or its system is not Plan 9. */
const older: Record<string, string> = {
  'amp-input': 'does not give /dev/null to a command with &',
  'backquote-split': 'has no `split{}',
  'builtin-none': 'goes on after an error of builtin',
  'cd-path': 'looks for ../x in $cdpath too',
  'dot-quiet': 'has no . -q',
  'env-file': 'Linux has no /env',
  'env-fn-quoted': 'Linux has no /env',
  'exec-missing': 'goes on after an exec that failed',
  'glob-local': 'matches no file names in a local assignment',
  'glob-match-subject': 'matches no file names in the subject of ~',
  'glob-slashes': 'leaves more slashes than one',
  'here-backquote': 'reads here documents after the whole command',
  'here-fn': 'expands variables of a here document when it is read',
  'here-function': 'has a here document once for all calls',
  'here-in-braces': 'reads here documents after the whole command',
  'here-pipe': 'expands variables of a here document when it is read',
  'here-positional': 'expands variables of a here document when it is read',
  'here-switch': 'reads here documents after the whole command',
  'here-utf8': 'knows no variables but of ASCII in a here document',
  newpgrp: 'has no newpgrp, nor has 9front',
  'whatis-fn': 'prints functions on one line',
  'whatis-redir': 'prints functions on one line',
}

async function run(s: Script): Promise<{ out: string; ok: boolean }> {
  const { out, ok } = await real({ script: s.text })
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
