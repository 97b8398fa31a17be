import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { once } from '../llm/models.ts'
import { guest } from '../pc/guest.ts'
import { launch, serveSite, Workspace } from './browser.ts'

/** The PC in the page, with a real Linux in it: its pane, 9P over TCP, a snapshot that outlives a reload. */

let browser: Browser
let context: BrowserContext
let site: Awaited<ReturnType<typeof serveSite>>
let w: Workspace

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

const names = ['kernel', 'initrd', 'bios', 'vgabios'] as const
const transcript = () => w.page.locator('.pane-pc [role=log]')
const tab = (name: string) => w.page.locator('.tab', { hasText: name })
const settings = `{${names.map(n => `echo ${n} /usr/glenda/${n}`).join('; ')}; echo memory 128M; echo cmdline console'='ttyS0 quiet} >/mnt/pc/ctl`

// On a machine that is busy with other tests the guest has been seen without an address: once more then, from the start.
test('it boots, its console is a pane, its llmfs is mounted, and a snapshot is restored after a reload', {
  retry: 2,
  timeout: 150_000,
}, async () => {
  context = await browser.newContext()
  w = await Workspace.open(context, site.url)
  const g = await guest()
  for (const name of names) await w.drop({ name, data: g[name] })
  for (;;) if (!(await w.run(`ls ${names.join(' ')}`)).includes('does not exist')) break
  expect(await w.run(`pc -m /mnt/pc && ${settings} && echo boot >/mnt/pc/ctl`)).toBe('')
  await tab('PC').click()
  await expect.poll(() => transcript().textContent(), { timeout: 120_000, interval: 500 }).toContain('guest is up')
  await w.page.keyboard.type('echo $((6*7)) of them\n')
  await expect.poll(() => transcript().textContent(), { timeout: 10_000 }).toContain('42 of them')

  await tab('Console').click()
  expect(await w.run('srv tcp!guest!564 guest /n/guest')).toBe('post...\n')
  const text = await w.run(
    'cd /n/guest; echo load /lib/llm/stories.bin /lib/llm/tokenizer.bin >ctl; ' +
      "n=`{cat clone}; {echo temp 0; echo steps 60} >$n/ctl; echo -n 'Once upon a time' >$n/prompt; echo generate >$n/ctl; cat $n/output; echo; cd",
  )
  expect(once.text).toContain(text.trimEnd())
  expect(text.length).toBeGreaterThan(100)

  expect(await w.run('echo save /usr/glenda/snap >/mnt/pc/ctl')).toBe('')
  await w.page.reload()
  await w.prompt()
  expect(await w.run(`pc -m /mnt/pc && ${settings} && echo restore /usr/glenda/snap >/mnt/pc/ctl`)).toBe('')
  await tab('PC').click()
  await w.page.waitForTimeout(500)
  await w.page.keyboard.type('echo $((7*8)) again\n')
  await expect.poll(() => transcript().textContent(), { timeout: 20_000 }).toContain('56 again')

  await tab('Console').click()
  expect(await w.run('echo stop >/mnt/pc/ctl; cat /mnt/pc/status')).toBe('off\n')
  await tab('PC').click()
  await expect.poll(() => w.page.locator('.pc-off').isVisible()).toBe(true)
  expect(w.errors).toEqual([])
  await context.close()
})
