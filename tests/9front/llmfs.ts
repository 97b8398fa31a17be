import { connect } from 'node:net'
import { Client } from '../../plan9/9p/client.ts'
import { streamTransport } from '../../plan9/9p/framer.ts'
import { dialStream } from '../../shell/node/tcp.ts'
import { names } from '../conformance/files.ts'
import { llmfsSuite } from '../conformance/llmfs.ts'
import { clientMount } from '../conformance/mount.ts'
import { once } from '../llm/models.ts'
import { FILES, SLOW } from './guest.ts'

/** main.ts tells on which port of this machine the guest's llmfs is, and on which one says that the slow file goes on. */
const { LLMFS, GO } = process.env
if (!LLMFS || !GO) throw new Error('run by npm run test:9front')

llmfsSuite('llmfs of 9front’s compiler, in 9front', async () => {
  const client = await Client.connect(streamTransport(await dialStream(`tcp!127.0.0.1!${LLMFS}`)))
  const files = Object.fromEntries(Object.entries(names).map(([k, name]) => [k, FILES + name])) as typeof names
  return {
    mount: () => clientMount(client),
    files: {
      ...files,
      slow: { name: `${SLOW}/slow`, go: () => void connect(Number(GO), '127.0.0.1').on('error', () => {}) },
    },
    golden: once,
    end: async () => client.close(),
  }
})
