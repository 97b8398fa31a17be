import type { Bin } from './bio.ts'
import { fullrune } from './rune.ts'

const none: Uint8Array = new Uint8Array(0)

/**
 * A file's lines one at a time, without a promise for each:
 *
 *   while (lines.next() || (await lines.fill())) ... lines.buf, lines.start, lines.end
 */
export class Lines {
  /** The line is the bytes from `start` to `end`, without its newline. Later reads leave the buffer alone. */
  buf: Uint8Array = none
  start = 0
  end = 0
  #at = 0
  readonly #bin: Bin

  constructor(bin: Bin) {
    this.#bin = bin
  }

  /** Goes to the next line, if it has been read. */
  next(): boolean {
    if (this.#at >= this.buf.length) return false
    this.start = this.#at
    const nl = this.buf.indexOf(10, this.start)
    this.end = nl < 0 ? this.buf.length : nl
    this.#at = this.end + 1
    return true
  }

  /** Reads on and goes to the next line; false at the end of the file. @throws PlanError as `Bin.rdlines` */
  async fill(): Promise<boolean> {
    this.buf = await this.#bin.rdlines()
    this.#at = 0
    return this.next()
  }

  /** Whether the line came without a newline, as a file's last one may. */
  get unended(): boolean {
    return this.end === this.buf.length
  }
}

/** What a file holds, in blocks that cut no rune in two. */
export class Runeblocks {
  readonly #bin: Bin
  #rest = none

  constructor(bin: Bin) {
    this.#bin = bin
  }

  /** At least one byte; empty at the end of the file. */
  async read(): Promise<Uint8Array> {
    for (;;) {
      const more = await this.#bin.chunk()
      let b = more
      if (this.#rest.length > 0) {
        b = new Uint8Array(this.#rest.length + more.length)
        b.set(this.#rest)
        b.set(more, this.#rest.length)
      }
      this.#rest = none
      if (more.length === 0) return b
      let end = b.length
      for (let i = Math.max(0, end - 3); i < end; i++)
        if (!fullrune(b, i)) {
          this.#rest = b.subarray(i)
          end = i
        }
      if (end > 0) return b.subarray(0, end)
    }
  }
}
