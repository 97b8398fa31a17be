import { Eintr, PlanError } from '../../plan9/error.ts'

/** A talk with a system over its console: what is waited for, what is typed then, and what goes wrong. */

/**
 * Of steps that follow each other, those that are optional and the first that is not are alternatives: of them that which
 * comes first is done, until the last of them has come.
 */
export interface Step {
  /** What to wait for on the console. */
  expect: RegExp | string
  /** Typed then. */
  send?: string
  /** Milliseconds. */
  within: number
  /** What is said when it does not come. */
  otherwise: string
  optional?: boolean
}

/** A command of a dialogue. */
export interface Command {
  /** Typed at the prompt. */
  run: string
  /** Milliseconds. */
  within: number
  /** What is told when it is begun. */
  say: string
  /** What it must print. */
  shows?: RegExp
  /** Its failure is told, and is none of the dialogue's. */
  optional?: boolean
}

export interface Result {
  text: string
  status: string
}

/** A serial console. */
export interface Line {
  /** The next bytes; an empty array: it is gone. */
  read(signal: AbortSignal): Promise<Uint8Array>
  write(b: Uint8Array): Promise<void> | void
}

export interface DialogueOptions {
  /** What a shell says when it waits for a command. */
  prompt: RegExp
  /** Whose words commands are in. */
  shell?: 'rc' | 'sh'
  /** The console shows what is typed. */
  echo?: boolean
  /** What is told of the talk. */
  log?: (text: string) => void
  /** Milliseconds that an echo may take. */
  patience?: number
}

/**
 * Bytes typed at a time: 9front's serial line loses what is more than some 250 in a burst, and its console cuts lines of 256
 * characters.
 */
const BURST = 100
const MAXLINE = 250
/** How often a line is typed that loses characters, and an optional step comes. */
const TRIES = 3
/** Characters that are kept for the next step. */
const KEPT = 1 << 20
const PATIENCE = 10_000

/** The kernel's own last words: behind a prompt, where one was there, or a time. */
const panics = /(?:^|[%#>] |\] )(?:Kernel panic - not syncing|panic): [^\n]+/m

/** What is to be read of a terminal's text: no returns, no escape codes; what was rubbed out is gone. */
class Plain {
  private readonly decoder = new TextDecoder()
  private rest = ''

  add(text: string, bytes: Uint8Array): string {
    const all = this.rest + this.decoder.decode(bytes, { stream: true })
    // An escape code whose end has not come.
    const cut = /\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?$/.exec(all)
    this.rest = cut ? all.slice(cut.index) : ''
    const come = (cut ? all.slice(0, cut.index) : all)
      .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^[\]])/g, '')
      .replace(/[\r\0\x07]/g, '')
    if (!come.includes('\b')) return text + come
    let out = text
    for (const c of come)
      if (c !== '\b') out += c
      else if (!out.endsWith('\n')) out = out.slice(0, -1)
    return out
  }
}

/** What came last, for a complaint. */
function last(text: string): string {
  const lines = text.split('\n').filter(l => l.trim() !== '')
  return lines.length === 0 ? 'nothing came' : `last: ${lines.at(-1)!.trim().slice(-200)}`
}

export class Dialogue {
  private readonly line: Line
  private readonly o: DialogueOptions
  private readonly plain = new Plain()
  private text = ''
  /** What is before has been dealt with. */
  private at = 0
  private gone = false
  private panic: { words: string; whole: boolean } | undefined
  private waiting: (() => void)[] = []
  private commands = 0
  private readonly ended = new AbortController()

  constructor(line: Line, o: DialogueOptions) {
    this.line = line
    this.o = o
    void this.listen()
  }

  private async listen(): Promise<void> {
    try {
      for (;;) {
        const b = await this.line.read(this.ended.signal)
        if (b.length === 0) break
        const begun = this.text.lastIndexOf('\n') + 1
        this.text = this.plain.add(this.text, b)
        this.at = Math.min(this.at, this.text.length)
        this.watch(this.text.slice(begun))
        if (this.unread.length > KEPT) this.took(this.text.length - KEPT)
        this.wake()
      }
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    } finally {
      this.gone = true
      this.wake()
    }
  }

