import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { drawing } from '../pc/drawing.ts'
import { linux } from '../pc/linux.ts'
import { launch, serveSite, Workspace } from './browser.ts'

/** The PC's screen in its pane: SeaBIOS's text, a key, graphics, keys and the mouse. */

let browser: Browser
let site: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

test('text is read, keys go in, graphics are drawn', { timeout: 90_000 }, async () => {
  const w = await Workspace.open(await browser.newContext(), site.url)
  const { bios, vgabios } = linux()
  const files = { bios, vgabios, hda: drawing() }
  for (const [name, data] of Object.entries(files)) await w.drop({ name, data })
  for (;;) if (!(await w.run(`ls ${Object.keys(files).join(' ')}`)).includes('does not exist')) break
  const settings = Object.keys(files).map(n => `echo ${n} /usr/glenda/${n}`)
  expect(await w.run(`pc -m /mnt/pc && {${settings.join('; ')}; echo memory 32M; echo boot} >/mnt/pc/ctl`)).toBe('')

  await w.page.locator('.tab', { hasText: 'PC' }).click()
  await w.page.getByRole('button', { name: 'Screen', exact: true }).click()
  const text = w.page.locator('.pc-screen pre')
  await expect.poll(() => text.textContent(), { timeout: 20_000 }).toMatch(/SeaBIOS \(version[\s\S]*press a key/)

  await w.page.keyboard.press('a')
  const canvas = w.page.locator('.pc-screen canvas')
  await canvas.waitFor()
  const pixel = (x: number, y: number) =>
    canvas.evaluate(
      (el, [x, y]) => {
        // A copy, so that Chromium does not warn of readbacks from the page's own.
        const copy = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
        const to = copy.getContext('2d')!
        to.drawImage(el as HTMLCanvasElement, -x, -y)
        return [...to.getImageData(0, 0, 1, 1).data]
      },
      [x, y] as [number, number],
    )
  await expect.poll(() => pixel(0, 0)).toEqual([168, 0, 0, 255])
  expect(await pixel(319, 199)).toEqual([0, 168, 0, 255])
  if (process.env['SHOT']) await w.page.screenshot({ path: `${process.env['SHOT']}-screen.png` })

  // The space bar, down and up; then what the buttons of the key bar type.
  await w.page.keyboard.press('Space')
  await w.page.locator('#del').click()
  await canvas.click()
  await expect.poll(() => w.page.evaluate(() => document.pointerLockElement?.tagName)).toBe('CANVAS')
  await w.page.keyboard.press('F6')
  await w.page.locator('.tab', { hasText: 'Console' }).click()
  const echoed = await w.run('dd -if /mnt/pc/cons -bs 65536 -count 1 -quiet 1 | tr -d "\\r" >/tmp/e; ls -l /tmp/e')
  expect(Number(echoed.trim().split(/ +/)[5])).toBeGreaterThanOrEqual(7)
  expect(await w.run('echo stop >/mnt/pc/ctl')).toBe('')
  expect(w.errors).toEqual([])
})
