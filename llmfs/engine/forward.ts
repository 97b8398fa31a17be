/**
 * The reference: run.c's and runq.c's forward passes as plain loops, every float operation a float32 in the order that
 * numerics.md fixes. The kernels are compared with it bit for bit; read this first.
 */

import { type Config, head_size, kv_dim, NORM_EPS } from './config.ts'
import { exp } from './math.ts'
import { softmax } from './sampler.ts'

const f = Math.fround

/** A matrix in Q8_0: groups of `group_size` along each row share a scale. */
export interface QuantizedTensor {
  /** (d, n), row-major. */
  q: Int8Array
  /** (d, n / group_size). */
  s: Float32Array
}

export type Matrix = Float32Array | QuantizedTensor

/** run.c's TransformerWeights; one entry a layer. Shapes in storage order. */
export interface TransformerWeights {
  /** (vocab_size, dim) */
  token_embedding_table: Matrix
  /** (dim,) */
  rms_att_weight: Float32Array[]
  rms_ffn_weight: Float32Array[]
  /** (dim, dim) */
  wq: Matrix[]
  /** (kv_dim, dim) */
  wk: Matrix[]
  wv: Matrix[]
  /** (dim, dim) */
  wo: Matrix[]
  /** (hidden_dim, dim) */
  w1: Matrix[]
  /** (dim, hidden_dim) */
  w2: Matrix[]
  /** (hidden_dim, dim) */
  w3: Matrix[]
  /** (dim,) */
  rms_final_weight: Float32Array
  /** (vocab_size, dim); token_embedding_table where it is shared. */
  wcls: Matrix
}

/** run.c's RunState. */
export class RunState {
  /** The activation, (dim,), and the same inside a residual branch. */
  readonly x: Float32Array
  readonly xb: Float32Array
  readonly xb2: Float32Array
  /** (hidden_dim,) */
  readonly hb: Float32Array
  readonly hb2: Float32Array
  /** (dim,) */
  readonly q: Float32Array
  /** (seq_len,), one head's scores. */
  readonly att: Float32Array
  /** (vocab_size,) */
  readonly logits: Float32Array
  /** (n_layers, seq_len, kv_dim) */
  readonly key_cache: Float32Array
  readonly value_cache: Float32Array

  constructor(c: Config) {
    this.x = new Float32Array(c.dim)
    this.xb = new Float32Array(c.dim)
    this.xb2 = new Float32Array(c.dim)
    this.hb = new Float32Array(c.hidden_dim)
    this.hb2 = new Float32Array(c.hidden_dim)
    this.q = new Float32Array(c.dim)
    this.att = new Float32Array(c.seq_len)
    this.logits = new Float32Array(c.vocab_size)
    this.key_cache = new Float32Array(c.n_layers * c.seq_len * kv_dim(c))
    this.value_cache = new Float32Array(c.n_layers * c.seq_len * kv_dim(c))
  }
}

/** o[j] = weight[j] * (x[j] / sqrt(mean of squares + eps)). o may be x. */
export function rmsnorm(o: Float32Array, x: Float32Array, weight: Float32Array, eps = NORM_EPS): void {
  const size = x.length
  let ss = 0
  for (let j = 0; j < size; j++) ss = f(ss + f(x[j]! * x[j]!))
  ss = f(ss / size)
  ss = f(ss + f(eps))
  ss = f(1 / f(Math.sqrt(ss)))
  for (let j = 0; j < size; j++) o[j] = weight[j]! * f(ss * x[j]!)
}

/** xout[i] = Σj w[i*n + j] * x[j], summed in the order of j. w is (d, n), x (n,), xout (d,) and not x. */
function matmulF32(xout: Float32Array, x: Float32Array, w: Float32Array): void {
  const n = x.length
  for (let i = 0; i < xout.length; i++) {
    let val = 0
    for (let j = 0, at = i * n; j < n; j++, at++) val = f(val + f(w[at]! * x[j]!))
    xout[i] = val
  }
}

/** Rounds half away from zero, as C's round does. */
export function round(v: number): number {
  return v < 0 ? -Math.floor(0.5 - v) : Math.floor(v + 0.5)
}

/**
 * runq.c's quantize: q = round(x / scale), scale = max |x| / 127 of each group. A group of zeros has scale and values 0. Beyond
 * 127 it is 127: that happens where the scale has hardly a bit left, and is undefined in C.
 */
export function quantize(x: Float32Array, group_size: number): QuantizedTensor {
  const q = new Int8Array(x.length)
  const s = new Float32Array(x.length / group_size)
  for (let g = 0; g < s.length; g++) {
    const start = g * group_size
    let wmax = 0
    for (let i = start; i < start + group_size; i++) wmax = Math.max(wmax, Math.abs(x[i]!))
    const scale = f(wmax / 127)
    s[g] = scale
    if (scale === 0) continue
    for (let i = start; i < start + group_size; i++) q[i] = Math.max(-127, Math.min(127, round(f(x[i]! / scale))))
  }
  return { q, s }
}

