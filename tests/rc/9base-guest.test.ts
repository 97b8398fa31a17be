import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const script = readFileSync(join(import.meta.dirname, '../../plan9/root/rc/bin/9mlsetup'), 'utf8')
/** What Plan 9's rc says to a script that it reads whole, and does not run. */
const parsed = (text: string) =>
  execFileSync('/usr/lib/plan9/bin/rc', {
    input: `fn unused {\n${text}\n}\necho read\n`,
    encoding: 'utf8',
    stdio: 'pipe',
  })

test('what a 9front guest runs is rc for Plan 9’s own', () => {
  expect(parsed(script)).toBe('read\n')
  expect(() => expect(parsed(`${script}\nif(`)).toBe('read\n')).toThrow()
})
