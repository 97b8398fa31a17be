import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, serveSite, Workspace } from './browser.ts'

/** Consoles as many as one likes, panes side by side by mouse and by keyboard, and all of it there after a reload. */

let browser: Browser
let site: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

test('consoles side by side, each with a name space of its own', { timeout: 60_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  const second = page.getByRole('log', { name: 'Console 2 transcript' })
  await w.run('mkdir /tmp/x; bind /lib /tmp/x')
  await page.getByRole('button', { name: 'Another console' }).click()
  await expect.poll(() => second.textContent()).toMatch(/term% $/)
  await page.keyboard.type('ls /tmp/x; echo two $pid\n')
  await expect.poll(() => second.textContent()).toMatch(/two \d+/)
  expect(await second.textContent()).not.toContain('fortunes')
  expect(await page.locator('.pane:visible').evaluateAll(els => els.map(el => el.getAttribute('aria-label')))).toEqual(
    expect.arrayContaining(['Console', 'Console 2', 'Files']),
  )

  // A third pane beside them by keyboard, and wider by keyboard and by mouse.
  await page.locator('.tab', { hasText: '9P' }).focus()
  await page.keyboard.press('Shift+Enter')
  await expect.poll(() => page.locator('.pane-inspector').isVisible()).toBe(true)
  expect(await page.locator('.pane-console2').isVisible()).toBe(true)
  const split = page.getByRole('separator', { name: 'Width of Console', exact: true })
  const width = () => page.locator('.pane-console').evaluate(el => el.clientWidth)
  const before = await width()
  await split.focus()
  for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight')
  expect((await width()) - before).toBeGreaterThan(60)
  const box = (await split.boundingBox())!
  await page.mouse.move(box.x, box.y + 100)
  await page.mouse.down()
  await page.mouse.move(box.x - 50, box.y + 100)
  await page.mouse.up()
  expect((await width()) - before).toBeLessThan(50)
  if (process.env['SHOT']) await page.screenshot({ path: `${process.env['SHOT']}-split.png` })

  // DEL goes to the console that was used last.
  await page.locator('.pane-console2 .xterm-helper-textarea').focus()
  await page.keyboard.type('sleep 1000; echo ended\n')
  await page.locator('#del').click()
  await page.keyboard.type('echo still here\n')
  await expect.poll(() => second.textContent()).toMatch(/still here.*still here/s)
  expect(await second.textContent()).not.toMatch(/\nended/)

  await page.getByRole('button', { name: 'Close 9P here' }).click()
  await page.reload()
  await w.prompt()
  await expect.poll(() => second.textContent()).toMatch(/term% $/)
  expect(await page.locator('.pane-console').isVisible()).toBe(true)
  expect(await page.locator('.pane-console2').isVisible()).toBe(true)
  expect(await page.locator('.pane-inspector').isVisible()).toBe(false)

  // Its shell exits, and the pane is gone; the first console's is followed by another.
  await page.locator('.pane-console2 .xterm-helper-textarea').focus()
  await page.keyboard.type('exit\n')
  await expect.poll(() => page.locator('.pane-console2').count()).toBe(0)
  await page.reload()
  await w.prompt()
  expect(await page.locator('.tab', { hasText: 'Console' }).count()).toBe(1)
  expect(w.errors).toEqual([])
  await context.close()
})
