import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from '../../shell/cmd/lesson/parse.ts'
import { launch, serveSite, top, Workspace } from './browser.ts'

/** A lesson done from first to last as a learner would type it, the next by clicks; a link to a step; what is kept. */

let browser: Browser
let site: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

test('a lesson from first to last', { timeout: 90_000 }, async () => {
  const { steps } = parse(readFileSync(join(top, 'plan9/root/lib/lessons/05-bind'), 'utf8'))
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  const pane = page.locator('.pane-lessons')
  await page.locator('.tab', { hasText: 'Lessons' }).click()
  await pane.getByLabel('Search the lessons').fill('union ns')
  expect(await pane.locator('.lesson-link').allTextContents()).toEqual(['Bind and unions0/3'])
  await pane.locator('.lesson-link').click()
  const state = pane.getByRole('status')
  for (const [i, step] of steps.entries()) {
    expect(await pane.getByRole('heading', { level: 3 }).textContent()).toBe(step.title)
    expect(await state.textContent()).toContain('Not done yet')
    if (i === 0 && process.env['SHOT']) await page.screenshot({ path: `${process.env['SHOT']}-lesson.png` })
    await page.locator('.xterm-helper-textarea').first().focus()
    for (const line of step.answer.trim().split('\n')) await w.run(line)
    await expect.poll(() => state.textContent(), { timeout: 10_000 }).toBe('Done.')
    expect(page.url()).toContain(`#lesson=bind.${i + 1}`)
    await pane.getByRole('button', { name: 'Next' }).click()
  }

  // What was done is kept; an address leads to a step, and runs nothing by itself.
  await page.goto(`${site.url}#lesson=files.1`)
  await page.reload()
  await w.prompt()
  await pane.getByRole('heading', { name: 'A line to rc' }).waitFor()
  expect(await w.run('ls /tmp')).toBe('')
  const commands = pane.locator('.lesson-command')
  expect(await commands.count()).toBe(3)
  for (const n of [0, 1, 2]) {
    const from = (await w.transcript()).length
    await commands.nth(n).click()
    await w.until(text => text.includes('\n') && text.endsWith('term% '), from, 'a command that was clicked')
  }
  await expect.poll(() => state.textContent(), { timeout: 10_000 }).toBe('Done.')
  await page.locator('.xterm-helper-textarea').first().focus()
  expect(await w.run('cat $home/lib/lessons')).toBe('bind 1\nbind 2\nbind 3\nfiles 1\n')
  await pane.getByRole('button', { name: 'Start over' }).click()
  await expect.poll(() => state.textContent()).toContain('Not done yet')
  await page.locator('.xterm-helper-textarea').first().focus()
  expect(await w.run('ls /tmp')).toBe('')
  await pane.getByRole('button', { name: 'Hint' }).click()
  await pane.getByText('The directory must be there').waitFor()
  await pane.getByRole('button', { name: 'rc(1)' }).click()
  await w.until(text => /RC\(1\)/.test(text), 0, 'the manual')
  await pane.getByRole('button', { name: 'All' }).click()
  expect(await pane.locator('.lesson-link').nth(4).textContent()).toBe('Bind and unions3/3')
  expect(w.errors).toEqual([])
  await context.close()
})
