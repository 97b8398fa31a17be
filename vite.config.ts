import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { rootPlugin } from './web/root-plugin.ts'

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

export default defineConfig({
  root: 'web',
  base: './',
  plugins: [rootPlugin(fileURLToPath(new URL('plan9/root', import.meta.url)))],
  build: { outDir: '../dist/web', emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 1024 },
  worker: { format: 'es' },
  server: { headers: isolation },
  preview: { headers: isolation },
  test: {
    root: '.',
    include: ['**/*.test.ts'],
    testTimeout: 30_000,
  },
})
