import { PlanError } from '../../plan9/error.ts'
import { instantiator, type Parts, type Scheduler, turns } from '../v86.ts'
import type { Drive } from './drive.ts'
import { Screen, type Vga } from './screen.ts'

/**
 * A whole PC in v86, of which it uses more than v86's declarations tell: so the version in package.json is exact, and
 * tests/pc/linux.test.ts tries each of these things.
 */

export interface Emulator {
  add_listener(event: string, f: (data: never) => void): void
  run(): Promise<void>
  stop(): Promise<void>
  destroy(): Promise<void>
  save_state(): Promise<ArrayBuffer>
  bus: { send(event: string, data: unknown): void }
  screen_adapter: object
  v86: Scheduler & { cpu: Cpu }
}

interface Cpu {
  main_loop(): number
  devices: Partial<Record<'uart0' | 'uart1', { input: number[] }>> & { vga: Vga }
}

/** The package.json's; part of what a snapshot must fit. */
export const V86VERSION = '0.5.462'

export interface PcOptions {
  /** Bytes. */
  memory: number
  /** What is started without a BIOS: a multiboot kernel, or with one: a Linux kernel. */
  kernel?: { multiboot?: Uint8Array; bzimage?: Uint8Array; initrd?: Uint8Array; cmdline?: string }
  bios?: Uint8Array
  vgabios?: Uint8Array
  hda?: Drive
  hdb?: Drive
  net?: boolean
  /** A second serial line. */
  uart1?: boolean
  /** What `save` gave, of a PC with the same options. */
  state?: Uint8Array
}

export interface PcHandlers {
  /** What the guest has sent on serial line n. */
  serial(n: 0 | 1, bytes: Uint8Array): void
  /** A frame that the guest has sent; valid during the call. */
  frame(frame: Uint8Array): void
  /** The PC is no more: v86 has thrown, or a drive cannot be read. */
  failed(reason: string): void
}

/** Bytes of a serial line that v86 is given ahead of the guest's reading them: its driver loses what is more. */
const AHEAD = 64
/** Milliseconds after which an idle line is looked at again. */
const LOOK = 4

const slack = (b: Uint8Array) => b.slice().buffer

export class Pc {
  private readonly emulator: Emulator
  private readonly h: PcHandlers
  private readonly drives: Drive[]
  private readonly out: [number[], number[]] = [[], []]
  private readonly queues: [Input[], Input[]] = [[], []]
  private look: ReturnType<typeof setTimeout> | undefined
  private sleep: ReturnType<typeof setTimeout> | undefined
  private readonly endturns: () => void
  private dead = false
  private paused = true
  /** Milliseconds that v86 has computed. */
  computed = 0
  readonly screen: Screen
  private buttons = 0

  private constructor(emulator: Emulator, o: PcOptions, h: PcHandlers, said: { reason: string }) {
    this.emulator = emulator
    this.h = h
    this.drives = [o.hda, o.hdb].filter(d => d !== undefined)
    for (const d of this.drives) d.onerror = e => this.fail(`disk: ${e instanceof Error ? e.message : e}`)
    const { v86 } = emulator
    const { cpu } = v86
    this.screen = new Screen(emulator.screen_adapter, cpu.devices.vga)
    const main = cpu.main_loop.bind(cpu)
    cpu.main_loop = () => {
      if (this.dead) return 1e9
      const start = performance.now()
      try {
        return main()
      } catch (e) {
        // A triple fault without a BIOS is a recursion without end.
        const reason = e instanceof RangeError ? 'triple fault' : said.reason || String((e as Error).message ?? e)
        queueMicrotask(() => this.fail(`processor panic: ${reason}`))
        return 1e9
      } finally {
        this.computed += performance.now() - start
        this.flush()
      }
    }
    this.endturns = turns(v86, (ms, tick) => {
      clearTimeout(this.sleep)
      this.sleep = setTimeout(() => v86.yield_callback(tick), ms)
    })
    const serial = (n: 0 | 1) => (byte: number) => void this.out[n].push(byte)
    emulator.add_listener('serial0-output-byte', serial(0))
    emulator.add_listener('serial1-output-byte', serial(1))
    emulator.add_listener('net0-send', (frame: Uint8Array) => h.frame(frame))
  }

