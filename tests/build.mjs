// npm run build: everything that is built, each part only when its sources are newer than what stands in dist.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureDeps, top } from '../web/setup.mjs'

const sources = ['plan9', 'shell', 'llmfs', 'emulator', 'web', 'vite.config.ts', 'package-lock.json']

/** The newest modification under a path, in milliseconds. */
function newest(path) {
  const st = statSync(path, { throwIfNoEntry: false })
  if (!st) return 0
  if (!st.isDirectory()) return st.mtimeMs
  return Math.max(st.mtimeMs, ...readdirSync(path).map(name => newest(join(path, name))))
}

export function stale(output) {
  return !existsSync(output) || newest(output) < Math.max(...sources.map(s => newest(join(top, s))))
}

/** dist/web: the page, its workers, the root's files. */
export async function buildWeb({ force = false } = {}) {
  if (!force && !stale(join(top, 'dist', 'web', 'index.html'))) return
  const { build } = await import('vite')
  await build({ configFile: join(top, 'vite.config.ts'), logLevel: 'warn' })
}

/** dist/9ml.js: the command, with the root's files beside it. */
export async function buildNode({ force = false } = {}) {
  if (!force && !stale(join(top, 'dist', '9ml.js'))) return
  const { build } = await import('../shell/node/build.mjs')
  await build()
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  ensureDeps()
  const { build: buildKernels } = await import('../llmfs/engine/kernels/build.mjs')
  await buildKernels()
  await buildWeb({ force: true })
  await buildNode({ force: true })
}
