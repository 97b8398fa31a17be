import { constants } from 'node:fs'
import { type FileHandle, open, readFile, rm, writeFile } from 'node:fs/promises'
import process from 'node:process'
import type { Part, Sink } from '../../emulator/image/fetch.ts'
import { Eio, PlanError } from '../../plan9/error.ts'
import { type Filedisk, filedisk } from './filedisk.ts'

/** Images as files of the host's. */

const ERRORS: Record<string, string> = {
  ENOSPC: 'file system full',
  EDQUOT: 'file system full',
  EFBIG: 'file system full',
  ENOENT: 'file does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'permission denied',
  EISDIR: 'file is a directory',
}

/** @throws PlanError, with the file's name before it */
export async function hosted<T>(name: string, p: Promise<T>): Promise<T> {
  try {
    return await p
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code
    if (code === undefined) throw e
    throw new PlanError(`${name}: ${ERRORS[code] ?? `${Eio}: ${code}`}`)
  }
}

/** @throws PlanError */
export async function openImage(name: string): Promise<Filedisk> {
  const d = await hosted(name, filedisk(name, 'r'))
  return { ...d, read: (offset, n) => hosted(name, d.read(offset, n)) }
}

class FileSink implements Sink {
  readonly name: string
  private readonly f: FileHandle
  size: number

  constructor(name: string, f: FileHandle, size: number) {
    this.name = name
    this.f = f
    this.size = size
  }

  async read(offset: number, n: number): Promise<Uint8Array> {
    const b = new Uint8Array(Math.max(0, Math.min(n, this.size - offset)))
    const { bytesRead } = await hosted(this.name, this.f.read(b, 0, b.length, offset))
    return b.subarray(0, bytesRead)
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; ) {
      const { bytesWritten } = await hosted(this.name, this.f.write(data, at, data.length - at, offset + at))
      at += bytesWritten
      this.size = Math.max(this.size, offset + at)
    }
  }

  async truncate(size: number): Promise<void> {
    await hosted(this.name, this.f.truncate(size))
    this.size = size
  }

  /** What was written is on the disk. */
  async close(): Promise<void> {
    try {
      await hosted(this.name, this.f.sync())
    } finally {
      await this.f.close()
    }
  }
}

async function opened(name: string): Promise<[FileHandle, number]> {
  const f = await hosted(name, open(name, constants.O_RDWR | constants.O_CREAT, 0o666))
  return [f, (await hosted(name, f.stat())).size]
}

/** @throws PlanError */
export async function fileSink(name: string): Promise<Sink> {
  return new FileSink(name, ...(await opened(name)))
}

/** A part, with its line in a file beside it. */
class FilePart extends FileSink implements Part {
  async kept(): Promise<string> {
    try {
      return await readFile(beside(this.name), 'utf8')
    } catch {
      return ''
    }
  }

  keep(line: string): Promise<void> {
    const name = beside(this.name)
    return hosted(name, writeFile(name, line))
  }
}

const beside = (part: string) => `${part}.from`

/** @throws PlanError */
export async function filePart(name: string): Promise<Part> {
  return new FilePart(name, ...(await opened(name)))
}

/**
 * Makes a part this process's own, until the function that it returns is called; one whose process is gone is free.
 *
 * @throws PlanError another has it
 */
export async function claim(part: string): Promise<() => Promise<void>> {
  const name = `${part}.lock`
  for (;;) {
    try {
      await writeFile(name, `${process.pid}\n`, { flag: 'wx' })
      return () => rm(name, { force: true })
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') await hosted(name, Promise.reject(e))
    }
    const pid = Number(await hosted(name, readFile(name, 'utf8')))
    if (alive(pid)) throw new PlanError(`${part}: process ${pid} has it`)
    await rm(name, { force: true })
  }
}

function alive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Removes what is beside a part, and the part when it is still there. */
export async function removePart(name: string): Promise<void> {
  await rm(beside(name), { force: true })
  await rm(name, { force: true })
}
