// dist/9ml.js: the command, all in it but its engine's threads and the distribution's files, which are beside it.

import { cp, mkdir, mkdtemp, readdir, rename, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { top } from '../../web/setup.mjs'

/**
 * Each program is one file, built apart and put in its place whole, so that what runs meanwhile, or is built at the same time,
 * never sees the half of one. Their time is the build's beginning: what is edited during it is newer.
 */
export async function build() {
  const { build: vite } = await import('vite')
  const dist = join(top, 'dist')
  const begun = new Date()
  await mkdir(dist, { recursive: true })
  const outDir = await mkdtemp(join(dist, '.build-'))
  try {
    for (const [name, entry] of [
      ['engine.worker', 'engine.worker.ts'],
      ['thread.worker', 'thread.worker.ts'],
      ['cpu.worker', 'cpu.worker.ts'],
      ['pc.worker', 'pc.worker.ts'],
      ['9ml', 'main.ts'],
    ])
      await vite({
        configFile: false,
        root: top,
        logLevel: 'warn',
        ssr: { noExternal: true },
        build: {
          ssr: true,
          outDir,
          emptyOutDir: false,
          target: 'node20',
          copyPublicDir: false,
          rolldownOptions: {
            input: { [name]: join(top, 'shell', 'node', entry) },
            output: { entryFileNames: '[name].js', codeSplitting: false },
          },
        },
      })
    await cp(join(top, 'node_modules', 'v86', 'build', 'v86.wasm'), join(outDir, 'v86.wasm'))
    await cp(join(top, 'plan9', 'root'), join(outDir, 'root'), { recursive: true })

    for (const name of await readdir(dist)) if (/^chunk/.test(name)) await rm(join(dist, name), { recursive: true })
    const old = join(outDir, 'old')
    await rename(join(dist, 'root'), old).catch(() => {})
    await rename(join(outDir, 'root'), join(dist, 'root'))
    for (const name of [
      'v86.wasm',
      'thread.worker.js',
      'engine.worker.js',
      'cpu.worker.js',
      'pc.worker.js',
      '9ml.js',
    ]) {
      await utimes(join(outDir, name), begun, begun)
      await rename(join(outDir, name), join(dist, name))
    }
  } finally {
    await rm(outDir, { recursive: true, force: true })
  }
}
