import { concat } from '../../plan9/9p/bit.ts'
import { Eio, PlanError } from '../../plan9/error.ts'
import type { Blocks } from '../disk/blocks.ts'

/** Bytes that are written apart from the image at a time. */
const BLOCK = 4096

/**
 * A drive of the PC: an image that is read and never written, and what the guest has written over it. v86 calls the methods
 * below the line by these names, as it does those of its own buffers.
 */
export class Drive implements Blocks {
  readonly size: number
  /** Of block numbers: what was written. */
  private readonly written = new Map<number, Uint8Array>()
  private readonly image: Blocks
  /** Reads that v86 waits for: nothing is saved meanwhile. */
  pending = 0
  /** The image cannot be read: the guest is told nothing, for it would take what it gets for the disk's. */
  onerror: (e: unknown) => void = () => {}
  private first: Uint8Array | undefined
  /** Bytes read from the image so far. */
  moved = 0

  constructor(image: Blocks) {
    this.image = image
    this.size = this.byteLength = image.size
  }

  /** What the guest sees. @throws PlanError i/o error: the image is shorter than it says */
  async read(offset: number, n: number): Promise<Uint8Array> {
    const end = Math.min(offset + n, this.size)
    const parts: Uint8Array[] = []
    for (let at = offset; at < end; ) {
      const k = Math.floor(at / BLOCK)
      const block = this.written.get(k)
      let to = Math.min((k + 1) * BLOCK, end)
      if (block) parts.push(block.subarray(at - k * BLOCK, to - k * BLOCK))
      else {
        while (to < end && !this.written.has(to / BLOCK)) to = Math.min(to + BLOCK, end)
        parts.push(await this.readimage(at, to - at))
      }
      at = to
    }
    return parts.length === 1 ? parts[0]! : concat(parts)
  }

  private async readimage(offset: number, n: number): Promise<Uint8Array> {
    const b = await this.image.read(offset, n)
    if (b.length < n) throw new PlanError(Eio)
    this.moved += n
    return b
  }

  /** @throws PlanError i/o error */
  async write(offset: number, data: Uint8Array): Promise<void> {
    for (let at = offset, end = offset + data.length; at < end; ) {
      const k = Math.floor(at / BLOCK)
      const to = Math.min((k + 1) * BLOCK, end)
      const base = k * BLOCK
      let block = this.written.get(k)
      if (!block) {
        const fresh = new Uint8Array(BLOCK)
        if (to - at < BLOCK) fresh.set(await this.readimage(base, Math.min(BLOCK, this.size - base)))
        this.written.set(k, (block = fresh))
      }
      block.set(data.subarray(at - offset, to - offset), at - base)
      at = to
    }
  }

  readonly byteLength: number
  onload: ((e: object) => void) | undefined
  onprogress: ((e: object) => void) | undefined

  load(): void {
    this.onload?.({})
  }

  get(offset: number, n: number, done: (b: Uint8Array) => void): void {
    this.pending++
    this.read(offset, n).then(
      b => {
        this.pending--
        done(b)
      },
      e => this.onerror(e),
    )
  }

  /** v86 wants the first sector before it starts, to guess a geometry by; and asks for it again as what it has. */
  get_and_cache(offset: number, n: number, done: (b: Uint8Array) => void): void {
    this.get(offset, n, b => {
      this.first = b
      done(b)
    })
  }

  get_from_cache(): Uint8Array | undefined {
    return this.first
  }

  set(offset: number, data: Uint8Array, done: () => void): void {
    this.pending++
    this.write(offset, data.slice()).then(
      () => {
        this.pending--
        done()
      },
      e => this.onerror(e),
    )
  }

  get_buffer(done: (b: undefined) => void): void {
    done(undefined)
  }

  get_state(): unknown[] {
    return [Float64Array.from(this.written.keys()), concat([...this.written.values()])]
  }

  set_state(state: [Float64Array, Uint8Array]): void {
    const [numbers, bytes] = state
    this.written.clear()
    numbers.forEach((k, i) => {
      this.written.set(k, bytes.slice(i * BLOCK, (i + 1) * BLOCK))
    })
  }
}