  /** A panic is told when its line is whole, or nothing else comes. */
  private watch(fresh: string): void {
    const m = this.panic?.whole ? null : panics.exec(fresh)
    if (!m) return
    const words = m[0].slice(m[0].search(/panic|Kernel/)).trim()
    this.panic = { words, whole: m.index + m[0].length < fresh.length }
  }

  private wake(): void {
    for (const f of this.waiting.splice(0)) f()
  }

  /** To whoever follows the talk. */
  tell(text: string): void {
    this.o.log?.(text)
  }

  /** It listens no more. */
  close(): void {
    this.ended.abort()
  }

  /** What has come and was not waited for yet. */
  get unread(): string {
    return this.text.slice(this.at)
  }

  private took(end: number): void {
    this.at = end
    if (this.at < KEPT) return
    this.text = this.text.slice(this.at)
    this.at = 0
  }

  /** What `find` gives at last. @throws PlanError a panic's words, hungup, Eintr, `late` */
  private async until<T>(
    find: () => T | undefined,
    within: number,
    late: () => string,
    signal?: AbortSignal,
  ): Promise<T> {
    let expired = false
    const timer = setTimeout(() => {
      expired = true
      this.wake()
    }, within)
    const wake = () => this.wake()
    signal?.addEventListener('abort', wake)
    try {
      for (;;) {
        if (signal?.aborted) throw new PlanError(Eintr)
        if (this.panic && (this.panic.whole || this.gone || expired)) throw new PlanError(this.panic.words)
        const found = this.panic ? undefined : find()
        if (found !== undefined) return found
        if (this.gone) throw new PlanError('hungup')
        if (expired) throw new PlanError(late())
        await new Promise<void>(resolve => this.waiting.push(resolve))
      }
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', wake)
    }
  }

  /** Where the first of the steps that have come is. */
  private which(steps: readonly Step[]): { step: Step; end: number } | undefined {
    let first: { step: Step; start: number; end: number } | undefined
    for (const step of steps) {
      let start: number
      let length: number
      if (typeof step.expect === 'string') {
        start = this.unread.indexOf(step.expect)
        length = step.expect.length
      } else {
        const m = step.expect.exec(this.unread)
        start = m ? m.index : -1
        length = m ? m[0].length : 0
      }
      if (start >= 0 && (!first || start < first.start)) first = { step, start, end: this.at + start + length }
    }
    return first
  }

  /** @throws PlanError what did not come and what came instead, a panic's words, hungup, Eintr */
  async run(steps: readonly Step[], signal?: AbortSignal): Promise<void> {
    for (let i = 0; i < steps.length; i++) {
      let n = i
      while (n < steps.length - 1 && steps[n]!.optional) n++
      const group = steps.slice(i, n + 1)
      const goal = group.at(-1)!
      const times = new Map<Step, number>()
      for (;;) {
        const { step, end } = await this.until(
          () => this.which(group),
          goal.within,
          () => `${goal.otherwise}: no ${wanted(goal)} in ${goal.within / 1000} s; ${last(this.unread)}`,
          signal,
        )
        this.took(end)
        const k = (times.get(step) ?? 0) + 1
        times.set(step, k)
        if (k > TRIES) throw new PlanError(`${goal.otherwise}: ${wanted(step)} comes again and again`)
        if (step.send !== undefined) await this.type(step.send, signal)
        if (step === goal) break
      }
      i = n
    }
  }

  /** Types text, a piece at a time, each when the console has shown the one before. @throws PlanError */
  async type(text: string, signal?: AbortSignal): Promise<void> {
    for (const line of text.split(/(\n)/)) {
      if (line.length > MAXLINE) throw new PlanError(`line too long for a console: ${line.slice(0, 40)}...`)
      // A line is ended when all of it is there: so nothing is done twice, and nothing that was cut.
      if (line !== '') await this.piecemeal(line, signal)
    }
  }

