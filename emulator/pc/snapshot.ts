import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { concat } from '../../plan9/9p/bit.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Blocks } from '../disk/blocks.ts'
import type { HostState } from './ip/host.ts'
import type { Saved } from './thread.ts'
import { V86VERSION } from './v86.ts'

/** A snapshot as a file: a line that names it, a line of JSON about what it was made of, and the state by gzip. */

const MAGIC = '9ml pc snapshot 1\n'
/** Bytes of the second line at most. */
const MAXHEAD = 64 * 1024
/** Bytes of an image up to which all of it is looked at, and of the pieces of a larger one. */
const WHOLE = 128 << 20
const HEAD = 256 * 1024
const PIECE = 4096
const PIECES = 15

/** What a snapshot fits. */
export interface Made {
  v86: string
  /** Bytes. */
  memory: number
  net: boolean
  uart1: boolean
  /** `identity` of each drive's image. */
  hda?: string
  hdb?: string
}

interface Head extends Made {
  host?: HostState
}

/**
 * Names an image: SHA-256 of its bytes; of one above 128 MB, that would take long to read, of its size, its first 256 KB
 * (where an ISO has the time that it was made at) and 15 pieces of the rest.
 *
 * @throws PlanError
 */
export async function identity(b: Blocks): Promise<string> {
  const hash = sha256.create()
  if (b.size <= WHOLE) {
    for (let at = 0; at < b.size; at += HEAD) hash.update(await b.read(at, HEAD))
    return bytesToHex(hash.digest())
  }
  hash.update(new TextEncoder().encode(`${b.size} `))
  hash.update(await b.read(0, HEAD))
  for (let i = 1; i <= PIECES; i++)
    hash.update(await b.read(Math.floor(((b.size - PIECE) * i) / PIECES / PIECE) * PIECE, PIECE))
  return bytesToHex(hash.digest())
}

/** All of what comes out of a stream that `bytes` go into. */
async function through(bytes: Uint8Array, stream: { readable: unknown; writable: unknown }): Promise<Uint8Array> {
  const out = stream.readable as { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }> } }
  const into = stream.writable as { getWriter(): { write(b: Uint8Array): Promise<void>; close(): Promise<void> } }
  const writer = into.getWriter()
  const wrote = writer.write(bytes).then(() => writer.close())
  // Its failure is the reader's too.
  wrote.catch(() => {})
  const parts: Uint8Array[] = []
  const reader = out.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concat(parts)
    parts.push(value!)
  }
}

export async function pack(made: Omit<Made, 'v86'>, saved: Saved): Promise<Uint8Array> {
  const head: Head = { v86: V86VERSION, ...made, ...(saved.host && { host: saved.host }) }
  return concat([
    new TextEncoder().encode(`${MAGIC}${JSON.stringify(head)}\n`),
    await through(saved.state, new CompressionStream('gzip')),
  ])
}

/** @throws PlanError what is wrong with it, or why it does not fit a PC that is made so */
export async function unpack(file: Uint8Array, made: Omit<Made, 'v86'>): Promise<Saved> {
  const start = new TextDecoder().decode(file.subarray(0, MAGIC.length + MAXHEAD))
  const end = start.indexOf('\n', MAGIC.length)
  if (!start.startsWith(MAGIC) || end < 0) throw new PlanError('not a snapshot')
  let head: Head
  try {
    head = JSON.parse(start.slice(MAGIC.length, end)) as Head
  } catch {
    throw new PlanError('snapshot: bad header')
  }
  const want: Made = { v86: V86VERSION, ...made }
  if (head.v86 !== want.v86) throw new PlanError(`snapshot of v86 ${head.v86}, this is ${want.v86}`)
  if (head.memory !== want.memory)
    throw new PlanError(`snapshot of a PC with ${head.memory >> 20}M of memory, this has ${want.memory >> 20}M`)
  if (head.net !== want.net || head.uart1 !== want.uart1) throw new PlanError('snapshot of a PC with other devices')
  for (const drive of ['hda', 'hdb'] as const)
    if (head[drive] !== want[drive])
      throw new PlanError(`snapshot made with another ${drive}${want[drive] === undefined ? ': there is none' : ''}`)
  const gz = file.subarray(new TextEncoder().encode(start.slice(0, end + 1)).length)
  try {
    return { state: await through(gz, new DecompressionStream('gzip')), host: head.host }
  } catch {
    throw new PlanError('snapshot: cut short or damaged')
  }
}
