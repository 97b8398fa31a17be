import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, serveSite, Workspace } from './browser.ts'

/** The pane that compares: two models side by side, what differs marked, the ten likeliest, a run kept and opened again. */

let browser: Browser
let site: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

const shot = async (w: Workspace, name: string) => {
  if (process.env['SHOT']) await w.page.screenshot({ path: `${process.env['SHOT']}-${name}.png` })
}

test('two trees, token by token', { timeout: 60_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(site.url).origin })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  const pane = page.locator('.pane-compare')
  const status = pane.getByRole('status')
  await page.locator('.tab', { hasText: 'Compare' }).click()
  await expect.poll(() => status.textContent()).toContain('No llmfs is mounted')
  await page.locator('.tab', { hasText: 'Console' }).click()
  await w.run('mkdir /tmp/q; llmfs -m /mnt/llm; llmfs -s q -m /tmp/q')
  await w.run('echo load /lib/llm/stories.bin /lib/llm/tokenizer.bin >/mnt/llm/ctl')
  await w.run('echo load /lib/llm/stories_q80.bin /lib/llm/tokenizer.bin >/tmp/q/ctl')

  await page.locator('.tab', { hasText: 'Compare' }).click()
  await pane.getByLabel('/mnt/llm').waitFor()
  await pane.getByLabel('Another tree').fill('/tmp')
  await pane.getByRole('button', { name: 'Add' }).click()
  await page.getByText('/tmp: no llmfs is there').waitFor()
  await pane.getByLabel('Another tree').fill('/tmp/q')
  await page.keyboard.press('Enter')
  await pane.getByLabel('/tmp/q').waitFor()
  await pane.getByLabel('steps').fill('40')
  await pane.getByLabel('logits of all').check()
  await pane.getByRole('button', { name: 'Run' }).click()
  await expect.poll(() => status.textContent(), { timeout: 30_000 }).toMatch(/tokens differ at \d+:.*logits max \|Δ\|/)
  const n = Number(/differ at (\d+)/.exec((await status.textContent())!)![1])
  const rows = pane.locator('tbody tr')
  expect(await rows.count()).toBe(40)
  expect(await rows.locator('td:nth-child(2)').allTextContents()).toEqual(
    expect.arrayContaining(['Once', ' upon', ' a', ' time']),
  )
  expect(await pane.locator('tr.first').getAttribute('data-pos')).toBe(String(n))
  expect(await pane.locator('.cmp-chart:visible canvas').count()).toBeGreaterThanOrEqual(1)

  // By keyboard, down to the fifth row: its ten likeliest of both.
  await rows.first().focus()
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown')
  await expect.poll(() => pane.locator('.cmp-detail li').count()).toBe(20)
  expect(await pane.locator('.cmp-detail').textContent()).toMatch(/5: \d+ ".*probability \d/)
  expect(await pane.locator('.cmp-detail li.taken').count()).toBeGreaterThanOrEqual(1)
  await shot(w, 'compare')

  await pane.getByRole('button', { name: 'Copy' }).click()
  await page.getByText('copied').waitFor()
  const text = await page.evaluate(() => navigator.clipboard.readText())
  expect(text).toMatch(/^1\t\d+ \S+ \S+\t\d+ \S+ /)
  expect(text.split('\n').at(-2)).toMatch(/^logits max/)
  await pane.getByRole('button', { name: 'Save' }).click()
  await expect.poll(() => pane.getByLabel('Saved runs').locator('option').allTextContents()).toContain('run.cmp')
  const verdict = await status.textContent()

  // The same file says the same after a reload, and to the command.
  await page.reload()
  await page.locator('.tab', { hasText: 'Console' }).click()
  await w.prompt()
  expect(await w.run('compare -r run.cmp | tail -2 | head -1')).toContain(`tokens differ at ${n}:`)
  await page.locator('.tab', { hasText: 'Compare' }).click()
  await expect.poll(() => pane.getByLabel('Saved runs').locator('option').allTextContents()).toContain('run.cmp')
  await pane.getByLabel('Saved runs').selectOption('run.cmp')
  await expect.poll(() => status.textContent()).toBe(verdict)
  await rows.nth(2).hover()
  await expect.poll(() => pane.locator('.cmp-why').textContent()).toContain('/mnt/llm')
  expect(w.errors).toEqual([])
  await context.close()
})

test('one model twice is bit-identical; Stop stops both; a phone has room for it', { timeout: 60_000 }, async () => {
  const context = await browser.newContext({
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
    colorScheme: 'dark',
  })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  const pane = page.locator('.pane-compare')
  const status = pane.getByRole('status')
  await w.run('mkdir /n/two; llmfs -m /mnt/llm; llmfs -s two -m /n/two')
  await w.run('for(i in /mnt/llm /n/two) echo load /lib/llm/stories.bin /lib/llm/tokenizer.bin >$i/ctl')
  await page.locator('.tab', { hasText: 'Compare' }).click()
  await pane.getByLabel('/n/two').waitFor()
  await pane.getByLabel('steps').fill('30')
  await pane.getByRole('button', { name: 'Run' }).click()
  await expect
    .poll(() => status.textContent(), { timeout: 20_000 })
    .toMatch(/tokens identical: 30logits bit-identical: 1 position$/)
  await shot(w, 'compare-phone')
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)

  await pane.getByLabel('steps').fill('0')
  await pane.getByLabel('logits of all').check()
  await pane.getByRole('button', { name: 'Run' }).click()
  await pane.getByRole('button', { name: 'Stop' }).click()
  await expect.poll(() => status.textContent(), { timeout: 20_000 }).not.toBe('running')
  await page.locator('.tab', { hasText: 'Console' }).click()
  await expect.poll(() => w.run('ls -d /mnt/llm/[0-9]* /n/two/[0-9]*')).not.toContain('/two/0\n')
  expect(w.errors).toEqual([])
  await context.close()
})