  private async piecemeal(line: string, signal?: AbortSignal): Promise<void> {
    for (let i = 1; ; i++) {
      try {
        this.took(this.text.length)
        for (const piece of pieces(line)) await this.typed(piece, signal)
        return
      } catch (e) {
        if (!(e instanceof PlanError) || e.message !== Lost) throw e
        if (i === TRIES)
          throw new PlanError(`the console does not take what is typed: ${line.trim()}; ${last(this.unread)}`)
      }
      // It is begun anew: ^U.
      if (line !== '\n') await this.line.write(Uint8Array.of(0x15))
    }
  }

  private async typed(piece: string, signal?: AbortSignal): Promise<void> {
    if (this.gone) throw new PlanError('hungup')
    await this.line.write(new TextEncoder().encode(piece))
    if (this.o.echo === false) return
    const end = await this.until(
      () => echoed(this.unread, piece),
      this.o.patience ?? PATIENCE,
      () => Lost,
      signal,
    )
    this.took(this.at + end)
  }

  /** Waits for a prompt; `wake` types a line's end first, for a shell that has said its prompt already. @throws PlanError */
  async prompt(within: number, wake = false, signal?: AbortSignal): Promise<void> {
    if (wake) await this.type('\n', signal)
    await this.run([{ expect: this.o.prompt, within, otherwise: 'the shell does not answer' }], signal)
  }

  /** Types a command at the prompt; gives what it printed, and its status. @throws PlanError */
  async status(command: string, within: number, signal?: AbortSignal): Promise<Result> {
    const n = ++this.commands
    // Typed, the mark is not as it is printed.
    const mark =
      this.o.shell === 'sh' ? `{ ${command}; }; echo "9ml:"${n} $?.` : `{${command}}; echo 9ml:^${n} $"status^.`
    const done = new RegExp(`9ml:${n} (.*)\\.\n`)
    await this.type(`${mark}\n`, signal)
    const shown = await this.until(
      () => {
        const m = done.exec(this.unread)
        return m ? { status: m[1]!, start: this.at + m.index, end: this.at + m.index + m[0].length } : undefined
      },
      within,
      () => `${command}: not done in ${within / 1000} s; ${last(this.unread)}`,
      signal,
    )
    const text = this.text.slice(this.at, shown.start)
    this.took(shown.end)
    await this.prompt(this.o.patience ?? PATIENCE, false, signal)
    return { text, status: this.o.shell === 'sh' && shown.status === '0' ? '' : shown.status }
  }

  /** What a command printed. @throws PlanError its status, where it has failed, and the last that it said */
  async command(text: string, within: number, signal?: AbortSignal): Promise<string> {
    const r = await this.status(text, within, signal)
    if (r.status === '') return r.text
    throw new PlanError(`${text}: ${r.status}${r.text.trim() === '' ? '' : `; ${last(r.text)}`}`)
  }

  /** Commands in turn; gives what each printed. @throws PlanError */
  async perform(commands: readonly Command[], signal?: AbortSignal): Promise<string[]> {
    const texts: string[] = []
    for (const c of commands) {
      this.tell(c.say)
      try {
        const text = await this.command(c.run, c.within, signal)
        if (c.shows && !c.shows.test(text)) throw new PlanError(`${c.run}: no ${c.shows.source}; ${last(text)}`)
        texts.push(text)
      } catch (e) {
        if (!c.optional || !(e instanceof PlanError) || e.message === Eintr || e.message === 'hungup') throw e
        this.tell(`${c.say}: ${e.message}`)
        texts.push('')
      }
    }
    return texts
  }
}

const Lost = 'characters lost'

const wanted = (s: Step) => (typeof s.expect === 'string' ? `"${s.expect.trim()}"` : s.expect.source.trim())

/** A line in parts of so many bytes at most as the serial line takes. */
function pieces(line: string): string[] {
  const out = ['']
  let n = 0
  for (const c of line) {
    const size = new TextEncoder().encode(c).length
    if (n + size > BURST) {
      out.push('')
      n = 0
    }
    out[out.length - 1] += c
    n += size
  }
  return out
}

/** Where in `text` the characters of `piece` have all been shown; others may print in between. */
function echoed(text: string, piece: string): number | undefined {
  let i = 0
  for (const c of piece) {
    const k = text.indexOf(c, i)
    if (k < 0) return undefined
    i = k + c.length
  }
  return i
}
