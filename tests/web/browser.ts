import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { serve } from '../../web/serve.mjs'
import { buildWeb } from '../build.mjs'
import { findChromium } from './find.mjs'

export const top = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const site = join(top, 'dist', 'web')
export const PROMPT = 'term% '

/** @throws Error there is no Chromium: the suite fails, and says what to install */
export async function launch(): Promise<Browser> {
  const executablePath = await findChromium()
  if (!executablePath)
    throw new Error(
      'no Chromium: set CHROMIUM_PATH, or apt-get install chromium, or npx playwright-core install chromium',
    )
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** The built page on a port of its own. `sent` has what was sent of each path, bytes as they went over the wire. */
export async function serveSite(options: { isolated?: boolean } = {}) {
  await buildWeb()
  const sent: { path: string; bytes: number }[] = []
  const { url, close } = await serve({
    dir: site,
    ...options,
    onresponse: (path, _status, bytes) => sent.push({ path, bytes }),
  })
  return { url, close, sent }
}

/** A page at the workspace, seen as its user does: keys in, the console's transcript out. */
export class Workspace {
  readonly page: Page
  /** Errors of the page and of its workers, and errors on the browser's console. */
  readonly errors: string[] = []

  constructor(page: Page) {
    this.page = page
    page.on('pageerror', err => this.errors.push(`page: ${err.message}`))
    page.on('console', m => {
      if (m.type() === 'error' || m.type() === 'warning') this.errors.push(`console: ${m.text()}`)
    })
  }

  static async open(context: BrowserContext, url: string): Promise<Workspace> {
    const w = new Workspace(await context.newPage())
    await w.page.goto(url)
    await w.prompt()
    return w
  }

  /** The console's text so far: its lines whole, however they are wrapped. */
  transcript(): Promise<string> {
    return this.page.evaluate(() => {
      const log = document.querySelector('[role=log][aria-label="Console transcript"]')
      return [...(log?.children ?? [])].map(line => line.textContent).join('\n')
    })
  }

  /** Waits until the transcript past `from` is what `done` wants; returns that part. */
  async until(done: (text: string) => boolean, from = 0, what = 'the console'): Promise<string> {
    const deadline = Date.now() + 25_000
    for (;;) {
      const text = (await this.transcript()).slice(from)
      if (done(text)) return text
      if (Date.now() > deadline) throw new Error(`${what}: waited in vain; its text is\n${text}`)
      await this.page.waitForTimeout(20)
    }
  }

  async prompt(): Promise<void> {
    await this.until(text => text.endsWith(PROMPT), 0, 'the prompt')
    await this.page.locator('.pane-console .xterm-helper-textarea').focus()
  }

  /** Types a line key by key, and Enter. Returns where its output begins in the transcript. */
  async type(line: string): Promise<number> {
    const from = (await this.transcript()).length
    await this.page.keyboard.type(line)
    await this.until(text => text.startsWith(line), from, `echo of ${line}`)
    await this.page.keyboard.press('Enter')
    return from + line.length + 1
  }

  /** Types a line and waits for the next prompt; returns what was printed between. */
  async run(line: string): Promise<string> {
    const from = await this.type(line)
    const text = await this.until(t => t.endsWith(PROMPT), from, line)
    return text.slice(0, -PROMPT.length)
  }

  /** Drops files on the page. */
  async drop(...files: { name: string; data: Uint8Array }[]): Promise<void> {
    const coded = files.map(({ name, data }) => ({ name, base64: Buffer.from(data).toString('base64') }))
    const transfer = await this.page.evaluateHandle(list => {
      const dt = new DataTransfer()
      for (const { name, base64 } of list) {
        const bytes = Uint8Array.from(atob(base64), ch => ch.charCodeAt(0))
        dt.items.add(new File([bytes], name))
      }
      return dt
    }, coded)
    for (const type of ['dragover', 'drop']) await this.page.dispatchEvent('main', type, { dataTransfer: transfer })
  }
}
