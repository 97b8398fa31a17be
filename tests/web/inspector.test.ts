import { readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, serveSite, Workspace } from './browser.ts'

/** The pane of 9P messages: replies beside requests, filters, the manual, files to take away; and very many messages. */

let browser: Browser
let site: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

const tab = (w: Workspace, name: string) => w.page.locator('.tab', { hasText: name }).click()

test('messages as they go', { timeout: 60_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  const pane = page.locator('.pane-inspector')
  const rows = pane.locator('.tap-row')
  await tab(w, '9P')
  await expect.poll(() => page.locator('.tab.busy').textContent()).toBe('9P')
  await tab(w, 'Console')
  await w.run(
    'ramfs -S mem; mount -c /srv/mem /n/temp; echo hello >/n/temp/greeting; cat /n/temp/greeting /n/temp/nosuch',
  )
  await tab(w, '9P')
  await pane.getByLabel('Connection').selectOption('/srv/mem')
  await expect.poll(() => rows.count()).toBeGreaterThan(8)
  const lines = await rows.allTextContents()
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{6}\/srv\/mem[\d.]+ [µm]sTversion tag NOTAG .*Rversion tag NOTAG /)
  expect(lines.join('\n')).toMatch(/Tcreate tag \d+ fid \d+ name greeting .*Rcreate/)
  expect(lines.join('\n')).toMatch(/Twrite tag \d+ fid \d+ offset 0 count 6 'hello\\n'Rwrite tag \d+ count 6/)
  if (process.env['SHOT']) await page.screenshot({ path: `${process.env['SHOT']}-9p.png` })

  await pane.getByLabel('Type').selectOption('Rerror')
  await expect
    .poll(() => rows.allTextContents())
    .toEqual([
      expect.stringMatching(/greetingRerror tag \d+ ename 'file does not exist'$/),
      expect.stringMatching(/nosuchRerror tag \d+ ename 'file does not exist'$/),
    ])
  await pane.getByLabel('Type').selectOption('Twalk')
  await expect.poll(() => rows.count()).toBeGreaterThan(1)
  await pane.getByLabel('Text', { exact: true }).fill('greeting')
  await expect.poll(async () => (await rows.allTextContents()).every(t => t.includes('greeting'))).toBe(true)
  await pane.getByLabel('Type').selectOption('')
  await pane.getByLabel('Text', { exact: true }).fill('')
  await pane.getByLabel('Fid').fill('0')
  await expect.poll(async () => (await rows.allTextContents()).every(t => / (fid|afid|newfid) 0\b/.test(t))).toBe(true)
  await pane.getByLabel('Fid').fill('')

  // By keyboard to the first, whose page of the manual is shown.
  await pane.getByRole('listbox').focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  expect(await pane.getByLabel('Message', { exact: true }).textContent()).toMatch(/^Tattach .*\nRattach /)
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    pane.getByRole('button', { name: 'Save .trace' }).click(),
  ])
  const trace = readFileSync(await saved.path(), 'utf8')
  expect(trace).toMatch(/^Tversion tag NOTAG .*\nRversion tag NOTAG .*\nTattach /)
  const [cap] = await Promise.all([
    page.waitForEvent('download'),
    pane.getByRole('button', { name: 'Save .pcap' }).click(),
  ])
  expect(readFileSync(await cap.path()).readUInt32LE(0)).toBe(0xa1b2c3d4)
  await pane.getByRole('button', { name: 'Manual' }).click()
  await w.until(text => text.includes('ATTACH(5)'), 0, 'the manual')

  await pane.getByRole('button', { name: 'Record' }).click()
  await pane.getByRole('button', { name: 'Clear' }).click()
  await expect.poll(() => page.locator('.tab.busy').count()).toBe(0)
  await tab(w, 'Console')
  await w.run('ls /n/temp')
  await tab(w, '9P')
  expect(await pane.getByRole('status').textContent()).toBe('0 of 0')
  expect(w.errors).toEqual([])
  await context.close()
})

test('very many messages: none is lost, and the page goes on', { timeout: 90_000 }, async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  const pane = page.locator('.pane-inspector')
  await w.run('ramfs -S mem; mount -c /srv/mem /n/temp; seq 20000 >/n/temp/f')
  await tab(w, '9P')
  await expect.poll(() => page.locator('.tab.busy').count()).toBe(1)
  await pane.getByLabel('Connection').waitFor()
  await page.evaluate(() => {
    const tasks: number[] = []
    Object.assign(globalThis, { tasks })
    new PerformanceObserver(list => {
      for (const e of list.getEntries()) tasks.push(e.duration)
    }).observe({ type: 'longtask' })
  })
  await tab(w, 'Console')
  const from = await w.type('time dd -if /n/temp/f -of /dev/null -bs 4 -count 25000 -quiet 1')
  await tab(w, '9P')
  await w.until(t => t.endsWith('term% '), from, 'dd')
  const count = async () => Number(/of (\d+)/.exec((await pane.getByRole('status').textContent())!)![1])
  await pane.getByLabel('Connection').selectOption('/srv/mem')
  await expect
    .poll(async () => Number(/^(\d+)/.exec((await pane.getByRole('status').textContent())!)![1]), { timeout: 20_000 })
    .toBeGreaterThanOrEqual(25_000)
  expect(await count()).toBeGreaterThan(50_000)
  expect(await pane.getByRole('status').textContent()).not.toContain('lost')
  const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks)
  console.log(
    `long tasks while 25000 reads were seen: ${tasks.length}, the longest ${Math.max(0, ...tasks)} ms; ` +
      `${(await w.transcript()).split('\n').findLast(l => l.includes('dd -if') && /\dr/.test(l))}`,
  )
  expect(w.errors).toEqual([])
  await context.close()
})
