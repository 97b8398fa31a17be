import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import xterm from '@xterm/headless'
import { onTestFailed, onTestFinished } from 'vitest'
import { command } from './ml.ts'

export const PROMPT = 'term% '

/** 9ml on a pseudo-terminal, and the terminal that shows it. */
export class Terminal {
  readonly ended: Promise<{ status: number; restored: boolean }>
  /** All that came. */
  out = ''
  private readonly term: InstanceType<typeof xterm.Terminal>
  private readonly child
  private readonly decoder = new TextDecoder()
  private wake: (() => void) | undefined
  private over = false

  constructor(o: { cwd?: string; cols?: number; rows?: number; args?: string[] } = {}) {
    const { cols = 80, rows = 24 } = o
    this.term = new xterm.Terminal({ cols, rows, scrollback: 1000, allowProposedApi: true })
    const script = join(import.meta.dirname, 'pty.py')
    const argv = [script, String(cols), String(rows), process.execPath, command, ...(o.args ?? [])]
    this.child = spawn('python3', argv, { cwd: o.cwd, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })
    let err = ''
    this.child.stderr!.on('data', b => {
      err += b
    })
    this.child.stdout!.on('data', b => {
      this.term.write(b, () => {
        this.out += this.decoder.decode(b, { stream: true })
        this.wake?.()
      })
    })
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', () => {
        this.term.write('', () => {
          this.over = true
          this.wake?.()
          try {
            resolve(JSON.parse(err))
          } catch {
            reject(new Error(err))
          }
        })
      })
    })
    this.ended.catch(() => {})
    onTestFinished(() => void this.child.kill('SIGKILL'))
    onTestFailed(() => console.log(`the terminal shows:\n${this.lines().join('\n')}`))
  }

  type(text: string): void {
    this.child.stdin!.write(text)
  }

  resize(cols: number, rows: number): void {
    this.term.resize(cols, rows)
    const sizes = this.child.stdio[3] as Writable
    sizes.write(`${cols} ${rows}\n`)
  }

  /** What the terminal shows and has shown, a string for each line however many rows it takes, up to the cursor's. */
  lines(): string[] {
    const { active } = this.term.buffer
    const lines: string[] = []
    for (let y = 0; y < active.length; y++) {
      const row = active.getLine(y)!
      if (y > active.baseY + active.cursorY && !row.isWrapped) break
      const text = row.translateToString(false)
      if (row.isWrapped) lines.push(lines.pop()! + text)
      else lines.push(text)
    }
    return lines.map(line => line.trimEnd())
  }

  /** Resolves when `seen` is so. */
  async until(seen: () => boolean, what: string): Promise<void> {
    while (!seen()) {
      if (this.over) throw new Error(`9ml ended without ${what}:\n${this.lines().join('\n')}`)
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
  }

  /** Resolves when the last line is `text`. */
  last(text: string): Promise<void> {
    return this.until(() => this.lines().at(-1) === text.trimEnd(), `the last line ${text}`)
  }

  /** Waits until the prompt is the last line, `n` lines at least below the top. */
  private prompted(n: number): Promise<void> {
    return this.until(() => this.lines().length > n && this.lines().at(-1) === PROMPT.trimEnd(), 'a prompt')
  }

  prompt = (): Promise<void> => this.prompted(0)

  /** Types a line and returns what is shown until the next prompt. */
  async run(line: string): Promise<string[]> {
    const n = this.lines().length
    this.type(`${line}\r`)
    await this.prompted(n)
    return this.lines().slice(n, -1)
  }

  /** Types a line, waits for `text` in what comes of it, types `keys`, and returns what is shown until the next prompt. */
  async interrupt(line: string, text: string, keys: string): Promise<string[]> {
    const n = this.lines().length
    this.type(`${line}\r`)
    await this.until(() => this.lines().slice(n).join('\n').includes(text), text)
    this.type(keys)
    await this.prompted(n)
    return this.lines().slice(n, -1)
  }
}
