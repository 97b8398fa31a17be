import { type Checkpoint, type CheckpointSource, readLlama2c } from './checkpoint.ts'
import { isGguf, readGguf } from './gguf.ts'
import { isSafetensors, readSafetensors } from './safetensors.ts'

/**
 * Reads and checks the header of a model: GGUF, safetensors with its config.json beside it, or llama2.c's, told apart by
 * content.
 *
 * @throws CheckpointError what is wrong
 */
export async function readCheckpoint(src: CheckpointSource): Promise<Checkpoint> {
  const head = await src.read(0, Math.min(16, src.size))
  if (isGguf(head)) return readGguf(src)
  if (isSafetensors(head)) return readSafetensors(src)
  return readLlama2c(src)
}
