import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, serveSite, Workspace } from './browser.ts'

/** The Files pane's editor: what is saved is in the file, what cannot be is lost nowhere. */

let browser: Browser
let site: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

test('a text is edited', { timeout: 60_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  const pane = page.locator('.pane-files')
  const asked: string[] = []
  let answer = true
  page.on('dialog', d => {
    asked.push(d.message())
    void (answer ? d.accept() : d.dismiss())
  })
  await w.run(
    'echo one line >note; echo secret >locked; chmod 444 locked; dd -if /dev/zero -of zeros -count 1 -quiet 1',
  )
  await pane.getByRole('button', { name: 'Refresh' }).click()
  await pane.locator('[data-path="/usr/glenda/note"]').click()
  await pane.getByText('one line').waitFor()
  await pane.getByRole('button', { name: 'Edit' }).click()
  const text = pane.getByLabel('Text of /usr/glenda/note')
  await text.waitFor()
  await page.keyboard.press('Control+End')
  await page.keyboard.type('and another, é')
  if (process.env['SHOT']) await page.screenshot({ path: `${process.env['SHOT']}-edit.png` })
  await page.keyboard.press('Control+s')
  await page.getByText('/usr/glenda/note: saved').waitFor()
  await page.locator('.pane-console .xterm-helper-textarea').focus()
  expect(await w.run('cat note; echo')).toBe('one line\nand another, é\n')

  // Somebody else has written meanwhile: the editor asks, and keeps its text when it may not.
  await w.run('echo theirs >note')
  await text.focus()
  await page.keyboard.type('!')
  answer = false
  await pane.getByRole('button', { name: 'Save', exact: true }).click()
  await expect.poll(() => asked.at(-1)).toBe('/usr/glenda/note has been changed by somebody else. Write over it?')
  expect(await text.innerText()).toContain('another')
  // Nor is it left without a question.
  await pane.locator('[data-path="/usr/glenda/locked"]').click()
  await expect.poll(() => asked.at(-1)).toBe('/usr/glenda/note is not saved. Leave it?')
  answer = true
  await pane.getByRole('button', { name: 'Save', exact: true }).click()
  await expect
    .poll(() =>
      w.page
        .locator('.notice')
        .allInnerTexts()
        .then(t => t.join()),
    )
    .toContain('note: saved')
  await page.locator('.pane-console .xterm-helper-textarea').focus()
  expect(await w.run('grep another note')).toContain('another')

  await pane.locator('[data-path="/usr/glenda/locked"]').click()
  await pane.getByText('secret').waitFor()
  await pane.getByRole('button', { name: 'Edit' }).click()
  await pane.getByLabel('Text of /usr/glenda/locked').waitFor()
  await page.keyboard.type('x')
  await page.keyboard.press('Control+s')
  await page.getByText(/locked: .*permission denied/).waitFor()
  expect(await pane.getByLabel('Text of /usr/glenda/locked').innerText()).toContain('xsecret')
  expect(w.errors).toEqual([])
  await context.close()
})
