import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { OEXEC, ORDWR, OREAD, OTRUNC, OWRITE } from '../../plan9/9p/const.ts'

/** An open file of an llmfs, over whatever carries it. */
export interface LlmFile {
  /** One read: at most `count` bytes, which may wait. Aborting ends the wait and nothing else. */
  read(count: number, offset: number, signal?: AbortSignal): Promise<Uint8Array>
  /** All of `data`, in as many messages as it takes. Aborting flushes the one under way. */
  write(data: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** One client's view of an llmfs. Paths begin at its root: `ctl`, `0/stream`. Errors carry the error string as message. */
export interface LlmMount {
  open(path: string, mode: number): Promise<LlmFile>
  list(path: string): Promise<string[]>
  stat(path: string): Promise<{ mode: number; length: bigint }>
  remove(path: string): Promise<void>
  create(path: string): Promise<void>
  unmount(): Promise<void>
}

/** An llmfs under test. The names are as its `load` knows them. */
export interface LlmSubject {
  mount(): Promise<LlmMount>
  files: {
    model: string
    tokenizer: string
    q80: string
    otherTokenizer: string
    missing: string
    /** A checkpoint without its last bytes. */
    cut: string
    /** Of another format. */
    wrong: string
    /** A header that asks for a layer too many, a million times. */
    absurd: string
    /** `model` again, whose reads stop in its midst and wait for `go`, and from then on do not. Each load waits anew. */
    slow: { name: string; go(): void }
  }
  /** The first greedy text of `model` for 'Once upon a time', of 320 steps, as run.c prints it; and its ids from BOS on. */
  golden: { text: string; ids: number[] }
  end(): Promise<void>
}

const utf8 = new TextEncoder()
const decoder = new TextDecoder()

/** The files as `cat` and `echo` use them. */
class Files {
  readonly m: LlmMount
  constructor(m: LlmMount) {
    this.m = m
  }

  async bytes(path: string, count = 8192): Promise<Uint8Array> {
    const f = await this.m.open(path, OREAD)
    try {
      const parts: number[] = []
      for (;;) {
        const b = await f.read(count, parts.length)
        if (b.length === 0) return Uint8Array.from(parts)
        parts.push(...b)
      }
    } finally {
      await f.close()
    }
  }

  async cat(path: string, count?: number): Promise<string> {
    return decoder.decode(await this.bytes(path, count))
  }

  /** `echo -n data > path` */
  async echo(data: string | Uint8Array, path: string): Promise<void> {
    const f = await this.m.open(path, OWRITE | OTRUNC)
    try {
      await f.write(typeof data === 'string' ? utf8.encode(data) : data, 0)
    } finally {
      await f.close()
    }
  }

  async clone(): Promise<string> {
    return (await this.cat('clone')).trim()
  }

  /** A session that generates. */
  async generate(prompt: string, ...settings: string[]): Promise<string> {
    const s = await this.clone()
    await this.echo(prompt, `${s}/prompt`)
    await this.echo(`${settings.join('\n')}\ngenerate\n`, `${s}/ctl`)
    return s
  }
}

/** Every rule of llmfs(4), through plain file operations. */
export function llmfsSuite(name: string, start: () => Promise<LlmSubject>): void {
  describe(name, () => {
    let subject: LlmSubject
    let m: LlmMount
    let fs: Files

    beforeAll(async () => {
      subject = await start()
      m = await subject.mount()
      fs = new Files(m)
    })
    afterAll(async () => {
      await m.unmount()
      await subject.end()
    })
    beforeEach(async () => {
      if ((await fs.cat('ctl')) !== loaded()) await load()
    })
    afterEach(async () => {
      for (const n of await m.list('/')) if (/^\d+$/.test(n)) await fs.echo('close', `${n}/ctl`)
    })

    const loaded = () => `loaded ${subject.files.model} ${subject.files.tokenizer}\n`
    const load = (model = subject.files.model, tokenizer = subject.files.tokenizer) =>
      fs.echo(`load ${model} ${tokenizer}\n`, 'ctl')
    /** Reads a file until it is as wanted. */
    const until = async (path: string, wanted: RegExp): Promise<string> => {
      for (;;) {
        const text = await fs.cat(path)
        if (wanted.test(text)) return text
        await new Promise(resolve => setTimeout(resolve, 1))
      }
    }
    const greedy = ['temp 0', 'steps 320']

    describe('root', () => {
      test('holds ctl, model, clone and status, with their modes', async () => {
        const files = ['ctl', 'model', 'clone', 'status']
        expect(await m.list('/')).toEqual(files)
        const modes = await Promise.all(files.map(async f => (await m.stat(f)).mode & 0o777))
        expect(modes).toEqual([0o666, 0o444, 0o444, 0o444])
      })

      test('model describes the checkpoint, a line a number', async () => {
        const [, sizes, memory] = (await fs.cat('model')).match(/^([\s\S]*)memory (\d+)\nthreads [1-9]\d*\n$/)!
        expect(sizes).toBe(
          'dim 128\nhidden_dim 256\nn_layers 4\nn_heads 8\nn_kv_heads 4\nvocab_size 1024\nseq_len 320\n' +
            'params 722048\nquant f32\nbytes 2908700\n',
        )
        // The weights, and of each session 320 positions of keys and values of 64 numbers in 4 layers.
        expect(Number(memory)).toBeGreaterThan(2908700 + 16 * 320 * 64 * 4 * 2 * 4)
        await load(subject.files.q80)
        expect(await fs.cat('model')).toMatch(/\nparams 722048\nquant q80 64\nbytes 770816\nmemory \d+\n/)
      })

      test('unload unloads; what needs a model then says so', async () => {
        await fs.echo('unload', 'ctl')
        expect(await fs.cat('ctl')).toBe('unloaded\n')
        expect(await fs.cat('status')).toBe('unloaded\n')
        await expect(fs.cat('model')).rejects.toThrow('model not loaded')
        await expect(fs.echo('unload', 'ctl')).rejects.toThrow('model not loaded')
        const s = await fs.clone()
        await expect(fs.echo('temp 0.5\ngenerate', `${s}/ctl`)).rejects.toThrow('model not loaded')
        expect(await fs.cat(`${s}/ctl`)).toMatch(/^temp 1\n/)
        expect(await fs.cat(`${s}/status`)).toBe('idle\n')
      })

      test('create, remove and the wrong modes are permission denied', async () => {
        const s = await fs.clone()
        for (const f of ['output', 'stream', 'tokens', 'logits', 'status'])
          await expect(m.open(`${s}/${f}`, OWRITE), f).rejects.toThrow('permission denied')
        await expect(m.open('status', OWRITE)).rejects.toThrow('permission denied')
        await expect(m.open('model', ORDWR)).rejects.toThrow('permission denied')
        await expect(m.open('clone', OWRITE)).rejects.toThrow('permission denied')
        await expect(m.open(`${s}/ctl`, OEXEC)).rejects.toThrow('permission denied')
        await expect(m.remove(`${s}/prompt`)).rejects.toThrow('permission denied')
        await expect(m.create('new')).rejects.toThrow('permission denied')
        await expect(m.create(`${s}/new`)).rejects.toThrow('permission denied')
      })

      test('a name that is none does not exist; nor a session that is none', async () => {
        await expect(m.open('nothing', OREAD)).rejects.toThrow('file does not exist')
        await expect(m.stat('7')).rejects.toThrow('session not found')
        await expect(m.stat('00')).rejects.toThrow('file does not exist')
      })
    })

    describe('load', () => {
      test.each(['missing', 'cut', 'wrong', 'absurd'] as const)(
        'of a %s checkpoint names it, and the model before stays',
        async kind => {
          const file = subject.files[kind]
          await expect(load(file)).rejects.toThrow(file)
          expect(await fs.cat('ctl')).toBe(loaded())
          const s = await fs.generate('Hello', 'temp 0', 'steps 20')
          expect(await fs.cat(`${s}/output`)).toBe('Hello.\nHello! Would you like to hear a story?')
        },
      )

      test('says what is wrong', async () => {
        const { missing, cut, wrong, absurd, otherTokenizer } = subject.files
        await expect(load(missing)).rejects.toThrow('file does not exist')
        await expect(load(cut)).rejects.toThrow('truncated')
        await expect(load(wrong)).rejects.toThrow('not a llama2.c checkpoint')
        await expect(load(absurd)).rejects.toThrow('absurd sizes')
        await expect(load(undefined, otherTokenizer)).rejects.toThrow(/tokenizer has .*tokens/)
        await expect(load(undefined, otherTokenizer)).rejects.toThrow(otherTokenizer)
        await expect(load(undefined, missing)).rejects.toThrow(missing)
        expect(await fs.cat('ctl')).toBe(loaded())
      })

      test('status says what became of it', async () => {
        await load()
        expect(await fs.cat('status')).toBe(loaded())
        const { missing, cut } = subject.files
        await expect(load(missing)).rejects.toThrow()
        expect(await fs.cat('status')).toBe(`error ${missing}: file does not exist\n`)
        await expect(load(cut)).rejects.toThrow()
        expect(await fs.cat('status', 7)).toMatch(new RegExp(`^error ${cut}: file truncated: .*\n$`))
        expect(await fs.cat('ctl')).toBe(loaded())
        await load()
        expect(await fs.cat('status')).toBe(loaded())
      })

      test('status counts the bytes, and nothing else of the kind is done meanwhile', async () => {
        const { slow } = subject.files
        await fs.clone()
        const done = load(slow.name)
        const status = await until('status', /^loading .* [1-9]\d*\/\d+ bytes /)
        expect(status).toMatch(new RegExp(`^loading ${slow.name} \\d+/2908700 bytes \\d+\\.\\d MB/s\n$`))
        expect(await fs.cat('ctl')).toBe(loaded())
        await expect(load()).rejects.toThrow('model busy')
        await expect(fs.echo('generate', '0/ctl')).rejects.toThrow('model busy')
        slow.go()
        await done
        expect(await fs.cat('status')).toBe(`loaded ${slow.name} ${subject.files.tokenizer}\n`)
      })

      test('ends at once when the write is flushed, and when it is unloaded; the model before stays', async () => {
        const { slow } = subject.files
        for (const way of ['flush', 'unload']) {
          const flush = new AbortController()
          const f = await m.open('ctl', OWRITE)
          const done = f.write(utf8.encode(`load ${slow.name} ${subject.files.tokenizer}`), 0, flush.signal)
          const ended = expect(done).rejects.toThrow('interrupted')
          await until('status', /^loading .* [1-9]\d*\/\d+ bytes /)
          if (way === 'flush') flush.abort()
          else await fs.echo('unload', 'ctl')
          await ended
          await f.close()
          await until('status', /^error interrupted\n$/)
          expect(await fs.cat('ctl')).toBe(loaded())
          const s = await fs.generate('Hello', 'temp 0', 'steps 20')
          expect(await fs.cat(`${s}/output`)).toBe('Hello.\nHello! Would you like to hear a story?')
        }
        slow.go()
      })

      test('while a session generates is model busy, at once', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        await expect(load()).rejects.toThrow('model busy')
        await expect(fs.echo('unload', 'ctl')).rejects.toThrow('model busy')
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
        await load()
      })

      test('nothing begins while the model is on its way out', async () => {
        await load()
        const s = await fs.generate('Once upon a time', 'temp 0', 'steps 100')
        const text = await fs.cat(`${s}/output`)
        const files = await Promise.all(['ctl', 'ctl', `${s}/ctl`].map(name => m.open(name, OWRITE)))
        const messages = ['unload', 'unload', 'generate']
        const [first, ...late] = await Promise.allSettled(files.map((f, i) => f.write(utf8.encode(messages[i]!), 0)))
        expect(first).toEqual({ status: 'fulfilled', value: undefined })
        for (const refused of late)
          expect(refused).toMatchObject({ reason: { message: expect.stringMatching(/^model (busy|not loaded)$/) } })
        await Promise.all(files.map(f => f.close()))
        expect(
          parseTokens(await fs.cat(`${s}/tokens`))
            .map(t => t.text)
            .join(''),
        ).toBe(text)
        await load()
      })

      test('control messages that are none change nothing', async () => {
        await expect(fs.echo('reload x y', 'ctl')).rejects.toThrow('unknown control message')
        await expect(fs.echo('unload\nnonsense\n', 'ctl')).rejects.toThrow('unknown control message')
        await expect(fs.echo('load x', 'ctl')).rejects.toThrow('bad value')
        await expect(fs.echo('load x y z', 'ctl')).rejects.toThrow('bad value')
        expect(await fs.cat('ctl')).toBe(loaded())
      })

      test('the text of a session outlives its model; its logits do not', async () => {
        const s = await fs.generate('Hello', 'temp 0', 'steps 20')
        const text = await fs.cat(`${s}/output`)
        await load(subject.files.q80)
        expect(await fs.cat(`${s}/output`)).toBe(text)
        expect((await fs.bytes(`${s}/logits`)).length).toBe(0)
        await fs.echo('generate', `${s}/ctl`)
        expect(await fs.cat(`${s}/output`)).toMatch(/^Hello/)
      })
    })

    describe('clone', () => {
      test('makes a session when it is opened, not at each read', async () => {
        const f = await m.open('clone', OREAD)
        expect(await m.list('/')).toEqual(['ctl', 'model', 'clone', 'status', '0'])
        expect(decoder.decode(await f.read(100, 0))).toBe('0\n')
        expect((await f.read(100, 2)).length).toBe(0)
        expect(decoder.decode(await f.read(1, 0))).toBe('0')
        await f.close()
        expect(await m.list('/')).toEqual(['ctl', 'model', 'clone', 'status', '0'])
      })

      test('a session holds its files, with their modes', async () => {
        const s = await fs.clone()
        expect(await m.list(s)).toEqual(['ctl', 'prompt', 'output', 'stream', 'tokens', 'logits', 'status'])
        expect((await m.stat(s)).mode & 0o777).toBe(0o755)
        expect((await m.stat(`${s}/prompt`)).mode & 0o777).toBe(0o666)
        expect((await m.stat(`${s}/stream`)).mode & 0o777).toBe(0o444)
        expect(await fs.cat(`${s}/ctl`)).toMatch(/^temp 1\ntopp 0\.9\nseed \d+\nsteps 256\n$/)
        expect(await fs.cat(`${s}/status`)).toBe('idle\n')
        expect(await fs.cat(`${s}/prompt`)).toBe('')
        expect((await fs.bytes(`${s}/logits`)).length).toBe(0)
      })

      test('sixteen at once; one more is too many; a closed number is reused', async () => {
        for (let i = 0; i < 16; i++) expect(await fs.clone()).toBe(String(i))
        await expect(fs.clone()).rejects.toThrow('too many sessions')
        await fs.echo('close', '5/ctl')
        expect(await fs.clone()).toBe('5')
      })

      test('all sixteen generate at once, each what it gives alone', { timeout: 120_000 }, async () => {
        const settings = (i: number) => ['temp 0.9', `seed ${i + 1}`, 'steps 24']
        const alone: string[] = []
        for (let i = 0; i < 16; i++) {
          const s = await fs.generate('Lily', ...settings(i))
          alone.push(await fs.cat(`${s}/output`))
          await fs.echo('close', `${s}/ctl`)
        }
        const sessions: string[] = []
        for (let i = 0; i < 16; i++) sessions.push(await fs.generate('Lily', ...settings(i)))
        expect(await Promise.all(sessions.map(s => fs.cat(`${s}/output`)))).toEqual(alone)
        expect(new Set(alone).size).toBeGreaterThan(8)
      })

      test('a file of a closed session is session not found, even when the number is in use again', async () => {
        const s = await fs.clone()
        const f = await m.open(`${s}/status`, OREAD)
        await fs.echo('close', `${s}/ctl`)
        expect(await fs.clone()).toBe(s)
        await expect(f.read(100, 0)).rejects.toThrow('session not found')
        await f.close()
      })
    })

    describe('ctl', () => {
      test('shows what was set', async () => {
        const s = await fs.clone()
        await fs.echo('temp 0.0\ntopp 1\n\nseed 18446744073709551615\nsteps 1000000', `${s}/ctl`)
        expect(await fs.cat(`${s}/ctl`)).toBe('temp 0\ntopp 1\nseed 18446744073709551615\nsteps 1000000\n')
        await fs.echo('temp 0.8\n', `${s}/ctl`)
        await fs.echo('topp .25', `${s}/ctl`)
        await fs.echo('seed 0\nsteps 0\n', `${s}/ctl`)
        expect(await fs.cat(`${s}/ctl`, 3)).toBe('temp 0.8\ntopp 0.25\nseed 0\nsteps 0\n')
      })

      test.each([
        ...['nan', 'inf', '1e999', '-1', '-0.1', '0.5x', '', 'x', '0x1', '1 2', '1e39'].map(v => `temp ${v}`),
        ...['nan', '1.1', '-0.5', '2e0', '0.5 0.5'].map(v => `topp ${v}`),
        ...['-1', '18446744073709551616', '1.5', '1e3', '0x10', '99999999999999999999999999999999'].map(
          v => `seed ${v}`,
        ),
        ...['-1', '1.5', 'nan', '99999999999999999999', ''].map(v => `steps ${v}`),
        'generate now',
      ])('%j is a bad value and changes nothing', async bad => {
        const s = await fs.clone()
        const before = await fs.cat(`${s}/ctl`)
        await expect(fs.echo(bad, `${s}/ctl`)).rejects.toThrow('bad value')
        await expect(fs.echo(`temp 0.25\n${bad}\ngenerate\n`, `${s}/ctl`)).rejects.toThrow('bad value')
        expect(await fs.cat(`${s}/ctl`)).toBe(before)
        expect(await fs.cat(`${s}/status`)).toBe('idle\n')
      })

      test.each(['Temp 1', 'frobnicate', 'load a b', 'generat', "'temp 1'"])(
        '%j is an unknown control message',
        async bad => {
          const s = await fs.clone()
          await expect(fs.echo(`steps 7\n${bad}`, `${s}/ctl`)).rejects.toThrow('unknown control message')
          expect(await fs.cat(`${s}/ctl`)).toMatch(/\nsteps 256\n$/)
        },
      )

      test('a write longer than one message is put together', async () => {
        const s = await fs.clone()
        const f = await m.open(`${s}/ctl`, OWRITE)
        const lines = Array.from({ length: 20_000 }, (_, i) => `seed ${i + 1}0000001`).join('\n')
        await f.write(utf8.encode(lines), 0)
        await f.close()
        expect(await fs.cat(`${s}/ctl`)).toMatch(/\nseed 200000000001\n/)
      })

      test('a long write with a bad line at its end changes nothing', async () => {
        const s = await fs.clone()
        const before = await fs.cat(`${s}/ctl`)
        const lines = `${'temp 0.123456\n'.repeat(20_000)}temp x`
        await expect(fs.echo(lines, `${s}/ctl`)).rejects.toThrow('bad value')
        expect(await fs.cat(`${s}/ctl`)).toBe(before)
      })

      test('settings written while it generates are for the next generation', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        await fs.echo('temp 1\nseed 9\nsteps 10', `${s}/ctl`)
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
      })
    })

    describe('prompt', () => {
      test('is written at offsets, appended to, and emptied by OTRUNC', async () => {
        const s = await fs.clone()
        const f = await m.open(`${s}/prompt`, ORDWR)
        await f.write(utf8.encode('Once upon '), 0)
        await f.write(utf8.encode('a time'), 10)
        expect(decoder.decode(await f.read(100, 0))).toBe('Once upon a time')
        expect((await m.stat(`${s}/prompt`)).length).toBe(16n)
        await f.write(utf8.encode('X'), 0)
        expect(await fs.cat(`${s}/prompt`)).toBe('Xnce upon a time')
        await expect(f.write(utf8.encode('!'), 100)).rejects.toThrow('bad offset')
        await f.close()
        const t = await m.open(`${s}/prompt`, OWRITE | OTRUNC)
        expect(await fs.cat(`${s}/prompt`)).toBe('')
        await t.close()
      })

      test('one newline at its end is not part of it; two are', async () => {
        const texts: string[] = []
        for (const prompt of ['Hello', 'Hello\n', 'Hello\n\n']) {
          const s = await fs.generate(prompt, 'temp 0', 'steps 30')
          texts.push(await fs.cat(`${s}/output`))
        }
        expect(texts[1]).toBe(texts[0])
        expect(texts[2]!.startsWith('Hello\n')).toBe(true)
        expect(texts[2]).not.toBe(texts[0])
      })

      test('an empty one starts from BOS alone', async () => {
        for (const prompt of ['', '\n']) {
          const s = await fs.generate(prompt, ...greedy)
          expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
          expect(await fs.cat(`${s}/tokens`)).toMatch(/^1 497 -/)
        }
      })

      test('longer than seq_len: the generation ends inside it', async () => {
        const prompt = 'Lily likes to play in the park. '.repeat(5000)
        const s = await fs.generate(prompt, 'temp 0', 'steps 0')
        const text = await fs.cat(`${s}/output`)
        expect(text.length).toBeGreaterThan(300)
        expect(prompt.startsWith(text)).toBe(true)
        expect(parseTokens(await fs.cat(`${s}/tokens`)).length).toBe(320)
      })

      test('bytes that are no UTF-8 are taken, and what comes out is UTF-8', async () => {
        const s = await fs.clone()
        await fs.echo(Uint8Array.of(0xff, 0xfe, 0x80, 0xc3, 0x41, 0xf0, 0x9f), `${s}/prompt`)
        await fs.echo('temp 0\nsteps 40\ngenerate', `${s}/ctl`)
        const bytes = await fs.bytes(`${s}/output`)
        expect(new TextDecoder('utf-8', { fatal: true }).decode(bytes).startsWith('A')).toBe(true)
      })

      test('shortcuts change no token, and tokens can be read when the model is gone', async () => {
        const s = await fs.clone()
        const made = async (shortcuts: string) => {
          await fs.echo(`shortcuts ${shortcuts}\ntemp 0\nsteps 60`, `${s}/ctl`)
          await fs.echo('generate', `${s}/ctl`)
          return fs.cat(`${s}/output`)
        }
        const want = await made('off')
        expect(await made('on')).toBe(want)
        await expect(fs.echo('shortcuts perhaps', `${s}/ctl`)).rejects.toThrow('bad value')
        await fs.echo('unload', 'ctl')
        const tokens = parseTokens(await fs.cat(`${s}/tokens`))
        expect(tokens.map(t => t.text).join('')).toBe(want)
        expect(tokens.filter(t => t.logprob < 0).length).toBeGreaterThan(30)
      })

      test('characters that only byte tokens make come out whole', async () => {
        const prompt = 'Zoë 日本 🐈'
        const s = await fs.generate(prompt, 'temp 0', 'steps 40')
        expect((await fs.cat(`${s}/output`)).startsWith(prompt)).toBe(true)
      })

      test('may be written while it generates: that is the next one', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        await fs.echo('Hello', `${s}/prompt`)
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
        await fs.echo('steps 20\ngenerate', `${s}/ctl`)
        expect(await fs.cat(`${s}/output`)).toBe('Hello.\nHello! Would you like to hear a story?')
      })
    })

    describe('generate', () => {
      test('gives the golden text, tokens and ids; output, stream and tokens agree', async () => {
        const s = await fs.generate('Once upon a time\n', ...greedy)
        expect(await fs.cat(`${s}/stream`)).toBe(subject.golden.text)
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
        const tokens = parseTokens(await fs.cat(`${s}/tokens`))
        expect(tokens.map(t => t.pos)).toEqual(tokens.map((_, i) => i + 1))
        expect([1, ...tokens.map(t => t.id), 1]).toEqual(subject.golden.ids)
        expect(tokens.map(t => t.text).join('')).toBe(subject.golden.text)
        expect(tokens.every(t => t.logprob <= 0)).toBe(true)
        expect(tokens.slice(0, 4).every(t => t.logprob === 0)).toBe(true)
        expect(await fs.cat(`${s}/status`)).toMatch(/^done \d+\.\d+ tok\/s\n$/)
      })

      test('steps count the prompt, and 0 or too many are seq_len', async () => {
        const count = async (...set: string[]) => {
          const s = await fs.generate('Once upon a time', ...set)
          await fs.cat(`${s}/output`)
          return parseTokens(await fs.cat(`${s}/tokens`)).length
        }
        expect(await count('temp 0', 'steps 1')).toBe(1)
        expect(await count('temp 0', 'steps 50')).toBe(50)
        expect(await count('temp 0', 'steps 0')).toBe(subject.golden.ids.length - 2)
        expect(await count('temp 0', 'steps 99999')).toBe(subject.golden.ids.length - 2)
      })

      test('the same seed gives the same tokens, another seed others', async () => {
        const text = async (seed: number) => {
          const s = await fs.generate('Lily', 'temp 1', 'topp 0.9', `seed ${seed}`, 'steps 100')
          return fs.cat(`${s}/output`)
        }
        const [a, b, c] = [await text(5), await text(5), await text(6)]
        expect(b).toBe(a)
        expect(c).not.toBe(a)
      })

      test('while generating is already generating; afterwards it starts anew', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        await expect(fs.echo('generate', `${s}/ctl`)).rejects.toThrow('already generating')
        await expect(fs.echo('steps 9\ngenerate', `${s}/ctl`)).rejects.toThrow('already generating')
        expect(await fs.cat(`${s}/ctl`)).toMatch(/\nsteps 320\n$/)
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
        await fs.echo('generate', `${s}/ctl`)
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
      })

      test('two at once give what each gives alone', async () => {
        const alone = await fs.generate('Lily', 'temp 0.8', 'topp 0.95', 'seed 11', 'steps 200')
        const expected = await fs.cat(`${alone}/output`)
        const a = await fs.generate('Once upon a time', ...greedy)
        const b = await fs.generate('Lily', 'temp 0.8', 'topp 0.95', 'seed 11', 'steps 200')
        expect(await Promise.all([fs.cat(`${a}/output`), fs.cat(`${b}/output`)])).toEqual([
          subject.golden.text,
          expected,
        ])
      })

      test('status counts positions while it generates', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        expect(await fs.cat(`${s}/status`)).toMatch(/^generating \d+\/320\n$/)
        await fs.cat(`${s}/output`)
        expect(await fs.cat(`${s}/status`)).toMatch(/^done /)
      })

      test('logits are the last forward pass, vocab_size of float32', async () => {
        const s = await fs.generate('Once upon a time', 'temp 0', 'steps 12')
        await fs.cat(`${s}/output`)
        const bytes = await fs.bytes(`${s}/logits`, 1000)
        expect(bytes.length).toBe(4096)
        const logits = new Float32Array(bytes.slice().buffer)
        const best = logits.indexOf(Math.max(...logits))
        expect(best).toBe(subject.golden.ids[12])
        await fs.echo('reset', `${s}/ctl`)
        expect((await fs.bytes(`${s}/logits`)).length).toBe(0)
      })
    })

    describe('stream', () => {
      test('waits for a generation to begin, and ends only with it', async () => {
        const s = await fs.clone()
        const reading = fs.cat(`${s}/stream`)
        await fs.echo('Hello', `${s}/prompt`)
        await fs.echo('temp 0\nsteps 20\ngenerate', `${s}/ctl`)
        expect(await reading).toBe('Hello.\nHello! Would you like to hear a story?')
      })

      test('comes in pieces, while it is made', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        const f = await m.open(`${s}/stream`, OREAD)
        const first = await f.read(8192, 0)
        expect(first.length).toBeGreaterThan(0)
        expect(first.length).toBeLessThan(utf8.encode(subject.golden.text).length)
        expect(await fs.cat(`${s}/status`)).toMatch(/^generating /)
        await f.close()
      })

      test('many readers, early, late and in small pieces, get the whole text', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        const other = await subject.mount()
        const readers = [
          fs.cat(`${s}/stream`),
          fs.cat(`${s}/stream`, 1),
          fs.cat(`${s}/stream`, 7),
          new Files(other).cat(`${s}/stream`),
          new Files(other).cat(`${s}/output`, 100),
        ]
        expect(new Set(await Promise.all(readers))).toEqual(new Set([subject.golden.text]))
        expect(await fs.cat(`${s}/stream`)).toBe(subject.golden.text)
        await other.unmount()
      })

      test('no blocked read holds up another request', async () => {
        const s = await fs.clone()
        const t = await fs.clone()
        const stop = new AbortController()
        const files = await Promise.all(['stream', 'output', 'tokens'].map(f => m.open(`${s}/${f}`, OREAD)))
        const blocked = files.map(f => f.read(100, 0, stop.signal))
        expect(await fs.cat(`${t}/status`)).toBe('idle\n')
        stop.abort()
        for (const b of blocked) await expect(b).rejects.toThrow('interrupted')
        for (const f of files) await f.close()
      })

      test('an interrupted read ends at once, and the generation goes on', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        const f = await m.open(`${s}/output`, OREAD)
        const flush = new AbortController()
        const read = f.read(100, 0, flush.signal)
        flush.abort()
        await expect(read).rejects.toThrow('interrupted')
        await f.close()
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
      })

      test('a generation waits for no reader', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        const f = await m.open(`${s}/stream`, OREAD)
        await f.read(1, 0)
        await fs.cat(`${s}/output`)
        expect(await fs.cat(`${s}/status`)).toMatch(/^done /)
        expect(subject.golden.text.slice(1).startsWith(decoder.decode(await f.read(8192, 1)))).toBe(true)
        await f.close()
      })
    })

    describe('stop, reset and close', () => {
      test('stop ends it within a token; what was made stays', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        const f = await m.open(`${s}/stream`, OREAD)
        await f.read(1, 0)
        await f.close()
        await fs.echo('stop', `${s}/ctl`)
        expect(await fs.cat(`${s}/status`)).toMatch(/^done /)
        const text = await fs.cat(`${s}/stream`)
        expect(text.length).toBeGreaterThan(0)
        expect(text.length).toBeLessThan(subject.golden.text.length)
        expect(subject.golden.text.startsWith(text)).toBe(true)
        expect(await fs.cat(`${s}/output`)).toBe(text)
        await fs.echo('generate', `${s}/ctl`)
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
      })

      test('stop before a start, and after an end, does nothing', async () => {
        const s = await fs.clone()
        await fs.echo('stop', `${s}/ctl`)
        expect(await fs.cat(`${s}/status`)).toBe('idle\n')
        await fs.echo('Hello', `${s}/prompt`)
        await fs.echo('temp 0\nsteps 20\ngenerate', `${s}/ctl`)
        const text = await fs.cat(`${s}/output`)
        const status = await fs.cat(`${s}/status`)
        await fs.echo('stop', `${s}/ctl`)
        expect([await fs.cat(`${s}/output`), await fs.cat(`${s}/status`)]).toEqual([text, status])
      })

      test('reset ends it and empties prompt and output; the settings stay', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        const reader = fs.cat(`${s}/output`)
        await fs.cat(`${s}/status`)
        await fs.echo('reset', `${s}/ctl`)
        expect(subject.golden.text.startsWith(await reader)).toBe(true)
        expect(await fs.cat(`${s}/status`)).toBe('idle\n')
        expect(await fs.cat(`${s}/prompt`)).toBe('')
        expect(await fs.cat(`${s}/ctl`)).toMatch(/^temp 0\n.*\nseed \d+\nsteps 320\n$/)
        const next = fs.cat(`${s}/stream`)
        await fs.echo('Hello', `${s}/prompt`)
        await fs.echo('steps 20\ngenerate', `${s}/ctl`)
        expect(await next).toBe('Hello.\nHello! Would you like to hear a story?')
      })

      test('close of a session that generates ends its readers with an error, and nothing else', async () => {
        const s = await fs.generate('Once upon a time', ...greedy)
        const t = await fs.generate('Once upon a time', ...greedy)
        const f = await m.open(`${s}/output`, OREAD)
        const blocked = f.read(100, 0)
        const refused = expect(blocked).rejects.toThrow('session not found')
        await fs.cat(`${s}/status`)
        await fs.echo('close', `${s}/ctl`)
        await refused
        await f.close()
        await expect(m.stat(s)).rejects.toThrow('session not found')
        expect(await fs.cat(`${t}/output`)).toBe(subject.golden.text)
      })

      test('a client that goes away leaves its sessions', async () => {
        const other = await subject.mount()
        const s = await new Files(other).generate('Once upon a time', ...greedy)
        await other.unmount()
        expect(await fs.cat(`${s}/output`)).toBe(subject.golden.text)
      })
    })
  })
}

/** The lines of `tokens`; a quoted text may hold newlines. */
export function parseTokens(s: string): { pos: number; id: number; logprob: number; text: string }[] {
  const line = /(\d+) (\d+) (-?\d+\.\d+) (?:'((?:[^']|'')*)'|([^ \n]*))\n/gy
  const tokens = [...s.matchAll(line)].map(t => ({
    pos: Number(t[1]),
    id: Number(t[2]),
    logprob: Number(t[3]),
    text: t[5] ?? t[4]!.replaceAll("''", "'"),
  }))
  return tokens
}
