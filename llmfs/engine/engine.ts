import type { Checkpoint, CheckpointSource } from './checkpoint.ts'
import { CheckpointError, type Config, NORM_EPS } from './config.ts'
import { readCheckpoint } from './formats.ts'
import { loadReference } from './reference.ts'
import { loadSimd } from './simd.ts'

/** A session's memory: the KV cache. Made and freed by its engine; the contents are the engine's. */
export interface State {
  readonly engine: object
}

/** One forward pass of a batch. */
export interface Pass {
  state: State
  token: number
  pos: number
  wantLogits: boolean
}

/** A model that is loaded. One thread; the calls are synchronous. */
export interface Engine {
  readonly config: Config
  readonly params: number
  /** `f32`, or `q80 G` with the group size. */
  readonly quant: string
  /** The checkpoint file's. */
  readonly bytes: number
  /** @throws CheckpointError no memory is left for another */
  newState(): State
  free(state: State): void
  /**
   * One forward pass: `token` at position `pos`, the positions before it done in order. The result, (vocab_size,), is a view
   * that lasts until the next pass of any state, and may be written to. With `wantLogits` false the classifier is not run,
   * and what the view holds is undefined.
   */
  forward(state: State, token: number, pos: number, wantLogits?: boolean): Float32Array
  /** Passes that `forwardAll` takes at once, at most. */
  readonly batch: number
  /**
   * Several passes together, so that the weights are read once: of several states, or of one at consecutive positions, in
   * their order. Each gives the bits that it gives alone. The result has the logits of those that wanted them, views as
   * `forward`'s; undefined for the others.
   */
  forwardAll(passes: readonly Pass[]): (Float32Array | undefined)[]
}

/** How an implementation loads a checkpoint whose header has been read. */
export type Loader = (src: CheckpointSource, ckpt: Checkpoint) => Promise<Engine>

export const quantName = (ckpt: Checkpoint): string => (ckpt.group_size > 0 ? `q80 ${ckpt.group_size}` : 'f32')

/**
 * Loads a model of any format that formats.ts knows: on WebAssembly SIMD, or as the readable reference. Both give the same
 * bits.
 *
 * @throws CheckpointError what is wrong with the file, or that it does not fit into memory
 */
export async function loadEngine(src: CheckpointSource, opts: { simd: boolean }): Promise<Engine> {
  return loadCheckpoint(src, await readCheckpoint(src), opts)
}

/** Loads a model whose header has been read. @throws CheckpointError */
export async function loadCheckpoint(
  src: CheckpointSource,
  ckpt: Checkpoint,
  opts: { simd: boolean },
): Promise<Engine> {
  const from = ckpt.source ?? src
  if (!opts.simd) return loadReference(from, ckpt)
  const { norm_eps = NORM_EPS } = ckpt.config
  if (Math.fround(norm_eps) !== NORM_EPS) throw new CheckpointError(`norm_eps ${norm_eps} is not supported with SIMD`)
  if (ckpt.weights > 0xffff0000) throw new CheckpointError(`${ckpt.weights} bytes do not fit into 4 GB of memory`)
  return loadSimd(from, ckpt)
}
