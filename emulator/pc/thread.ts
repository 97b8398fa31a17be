import type { ByteStream } from '../../plan9/9p/framer.ts'
import { Eintr, PlanError } from '../../plan9/error.ts'
import type { Blocks } from '../disk/blocks.ts'
import type { HostState } from './ip/host.ts'
import { Mux } from './mux.ts'
import { type Call, type Config, type Down, FIRST, type Stats, type Up } from './protocol.ts'

/** A thread in which `servePc` runs. */
export interface PcWorker {
  postMessage(down: Down): void
  onmessage(f: (up: Up) => void): void
  /** Resolves with what went wrong when the thread itself ends. */
  readonly failed: Promise<string>
  terminate(): void
}

export interface Saved {
  state: Uint8Array
  host: HostState | undefined
}

/** A PC in a thread of its own: a guest's console, and ways into it and out of it. */
export class PcThread {
  /** The console: serial line 0. */
  readonly console: ByteStream
  /** Serial line 1. */
  readonly eia1: ByteStream
  /** Resolves with the reason when the PC is no more; 'stopped' after `stop`. */
  readonly ended: Promise<string>
  private readonly worker: PcWorker
  private readonly mux: Mux
  private readonly calls = new Map<number, { resolve(result: unknown): void; reject(e: unknown): void }>()
  private readonly images: (Blocks | undefined)[]
  private readonly listeners = new Map<number, (c: ByteStream) => void>()
  private seq = 0
  /** Streams that this side opens have even numbers. */
  private next = FIRST
  private end!: (reason: string) => void
  private over: string | undefined

  private constructor(worker: PcWorker, images: (Blocks | undefined)[]) {
    this.worker = worker
    this.images = images
    this.mux = new Mux(m => worker.postMessage(m))
    this.console = this.mux.open(0)
    this.eia1 = this.mux.open(1)
    this.ended = new Promise(resolve => {
      this.end = reason => {
        if (this.over !== undefined) return
        this.over = reason
        worker.terminate()
        this.mux.hangup()
        for (const c of this.calls.values()) c.reject(new PlanError(reason === 'stopped' ? 'hungup' : reason))
        this.calls.clear()
        resolve(reason)
      }
    })
    worker.onmessage(up => this.up(up))
    void worker.failed.then(this.end)
  }

  /** A PC that does not run yet. @throws PlanError */
  static async start(
    worker: PcWorker,
    config: Omit<Config, 'hda' | 'hdb'>,
    images: { hda?: Blocks | undefined; hdb?: Blocks | undefined },
  ): Promise<PcThread> {
    const { hda, hdb } = images
    const pc = new PcThread(worker, [hda, hdb])
    try {
      await pc.call({
        op: 'start',
        config: { ...config, ...(hda && { hda: hda.size }), ...(hdb && { hdb: hdb.size }) },
      })
    } catch (e) {
      pc.end('not started')
      throw e
    }
    return pc
  }

  private up(m: Up): void {
    switch (m.t) {
      case 'done': {
        const c = this.calls.get(m.seq)
        this.calls.delete(m.seq)
        if (m.err === undefined) c?.resolve(m.result)
        else c?.reject(new PlanError(m.err))
        return
      }
      case 'image':
        this.images[m.drive]!.read(m.offset, m.n).then(
          bytes => this.worker.postMessage({ t: 'bytes', seq: m.seq, bytes }),
          e => this.worker.postMessage({ t: 'bytes', seq: m.seq, err: e instanceof Error ? e.message : String(e) }),
        )
        return
      case 'accepted': {
        const stream = this.mux.open(m.s)
        const accept = this.listeners.get(m.port)
        if (accept) accept(stream)
        else stream.close()
        return
      }
      case 'failed':
        this.end(m.reason)
        return
      default:
        this.mux.receive(m)
    }
  }

  private call(call: Call, signal?: AbortSignal): Promise<unknown> {
    if (this.over !== undefined) return Promise.reject(new PlanError('hungup'))
    const seq = ++this.seq
    return new Promise((resolve, reject) => {
      const flush = () => this.worker.postMessage({ t: 'call', seq: ++this.seq, call: { op: 'flush', oldseq: seq } })
      const settled = () => signal?.removeEventListener('abort', flush)
      this.calls.set(seq, {
        resolve: r => {
          settled()
          resolve(r)
        },
        reject: e => {
          settled()
          reject(e)
        },
      })
      this.worker.postMessage({ t: 'call', seq, call })
      signal?.addEventListener('abort', flush)
      if (signal?.aborted) flush()
    })
  }

  async run(): Promise<void> {
    await this.call({ op: 'run' })
  }

  async pause(): Promise<void> {
    await this.call({ op: 'pause' })
  }

  /** The PC as it is between two instructions. */
  async save(): Promise<Saved> {
    return (await this.call({ op: 'save' })) as Saved
  }

  async stats(): Promise<Stats> {
    return (await this.call({ op: 'stats' })) as Stats
  }

  /** Connects to a TCP port of the guest. @throws PlanError connection refused, connection timed out, hungup, Eintr */
  async dial(port: number, signal?: AbortSignal): Promise<ByteStream> {
    const s = this.next
    this.next += 2
    const stream = this.mux.open(s)
    try {
      if (signal?.aborted) throw new PlanError(Eintr)
      await this.call({ op: 'dial', port, s }, signal)
    } catch (e) {
      this.mux.receive({ t: 'end', s })
      stream.close()
      throw e
    }
    return stream
  }

  /** Takes the guest's calls to a TCP port of ours. */
  async listen(port: number, accept: (c: ByteStream) => void): Promise<void> {
    this.listeners.set(port, accept)
    await this.call({ op: 'listen', port })
  }

  /** Bytes of a drive as the guest sees it. @throws PlanError */
  async read(drive: 0 | 1, offset: number, n: number): Promise<Uint8Array> {
    return (await this.call({ op: 'read', drive, offset, n })) as Uint8Array
  }

  /** Waits until the screen is no more as it was at version `after`. @throws PlanError */
  async vga(after: number, signal?: AbortSignal): Promise<{ version: number; mode: string }> {
    return (await this.call({ op: 'vga', after }, signal)) as { version: number; mode: string }
  }

  async text(): Promise<string> {
    return (await this.call({ op: 'text' })) as string
  }

  /** An image(6). @throws PlanError it shows text */
  async screen(): Promise<Uint8Array> {
    return (await this.call({ op: 'screen' })) as Uint8Array
  }

  async keys(codes: Uint8Array): Promise<void> {
    await this.call({ op: 'keys', codes })
  }

  async mouse(dx: number, dy: number, buttons: number): Promise<void> {
    await this.call({ op: 'mouse', dx, dy, buttons })
  }

  stop(): void {
    this.end('stopped')
  }
}
