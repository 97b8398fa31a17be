import { DMAPPEND, DMDIR, OTRUNC, OWRITE, QTAPPEND, QTDIR } from '../../plan9/9p/const.ts'
import type { Dir, Qid } from '../../plan9/9p/dir.ts'
import type { ByteStream } from '../../plan9/9p/framer.ts'
import type { Fid, Req, Srv } from '../../plan9/9p/srv.ts'
import { Enonexist, Eperm, errstr, PlanError } from '../../plan9/error.ts'
import { orAbort } from '../../plan9/libc/abort.ts'
import { quoterc, tokenize } from '../../plan9/libc/quote.ts'
import type { Blocks } from '../disk/blocks.ts'
import { build, serveLlm } from './build.ts'
import { Dialogue } from './dialogue.ts'
import type { HostState } from './ip/host.ts'
import { boot, kernelof, setup } from './profile.ts'
import { front } from './profiles/9front.ts'
import { identity, type Made, pack, unpack } from './snapshot.ts'
import { PcThread, type PcWorker } from './thread.ts'

/** pc(4): a PC as files. */

export interface Image extends Blocks {
  /** Of one on the web: bytes that have come over the net. */
  readonly moved?: number
  close(): Promise<void>
}

/** Where images, kernels and snapshots are found: the namespace of the process that serves, and the web. */
export interface Files {
  /** @throws PlanError */
  open(name: string): Promise<Image>
  /** Makes a file anew. @throws PlanError */
  write(name: string, bytes: Uint8Array): Promise<void>
}

/** What a console keeps for those who come later, in bytes; and of what one who reads slowly has still to see. */
const KEPT = 64 * 1024
/** Bytes of a kernel, an initrd or a BIOS at most. */
const MAXKERNEL = 64 << 20
const MB = 1 << 20

/** What comes from a serial line, for any number of readers. */
class Line {
  private text = new Uint8Array(0)
  /** Bytes that came before `text`. */
  private base = 0
  private waiting: (() => void)[] = []
  private readonly to: ByteStream
  private over = false

  constructor(stream: ByteStream) {
    this.to = stream
    void this.pump(stream)
  }

  private async pump(stream: ByteStream): Promise<void> {
    for (;;) {
      const b = await stream.read()
      if (b.length === 0) break
      const have = this.text.subarray(Math.max(0, this.text.length + b.length - KEPT))
      const text = new Uint8Array(have.length + b.length)
      text.set(have)
      text.set(b, have.length)
      this.base += this.text.length - have.length
      this.text = text
      this.wake()
    }
    this.over = true
    this.wake()
  }

  private wake(): void {
    for (const f of this.waiting.splice(0)) f()
  }

  /** Where one begins who sees all that is kept; or only what comes. */
  start(all: boolean): number {
    return all ? this.base : this.base + this.text.length
  }

  /** What came from `at` on: bytes, and where the next begin. Nothing: the PC is no more. */
  async read(at: number, n: number, signal?: AbortSignal): Promise<{ bytes: Uint8Array; next: number }> {
    for (;;) {
      const from = Math.max(at - this.base, 0)
      const bytes = this.text.slice(from, from + n)
      if (bytes.length > 0 || this.over) return { bytes, next: this.base + from + bytes.length }
      await orAbort(new Promise<void>(resolve => this.waiting.push(resolve)), signal)
    }
  }

  async write(b: Uint8Array): Promise<void> {
    await this.to.write(b)
  }
}

interface Running {
  pc: PcThread
  lines: [Line, Line]
  made: Omit<Made, 'v86'>
  /** hda and hdb. */
  images: [Image | undefined, Image | undefined]
  paused: boolean
  began: number
  /** 9front: whether its prompt has come. */
  prompt?: string
  /** What is typed at its console for now. */
  doing?: string
  /** The machines that `build` has built for. */
  built?: string[]
}

interface Settings {
  /** hda is an ISO of 9front, whose kernel is started. */
  front: boolean
  memory: number
  hda?: string
  hdb?: string
  kernel?: string
  initrd?: string
  cmdline?: string
  bios?: string
  vgabios?: string
  net: boolean
  uart1: boolean
}

const names = ['hda', 'hdb', 'kernel', 'initrd', 'bios', 'vgabios'] as const

