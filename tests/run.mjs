// npm test: finds or installs what the tests need, builds, checks types and style, and runs every test.
//   npm test -- [vitest's arguments]        with arguments only vitest runs, on what they select
//
// The last line counts: N passed, N failed. A suite that could not run is named; in CI (CI=true) it counts as failed.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDeps, top } from '../web/setup.mjs'

const ci = !!process.env.CI
const args = process.argv.slice(2)

/** What tests need of the system: how to know that it is there, Debian's package, and the suites that cannot do without. */
const tools = [
  {
    name: 'Chromium',
    found: async () => (await (await import('./web/find.mjs')).findChromium()) !== undefined,
    debian: 'chromium',
    otherwise: ['npx', 'playwright-core', 'install', 'chromium'],
    suites: ['tests/web/**'],
  },
  {
    name: '9base (Plan 9 commands)',
    found: () => existsSync('/usr/lib/plan9/bin/rc'),
    debian: '9base',
    suites: ['tests/rc/9base*.test.ts', 'tests/cmd/9base*.test.ts'],
  },
  {
    name: 'tshark',
    found: () => runs('tshark', ['--version']),
    debian: 'tshark',
    suites: ['tests/9p/tshark.test.ts'],
  },
  {
    name: 'python3 (for pseudo-terminals)',
    found: () => runs('python3', ['--version']),
    debian: 'python3',
    suites: ['tests/e2e/pty.test.ts', 'tests/qemu/vm.test.ts'],
  },
  {
    name: 'genisoimage',
    found: () => runs('genisoimage', ['--version']),
    debian: 'genisoimage',
    suites: [
      'tests/disk/{iso9660,tool}.test.ts',
      'tests/image/{identify,command}.test.ts',
      'tests/pc/{front,profile}.test.ts',
      'tests/qemu/vm.test.ts',
    ],
  },
  {
    name: 'mtools',
    found: () => runs('mtools', ['--version']),
    debian: 'mtools',
    suites: ['tests/disk/{fat,tool}.test.ts'],
  },
  {
    name: 'fsck.vfat',
    found: () => existsSync('/usr/sbin/fsck.vfat'),
    debian: 'dosfstools',
    suites: ['tests/disk/{fat,tool}.test.ts'],
  },
  {
    name: 'sfdisk',
    found: () => existsSync('/usr/sbin/sfdisk'),
    debian: 'fdisk',
    suites: ['tests/disk/part.test.ts'],
  },
  {
    name: 'SeaBIOS',
    found: () => existsSync('/usr/share/seabios/bios.bin'),
    debian: 'seabios',
    suites: ['tests/pc/{linux,screen}.test.ts', 'tests/web/{pc,screen}.test.ts'],
  },
  {
    name: 'QEMU',
    found: () => ['i386', 'x86_64'].every(m => runs(`qemu-system-${m}`, ['--version'])),
    debian: 'qemu-system-x86',
    suites: ['tests/qemu/vm.test.ts'],
  },
  {
    name: 'a Linux for i386, of Debian’s packages',
    found: () => existsSync(join(top, 'node_modules', '.cache', '9ml', 'linux686', 'boot')),
    otherwise: ['node', '--import', 'tsx', join(top, 'tests', 'pc', 'getlinux.ts')],
    suites: ['tests/pc/linux.test.ts', 'tests/qemu/vm.test.ts', 'tests/web/pc.test.ts'],
  },
  {
    name: 'gcc with -m32',
    found: () => runs('gcc', ['-m32', '-fsanitize=address,undefined', '-o', '/dev/null', '-x', 'c', probe]),
    debian: 'gcc-multilib',
    suites: [
      'tests/guest/{asm,bits,build,kern,libc,llm,llmfslinux,stub,threads}.test.ts',
      'tests/pc/linux.test.ts',
      'tests/qemu/vm.test.ts',
      'tests/web/pc.test.ts',
    ],
  },
]

/** A program that any C compiler takes. */
const probe = join(top, 'tests', 'guest', 'probe.c')

function runs(command, argv) {
  return spawnSync(command, argv, { stdio: 'ignore' }).status === 0
}

function step(name, command, argv, env = {}) {
  console.log(`\n== ${name}`)
  const r = spawnSync(command, argv, {
    cwd: top,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  })
  return r.status === 0
}

/** The tools that are still missing after an attempt to install them. */
async function prepare() {
  const missing = []
  for (const tool of tools) if (!(await tool.found())) missing.push(tool)
  if (missing.length === 0) return missing
  const packages = missing.flatMap(t => t.debian ?? [])
  if (packages.length > 0 && process.getuid?.() === 0 && runs('apt-get', ['--version'])) {
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    step('apt-get update', 'apt-get', ['update', '-qq'], env)
    step(
      `apt-get install ${packages.join(' ')}`,
      'apt-get',
      ['install', '-y', '-qq', '--no-install-recommends', ...packages],
      env,
    )
  }
  for (const tool of missing)
    if (tool.otherwise && !(await tool.found()))
      step(`install ${tool.name}`, tool.otherwise[0], tool.otherwise.slice(1))
  const still = []
  for (const tool of missing) if (!(await tool.found())) still.push(tool)
  return still
}

ensureDeps()
const bin = name => join(top, 'node_modules', '.bin', name)

if (args.length > 0) process.exit(step('vitest', bin('vitest'), ['run', ...args]) ? 0 : 1)

const missing = await prepare()
let passed = 0
let failed = 0
const failures = []
function count(name, ok) {
  if (ok) passed++
  else {
    failed++
    failures.push(name)
  }
}

count('build', step('build', process.execPath, [join(top, 'tests', 'build.mjs')]))
if (!missing.some(t => t.debian === 'gcc-multilib'))
  count('guest', step("the guest's programs for Linux", bin('tsx'), [join('emulator', 'guest', 'build.ts'), 'linux']))
count('types', step('types', bin('tsc'), ['-b']))
count('style', step('lint and format', bin('biome'), ['check', '--error-on-warnings', '.']))

const out = join(top, 'node_modules', '.test', 'results.json')
mkdirSync(join(top, 'node_modules', '.test'), { recursive: true })
rmSync(out, { force: true })
const excluded = missing.flatMap(t => t.suites)
const ok = step('vitest', bin('vitest'), [
  'run',
  '--reporter=dot',
  '--reporter=json',
  `--outputFile.json=${out}`,
  ...excluded.flatMap(s => ['--exclude', s]),
])

let skipped = 0
if (existsSync(out)) {
  const r = JSON.parse(readFileSync(out, 'utf8'))
  passed += r.numPassedTests
  failed += r.numFailedTests
  skipped += r.numPendingTests + r.numTodoTests
  for (const file of r.testResults) {
    const broken = file.status === 'failed' && !file.assertionResults.some(a => a.status === 'failed')
    if (broken) count(`${file.name}: ${file.message}`, false)
    for (const a of file.assertionResults) if (a.status === 'failed') failures.push(a.fullName)
    for (const a of file.assertionResults)
      if (a.status === 'pending' || a.status === 'skipped') console.log(`not run: ${a.fullName}`)
  }
  if (!ok && failed === 0) count('vitest ended with an error', false)
} else count('vitest wrote no results', false)

for (const tool of missing) {
  console.log(
    `could not run for want of ${tool.name}${tool.debian ? ` (Debian: ${tool.debian})` : ''}: ${tool.suites.join(' ')}`,
  )
  if (ci) count(`no ${tool.name}`, false)
}
for (const f of failures) console.log(`failed: ${f}`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 ? 0 : 1)
