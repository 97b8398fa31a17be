import { PlanError } from '../../plan9/error.ts'
import { Webfile, type WebOptions } from '../../plan9/libc/http.ts'

/**
 * Images that are published, and where. 9front.org keeps the newest release alone, so the number of one that is written here
 * grows stale: its listing is asked first. What a release's files sum to stands in its announcement.
 */

export type Machine = '386' | 'amd64'

export interface Known {
  name: string
  machine: Machine
  /** The release that was the newest when this was written; its file was seen named, not fetched. */
  release: number
  /** Directories that list or hold the files, the publisher's own first. */
  at: string[]
  /** Where the announcements of releases are listed, the newest first or last. */
  announced: string
  /** Of the file as published, where they could be verified. */
  size?: number
  sha256?: string
}

const front = {
  name: '9front',
  release: 11952,
  at: ['https://9front.org/iso/', 'https://iso.only9fans.com/release/'],
  announced: 'https://9front.org/releases/',
}

export const images: readonly Known[] = [
  { ...front, machine: '386' },
  { ...front, machine: 'amd64' },
]

/** An image that can be fetched now. */
export interface Published {
  file: string
  urls: string[]
  size?: number
  sha256?: string
  /** What could not be found out, and why, in sentences. */
  notes: string[]
}

/** Bytes of a page at most. */
const MAXPAGE = 1 << 20
/** Announcements that are looked into. */
const LATEST = 3
/** A link to an announcement, which has its date for a name: `2026/08/02/0`. */
const DATED = /\d{4}\/\d\d\/\d\d\/\d+/g

async function page(url: string, o: WebOptions): Promise<string> {
  const web = await Webfile.open(url, o)
  try {
    return new TextDecoder().decode(await web.read(0, MAXPAGE, o.signal ? { signal: o.signal } : {}))
  } finally {
    web.close()
  }
}

const message = (e: unknown): string => {
  if (e instanceof PlanError) return e.message
  throw e
}

const named = ({ name, machine }: Known, release: number) => `${name}-${release}.${machine}.iso.gz`

/**
 * The newest release of an image, by the publisher's listing; else the one written here. And its SHA-256, where that is
 * announced.
 *
 * @throws PlanError Eintr
 */
export async function published(k: Known, o: WebOptions = {}): Promise<Published> {
  const notes: string[] = []
  let release = 0
  try {
    const numbers = [
      ...(await page(k.at[0]!, o)).matchAll(new RegExp(`${k.name}-(\\d+)\\.${k.machine}\\.iso\\.gz`, 'g')),
    ]
    release = Math.max(0, ...numbers.map(m => Number(m[1])))
    if (release === 0) notes.push(`${k.at[0]} lists no image of ${k.name} for ${k.machine}`)
  } catch (e) {
    notes.push(`${k.at[0]}: ${message(e)}`)
  }
  o.signal?.throwIfAborted()
  if (release === 0) release = k.release
  const file = named(k, release)
  const p: Published = { file, urls: k.at.map(at => new URL(file, at).href), notes }
  if (release === k.release) {
    if (k.size !== undefined) p.size = k.size
    if (k.sha256 !== undefined) p.sha256 = k.sha256
  }
  if (p.sha256 !== undefined) return p
  try {
    const sum = await announced(k.announced, file, o)
    if (sum) p.sha256 = sum
    else notes.push(`no SHA-256 of ${file} is announced at ${k.announced}`)
  } catch (e) {
    notes.push(`${k.announced}: ${message(e)}`)
  }
  return p
}

/** The SHA-256 that the latest announcements give of a file. @throws PlanError */
async function announced(list: string, file: string, o: WebOptions): Promise<string | undefined> {
  const pages = [...new Set((await page(list, o)).match(DATED))].sort().reverse()
  for (const dated of pages.slice(0, LATEST)) {
    const sum = summed(await page(new URL(`${dated}/`, list).href, o), file)
    if (sum) return sum
  }
  return undefined
}

/** The one sum of 64 digits that stands on a line with the file's name; none when several do. */
export function summed(text: string, file: string): string | undefined {
  const sums = new Set<string>()
  for (const line of text.split(/\n|<\/?(?:br|p|li|tr|pre|div)\b[^>]*>/i)) {
    const words = line.replace(/<[^>]*>/g, ' ').split(/[^0-9A-Za-z.-]+/)
    if (words.includes(file)) for (const w of words) if (/^[0-9a-f]{64}$/i.test(w)) sums.add(w.toLowerCase())
  }
  return sums.size === 1 ? [...sums][0] : undefined
}
