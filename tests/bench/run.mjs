// npm run -s bench -- NAME [--json | --markdown] [ARGS]: runs tests/bench/NAME.ts, whose default export measures and
// returns its table.

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
  console.error(`usage: npm run -s bench -- NAME [--json | --markdown] [ARGS]\nNAME is one of: ${names.join(' ')}`)
  process.exit(2)
}
ensureDeps()
const { register } = await import('tsx/esm/api')
register()
const { default: bench } = await import(pathToFileURL(join(here, `${name}.ts`)).href)
const table = await bench({ json, args: rest })
if (json) console.log(JSON.stringify(table))
else if (table && rest.includes('--markdown')) {
  const [head, ...rows] = table.rows
  const line = cells => console.log(`| ${cells.join(' | ')} |`)
  line(head)
  line(head.map((_, i) => (i === 0 ? '---' : '--:')))
  for (const row of rows.filter(r => r.length === head.length)) line(row)
  for (const row of rows.filter(r => r.length !== head.length)) console.log(`\n${row.join(' ')}`)
} else if (table) for (const row of table.rows) console.log(row.join('\t'))
process.exit(0)
