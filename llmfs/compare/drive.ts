import { concat } from '../../plan9/9p/bit.ts'
import { OREAD, OTRUNC, OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import { tokenize } from '../../plan9/libc/quote.ts'
import { type Delta, delta, differ, type Run, type Settings, type Side, type Token, wholeLines } from './record.ts'

/** Running one prompt in several llmfs trees, by file operations alone. */

export interface File {
  /** What comes next; nothing at the end. */
  read(): Promise<Uint8Array>
  write(text: string): Promise<void>
  close(): Promise<void>
}

/** How files are opened here. */
export type Open = (path: string, mode: number) => Promise<File>

export interface Watch {
  /** Tokens have come. */
  tokens?(side: Side, n: number, tokens: Token[]): void
  /** Logits have been compared. */
  logits?(pos: number, deltas: Delta[]): void
  /** Has every side stop; what there is then is what is compared. */
  signal?: AbortSignal
}

async function whole(f: File): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (;;) {
    const b = await f.read()
    if (b.length === 0) return concat(parts)
    parts.push(b)
  }
}

/** A session of a tree's. Its methods throw PlanError, with the tree's name before what it said. */
export class Session {
  readonly tree: string
  private readonly open: Open
  private n = ''

  private constructor(open: Open, tree: string) {
    this.open = open
    this.tree = tree
  }

  static async clone(open: Open, tree: string): Promise<Session> {
    const s = new Session(open, tree)
    s.n = await s.text('clone')
    return s
  }

  private async using<T>(name: string, mode: number, f: (file: File) => Promise<T>): Promise<T> {
    try {
      const file = await this.open(`${this.tree}/${name}`, mode)
      try {
        return await f(file)
      } finally {
        await file.close()
      }
    } catch (e) {
      if (e instanceof PlanError && !e.message.startsWith(this.tree)) throw new PlanError(`${this.tree}: ${e.message}`)
      throw e
    }
  }

  private async text(name: string): Promise<string> {
    return new TextDecoder().decode(await this.using(name, OREAD, whole)).trim()
  }

  ctl(...messages: string[]): Promise<void> {
    return this.using(`${this.n}/ctl`, OWRITE, f => f.write(messages.map(m => `${m}\n`).join('')))
  }

  /** Begins a generation of so many steps. */
  async generate({ prompt, temp, topp, seed }: Settings, steps: number): Promise<void> {
    await this.ctl(`temp ${temp}`, `topp ${topp}`, `seed ${seed}`, `steps ${steps}`)
    // One newline at the end is taken off there.
    await this.using(`${this.n}/prompt`, OWRITE | OTRUNC, f => f.write(`${prompt}\n`))
    await this.ctl('generate')
  }

  /** The tokens as they come, to the end of the generation. */
  tokens(each: (tokens: Token[]) => void): Promise<void> {
    const begun = performance.now()
    const decoder = new TextDecoder()
    let text = ''
    return this.using(`${this.n}/tokens`, OREAD, async f => {
      for (;;) {
        const b = await f.read()
        if (b.length === 0) break
        const { lines, rest } = wholeLines(text + decoder.decode(b, { stream: true }))
        text = rest
        const at = performance.now() - begun
        each(
          lines.map(line => {
            const [pos, id, logprob, text] = tokenize(line)
            return { pos: Number(pos), id: Number(id), logprob: Number(logprob), text: text ?? '', at }
          }),
        )
      }
      const [, why] = /^error (.*)/.exec(await this.text(`${this.n}/status`)) ?? []
      if (why !== undefined) throw new PlanError(why)
    })
  }

  /** Of the last pass, (vocab_size,), once the generation has ended. */
  async logits(): Promise<Float32Array> {
    await this.using(`${this.n}/output`, OREAD, whole)
    const b = await this.using(`${this.n}/logits`, OREAD, whole)
    return new Float32Array(b.slice().buffer, 0, b.length >> 2)
  }

  /** As its status says; undefined: too few tokens to say. */
  async rate(): Promise<number | undefined> {
    const [, rate] = /^done ([\d.]+) tok\/s/.exec(await this.text(`${this.n}/status`)) ?? []
    return rate === undefined ? undefined : Number(rate)
  }

