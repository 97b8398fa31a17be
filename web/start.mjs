// npm start: installs, builds and serves the workspace, prints its address, and opens it where there is a desktop.
//   npm start -- [--port N] [--host ADDR] [--no-open]

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureDeps, top } from './setup.mjs'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: process.env.PORT ?? '5640' },
    host: { type: 'string', default: '127.0.0.1' },
    'no-open': { type: 'boolean', default: false },
  },
})

ensureDeps()
const { buildWeb } = await import('../tests/build.mjs')
await buildWeb()
const { serve } = await import('./serve.mjs')
const { url } = await serve({ dir: join(top, 'dist', 'web'), port: Number(values.port), host: values.host })
console.log(`9ml: ${url}`)
if (!values['no-open'] && !process.env.CI) openBrowser(url)

function openBrowser(url) {
  const desktop = process.platform === 'darwin' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY
  if (!desktop) return
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open'
  spawn(opener, [url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}
