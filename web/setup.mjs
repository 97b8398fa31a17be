// What every entry point runs first, on a machine that may have nothing but Node: the packages of package-lock.json.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const top = dirname(dirname(fileURLToPath(import.meta.url)))

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'

/** Ends the process with a sentence when Node is too old for the packages. */
function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(`9ml needs Node 20.19 or newer; this is ${process.versions.node}`)
  process.exit(1)
}

/** Installs the packages with `npm ci`, unless the ones in place were installed from the present package-lock.json. */
export function ensureDeps() {
  checkNode()
  const lock = join(top, 'package-lock.json')
  const mark = join(top, 'node_modules', '.package-lock.json')
  if (
    existsSync(mark) &&
    (!existsSync(lock) || statSync(mark).mtimeMs >= statSync(lock).mtimeMs || sameLock(lock, mark))
  )
    return
  process.stderr.write('9ml: installing packages (npm ci), once\n')
  const r = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: top, stdio: ['ignore', 2, 2] })
  if (r.status !== 0) {
    console.error('9ml: npm ci failed; see above')
    process.exit(1)
  }
}

/** Whether the installed tree is what the lock file says; a checkout gives the lock file a new time and nothing else. */
function sameLock(lock, mark) {
  const packages = JSON.parse(readFileSync(lock, 'utf8')).packages
  const installed = JSON.parse(readFileSync(mark, 'utf8')).packages
  return Object.entries(packages).every(
    ([name, p]) => name === '' || p.optional || installed[name]?.version === p.version,
  )
}
