import type { Tree } from '../plan9/9p/tree.ts'

/** A file or directory of the distribution's tree, as root-plugin.ts packs it. */
export interface PackEntry {
  /** From the root, without a leading slash. */
  path: string
  dir?: boolean
  mode: number
  /** Bytes. */
  length: number
  /** Where the content is, relative to the page, when it is not in the pack. */
  asset?: string
  /** Where in it, once it is unzipped; absent where it is all of it, as it stands. */
  at?: number
}

export interface Pack {
  entries: PackEntry[]
  /** The content of a file that is in the pack. */
  data: Map<string, Uint8Array>
}

/** @throws Error the bytes are no pack */
export async function unpack(gzipped: ArrayBuffer): Promise<Pack> {
  const bytes = await gunzip(gzipped)
  const index = new DataView(bytes.buffer).getUint32(0, true)
  const entries = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + index))) as PackEntry[]
  const data = new Map<string, Uint8Array>()
  let at = 4 + index
  for (const entry of entries) {
    if (entry.dir || entry.asset) continue
    data.set(entry.path, bytes.subarray(at, at + entry.length))
    at += entry.length
  }
  return { entries, data }
}

/** Puts the pack's files into a tree; big ones, and those that few read, are fetched from `base` when they are first read. */
export function fill(tree: Tree, { entries, data }: Pack, base: string): void {
  const bundles = new Map<string, Promise<Uint8Array>>()
  for (const { path, dir, mode, length, asset, at } of entries) {
    if (dir) tree.mkdir(path, mode)
    else if (asset && at !== undefined) {
      const part = async () => {
        let bundle = bundles.get(asset)
        if (!bundle) {
          bundle = get(new URL(asset, base)).then(async r => gunzip(await r.arrayBuffer()))
          bundle.catch(() => bundles.delete(asset))
          bundles.set(asset, bundle)
        }
        return (await bundle).slice(at, at + length)
      }
      tree.add(path, { length, load: part }, mode)
    } else if (asset) tree.add(path, { length, load: () => load(new URL(asset, base), length) }, mode)
    else tree.add(path, data.get(path)!, mode)
  }
}

async function gunzip(zipped: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

async function get(url: URL): Promise<Response> {
  const r = await fetch(url)
  if (!r.ok) throw new Error(`${url.pathname}: ${r.status} ${r.statusText}`)
  return r
}

async function load(url: URL, length: number): Promise<Uint8Array> {
  const r = await get(url)
  const bytes = new Uint8Array(await r.arrayBuffer())
  if (bytes.length !== length) throw new Error(`${url.pathname}: ${bytes.length} bytes, not ${length}`)
  return bytes
}
