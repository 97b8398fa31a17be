import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildX87 } from '../../emulator/guest/build.ts'
import { readLlama2c } from '../../llmfs/engine/checkpoint.ts'
import { kv_dim } from '../../llmfs/engine/config.ts'
import { loadEngine } from '../../llmfs/engine/engine.ts'
import type { RunState } from '../../llmfs/engine/forward.ts'
import { cos, exp, log, pow10000, sin } from '../../llmfs/engine/math.ts'
import { loadReference } from '../../llmfs/engine/reference.ts'
import { draw, Sampler } from '../../llmfs/engine/sampler.ts'
import { Tokenizer } from '../../llmfs/engine/tokenizer.ts'
import { Text } from '../../llmfs/text.ts'
import { bytesSource, embedded, type Golden, golden, goldens, random, randomCheckpoint } from '../llm/models.ts'
import { cases, quantized, seed, shapes, shared } from './cases.ts'
import { machines, program, run } from './linux.ts'

const f = Math.fround

/** STRESS, how often as many, is for the night, which also goes over all floats. */
const rounds = Number(process.env.STRESS ?? 1)

/** Milliseconds: a test runs programs by the dozen. */
const timeout = 180_000

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'guest-llm-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Each way to compute: its name, the program, and its flags. */
const ways = machines.flatMap(m =>
  [[], ['-s']].flatMap(simd =>
    [1, 2, 3, 4].map(j => {
      const flags = [...simd, '-j', String(j)]
      return { way: [m, ...flags].join(' '), dump: program(m, 'dump'), flags, j }
    }),
  ),
)
const sanitized = machines.flatMap(m => [[], ['-s']].map(flags => [program(`${m}-asan`, 'dump'), flags] as const))

/** Places where two arrays differ in a bit, the first few. */
function differences(got: Float32Array, want: Float32Array): string[] {
  if (got.length !== want.length) return [`${got.length} numbers, not ${want.length}`]
  const [a, b] = [got, want].map(v => new Uint32Array(v.buffer, v.byteOffset, v.length)) as [Uint32Array, Uint32Array]
  const at: string[] = []
  for (let i = 0; i < a.length && at.length < 5; i++) if (a[i] !== b[i]) at.push(`[${i}] ${got[i]}, not ${want[i]}`)
  return at
}

const floats = (b: Uint8Array): Float32Array => new Float32Array(new Uint8Array(b).buffer)

function put(name: string, bytes: Uint8Array): string {
  const path = join(dir, name.replaceAll(' ', '-'))
  writeFileSync(path, bytes)
  return path
}

