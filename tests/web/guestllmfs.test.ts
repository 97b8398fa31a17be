import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'vite'
import type { Transport } from '../../plan9/9p/transport.ts'
import { serve } from '../../web/serve.mjs'
import { llmfsSuite } from '../conformance/llmfs.ts'
import { guestFiles, guestSubject } from '../guest/guestsubject.ts'
import { launch, top } from './browser.ts'

/** The whole suite over llmfs in v86 in Chromium; its 9P comes here through the page. */
llmfsSuite('llmfs of /386/bin, in v86 in Chromium', async () => {
  const dir = mkdtempSync(join(tmpdir(), '9ml-guest-'))
  writeFileSync(join(dir, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><title>guest</title>')
  await build({
    configFile: join(top, 'vite.config.ts'),
    logLevel: 'silent',
    root: join(top, 'tests', 'web'),
    publicDir: false,
    build: {
      outDir: dir,
      emptyOutDir: false,
      lib: { entry: join(top, 'tests/web/guestllmfs.worker.ts'), formats: ['es'], fileName: () => 'worker.js' },
    },
  })
  for (const [name, bytes] of Object.entries(guestFiles())) writeFileSync(join(dir, `${name}.bin`), bytes as Uint8Array)
  const [browser, server] = await Promise.all([launch(), serve({ dir })])
  const page = await browser.newPage()

  let receive: (msg: Uint8Array) => void = () => {}
  const transport: Transport = {
    send: msg =>
      page.evaluate(
        b64 =>
          (globalThis as unknown as { guest: Worker }).guest.postMessage(
            Uint8Array.from(atob(b64), c => c.charCodeAt(0)),
          ),
        Buffer.from(msg).toString('base64'),
      ),
    start(onmessage) {
      receive = msg => void onmessage(msg)
    },
    close() {},
  }
  const ready = new Promise<void>((resolve, reject) => {
    void page.exposeFunction('told', (data: string) => {
      if (data === 'ready') resolve()
      else if (data.startsWith('error')) reject(new Error(data))
      else receive(new Uint8Array(Buffer.from(data, 'base64')))
    })
  })
  await page.goto(server.url)
  await page.evaluate(() => {
    const g = globalThis as unknown as { guest: Worker; told(data: string): void }
    g.guest = new Worker('/worker.js', { type: 'module' })
    g.guest.onerror = ev => g.told(`error: ${ev.message}`)
    g.guest.onmessage = ({ data }: MessageEvent<Uint8Array | string>) =>
      g.told(typeof data === 'string' ? data : btoa(String.fromCharCode(...data)))
  })
  await ready
  return guestSubject({
    transport,
    go: () => void page.evaluate(() => (globalThis as unknown as { guest: Worker }).guest.postMessage('go')),
    async end() {
      await browser.close()
      await server.close()
      rmSync(dir, { recursive: true, force: true })
    },
  })
})
