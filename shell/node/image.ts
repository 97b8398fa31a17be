import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { cached } from '../../emulator/disk/blocks.ts'
import { download } from '../../emulator/image/fetch.ts'
import { bytes, identify } from '../../emulator/image/identify.ts'
import { images, type Known, type Published, published } from '../../emulator/image/images.ts'
import { PlanError } from '../../plan9/error.ts'
import { claim, filePart, fileSink, hosted, openImage, removePart } from './imagefile.ts'

const usage = `usage: 9ml image fetch NAME [--machine 386|amd64] [--sha256 HEX] [--url URL]... [-o FILE]
       9ml image ls
       9ml image info FILE
`

/** Milliseconds between two lines of progress on a terminal. */
const OFTEN = 250
const PIECE = 1 << 20

/** Where images are kept. */
export function imagesDir(env: NodeJS.ProcessEnv = process.env): string {
  const data = env['XDG_DATA_HOME']
  return join(data ? data : join(homedir(), '.local', 'share'), '9ml')
}

const say = (line: string) => process.stdout.write(`${line}\n`)
const warn = (line: string) => process.stderr.write(`9ml image: ${line}\n`)

class Usage extends Error {}

interface Flags {
  names: string[]
  machine: string
  sha256?: string
  urls: string[]
  out?: string
}

function flags(args: string[]): Flags {
  const f: Flags = { names: [], machine: '386', urls: [] }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (!arg.startsWith('-')) {
      f.names.push(arg)
      continue
    }
    const [name, ...rest] = arg.split('=')
    const value = rest.length > 0 ? rest.join('=') : args[++i]
    if (value === undefined) throw new Usage()
    if (name === '--machine') f.machine = value
    else if (name === '--url') f.urls.push(value)
    else if (name === '-o') f.out = value
    else if (name === '--sha256' && /^[0-9a-f]{64}$/i.test(value)) f.sha256 = value.toLowerCase()
    else throw new Usage()
  }
  return f
}

/** Progress of `what`, in a line of the terminal that it overwrites; nothing where stderr is none. */
function progress(what: string) {
  const tty = process.stderr.isTTY
  const begun = performance.now()
  let last = 0
  return {
    at(done: number, size: number | undefined, moved: number): void {
      const now = performance.now()
      if (!tty || now - last < OFTEN) return
      last = now
      const of = size === undefined ? '' : ` of ${bytes(size)}, ${Math.floor((100 * done) / Math.max(size, 1))}%`
      const rate = moved / Math.max((now - begun) / 1000, 0.001)
      process.stderr.write(`\r\x1b[K${what}: ${bytes(done)}${of}, ${bytes(Math.round(rate))}/s`)
    },
    end(): void {
      if (tty && last > 0) process.stderr.write('\r\x1b[K')
    },
  }
}

async function find(known: Known | undefined, f: Flags, signal: AbortSignal): Promise<Published> {
  if (f.urls.length > 0) {
    for (const url of f.urls) if (!URL.canParse(url)) throw new PlanError(`${url}: bad url`)
    const file = basename(new URL(f.urls[0]!).pathname) || f.names[0]!
    return { file, urls: f.urls, notes: [] }
  }
  const p = await published(known!, { signal })
  for (const note of p.notes) warn(note)
  return p
}

async function sum(name: string): Promise<string> {
  const b = await openImage(name)
  try {
    const hash = sha256.create()
    for (let at = 0; at < b.size; at += PIECE) hash.update(await b.read(at, PIECE))
    return bytesToHex(hash.digest())
  } finally {
    await b.close()
  }
}

async function info(name: string): Promise<boolean> {
  const b = await openImage(name)
  try {
    const i = await identify(cached(b))
    say(`${name}: ${i.says}`)
    for (const p of i.partitions ?? []) say(`\t${p.name}\t${p.start}\t${p.start + p.sectors}`)
    return i.kind !== 'unknown' && i.kind !== 'empty' && i.short === undefined
  } finally {
    await b.close()
  }
}

