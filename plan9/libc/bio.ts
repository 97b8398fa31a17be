import { concat } from '../9p/bit.ts'
import { Enovmem, PlanError } from '../error.ts'
import type { Sys } from '../kernel/sys.ts'
import { chartorune, fullrune, utf8 } from './rune.ts'

/** Bytes of a buffer. Reads and writes go out in this size. */
export const Bsize = 64 * 1024
export const Beof = -1
/** Bytes that a program holds of a line, or of a file that it wants whole, at most: the memory is everyone's. */
export const Memmax = 1 << 28

const none = new Uint8Array(0)

/**
 * bio(2), the reading half: a file descriptor read through a buffer. Binary-safe. An error of the system call is
 * thrown by the function that needed more bytes; what was read before stays readable.
 */
export class Bin {
  readonly sys: Sys
  readonly fd: number
  #buf: Uint8Array = none
  #off = 0
  #eof = false

  constructor(sys: Sys, fd: number) {
    this.sys = sys
    this.fd = fd
  }

  async #fill(): Promise<boolean> {
    if (this.#eof) return false
    const more = await this.sys.read(this.fd, Bsize)
    if (more.length === 0) {
      this.#eof = true
      return false
    }
    if (this.#off === this.#buf.length) this.#buf = more
    else {
      const buf = new Uint8Array(this.#buf.length - this.#off + more.length)
      buf.set(this.#buf.subarray(this.#off))
      buf.set(more, this.#buf.length - this.#off)
      this.#buf = buf
    }
    this.#off = 0
    return true
  }

  /** The next byte; Beof at the end. */
  async getc(): Promise<number> {
    if (this.#off >= this.#buf.length && !(await this.#fill())) return Beof
    return this.#buf[this.#off++]!
  }

  /** The next rune; Runeerror for a byte that is none; Beof at the end. */
  async getrune(): Promise<number> {
    while (!fullrune(this.#buf, this.#off)) if (!(await this.#fill())) break
    if (this.#off >= this.#buf.length) return Beof
    const x = chartorune(this.#buf, this.#off)
    this.#off += x & 7
    return x >>> 3
  }

  /** Puts back n bytes of what was read last: at least one is always possible. */
  ungetc(n = 1): void {
    this.#off -= n
  }

  /** Up to n bytes, fewer only at the end of the file. */
  async read(n: number): Promise<Uint8Array> {
    while (this.#buf.length - this.#off < n) if (!(await this.#fill())) break
    const b = this.#buf.subarray(this.#off, this.#off + n)
    this.#off += b.length
    return b
  }

  /** What is in the buffer, at least one byte; empty at the end of the file. */
  async chunk(): Promise<Uint8Array> {
    if (this.#off >= this.#buf.length && !(await this.#fill())) return none
    const b = this.#buf.subarray(this.#off)
    this.#off = this.#buf.length
    return b
  }

  /**
   * All the lines that are in the buffer, at least one, their delimiters included; only the file's last one may lack it.
   * Empty at the end of the file. The bytes are a view that later reads leave alone.
   *
   * @throws PlanError Enovmem for a line of more than Memmax bytes
   */
  async rdlines(delim = 10): Promise<Uint8Array> {
    if (this.#off >= this.#buf.length && !(await this.#fill())) return none
    const end = this.#buf.lastIndexOf(delim)
    if (end < this.#off) return (await this.rdline(delim)) ?? none
    const lines = this.#buf.subarray(this.#off, end + 1)
    this.#off = end + 1
    return lines
  }

  /**
   * A line, its delimiter included; the last one may lack it. Undefined at the end of the file. The bytes are a view
   * that later reads leave alone.
   *
   * @throws PlanError Enovmem for a line of more than Memmax bytes
   */
  async rdline(delim = 10): Promise<Uint8Array | undefined> {
    let scanned = 0
    // Pieces of a line longer than the buffer are joined once, at its end.
    let pieces: Uint8Array[] | undefined
    let n = 0
    for (;;) {
      const i = this.#buf.indexOf(delim, this.#off + scanned)
      if (i >= 0) {
        const tail = this.#buf.subarray(this.#off, i + 1)
        this.#off = i + 1
        return pieces ? concat([...pieces, tail]) : tail
      }
      if (this.#off < this.#buf.length) {
        pieces ??= []
        pieces.push(this.#buf.subarray(this.#off))
        n += this.#buf.length - this.#off
        if (n > Memmax) throw new PlanError(Enovmem)
        this.#off = this.#buf.length
      }
      scanned = 0
      if (!(await this.#fill())) return pieces && concat(pieces)
    }
  }
}

/** The writing half. What is written goes out when the buffer is full, and at `flush`; bytes given are copied. */
export class Bout {
  readonly sys: Sys
  readonly fd: number
  #buf: Uint8Array
  #n = 0

  constructor(sys: Sys, fd: number) {
    this.sys = sys
    this.fd = fd
    this.#buf = new Uint8Array(8192)
  }

  /** Returns nothing while there is room, else a promise to await before the next call. */
  write(data: Uint8Array | string): Promise<void> | undefined {
    const b = typeof data === 'string' ? utf8(data) : data
    if (this.#n + b.length > this.#buf.length) {
      if (this.#n + b.length > Bsize) return this.#spill(b)
      const buf = new Uint8Array(Bsize)
      buf.set(this.#buf.subarray(0, this.#n))
      this.#buf = buf
    }
    this.#buf.set(b, this.#n)
    this.#n += b.length
    return undefined
  }

  /**
   * Takes the bytes of `data` from `start` to `end`, however full the buffer is: for loops that wait for nothing else. Flush
   * when `full`.
   */
  put(data: Uint8Array | string, start = 0, end = data.length): void {
    let at = this.#n
    if (at + end - start > this.#buf.length) this.#grow(at + end - start)
    const to = this.#buf
    if (typeof data === 'string') {
      for (let i = start; i < end; i++) {
        const c = data.charCodeAt(i)
        if (c >= 0x80) {
          this.put(utf8(data.slice(start, end)))
          return
        }
        to[at++] = c
      }
      // A view costs more than the copy of a short piece.
    } else if (end - start > 128) {
      to.set(data.subarray(start, end), at)
      at += end - start
    } else for (let i = start; i < end; i++) to[at++] = data[i]!
    this.#n = at
  }

  #grow(n: number): void {
    const buf = new Uint8Array(Math.max(2 * this.#buf.length, n))
    buf.set(this.#buf.subarray(0, this.#n))
    this.#buf = buf
  }

  get full(): boolean {
    return this.#n >= Bsize
  }

  async #spill(b: Uint8Array): Promise<void> {
    await this.flush()
    if (b.length >= Bsize) await write(this.sys, this.fd, b.slice())
    else {
      this.#buf.set(b)
      this.#n = b.length
    }
  }

  async flush(): Promise<void> {
    if (this.#n === 0) return
    const b = this.#buf.slice(0, this.#n)
    this.#n = 0
    await write(this.sys, this.fd, b)
  }
}

/** A write of all of `data`. @throws PlanError for a short one. */
export async function write(sys: Sys, fd: number, data: Uint8Array | string): Promise<void> {
  const b = typeof data === 'string' ? utf8(data) : data
  const n = await sys.write(fd, b)
  if (n !== b.length) throw new PlanError('short write')
}

/** All that a descriptor yields up to its end. @throws PlanError Enovmem for more than Memmax bytes */
export async function readall(sys: Sys, fd: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let n = 0
  for (;;) {
    const b = await sys.read(fd, Bsize)
    if (b.length === 0) return parts.length === 0 ? none : concat(parts)
    parts.push(b)
    n += b.length
    if (n > Memmax) throw new PlanError(Enovmem)
  }
}

/** The contents of a file. */
export async function readfile(sys: Sys, name: string): Promise<Uint8Array> {
  const fd = await sys.open(name, 0)
  try {
    return await readall(sys, fd)
  } finally {
    await sys.close(fd)
  }
}
