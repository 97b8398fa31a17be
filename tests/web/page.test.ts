import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { Httpserver } from '../httpserver.ts'
import { once } from '../llm/models.ts'
import { launch, PROMPT, serveSite, top, Workspace } from './browser.ts'
import { checkpoint } from './checkpoint.ts'

let browser: Browser
let server: Awaited<ReturnType<typeof serveSite>>
let context: BrowserContext
const opened: Workspace[] = []

beforeAll(async () => {
  browser = await launch()
  server = await serveSite()
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await server?.close()
})
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
})
afterEach(async () => {
  const errors = opened.splice(0).flatMap(w => w.errors)
  await context.close()
  expect(errors).toEqual([])
})

async function open(url = server.url, on = context): Promise<Workspace> {
  const w = await Workspace.open(on, url)
  opened.push(w)
  return w
}

/** rc's lines that serve a model at /mnt/llm and load it. */
const load = (model: string) => [
  'llmfs -s llm',
  'mount /srv/llm /mnt/llm',
  `echo 'load ${model} /lib/llm/tokenizer.bin' > /mnt/llm/ctl`,
]

test('the prompt takes less than 1 MB, compressed', async () => {
  server.sent.length = 0
  const w = await open()
  expect(await w.page.evaluate(() => crossOriginIsolated)).toBe(true)
  const bytes = server.sent.reduce((sum, { bytes }) => sum + bytes, 0)
  expect(server.sent.map(({ path }) => path)).toContain('/')
  expect(server.sent.filter(({ path }) => path.endsWith('.bin'))).toEqual([])
  expect(bytes).toBeGreaterThan(50_000)
  expect(bytes).toBeLessThan(1_000_000)
})

test('a session with llmfs and with run gives the golden tokens', async () => {
  const w = await open()
  const { page } = w
  expect(await page.locator('#st-model').textContent()).toBe('no model loaded')
  for (const line of load('/lib/llm/stories.bin')) expect(await w.run(line)).toBe('')
  expect((await w.run('cat /mnt/llm/model')).split('\n')).toContain('dim 128')
  for (const line of [
    'session=`{cat /mnt/llm/clone}',
    "echo 'temp 0.0' > /mnt/llm/$session/ctl",
    "echo 'steps 50' > /mnt/llm/$session/ctl",
    "echo 'Once upon a time' > /mnt/llm/$session/prompt",
    'echo generate > /mnt/llm/$session/ctl',
  ])
    expect(await w.run(line)).toBe('')
  const stream = await w.run('cat /mnt/llm/$session/stream')
  expect(stream.length).toBeGreaterThan(100)
  expect(once.text.startsWith(stream)).toBe(true)
  expect(await w.run('cat /mnt/llm/$session/output')).toBe(stream)
  expect(await w.run('cat /mnt/llm/$session/status')).toMatch(/^done [0-9.]+ tok\/s\n$/)

  const tokens = (await w.run('cat /mnt/llm/$session/tokens')).trim().split('\n')
  const ids = tokens.map(line => Number(line.split(' ')[1]))
  expect(ids).toEqual(once.ids.slice(1, 1 + ids.length))
  expect(ids.length).toBeGreaterThanOrEqual(49)

  const ran = await w.run(
    "run /lib/llm/stories.bin -z /lib/llm/tokenizer.bin -t 0 -n 50 -i 'Once upon a time' >[2]/dev/null",
  )
  expect(ran.trimEnd()).toBe(stream)
  await page.waitForFunction(() => /tok\/s/.test(document.querySelector('#st-rate')?.textContent ?? ''))
  expect(await page.locator('#st-model').textContent()).toMatch(/^\/lib\/llm\/stories\.bin · 722K parameters · f32$/)
})

test('a model from another site loads under a bar, which can be cancelled', async () => {
  const bytes = readFileSync(join(top, 'plan9/root/lib/llm/stories.bin'))
  const site = await Httpserver.start({ '/m/stories.bin': { bytes, cors: true, hold: 2_000_000 } })
  try {
    const w = await open()
    const { page } = w
    const url = `${site.url}/m/stories.bin`
    const bar = page.getByRole('progressbar', { name: 'Loading the model' })
    for (const line of load('/lib/llm/stories.bin')) await w.run(line)
    await bar.waitFor({ state: 'hidden' })
    const { height } = (await page.locator('#status').boundingBox())!
    const echo = load(url).at(-1)!
    const from = await w.type(echo)
    await bar.waitFor()
    await page.waitForFunction(() => Number(document.querySelector('#load-bar')?.getAttribute('aria-valuenow')) > 30)
    expect(await page.locator('#load-text').textContent()).toMatch(
      /^loading [12]\.\d of 2\.9 MB · \d+\.\d MB\/s · stories\.bin$/,
    )
    expect(await bar.getAttribute('aria-valuetext')).toMatch(/^[12]\.\d of 2\.9 MB · /)
    const box = (await bar.boundingBox())!
    expect([box.width, box.height]).toEqual([1280, 3])
    // The console keeps its size.
    expect((await page.locator('#status').boundingBox())!.height).toBe(height)
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(await w.until(text => text.endsWith(PROMPT), from, echo)).toContain('interrupted')
    await bar.waitFor({ state: 'detached' })
    expect(await w.run('cat /mnt/llm/ctl /mnt/llm/status')).toBe(
      'loaded /lib/llm/stories.bin /lib/llm/tokenizer.bin\nerror interrupted\n',
    )
    site.go()
    expect(await w.run(echo)).toBe('')
    await page.getByText(`${url} · 722K parameters · f32`).waitFor()
    expect(await w.run(`hget -o m.bin ${url}; cmp m.bin /lib/llm/stories.bin`)).toBe('')
    expect(site.requests.every(r => r.range?.startsWith('bytes='))).toBe(true)
  } finally {
    await site.close()
  }
})

