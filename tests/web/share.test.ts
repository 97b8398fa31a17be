import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, serveSite, Workspace } from './browser.ts'

/** Links, the console in other pages, a page without a network, and what axe finds. */

let browser: Browser
let site: Awaited<ReturnType<typeof serveSite>>

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

test('a link has the layout, the settings and the name space, and runs nothing by itself', {
  timeout: 60_000,
}, async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(site.url).origin })
  const w = await Workspace.open(context, site.url)
  const { page } = w
  await w.run('mkdir /tmp/x; bind /lib /tmp/x; llmfs -m /mnt/llm')
  await w.run('echo load /lib/llm/stories.bin /lib/llm/tokenizer.bin >/mnt/llm/ctl')
  await page.locator('.tab', { hasText: 'Lessons' }).click()
  await page.locator('.tab', { hasText: 'Compare' }).click({ modifiers: ['Shift'] })
  await page.locator('.pane-compare').getByLabel('Prompt').fill('Tom & Lily #1')
  await page.locator('.pane-compare').getByLabel('seed').fill('77')
  await page.getByRole('button', { name: 'Share' }).click()
  await page.getByText('The link is copied.').waitFor()
  const url = await page.evaluate(() => navigator.clipboard.readText())
  await context.close()

  const other = await Workspace.open(await browser.newContext({ viewport: { width: 1440, height: 900 } }), url)
  const p = other.page
  await expect.poll(() => p.locator('.pane-compare').getByLabel('Prompt').inputValue()).toBe('Tom & Lily #1')
  expect(await p.locator('.pane-compare').getByLabel('seed').inputValue()).toBe('77')
  expect(await p.locator('.pane-lessons').isVisible()).toBe(true)
  const offered = p.getByRole('region', { name: 'Commands of the link' })
  expect(await offered.locator('pre').textContent()).toMatch(/^bind +\/lib \/tmp\/x\ntest -e \/srv\/llm \|\| llmfs\n/)
  expect(await other.run('ls /srv')).not.toContain('llm')
  await other.run('mkdir /tmp/x')
  await offered.getByRole('button', { name: 'Run them' }).click()
  await expect.poll(() => offered.isVisible()).toBe(false)
  // Of what the shell has still to read nothing may be mixed with what is typed here.
  await expect.poll(() => p.locator('#st-model').textContent(), { timeout: 20_000 }).toContain('stories')
  await other.until(t => t.endsWith('term% '), 0, 'the commands of the link')
  await p.locator('.pane-console .xterm-helper-textarea').focus()
  await expect.poll(() => other.run('cat /mnt/llm/ctl'), { timeout: 15_000 }).toMatch(/^loaded \/lib\/llm\/stories/)
  expect(await other.run('ls /tmp/x')).toContain('fortunes')
  expect(other.errors).toEqual([])
})

test('a console in another page', { timeout: 60_000 }, async () => {
  const html = `<!doctype html><link rel=icon href="data:,"><script type=module src="${new URL('embed.js', site.url)}"></script>
    <plan9-console commands="echo by a click"></plan9-console>`
  const server = createServer((_, res) => res.setHeader('Content-Type', 'text/html').end(html))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const page = await (await browser.newContext()).newPage()
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`)
  const frame = page.frameLocator('plan9-console iframe')
  const log = frame.getByRole('log', { name: 'Console transcript' })
  await expect.poll(() => log.textContent(), { timeout: 20_000 }).toMatch(/term% $/)
  expect(await frame.locator('.bar').isVisible()).toBe(false)
  expect(await log.textContent()).not.toContain('by a click')
  await frame.getByRole('button', { name: 'Run them' }).click()
  await expect.poll(() => log.textContent()).toMatch(/by a click.*by a click/s)
  await page.context().close()
  server.close()
})

test('after a visit it works without a network', { timeout: 90_000 }, async () => {
  const context = await browser.newContext()
  const own = await serveSite()
  const w = await Workspace.open(context, own.url)
  const { page } = w
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready
  })
  await expect.poll(() => page.evaluate(() => caches.keys().then(k => k.length)), { timeout: 30_000 }).toBe(1)
  await own.close()
  await page.reload()
  await w.prompt()
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  const text = await w.run("run /lib/llm/stories.bin -z /lib/llm/tokenizer.bin -t 0 -n 12 -i 'Once upon' >[2]/dev/null")
  expect(text).toMatch(/^Once upon a time/)
  expect(await w.run('man ramfs | sed 1q')).toContain('RAMFS')
  expect(await w.run('lesson | wc -l')).toMatch(/13/)
  expect(w.errors.filter(e => !/ERR_CONNECTION_REFUSED|Failed to (fetch|load)/.test(e))).toEqual([])
  await context.close()
})

async function axe(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: 'node_modules/axe-core/axe.min.js' })
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
    const { violations } = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] })
    return violations
      .filter(v => v.impact === 'serious' || v.impact === 'critical')
      .map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).join(', ')}`)
  })
}

test.each(['light', 'dark'] as const)(
  'axe finds nothing serious in any pane: %s',
  { timeout: 90_000 },
  async scheme => {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      colorScheme: scheme,
      bypassCSP: true,
    })
    const w = await Workspace.open(context, site.url)
    const { page } = w
    await w.run('llmfs -m /mnt/llm')
    for (const name of ['Console', 'PC', 'Compare', '9P', 'Lessons', 'Names']) {
      await page
        .locator('.tab')
        .getByText(name, { exact: true })
        .or(page.locator('.tab', { hasText: name }))
        .first()
        .click()
      await page.waitForTimeout(300)
      expect(await axe(page), name).toEqual([])
    }
    await context.close()
  },
)