  async close(): Promise<void> {
    await this.ctl('close')
  }
}

/** Sessions in every tree, or in none. */
async function clones(open: Open, trees: readonly string[]): Promise<Session[]> {
  const made = await Promise.allSettled(trees.map(tree => Session.clone(open, tree)))
  const failed = made.find(m => m.status === 'rejected')
  const sessions = made.flatMap(m => (m.status === 'fulfilled' ? [m.value] : []))
  if (!failed) return sessions
  await closeAll(sessions)
  throw failed.reason
}

const closeAll = (sessions: readonly Session[]) => Promise.allSettled(sessions.map(s => s.close()))

/** The first that fails is what is told, once all have ended. */
async function every<T>(what: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(what)
  return Promise.all(what)
}

const deltasOf = ([first, ...others]: Float32Array[]) => others.map(l => delta(first!, l))

/** What the sides' logits were for the tokens at some positions: each is computed anew, up to there. */
export class Probe {
  private readonly sessions: Session[]
  private readonly settings: Settings

  private constructor(sessions: Session[], settings: Settings) {
    this.sessions = sessions
    this.settings = settings
  }

  /** @throws PlanError */
  static async open(open: Open, trees: readonly string[], settings: Settings): Promise<Probe> {
    return new Probe(await clones(open, trees), settings)
  }

  /** Of each side, (vocab_size,), for the token at `pos`, 1 or more. @throws PlanError */
  async at(pos: number): Promise<Float32Array[]> {
    return every(
      this.sessions.map(async s => {
        await s.generate(this.settings, pos)
        return s.logits()
      }),
    )
  }

  async close(): Promise<void> {
    await closeAll(this.sessions)
  }
}

/**
 * Runs the prompt everywhere at once, and compares the logits of the last position, or of the first that differs; with `all`,
 * those of every position up to there, which takes as many runs.
 *
 * @throws PlanError of a side that fails
 */
export async function compare(
  open: Open,
  trees: readonly string[],
  settings: Settings,
  all = false,
  watch: Watch = {},
): Promise<Run> {
  const { signal } = watch
  const run: Run = { settings, sides: trees.map(tree => ({ tree, tokens: [] })), deltas: new Map() }
  const sessions = await clones(open, trees)
  const stop = () => void Promise.allSettled(sessions.map(s => s.ctl('stop')))
  signal?.addEventListener('abort', stop)
  const put = (pos: number, logits: Float32Array[]) => {
    const deltas = deltasOf(logits)
    run.deltas.set(pos, deltas)
    watch.logits?.(pos, deltas)
  }
  try {
    await every(
      sessions.map(async (s, n) => {
        const side = run.sides[n]!
        try {
          await s.generate(settings, settings.steps)
          await s.tokens(tokens => {
            side.tokens.push(...tokens)
            watch.tokens?.(side, n, tokens)
          })
        } catch (e) {
          stop()
          throw e
        }
        const rate = await s.rate()
        if (rate !== undefined) side.rate = rate
      }),
    )
    if (signal?.aborted) {
      // Where each of them was stopped says nothing.
      const least = Math.min(...run.sides.map(s => s.tokens.length))
      for (const side of run.sides) side.tokens.length = least
      return run
    }
    const at = differ(run)
    const made = run.sides[0]!.tokens.length
    // One that has ended by itself has had a pass more: that which gave the end.
    const last = at === undefined ? (settings.steps > 0 ? Math.min(made + 1, settings.steps) : made + 1) : at + 1
    if (at === undefined) put(last, await every(sessions.map(s => s.logits())))
    if (!all && at === undefined) return run
    const probe = await Probe.open(open, trees, settings)
    try {
      for (let pos = all ? 1 : last; pos <= last && !signal?.aborted; pos++)
        if (!run.deltas.has(pos)) put(pos, await probe.at(pos))
    } finally {
      await probe.close()
    }
    run.deltas = new Map([...run.deltas].sort(([a], [b]) => a - b))
    return run
  } finally {
    signal?.removeEventListener('abort', stop)
    await closeAll(sessions)
  }
}
