import { PlanError } from '../../plan9/error.ts'
import { Unix } from './socket.ts'

/** QEMU's control protocol: a JSON object a line. */

interface Message {
  QMP?: object
  return?: unknown
  error?: { desc: string }
  event?: string
}

/** Milliseconds in which a QEMU that works answers. */
const PATIENCE = 5000

export class Qmp {
  private readonly socket: Unix
  private readonly decoder = new TextDecoder()
  private text = ''

  private constructor(socket: Unix) {
    this.socket = socket
  }

  /**
   * One speaks at a time: another waits for the greeting.
   *
   * @returns undefined: no QEMU is there
   * @throws PlanError it does not answer
   */
  static async open(path: string): Promise<Qmp | undefined> {
    const socket = await Unix.open(path)
    if (!socket) return undefined
    const qmp = new Qmp(socket)
    try {
      await qmp.next(m => m.QMP !== undefined)
      await qmp.execute('qmp_capabilities')
    } catch (e) {
      qmp.close()
      throw e
    }
    return qmp
  }

  /** @throws PlanError what QEMU says; it does not answer; it is gone */
  async execute(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
    await this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
    const m = await this.next(m => m.return !== undefined || m.error !== undefined)
    if (m.error) throw new PlanError(m.error.desc)
    return m.return
  }

  close(): void {
    this.socket.close()
  }

  private async next(wanted: (m: Message) => boolean): Promise<Message> {
    const late = AbortSignal.timeout(PATIENCE)
    for (;;) {
      const nl = this.text.indexOf('\n')
      if (nl >= 0) {
        const m = JSON.parse(this.text.slice(0, nl)) as Message
        this.text = this.text.slice(nl + 1)
        if (wanted(m)) return m
        continue
      }
      const b = await this.socket.read(late).catch(() => {
        throw new PlanError('qemu does not answer')
      })
      if (b.length === 0) throw new PlanError('qemu is gone')
      this.text += this.decoder.decode(b, { stream: true })
    }
  }
}
