import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildLinux } from '../../emulator/guest/build.ts'
import { Client } from '../../plan9/9p/client.ts'
import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { convS2M, type Fcall } from '../../plan9/9p/fcall.ts'
import { Framer, streamTransport } from '../../plan9/9p/framer.ts'
import { Gen } from '../fuzz/gen9p.ts'
import { once } from '../llm/models.ts'
import { machines, program } from './linux.ts'

/** llmfs -i on Linux, watched by the sanitizers: what they have to say ends it. */

const top = join(import.meta.dirname, '..', '..')
const lib = join(top, 'plan9', 'root', 'lib', 'llm')
const SEED = Number(process.env['SEED'] ?? 1)
const ROUNDS = Number(process.env['ROUNDS'] ?? 30)
beforeAll(() => buildLinux(['llmfs']), 300_000)

function start(machine: string) {
  const child = spawn(program(machine, 'llmfs'), ['-i', '-j', '2'])
  let err = ''
  child.stderr.on('data', b => (err += b))
  // What is sent to one that has ended is lost.
  child.stdin.on('error', () => {})
  const ended = new Promise<{ code: number | null; err: string }>(resolve =>
    child.on('close', code => resolve({ code, err })),
  )
  return { child, ended }
}

async function client(child: ChildProcessWithoutNullStreams): Promise<Client> {
  const read = child.stdout.iterator()
  return Client.connect(
    streamTransport({
      async read() {
        const { value, done } = await read.next()
        return done ? new Uint8Array(0) : new Uint8Array(value)
      },
      write: b => void child.stdin.write(b),
      close: () => void child.stdin.end(),
    }),
  )
}

describe.each(machines.flatMap(m => [m, `${m}-asan`]))('%s', machine => {
  test('a conversation, with sessions that generate at once, end early and are closed', async () => {
    const { child, ended } = start(machine)
    const c = await client(child)
    const root = await c.attach('glenda', '')
    const write = async (name: string, text: string) => {
      const f = await (await root.walk(name.split('/'))).open(OWRITE)
      try {
        await f.write(new TextEncoder().encode(text), 0)
      } finally {
        await f.clunk()
      }
    }
    const read = async (name: string) => {
      const f = await (await root.walk(name.split('/'))).open(OREAD)
      const text = new TextDecoder().decode(await f.readAll())
      await f.clunk()
      return text
    }
    await expect(write('ctl', 'load /nosuch /nosuch')).rejects.toThrow('/nosuch: file does not exist')
    for (const model of ['stories_q80.bin', 'stories.bin']) {
      await write('ctl', `load ${join(lib, model)} ${join(lib, 'tokenizer.bin')}`)
      const sessions = [await read('clone'), await read('clone'), await read('clone')].map(s => s.trim())
      for (const s of sessions) {
        await write(`${s}/prompt`, 'Once upon a time')
        await write(`${s}/ctl`, 'temp 0\nsteps 0\ngenerate\n')
      }
      const [a, b, d] = sessions as [string, string, string]
      const texts = Promise.all([read(`${a}/output`), read(`${a}/stream`), read(`${a}/tokens`)])
      await write(`${b}/ctl`, 'stop\nreset')
      const blocked = expect(read(`${d}/output`)).rejects.toThrow('session not found')
      await write(`${d}/ctl`, 'close')
      await blocked
      const [output, stream, tokens] = await texts
      expect(stream).toBe(output)
      expect(tokens.split('\n').length).toBeGreaterThan(20)
      if (model === 'stories.bin') expect(output).toBe(once.text)
      expect((await read(`${a}/logits`)).length).toBeGreaterThan(0)
      await expect(write(`${a}/ctl`, 'temp x')).rejects.toThrow('bad value')
      for (const s of [a, b]) await write(`${s}/ctl`, 'close')
    }
    c.close()
    expect(await ended).toEqual({ code: 0, err: '' })
  }, 120_000)

  test(`random 9P, seed ${SEED}: a reply or the end, and the sanitizers are silent`, async () => {
    for (let i = 0; i < ROUNDS; i++) {
      const gen = new Gen(SEED * 1000 + i)
      const { child, ended } = start(machine)
      const framer = new Framer(1 << 20)
      let replies = 0
      let broken: unknown
      child.stdout.on('data', (b: Buffer) => {
        try {
          for (const _ of framer.push(new Uint8Array(b))) replies++
        } catch (e) {
          broken ??= e
        }
      })
      const send = (f: Fcall) => child.stdin.write(convS2M(f))
      send({ type: 100, tag: 65535, msize: 8192, version: '9P2000' })
      send({ type: 104, tag: 1, fid: 0, afid: 0xffffffff, uname: 'glenda', aname: '' })
      for (const [fid, name] of ['ctl', 'clone', 'model', 'status'].entries())
        send({ type: 110, tag: 2 + fid, fid: 0, newfid: 1 + fid, wname: [name] })
      for (let n = 0; n < 60; n++) {
        const f = gen.fcall(gen.pick([100, 104, 108, 110, 110, 112, 112, 114, 116, 116, 118, 118, 120, 122, 124, 126]))
        let msg: Uint8Array
        try {
          msg = convS2M(f)
        } catch {
          continue
        }
        child.stdin.write(n > 40 && gen.int(8) === 0 ? gen.mutate(msg) : msg)
      }
      child.stdin.end()
      const { code, err } = await ended
      expect(err, `round ${i}`).toBe('')
      expect(broken, `round ${i}`).toBeUndefined()
      expect(code, `round ${i}`).toBe(0)
      expect(replies, `round ${i}`).toBeGreaterThan(3)
    }
  }, 300_000)
})
