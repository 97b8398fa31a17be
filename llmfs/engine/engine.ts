import type { Checkpoint, CheckpointSource } from './checkpoint.ts'
import type { Config } from './config.ts'
import { readCheckpoint } from './formats.ts'
import { loadReference } from './reference.ts'
import type { draw } from './sampler.ts'
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
  /** Nothing; the logits; or only which token has the greatest, the first of equal ones, which may take much less. */
  want: 'nothing' | 'logits' | 'greatest'
}

/** What a pass gave: as it wanted, undefined, (vocab_size,) logits in a view as `forward`'s, or a token. */
export type Result = Float32Array | number | undefined

export interface EngineOptions {
  /** WebAssembly SIMD, or the readable reference. */
  simd: boolean
  /** As many threads, where there can be several; otherwise as many as there are cores and the model is worth. */
  threads?: number
  /** Gives up equal bits for speed, where there is relaxed SIMD. */
  fast?: boolean
  /** False: no memory is spent on finding the greatest logit quickly, and it is found the slow way. */
  screen?: boolean
  /** False: without relaxed SIMD also where that gives the same bits. For comparisons. */
  relaxed?: boolean
}

/** A model that is loaded. The calls are synchronous. */
export interface Engine {
  readonly config: Config
  readonly params: number
  /** `f32`, or `q80 G` with the group size. */
  readonly quant: string
  /** The checkpoint file's. */
  readonly bytes: number
  /** Threads that it computes on, if they get a core. */
  readonly threads: number
  /** Of these, the ones that have come to help so far. */
  helpers(): number
  /** Whether to want the greatest logit alone takes less than all. */
  readonly screens: boolean
  /** Bytes that it takes with so many sessions, about. */
  memory(sessions: number): number
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
   * their order. Each gives the bits that it gives alone.
   */
  forwardAll(passes: readonly Pass[]): Result[]
  /** sampler.ts's, of logits that the last passes gave. */
  draw: typeof draw
  /** Ends its threads; nothing else may be called any more. */
  close(): void
}

export const quantName = (ckpt: Checkpoint): string => (ckpt.group_size > 0 ? `q80 ${ckpt.group_size}` : 'f32')

/**
 * Loads a model of any format that formats.ts knows: on WebAssembly SIMD, or as the readable reference. Both give the same
 * bits.
 *
 * @throws CheckpointError what is wrong with the file, or that it does not fit into memory
 */
export async function loadEngine(src: CheckpointSource, opts: EngineOptions): Promise<Engine> {
  return loadCheckpoint(src, await readCheckpoint(src), opts)
}

/** Loads a model whose header has been read. @throws CheckpointError */
export async function loadCheckpoint(src: CheckpointSource, ckpt: Checkpoint, opts: EngineOptions): Promise<Engine> {
  const from = ckpt.source ?? src
  if (!opts.simd) return loadReference(from, ckpt)
  return loadSimd(from, ckpt, opts)
}
