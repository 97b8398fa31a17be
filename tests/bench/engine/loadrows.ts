import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setEngineWorker } from '../../../llmfs/host.ts'
import { engineWorker } from '../../../shell/node/engineworker.ts'
import { call, chromium } from './chromium.ts'
import { fetchAlone, firstToken } from './loading.ts'
import { compare } from './measure.ts'
import { model, scratch } from './models.ts'
import { node } from './place.ts'
import type { Row } from './rows.ts'

/** Milliseconds, by loading.ts, of a model that a server on this machine has. */
interface Loader {
  place: string
  /** Where the server that it uses has the scratch directory. */
  serve(): Promise<{ base: string; stop(): void }>
  firstToken(url: string): Promise<number>
  fetchAlone(url: string): Promise<number>
}

/** In a process of its own, so that it takes no time of what is measured here. */
async function serveScratch(): Promise<{ base: string; stop(): void }> {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'server.mjs')
  const server = spawn(process.execPath, [script, scratch], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = await once(server.stdout, 'data')
  return { base: String(url).trim(), stop: () => void server.kill() }
}

const loaders: Loader[] = [
  {
    place: node.name,
    serve: serveScratch,
    firstToken: url => {
      setEngineWorker(engineWorker)
      return firstToken(url)
    },
    fetchAlone,
  },
  {
    place: chromium.name,
    serve: async () => ({ base: 'models/', stop() {} }),
    firstToken: url => call('load', 'firstToken', url),
    fetchAlone: url => call('load', 'fetchAlone', url),
  },
]

/** A model from a server on this machine, to its first token. */
export function loadRows(): Row[] {
  return loaders.map(({ place, serve, firstToken, fetchAlone }) => ({
    what: `15M f32 from a local URL to the first token, ${place}, ms`,
    beside: 'fetch alone',
    below: 1.5,
    async measure() {
      const { bin } = await model('15M', 'f32')
      const { base, stop } = await serve()
      let n = 0
      // Another name each time, so that no cache has it.
      const file = () => `${base}${basename(bin)}?${n++}`
      try {
        return await compare(
          () => firstToken(file()),
          () => fetchAlone(file()),
        )
      } finally {
        stop()
      }
    },
  }))
}
