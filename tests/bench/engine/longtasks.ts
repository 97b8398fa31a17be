import type { Browser } from 'playwright-core'
import { launch, serveSite, Workspace } from '../../web/browser.ts'
import { chromiumMissing } from './chromium.ts'
import type { Row } from './rows.ts'

/** What the browser calls long, in ms. */
const LONG = 50
const TIMES = 5

/** Generates in the page, time after time; the lengths of the main thread's long tasks meanwhile, in ms. */
async function generate(browser: Browser, url: string): Promise<number[]> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const w = await Workspace.open(context, url)
  const run = "run /lib/llm/stories.bin -z /lib/llm/tokenizer.bin -t 0 -n 256 -i 'Once upon a time'"
  await w.run(run)
  await w.page.evaluate(`
    globalThis.longTasks = []
    new PerformanceObserver(list => longTasks.push(...list.getEntries().map(e => e.duration))).observe({ type: 'longtask' })`)
  for (let i = 0; i < TIMES; i++) await w.run(run)
  const tasks = (await w.page.evaluate('longTasks')) as number[]
  await context.close()
  return tasks
}

/** The built page, with the embedded model: tokens come as fast as they ever do. */
export function longTaskRows(): Row[] {
  return [
    {
      what: `tasks over ${LONG} ms of the page's main thread while it generates ${TIMES} stories`,
      beside: 'none wanted',
      async measure() {
        const browser = await launch().catch(chromiumMissing)
        const server = await serveSite()
        try {
          const tasks = await generate(browser, server.url)
          if (tasks.length === 0) return 'none, met'
          return `${tasks.length}, the longest ${Math.max(...tasks).toFixed(0)} ms, not met`
        } finally {
          await browser.close()
          await server.close()
        }
      },
    },
  ]
}
