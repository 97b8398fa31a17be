import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from '../../plan9/9p/client.ts'
import type { Transport } from '../../plan9/9p/transport.ts'
import type { LlmSubject } from '../conformance/llmfs.ts'
import { clientMount } from '../conformance/mount.ts'
import { once } from '../llm/models.ts'
import { type GuestFiles, guestNames } from './guestllmfs.ts'

const top = join(import.meta.dirname, '..', '..')
const file = (...names: string[]) => new Uint8Array(readFileSync(join(...names)))
const lib = join(top, 'plan9', 'root', 'lib', 'llm')

/** LLMFS names another build of it: one by 9front's own compiler, say. */
export const guestFiles = (): GuestFiles => ({
  stories: file(lib, 'stories.bin'),
  q80: file(lib, 'stories_q80.bin'),
  tokenizer: file(lib, 'tokenizer.bin'),
  llmfs: file(process.env['LLMFS'] ?? join(top, 'plan9', 'root', '386', 'bin', 'llmfs')),
})

/** The guest for the suite, whose 9P goes over `transport`. */
export async function guestSubject(g: {
  transport: Transport
  go(): void
  end(): void | Promise<void>
}): Promise<LlmSubject> {
  const client = await Client.connect(g.transport)
  return {
    mount: () => clientMount(client),
    files: { ...guestNames, slow: { name: guestNames.slow, go: g.go } },
    golden: once,
    async end() {
      client.close()
      await g.end()
    },
  }
}
