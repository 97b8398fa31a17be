// npm run nightly: the tests that draw at random, with as many draws as take a night's quiet hour. SEED=n draws others.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ensureDeps, top } from '../web/setup.mjs'

const more = { RUNS: '20000', STRESS: '1', ROUNDS: '2000', PROGRAMS: '100000' }
const seed = process.env.SEED ?? String(Math.floor(Date.now() / 86_400_000))
const files = [
  'tests/guest/hostile',
  'tests/guest/llm.test',
  'tests/guest/llmfslinux',
  'tests/fuzz',
  'tests/pc/ip',
  'tests/rc',
  'tests/disk',
]

ensureDeps()
console.log(`SEED=${seed}`)
const { status } = spawnSync(
  join(top, 'node_modules', '.bin', 'vitest'),
  ['run', '--testTimeout=7200000', ...files, ...process.argv.slice(2)],
  { cwd: top, stdio: 'inherit', env: { ...process.env, ...more, SEED: seed } },
)
process.exit(status ?? 1)
