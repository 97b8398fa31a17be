import { OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { argv0 } from '../../plan9/libc/arg.ts'
import { write } from '../../plan9/libc/bio.ts'
import type { CheckpointSource } from '../engine/checkpoint.ts'
import { CheckpointError } from '../engine/config.ts'
import { readCheckpoint } from '../engine/formats.ts'
import { quantizeCheckpoint } from '../engine/quantize.ts'
import { processFiles } from './file.ts'

/** Runs `f` on a checkpoint file. @throws PlanError that names it */
async function using<T>(sys: Sys, name: string, f: (src: CheckpointSource) => Promise<T>): Promise<T> {
  try {
    const file = await processFiles(sys).open(name)
    try {
      return await f(file)
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
  const c = ckpt.config
  const quant = ckpt.version === 2 ? `q80 ${ckpt.group_size}` : 'f32'
  const classifier = ckpt.shared_classifier ? 'shared' : 'own'
  await write(
    sys,
    1,
    `version ${ckpt.version}\ndim ${c.dim}\nhidden_dim ${c.hidden_dim}\nn_layers ${c.n_layers}\nn_heads ${c.n_heads}\n` +
      `n_kv_heads ${c.n_kv_heads}\nvocab_size ${c.vocab_size}\nseq_len ${c.seq_len}\nclassifier ${classifier}\n` +
      `params ${ckpt.params}\nquant ${quant}\nbytes ${ckpt.bytes}\n`,
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

async function quantize(sys: Sys, from: string, to: string): Promise<void> {
  // Before the output is made, so that an input that is none leaves no trace.
  await using(sys, from, readCheckpoint)
  if (await same(sys, from, to)) throw new PlanError(`${to}: is the input`)
  const out = await sys.create(to, OWRITE, 0o666)
  let done = false
  try {
    await using(sys, from, src => quantizeCheckpoint(src, piece => write(sys, out, piece)))
    done = true
  } finally {
    await sys.close(out)
    if (!done) await sys.remove(to)
  }
}

/** export(1). */
const exporter: Program = async (sys, argv) => {
  const [, verb, ...args] = argv
  try {
    if (verb === 'info' && args.length === 1) await info(sys, args[0]!)
    else if (verb === 'quantize' && args.length === 2) await quantize(sys, args[0]!, args[1]!)
    else {
      const name = argv0(argv)
      await sys.write(2, `usage: ${name} info model\n       ${name} quantize in.bin out.bin\n`)
      return 'usage'
    }
    return ''
  } catch (e) {
    if (!(e instanceof PlanError || e instanceof CheckpointError)) throw e
    await sys.write(2, `${argv0(argv)}: ${e.message}\n`)
    return e.message
  }
}
export default exporter
