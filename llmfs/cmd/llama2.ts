import { Eintr, PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { orNote } from '../../plan9/libc/abort.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { Bin } from '../../plan9/libc/bio.ts'
import { isurl } from '../../plan9/libc/http.ts'
import { Progress, report } from '../../plan9/libc/progress.ts'
import { parseThreads } from '../ctl.ts'
import { Link } from '../host.ts'
import type { GenerateParams, ModelInfo } from '../worker.ts'
import { processFiles, readwhole } from './file.ts'

const utf8 = new TextEncoder()
const text = new TextDecoder()

interface Options {
  checkpoint: string
  /** `-` is the model's own; undefined too, where it has one, and else tokenizer.bin. */
  tokenizer: string | undefined
  temp: number
  topp: number
  seed: bigint
  steps: number
  prompt: string | undefined
  mode: string
  system: string | undefined
  simd: boolean
  fast: boolean
  shortcuts: boolean
  threads?: number
  /** Whether to tell how far the loading has come. */
  verbose: boolean
}

/** C's atof: the number at the front, 0 when there is none. */
function atof(s: string): number {
  const m = /^\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf(inity)?|nan)/i.exec(s)
  if (!m) return 0
  const word = m[0].trim().toLowerCase()
  if (word.endsWith('nan')) return Number.NaN
  if (word.includes('inf')) return word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Math.fround(Number(word))
}

/** C's atoi as glibc has it: a long, cut to an int. */
function atoi(s: string): bigint {
  const m = /^\s*([+-]?\d+)/.exec(s)
  if (!m) return 0n
  const long = BigInt(m[1]!)
  const max = (1n << 63n) - 1n
  return BigInt.asIntN(32, long > max ? max : long < -max - 1n ? -max - 1n : long)
}

function usage(name: string): string {
  return `Usage:   ${name} <checkpoint> [options]
Example: ${name} model.bin -n 256 -i "Once upon a time"
Options:
  -t <float>  temperature in [0,inf], default 1.0
  -p <float>  p value in top-p (nucleus) sampling in [0,1] default 0.9
  -s <int>    random seed, default time(NULL)
  -n <int>    number of steps to run for, default 256. 0 = max_seq_len
  -i <string> input prompt
  -z <string> optional path to custom tokenizer
  -m <string> mode: generate|chat, default: generate
  -y <string> (optional) system prompt in chat mode
  -v          report the progress of loading
  --no-simd   compute without SIMD
  --fast      give up equal bits for speed, where the machine can
  --no-shortcuts  do without screening and speculation
  -j <int>, --threads <int>  number of threads
`
}

/** The flags without a value. */
const switches = new Map<string, Partial<Options>>([
  ['-v', { verbose: true }],
  ['--no-simd', { simd: false }],
  ['--fast', { fast: true }],
  ['--no-shortcuts', { shortcuts: false }],
])

/** llama2.c's command line, clamped as it clamps; undefined is a usage error. */
function parse(argv: string[]): Options | undefined {
  const checkpoint = argv[1]
  if (checkpoint === undefined) return undefined
  const o: Options = {
    checkpoint,
    tokenizer: undefined,
    temp: 1,
    topp: 0.9,
    seed: 0n,
    steps: 256,
    prompt: undefined,
    mode: 'generate',
    system: undefined,
    simd: true,
    fast: false,
    shortcuts: true,
    verbose: false,
  }
  for (let i = 2; i < argv.length; i++) {
    const flag = argv[i]!
    const set = switches.get(flag)
    if (set) {
      Object.assign(o, set)
      continue
    }
    const value = argv[++i]
    if (value === undefined) return undefined
    switch (flag) {
      case '-t':
        o.temp = atof(value)
        break
      case '-p':
        o.topp = atof(value)
        break
      case '-s':
        o.seed = BigInt.asUintN(64, atoi(value))
        break
      case '-n':
        o.steps = Number(atoi(value))
        break
      case '-i':
        o.prompt = value
        break
      case '-z':
        o.tokenizer = value
        break
      case '-m':
        o.mode = value
        break
      case '-y':
        o.system = value
        break
      case '-j':
      case '--threads':
        try {
          o.threads = parseThreads(value)
        } catch {
          return undefined
        }
        break
      default:
        return undefined
    }
  }
  if (o.seed === 0n) o.seed = BigInt(Math.floor((performance.timeOrigin + performance.now()) / 1000))
  if (!(o.temp >= 0)) o.temp = 0
  if (!(o.topp >= 0 && o.topp <= 1)) o.topp = 0.9
  if (o.steps < 0) o.steps = 0
  return o
}

/** What a generation's sink leaves for the program's own loop. */
class Inbox {
  texts: string[] = []
  turn = false
  ended: { pos: number; rate: number; error: string | undefined } | undefined
  #wake: (() => void) | undefined

  notify(): void {
    this.#wake?.()
  }

  get empty(): boolean {
    return this.texts.length === 0 && !this.turn && !this.ended
  }

  /** Waits until there is something. Ends by a note the way a system call does. */
  async wait(sys: Sys): Promise<void> {
    while (this.empty) {
      const some = new Promise<void>(resolve => {
        this.#wake = resolve
      })
      await orNote(sys, some)
    }
  }
}

