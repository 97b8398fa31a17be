// dist/9ml.js: the command, all in it but the distribution's files, which are beside it in dist/root.

import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { top } from '../../web/setup.mjs'

export async function build() {
  const { build: vite } = await import('vite')
  const outDir = join(top, 'dist')
  await rm(join(outDir, 'chunks'), { recursive: true, force: true })
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
      rollupOptions: {
        input: {
          '9ml': join(top, 'shell', 'node', 'main.ts'),
          'engine.worker': join(top, 'shell', 'node', 'engine.worker.ts'),
        },
        output: {
          entryFileNames: '[name].js',
          // Beside the entries, so that what looks for a file beside itself finds it from any chunk.
          chunkFileNames: 'chunk-[name]-[hash].js',
        },
      },
    },
  })
  await rm(join(outDir, 'root'), { recursive: true, force: true })
  await cp(join(top, 'plan9', 'root'), join(outDir, 'root'), { recursive: true })
}
