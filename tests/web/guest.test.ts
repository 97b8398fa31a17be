import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { story } from '../e2e/ml.ts'
import { aout, call, exits, spin } from '../guest/aout.ts'
import { launch, serveSite, Workspace } from './browser.ts'

let browser: Browser
let context: BrowserContext
let site: Awaited<ReturnType<typeof serveSite>>
let w: Workspace

beforeAll(async () => {
  ;[browser, site] = await Promise.all([launch(), serveSite()])
  context = await browser.newContext()
  w = await Workspace.open(context, site.url)
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

/** Puts a program into /tmp. */
async function program(name: string, bytes: Uint8Array): Promise<void> {
  await w.drop({ name, data: bytes })
  for (;;) if (!(await w.run(`cp ${name} /tmp && chmod +x /tmp/${name}`)).includes('file does not exist')) return
}

test('386 programs run in the page: they write, they compute until DEL, they fault, and the processor is replaced when it panics', async () => {
  await program('hello', aout([...call(51, 1, 0x2000, 6, -1, -1), ...exits], new TextEncoder().encode('hello\n')))
  await program('spin', aout(spin))
  await program('bad', aout([0x6a, 0, 0x68, 0x33, 1, 0, 0, 0x6a, 0, 0xcf]))
  await program('null', aout([0xa1, 0, 0, 0, 0]))
  expect(site.sent.some(s => /v86/.test(s.path))).toBe(false)
  expect(await w.run('/tmp/hello | tr a-z A-Z | cat')).toBe('HELLO\n')
  expect(await w.run('/tmp/null')).toMatch(/^null \d+: suicide: sys: trap: fault read addr=0x0 pc=0x1020\n$/)
  const from = await w.type('/tmp/spin')
  await w.page.waitForTimeout(300)
  await w.page.keyboard.press('Delete')
  await w.until(t => t.endsWith('term% '), from)
  expect(await w.run('/tmp/bad')).toMatch(/^bad \d+: suicide: sys: processor panic: Unimplemented: /)
  expect(await w.run('/tmp/hello')).toBe('hello\n')
  expect(w.errors).toEqual([])
}, 60_000)

test('run and runq of /386/bin have the golden tokens and the host’s', async () => {
  const files = '-z /lib/llm/tokenizer.bin'
  const once = "-t 0 -n 50 -i 'Once upon a time'"
  const text = await w.run(`/386/bin/run /lib/llm/stories.bin ${files} ${once} >[2]/dev/null`)
  expect(text).toBe(`${story('Once upon a time', 50)}\n`)
  for (const [name, model] of [
    ['run', 'stories.bin'],
    ['runq', 'stories_q80.bin'],
  ]) {
    const args = `/lib/llm/${model} ${files} -t 0.8 -s 42 -n 60 >[2]/dev/null`
    const host = await w.run(`${name} ${args}`)
    expect(host.length).toBeGreaterThan(50)
    expect(await w.run(`/386/bin/${name} ${args}`)).toBe(host)
  }
  const two = await w.run(
    `/386/bin/run /lib/llm/stories.bin ${files} -t 0 -n 20 >[2]/dev/null | tr a-z A-Z | /386/bin/run /lib/llm/stories.bin ${files} -t 0 -n 9 -i Lily >[2]/dev/null | wc -l`,
  )
  expect(two).toMatch(/^ +1\n/)
}, 60_000)
