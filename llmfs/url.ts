import { PlanError } from '../plan9/error.ts'
import { Webfile } from '../plan9/libc/http.ts'
import type { OpenFile } from './fs.ts'

/** Bytes of a small file beside a model, at most. */
const SMALL = 1 << 20

/**
 * A model or a tokenizer on the web; `signal` ends all that is asked of it. Nothing of it is kept but a window of a few
 * megabytes.
 *
 * @throws PlanError as Webfile.open; the server does not tell the size
 */
export async function openUrl(url: string, signal?: AbortSignal): Promise<OpenFile> {
  const web = await Webfile.open(url, { signal })
  const { size } = web
  if (size === undefined) {
    web.close()
    throw new PlanError('the server does not tell its size')
  }
  return {
    size,
    read: (offset, count, into) => web.read(offset, count, { signal, into }),
    beside: name => small(new URL(name, url).href, signal),
    close: async () => web.close(),
  }
}

async function small(url: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    const file = await openUrl(url, signal)
    try {
      if (file.size > SMALL) throw new PlanError('too large')
      return await file.read(0, file.size)
    } finally {
      await file.close()
    }
  } catch (e) {
    throw e instanceof PlanError ? new PlanError(`${url}: ${e.message}`) : e
  }
}