  /** A PC that does not run yet. @throws PlanError what the options or the state make impossible */
  static async start(parts: Parts<Emulator>, o: PcOptions, h: PcHandlers): Promise<Pc> {
    const { wasm_fn, said } = await instantiator(parts.wasm)
    const file = (b: Uint8Array | undefined) => b && { buffer: slack(b) }
    const { multiboot, bzimage, initrd, cmdline } = o.kernel ?? {}
    let emulator: Emulator
    try {
      emulator = new parts.V86({
        wasm_fn,
        memory_size: o.memory,
        vga_memory_size: 2 << 20,
        bios: file(o.bios),
        vga_bios: file(o.vgabios),
        multiboot: file(multiboot),
        bzimage: file(bzimage),
        initrd: file(initrd),
        cmdline,
        hda: o.hda,
        hdb: o.hdb,
        initial_state: file(o.state),
        net_device: { type: o.net ? 'ne2k' : 'none' },
        uart1: o.uart1 ?? false,
        preserve_mac_from_state_image: true,
        disable_keyboard: true,
        disable_mouse: true,
        disable_speaker: true,
        autostart: false,
      })
      await new Promise<void>(resolve => emulator.add_listener('emulator-loaded', resolve))
    } catch (e) {
      throw new PlanError(`pc: ${said.reason || (e instanceof Error ? e.message : e)}`)
    }
    return new Pc(emulator, o, h, said)
  }

  run(): void {
    if (this.dead || !this.paused) return
    this.paused = false
    void this.emulator.run()
  }

  async pause(): Promise<void> {
    if (this.dead || this.paused) return
    this.paused = true
    await this.emulator.stop()
  }

  private flush(): void {
    for (const n of [0, 1] as const) {
      const bytes = this.out[n]
      if (bytes.length > 0) this.h.serial(n, Uint8Array.from(bytes.splice(0)))
    }
    this.topup()
  }

  /** Types bytes on serial line n, as fast as the guest takes them; resolves when v86 has them all. */
  input(n: 0 | 1, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.dead) reject(new PlanError('hungup'))
      this.queues[n].push({ bytes, at: 0, resolve, reject })
      this.topup()
    })
  }

  private topup(): void {
    if (this.dead) return
    let more = false
    for (const n of [0, 1] as const) {
      const queue = this.queues[n]
      if (queue.length === 0) continue
      const uart = this.emulator.v86.cpu.devices[n === 0 ? 'uart0' : 'uart1']
      let room = uart ? AHEAD - uart.input.length : Number.POSITIVE_INFINITY
      while (queue.length > 0 && room > 0) {
        const q = queue[0]!
        for (; q.at < q.bytes.length && room > 0; room--) this.emulator.bus.send(`serial${n}-input`, q.bytes[q.at++])
        if (q.at < q.bytes.length) break
        queue.shift()
        q.resolve()
      }
      more ||= queue.length > 0
    }
    if (more && !this.look)
      this.look = setTimeout(() => {
        this.look = undefined
        this.topup()
      }, LOOK)
  }

  /** A frame for the guest. */
  receive(frame: Uint8Array): void {
    if (!this.dead) this.emulator.bus.send('net0-receive', frame)
  }

  /** Scan codes of the keyboard, set 1. */
  keys(codes: Uint8Array): void {
    if (!this.dead) for (const code of codes) this.emulator.bus.send('keyboard-code', code)
  }

  /** A movement of the mouse, down is positive; buttons are mouse(3)'s: 1 left, 2 middle, 4 right, 8 and 16 the wheel. */
  mouse(dx: number, dy: number, buttons: number): void {
    if (this.dead) return
    const { bus } = this.emulator
    if ((buttons ^ this.buttons) & 7)
      bus.send(
        'mouse-click',
        [1, 2, 4].map(b => (buttons & b) !== 0),
      )
    if (dx !== 0 || dy !== 0) bus.send('mouse-delta', [dx, -dy])
    if (buttons & 24) bus.send('mouse-wheel', [buttons & 8 ? 1 : -1, 0])
    this.buttons = buttons
  }

  /** The whole state, between two instructions, with no disk access under way; it does not run meanwhile. */
  async save(): Promise<Uint8Array> {
    const was = this.paused
    for (;;) {
      await this.pause()
      if (this.dead) throw new PlanError('hungup')
      if (this.drives.every(d => d.pending === 0)) break
      this.run()
      await new Promise<void>(resolve => setTimeout(resolve, LOOK))
    }
    try {
      return new Uint8Array(await this.emulator.save_state())
    } finally {
      if (!was) this.run()
    }
  }

  private fail(reason: string): void {
    if (this.dead) return
    this.destroy()
    this.h.failed(reason)
  }

  destroy(): void {
    if (this.dead) return
    this.dead = true
    clearTimeout(this.look)
    clearTimeout(this.sleep)
    this.endturns()
    for (const q of this.queues.flatMap(q => q.splice(0))) q.reject(new PlanError('hungup'))
    void this.emulator.destroy().catch(() => {})
  }
}

interface Input {
  bytes: Uint8Array
  at: number
  resolve(): void
  reject(e: unknown): void
}