describe('the guest’s forward pass', { timeout }, () => {
  test.each(cases)('has the bits of the WASM engine’s logits: $name', async ({ name, bytes }) => {
    const b = await bytes()
    const path = put(name, b)
    const engine = await loadEngine(bytesSource(b), { simd: true, threads: 1 })
    const { vocab_size, seq_len } = engine.config
    const next = random(seed)
    const tokens = Array.from({ length: Math.min(seq_len, 70) }, () => next() % vocab_size)
    const state = engine.newState()
    const want = new Float32Array(tokens.length * vocab_size)
    tokens.forEach((t, pos) => {
      want.set(engine.forward(state, t, pos), pos * vocab_size)
    })
    engine.close()
    for (const { way, dump, flags } of ways) {
      const { out, err } = run(dump, [...flags, path, ...tokens.map(String)])
      expect([way, err, differences(floats(out), want)]).toEqual([way, '', []])
    }
  })

  test.each(cases.filter(c => !c.name.includes('_v1')))(
    'has the bits of forward.ts’s steps: $name',
    async ({ name, bytes }) => {
      const b = await bytes()
      const path = put(name, b)
      const engine = await loadReference(bytesSource(b), await readLlama2c(bytesSource(b)))
      const { config } = engine
      const { n_layers, seq_len, vocab_size } = config
      const kv = kv_dim(config)
      const next = random(seed + 1)
      const tokens = Array.from({ length: Math.min(seq_len, 18) }, () => next() % vocab_size)
      const state = engine.newState()
      const s = state as typeof state & RunState
      // What forward.ts leaves after the first layers alone is what the program shows after them.
      const want = new Map<string, Float32Array>()
      tokens.forEach((token, pos) => {
        for (let layers = 0; layers <= n_layers; layers++) {
          config.n_layers = layers
          const logits = engine.forward(state, token, pos, layers === n_layers)
          if (layers === n_layers) want.set(`${pos} logits ${layers}`, logits.slice())
          else want.set(`${pos} ${layers === 0 ? 'x' : 'ffn_out'} ${layers - 1}`, s.x.slice())
          if (layers === 0) continue
          const at = ((layers - 1) * seq_len + pos) * kv
          for (const [what, v] of [
            ['q', s.q],
            ['k', s.key_cache.subarray(at, at + kv)],
            ['v', s.value_cache.subarray(at, at + kv)],
            ['swiglu', s.hb],
          ] as const)
            want.set(`${pos} ${what} ${layers - 1}`, v.slice())
        }
      })
      for (const { way, dump, flags } of ways.filter(({ j }) => j === 1)) {
        const { out } = run(dump, ['-l', ...flags, path, ...tokens.map(String)])
        let pos = -1
        let seen = 0
        for (let i = 0; i < out.length; ) {
          const end = out.indexOf(10, i)
          const [what, layer, n] = out.subarray(i, end).toString().split(' ')
          i = end + 1 + 4 * Number(n)
          if (what === 'x') pos++
          const v = want.get(`${pos} ${what} ${layer}`)
          if (!v) continue
          seen++
          expect([way, pos, what, layer, differences(floats(out.subarray(end + 1, i)), v)]).toEqual([
            way,
            pos,
            what,
            layer,
            [],
          ])
        }
        expect(seen).toBe(want.size)
      }
    },
  )

  test.each(cases)('reads and writes only what is its own: $name', async ({ name, bytes }) => {
    const path = put(name, await bytes())
    for (const [dump, flags] of sanitized) {
      const { err, code, out } = run(dump, [...flags, '-j', '2', path, ...Array(20).fill('3')])
      expect([err, code]).toEqual(['', 0])
      expect(out.length).toBeGreaterThan(0)
    }
  })
})

describe('computed by a 387, as 8c does without SIMD', { timeout }, () => {
  let dump: string
  beforeAll(async () => {
    dump = join(await buildX87(['dump']), 'linux', '386', 'dump')
  }, timeout)

  test.each(cases)('each step has the bits of SSE2: $name', async ({ name, bytes }) => {
    const path = put(name, await bytes())
    const argv = ['-l', '-s', path, ...'12312121321221212131'.slice(0, name.includes('dim 10,') ? 1 : 20)]
    const want = run(program('amd64', 'dump'), argv).out
    expect(want.length).toBeGreaterThan(100)
    expect(run(dump, argv).out.equals(want)).toBe(true)
  })

  test(`exp, log, sin, cos and pow do (seed ${seed})`, () => {
    const next = random(seed + 3)
    const x = Float32Array.from({ length: 200_000 }, (_, i) => (next() / 2 ** 32 - 0.5) * [2, 200, 4000, 1e-5][i % 4]!)
    const want = run(program('amd64', 'dump'), ['math'], new Uint8Array(x.buffer)).out
    expect(want.length).toBe(40 * x.length)
    expect(run(dump, ['math'], new Uint8Array(x.buffer)).out.equals(want)).toBe(true)
  })
})

/** Floats of one run. */
const LOT = 1 << 20

/** The floats from the bits `first` on. */
function bitsFrom(first: number, count: number): Float32Array {
  return floats(new Uint8Array(Uint32Array.from({ length: count }, (_, i) => first + i).buffer))
}

/** The distance of two neighbouring float32 at v. */
const ulp = (v: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(v))), -126) - 23)

/** Whether a float32 is within 0.501 ulp of what it stands for; Math's functions are within 2^-28 ulp. */
function within(got: number, want: number): boolean {
  if (f(want) === Number.POSITIVE_INFINITY) return f(got) === Number.POSITIVE_INFINITY
  if (Math.abs(want) < 2 ** -126) return Math.abs(f(got)) <= 2 ** -126
  return Math.abs(f(got) - want) <= 0.501 * ulp(want)
}