/** A PC, off or on. */
export class PcMachine {
  readonly settings: Settings = { front: false, memory: 256 * MB, net: true, uart1: true }
  private readonly files: Files
  private readonly worker: () => PcWorker
  private readonly accept: ((port: number, c: ByteStream) => void) | undefined
  private running: Running | undefined
  /** Why it is off. */
  private reason = 'off'
  private busy = false

  /** `accept` takes the guest's calls to port 564 of ours. */
  constructor(files: Files, worker: () => PcWorker, accept?: (port: number, c: ByteStream) => void) {
    this.files = files
    this.worker = worker
    this.accept = accept
  }

  private get on(): Running {
    if (!this.running) throw new PlanError(this.reason === 'off' ? 'pc is off' : `pc is off: ${this.reason}`)
    return this.running
  }

  line(n: 0 | 1): Line {
    return this.on.lines[n]
  }

  /** Bytes of a drive; none while there is none. */
  sizeof(n: 0 | 1): number {
    return this.running?.images[n]?.size ?? 0
  }

  /** A drive as the guest sees it. @throws PlanError there is none */
  drive(n: 0 | 1): Blocks {
    const { images, pc } = this.on
    const size = images[n]?.size
    if (size === undefined) throw new PlanError('no such drive')
    return {
      size,
      read: async (offset, count) =>
        offset < size ? pc.read(n, offset, Math.min(count, size - offset)) : new Uint8Array(0),
    }
  }

  /** The thread of a PC that is on. @throws PlanError */
  get thread(): PcThread {
    return this.on.pc
  }

  dial(port: number, signal?: AbortSignal): Promise<ByteStream> {
    return this.on.pc.dial(port, signal)
  }

  /** One thing at a time: a PC that is being started is not started again. @throws PlanError */
  private async alone<T>(f: () => Promise<T>): Promise<T> {
    if (this.busy) throw new PlanError('pc is busy')
    this.busy = true
    try {
      return await f()
    } finally {
      this.busy = false
    }
  }

  private async whole(name: string | undefined): Promise<Uint8Array | undefined> {
    if (name === undefined) return undefined
    const f = await this.open(name)
    try {
      if (f.size > MAXKERNEL) throw new PlanError(`${name}: too large`)
      const b = await f.read(0, f.size)
      if (b.length < f.size) throw new PlanError(`${name}: cut short`)
      return b
    } finally {
      await f.close()
    }
  }

  private async open(name: string): Promise<Image> {
    try {
      return await this.files.open(name)
    } catch (e) {
      throw new PlanError(`${name}: ${errstr(e)}`)
    }
  }

  /** Starts it: from nothing, or from a snapshot. @throws PlanError; it is as off as before then */
  async start(snapshot?: string): Promise<void> {
    return this.alone(async () => {
      if (this.running) throw new PlanError('pc is on')
      const { memory, net, uart1, cmdline, front: is9front, ...s } = this.settings
      const images: Running['images'] = [undefined, undefined]
      const close = async () => {
        for (const f of images) await f?.close().catch(() => {})
      }
      try {
        if (s.hda !== undefined) images[0] = await this.open(s.hda)
        if (s.hdb !== undefined) images[1] = await this.open(s.hdb)
        const [hda, hdb] = images
        const made: Omit<Made, 'v86'> = { memory, net, uart1 }
        if (hda) made.hda = await identity(hda)
        if (hdb) made.hdb = await identity(hdb)
        const file = snapshot === undefined ? undefined : await this.open(snapshot)
        let from: { state: Uint8Array; host: HostState | undefined } | undefined
        if (file)
          try {
            from = await unpack(await file.read(0, file.size), made)
          } finally {
            await file.close()
          }
        const bios = await this.whole(s.bios)
        const vgabios = await this.whole(s.vgabios)
        let kernel = from ? undefined : await this.whole(s.kernel)
        let initrd = from ? undefined : await this.whole(s.initrd)
        if (is9front && !from && !kernel && !bios && hda) {
          kernel = await kernelof(front, hda)
          initrd = new TextEncoder().encode(front.ini)
        }
        if (!from && !kernel && !bios) throw new PlanError('nothing to boot: no kernel and no bios')
        const pc = await PcThread.start(
          this.worker(),
          {
            memory,
            net,
            uart1,
            ...(bios && { bios }),
            ...(vgabios && { vgabios }),
            ...(kernel && {
              kernel: {
                ...(isbzimage(kernel) ? { bzimage: kernel } : { multiboot: kernel }),
                ...(initrd && { initrd }),
                ...(cmdline !== undefined && { cmdline }),
              },
            }),
            ...(from && { state: from.state, ...(from.host && { host: from.host }) }),
          },
          { hda, hdb },
        )
        const running: Running = {
          pc,
          lines: [new Line(pc.console), new Line(pc.eia1)],
          made,
          images,
          paused: false,
          began: performance.now(),
        }
        this.running = running
        void pc.ended.then(async reason => {
          if (this.running === running) this.running = undefined
          this.reason = reason === 'stopped' ? 'off' : reason
          await close()
        })
        const { accept } = this
        if (net && accept) await pc.listen(564, c => accept(564, c))
        await pc.run()
        if (is9front && !from) void this.prompted(running)
      } catch (e) {
        if (!this.running) await close()
        throw e
      }
    })
  }

