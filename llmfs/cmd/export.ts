import { OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, argv0 } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import { gfmt } from '../../plan9/libc/fmt.ts'
import type { Checkpoint, CheckpointSource } from '../engine/checkpoint.ts'
import { CheckpointError } from '../engine/config.ts'
import { checkTarget, convertCheckpoint, type Target, type Write } from '../engine/convert.ts'
import { quantName } from '../engine/engine.ts'
import { readCheckpoint } from '../engine/formats.ts'
import { quantizeCheckpoint, quantized } from '../engine/quantize.ts'
import { Tokenizer } from '../engine/tokenizer.ts'
import { processFiles, readwhole } from './file.ts'

/** Runs `f` on a checkpoint file. @throws PlanError that names it */
async function using<T>(sys: Sys, name: string, f: (src: CheckpointSource) => Promise<T>): Promise<T> {
  try {
    const file = await processFiles(sys).open(name)
    try {
      return await f({ size: file.size, read: (offset, count) => file.read(offset, count), beside: file.beside })
    } finally {
      await file.close()
    }
  } catch (e) {
    if (!(e instanceof PlanError || e instanceof CheckpointError)) throw e
    throw new PlanError(e.message.includes(name) ? e.message : `${name}: ${e.message}`)
  }
}

async function info(sys: Sys, name: string): Promise<void> {
  const ckpt = await using(sys, name, readCheckpoint)
  const { config: c, format } = ckpt
  const classifier = ckpt.shared_classifier ? 'shared' : 'own'
  // What llama2.c's files have no place for is the same in all of them.
  const more = format === 'llama2.c' ? '' : `rope_theta ${c.rope_theta}\nnorm_eps ${gfmt(c.norm_eps!)}\n`
  await write(
    sys,
    1,
    `format ${format}\n${format === 'safetensors' ? '' : `version ${ckpt.version}\n`}` +
      `dim ${c.dim}\nhidden_dim ${c.hidden_dim}\nn_layers ${c.n_layers}\nn_heads ${c.n_heads}\n` +
      `n_kv_heads ${c.n_kv_heads}\nvocab_size ${c.vocab_size}\nseq_len ${c.seq_len}\n${more}classifier ${classifier}\n` +
      `params ${ckpt.params}\nquant ${quantName(ckpt)}\nbytes ${ckpt.bytes}\n` +
      (ckpt.tokenizer ? 'tokenizer own\n' : ''),
  )
}

/** Whether two names are one file: the same server's, the same qid. */
async function same(sys: Sys, a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([sys.stat(a), sys.stat(b).catch(absent)])
  return y !== undefined && x.type === y.type && x.dev === y.dev && x.qid.path === y.qid.path
}

function absent(e: unknown): undefined {
  if (!(e instanceof PlanError)) throw e
}

/**
 * Makes the file `to` of the model `from` by `make`. What `check` finds wrong with the model leaves no trace; what goes wrong
 * later removes `to`.
 */
async function produce(
  sys: Sys,
  from: string,
  to: string,
  check: (ckpt: Checkpoint) => void,
  make: (src: CheckpointSource, write: Write) => Promise<unknown>,
): Promise<void> {
  await using(sys, from, async src => check(await readCheckpoint(src)))
  if (await same(sys, from, to)) throw new PlanError(`${to}: is the input`)
  const out = await sys.create(to, OWRITE, 0o666)
  let done = false
  try {
    await using(sys, from, src => make(src, piece => write(sys, out, piece)))
    done = true
  } finally {
    await sys.close(out)
    if (!done) await sys.remove(to)
  }
}

const TARGETS: readonly Target[] = ['0', '1', '2', 'gguf']

async function convert(sys: Sys, args: string[]): Promise<boolean> {
  const arg = new Arg(['convert', ...args])
  let format: string | undefined
  let tokenizer: string | undefined
  for (const c of arg) {
    const value = c === 'f' || c === 'z' ? arg.argf() : undefined
    if (value === undefined) return false
    if (c === 'f') format = value
    else tokenizer = value
  }
  const [from, to] = arg.argv
  if (from === undefined || to === undefined || arg.argv.length !== 2) return false
  const wanted = TARGETS.find(t => t === format)
  if (format !== undefined && !wanted) return false
  const vocab = tokenizer === undefined ? undefined : await readwhole(sys, tokenizer)
  let target: Target = '0'
  await produce(
    sys,
    from,
    to,
    ckpt => {
      target = wanted ?? (to.endsWith('.gguf') ? 'gguf' : ckpt.group_size > 0 ? '2' : '0')
      checkTarget(ckpt, target)
      if (vocab)
        try {
          new Tokenizer(vocab, ckpt.config.vocab_size)
        } catch (e) {
          throw e instanceof CheckpointError ? new PlanError(`${tokenizer}: ${e.message}`) : e
        }
    },
    (src, write) => convertCheckpoint(src, target, write, vocab),
  )
  return true
}

/** A model's own tokenizer. @throws CheckpointError it has none, or one of a kind that is not supported */
function tokenizerOf(ckpt: Checkpoint): Uint8Array {
  if (!ckpt.tokenizer) throw new CheckpointError('no tokenizer in it')
  return ckpt.tokenizer()
}

/** export(1). */
const exporter: Program = async (sys, argv) => {
  const [, verb, ...args] = argv
  const [from, to] = args
  const two = from !== undefined && to !== undefined && args.length === 2
  try {
    let known = true
    if (verb === 'info' && from !== undefined && args.length === 1) await info(sys, from)
    else if (verb === 'quantize' && two) await produce(sys, from, to, quantized, quantizeCheckpoint)
    else if (verb === 'tokenizer' && two)
      await produce(sys, from, to, tokenizerOf, async (src, write) => write(tokenizerOf(await readCheckpoint(src))))
    else known = verb === 'convert' && (await convert(sys, args))
    if (known) return ''
    const name = argv0(argv)
    await sys.write(
      2,
      `usage: ${name} info model\n       ${name} quantize in out\n` +
        `       ${name} convert [-f 0|1|2|gguf] [-z tokenizer] in out\n       ${name} tokenizer in out\n`,
    )
    return 'usage'
  } catch (e) {
    if (!(e instanceof PlanError || e instanceof CheckpointError)) throw e
    await sys.write(2, `${argv0(argv)}: ${e.message}\n`)
    return e.message
  }
}
export default exporter
