import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, serveSite, Workspace } from './browser.ts'

/** The pane of name spaces: what is bound appears and stands out, two processes side by side, whose a mount is. */

let browser: Browser
let site: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

test('name spaces as they change', { timeout: 60_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  const first = page.locator('.ns-column').nth(0)
  const second = page.locator('.ns-column').nth(1)
  const place = (column: typeof first, path: string) =>
    column
      .locator('.ns-column > ul > li, ul:first-of-type > li')
      .filter({ has: page.locator(`.ns-path:text-is("${path}")`) })
  await page.locator('.tab', { hasText: 'Names' }).click()
  await expect.poll(() => first.locator('option').count()).toBeGreaterThan(0)
  await expect
    .poll(() => place(first, '/bin').first().locator('.ns-member').allTextContents())
    .toEqual(['/js/bin', '/rc/bin', '/usr/glenda/bin/rc'])
  expect(await first.locator('.ns-new').count()).toBe(0)

  await page.locator('.xterm-helper-textarea').first().focus()
  await w.run('sleep 1000 &')
  await w.run('rfork n')
  await w.run('ramfs -S mem; mount -c /srv/mem /n/temp; bind -b /lib /n/temp')
  await expect
    .poll(() => place(first, '/n/temp').first().locator('.ns-member').allTextContents())
    .toEqual(['/lib', 'mount /srv/mem (create)'])
  expect(await first.locator('.ns-new').count()).toBeGreaterThan(0)
  if (process.env['SHOT']) await page.screenshot({ path: `${process.env['SHOT']}-ns.png` })
  await expect.poll(() => first.locator('.ns-new').count(), { timeout: 10_000 }).toBe(0)

  await second
    .getByLabel('Another process')
    .selectOption({ label: await second.locator('option', { hasText: 'sleep' }).innerText() })
  await expect.poll(() => place(first, '/n/temp').first().getAttribute('class')).toContain('ns-other')
  expect(await place(second, '/n/temp').count()).toBe(0)
  expect(await second.locator('.ns-other > .ns-path:text-is("/bin")').count()).toBe(0)

  await place(first, '/n/temp').first().getByRole('button', { name: 'mount /srv/mem' }).click()
  await first.getByText('a mount of the server /srv/mem, posted as mem').waitFor()
  await place(first, '/proc').first().getByRole('button', { name: '#p' }).click()
  await first.getByRole('button', { name: 'man 3 proc' }).click()
  await w.until(text => text.includes('PROC(3)'), 0, 'the manual')
  await page.locator('.xterm-helper-textarea').first().focus()
  await w.run('kill sleep | rc')
  await expect.poll(() => second.getByLabel('Another process').inputValue()).toBe('')
  expect(w.errors).toEqual([])
  await context.close()
})
