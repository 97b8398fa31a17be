import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Llmfs } from '../../llmfs/fs.ts'
import { type EngineWorker, setEngineWorker } from '../../llmfs/host.ts'
import { Client } from '../../plan9/9p/client.ts'
import { OREAD } from '../../plan9/9p/const.ts'
import { serve } from '../../plan9/9p/server.ts'
import { pipeTransport } from '../../plan9/9p/transport.ts'
import { Enonexist, PlanError } from '../../plan9/error.ts'
import { engineWorker } from '../../shell/node/engineworker.ts'
import { embedded, once } from '../llm/models.ts'
import { contents, names } from './files.ts'
import { type LlmSubject, llmfsSuite } from './llmfs.ts'
import { clientMount } from './mount.ts'

/** As in the system, from the distribution's root. */
const files = contents({
  stories: new Uint8Array(readFileSync(join(embedded, 'stories.bin'))),
  q80: new Uint8Array(readFileSync(join(embedded, 'stories_q80.bin'))),
  tokenizer: new Uint8Array(readFileSync(join(embedded, 'tokenizer.bin'))),
})

/** Those who wait in the midst of the slow file. */
const waiting: (() => void)[] = []
const slow = {
  name: '/tmp/slow',
  go() {
    for (const go of waiting.splice(0)) go()
  },
}

files.set(slow.name, files.get(names.model)!)

const memoryFiles = {
  async open(name: string) {
    const bytes = files.get(name)
    if (!bytes) throw new PlanError(Enonexist)
    const gate = name === slow.name ? new Promise<void>(resolve => waiting.push(resolve)) : undefined
    return {
      size: bytes.length,
      read: async (offset: number, count: number) => {
        if (offset + count > bytes.length / 2) await gate
        return bytes.slice(offset, offset + count)
      },
      close: async () => {},
    }
  },
}

const subject = (msize?: number) => async (): Promise<LlmSubject> => {
  const fs = new Llmfs({ files: memoryFiles, user: 'glenda' })
  return {
    async mount() {
      const [here, there] = pipeTransport()
      serve(there, fs.srv)
      const client = await Client.connect(here, msize === undefined ? {} : { msize })
      return clientMount(client, async () => {
        client.close()
        await client.closed
      })
    },
    files: { ...names, slow },
    golden: once,
    end: async () => fs.close(),
  }
}

beforeAll(() => setEngineWorker(engineWorker))
afterAll(() => setEngineWorker(undefined))

llmfsSuite('llmfs on the host engine, in a thread', subject())
llmfsSuite('llmfs on the host engine, over small messages', subject(300))

describe('llmfs without threads', () => {
  beforeAll(() => setEngineWorker(undefined))
  afterAll(() => setEngineWorker(engineWorker))

  test('generates between other things, and the requests of others are answered meanwhile', async () => {
    const { mount, files, golden, end } = await subject()()
    const m = await mount()
    const write = async (path: string, text: string) => {
      const f = await m.open(path, 1)
      await f.write(new TextEncoder().encode(text), 0)
      await f.close()
    }
    const read = async (path: string) => {
      const f = await m.open(path, OREAD)
      const b = await f.read(8192, 0)
      await f.close()
      return new TextDecoder().decode(b)
    }
    await write('ctl', `load ${files.model} ${files.tokenizer}`)
    expect(await read('clone')).toBe('0\n')
    await write('0/ctl', 'temp 0\nsteps 0\ngenerate')
    expect(await read('0/status')).toMatch(/^generating /)
    expect(await read('0/output')).toBe(golden.text)
    await end()
  })
})

describe('the end of llmfs', () => {
  test('ends blocked reads and generations', async () => {
    const { mount, files, end } = await subject()()
    const m = await mount()
    const ctl = await m.open('ctl', 1)
    await ctl.write(new TextEncoder().encode(`load ${files.model} ${files.tokenizer}`), 0)
    await (await m.open('clone', OREAD)).close()
    await (await m.open('0/ctl', 1)).write(new TextEncoder().encode('temp 0\nsteps 0\ngenerate'), 0)
    const f = await m.open('0/output', OREAD)
    const blocked = expect(f.read(10, 0)).rejects.toThrow('session not found')
    await m.stat('0')
    await end()
    await blocked
    await expect(m.open('clone', OREAD)).rejects.toThrow('too many sessions')
  })

  test('of its thread alone ends what generates with an error; the next load starts another', async () => {
    let thread: EngineWorker | undefined
    setEngineWorker(() => (thread = engineWorker()))
    const { mount, files, end } = await subject()()
    const m = await mount()
    const write = async (path: string, text: string) => {
      const f = await m.open(path, 1)
      await f.write(new TextEncoder().encode(text), 0)
      await f.close()
    }
    const read = async (path: string) => {
      const f = await m.open(path, OREAD)
      try {
        let text = ''
        for (;;) {
          const b = await f.read(8192, text.length)
          if (b.length === 0) return text
          text += new TextDecoder().decode(b)
        }
      } finally {
        await f.close()
      }
    }
    const load = `load ${files.model} ${files.tokenizer}`
    await write('ctl', load)
    await read('clone')
    await write('0/ctl', 'temp 0\nsteps 0\ngenerate')
    thread!.terminate()
    await expect(read('0/output')).rejects.toThrow('engine: thread ended')
    expect(await read('0/status')).toBe('error engine: thread ended\n')
    expect(await read('ctl')).toBe('unloaded\n')
    await write('ctl', load)
    await write('0/ctl', 'generate')
    expect(await read('0/output')).toMatch(/^Once upon a time/)
    await end()
    setEngineWorker(engineWorker)
  })
})
