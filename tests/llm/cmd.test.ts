import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import exporter from '../../llmfs/cmd/export.ts'
import llmfs from '../../llmfs/cmd/llmfs.ts'
import run from '../../llmfs/cmd/run.ts'
import runq from '../../llmfs/cmd/runq.ts'
import { readCheckpoint } from '../../llmfs/engine/formats.ts'
import { setAnnounce, setEngineWorker } from '../../llmfs/host.ts'
import { Client } from '../../plan9/9p/client.ts'
import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { pipeTransport, type Transport } from '../../plan9/9p/transport.ts'
import { MREPL, PNPROC, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { boot, readall, type Testkernel, writefile } from '../../plan9/kernel/testkernel.ts'
import { engineWorker } from '../../shell/node/engineworker.ts'
import { command } from './command.ts'
import { hfConfig, weightsOf, writeSafetensors } from './formats.ts'
import { bytesSource, golden, goldens, once } from './models.ts'

const top = join(import.meta.dirname, '..', '..')

function kernel(): Testkernel {
  const t = boot()
  t.tree.mkdir('/mnt/llm', 0o775)
  t.tree.mkdir('/lib/llm', 0o775)
  for (const f of ['stories.bin', 'stories_q80.bin', 'tokenizer.bin'])
    t.tree.add(`/lib/llm/${f}`, new Uint8Array(readFileSync(join(top, 'plan9', 'root', 'lib', 'llm', f))))
  t.program('llmfs', llmfs)
  t.program('run', run)
  t.program('runq', runq)
  t.program('export', exporter)
  return t
}

const model = ['/lib/llm/stories.bin', '-z', '/lib/llm/tokenizer.bin']

beforeAll(() => setEngineWorker(engineWorker))
afterAll(() => setEngineWorker(undefined))

describe('run', () => {
  const runs = (argv: string[], stdin?: string) => kernel().proc(sys => command(sys, argv, stdin))

  test.each(goldens('stories.json'))('gives run.c’s greedy text for $prompt', async ({ prompt, text }) => {
    const { out, err, status } = await runs(['run', ...model, '-t', '0', '-n', '320', '-i', prompt])
    expect(out).toBe(`${text}\n`)
    expect(err).toMatch(/^achieved tok\/s: \d+\.\d{6}\n$/)
    expect(status).toBe('')
  })

  test.each([
    ['sample-t1-p0.9-s42-n100.txt', ['-t', '1', '-p', '0.9', '-s', '42', '-n', '100']],
    ['sample-t0.8-p0.95-s7-n100-lily.txt', ['-t', '0.8', '-p', '0.95', '-s', '7', '-n', '100', '-i', 'Lily and Tom']],
  ])('gives run.c’s sample %s', async (file, flags) => {
    const { out } = await runs(['run', ...model, ...flags])
    expect(out).toBe(readFileSync(join(golden, file), 'utf8'))
  })

  test('clamps as llama2.c does, and takes --no-simd and threads', async () => {
    const greedy = await runs(['run', ...model, '-t', '-3', '-n', '-7', '-i', 'Hello', '--no-simd', '-j', '2'])
    expect(greedy.out).toBe('Hello.\nHello! Would you like to hear a story?\n')
    const p = (v: string) => runs(['run', ...model, '-p', v, '-s', '42', '-n', '40', '--threads', '1'])
    expect((await p('7')).out).toBe((await p('0.9')).out)
    expect((await p('0.9trailing')).out).toBe((await p('0.9')).out)
  })

  test('a short run reports no speed', async () => {
    expect(await runs(['run', ...model, '-t', '0', '-n', '1'])).toEqual({ out: 'Once\n', err: '', status: '' })
  })

  test.each([
    [['run']],
    [['run', 'm', '-t']],
    [['run', 'm', 'x', 'y']],
    [['run', 'm', '-tt', '0']],
    [['run', 'm', '-q', '0']],
    [['run', 'm', '-j', '0']],
    [['run', 'm', '-m', 'sing']],
  ])('%j is a usage error', async argv => {
    const { out, err, status } = await runs(argv)
    expect(out).toBe('')
    expect(err).toMatch(/^(unknown mode: sing\n)?Usage: {3}run <checkpoint> \[options\]\n/)
    expect(status).toMatch(/usage$/)
  })

  test('what cannot be loaded is said in llama2.c’s words, or ours', async () => {
    expect((await runs(['run', '/none'])).err).toBe("Couldn't open file /none\n")
    expect((await runs(['run', model[0]!])).err).toBe("couldn't load tokenizer.bin\n")
    expect((await runs(['run', '/lib/llm/tokenizer.bin'])).err).toMatch(/^\/lib\/llm\/tokenizer.bin: not a llama2.c/)
    expect((await runs(['run', model[0]!, '-z', model[0]!])).err).toMatch(/^\/lib\/llm\/stories.bin: not a tokenizer/)
    expect((await runs(['run', '/lib/llm/stories_q80.bin'])).err).toMatch(/use runq\n$/)
    expect((await runs(['runq', '/lib/llm/stories.bin'])).err).toMatch(/use run\n$/)
  })

  test('chat takes turns with its input and ends with it', async () => {
    const { out, status } = await runs(['run', ...model, '-t', '0', '-n', '60', '-m', 'chat'], '\nHello\n')
    expect(status).toBe('')
    expect(out).toMatch(/^Enter system prompt \(optional\): User: Assistant: /)
    const given = await runs(['run', ...model, '-t', '0', '-n', '60', '-m', 'chat', '-y', '', '-i', 'Hello'])
    expect(given.out).toMatch(/^Assistant: /)
    expect(out.endsWith(given.out)).toBe(true)
    const none = await runs(['run', ...model, '-m', 'chat'])
    expect(none.out).toBe('Enter system prompt (optional): \n')
  })

  test('runq runs a Q8_0 checkpoint', async () => {
    const { out, err } = await runs(['runq', '/lib/llm/stories_q80.bin', ...model.slice(1), '-t', '0', '-i', 'Hello'])
    expect(out).toBe(`${goldens('stories_q80.json').find(r => r.prompt === 'Hello')!.text}\n`)
    expect(err).toMatch(/^achieved/)
  })

  test('a note ends it, mid-way', async () => {
    const t = kernel()
    await t.proc(async sys => {
      const [r, w] = await sys.pipe()
      const pid = await sys.rfork(RFPROC | RFFDG, async child => {
        await child.dup(w, 1)
        return child.exec('/js/bin/run', ['run', ...model, '-t', '1', '-n', '320', '-s', '3'])
      })
      expect((await sys.read(r, 1)).length).toBe(1)
      await sys.postnote(PNPROC, pid, 'interrupt')
      expect((await sys.wait()).msg).toMatch(/interrupt/)
    })
  })
})

describe('export', () => {
  test('info tells what a checkpoint holds', async () => {
    const { out } = await kernel().proc(sys => command(sys, ['export', 'info', '/lib/llm/stories_q80.bin']))
    expect(out).toBe(
      'format llama2.c\nversion 2\ndim 128\nhidden_dim 256\nn_layers 4\nn_heads 8\nn_kv_heads 4\nvocab_size 1024\nseq_len 320\n' +
        'classifier shared\nparams 722048\nquant q80 64\nbytes 770816\n',
    )
  })

  test('quantize makes the Q8_0 file that llama2.c’s export would', async () => {
    await kernel().proc(async sys => {
      const { err } = await command(sys, ['export', 'quantize', '/lib/llm/stories.bin', '/tmp/q.bin'])
      expect(err).toBe('')
      const read = async (name: string) => {
        const fd = await sys.open(name, OREAD)
        const size = Number((await sys.fstat(fd)).length)
        const parts: Uint8Array[] = []
        for (let n = 0; n < size; n += parts.at(-1)!.length) parts.push(await sys.pread(fd, 1 << 20, n))
        return Buffer.concat(parts)
      }
      const [ours, theirs] = [await read('/tmp/q.bin'), await read('/lib/llm/stories_q80.bin')]
      expect(ours.equals(theirs)).toBe(true)
    })
  })

  test('convert makes GGUF with a tokenizer in it, which run, export and llmfs then do without a file of', async () => {
    await kernel().proc(async sys => {
      const ok = async (...argv: string[]) => {
        const { out, err, status } = await command(sys, argv)
        expect([argv[0] === 'export' ? err : '', status]).toEqual(['', ''])
        return out
      }
      await ok('export', 'convert', '-z', '/lib/llm/tokenizer.bin', '/lib/llm/stories.bin', '/tmp/s.gguf')
      expect(await ok('export', 'info', '/tmp/s.gguf')).toMatch(
        /^format gguf\nversion 3\ndim 128\n.*seq_len 320\nrope_theta 10000\nnorm_eps 1e-05\n.*quant f32\n.*tokenizer own\n$/s,
      )
      for (const z of [[], ['-z', '-'], ['-z', '/lib/llm/tokenizer.bin']])
        expect(await ok('run', '/tmp/s.gguf', '-t', '0', '-n', '320', '-i', once.prompt, ...z)).toBe(`${once.text}\n`)
      await ok('export', 'tokenizer', '/tmp/s.gguf', '/tmp/t.bin')
      await ok('export', 'convert', '-f', '1', '/tmp/s.gguf', '/tmp/s1.bin')
      expect(await ok('run', '/tmp/s1.bin', '-z', '/tmp/t.bin', '-t', '0', '-n', '320', '-i', once.prompt)).toBe(
        `${once.text}\n`,
      )
      await ok('export', 'quantize', '/tmp/s.gguf', '/tmp/q.bin')
      expect(await ok('export', 'info', '/tmp/q.bin')).toBe(await ok('export', 'info', '/lib/llm/stories_q80.bin'))
      const wrong = async (...argv: string[]) => (await command(sys, argv)).err
      expect(await wrong('export', 'convert', '-f', '2', '/tmp/s.gguf', '/tmp/x')).toBe(
        'export: /tmp/s.gguf: not in Q8_0: quantize it\n',
      )
      expect(await wrong('export', 'tokenizer', '/tmp/s1.bin', '/tmp/x')).toBe(
        'export: /tmp/s1.bin: no tokenizer in it\n',
      )
      expect(await wrong('export', 'convert', '-z', '/tmp/s1.bin', '/tmp/s1.bin', '/tmp/x')).toMatch(
        /s1.bin: not a tokenizer/,
      )
      expect(await wrong('export', 'convert', '-f', '7', '/tmp/s1.bin', '/tmp/x')).toMatch(/^usage/)
      expect(await wrong('run', '/tmp/s1.bin', '-z', '-')).toBe('/tmp/s1.bin: no tokenizer in the model\n')
      await expect(sys.stat('/tmp/x')).rejects.toThrow('does not exist')
    })
  })

  test('safetensors are read with the config.json beside them', async () => {
    const t = kernel()
    const file = new Uint8Array(readFileSync(join(top, 'plan9', 'root', 'lib', 'llm', 'stories.bin')))
    const { config } = await readCheckpoint(bytesSource(file))
    t.tree.mkdir('/lib/hf', 0o775)
    t.tree.add('/lib/hf/model.safetensors', writeSafetensors(weightsOf(file, config, true), 'F32'))
    await t.proc(async sys => {
      const argv = ['run', '/lib/hf/model.safetensors', ...model.slice(1), '-t', '0', '-n', '320', '-i', once.prompt]
      expect((await command(sys, argv)).err).toBe(
        "/lib/hf/model.safetensors: file does not exist: '/lib/hf/config.json'\n",
      )
      t.tree.add('/lib/hf/config.json', new TextEncoder().encode(JSON.stringify(hfConfig(config, true))))
      expect((await command(sys, argv)).out).toBe(`${once.text}\n`)
      const { out } = await command(sys, ['export', 'info', '/lib/hf/model.safetensors'])
      expect(out).toMatch(/^format safetensors\ndim 128\n/)
    })
  })

  test('a failure leaves no output, and the input alone', async () => {
    await kernel().proc(async sys => {
      const q = '/lib/llm/stories_q80.bin'
      for (const [from, to] of [
        ['/none', '/tmp/o'],
        ['/lib/llm/tokenizer.bin', '/tmp/o'],
        [q, '/tmp/o'],
        ['/lib/llm/stories.bin', '/lib/llm/stories.bin'],
      ] as const) {
        const { err, status } = await command(sys, ['export', 'quantize', from, to])
        expect(err).toContain(from)
        expect(status).not.toBe('')
      }
      await expect(sys.stat('/tmp/o')).rejects.toThrow('does not exist')
      expect((await sys.stat('/lib/llm/stories.bin')).length).toBe(2908700n)
      expect((await command(sys, ['export'])).err).toMatch(/^usage: export info model\n/)
    })
  })
})

describe('llmfs', () => {
  /** Runs `f` as a process with an llmfs posted as /srv/llm, mounted. */
  function mounted(flags: string[], f: (sys: Sys, t: Testkernel) => Promise<void>): Promise<void> {
    const t = kernel()
    const p = async (sys: Sys) => {
      const { err, status } = await command(sys, ['llmfs', ...flags])
      expect([err, status]).toEqual(['', ''])
      if (!flags.includes('-m')) await sys.mount(await sys.open('/srv/llm', 2), -1, '/mnt/llm', MREPL, '')
      await f(sys, t)
    }
    return t.proc(p)
  }
  const echo = (sys: Sys, text: string, name: string) => writefile(sys, name, `${text}\n`)

  test('load takes - for the tokenizer that a GGUF file has in it', async () => {
    await mounted([], async sys => {
      const argv = ['export', 'convert', '-z', '/lib/llm/tokenizer.bin', '/lib/llm/stories_q80.bin', '/tmp/q.gguf']
      expect((await command(sys, argv)).status).toBe('')
      await echo(sys, 'load /tmp/q.gguf -', '/mnt/llm/ctl')
      expect(await readall(sys, '/mnt/llm/ctl')).toBe('loaded /tmp/q.gguf -\n')
      expect(await readall(sys, '/mnt/llm/model')).toContain('quant q80 32\n')
      await expect(echo(sys, 'load /lib/llm/stories.bin -', '/mnt/llm/ctl')).rejects.toThrow(
        '/lib/llm/stories.bin: no tokenizer in the model',
      )
      await echo(sys, 'load /tmp/q.gguf /lib/llm/tokenizer.bin', '/mnt/llm/ctl')
      const s = (await readall(sys, '/mnt/llm/clone')).trim()
      await echo(sys, 'temp 0\nsteps 20\ngenerate', `/mnt/llm/${s}/ctl`)
      expect((await readall(sys, `/mnt/llm/${s}/output`)).length).toBeGreaterThan(20)
    })
  })

  test('the session of the manual page', async () => {
    await mounted([], async sys => {
      await echo(sys, 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin', '/mnt/llm/ctl')
      expect(await readall(sys, '/mnt/llm/ctl')).toBe('loaded /lib/llm/stories.bin /lib/llm/tokenizer.bin\n')
      expect(await readall(sys, '/mnt/llm/clone')).toBe('0\n')
      await echo(sys, 'temp 0.0', '/mnt/llm/0/ctl')
      await echo(sys, 'steps 50', '/mnt/llm/0/ctl')
      await echo(sys, 'Once upon a time', '/mnt/llm/0/prompt')
      await echo(sys, 'generate', '/mnt/llm/0/ctl')
      const text = await readall(sys, '/mnt/llm/0/stream')
      expect(once.text.startsWith(text)).toBe(true)
      expect(text.length).toBeGreaterThan(100)
      expect(await readall(sys, '/mnt/llm/0/output')).toBe(text)
      expect(await readall(sys, '/mnt/llm/0/status')).toMatch(/^done \d+\.\d\d tok\/s\n$/)
      const { out } = await command(sys, ['run', ...model, '-t', '0', '-n', '50', '-i', 'Once upon a time'])
      expect(out).toBe(`${text}\n`)
    })
  })

  test('errors come through the kernel: they name the file', async () => {
    await mounted(['-m', '/mnt/llm'], async sys => {
      await expect(echo(sys, 'load /none /lib/llm/tokenizer.bin', '/mnt/llm/ctl')).rejects.toThrow('/none')
      await expect(readall(sys, '/mnt/llm/model')).rejects.toThrow('model not loaded')
      await expect(sys.open('/mnt/llm/3/ctl', OREAD)).rejects.toThrow(/session not found|does not exist/)
      await expect(sys.create('/mnt/llm/clone', OWRITE, 0o666)).rejects.toThrow('permission denied')
    })
  })

  test('a reader that a note kills leaves the generation running', async () => {
    await mounted([], async sys => {
      await echo(sys, 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin', '/mnt/llm/ctl')
      await readall(sys, '/mnt/llm/clone')
      await echo(sys, 'Once upon a time', '/mnt/llm/0/prompt')
      const [r, w] = await sys.pipe()
      const pid = await sys.rfork(RFPROC | RFFDG, async child => {
        const fd = await child.open('/mnt/llm/0/output', OREAD)
        await child.write(w, 'x')
        await child.read(fd, 100)
        return ''
      })
      await sys.read(r, 1)
      await sys.postnote(PNPROC, pid, 'interrupt')
      expect((await sys.wait()).msg).toMatch(/interrupt/)
      await echo(sys, 'temp 0\nsteps 0\ngenerate', '/mnt/llm/0/ctl')
      expect(await readall(sys, '/mnt/llm/0/output')).toBe(once.text)
    })
  })

  test('-s names it, a name twice is an error, and so is a network that is not there', async () => {
    await kernel().proc(async sys => {
      expect((await command(sys, ['llmfs', '-s', 'other'])).err).toBe('')
      await sys.stat('/srv/other')
      expect((await command(sys, ['llmfs', '-s', 'other'])).err).toMatch(/^llmfs: \/srv\/other: .*exists/)
      expect((await command(sys, ['llmfs', '-a', 'tcp!*!564'])).err).toMatch(/^llmfs: no network to announce/)
      expect((await command(sys, ['llmfs', '-x'])).status).toMatch(/usage$/)
    })
  })

  test('-a serves the same tree to those who connect', async () => {
    let accept: ((t: Transport) => void) | undefined
    setAnnounce(async (addr, f) => {
      expect(addr).toBe('tcp!*!564')
      accept = f
      return { close: () => {} }
    })
    try {
      await mounted(['-a', 'tcp!*!564'], async sys => {
        const [here, there] = pipeTransport()
        accept!(there)
        const root = await (await Client.connect(here)).attach('glenda', '')
        const fid = await (await root.walk(['clone'])).open(OREAD)
        expect(new TextDecoder().decode(await fid.readAll())).toBe('0\n')
        expect(await readall(sys, '/mnt/llm/0/status')).toBe('idle\n')
      })
    } finally {
      setAnnounce(undefined)
    }
  })

  test('-D prints the messages', async () => {
    await kernel().proc(async sys => {
      await command(sys, ['llmfs', '-D'])
      await sys.mount(await sys.open('/srv/llm', 2), -1, '/mnt/llm', MREPL, '')
      await readall(sys, '/mnt/llm/ctl')
      expect(await readall(sys, '/tmp/err')).toMatch(/<- Tversion .*\n-> Rversion /)
    })
  })

  test('ends, and its thread with it, when the entry and the last mount are gone', async () => {
    let ended: () => void = () => {}
    const terminated = new Promise<void>(resolve => {
      ended = resolve
    })
    setEngineWorker(() => {
      const worker = engineWorker()
      return {
        ...worker,
        terminate: () => {
          worker.terminate()
          ended()
        },
      }
    })
    try {
      await mounted([], async sys => {
        await echo(sys, 'load /lib/llm/stories.bin /lib/llm/tokenizer.bin', '/mnt/llm/ctl')
        await sys.remove('/srv/llm')
        expect(await readall(sys, '/mnt/llm/model')).toMatch(/^dim 128\n/)
        await sys.unmount(undefined, '/mnt/llm')
        await terminated
      })
    } finally {
      setEngineWorker(engineWorker)
    }
  })
})
