import { Client, type Fid } from '../plan9/9p/client.ts'
import { ORDWR, OREAD, OTRUNC, OWRITE } from '../plan9/9p/const.ts'
import type { Dir } from '../plan9/9p/dir.ts'
import { portTransport } from '../plan9/9p/transport.ts'
import { Eexist, PlanError } from '../plan9/error.ts'

/** Bytes read of a dropped file and written at a time. */
const CHUNK = 1 << 20

export interface Stream {
  read(): Promise<Uint8Array>
  write(data: Uint8Array): Promise<void>
  close(): void
}

export const Echanged = 'file changed'

const split = (path: string) => path.split('/').filter(name => name !== '')

/**
 * The files of the console's name space, through 9P. Paths are absolute. Every call can reject with PlanError, as the
 * file server refuses.
 */
export class Files {
  private readonly dial: (port: MessagePort) => void
  private connection: Promise<Fid> | undefined

  /** `dial` gives one end of a channel to whom serves it. */
  constructor(dial: (port: MessagePort) => void) {
    this.dial = dial
  }

  /** The name space seen so far is gone: the next call sees the present one. */
  reset(): void {
    const { connection } = this
    this.connection = undefined
    void connection?.then(
      root => root.client.close(),
      () => undefined,
    )
  }

  private root(): Promise<Fid> {
    if (this.connection) return this.connection
    const made = this.connect()
    this.connection = made
    made.catch(() => {
      if (this.connection === made) this.connection = undefined
    })
    return made
  }

  private async connect(): Promise<Fid> {
    const { port1, port2 } = new MessageChannel()
    this.dial(port2)
    const client = await Client.connect(portTransport(port1), { name: 'page' })
    void client.closed.then(() => {
      this.connection = undefined
    })
    return client.attach('glenda', '')
  }

  private async at<T>(path: string, f: (fid: Fid) => Promise<T>): Promise<T> {
    const fid = await (await this.root()).walk(split(path))
    try {
      return await f(fid)
    } finally {
      await fid.clunk().catch(() => undefined)
    }
  }

  stat(path: string): Promise<Dir> {
    return this.at(path, fid => fid.stat())
  }

  list(path: string): Promise<Dir[]> {
    return this.at(path, async fid => (await fid.open(OREAD)).readdir())
  }

  /** From the start to the end of file. Not for files whose reads wait. */
  read(path: string): Promise<Uint8Array> {
    return this.at(path, async fid => (await fid.open(OREAD)).readAll())
  }

  async text(path: string): Promise<string> {
    return new TextDecoder().decode(await this.read(path))
  }

  /** Writes a message to a file that is there, such as a ctl. */
  tell(path: string, message: string): Promise<void> {
    return this.at(path, async fid => {
      await fid.open(OWRITE)
      await fid.write(new TextEncoder().encode(message), 0)
    })
  }

  /**
   * Makes the text of a file that is there another.
   *
   * @param was as it was when its text was read; undefined: whatever it is now
   * @returns what it is now
   * @throws PlanError `file changed` since then
   */
  async replace(path: string, text: string, was: Dir | undefined): Promise<Dir> {
    const now = await this.stat(path)
    if (was && (now.qid.path !== was.qid.path || now.qid.vers !== was.qid.vers || now.mtime !== was.mtime))
      throw new PlanError(Echanged)
    await this.at(path, async fid => {
      await fid.open(OWRITE | OTRUNC)
      const data = new TextEncoder().encode(text)
      for (let at = 0; at < data.length; ) {
        const n = await fid.write(data.subarray(at, at + CHUNK), at)
        if (n === 0) throw new PlanError('short write')
        at += n
      }
    })
    return this.stat(path)
  }

  /** A file whose reads wait, such as a console: each gives what comes next; nothing is the end. */
  async stream(path: string, mode = ORDWR): Promise<Stream> {
    const fid = await (await this.root()).walk(split(path))
    try {
      await fid.open(mode)
    } catch (err) {
      await fid.clunk().catch(() => undefined)
      throw err
    }
    let at = 0
    return {
      async read() {
        const b = await fid.readSome(CHUNK, at)
        at += b.length
        return b
      },
      write: async data => void (await fid.write(data, 0)),
      close: () => void fid.clunk().catch(() => undefined),
    }
  }

  /**
   * Writes a file of the host's into `dir` under its own name, or, when that is taken, with a number in it. What was
   * written of a file that fails is removed. `progress` gets the bytes written.
   *
   * @returns the name that it got
   */
  async put(dir: string, file: File, progress: (done: number) => void): Promise<string> {
    const [stem, ext] = parts(safe(file.name))
    for (let n = 1; ; n++) {
      const name = n === 1 ? stem + ext : `${stem}-${n}${ext}`
      const taken = await this.stat(`${dir}/${name}`).then(
        () => true,
        () => false,
      )
      if (taken) continue
      try {
        await this.write(dir, name, file, progress)
        return name
      } catch (err) {
        if (!(err instanceof PlanError && err.message.includes(Eexist))) throw err
      }
    }
  }

  private async write(dir: string, name: string, file: File, progress: (done: number) => void): Promise<void> {
    const fid = await (await this.root()).walk(split(dir))
    let made = false
    try {
      await fid.create(name, 0o664, OWRITE)
      made = true
      for (let at = 0; at < file.size; at += CHUNK) {
        const data = new Uint8Array(await file.slice(at, at + CHUNK).arrayBuffer())
        const n = await fid.write(data, at)
        if (n < data.length) throw new PlanError('short write')
        progress(at + n)
      }
    } catch (err) {
      if (made) await fid.remove().catch(() => undefined)
      else await fid.clunk().catch(() => undefined)
      throw err
    }
    await fid.clunk()
  }
}

/** A host's file name as a Plan 9 one. */
function safe(name: string): string {
  const ok = name.replace(/[/\x00-\x1f\x7f]/g, '_').trim()
  return ok === '' || ok === '.' || ok === '..' ? 'file' : ok
}

function parts(name: string): [string, string] {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
}