async function load(sys: Sys, link: Link, o: Options, quantized: boolean): Promise<ModelInfo> {
  const file = await processFiles(sys)
    .open(o.checkpoint)
    .catch(e =>
      fail(e, msg => (isurl(o.checkpoint) ? `${o.checkpoint}: ${msg}` : `Couldn't open file ${o.checkpoint}`)),
    )
  let info: ModelInfo
  try {
    const progress = new Progress()
    const loading = link.load(file, { simd: o.simd, fast: o.fast, threads: o.threads, progress })
    info = await orNote(sys, o.verbose ? report(sys, progress, loading) : loading).catch(e =>
      fail(e, msg => `${o.checkpoint}: ${msg}`),
    )
  } finally {
    await file.close()
  }
  if (quantized && info.quant === 'f32') throw new PlanError(`${o.checkpoint}: not a Q8_0 checkpoint: use run`)
  if (!quantized && info.quant !== 'f32') throw new PlanError(`${o.checkpoint}: a Q8_0 checkpoint: use runq`)
  const tokenizer = o.tokenizer ?? (info.tokenizer ? '-' : 'tokenizer.bin')
  const own = tokenizer === '-'
  const vocab = own
    ? undefined
    : await readwhole(sys, tokenizer).catch(e => fail(e, () => `couldn't load ${tokenizer}`))
  await orNote(sys, link.use(vocab)).catch(e => fail(e, msg => `${own ? o.checkpoint : tokenizer}: ${msg}`))
  return info
}

function fail(e: unknown, say: (msg: string) => string): never {
  if (e instanceof PlanError && e.message !== Eintr) throw new PlanError(say(e.message))
  throw e
}

/** llama2.c's chat: its prompts and its templates. A line at the end of the input is undefined: the chat ends. */
class Chat {
  readonly #sys: Sys
  readonly #in: Bin
  readonly #o: Options
  #first = true

  constructor(sys: Sys, o: Options) {
    this.#sys = sys
    this.#in = new Bin(sys, 0)
    this.#o = o
  }

  async #line(guide: string): Promise<string | undefined> {
    await this.#sys.write(1, guide)
    const line = await this.#in.rdline()
    return line && text.decode(line).replace(/\n$/, '')
  }

  /** The next turn's prompt, rendered. */
  async turn(): Promise<Uint8Array | undefined> {
    let system = ''
    let user: string | undefined
    if (this.#first) {
      const given = this.#o.system ?? (await this.#line('Enter system prompt (optional): '))
      if (given === undefined) return undefined
      system = given
      user = this.#o.prompt
    }
    user ??= await this.#line('User: ')
    if (user === undefined) return undefined
    this.#first = false
    await this.#sys.write(1, 'Assistant: ')
    return utf8.encode(
      system === '' ? `[INST] ${user} [/INST]` : `[INST] <<SYS>>\n${system}\n<</SYS>>\n\n${user} [/INST]`,
    )
  }
}

async function generate(sys: Sys, link: Link, o: Options): Promise<void> {
  const chat = o.mode === 'chat' ? new Chat(sys, o) : undefined
  const prompt = chat ? await chat.turn() : utf8.encode(o.prompt ?? '')
  if (!prompt) {
    await sys.write(1, '\n')
    return
  }
  const inbox = new Inbox()
  const { temp, topp, seed, steps, shortcuts } = o
  const params: GenerateParams = {
    prompt,
    temp,
    topp,
    seed,
    steps,
    logprobs: false,
    chat: chat !== undefined,
    shortcuts,
  }
  const gen = await orNote(
    sys,
    link.generate(0, params, {
      tokens: (_pos, _ids, _logprobs, texts) => {
        inbox.texts.push(...texts)
        inbox.notify()
      },
      turn: () => {
        inbox.turn = true
        inbox.notify()
      },
      end: (pos, rate, error) => {
        inbox.ended = { pos, rate, error }
        inbox.notify()
      },
    }),
  )
  for (;;) {
    await inbox.wait(sys)
    const made = inbox.texts.splice(0).join('')
    if (made !== '') await sys.write(1, made)
    else if (inbox.turn) {
      inbox.turn = false
      const next = await chat!.turn()
      if (!next) break
      await link.say(gen, next)
    } else if (inbox.ended) break
  }
  await sys.write(1, '\n')
  const { ended } = inbox
  if (ended?.error !== undefined) throw new PlanError(ended.error)
  if (ended && !chat && ended.pos > 1) await sys.write(2, `achieved tok/s: ${ended.rate.toFixed(6)}\n`)
}

/** run(1) and runq(1): llama2.c's run.c and runq.c, on an engine thread of their own, so that nothing else stands still. */
export function llama2(quantized: boolean): Program {
  return async (sys, argv) => {
    const name = argv0(argv)
    const o = parse(argv)
    if (!o || (o.mode !== 'generate' && o.mode !== 'chat')) {
      if (o) await sys.write(2, `unknown mode: ${o.mode}\n`)
      await sys.write(2, usage(name))
      return 'usage'
    }
    const link = new Link()
    try {
      await load(sys, link, o, quantized)
      await generate(sys, link, o)
      return ''
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      await sys.write(2, `${e.message}\n`)
      return e.message
    } finally {
      link.terminate()
    }
  }
}
