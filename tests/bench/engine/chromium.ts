import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { serve } from '../../../web/serve.mjs'
import { launch } from '../../web/browser.ts'
import { scratch } from './models.ts'
import type { Rates } from './ours.ts'
import { peer } from './peers.ts'
import type { Place } from './place.ts'
import { Missing } from './rows.ts'

const source = join(dirname(fileURLToPath(import.meta.url)), 'page')
const site = join(scratch, 'page')

/** For `launch().catch`. @throws Missing why there is none */
export function chromiumMissing(err: unknown): never {
  throw new Missing(err instanceof Error ? err.message.split('\n')[0]! : String(err))
}

let page: Promise<{ page: Page; stop(): Promise<void> }> | undefined

/** The page of page/, built and open, with the models under models/ and, where it is installed, wllama under wllama/. */
async function open(): Promise<{ page: Page; stop(): Promise<void> }> {
  rmSync(site, { recursive: true, force: true })
  await build({
    configFile: false,
    logLevel: 'silent',
    root: source,
    base: './',
    worker: { format: 'es' },
    build: { outDir: site, target: 'es2022' },
  })
  symlinkSync(scratch, join(site, 'models'))
  const browser = await launch().catch(chromiumMissing)
  const server = await serve({ dir: site })
  const page = await browser.newPage()
  page.on('pageerror', err => process.stderr.write(`page: ${err.message}\n`))
  await page.goto(server.url)
  await page.waitForFunction('globalThis.bench')
  const stop = async () => {
    await browser.close()
    await server.close()
  }
  return { page, stop }
}

/** Calls a function of page/main.ts. */
export async function call<T>(name: string, ...args: unknown[]): Promise<T> {
  page ??= open()
  // As text: what compiles this file adds helpers to functions, which the page does not have.
  const got = await (await page).page.evaluate(`bench.${name}(...${JSON.stringify(args)})`)
  return got as T
}

/** Puts wllama's files where the page finds them. @throws Missing it could not be installed */
export async function serveWllama(): Promise<void> {
  page ??= open()
  await page
  const from = join(peer('@wllama/wllama'), 'esm')
  const to = join(site, 'wllama')
  if (existsSync(to)) return
  mkdirSync(to)
  cpSync(from, to, { recursive: true })
}

export async function stopChromium(): Promise<void> {
  await page?.then(
    p => p.stop(),
    () => {},
  )
  page = undefined
}

/** The engine in a worker of a page that is cross-origin isolated. */
export const chromium: Place = {
  name: 'Chromium',
  relaxed: true,
  async open(bin, options = {}) {
    const id = await call<number>('open', `models/${basename(bin)}`, options)
    const measure =
      (name: keyof Rates) =>
      (...args: number[]) =>
        call<number>('measure', id, name, args)
    return {
      decode: measure('decode'),
      greedy: measure('greedy'),
      prefill: measure('prefill'),
      sessions: measure('sessions'),
      close: () => call('close', id),
    }
  },
}
