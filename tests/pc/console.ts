import type { Line } from '../../emulator/pc/dialogue.ts'
import { PlanError } from '../../plan9/error.ts'
import { orintr } from '../../plan9/kernel/qio.ts'
import type { ConsDriver } from '../../plan9/kernel/sys.ts'
import { Random } from '../random.ts'

/** Characters that a burst may have, and a line: 9front's own limits. */
const BURST = 250
const MAXLINE = 256

export interface SerialOptions {
  seed?: number
  /** Is the nth character that is typed lost on the way? */
  loses?: (n: number) => boolean
  echo?: boolean
}

/**
 * The console of a 9front guest: on the one side its serial line, on the other what its programs read and write. Lines are
 * cooked as 9front's kbdfs cooks them; what is to be read comes in pieces.
 */
export class SerialConsole implements Line {
  private readonly o: SerialOptions
  private readonly rand: Random
  private readonly encoder = new TextEncoder()
  private out: Uint8Array[] = []
  private cooking = ''
  private cooked: string[] = []
  private wakes: (() => void)[] = []
  private typed = 0
  private over = false
  /** All lines that programs were given. */
  readonly lines: string[] = []

  constructor(o: SerialOptions = {}) {
    this.o = o
    this.rand = new Random(o.seed ?? 1)
  }

  private wake(): void {
    for (const f of this.wakes.splice(0)) f()
  }

  private wait(signal?: AbortSignal): Promise<void> {
    const woken = new Promise<void>(resolve => this.wakes.push(resolve))
    return signal ? orintr(woken, signal) : woken
  }

  /** The guest prints. */
  print(text: string): void {
    const bytes = this.encoder.encode(text.replaceAll('\n', '\r\n'))
    for (let at = 0; at < bytes.length; ) {
      const n = 1 + this.rand.int(40)
      this.out.push(bytes.subarray(at, at + n))
      at += n
    }
    this.wake()
  }

  /** The PC is no more. */
  end(): void {
    this.over = true
    this.wake()
  }

  async read(signal: AbortSignal): Promise<Uint8Array> {
    while (this.out.length === 0 && !this.over) await this.wait(signal)
    if (this.rand.int(3) === 0) await new Promise<void>(resolve => setTimeout(resolve, 0))
    return this.out.shift() ?? new Uint8Array(0)
  }

  /** A program reads a line. */
  async input(n: number, signal?: AbortSignal): Promise<Uint8Array> {
    while (this.cooked.length === 0) await this.wait(signal)
    const line = this.cooked.shift()!
    this.lines.push(line)
    return this.encoder.encode(line).subarray(0, n)
  }

  /** Of the line: keys, of which those that are too many in one burst are lost. */
  write(keys: Uint8Array): void {
    if (this.over) throw new PlanError('hungup')
    for (const c of new TextDecoder().decode(keys.subarray(0, BURST))) {
      if (this.o.loses?.(this.typed++)) continue
      if (c === '\x15') {
        if (this.o.echo !== false) this.print('\b'.repeat(this.cooking.length))
        this.cooking = ''
        continue
      }
      this.cooking += c
      if (this.o.echo !== false) this.print(c)
      if (c === '\n' || this.cooking.length === MAXLINE) {
        this.cooked.push(this.cooking)
        this.cooking = ''
        this.wake()
      }
    }
  }

  /** As a program has it: what is written is printed. */
  get driver(): ConsDriver {
    const utf = new TextDecoder()
    return {
      read: (n, signal) => this.input(n, signal),
      write: data => this.print(utf.decode(data, { stream: true })),
    }
  }
}