test('what is in /usr/glenda is there after a reload', async () => {
  const w = await open()
  await w.run('echo kept > /usr/glenda/note; mkdir dir; echo deeper > dir/below; chmod 600 note')
  const before = await w.run('ls -l /usr/glenda')
  await w.page.reload()
  await w.prompt()
  expect(await w.page.locator('#st-home').textContent()).toBe('/usr/glenda kept in this browser')
  expect(await w.run('cat /usr/glenda/note dir/below')).toBe('kept\ndeeper\n')
  expect(await w.run('ls -l /usr/glenda')).toBe(before)
  expect(before).toMatch(/--rw------- .*\/note\n/)
})

test('a second tab has a home of its own and says that it is not kept', async () => {
  const first = await open()
  await first.run('echo first > who')
  const second = await open()
  expect(await second.page.locator('#st-home').textContent()).toBe('/usr/glenda not kept: another tab has it open')
  await second.run('echo second > who')
  expect(await first.run('cat who')).toBe('first\n')
  await first.page.reload()
  await first.prompt()
  expect(await first.run('cat who')).toBe('first\n')
})

test('DEL returns to the prompt from sleep and from a stream that is being made', async () => {
  const w = await open()
  let from = await w.type('sleep 1000')
  await w.page.keyboard.press('Delete')
  await w.until(text => text.endsWith(PROMPT), from, 'DEL in sleep')

  // A name space where nothing ends by itself: a model that never says end, with room for many tokens.
  await w.drop({ name: 'endless.bin', data: checkpoint({ vocabSize: 1024, seqLen: 60_000 }) })
  await w.page.getByText('/usr/glenda/endless.bin', { exact: true }).first().waitFor()
  for (const line of load('/usr/glenda/endless.bin')) expect(await w.run(line)).toBe('')
  expect(await w.run('cat /mnt/llm/clone')).toBe('0\n')
  await w.run("echo 'steps 0' > /mnt/llm/0/ctl")
  await w.run('echo generate > /mnt/llm/0/ctl')
  from = await w.type('cat /mnt/llm/0/stream')
  await w.until(text => text.length > 200, from, 'the stream')
  await w.page.getByRole('button', { name: 'DEL' }).click()
  await w.until(text => text.endsWith(PROMPT), from, 'DEL in cat')
  expect(await w.run('cat /mnt/llm/0/status')).toMatch(/^generating /)
  await w.run('echo stop > /mnt/llm/0/ctl')
  expect(await w.run('cat /mnt/llm/0/status')).toMatch(/^done /)
})