describe('the guest’s functions', { timeout }, () => {
  /** Bit for bit what math.ts has, and within 0.501 ulp of float32 where RoPE, softmax and SwiGLU can ask; a NaN is a NaN. */
  function check(x: Float32Array): void {
    const [out, same] = machines.map(m => run(program(m, 'dump'), ['math'], new Uint8Array(x.buffer)).out)
    expect(same!.equals(out!)).toBe(true)
    const doubles = new Float64Array(new Uint8Array(out!).buffer)
    expect(doubles.length).toBe(5 * x.length)
    for (let i = 0; i < x.length; i++) {
      const v = x[i]!
      const turn = v >= 0 && v < 1 << 20
      const power = v >= 0 && v <= 1
      const large = v >= 1 && v < Number.POSITIVE_INFINITY
      const want = [exp(v), turn ? sin(v) : 0, turn ? cos(v) : 0, power ? pow10000(v) : 0, large ? log(v) : 0]
      const truth = [
        Math.exp(v),
        turn ? Math.sin(v) : 0,
        turn ? Math.cos(v) : 0,
        power ? 10000 ** v : 0,
        large ? Math.log(v) : 0,
      ]
      for (let j = 0; j < 5; j++) {
        const got = doubles[5 * i + j]!
        if (Number.isNaN(want[j]) && Number.isNaN(got)) continue
        if (!Object.is(got, want[j]) || !within(got, truth[j]!))
          expect.fail(`function ${j} of ${v} is ${got}; math.ts: ${want[j]}, Math: ${truth[j]}`)
      }
    }
  }

  /** Whether the floats from the bits `first` on are of a size that matters; of the others, every sixty-fourth lot. */
  function matters(first: number): boolean {
    const exponent = (Math.floor(first / 2 ** 23) % 256) - 127
    return (exponent >= -34 && exponent < 20) || Math.floor(first / LOT) % 64 === 0
  }

  test(`exp, log, sin, cos and pow have the bits of math.ts, and their bounds, over a million floats (seed ${seed})`, () => {
    const next = random(seed)
    const x = new Float32Array(1_000_000)
    const bits = new Uint32Array(x.buffer)
    for (let i = 0; i < x.length; i++)
      if (i % 2 === 0) bits[i] = next()
      else x[i] = [60, 1, 1024][i % 3]! * (next() / 2 ** 32)
    check(x)
  })

  if (process.env.STRESS)
    test('and over all floats of 2^-34 to 2^20', { timeout: 0 }, () => {
      for (let first = 0; first < 2 ** 32; first += LOT) if (matters(first)) check(bitsFrom(first, LOT))
    })

  if (process.env.STRESS)
    test('so has exp in SSE2, over all that softmax takes', { timeout: 0 }, () => {
      for (let first = 0x80000000; first < 0xff800000; first += LOT) {
        if (!matters(first)) continue
        // One more before them, which becomes the greatest.
        const x = bitsFrom(first - 1, LOT + 1)
        x[0] = 0
        const want = x.map(exp)
        for (const m of machines) {
          const { out } = run(program(m, 'dump'), ['exp'], new Uint8Array(x.buffer))
          expect([m, first, differences(floats(out).subarray(0, x.length), want)]).toEqual([m, first, []])
        }
      }
    })

  test(`exp in SSE2 has them too (seed ${seed})`, () => {
    const next = random(seed + 2)
    for (const n of [1, 2, 3, 4, 5, 7, 250_001]) {
      // The greatest is 0, so that nothing is lost in the subtraction.
      const x = Float32Array.from({ length: n }, (_, i) => (i === 0 ? 0 : -(next() / 2 ** 32) * 10 ** (i % 4)))
      let sum = 0
      const want = new Float32Array(n + 1)
      want.set(x.map(exp))
      for (const v of want.subarray(0, n)) sum = f(sum + v)
      want[n] = sum
      for (const m of machines)
        for (const flags of [[], ['-s']]) {
          const { out } = run(program(m, 'dump'), [...flags, 'exp'], new Uint8Array(x.buffer))
          expect([m, flags, n, differences(floats(out), want)]).toEqual([m, flags, n, []])
        }
    }
  })
})

