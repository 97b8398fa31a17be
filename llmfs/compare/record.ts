import { PlanError } from '../../plan9/error.ts'
import { quotestr, tokenize } from '../../plan9/libc/quote.ts'

/** What several llmfs trees made of one prompt, and what differs. As a file: a line for each fact, quoted as rc(1) has it. */

export interface Settings {
  prompt: string
  temp: number
  topp: number
  /** Not 0, which would be another for each side. */
  seed: bigint
  steps: number
}

export interface Token {
  /** 1 is that after BOS. */
  pos: number
  id: number
  /** Natural, of the model's own distribution; 0 for a token of the prompt. */
  logprob: number
  text: string
  /** Milliseconds from `generate` until it was read. */
  at: number
}

export interface Side {
  tree: string
  tokens: Token[]
  /** Tokens a second, as its status says. */
  rate?: number
}

/** The logits of a side beside the first side's. */
export interface Delta {
  /** Every bit. */
  same: boolean
  /** The largest |Δ|; NaN where there are different numbers of them. */
  max: number
}

export interface Run {
  settings: Settings
  sides: Side[]
  /** By the position of the token that the logits are for: of the second side and those after it. */
  deltas: Map<number, Delta[]>
}

const MAGIC = 'compare 1'

/** How two vectors of logits, (vocab_size,) each, differ. */
export function delta(a: Float32Array, b: Float32Array): Delta {
  if (a.length !== b.length) return { same: false, max: Number.NaN }
  const x = new Uint32Array(a.buffer, a.byteOffset, a.length)
  const y = new Uint32Array(b.buffer, b.byteOffset, b.length)
  let same = true
  let max = 0
  for (let i = 0; i < a.length; i++) {
    if (x[i] === y[i]) continue
    same = false
    const d = Math.abs(a[i]! - b[i]!)
    if (!(d <= max)) max = d
  }
  return { same, max }
}

/** Index of the first token that is not the same everywhere, or missing somewhere; undefined: there is none. */
export function differ({ sides }: Run): number | undefined {
  const most = Math.max(0, ...sides.map(s => s.tokens.length))
  for (let i = 0; i < most; i++) if (new Set(sides.map(s => s.tokens[i]?.id)).size > 1) return i
  return undefined
}

export interface Verdict {
  /** '' (all is the same), `tokens` or `logits`: what differs, as an exit status. */
  status: '' | 'tokens' | 'logits'
  lines: string[]
}

/** @param tolerance a |Δ| of logits that is no difference */
export function verdict(run: Run, tolerance = 0): Verdict {
  const at = differ(run)
  const lines: string[] = []
  if (at === undefined) lines.push(`tokens identical: ${run.sides[0]?.tokens.length ?? 0}`)
  else {
    const each = run.sides.map(({ tokens }) => {
      const t = tokens[at]
      return t ? `${t.id} ${quotestr(t.text)}` : 'end'
    })
    lines.push(`tokens differ at ${at + 1}: ${each.join(', ')}`)
  }
  let worst: { pos: number; max: number } | undefined
  let equal = true
  // From the first difference on the sides compute different things.
  const compared = [...run.deltas].filter(([pos]) => at === undefined || pos <= at + 1)
  for (const [pos, deltas] of compared)
    for (const { same, max } of deltas) {
      equal &&= same
      if (!same && (!worst || !(max <= worst.max))) worst = { pos, max }
    }
  const positions = `${compared.length} position${compared.length === 1 ? '' : 's'}`
  if (compared.length > 0 && equal) lines.push(`logits bit-identical: ${positions}`)
  else if (worst && Number.isNaN(worst.max)) lines.push('logits differ: vocabularies of different sizes')
  else if (worst) lines.push(`logits max |Δ| ${worst.max.toExponential(2)} at ${worst.pos}, of ${positions}`)
  const differs = worst !== undefined && !(worst.max <= tolerance)
  return { status: at !== undefined ? 'tokens' : differs ? 'logits' : '', lines }
}