test('kill prints commands, which rc runs', async () => {
  const w = await open()
  await w.run('sleep 1000 &')
  expect(await w.run('kill sleep')).toMatch(/^@\{echo kill>\/proc\/\d+\/note\} # sleep\n$/)
  expect(await w.run('kill sleep | rc')).toBe('')
  expect(await w.run("while(ps | grep -s ' sleep$') sleep 0; kill sleep")).toBe('')
})

test('a dropped checkpoint is a file, and one of the same name gets a number', async () => {
  const w = await open()
  const data = checkpoint({ vocabSize: 1024, seqLen: 64 })
  await w.drop({ name: 'tiny model.bin', data })
  await w.page.getByText('/usr/glenda/tiny model.bin', { exact: true }).first().waitFor()
  expect(await w.run("wc -c 'tiny model.bin'")).toMatch(new RegExp(`^ *${data.length} tiny model.bin\n$`))
  await w.drop({ name: 'tiny model.bin', data: data.subarray(0, 100) })
  await w.page.getByText('/usr/glenda/tiny model-2.bin: tiny model.bin was there already').waitFor()
  expect(await w.run("wc -c 'tiny model-2.bin'")).toMatch(/^ *100 /)
  await w.page.getByRole('treeitem', { name: /tiny model-2\.bin/ }).waitFor()
  for (const line of load("''/usr/glenda/tiny model.bin''").slice(0, 2)) await w.run(line)
  expect(await w.run("mv 'tiny model.bin' tiny.bin; echo 'load tiny.bin /lib/llm/tokenizer.bin' > /mnt/llm/ctl")).toBe(
    '',
  )
  expect(await w.run('cat /mnt/llm/model')).toContain('seq_len 64\n')
})

test('the Files pane lists directories as they are opened, by keyboard', async () => {
  const w = await open()
  const { page } = w
  const tree = page.getByRole('tree', { name: 'Files' })
  await tree.getByRole('treeitem', { name: /^glenda\// }).waitFor()
  expect(await tree.getByRole('treeitem', { name: /stories\.bin/ }).count()).toBe(0)
  await page.keyboard.press('F6')
  await page.keyboard.press('Home')
  await page.keyboard.type('lib')
  await page.keyboard.press('ArrowRight')
  await tree.getByRole('treeitem', { name: /^llm\// }).waitFor()
  await page.keyboard.press('ArrowRight')
  // What is typed within a while belongs together.
  await page.waitForTimeout(800)
  await page.keyboard.type('llm')
  await page.keyboard.press('ArrowRight')
  const file = tree.getByRole('treeitem', { name: /^stories\.bin/ })
  await file.waitFor()
  expect(await file.textContent()).toBe('stories.bin2.8M--rw-rw-r--')
  await page.keyboard.press('ArrowRight')
  await page.keyboard.type('README')
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'File', exact: true }).getByText('# ').first().waitFor()
  await page.keyboard.press('F6')
})

test('the page works without cross-origin isolation', async () => {
  const plain = await serveSite({ isolated: false })
  try {
    const w = await open(plain.url)
    expect(await w.page.evaluate(() => crossOriginIsolated)).toBe(false)
    const text = await w.run(
      "run /lib/llm/stories.bin -z /lib/llm/tokenizer.bin -t 0 -n 20 -i 'Once upon a time' >[2]/dev/null",
    )
    expect(text.length).toBeGreaterThan(30)
    expect(once.text.startsWith(text.trimEnd())).toBe(true)
    await context.close()
  } finally {
    await plain.close()
  }
})

test('rc is there again after ^D, and the panes see its name space', async () => {
  const w = await open()
  const from = (await w.transcript()).length
  await w.page.keyboard.press('Control+d')
  await w.until(text => text.length > 10 && text.endsWith(PROMPT), from, 'a new rc')
  await w.drop({ name: 'after', data: new TextEncoder().encode('after\n') })
  await w.page.getByText('/usr/glenda/after', { exact: true }).first().waitFor()
  expect(await w.run('cat /usr/glenda/after')).toBe('after\n')
})

test('the theme follows the system, light and dark, and a choice is kept', async () => {
  const dark = await browser.newContext({ colorScheme: 'dark' })
  const w = await open(server.url, dark)
  const theme = () => w.page.evaluate(() => document.documentElement.dataset['theme'])
  expect(await theme()).toBe('dark')
  const button = w.page.getByRole('button', { name: /^Colours/ })
  await button.click()
  expect(await theme()).toBe('light')
  await w.page.reload()
  await w.prompt()
  expect(await theme()).toBe('light')
  await dark.close()
})

test('on a phone the panes take turns, and the key bar types', async () => {
  const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  const w = await open(server.url, phone)
  const { page } = w
  expect(await page.getByRole('tree').isVisible()).toBe(false)
  await w.type('sleep 1000')
  const from = (await w.transcript()).length
  await page.getByRole('button', { name: 'Interrupt', exact: true }).tap()
  await w.until(text => text.endsWith(PROMPT), from, 'DEL')
  await page.getByRole('button', { name: 'Files', exact: true }).tap()
  expect(await page.getByRole('tree').isVisible()).toBe(true)
  expect(await page.locator('.xterm').isVisible()).toBe(false)
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
  await phone.close()
})

test('of a megabyte that is pasted nothing is lost', async () => {
  const w = await open()
  const line = `${'0123456789abcde '.repeat(6)}xyz\n`
  const n = Math.ceil((1 << 20) / line.length)
  await w.page.keyboard.type('cat >/tmp/pasted')
  await w.page.keyboard.press('Enter')
  await w.page.evaluate(
    ({ line, n }) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', line.repeat(n))
      const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })
      document.querySelector('.xterm-helper-textarea')!.dispatchEvent(event)
    },
    { line, n },
  )
  await w.page.keyboard.press('Control+d')
  await w.prompt()
  // The transcript keeps the last lines only: what is asked is found by what it prints.
  await w.page.keyboard.type('wc -lc /tmp/pasted; uniq /tmp/pasted | wc -l')
  await w.page.keyboard.press('Enter')
  const counts = `${String(n).padStart(7)} ${String(n * line.length).padStart(7)} /tmp/pasted\n      1\n`
  expect(await w.until(t => t.endsWith(counts + PROMPT), 0, 'the counts')).toContain(counts)
})
