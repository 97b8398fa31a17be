import { instantiator, type Parts, type Scheduler, turns } from '../v86.ts'
import { BY2PG, PORT } from './layout.ts'
import { stub } from './stub.gen.ts'

/**
 * The only file that touches v86, of which it uses more than its declarations tell: so the version in package.json is exact,
 * and v86.test.ts tries each of these things.
 */

export interface Emulator {
  add_listener(event: string, f: () => void): void
  run(): void
  destroy(): Promise<void>
  v86: Scheduler & { cpu: Cpu }
}

interface Cpu {
  mem8: Uint8Array
  wasm_memory: { buffer: ArrayBuffer }
  in_hlt: Uint8Array
  io: { register_write(port: number, device: object, f8: () => void, f16: () => void, f32: () => void): void }
  main_loop(): number
  run_hardware_timers(acpi: boolean, now: number): number
  wm: {
    exports: {
      device_raise_irq(irq: number): void
      device_lower_irq(irq: number): void
      jit_dirty_cache(start: number, end: number): void
      set_jit_config(index: number, value: number): void
    }
  }
}

export interface Handlers {
  /** The guest trapped: the frame is filled. In it, and in the words after MACH, is what to do next. */
  trap(): void
  /** Each time before others than the guest get their turn. */
  pause(): void
  /** Now and then while the guest computes, in milliseconds: true asks for a trap of the timer. */
  tick(now: number): boolean
  /** v86 has thrown: nothing of this instance can be used any more. */
  panic(reason: string): void
}

/** Milliseconds of computing after which new code is translated: short runs are faster interpreted. */
const JITAFTER = 300

/** An x86 processor and its memory, and nothing else. */
export class X86 {
  /** Bytes of memory. */
  readonly size: number
  /** The memory; renewed by `renew` when v86's own moves. */
  mem8: Uint8Array
  mem32: Int32Array
  private readonly emulator: Emulator
  private readonly cpu: Cpu
  private buffer: ArrayBuffer
  private inloop = false
  private readonly said: { reason: string }
  private dead = false
  private computed = 0
  private jit = true

  private constructor(emulator: Emulator, size: number, h: Handlers, said: { reason: string }) {
    this.said = said
    this.emulator = emulator
    this.size = size
    const cpu = (this.cpu = emulator.v86.cpu)
    this.buffer = cpu.wasm_memory.buffer
    const at = cpu.mem8.byteOffset
    this.mem8 = new Uint8Array(this.buffer, at, size)
    this.mem32 = new Int32Array(this.buffer, at, size >> 2)

    const main = cpu.main_loop.bind(cpu)
    cpu.main_loop = () => {
      if (this.dead) return 1e9
      this.inloop = true
      const start = performance.now()
      try {
        return main()
      } catch (e) {
        this.dead = true
        const reason = this.said.reason || (e instanceof Error ? e.message : String(e))
        queueMicrotask(() => h.panic(reason))
        return 1e9
      } finally {
        this.inloop = false
        if (!this.dead) h.pause()
        if (!this.jit) {
          this.computed += performance.now() - start
          if (this.computed > JITAFTER) this.setjit(true)
        }
      }
    }
    cpu.run_hardware_timers = (_, now) => {
      if (!this.dead && h.tick(now)) this.irq()
      return 1e9
    }
    // An idle processor waits for nobody but us, and between two slices only others get their turn.
    this.endturns = turns(emulator.v86, () => {})
    const trap = () => {
      this.renew()
      h.trap()
    }
    cpu.io.register_write(PORT, {}, trap, trap, trap)
  }
  private readonly endturns: () => void

  /** Resolves when the stub is in memory; the first trap, Vboot, comes after `run`. */
  static async start(parts: Parts<Emulator>, size: number, h: Handlers): Promise<X86> {
    const { wasm_fn, said } = await instantiator(parts.wasm)
    const { buffer } = Uint8Array.from(atob(stub.base64), c => c.charCodeAt(0))
    const emulator = new parts.V86({
      wasm_fn,
      memory_size: size,
      vga_memory_size: 1 << 20,
      multiboot: { buffer },
      net_device: { type: 'none' },
      disable_keyboard: true,
      disable_mouse: true,
      disable_speaker: true,
      autostart: false,
    })
    await new Promise<void>(resolve => emulator.add_listener('emulator-ready', resolve))
    return new X86(emulator, size, h, said)
  }

  run(): void {
    this.emulator.run()
  }

  /** Raises the timer's interrupt, which an idle processor wakes up by. */
  private irq(): void {
    const { device_lower_irq, device_raise_irq } = this.cpu.wm.exports
    device_lower_irq(0)
    device_raise_irq(0)
  }

  /** Goes on when the processor is idle; from within a trap it does nothing. */
  wake(): void {
    if (this.dead || this.inloop || !this.cpu.in_hlt[0]) return
    this.inloop = true
    try {
      this.irq()
    } finally {
      this.inloop = false
    }
    this.emulator.v86.do_tick()
  }

  private renew(): void {
    const { buffer } = this.cpu.wasm_memory
    if (buffer === this.buffer) return
    this.buffer = buffer
    const at = this.cpu.mem8.byteOffset
    this.mem8 = new Uint8Array(buffer, at, this.size)
    this.mem32 = new Int32Array(buffer, at, this.size >> 2)
  }

  /** To be called before memory is used outside a trap. */
  attend(): void {
    this.renew()
  }

  /** Code at [pa, pa+n) has changed. */
  dirty(pa: number, n = BY2PG): void {
    this.cpu.wm.exports.jit_dirty_cache(pa, pa + n)
  }

  private setjit(on: boolean): void {
    this.jit = on
    this.cpu.wm.exports.set_jit_config(0, on ? 0 : 1)
  }

  /** A program that was never seen begins: its code is interpreted for a while. */
  cold(): void {
    this.computed = 0
    if (this.jit) this.setjit(false)
  }

  destroy(): void {
    this.dead = true
    this.endturns()
    void this.emulator.destroy().catch(() => {})
  }
}
