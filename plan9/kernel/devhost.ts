import { MSIZE, ORDWR } from '../9p/const.ts'
import { Framer } from '../9p/framer.ts'
import type { Transport } from '../9p/transport.ts'
import { Ehungup, Enoattach, PlanError } from '../error.ts'
import { devdefaults, devdir, devwalk, mkqid, opened } from './dev.ts'
import { Chan, CMSG, type Dev, Path, type Proc } from './portdat.ts'
import { Rendez } from './qio.ts'

/**
 * The host's own file servers: each is a channel, posted in /srv at boot, which carries 9P whole messages at a time.
 * A mount takes its transport as it is; a program that reads and writes it sees a stream of bytes, as of a pipe.
 */
class Hostend {
  readonly transport: Transport
  private msgs: Uint8Array[] = []
  private over = false
  private started = false
  private readonly framer = new Framer(MSIZE)
  private readonly readers = new Rendez()

  constructor(transport: Transport) {
    this.transport = transport
  }

  private start(): void {
    if (this.started) return
    this.started = true
    this.transport.start(
      msg => {
        this.msgs.push(msg)
        this.readers.wakeup()
      },
      () => {
        this.over = true
        this.readers.wakeup()
      },
    )
  }

  async read(n: number, signal: AbortSignal): Promise<Uint8Array> {
    this.start()
    while (this.msgs.length === 0) {
      if (this.over) return new Uint8Array(0)
      await this.readers.sleep(signal)
    }
    const b = this.msgs.shift()!
    if (b.length > n) this.msgs.unshift(b.subarray(n))
    return b.subarray(0, n)
  }

  async write(data: Uint8Array): Promise<number> {
    this.start()
    if (this.over) throw new PlanError(Ehungup)
    for (const msg of this.framer.push(data.slice())) await this.transport.send(msg)
    return data.length
  }

  /** @returns undefined once a program has read or written here: what it has begun cannot be muxed */
  take(): Transport | undefined {
    if (this.started) return undefined
    this.started = true
    return this.transport
  }
}

/** The transport of a host's channel, for one mount driver. */
export function hosttransport(c: Chan): Transport | undefined {
  return c.aux instanceof Hostend ? c.aux.take() : undefined
}

let hostpath = 0

/** The channel to a file server of the host's, open. */
export function hostchan(name: string, transport: Transport): Chan {
  const c = new Chan(hostdev)
  c.qid = mkqid(++hostpath)
  c.path = new Path(`#h/${name}`)
  c.aux = new Hostend(transport)
  return opened(c, ORDWR)
}

const gen = (up: Proc, c: Chan, _name: string | undefined, s: number) =>
  s === 0 ? devdir(up, c, c.qid, c.path!.s.slice(3), 0, up.k.eve, 0o600) : null

export const hostdev: Dev = {
  ...devdefaults,
  dc: 'h',
  name: 'host',
  attach() {
    throw new PlanError(Enoattach)
  },
  walk: (up, c, names) => devwalk(up, c, names, gen),
  stat: (up, c) => gen(up, c, undefined, 0)!,
  open: (_up, c, omode) => opened(c, omode),
  close(c) {
    if (!(c.flag & CMSG)) (c.aux as Hostend).transport.close()
  },
  read: (up, c, n) => (c.aux as Hostend).read(n, up.signal),
  write: (_up, c, data) => (c.aux as Hostend).write(data),
}
