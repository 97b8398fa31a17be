import { mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, serveSite, top, Workspace } from './browser.ts'

/** Where pictures go: into the repository with BLESS=1, else where they are forgotten. */
const dir = process.env['BLESS'] ? join(top, 'tests/web/shots') : join(tmpdir(), '9ml-shots')
const session = [
  'llmfs -s llm',
  'mount /srv/llm /mnt/llm',
  "echo 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin' > /mnt/llm/ctl",
  'session=`{cat /mnt/llm/clone}',
  "echo 'temp 0.0' > /mnt/llm/$session/ctl",
  "echo 'Once upon a time' > /mnt/llm/$session/prompt",
  'echo generate > /mnt/llm/$session/ctl',
  'cat /mnt/llm/$session/stream',
  'cat /mnt/llm/$session/status',
  'ls /mnt/llm /mnt/llm/$session',
]

let browser: Browser
let server: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  browser = await launch()
  server = await serveSite()
  mkdirSync(dir, { recursive: true })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await server?.close()
})

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 }
const desk = { viewport: { width: 1280, height: 800 } }

test.each([
  ['workspace', { ...desk, colorScheme: 'light' as const }],
  ['workspace-dark', { ...desk, colorScheme: 'dark' as const }],
  ['phone', { ...phone, colorScheme: 'light' as const }],
  ['phone-dark', { ...phone, colorScheme: 'dark' as const }],
])('a picture of the workspace: %s', async (name, options) => {
  const context = await browser.newContext(options)
  const w = await Workspace.open(context, server.url)
  const { page } = w
  for (const line of session) await w.run(line)
  await page.waitForFunction(() => /tok\/s/.test(document.querySelector('#st-rate')?.textContent ?? ''))
  if (options.viewport.width > 760) {
    const tree = page.getByRole('tree')
    await page.getByRole('button', { name: 'Refresh' }).click()
    await page.locator('[data-path="/mnt"] > .row').click()
    await page.locator('[data-path="/mnt/llm"] > .row').click()
    await page.locator('[data-path="/mnt/llm/0"] > .row').click()
    await tree.getByRole('treeitem', { name: /^stream/ }).waitFor()
    await page.locator('.xterm-helper-textarea').focus()
  }
  const path = join(dir, `${name}.png`)
  await page.screenshot({ path })
  expect(statSync(path).size).toBeGreaterThan(10_000)
  expect(w.errors).toEqual([])
  await context.close()
})
