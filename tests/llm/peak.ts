/** Loads the models at the URLs given, one after another; prints by how many bytes the process grew at most for the last. */

import { Link, setEngineWorker } from '../../llmfs/host.ts'
import { openUrl } from '../../llmfs/url.ts'
import { engineWorker } from '../../shell/node/engineworker.ts'

async function main(): Promise<void> {
  setEngineWorker(engineWorker)
  const link = new Link()
  let before = 0
  for (const url of process.argv.slice(2)) {
    before = process.memoryUsage().rss
    const file = await openUrl(url)
    const info = await link.load(file, { simd: true, threads: 1 })
    if (info.bytes !== file.size) throw new Error(`${url}: ${info.bytes} bytes, not ${file.size}`)
    await file.close()
  }
  console.log(process.resourceUsage().maxRSS * 1024 - before)
  process.exit(0)
}
void main()
