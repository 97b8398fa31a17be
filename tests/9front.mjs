// npm run test:9front -- IMAGE: what needs a real 9front, of its 386 ISO; prints a table. docs/tested.md

import { existsSync } from 'node:fs'
import { ensureDeps } from '../web/setup.mjs'

const [image, ...more] = process.argv.slice(2)
if (!image || more.length > 0 || !existsSync(image)) {
  console.error(image && more.length === 0 ? `${image}: no such file` : 'usage: npm run test:9front -- IMAGE')
  process.exit(2)
}
ensureDeps()
const { register } = await import('tsx/esm/api')
register()
const { main } = await import('./9front/main.ts')
process.exit(await main(image))