describe('the guest’s tokenizer and sampler', { timeout }, () => {
  test.each([
    [1024, join(embedded, 'tokenizer.bin')] as const,
    ...(shared ? [[512, join(shared, 'tok512.bin')] as const, [32000, join(shared, 'tokenizer.bin')] as const] : []),
  ])(`%d tokens, and the text back, as tokenizer.ts and text.ts have them (seed ${seed})`, (size, path) => {
    const t = new Tokenizer(readFileSync(path), size)
    const next = random(seed)
    const lines = [
      '',
      'Once upon a time',
      'Lily and Tom',
      'a  b   c',
      'naïve café 🙂 日本語',
      '\ud7ff\ue000',
      '<0x41><s></s>',
    ]
      .map(s => Buffer.from(s))
      .concat(
        Array.from({ length: 300 }, (_, i) =>
          Buffer.from(
            Array.from({ length: next() % 60 }, () => {
              const b = i % 2 === 0 ? 97 + (next() % 8) * (next() % 4) : next() % 256
              return b === 0 || b === 10 ? 32 : b & 255
            }),
          ),
        ),
      )
    const want = Buffer.concat(
      lines.flatMap(line => {
        const ids = t.encode(line, true, false)
        const text = new Text()
        const pieces = ids.slice(1).map((id, i) => text.add(t.decode(ids[i]!, id)))
        return [Buffer.from(`${ids.join(' ')} ${pieces.join('')}\n`)]
      }),
    )
    const input = Buffer.concat(lines.flatMap(line => [line, Buffer.from('\n')]))
    for (const m of [...machines, ...machines.map(m => `${m}-asan`)]) {
      const { out, err } = run(program(m, 'dump'), ['tokens', String(size), path], input)
      expect([m, err, out.equals(want)]).toEqual([m, '', true])
    }
  })

  test.each([
    [0, 0.9],
    [0.8, 0.9],
    [1, 0.5],
    [1, 1],
    [1.3, 0],
    [0.1, 0.99],
  ])('draws as sampler.ts does at temperature %d, top-p %d', (temp, topp) => {
    for (const n of [1, 2, 5, 64, 1001]) {
      const next = random(seed + n)
      // Some are equal.
      const rows = Array.from({ length: 60 }, () => Float32Array.from({ length: n }, () => f((next() % 500) / 50 - 5)))
      const s = new Sampler(temp, topp, 12345678901234567890n)
      const want = rows.map(r => s.sample(r.slice(), { draw }))
      const input = Buffer.concat(rows.map(r => Buffer.from(r.buffer)))
      for (const m of machines)
        for (const flags of [[], ['-s']]) {
          const { out } = run(
            program(m, 'dump'),
            [...flags, 'sample', String(temp), String(topp), '12345678901234567890', String(n)],
            input,
          )
          expect([m, flags, n, out.toString().trim().split('\n').map(Number)]).toEqual([m, flags, n, want])
        }
    }
  })
})

/** What run.c's generate prints, by our engine. */
async function hostText(
  path: string,
  { temp, topp, seed, steps, prompt }: { temp: number; topp: number; seed: bigint; steps: number; prompt: string },
): Promise<string> {
  const engine = await loadEngine(bytesSource(new Uint8Array(readFileSync(path))), { simd: true, threads: 1 })
  const tokenizer = new Tokenizer(readFileSync(join(embedded, 'tokenizer.bin')), engine.config.vocab_size)
  const sampler = new Sampler(temp, topp, seed)
  const state = engine.newState()
  const ids = tokenizer.encode(Buffer.from(prompt), true, false)
  const text = new Text()
  let made = ''
  let token = ids[0]!
  for (let pos = 0; pos < steps; pos++) {
    const logits = engine.forward(state, token, pos)
    const next = pos + 1 < ids.length ? ids[pos + 1]! : sampler.sample(logits.slice())
    if (next === 1) break
    made += text.add(tokenizer.decode(token, next))
    token = next
  }
  engine.close()
  return made
}