/** A line of each position: the sides' tokens, and `*` where they differ. */
export function table({ sides }: Run): string {
  const most = Math.max(0, ...sides.map(s => s.tokens.length))
  let all = ''
  for (let i = 0; i < most; i++) {
    const cells = sides.map(({ tokens: { [i]: t } }) => (t ? `${t.id} ${t.logprob} ${quotestr(t.text)}` : 'end'))
    const mark = new Set(sides.map(s => s.tokens[i]?.id)).size > 1 ? '*' : ''
    all += `${i + 1}${mark}\t${cells.join('\t')}\n`
  }
  return all
}

/** A line of each side: how much it made, and how fast. */
export function speeds({ sides }: Run): string[] {
  return sides.map(
    ({ tree, tokens, rate }) => `${tree}: ${tokens.length} tokens${rate === undefined ? '' : `, ${rate} tok/s`}`,
  )
}

export function format(run: Run): string {
  const { prompt, temp, topp, seed, steps } = run.settings
  const lines = [MAGIC, `prompt ${quotestr(prompt)}`, `temp ${temp}`, `topp ${topp}`, `seed ${seed}`, `steps ${steps}`]
  run.sides.forEach(({ tree, rate, tokens }, n) => {
    lines.push(`side ${n} ${quotestr(tree)}${rate === undefined ? '' : ` ${rate}`}`)
    for (const t of tokens)
      lines.push(`token ${n} ${t.pos} ${t.id} ${t.logprob} ${t.at.toFixed(1)} ${quotestr(t.text)}`)
  })
  for (const [pos, deltas] of run.deltas)
    lines.push(`logits ${pos} ${deltas.map(d => (d.same ? 'same' : d.max)).join(' ')}`)
  return `${lines.join('\n')}\n`
}

/** Lines of which none ends within quotes, and what is left over. */
export function wholeLines(text: string): { lines: string[]; rest: string } {
  const lines: string[] = []
  let from = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "'") quoted = !quoted
    else if (text[i] === '\n' && !quoted) {
      lines.push(text.slice(from, i))
      from = i + 1
    }
  }
  return { lines, rest: text.slice(from) }
}

/** @throws PlanError it is none */
export function parse(text: string): Run {
  const { lines } = wholeLines(text)
  if (lines[0] !== MAGIC) throw new PlanError('not a comparison')
  const settings: Settings = { prompt: '', temp: 1, topp: 0.9, seed: 1n, steps: 0 }
  const run: Run = { settings, sides: [], deltas: new Map() }
  lines.slice(1).forEach((line, i) => {
    const [word, ...f] = tokenize(line)
    const bad = () => new PlanError(`bad comparison: line ${i + 2}: ${line}`)
    const number = (s: string | undefined) => {
      const n = Number(s === '' ? undefined : s)
      if (Number.isNaN(n) && s !== 'NaN') throw bad()
      return n
    }
    const side = (s: string | undefined) => {
      const found = run.sides[number(s)]
      if (!found) throw bad()
      return found
    }
    if (word === 'prompt') settings.prompt = f[0] ?? ''
    else if (word === 'temp' || word === 'topp' || word === 'steps') settings[word] = number(f[0])
    else if (word === 'seed') {
      if (!/^\d+$/.test(f[0] ?? '')) throw bad()
      settings.seed = BigInt(f[0]!)
    } else if (word === 'side') {
      if (number(f[0]) !== run.sides.length || f[1] === undefined) throw bad()
      run.sides.push({ tree: f[1], tokens: [], ...(f[2] !== undefined && { rate: number(f[2]) }) })
    } else if (word === 'token')
      side(f[0]).tokens.push({
        pos: number(f[1]),
        id: number(f[2]),
        logprob: number(f[3]),
        at: number(f[4]),
        text: f[5] ?? '',
      })
    else if (word === 'logits')
      run.deltas.set(
        number(f[0]),
        f.slice(1).map(s => (s === 'same' ? { same: true, max: 0 } : { same: false, max: number(s) })),
      )
    else throw bad()
  })
  return run
}
