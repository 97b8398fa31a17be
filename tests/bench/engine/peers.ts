import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { top } from './models.ts'
import { Missing } from './rows.ts'

/** The peers' own package: node-llama-cpp and wllama, in the versions of its package-lock.json. */
const peers = join(top, 'tests', 'bench', 'peers')

let failed: string | undefined

/** Where a peer's package is; the first time after `npm ci`. @throws Missing it could not be installed */
export function peer(name: string): string {
  const dir = join(peers, 'node_modules', name)
  const lock = join(peers, 'package-lock.json')
  const mark = join(peers, 'node_modules', '.package-lock.json')
  if (!failed && (!existsSync(mark) || statSync(mark).mtimeMs < statSync(lock).mtimeMs)) {
    process.stderr.write('bench: installing the peers (npm ci), once\n')
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const { status, stderr, error } = spawnSync(npm, args, { cwd: peers, encoding: 'utf8' })
    if (status !== 0) failed = `npm ci failed: ${(error?.message ?? stderr).trim().split('\n')[0]}`
  }
  if (failed) throw new Missing(failed)
  if (!existsSync(dir)) throw new Missing(`npm ci did not install ${name}`)
  return dir
}
