/** The hyperparameters of the architecture, llama2.c's Config. */
export interface Config {
  /** Transformer dimension. */
  dim: number
  /** For the feed-forward layers. */
  hidden_dim: number
  n_layers: number
  /** Query heads. */
  n_heads: number
  /** Key and value heads; fewer than n_heads where several queries share one. */
  n_kv_heads: number
  vocab_size: number
  /** Positions at most. */
  seq_len: number
  /** The base of RoPE's frequencies; 10000 where absent. llama2.c's files cannot say it. */
  rope_theta?: number
  /** What rmsnorm adds to the mean of squares, a float32; 1e-5 where absent. llama2.c's files cannot say it. */
  norm_eps?: number
}

export const ROPE_THETA = 10000
export const NORM_EPS = Math.fround(1e-5)

/** What is wrong with a checkpoint or a tokenizer file: lower case and short, to stand after the file's name. */
export class CheckpointError extends Error {
  override name = 'CheckpointError'
}

export const head_size = (c: Config): number => c.dim / c.n_heads
export const kv_dim = (c: Config): number => (c.dim * c.n_kv_heads) / c.n_heads

const NAMES = ['dim', 'hidden_dim', 'n_layers', 'n_heads', 'n_kv_heads', 'vocab_size', 'seq_len'] as const

/** Above these no llama of today goes: what a file of something else has in its header does. */
const MOST: Record<(typeof NAMES)[number], number> = {
  dim: 1 << 17,
  hidden_dim: 1 << 19,
  n_layers: 1 << 10,
  n_heads: 1 << 12,
  n_kv_heads: 1 << 12,
  vocab_size: 1 << 21,
  seq_len: 1 << 21,
}

/** @throws CheckpointError a size that no model has, or sizes that do not go together */
export function checkConfig(c: Config): void {
  for (const name of NAMES)
    if (!(Number.isInteger(c[name]) && c[name] >= 1 && c[name] <= MOST[name]))
      throw new CheckpointError(`absurd sizes: ${name} ${c[name]}`)
  if (c.dim % c.n_heads !== 0) throw new CheckpointError(`absurd sizes: dim ${c.dim} in ${c.n_heads} heads`)
  if (head_size(c) % 2 !== 0) throw new CheckpointError(`absurd sizes: head size ${head_size(c)}`)
  if (c.n_heads % c.n_kv_heads !== 0)
    throw new CheckpointError(`absurd sizes: n_heads ${c.n_heads} over n_kv_heads ${c.n_kv_heads}`)
  const { rope_theta = ROPE_THETA, norm_eps = NORM_EPS } = c
  if (!(rope_theta >= 1 && rope_theta <= 1e12)) throw new CheckpointError(`absurd sizes: rope_theta ${rope_theta}`)
  if (!(norm_eps >= 0 && norm_eps <= 1)) throw new CheckpointError(`absurd sizes: norm_eps ${norm_eps}`)
}

/** The seven int32 of a header from `offset` on, as llama2.c's struct has them. */
export function readConfig(view: DataView, offset: number): Config {
  const at = (i: number) => view.getInt32(offset + 4 * i, true)
  return {
    dim: at(0),
    hidden_dim: at(1),
    n_layers: at(2),
    n_heads: at(3),
    n_kv_heads: at(4),
    vocab_size: at(5),
    seq_len: at(6),
  }
}

export function writeConfig(view: DataView, offset: number, c: Config): void {
  NAMES.forEach((name, i) => {
    view.setInt32(offset + 4 * i, c[name], true)
  })
}
