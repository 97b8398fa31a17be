import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import exporter from '../../llmfs/cmd/export.ts'
import llmfs from '../../llmfs/cmd/llmfs.ts'
import run from '../../llmfs/cmd/run.ts'
import { layout } from '../../llmfs/engine/checkpoint.ts'
import { writeConfig } from '../../llmfs/engine/config.ts'
import { setEngineWorker } from '../../llmfs/host.ts'
import { PNPROC, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { boot, readall, type Testkernel, writefile } from '../../plan9/kernel/testkernel.ts'
import { engineWorker } from '../../shell/node/engineworker.ts'
import { Httpserver, type Served } from '../httpserver.ts'
import { command } from './command.ts'
import { hfConfig, weightsOf, writeSafetensors } from './formats.ts'
import { embedded, once, randomCheckpoint } from './models.ts'

const stories = new Uint8Array(readFileSync(join(embedded, 'stories.bin')))
const tokenizer = new Uint8Array(readFileSync(join(embedded, 'tokenizer.bin')))
const config = { dim: 128, hidden_dim: 256, n_layers: 4, n_heads: 8, n_kv_heads: 4, vocab_size: 1024, seq_len: 320 }
const utf8 = new TextEncoder()

const servers: Httpserver[] = []
beforeAll(() => setEngineWorker(engineWorker))
afterAll(() => setEngineWorker(undefined))
afterEach(async () => {
  for (const s of servers.splice(0)) await s.close()
})

/** A server with the model, sent as told, at /m.bin, and its tokenizer at /t.bin. */
async function web(model: Partial<Served> = {}): Promise<{ server: Httpserver; file: Served; m: string; t: string }> {
  const file = { bytes: stories, ...model }
  const server = await Httpserver.start({ '/m.bin': file, '/t.bin': { bytes: tokenizer } })
  servers.push(server)
  return { server, file, m: `${server.url}/m.bin`, t: `${server.url}/t.bin` }
}

function kernel(): Testkernel {
  const k = boot()
  k.tree.mkdir('/mnt/llm', 0o775)
  k.tree.add('/tmp/stories.bin', stories)
  k.tree.add('/tmp/t.bin', tokenizer)
  k.program('llmfs', llmfs)
  k.program('run', run)
  k.program('export', exporter)
  return k
}

/** With llmfs at /mnt/llm. */
function mounted(f: (sys: Sys) => Promise<void>): Promise<void> {
  return kernel().proc(async sys => {
    expect((await command(sys, ['llmfs', '-m', '/mnt/llm'])).status).toBe('')
    await f(sys)
  })
}

const ctl = (sys: Sys, text: string) => writefile(sys, '/mnt/llm/ctl', `${text}\n`)
const status = (sys: Sys) => readall(sys, '/mnt/llm/status')

/** Waits until status is as wanted. */
async function until(sys: Sys, wanted: RegExp): Promise<string> {
  for (;;) {
    const text = await status(sys)
    if (wanted.test(text)) return text
    await sys.sleep(1)
  }
}

/** The model at hand tells the story. */
async function tells(sys: Sys): Promise<void> {
  const s = (await readall(sys, '/mnt/llm/clone')).trim()
  await writefile(sys, `/mnt/llm/${s}/prompt`, once.prompt)
  await writefile(sys, `/mnt/llm/${s}/ctl`, 'temp 0\nsteps 320\ngenerate\n')
  expect(await readall(sys, `/mnt/llm/${s}/output`)).toBe(once.text)
  await writefile(sys, `/mnt/llm/${s}/ctl`, 'close\n')
}

describe('load of a URL', () => {
  test('reads the model by one request, and the tokenizer', async () => {
    const { server, m, t } = await web()
    await mounted(async sys => {
      await ctl(sys, `load ${m} ${t}`)
      expect(await readall(sys, '/mnt/llm/ctl')).toBe(`loaded ${m} ${t}\n`)
      expect(await status(sys)).toBe(`loaded ${m} ${t}\n`)
      expect(await readall(sys, '/mnt/llm/model')).toContain('\nbytes 2908700\n')
      await tells(sys)
    })
    expect(server.requests.map(r => r.path)).toEqual(['/t.bin', '/m.bin'])
  })

  test('shows how far it has come', async () => {
    const { server, m } = await web({ hold: 2_000_000 })
    await mounted(async sys => {
      expect(await status(sys)).toBe('unloaded\n')
      await sys.rfork(RFPROC | RFFDG, async child => {
        await ctl(child, `load ${m} /tmp/t.bin`)
        return ''
      })
      const text = await until(sys, /^loading .* [1-9]\d*\/\d+ bytes /)
      const [, name, have, size] = /^loading (\S+) (\d+)\/(\d+) bytes \d+\.\d MB\/s\n$/.exec(text)!
      expect([name, size]).toEqual([m, '2908700'])
      expect(Number(have)).toBeLessThanOrEqual(2_000_000)
      server.go()
      expect((await sys.wait()).msg).toBe('')
      await tells(sys)
    })
  })

  test('goes on where a connection was lost', async () => {
    const { server, m } = await web({ cuts: [1_000_000, 700_000], etag: '"1"' })
    await mounted(async sys => {
      await ctl(sys, `load ${m} /tmp/t.bin`)
      await tells(sys)
    })
    expect(server.requests.length).toBe(3)
    expect(server.requests[2]!.range).toMatch(/^bytes=1[0-9]{6}-$/)
  })

  test('refuses a file that has changed meanwhile; the model before stays', async () => {
    const { server, file, m } = await web({ cuts: [1_000_000], etag: '"1"' })
    await mounted(async sys => {
      await ctl(sys, 'load /tmp/stories.bin /tmp/t.bin')
      const load = expect(ctl(sys, `load ${m} /tmp/t.bin`)).rejects.toThrow(`${m}: file changed`)
      while (!server.requests[0]?.broken) await sys.sleep(1)
      file.etag = '"2"'
      await load
      expect(await status(sys)).toBe(`error ${m}: file changed\n`)
      expect(await readall(sys, '/mnt/llm/ctl')).toBe('loaded /tmp/stories.bin /tmp/t.bin\n')
      await tells(sys)
    })
  })

  test('works without ranges, and from another address', async () => {
    const { server, m } = await web({ ranges: false })
    server.files['/old.bin'] = { bytes: stories, statuses: [302] }
    server.files['/moved/old.bin'] = { bytes: stories, ranges: false }
    await mounted(async sys => {
      await ctl(sys, `load ${m} /tmp/t.bin`)
      await tells(sys)
      await ctl(sys, `load ${server.url}/old.bin /tmp/t.bin`)
      await tells(sys)
    })
  })

  test('finds config.json beside safetensors', async () => {
    const { server } = await web()
    const { tensors } = weightsOf(stories, config, true)
    const file: Served = { bytes: writeSafetensors({ config, tensors }, 'F32') }
    server.files['/st/model.safetensors?download=true'] = file
    const url = `${server.url}/st/model.safetensors?download=true`
    await mounted(async sys => {
      const load = () => ctl(sys, `load '${url}' /tmp/t.bin`)
      await expect(load()).rejects.toThrow(`${server.url}/st/config.json: 404 not found`)
      server.files['/st/config.json'] = { bytes: utf8.encode(JSON.stringify(hfConfig(config, true))) }
      await load()
      await tells(sys)
    })
  })

  test('reads tensors in the order in which they lie, whatever it is', async () => {
    const shape = { ...config, dim: 512, hidden_dim: 1376, n_layers: 2, n_kv_heads: 8, seq_len: 64 }
    const { tensors } = weightsOf(randomCheckpoint(shape, true, 5), shape, true)
    const { server } = await web()
    server.files['/config.json'] = { bytes: utf8.encode(JSON.stringify(hfConfig(shape, true))) }
    const texts: string[] = []
    await mounted(async sys => {
      await readall(sys, '/mnt/llm/clone')
      for (const all of [tensors, tensors.toReversed()]) {
        const bytes = writeSafetensors({ config: shape, tensors: all }, 'F32')
        expect(bytes.length).toBeGreaterThan(20e6)
        server.files['/model.safetensors'] = { bytes, ranges: false }
        await ctl(sys, `load ${server.url}/model.safetensors /tmp/t.bin`)
        await writefile(sys, '/mnt/llm/0/ctl', 'temp 0\nsteps 10\ngenerate\n')
        texts.push(await readall(sys, '/mnt/llm/0/tokens'))
      }
    })
    expect(texts[0]!.split('\n').length).toBeGreaterThan(5)
    expect(texts[1]).toBe(texts[0])
    expect(server.requests.filter(r => r.path === '/model.safetensors').length).toBe(2)
  })

  test.each<[string, Partial<Served>, string]>([
    ['is not there', { statuses: [404] }, ': 404 not found'],
    ['is forbidden', { statuses: [403] }, ': 403 forbidden'],
    ['is longer than its header says', { claims: stories.length + 4 }, ': file too long: 2908704 bytes, not 2908700'],
    ['is shorter', { bytes: stories.slice(0, -4) }, ': file truncated: 2908696 of 2908700 bytes'],
    ['has a size that nobody tells', { claims: null, ranges: false }, ': the server does not tell its size'],
  ])('says so when it %s', async (_, how, error) => {
    const { m } = await web(how)
    await mounted(async sys => {
      await expect(ctl(sys, `load ${m} /tmp/t.bin`)).rejects.toThrow(m + error)
      expect(await status(sys)).toBe(`error ${m}${error}\n`)
      await expect(ctl(sys, `load /tmp/stories.bin ${m}x`)).rejects.toThrow(`${m}x: 404 not found`)
    })
  })

  test('refuses what does not fit before it is loaded, with the sizes', async () => {
    const big = { ...config, dim: 4096, hidden_dim: 11008, n_layers: 6, n_heads: 32, n_kv_heads: 32, vocab_size: 32000 }
    const { bytes: claims } = layout(big, 0, true, 0)
    const header = new Uint8Array(28)
    writeConfig(new DataView(header.buffer), 0, big)
    const { server, m } = await web({ bytes: header, claims })
    await mounted(async sys => {
      expect(claims).toBeGreaterThan(5e9)
      await expect(ctl(sys, `load ${m} /tmp/t.bin`)).rejects.toThrow(m)
      const [, bytes] = /^error .*: (\d+) bytes do not fit into 4 GB of memory\n$/.exec(await status(sys))!
      expect(Number(bytes)).toBeGreaterThanOrEqual(claims)
    })
    expect(server.requests[0]!.sent).toBeLessThan(50_000_000)
  })

  test('ends when the writer gets a note: the connection too, and the model before stays', async () => {
    const { server, m } = await web({ hold: 2_000_000 })
    await mounted(async sys => {
      await ctl(sys, 'load /tmp/stories.bin /tmp/t.bin')
      const pid = await sys.rfork(RFPROC | RFFDG, async child => {
        await ctl(child, `load ${m} /tmp/t.bin`)
        return 'not interrupted'
      })
      await until(sys, /^loading .* [1-9]\d*\/\d+ bytes /)
      await sys.postnote(PNPROC, pid, 'interrupt')
      expect((await sys.wait()).msg).toMatch(/: interrupt$/)
      expect(await until(sys, /^error/)).toBe('error interrupted\n')
      expect(await readall(sys, '/mnt/llm/ctl')).toBe('loaded /tmp/stories.bin /tmp/t.bin\n')
      while (!server.requests[0]!.broken) await sys.sleep(1)
      await tells(sys)
    })
  })
})

describe('commands with a URL', () => {
  test('run and export take one; -v reports the progress', async () => {
    const { m, t } = await web()
    await kernel().proc(async sys => {
      const argv = ['run', m, '-z', t, '-t', '0', '-n', '320', '-i', once.prompt]
      const { out, err, status } = await command(sys, argv)
      expect([out, status]).toEqual([`${once.text}\n`, ''])
      expect(err).toMatch(/^achieved tok\/s: .*\n$/)
      const told = await command(sys, [...argv, '-v'])
      expect(told.out).toBe(out)
      expect(told.err).toMatch(/(^|\n)2908700\/2908700 bytes \d+\.\d MB\/s\nachieved/)
      expect((await command(sys, ['export', 'info', m])).out).toMatch(/\nbytes 2908700\n/)
      expect((await command(sys, ['run', `${m}x`])).err).toBe(`${m}x: 404 not found\n`)
      expect((await command(sys, ['export', 'info', `${m}x`])).err).toBe(`export: ${m}x: 404 not found\n`)
    })
  })

  test.each([
    ['run', 1_000_000],
    ['export', 10],
  ])('a note ends %s while it waits for bytes', async (name, hold) => {
    const { server, m } = await web({ hold })
    await kernel().proc(async sys => {
      const argv = name === 'run' ? [name, m] : [name, 'info', m]
      const pid = await sys.rfork(RFPROC | RFFDG, child => child.exec(`/js/bin/${name}`, argv))
      while (server.requests[0]?.sent !== hold) await sys.sleep(1)
      await sys.postnote(PNPROC, pid, 'interrupt')
      expect((await sys.wait()).msg).toMatch(/: interrupt$/)
      while (!server.requests[0]!.broken) await sys.sleep(1)
    })
  })

  test('the number of threads must be one', async () => {
    await kernel().proc(async sys => {
      expect((await command(sys, ['llmfs', '-j', '0'])).err).toBe('llmfs: -j 0: bad value\n')
      expect((await command(sys, ['llmfs', '-j', 'x'])).status).toMatch(/: -j x: bad value$/)
      expect((await command(sys, ['llmfs', '-j', '2', '-m', '/mnt/llm'])).status).toBe('')
      await ctl(sys, 'load /tmp/stories.bin /tmp/t.bin')
      await tells(sys)
      for (const n of ['0', '-1', '1.5', 'x', '99999'])
        expect((await command(sys, ['run', '/tmp/stories.bin', '-j', n])).status, n).toMatch(/usage$/)
    })
  })
})
