import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** The suite of llmfs, which tests/9front/main.ts runs against the guest that it has; `npm test` has no guest. */
export default defineConfig({
  root: join(import.meta.dirname, '..', '..'),
  test: { include: ['tests/9front/llmfs.ts'], testTimeout: 600_000, hookTimeout: 600_000 },
})
