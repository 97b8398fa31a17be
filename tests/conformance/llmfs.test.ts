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
import { type LlmMount, type LlmSubject, llmfsSuite } from './llmfs.ts'

const top = join(import.meta.dirname, '..', '..')
const lib = join(top, 'plan9', 'root', 'lib', 'llm')

/** Names as in the system, their contents from the distribution's root, and some that no model should be. */
const contents = new Map<string, Uint8Array>()

function prepare(): LlmSubject['files'] {
  const stories = new Uint8Array(readFileSync(join(lib, 'stories.bin')))
  const tokenizer = new Uint8Array(readFileSync(join(lib, 'tokenizer.bin')))
  const absurd = stories.slice()
  new DataView(absurd.buffer).setInt32(8, 0x7fffffff, true)
  const other = tokenizer.slice()
  contents.set('/lib/llm/stories.bin', stories)
  contents.set('/lib/llm/stories_q80.bin', new Uint8Array(readFileSync(join(lib, 'stories_q80.bin'))))
  contents.set('/lib/llm/tokenizer.bin', tokenizer)
  contents.set('/tmp/other', new Uint8Array([...other, 0, 0, 0, 0, 1, 0, 0, 0, 65]))
  contents.set('/tmp/cut', stories.slice(0, -1000))
  contents.set(
    '/tmp/wrong',
    new TextEncoder().encode('PNG and then something that is no checkpoint of llama2.c at all'),
  )
  contents.set('/tmp/absurd', absurd)
  contents.set(slow.name, stories)
  return {
    model: '/lib/llm/stories.bin',
    tokenizer: '/lib/llm/tokenizer.bin',
    q80: '/lib/llm/stories_q80.bin',
    otherTokenizer: '/tmp/other',
    missing: '/tmp/missing',
    cut: '/tmp/cut',
    wrong: '/tmp/wrong',
    absurd: '/tmp/absurd',
    slow,
  }
}

/** Those who wait in the midst of the slow file. */
const waiting: (() => void)[] = []
const slow = {
  name: '/tmp/slow',
  go() {
    for (const go of waiting.splice(0)) go()
  },
}

const memoryFiles = {
  async open(name: string) {
    const bytes = contents.get(name)
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

/** A mount straight over 9P: no kernel between. */
async function clientMount(fs: Llmfs, msize?: number): Promise<LlmMount> {
  const [here, there] = pipeTransport()
  serve(there, fs.srv)
  const client = await Client.connect(here, msize === undefined ? {} : { msize })
  const root = await client.attach('glenda', '')
  const names = (path: string) => path.split('/').filter(n => n !== '')
  return {
    async open(path, mode) {
      const fid = await root.walk(names(path))
      try {
        await fid.open(mode)
      } catch (e) {
        await fid.clunk()
        throw e
      }
      return {
        read: (count, offset, signal) => fid.readSome(count, offset, signal),
        write: async (data, offset, signal) => {
          await fid.write(data, offset, signal)
        },
        close: () => fid.clunk(),
      }
    },
    async list(path) {
      const fid = await root.walk(names(path))
      await fid.open(OREAD)
      const dirs = await fid.readdir()
      await fid.clunk()
      return dirs.map(d => d.name)
    },
    async stat(path) {
      const fid = await root.walk(names(path))
      try {
        return await fid.stat()
      } finally {
        await fid.clunk()
      }
    },
    async remove(path) {
      await (await root.walk(names(path))).remove()
    },
    async create(path) {
      const parts = names(path)
      const fid = await root.walk(parts.slice(0, -1))
      try {
        await fid.create(parts.at(-1)!, 0o666, OREAD)
      } finally {
        await fid.clunk()
      }
    },
    async unmount() {
      client.close()
      await client.closed
    },
  }
}

function golden(): LlmSubject['golden'] {
  const all = JSON.parse(readFileSync(join(top, 'tests', 'llm', 'golden', 'stories.json'), 'utf8')) as {
    results: { prompt: string; text: string; ids: number[] }[]
  }
  return all.results.find(r => r.prompt === 'Once upon a time')!
}

const subject = (msize?: number) => async (): Promise<LlmSubject> => {
  const files = prepare()
  const fs = new Llmfs({ files: memoryFiles, user: 'glenda' })
  return { mount: () => clientMount(fs, msize), files, golden: golden(), end: async () => fs.close() }
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
