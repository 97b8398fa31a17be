import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import { serve } from '../../web/serve.mjs'
import { launch, PROMPT, serveSite, top } from '../web/browser.ts'

const RUNS = 7

const median = (ns: number[]) => ns.sort((a, b) => a - b)[Math.floor(ns.length / 2)]!

/**
 * Milliseconds from the start of a cold load until `text` is on the terminal, as the page's own clock has it, in a new
 * browser context each time.
 */
async function load(browser: Browser, url: string, text: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  // As text: what compiles this file adds helpers to functions, which the page does not have.
  await page.addInitScript(`
    const look = () => {
      const els = [...document.querySelectorAll('.xterm-rows, [role=log]')]
      if (els.some(el => el.textContent.replaceAll('\\u00a0', ' ').includes(${JSON.stringify(text)}))) globalThis.shownAt = performance.now()
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)`)
  await page.goto(url)
  const at = await page.waitForFunction('globalThis.shownAt')
  const ms = Number(await at.jsonValue())
  await context.close()
  return ms
}

/** The peer: a page with the same xterm, and nothing behind it but a prompt. */
async function plain(dir: string): Promise<void> {
  writeFileSync(
    join(dir, 'index.html'),
    '<!doctype html><link rel="icon" href="data:,"><div id="t" style="height:700px"></div><script type="module" src="./main.js"></script>',
  )
  writeFileSync(
    join(dir, 'main.js'),
    `import { Terminal } from '${join(top, 'node_modules/@xterm/xterm')}'
import '${join(top, 'node_modules/@xterm/xterm/css/xterm.css')}'
const term = new Terminal()
term.open(document.getElementById('t'))
term.write('${PROMPT}')`,
  )
  await build({ configFile: false, logLevel: 'silent', root: dir, base: './', build: { outDir: join(dir, 'dist') } })
}

/** Cold loads of the page until its prompt is shown, in Chromium, beside a page with xterm alone; and what is sent. */
export default async function page(_options: { json: boolean }): Promise<{ name: string; rows: string[][] }> {
  const browser = await launch()
  const server = await serveSite()
  const dir = mkdtempSync(join(tmpdir(), '9ml-bench-'))
  await plain(dir)
  let peerBytes = 0
  const peer = await serve({ dir: join(dir, 'dist'), onresponse: (_path, _status, bytes) => (peerBytes += bytes) })
  try {
    await load(browser, server.url, PROMPT)
    const bytes = server.sent.reduce((sum, s) => sum + s.bytes, 0)
    await load(browser, peer.url, PROMPT)
    const peerOnce = peerBytes
    const ours: number[] = []
    const theirs: number[] = []
    for (let i = 0; i < RUNS; i++) {
      ours.push(await load(browser, server.url, PROMPT))
      theirs.push(await load(browser, peer.url, PROMPT))
    }
    const [a, b] = [median(ours), median(theirs)]
    return {
      name: 'page',
      rows: [
        ['', '9ml', 'xterm alone', 'ratio'],
        [`load to prompt, ms (median of ${RUNS}, cold)`, a.toFixed(0), b.toFixed(0), (a / b).toFixed(2)],
        ['sent until the prompt, bytes', String(bytes), String(peerOnce), (bytes / peerOnce).toFixed(2)],
      ],
    }
  } finally {
    await browser.close()
    await server.close()
    await peer.close()
    rmSync(dir, { recursive: true, force: true })
  }
}
