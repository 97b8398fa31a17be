import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const bin = '/usr/lib/plan9/bin'

/** Another rc to compare with: RC=/a/b/rc. It finds 9base's commands, and itself as rc, on its path. */
export const rc = process.env['RC'] ?? join(bin, 'rc')

/**
 * Runs the real rc on the file `script` of a directory with `files`, the standard input empty. `ok`: it says that it
 * succeeded. What takes longer than `seconds` is killed, with its children.
 */
export async function real(
  files: Record<string, string>,
  seconds = 10,
): Promise<{ out: string; err: string; ok: boolean }> {
  const dir = mkdtempSync(join(tmpdir(), 'rc-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true })
      writeFileSync(join(dir, name), text)
    }
    const path = [dirname(rc), bin]
    const p = spawn(rc, ['./script'], {
      cwd: dir,
      env: { PATH: path.join(':'), path: path.join('\x01'), HOME: dir, LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const limit = setTimeout(() => process.kill(-p.pid!, 'SIGKILL'), seconds * 1000)
    let out = ''
    let err = ''
    p.stdout.setEncoding('utf8').on('data', (s: string) => {
      out += s
    })
    p.stderr.setEncoding('utf8').on('data', (s: string) => {
      err += s
    })
    const code = await new Promise<number | null>((resolve, reject) => p.on('close', resolve).on('error', reject))
    clearTimeout(limit)
    return { out, err, ok: code === 0 }
  } finally {
    rmSync(dir, { recursive: true })
  }
}
