import { type Checkpoint, type CheckpointSource, layout, readRows } from './checkpoint.ts'
import { CheckpointError, type Config } from './config.ts'
import { checkSayable, header } from './convert.ts'
import { readCheckpoint } from './formats.ts'

const f = Math.fround

/** 64, halved until it divides every row: llama2.c's export.py looks at dim alone, and its w2 then loses columns. */
export function groupSize(c: Config): number {
  let gs = 64
  while (c.dim % gs !== 0 || c.hidden_dim % gs !== 0) gs /= 2
  return gs
}

/** Rounds half to even, as export.py's torch.round does. */
function roundEven(v: number): number {
  const r = Math.round(v)
  return Math.abs(v - Math.trunc(v)) === 0.5 ? 2 * Math.round(v / 2) : r
}

/** What a quantized file consists of, before it is made. */
export function quantized(ckpt: Checkpoint): Checkpoint {
  checkSayable(ckpt.config)
  if (ckpt.group_size > 0) throw new CheckpointError('already quantized')
  return layout(ckpt.config, 2, ckpt.shared_classifier, groupSize(ckpt.config))
}

/**
 * Writes the version 2 (Q8_0) form of an FP32 checkpoint, by llama2.c's export.py: each group's scale is max |w| / 127, each
 * value w / scale rounded half to even. `write` gets the file's pieces in order. Returns what was written.
 *
 * A group of zeros has scale and values 0, where export.py divides by zero.
 *
 * @throws CheckpointError the input is no FP32 checkpoint
 */
export async function quantizeCheckpoint(
  src: CheckpointSource,
  write: (piece: Uint8Array) => Promise<void>,
): Promise<Checkpoint> {
  const ckpt = await readCheckpoint(src)
  const out = quantized(ckpt)
  const gs = out.group_size

  await write(header(out))
  for (const t of out.tensors) {
    const from = ckpt.tensors.find(o => o.name === t.name && o.layer === t.layer)!
    const q = new Int8Array(t.d * t.n)
    const s = new Float32Array(t.type === 'q80' ? (t.d * t.n) / gs : 0)
    const pieces: Uint8Array[] = []
    await readRows(ckpt.source ?? src, { offset: from.offset, d: t.d, n: t.n, width: 4, rows: 1 }, (piece, row) => {
      if (t.type === 'f32') pieces.push(piece)
      else quantizeRows(new Float32Array(piece.buffer, piece.byteOffset, piece.length / 4), q, s, row * t.n, gs)
    })
    for (const piece of pieces) await write(piece)
    if (t.type === 'q80') {
      await write(new Uint8Array(q.buffer))
      await write(new Uint8Array(s.buffer))
    }
  }
  return out
}

/** Quantizes w into q from element `start` on, and s from its group on. */
function quantizeRows(w: Float32Array, q: Int8Array, s: Float32Array, start: number, gs: number): void {
  for (let g = 0; g < w.length; g += gs) {
    let wmax = 0
    for (let i = g; i < g + gs; i++) wmax = Math.max(wmax, Math.abs(w[i]!))
    const scale = f(wmax / 127)
    s[(start + g) / gs] = scale
    if (scale === 0) continue
    for (let i = g; i < g + gs; i++) q[start + i] = roundEven(f(w[i]! / scale))
  }
}