  /** From power on to 9front's prompt; whether it came is told by status. */
  private async prompted(r: Running): Promise<void> {
    r.prompt = 'waiting'
    try {
      await this.talk(r, 'boot', true, d => boot(front, d))
      r.prompt = 'yes'
    } catch (e) {
      r.prompt = `no: ${errstr(e)}`
    }
  }

  /** A dialogue with the console, one at a time, with all that came before or from now on. What it is at, status tells. */
  private async talk(r: Running, doing: string, all: boolean, what: (d: Dialogue) => Promise<unknown>): Promise<void> {
    if (r.doing !== undefined) throw new PlanError('console is busy')
    r.doing = doing
    const line = r.lines[0]
    let at = line.start(all)
    const d = new Dialogue(
      {
        async read(signal) {
          const { bytes, next } = await line.read(at, KEPT, signal)
          at = next
          return bytes
        },
        write: b => line.write(b),
      },
      {
        prompt: front.prompt,
        log: text => {
          r.doing = text
        },
      },
    )
    try {
      await what(d)
    } finally {
      delete r.doing
      d.close()
    }
  }

  /** `signal` ends what is typed at the console. @throws PlanError */
  async ctl(text: string, signal?: AbortSignal): Promise<void> {
    const f = tokenize(text.trim())
    const [verb, ...args] = f
    const arg = () => {
      if (args.length !== 1) throw new PlanError(`usage: ${verb} ${verb === 'memory' ? 'size' : 'file'}`)
      return args[0]!
    }
    const none = () => {
      if (args.length > 0) throw new PlanError(`usage: ${verb}`)
    }
    switch (verb) {
      case undefined:
        return
      case 'hda':
      case 'hdb':
      case 'kernel':
      case 'initrd':
      case 'bios':
      case 'vgabios':
        if (verb !== 'hdb') this.settings.front = false
        if (args.length === 0) delete this.settings[verb]
        else this.settings[verb] = arg()
        return
      case '9front':
        this.settings.front = true
        this.settings.memory = front.memory
        this.settings.hda = arg()
        for (const name of ['kernel', 'initrd', 'bios', 'vgabios'] as const) delete this.settings[name]
        return
      case 'setup':
        none()
        return this.talk(this.on, verb, false, d => setup(front, d, signal))
      case 'build': {
        none()
        const r = this.on
        return this.talk(r, verb, false, async d => {
          r.built = await build(d, signal)
          await serveLlm(d, signal)
        })
      }
      case 'cmdline':
        this.settings.cmdline = args.join(' ')
        return
      case 'memory': {
        const m = /^(\d+)([mMgG])?$/.exec(arg())
        const bytes = m ? Number(m[1]) * (m[2]?.toLowerCase() === 'g' ? 1024 * MB : MB) : 0
        if (bytes < 16 * MB || bytes > 2048 * MB - 1) throw new PlanError(`memory ${args[0]}: 16M to 2047M`)
        this.settings.memory = bytes
        return
      }
      case 'net':
      case 'eia1':
        if (args.length !== 1 || !/^(on|off)$/.test(args[0]!)) throw new PlanError(`usage: ${verb} on|off`)
        this.settings[verb === 'net' ? 'net' : 'uart1'] = args[0] === 'on'
        return
      case 'boot':
        none()
        return this.start()
      case 'restore':
        return this.start(arg())
      case 'save': {
        const name = arg()
        const { pc, made } = this.on
        return this.alone(async () => this.files.write(name, await pack(made, await pc.save())))
      }
      case 'pause':
      case 'run':
        none()
        await this.on.pc[verb]()
        this.on.paused = verb === 'pause'
        return
      case 'stop':
        none()
        this.on.pc.stop()
        return
      default:
        throw new PlanError(`unknown control request ${quoterc(verb)}`)
    }
  }

