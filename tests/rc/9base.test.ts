import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { scripts } from './scripts.ts'

const bin = '/usr/lib/plan9/bin'

/** Where the rc of Debian's 9base is older than 9front's, or its system is not Plan 9. */
const older: Record<string, string> = {
  'backquote-split': 'has no `split{}',
  'dot-quiet': 'has no . -q',
  'env-file': 'Linux has no /env',
  'here-fn': 'expands variables of a here document when it is read',
  'here-pipe': 'expands variables of a here document when it is read',
  'here-positional': 'expands variables of a here document when it is read',
  'whatis-fn': 'prints functions on one line',
  'whatis-redir': 'prints functions on one line',
}

async function real(script: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'rc-'))
  try {
    writeFileSync(join(dir, 'script'), script)
    const p = spawn(join(bin, 'rc'), ['./script'], {
      cwd: dir,
      env: { PATH: bin, HOME: dir },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    const limit = setTimeout(() => process.kill(-p.pid!, 'SIGKILL'), 10_000)
    let out = ''
    p.stdout.setEncoding('utf8').on('data', (s: string) => {
      out += s
    })
    await new Promise<void>((resolve, reject) => p.on('close', () => resolve()).on('error', reject))
    clearTimeout(limit)
    return out
  } finally {
    rmSync(dir, { recursive: true })
  }
}

test('9base is here: apt-get install 9base', () => {
  expect(existsSync(join(bin, 'rc')), 'the Debian package 9base has /usr/lib/plan9/bin/rc').toBe(true)
})

for (const s of scripts) {
  if (s.name in older) continue
  test.concurrent(`9base's rc does the same: ${s.name}.rc`, async () => {
    expect(await real(s.text)).toBe(s.expected)
  })
}

test('the table of differences names scripts that differ', async () => {
  for (const name of Object.keys(older)) {
    const s = scripts.find(t => t.name === name)
    expect(s, name).toBeDefined()
    expect(await real(s!.text), name).not.toBe(s!.expected)
  }
})