describe('the guest’s run, runq and export', { timeout }, () => {
  const model = join(embedded, 'stories.bin')
  const modelq = join(embedded, 'stories_q80.bin')
  const z = ['-z', join(embedded, 'tokenizer.bin')]
  const programs = machines.map(m => [m] as const)

  describe.each(programs)('%s', m => {
    const runs = (name: string, ...argv: string[]) => {
      const { out, err } = run(program(m, name), argv)
      return { out: out.toString(), err }
    }

    test.each(goldens('stories.json'))('gives run.c’s greedy text for $prompt', ({ prompt, text }: Golden) => {
      for (const flags of [[], ['--no-simd'], ['-j', '3']]) {
        const { out, err } = runs('run', model, ...z, '-t', '0', '-n', '320', '-i', prompt, ...flags)
        expect(out).toBe(`${text}\n`)
        expect(err).toMatch(/^achieved tok\/s: \d+\.\d{6}\n$/)
      }
    })

    test.each([
      ['sample-t1-p0.9-s42-n100.txt', ['-t', '1', '-p', '0.9', '-s', '42', '-n', '100']],
      ['sample-t0.8-p0.95-s7-n100-lily.txt', ['-t', '0.8', '-p', '0.95', '-s', '7', '-n', '100', '-i', 'Lily and Tom']],
    ])('gives run.c’s sample %s', (sample, flags) => {
      expect(runs('run', model, ...z, ...flags).out).toBe(readFileSync(join(golden, sample), 'utf8'))
      expect(runs('run', model, ...z, ...flags, '--no-simd').out).toBe(readFileSync(join(golden, sample), 'utf8'))
    })

    test.runIf(shared)('gives run.c’s texts of stories260K', () => {
      const args = ['-z', join(shared!, 'tok512.bin')]
      for (const { prompt, text } of goldens(join(shared!, 'golden', 'stories260K.json')))
        expect(runs('run', join(shared!, 'stories260K.bin'), ...args, '-t', '0', '-n', '200', '-i', prompt).out).toBe(
          `${text}\n`,
        )
      for (const e of JSON.parse(readFileSync(join(shared!, 'expected_outputs.json'), 'utf8'))) {
        const flags: string[] = e['run.c args'].match(/"[^"]*"|\S+/g).map((w: string) => w.replaceAll('"', ''))
        expect(runs('run', join(shared!, e.model), ...args, ...flags).out.trimEnd()).toBe(e.stdout.trimEnd())
      }
    })

    test.each([
      [model, 'run'],
      [modelq, 'runq'],
    ])('draws the host’s text of %s at temperature 0.8', async (path, name) => {
      const want = await hostText(path, {
        temp: 0.8,
        topp: 0.9,
        seed: 20n,
        steps: 120,
        prompt: 'Tell me a story about Tom.',
      })
      for (const flags of [[], ['--no-simd'], ['--threads', '2']])
        expect(
          runs(name, path, ...z, '-t', '0.8', '-s', '20', '-n', '120', '-i', 'Tell me a story about Tom.', ...flags)
            .out,
        ).toBe(`${want}\n`)
    })

    test('runq gives the host’s text', () => {
      const hello = goldens('stories_q80.json').find(r => r.prompt === 'Hello')!
      expect(runs('runq', modelq, ...z, '-t', '0', '-i', 'Hello').out).toBe(`${hello.text}\n`)
    })

    test('clamps as llama2.c does', () => {
      expect(runs('run', model, ...z, '-t', '-3', '-n', '-7', '-i', 'Hello').out).toBe(
        'Hello.\nHello! Would you like to hear a story?\n',
      )
      const p = (v: string) => runs('run', model, ...z, '-p', v, '-s', '42', '-n', '40').out
      expect(p('7')).toBe(p('0.9'))
      expect(p('0.9trailing')).toBe(p('0.9'))
      expect(runs('run', model, ...z, '-t', '0', '-n', '1')).toEqual({ out: 'Once\n', err: '' })
    })

    test.each([
      [[]],
      [['m', '-t']],
      [['m', 'x', 'y']],
      [['m', '-tt', '0']],
      [['m', '-q', '0']],
      [['m', '-j', '0']],
      [['m', '-m', 'sing']],
    ])('run %j is a usage error', argv => {
      const { out, err } = runs('run', ...argv)
      expect(out).toBe('')
      expect(err).toMatch(/^(unknown mode: sing\n)?Usage: {3}run <checkpoint> \[options\]\n/)
    })

    test('says what cannot be loaded in llama2.c’s words, or ours', () => {
      expect(runs('run', '/none').err).toBe("Couldn't open file /none\n")
      expect(runs('run', '/tmp').err).toBe("Couldn't open file /tmp\n")
      expect(runs('run', model, '-z', '/none').err).toBe("couldn't load /none\n")
      expect(runs('run', model, '-z', '-').err).toBe(`${model}: no tokenizer in the model\n`)
      expect(runs('run', model, '-z', model).err).toMatch(/stories.bin: not a tokenizer/)
      expect(runs('run', modelq).err).toMatch(/a Q8_0 checkpoint: use runq\n$/)
      expect(runs('runq', model).err).toMatch(/not a Q8_0 checkpoint: use run\n$/)
    })

    test('chat takes turns with its input and ends with it', () => {
      const chat = (input: string, ...flags: string[]) =>
        run(program(m, 'run'), [model, ...z, '-t', '0', '-n', '60', '-m', 'chat', ...flags], input).out.toString()
      const out = chat('\nHello\n')
      expect(out).toMatch(/^Enter system prompt \(optional\): User: Assistant: /)
      expect(out.endsWith(chat('', '-y', '', '-i', 'Hello'))).toBe(true)
      expect(chat('')).toBe('Enter system prompt (optional): \n')
    })

    test('export makes the host’s files', async () => {
      const to = join(dir, 'out')
      const bytes = (...argv: string[]) => {
        expect(runs('export', ...argv, to)).toEqual({ out: '', err: '' })
        return readFileSync(to)
      }
      expect(bytes('quantize', model).equals(readFileSync(modelq))).toBe(true)
      for (const [i, c] of shapes.entries()) {
        const odd = randomCheckpoint(c, i % 2 === 0, seed + i)
        expect(bytes('quantize', put('odd', odd)).equals(await quantized(odd))).toBe(true)
        const again = bytes('convert', put('one', bytes('convert', '-f', '1', put('odd', odd))))
        // But for the tables of RoPE, which nothing reads.
        const table = readLlama2c(bytesSource(odd)).then(k => k.tensors.find(t => t.name === 'wcls')?.offset ?? k.bytes)
        const start = (await table) - 4 * c.seq_len * (c.dim / c.n_heads)
        odd.fill(0, start, await table)
        expect(again.equals(odd)).toBe(true)
      }
      expect(runs('export', 'info', modelq).out).toBe(
        'format llama2.c\nversion 2\ndim 128\nhidden_dim 256\nn_layers 4\nn_heads 8\nn_kv_heads 4\nvocab_size 1024\n' +
          'seq_len 320\nclassifier shared\nparams 722048\nquant q80 64\nbytes 770816\n',
      )
    })

    test('export says what it cannot do, and leaves nothing', () => {
      const to = join(dir, 'nothing')
      const wrong = (...argv: string[]) => runs('export', ...argv).err
      expect(wrong('quantize', modelq, to)).toBe(`export: ${modelq}: already quantized\n`)
      expect(wrong('convert', '-f', '1', modelq, to)).toBe(`export: ${modelq}: version 1 has no Q8_0\n`)
      expect(wrong('convert', '-f', '2', model, to)).toBe(`export: ${model}: not in Q8_0: quantize it\n`)
      expect(wrong('tokenizer', model, to)).toBe(`export: ${model}: no tokenizer in it\n`)
      const copy = put('copy', readFileSync(model))
      expect(wrong('convert', copy, copy)).toBe(`export: ${copy}: is the input\n`)
      expect(readFileSync(copy).equals(readFileSync(model))).toBe(true)
      expect(wrong('convert', '-z', model, model, to)).toMatch(/stories.bin: not a tokenizer/)
      expect(wrong()).toMatch(/^usage: export info model\n/)
      expect(() => readFileSync(to)).toThrow('ENOENT')
    })

    test(`bad checkpoints are refused in checkpoint.ts’s words (seed ${seed})`, async () => {
      const next = random(seed)
      const good = [
        randomCheckpoint(shapes[2]!, true, 1),
        await quantized(randomCheckpoint(shapes[1]!, false, 2)),
        randomCheckpoint(shapes[0]!, false, 3),
      ]
      let refused = 0
      let taken = 0
      for (let i = 0; i < 126 * rounds; i++) {
        let bad = good[i % 3]!.slice()
        const view = new DataView(bad.buffer)
        const at = [4, 4 * (next() % 9), 4 * (next() % 9), 36, 37][next() % 5]!
        switch (i % 7) {
          case 0:
            bad = bad.slice(0, [0, 3, 27, 28, 100, 255, 256, bad.length - 1, next() % bad.length][((i / 7) % 9) | 0])
            break
          case 1:
            bad = Buffer.concat([bad, Buffer.alloc(1 + (next() % 5))])
            break
          case 2:
          case 3:
            view.setInt32(at, [0, -1, 1, 3, 7, 1 << 30, -(2 ** 31), next() % 300][next() % 8]!, true)
            break
          default:
            // Of some only numbers change: those models compute, nonsense or NaN.
            for (let n = 1 + (next() % 3); n > 0; n--)
              bad[i % 7 === 6 ? next() % bad.length : next() % 41]! ^= 1 << (next() % 8)
        }
        const path = put('bad', bad)
        const want = await readLlama2c(bytesSource(bad)).then(
          () => undefined,
          (e: Error) => e.message,
        )
        const asan = run(program(`${m}-asan`, 'dump'), [...(i % 2 === 0 ? [] : ['-s']), path, '1', '2', '3'])
        if (want === undefined) {
          taken++
          expect([i, asan.err, asan.code]).toEqual([i, '', 0])
          continue
        }
        refused++
        expect(runs('export', 'info', path).err).toBe(`export: ${path}: ${want}\n`)
        expect(run(program(`${m}-asan`, 'run'), [path])).toMatchObject({ err: `${path}: ${want}\n`, code: 1 })
        expect([i, asan.err.includes(want)]).toEqual([i, true])
      }
      expect(refused).toBeGreaterThan(50)
      expect(taken).toBeGreaterThan(10)
    })

    test(`bad tokenizers are refused in tokenizer.ts’s words (seed ${seed})`, () => {
      const next = random(seed)
      const good = readFileSync(join(embedded, 'tokenizer.bin'))
      let refused = 0
      for (let i = 0; i < 80 * rounds; i++) {
        let bad = Buffer.from(good)
        if (i % 3 === 0) bad = bad.subarray(0, next() % (i % 2 === 0 ? 40 : bad.length))
        else if (i % 30 === 1) bad = Buffer.concat([bad, Buffer.alloc(1 + (next() % 20))])
        else
          for (let n = 1 + (next() % 20); n > 0; n--)
            bad[next() % (i % 2 === 0 ? 60 : bad.length)]! ^= 1 << (next() % 8)
        const path = put('bad', bad)
        let want: string | undefined
        let ids: string | undefined
        try {
          ids = new Tokenizer(bad, 1024).encode(Buffer.from('Once upon a time, Lily and Tom.'), true, false).join(' ')
        } catch (e) {
          want = (e as Error).message
        }
        const { out, err, code } = run(
          program(`${m}-asan`, 'dump'),
          ['tokens', '1024', path],
          'Once upon a time, Lily and Tom.\n',
        )
        if (want === undefined) expect([i, code, out.toString().startsWith(`${ids} `)]).toEqual([i, 0, true])
        else {
          refused++
          expect([i, code, err.includes(`${path}: ${want}`)]).toEqual([i, 1, true])
        }
      }
      expect(refused).toBeGreaterThan(30)
    })
  })
})