  ctltext(): string {
    const { memory, net, uart1, cmdline } = this.settings
    const lines = [`net ${net ? 'on' : 'off'}`, `eia1 ${uart1 ? 'on' : 'off'}`]
    for (const name of names) {
      const value = this.settings[name]
      if (value === undefined) continue
      lines.push(`${name === 'hda' && this.settings.front ? '9front' : name} ${quoterc(value)}`)
    }
    // `9front` sets it too.
    lines.push(`memory ${memory / MB}M`)
    if (cmdline !== undefined) lines.push(`cmdline ${cmdline}`)
    return `${lines.join('\n')}\n`
  }

  async status(): Promise<string> {
    const r = this.running
    if (!r) return this.reason === 'off' ? 'off\n' : `off: ${this.reason}\n`
    const { computed, moved, host } = await r.pc.stats()
    const up = performance.now() - r.began
    const fetched = r.images.reduce((n, f) => n + (f?.moved ?? 0), 0)
    return (
      `${r.paused ? 'paused' : 'running'}\n` +
      `${r.prompt === undefined ? '' : `prompt ${r.prompt}\n`}${r.doing === undefined ? '' : `doing ${r.doing}\n`}` +
      `${r.built === undefined ? '' : `built ${r.built.join(' ')}\n`}` +
      `uptime ${(up / 1000).toFixed(1)}\ncomputed ${(computed / 1000).toFixed(1)}\n` +
      `read ${moved}\n${fetched > 0 ? `fetched ${fetched}\n` : ''}${host ? `ip ${host.ip}\nether ${host.mac}\n` : ''}`
    )
  }

  /** Nobody has it any more. */
  close(): void {
    this.running?.pc.stop()
  }
}

/** A Linux kernel says so at 0x202. */
function isbzimage(b: Uint8Array): boolean {
  return b.length > 0x206 && String.fromCharCode(...b.subarray(0x202, 0x206)) === 'HdrS'
}

/** As mouse(3) has it in mousein: m, dx, dy and buttons. @throws PlanError */
function movement(text: string): [dx: number, dy: number, buttons: number] {
  const [m, ...f] = text.trim().replace(/^m/, 'm ').split(/\s+/)
  const [dx, dy, buttons] = f.map(Number)
  if (m !== 'm' || ![dx, dy, buttons].every(Number.isSafeInteger)) throw new PlanError('usage: m dx dy buttons')
  return [dx!, dy!, buttons!]
}

interface File {
  name: string
  kind: 'root' | 'ctl' | 'cons' | 'eia1' | 'status' | 'drive' | 'kbin' | 'mousein' | 'screen' | 'text' | 'vga'
  path: bigint
  mode: number
  /** The serial line or the drive. */
  unit?: 0 | 1
}

const root: File = { name: '/', kind: 'root', path: 0n, mode: DMDIR | 0o555 }
const files: File[] = [
  { name: 'cons', kind: 'cons', path: 1n, mode: DMAPPEND | 0o660, unit: 0 },
  { name: 'ctl', kind: 'ctl', path: 2n, mode: 0o660 },
  { name: 'eia1', kind: 'eia1', path: 3n, mode: DMAPPEND | 0o660, unit: 1 },
  { name: 'hda', kind: 'drive', path: 5n, mode: 0o440, unit: 0 },
  { name: 'hdb', kind: 'drive', path: 6n, mode: 0o440, unit: 1 },
  { name: 'kbin', kind: 'kbin', path: 7n, mode: 0o220 },
  { name: 'mousein', kind: 'mousein', path: 8n, mode: 0o220 },
  { name: 'screen', kind: 'screen', path: 9n, mode: 0o440 },
  { name: 'status', kind: 'status', path: 4n, mode: 0o444 },
  { name: 'text', kind: 'text', path: 10n, mode: 0o440 },
  { name: 'vga', kind: 'vga', path: 11n, mode: 0o440 },
]

