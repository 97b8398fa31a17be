import { loadEngine } from '../../../llmfs/engine/engine.ts'
import { openUrl } from '../../../llmfs/url.ts'

/** Milliseconds that it takes to fetch a file and do nothing with it. */
export async function fetchAlone(url: string): Promise<number> {
  const start = performance.now()
  const reader = (await fetch(url, { cache: 'no-store' })).body!.getReader()
  while (!(await reader.read()).done);
  return performance.now() - start
}

/** Milliseconds from the request for a model until the token that follows BOS is known. */
export async function firstToken(url: string): Promise<number> {
  const start = performance.now()
  const file = await openUrl(url)
  const engine = await loadEngine(file, { simd: true, threads: 1 })
  engine.forwardAll([{ state: engine.newState(), token: 1, pos: 0, want: 'greatest' }])
  const ms = performance.now() - start
  engine.close()
  await file.close()
  return ms
}