/** As matmulF32, of Q8_0: integer dot of each group, then ((float)ival) * w.s * x.s added in the order of the groups. */
function matmulQ80(xout: Float32Array, x: QuantizedTensor, w: QuantizedTensor, group_size: number): void {
  const n = x.q.length
  for (let i = 0; i < xout.length; i++) {
    let val = 0
    for (let g = 0; g < x.s.length; g++) {
      let ival = 0
      const start = g * group_size
      for (let k = start; k < start + group_size; k++) ival += x.q[k]! * w.q[i * n + k]!
      val = f(val + f(f(f(ival) * w.s[i * x.s.length + g]!) * x.s[g]!))
    }
    xout[i] = val
  }
}

/**
 * Logits of `token` at `pos`, into s.logits. Positions before it must have been done, in order; later ones in the caches are
 * overwritten as they come.
 *
 *   rope    (seq_len, head_size/2, 2), of math.ts
 *   group   Q8_0's group size; 0 for FP32 weights
 */
export function forward(
  c: Config,
  w: TransformerWeights,
  s: RunState,
  rope: Float32Array,
  group: number,
  token: number,
  pos: number,
  wantLogits = true,
): void {
  const { dim, hidden_dim, n_heads, seq_len } = c
  const kv = kv_dim(c)
  const kv_mul = n_heads / c.n_kv_heads
  const hs = head_size(c)
  const root = f(Math.sqrt(hs))

  /** The matrices of one group of matmuls by the same x, which is quantized once. */
  const matmul = (x: Float32Array, ...outs: [Float32Array, Matrix][]) => {
    const xq = group > 0 ? quantize(x, group) : undefined
    for (const [xout, m] of outs)
      if (m instanceof Float32Array) matmulF32(xout, x, m)
      else matmulQ80(xout, xq!, m, group)
  }

  embed(s.x, w.token_embedding_table, token, group)

  for (let l = 0; l < c.n_layers; l++) {
    const loff = l * seq_len * kv
    const k = s.key_cache.subarray(loff + pos * kv, loff + (pos + 1) * kv)
    const v = s.value_cache.subarray(loff + pos * kv, loff + (pos + 1) * kv)

    rmsnorm(s.xb, s.x, w.rms_att_weight[l]!, c.norm_eps)
    matmul(s.xb, [s.q, w.wq[l]!], [k, w.wk[l]!], [v, w.wv[l]!])
    rotate(s.q, rope, pos, hs)
    rotate(k, rope, pos, hs)

    s.xb.fill(0)
    for (let h = 0; h < n_heads; h++) {
      const q = h * hs
      const head = Math.floor(h / kv_mul) * hs
      for (let t = 0; t <= pos; t++) {
        const at = loff + t * kv + head
        let score = 0
        for (let i = 0; i < hs; i++) score = f(score + f(s.q[q + i]! * s.key_cache[at + i]!))
        s.att[t] = score / root
      }
      softmax(s.att, pos + 1)
      for (let t = 0; t <= pos; t++) {
        const at = loff + t * kv + head
        const a = s.att[t]!
        for (let i = 0; i < hs; i++) s.xb[q + i] = s.xb[q + i]! + f(a * s.value_cache[at + i]!)
      }
    }

    matmul(s.xb, [s.xb2, w.wo[l]!])
    for (let i = 0; i < dim; i++) s.x[i] = s.x[i]! + s.xb2[i]!

    rmsnorm(s.xb, s.x, w.rms_ffn_weight[l]!, c.norm_eps)
    matmul(s.xb, [s.hb, w.w1[l]!], [s.hb2, w.w3[l]!])
    for (let i = 0; i < hidden_dim; i++) {
      let val = s.hb[i]!
      val = f(val * f(1 / f(1 + f(exp(-val)))))
      s.hb[i] = val * s.hb2[i]!
    }
    matmul(s.hb, [s.xb, w.w2[l]!])
    for (let i = 0; i < dim; i++) s.x[i] = s.x[i]! + s.xb[i]!
  }

  if (!wantLogits) return
  rmsnorm(s.x, s.x, w.rms_final_weight, c.norm_eps)
  matmul(s.x, [s.logits, w.wcls])
}

/** x (dim,) becomes the token's row of the table. */
function embed(x: Float32Array, table: Matrix, token: number, group: number): void {
  const dim = x.length
  for (let i = 0, at = token * dim; i < dim; i++, at++)
    x[i] = table instanceof Float32Array ? table[at]! : table.q[at]! * table.s[Math.floor(at / group)]!
}

/** RoPE: rotates each pair of each head of `vec`, queries or keys, by the angle of its place at `pos`. */
export function rotate(vec: Float32Array, rope: Float32Array, pos: number, hs: number): void {
  const row = pos * hs
  for (let i = 0; i < vec.length; i += 2) {
    const fcr = rope[row + (i % hs)]!
    const fci = rope[row + (i % hs) + 1]!
    const v0 = vec[i]!
    const v1 = vec[i + 1]!
    vec[i] = f(v0 * fcr) - f(v1 * fci)
    vec[i + 1] = f(v0 * fci) + f(v1 * fcr)
  }
}
