import { type Checkpoint, type CheckpointSource, readRows, type Tensor, type TensorName } from './checkpoint.ts'
import { CheckpointError, head_size, kv_dim } from './config.ts'
import { type Engine, quantName, type State } from './engine.ts'
import { forward, type Matrix, RunState, type TransformerWeights } from './forward.ts'
import { ropeTable } from './math.ts'
import { argmax, draw } from './sampler.ts'

class ReferenceState extends RunState implements State {
  readonly engine: object

  constructor(engine: Engine) {
    super(engine.config)
    this.engine = engine
  }
}

/** Reads a tensor as it stands in the file. */
async function readTensor(src: CheckpointSource, t: Tensor, group_size: number): Promise<Matrix> {
  const { d, n, offset } = t
  const floats = async (offset: number, count: number) => {
    const out = new Float32Array(count)
    const bytes = new Uint8Array(out.buffer)
    await readRows(src, { offset, d: count, n: 1, width: 4, rows: 1 }, (piece, row) => bytes.set(piece, 4 * row))
    return out
  }
  if (t.type === 'f32') return floats(offset, d * n)
  const q = new Int8Array(d * n)
  const bytes = new Uint8Array(q.buffer)
  await readRows(src, { offset, d, n, width: 1, rows: 1 }, (piece, row) => bytes.set(piece, row * n))
  return { q, s: await floats(offset + d * n, (d * n) / group_size) }
}

/** The engine that is forward.ts: slow, and right. */
export async function loadReference(src: CheckpointSource, ckpt: Checkpoint): Promise<Engine> {
  const { config, group_size } = ckpt
  const all: Record<TensorName, Matrix[]> = {
    token_embedding_table: [],
    rms_att_weight: [],
    rms_ffn_weight: [],
    wq: [],
    wk: [],
    wv: [],
    wo: [],
    w1: [],
    w2: [],
    w3: [],
    rms_final_weight: [],
    wcls: [],
  }
  try {
    for (const t of ckpt.tensors) all[t.name].push(await readTensor(src, t, group_size))
  } catch (e) {
    if (e instanceof RangeError) throw new CheckpointError(`no memory for ${ckpt.bytes} bytes of model`)
    throw e
  }
  const vectors = (name: TensorName) => all[name].filter(m => m instanceof Float32Array)
  const w: TransformerWeights = {
    ...all,
    token_embedding_table: all.token_embedding_table[0]!,
    rms_att_weight: vectors('rms_att_weight'),
    rms_ffn_weight: vectors('rms_ffn_weight'),
    rms_final_weight: vectors('rms_final_weight')[0]!,
    wcls: all.wcls[0] ?? all.token_embedding_table[0]!,
  }
  const rope = ropeTable(config.seq_len, head_size(config), config.rope_theta)
  const engine: Engine = {
    config,
    params: ckpt.params,
    quant: quantName(ckpt),
    bytes: ckpt.bytes,
    threads: 1,
    helpers: () => 0,
    screens: false,
    memory: sessions => 4 * ckpt.params + 8 * config.n_layers * config.seq_len * kv_dim(config) * sessions,
    newState: () => new ReferenceState(engine),
    free() {},
    batch: 16,
    forwardAll: passes =>
      passes.map(({ state, token, pos, want }) => {
        const logits = engine.forward(state, token, pos, want !== 'nothing')
        return want === 'logits' ? logits.slice() : want === 'greatest' ? argmax(logits) : undefined
      }),
    draw,
    close() {},
    forward(state, token, pos, wantLogits = true) {
      if (!(state instanceof ReferenceState) || state.engine !== engine) throw new Error('state of another engine')
      forward(config, w, state, rope, group_size, token, pos, wantLogits)
      return state.logits
    },
  }
  return engine
}
