import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { rootPlugin } from './web/root-plugin.ts'
import { swPlugin } from './web/sw-plugin.ts'

/** What v86 imports where it finds itself under Node: nothing, in the page. */
const nodeOnly: Plugin = {
  name: '9ml-v86',
  enforce: 'pre',
  resolveId: (id, importer) =>
    importer?.includes('libv86') && /^(node:.*|fs|crypto|perf_hooks)$/.test(id) ? '\0node-only' : undefined,
  load: id => (id === '\0node-only' ? 'export {}' : undefined),
}

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** The page, and the script for other pages, where no library is built of this. */
const entries: Plugin = {
  name: '9ml-entries',
  config: ({ build }) =>
    build?.lib
      ? undefined
      : {
          build: {
            rolldownOptions: {
              input: {
                main: fileURLToPath(new URL('web/index.html', import.meta.url)),
                embed: fileURLToPath(new URL('web/embed.ts', import.meta.url)),
              },
              output: {
                entryFileNames: ({ name }: { name: string }) =>
                  name === 'embed' ? 'embed.js' : 'assets/[name]-[hash].js',
              },
            },
          },
        },
}

export default defineConfig({
  root: 'web',
  base: './',
  plugins: [
    entries,
    rootPlugin(fileURLToPath(new URL('plan9/root', import.meta.url))),
    swPlugin(fileURLToPath(new URL('web/sw.js', import.meta.url))),
  ],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 1024,
  },
  worker: { format: 'es', plugins: () => [nodeOnly] },
  server: { headers: isolation },
  preview: { headers: isolation },
  test: {
    root: '.',
    include: ['**/*.test.ts'],
    testTimeout: 30_000,
  },
})