async function fetchImage(f: Flags, signal: AbortSignal): Promise<number> {
  const [name] = f.names
  if (f.names.length !== 1) throw new Usage()
  const known = images.find(k => k.name === name && k.machine === f.machine)
  if (!known && f.urls.length === 0)
    throw new PlanError(`${name} for ${f.machine}: not known; 9ml image ls names what is, --url fetches any`)
  const p = await find(known, f, signal)
  const file = f.out ?? join(imagesDir(), p.file.replace(/\.gz$/, ''))
  if (existsSync(file)) {
    const has = f.sha256 && (await sum(file))
    if (has !== f.sha256) throw new PlanError(`${file} is there, and its SHA-256 is ${has}: remove it, or name another`)
    say(`${file}: is there already`)
    return 0
  }
  await hosted(dirname(file), mkdir(dirname(file), { recursive: true }))
  const part = `${file}.part`
  const expanded = `${file}.expanded`
  const want = f.sha256 ?? p.sha256
  const bar = progress(p.file)
  const free = await claim(part)
  const store = await filePart(part)
  const whys: string[] = []
  try {
    if (store.size > 0) warn(`going on from byte ${store.size}`)
    const got = await download(p.urls, store, () => fileSink(expanded), {
      signal,
      ...(want !== undefined && { sha256: want }),
      ...(p.size !== undefined && { size: p.size }),
      progress: bar.at,
      failed(url, why) {
        whys.push(`${url}: ${why}`)
        warn(whys.at(-1)!)
      },
    })
    bar.end()
    await hosted(file, rename(got.expanded ? expanded : part, file))
    await removePart(part)
    say(`${file}: ${bytes(got.image.size)}, from ${got.url}`)
    say(`SHA-256 of what was sent: ${got.sent.sha256}`)
    if (got.expanded) say(`SHA-256 of the image: ${got.image.sha256}`)
    if (want === undefined) say('not verified: no SHA-256 of it is known; --sha256 demands one')
    else say(`verified: it is the SHA-256 that ${f.sha256 ? 'was demanded' : 'announced'}`)
  } catch (e) {
    bar.end()
    await rm(expanded, { force: true })
    if (store.size > 0) warn(`${part} has the first ${store.size} bytes: the same command goes on from there`)
    else await removePart(part)
    throw whys.length > 0 && (e as Error).message === whys.join('; ') ? new PlanError(`${p.file}: not fetched`) : e
  } finally {
    await store.close()
    await free()
  }
  return (await info(file)) ? 0 : 1
}

async function ls(): Promise<number> {
  for (const k of images) say(`${k.name}\t${k.machine}\t${k.at[0]}`)
  const dir = imagesDir()
  const there = existsSync(dir) ? await readdir(dir, { withFileTypes: true }) : []
  for (const name of there
    .filter(e => e.isFile())
    .map(e => e.name)
    .sort()) {
    if (/\.(from|lock|expanded)$/.test(name)) continue
    const path = join(dir, name)
    const b = await openImage(path)
    try {
      const what = name.endsWith('.part') ? 'a part: 9ml image fetch goes on with it' : (await identify(cached(b))).says
      say(`${path}\t${bytes(b.size)}\t${what}`)
    } finally {
      await b.close()
    }
  }
  return 0
}

/** `9ml image`: fetches images, and tells what files are. */
export async function main(args: string[]): Promise<number> {
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  try {
    const f = flags(args.slice(1))
    switch (args[0]) {
      case 'fetch':
        return await fetchImage(f, stop.signal)
      case 'ls':
        return await ls()
      case 'info': {
        const [name] = f.names
        if (f.names.length !== 1) throw new Usage()
        const kept = join(imagesDir(), name!)
        return (await info(!existsSync(name!) && existsSync(kept) ? kept : name!)) ? 0 : 1
      }
    }
    throw new Usage()
  } catch (e) {
    if (e instanceof Usage) process.stderr.write(usage)
    else if (e instanceof PlanError || stop.signal.aborted)
      warn(stop.signal.aborted ? 'interrupted' : (e as Error).message)
    else throw e
    return e instanceof Usage ? 2 : 1
  } finally {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}