interface Aux {
  file: File
  /** How far a serial line was read; which version of the screen was told last. */
  at: number
  /** Of files that are not written as they are read: what they were at the first read. */
  text: Uint8Array | undefined
}

export function pcSrv(pc: PcMachine, user: string): Srv<Aux> {
  const qid = ({ path, mode }: File): Qid => ({
    type: mode & DMDIR ? QTDIR : mode & DMAPPEND ? QTAPPEND : 0,
    vers: 0,
    path,
  })
  const time = Math.floor((performance.timeOrigin + performance.now()) / 1000)
  const dir = (f: File): Dir => ({
    type: 0,
    dev: 0,
    qid: qid(f),
    mode: f.mode,
    atime: time,
    mtime: time,
    length: f.kind === 'drive' ? BigInt(pc.sizeof(f.unit!)) : 0n,
    name: f.name,
    uid: user,
    gid: user,
    muid: user,
  })
  const contents = async (kind: File['kind']): Promise<Uint8Array> => {
    if (kind === 'screen') return pc.thread.screen()
    const text = kind === 'ctl' ? pc.ctltext() : kind === 'text' ? await pc.thread.text() : await pc.status()
    return new TextEncoder().encode(text)
  }
  const aux = (file: File): Aux => ({ file, at: 0, text: undefined })
  return {
    attach: () => ({ aux: aux(root), qid: qid(root) }),
    walk1(_aux, name) {
      const f = name === '..' ? root : files.find(f => f.name === name)
      if (!f) throw new PlanError(Enonexist)
      return { aux: aux(f), qid: qid(f) }
    },
    clone: a => ({ ...a }),
    stat: fid => dir(fid.aux.file),
    open(fid, mode) {
      const { file } = fid.aux
      if (!(file.mode & 0o222) && (mode & 3 || mode & OTRUNC)) throw new PlanError(Eperm)
      if (!(file.mode & 0o444) && (mode & 3) !== OWRITE) throw new PlanError(Eperm)
      if (file.kind === 'drive') pc.drive(file.unit!)
      else if (file.kind === 'cons') fid.aux.at = pc.line(0).start(true)
      else if (file.kind === 'eia1') fid.aux.at = pc.line(1).start(false)
    },
    async read(fid: Fid<Aux>, offset: number, count: number, req: Req) {
      const { file } = fid.aux
      if (file.kind === 'cons' || file.kind === 'eia1') {
        const { bytes, next } = await pc.line(file.unit!).read(fid.aux.at, count, req.signal)
        fid.aux.at = next
        return bytes
      }
      if (file.kind === 'drive') return pc.drive(file.unit!).read(offset, count)
      if (file.kind === 'vga') {
        const { version, mode } = await pc.thread.vga(fid.aux.at, req.signal)
        fid.aux.at = version
        return new TextEncoder().encode(`${mode}\n`).subarray(0, count)
      }
      if (offset === 0 || !fid.aux.text) fid.aux.text = await contents(file.kind)
      return fid.aux.text.slice(offset, offset + count)
    },
    readdir: () => files.map(dir),
    async write(fid, _offset, data, req) {
      const { file } = fid.aux
      if (file.kind === 'kbin') await pc.thread.keys(data)
      else if (file.kind === 'mousein') await pc.thread.mouse(...movement(new TextDecoder().decode(data)))
      else if (file.kind === 'ctl')
        for (const line of new TextDecoder().decode(data).split('\n')) await pc.ctl(line, req.signal)
      // A guest that takes nothing holds up nobody.
      else await orAbort(pc.line(file.unit!).write(data), req.signal)
      return data.length
    },
    wstat(_fid, change) {
      if (Object.keys(change).some(k => k !== 'mtime' && k !== 'length')) throw new PlanError(Eperm)
    },
  }
}
