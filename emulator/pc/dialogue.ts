import { PlanError } from '../../plan9/error.ts'
import { orAbort } from '../../plan9/libc/abort.ts'

/** Talking with a guest's console: what is waited for, what is typed. */

export interface Console {
  /** What came; nothing: the PC is no more. */
  read(signal: AbortSignal): Promise<Uint8Array>
  write(b: Uint8Array): Promise<void>
}

/** Bytes typed at a time: a console that is busy loses what is more. */
const BURST = 64
/** Milliseconds between two bursts. */
const PAUSE = 30
/** Characters kept of what came. */
const KEPT = 64 * 1024

const escapes = /\x1b\[[0-9;?]*[A-Za-z]|\r/g
/** The last words of a kernel: 9front's, and Linux's. */
const panics = /^.*?\b(panic: .*|Kernel panic - .*)\n/m

export class Dialogue {
  private readonly console: Console
  private readonly decoder = new TextDecoder()
  private text = ''

  constructor(console: Console) {
    this.console = console
  }

  /**
   * Waits for `re` in what came since the last match; gives what came before it.
   *
   * @throws PlanError `otherwise`, with the last line, when it does not come within so many milliseconds; a kernel's panic;
   * hungup; Eintr
   */
  async expect(re: RegExp, within: number, otherwise: string, signal?: AbortSignal): Promise<string> {
    const stop = new AbortController()
    let late = false
    const timer = setTimeout(() => {
      late = true
      stop.abort()
    }, within)
    const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
    try {
      for (;;) {
        const seen = this.text.replace(escapes, '')
        const panic = panics.exec(seen)
        if (panic) throw new PlanError(`guest: ${panic[1]}`)
        const m = re.exec(seen)
        if (m) {
          this.text = seen.slice(m.index + m[0].length)
          return seen.slice(0, m.index)
        }
        let b: Uint8Array
        try {
          b = await orAbort(this.console.read(both), both)
        } catch (e) {
          if (!late) throw e
          const last = seen.trimEnd().split('\n').at(-1) ?? ''
          throw new PlanError(last === '' ? `${otherwise}: it says nothing` : `${otherwise}; it says: ${last}`)
        }
        if (b.length === 0) throw new PlanError('hungup')
        this.text = (this.text + this.decoder.decode(b, { stream: true })).slice(-KEPT)
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Types a text, slowly enough. */
  async send(text: string): Promise<void> {
    const b = new TextEncoder().encode(text)
    for (let at = 0; at < b.length; at += BURST) {
      if (at > 0) await new Promise<void>(resolve => setTimeout(resolve, PAUSE))
      await this.console.write(b.subarray(at, at + BURST))
    }
  }

  /** Types a command at a prompt, and gives what it printed. @throws PlanError as `expect` */
  async command(line: string, prompt: RegExp, within: number, signal?: AbortSignal): Promise<string> {
    await this.send(`${line}\n`)
    const out = await this.expect(prompt, within, `no prompt after ${line}`, signal)
    // The console has echoed the command.
    return out.startsWith(line) ? out.slice(line.length + 1) : out
  }
}
