/// <reference lib="webworker" />
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { download } from '../../emulator/image/fetch.ts'
import { Ranged } from '../../emulator/image/ranged.ts'
import { OpfsCache, opfsPart, opfsSink } from '../../web/opfs-blocks.ts'

/** Blocks on the web with a cache in OPFS, and whole images in OPFS, for ranged.test.ts: one call a message. */

let ranged: Ranged

const calls: Record<string, (...args: never[]) => Promise<unknown>> = {
  async open(url: string) {
    ranged = await Ranged.open(url, { cache: await OpfsCache.open(await navigator.storage.getDirectory(), 'image') })
    return { size: ranged.size, moved: ranged.moved }
  },
  async read(offset: number, n: number) {
    const sum = bytesToHex(sha256(await ranged.read(offset, n)))
    return { sum, moved: ranged.moved }
  },
  async fetch(url: string, stopat?: number) {
    const dir = await navigator.storage.getDirectory()
    const part = await opfsPart(dir, 'part')
    const stop = new AbortController()
    const progress = (done: number) => {
      if (stopat !== undefined && done >= stopat) stop.abort()
    }
    try {
      return await download([url], part, () => opfsSink(dir, 'whole'), { progress, signal: stop.signal })
    } finally {
      await part.close()
    }
  },
}

addEventListener('message', async ({ data }: MessageEvent<{ name: string; args: never[] }>) => {
  try {
    postMessage({ value: await calls[data.name]!(...data.args) })
  } catch (err) {
    postMessage({ error: err instanceof Error ? err.message : String(err) })
  }
})
