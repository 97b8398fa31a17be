import { closeSync, openSync, readSync } from 'node:fs'
import { Eintr, Einuse, PlanError } from '../../plan9/error.ts'
import type { Line } from '../pc/dialogue.ts'
import { Qmp } from './qmp.ts'
import { Unix } from './socket.ts'
import { type Folder, living } from './state.ts'

/** Milliseconds between two looks at the log. */
const TICK = 50
const PIECE = 4096

/** The serial line's other end. One holds it at a time. @throws PlanError Einuse, 'vm is gone' */
export async function serialLine(f: Folder): Promise<Unix> {
  const qmp = await Qmp.open(f.qmp)
  if (!qmp) throw new PlanError('vm is gone')
  try {
    const lines = (await qmp.execute('query-chardev')) as { label: string; filename: string }[]
    if (!lines.find(l => l.label === 'serial')?.filename.startsWith('disconnected:')) throw new PlanError(Einuse)
  } finally {
    qmp.close()
  }
  const line = await Unix.open(f.serial)
  if (!line) throw new PlanError('vm is gone')
  return line
}

/** The serial line for a dialogue. What is read is the log's, which has what came before anyone listened. */
export class LoggedLine implements Line {
  private readonly f: Folder
  private at: number
  private readonly file: number
  private line: Unix | undefined

  /** Reads from `at` on. */
  constructor(f: Folder, at = 0) {
    this.f = f
    this.at = at
    this.file = openSync(f.log, 'r')
  }

  async read(signal: AbortSignal): Promise<Uint8Array> {
    const buffer = new Uint8Array(PIECE)
    for (;;) {
      if (signal.aborted) throw new PlanError(Eintr)
      const alive = living(this.f) !== undefined
      const n = readSync(this.file, buffer, 0, PIECE, this.at)
      this.at += n
      if (n > 0 || !alive) return buffer.subarray(0, n)
      await new Promise(resolve => setTimeout(resolve, TICK))
    }
  }

  async write(b: Uint8Array): Promise<void> {
    this.line ??= await serialLine(this.f)
    await this.line.write(b)
  }

  /** Once nobody reads. */
  close(): void {
    this.line?.close()
    closeSync(this.file)
  }
}
