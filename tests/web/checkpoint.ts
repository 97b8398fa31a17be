/**
 * A version 0 checkpoint of llama2.c's, of one small layer whose weights are 0: each step gives the first token again,
 * whatever came before, and never the token that ends a generation. It is as long as its context has room for.
 */
export function checkpoint({ vocabSize, seqLen }: { vocabSize: number; seqLen: number }): Uint8Array {
  const [dim, hiddenDim, nLayers, nHeads, nKvHeads] = [64, 64, 1, 8, 8]
  const headSize = dim / nHeads
  const sizes = {
    tokenEmbedding: vocabSize * dim,
    rmsAtt: nLayers * dim,
    attention: nLayers * 4 * dim * dim,
    rmsFfn: nLayers * dim,
    ffn: nLayers * 3 * dim * hiddenDim,
    rmsFinal: dim,
    freqs: seqLen * headSize,
  }
  const floats = Object.values(sizes).reduce((a, b) => a + b, 0)
  const buffer = new ArrayBuffer(28 + 4 * floats)
  new Int32Array(buffer, 0, 7).set([dim, hiddenDim, nLayers, nHeads, nKvHeads, vocabSize, seqLen])
  const w = new Float32Array(buffer, 28)
  w.fill(1, 0, sizes.tokenEmbedding)
  w.fill(1 / 128, dim, 2 * dim)
  const rmsFinal = sizes.tokenEmbedding + sizes.rmsAtt + sizes.attention + sizes.rmsFfn + sizes.ffn
  w.fill(1, rmsFinal, rmsFinal + sizes.rmsFinal)
  return new Uint8Array(buffer)
}
