import type { ByteStream } from '../../plan9/9p/framer.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Blocks } from '../disk/blocks.ts'
import type { Parts } from '../v86.ts'
import { Drive } from './drive.ts'
import { Host } from './ip/host.ts'
import { Mux } from './mux.ts'
import { type Call, type Config, type Down, FIRST, type Up } from './protocol.ts'
import { type Emulator, Pc } from './v86.ts'

/** The thread of one PC. */
export interface PcPort {
  postMessage(up: Up): void
  onmessage(f: (down: Down) => void): void
}

/** Bytes of one write to a serial line that v86 is given before the next is read. */
const LINE = 4096

export function servePc(port: PcPort, parts: () => Promise<Parts<Emulator>>): void {
  const mux = new Mux(m => port.postMessage(m))
  const lines = [mux.open(0), mux.open(1)] as const
  const images = new Map<number, { resolve(b: Uint8Array): void; reject(e: unknown): void }>()
  const calls = new Map<number, AbortController>()
  let drives: (Drive | undefined)[] = []
  let pc: Pc | undefined
  let host: Host | undefined
  let seq = 0
  /** Streams that this side opens have odd numbers. */
  let next = FIRST + 1

  const image = (drive: 0 | 1, size: number): Blocks => ({
    size,
    read: (offset, n) =>
      new Promise((resolve, reject) => {
        images.set(++seq, { resolve, reject })
        port.postMessage({ t: 'image', seq, drive, offset, n })
      }),
  })

  async function start(c: Config): Promise<void> {
    const { hda, hdb, host: known, ...rest } = c
    drives = [hda, hdb].map((size, k) => (size === undefined ? undefined : new Drive(image(k as 0 | 1, size))))
    pc = await Pc.start(
      await parts(),
      { ...rest, ...(drives[0] && { hda: drives[0] }), ...(drives[1] && { hdb: drives[1] }) },
      {
        // A console that nobody reads holds up no guest.
        serial: (n, bytes) => void (lines[n].write(bytes) as Promise<void>).catch(() => {}),
        frame: frame => host?.receive(frame),
        failed: reason => {
          host?.close()
          port.postMessage({ t: 'failed', reason })
        },
      },
    )
    host = new Host({ send: frame => pc!.receive(frame), ...(known && { state: known }) })
    for (const n of [0, 1] as const) void type(n)
  }

  async function type(n: 0 | 1): Promise<void> {
    for (;;) {
      const b = await lines[n].read()
      if (b.length === 0) return
      try {
        for (let at = 0; at < b.length; at += LINE) await pc!.input(n, b.subarray(at, at + LINE))
      } catch {
        return
      }
    }
  }

  /** Carries what comes from one stream to another until the one ends. */
  async function pump(from: ByteStream, to: ByteStream): Promise<void> {
    try {
      for (;;) {
        const b = await from.read()
        if (b.length === 0) break
        await to.write(b)
      }
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
    to.close()
  }

  function join(s: number, c: ByteStream): void {
    const end = mux.open(s)
    void pump(end, c)
    void pump(c, end)
  }

  async function call(c: Call, signal: AbortSignal): Promise<unknown> {
    if (c.op === 'start') return start(c.config)
    if (!pc || !host) throw new PlanError('not started')
    switch (c.op) {
      case 'run':
        return pc.run()
      case 'pause':
        return pc.pause()
      case 'save':
        return { state: await pc.save(), host: host.state }
      case 'stats':
        return { computed: pc.computed, moved: drives.reduce((n, d) => n + (d?.moved ?? 0), 0), host: host.state }
      case 'dial':
        join(c.s, await host.dial(c.port, signal))
        return
      case 'listen':
        host.listen(c.port, (conn, p) => {
          const s = next
          next += 2
          port.postMessage({ t: 'accepted', s, port: p })
          join(s, conn)
        })
        return
      case 'read': {
        const d = drives[c.drive]
        if (!d) throw new PlanError('no such drive')
        return d.read(c.offset, c.n)
      }
      case 'vga':
        return pc.screen.change(c.after, signal)
      case 'text':
        return pc.screen.text()
      case 'screen':
        return pc.screen.image()
      case 'keys':
        return pc.keys(c.codes)
      case 'mouse':
        return pc.mouse(c.dx, c.dy, c.buttons)
      case 'flush':
        calls.get(c.oldseq)?.abort()
    }
  }

  port.onmessage(m => {
    if (m.t === 'call') {
      const control = new AbortController()
      calls.set(m.seq, control)
      call(m.call, control.signal)
        .then(
          result => port.postMessage({ t: 'done', seq: m.seq, result }),
          e => port.postMessage({ t: 'done', seq: m.seq, err: e instanceof Error ? e.message : String(e) }),
        )
        .finally(() => calls.delete(m.seq))
    } else if (m.t === 'bytes') {
      const waiting = images.get(m.seq)
      images.delete(m.seq)
      if (m.bytes) waiting?.resolve(m.bytes)
      else waiting?.reject(new PlanError(m.err ?? 'i/o error'))
    } else mux.receive(m)
  })
}
