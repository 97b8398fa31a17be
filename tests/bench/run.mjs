// npm run -s bench -- NAME [--json]: runs tests/bench/NAME.ts, whose default export measures and returns its table.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureDeps } from '../../web/setup.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const [name, ...rest] = process.argv.slice(2)
const json = rest.includes('--json')
const names = readdirSync(here)
  .filter(f => f.endsWith('.ts') && !f.includes('.worker.'))
  .map(f => f.slice(0, -3))

if (!name || !existsSync(join(here, `${name}.ts`))) {
  console.error(`usage: npm run -s bench -- NAME [--json]\nNAME is one of: ${names.join(' ')}`)
  process.exit(2)
}
ensureDeps()
const main = `
const { default: bench } = await import(${JSON.stringify(pathToFileURL(join(here, `${name}.ts`)).href)})
const table = await bench({ json: ${json} })
if (${json}) console.log(JSON.stringify(table))
else if (table) for (const row of table.rows) console.log(row.join('\\t'))
process.exit(0)
`
const r = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', main], {
  cwd: join(here, '..', '..'),
  stdio: 'inherit',
})
process.exit(r.status ?? 1)
