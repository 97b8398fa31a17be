// Where a Chromium is: named by CHROMIUM_PATH, playwright's own download, Debian's, or an installed Chrome.

import { existsSync } from 'node:fs'

const installed = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** The executable's path, or undefined where there is none. */
export async function findChromium() {
  const named = process.env.CHROMIUM_PATH
  if (named) return existsSync(named) ? named : undefined
  const { chromium } = await import('playwright-core')
  const own = chromium.executablePath()
  return [own, ...installed].find(path => path && existsSync(path))
}
