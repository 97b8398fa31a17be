import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import comparer from '../../llmfs/cmd/compare.ts'
import llmfs from '../../llmfs/cmd/llmfs.ts'
import { delta, format, parse, type Run, verdict, wholeLines } from '../../llmfs/compare/record.ts'
import { setEngineWorker } from '../../llmfs/host.ts'
import { MREPL, PNPROC, RFFDG, RFPROC, type Sys } from '../../plan9/kernel/sys.ts'
import { boot, readall, type Testkernel, writefile } from '../../plan9/kernel/testkernel.ts'
import { engineWorker } from '../../shell/node/engineworker.ts'
import { command } from './command.ts'

const root = join(import.meta.dirname, '..', '..', 'plan9', 'root', 'lib', 'llm')
const run: Run = {
  settings: { prompt: "it's\na test", temp: 0.5, topp: 0.9, seed: 18446744073709551615n, steps: 3 },
  sides: [
    { tree: '/mnt/llm', tokens: [{ pos: 1, id: 7, logprob: -0.25, text: "'\n", at: 1.5 }], rate: 10.5 },
    { tree: '/n/a b', tokens: [{ pos: 1, id: 7, logprob: -0.25, text: "'\n", at: 2 }] },
  ],
  deltas: new Map([[1, [{ same: false, max: 1e-6 }]]]),
}
const withId = (id: number): Run => ({
  ...run,
  sides: run.sides.map((s, n) => (n === 1 ? { ...s, tokens: s.tokens.map(t => ({ ...t, id })) } : s)),
})

describe('a comparison', () => {
  test('is a file, and is read again', () => {
    expect(parse(format(run))).toEqual(run)
    expect(() => parse('nonsense\n')).toThrow('not a comparison')
    for (const line of ['token 0 1 7 0 0 x', 'side 3 /a', 'seed -1', 'what', 'steps x'])
      expect(() => parse(`compare 1\n${line}\n`)).toThrow(`bad comparison: line 2: ${line}`)
  })

  test('lines end outside quotes', () => {
    expect(wholeLines("a 'b\nc'\nd ''''\ne '")).toEqual({ lines: ["a 'b\nc'", "d ''''"], rest: "e '" })
  })

  test('logits are compared by their bits', () => {
    const f = (...n: number[]) => Float32Array.from(n)
    expect(delta(f(1, 2), f(1, 2))).toEqual({ same: true, max: 0 })
    expect(delta(f(0), f(-0))).toEqual({ same: false, max: 0 })
    expect(delta(f(1, 2), f(1.5, 2.25))).toEqual({ same: false, max: 0.5 })
    expect(delta(f(1), f(Number.NaN)).max).toBeNaN()
    expect(delta(f(1), f(1, 2)).max).toBeNaN()
  })

  test('has a verdict', () => {
    expect(verdict(run)).toEqual({
      status: 'logits',
      lines: ['tokens identical: 1', 'logits max |Δ| 1.00e-6 at 1, of 1 position'],
    })
    expect(verdict(run, 1e-5).status).toBe('')
    const other = withId(8)
    expect(verdict(other, 1e-5)).toMatchObject({ status: 'tokens' })
    expect(verdict(other).lines[0]).toBe("tokens differ at 1: 7 '''\n', 8 '''\n'")
    // What comes behind the first token that differs is of no interest.
    other.deltas.set(2, [{ same: false, max: 9 }])
    expect(verdict(other).lines[1]).toContain('1.00e-6 at 1, of 1 position')
  })
})

function kernel(): Testkernel {
  const t = boot()
  for (const dir of ['/mnt/a', '/mnt/b', '/lib/llm']) t.tree.mkdir(dir, 0o775)
  for (const f of ['stories.bin', 'stories_q80.bin', 'tokenizer.bin'])
    t.tree.add(`/lib/llm/${f}`, new Uint8Array(readFileSync(join(root, f))))
  t.program('llmfs', llmfs)
  t.program('compare', comparer)
  return t
}

/** Two servers, mounted; the second with `model`. */
async function servers(sys: Sys, model: string): Promise<void> {
  for (const [name, file] of [
    ['a', 'stories.bin'],
    ['b', model],
  ] as const) {
    await sys.rfork(RFPROC | RFFDG, child => child.exec('/js/bin/llmfs', ['llmfs', '-s', name]))
    await sys.wait()
    await sys.mount(await sys.open(`/srv/${name}`, 2), -1, `/mnt/${name}`, MREPL, '')
    await writefile(sys, `/mnt/${name}/ctl`, `load /lib/llm/${file} /lib/llm/tokenizer.bin`)
  }
}

describe('compare', { timeout: 60_000 }, () => {
  beforeAll(() => setEngineWorker(engineWorker))
  afterAll(() => setEngineWorker(undefined))
  const trees = ['/mnt/a', '/mnt/b']
  const sessions = async (sys: Sys) =>
    (await Promise.all(trees.map(t => sys.stat(`${t}/0`).catch(() => undefined)))).filter(d => d !== undefined)

  test('one model twice is identical to the bit, at every position; no session is left', () =>
    kernel().proc(async sys => {
      await servers(sys, 'stories.bin')
      const args = ['-a', '-n', '20', '-i', "Lily's", '-o', '/tmp/run']
      const { out, err, status } = await command(sys, ['compare', ...args, ...trees])
      expect(err).toBe('')
      expect(out.replace(/[\d.]+ tok\/s/g, 'N tok/s')).toBe(
        '/mnt/a: 20 tokens, N tok/s\n/mnt/b: 20 tokens, N tok/s\ntokens identical: 20\nlogits bit-identical: 20 positions\n',
      )
      expect(status).toBe('')
      expect(await sessions(sys)).toEqual([])
      const again = await command(sys, ['compare', '-r', '/tmp/run'])
      expect(again).toEqual({ out, err: '', status: '' })
      const saved = parse(await readall(sys, '/tmp/run'))
      expect(saved.sides[1]!.tokens.map(t => t.text).join('')).toMatch(/^Lily's/)
    }))

  test('a sampled text is the same too, and one that ends by itself', () =>
    kernel().proc(async sys => {
      await servers(sys, 'stories.bin')
      for (const flags of [
        ['-t', '1', '-s', '42', '-n', '60'],
        ['-n', '0', '-i', 'Hello'],
      ]) {
        const { out, status } = await command(sys, ['compare', ...flags, ...trees])
        expect(out).toMatch(/\nlogits bit-identical: 1 position\n$/)
        expect(status).toBe('')
      }
    }))

  test('another model differs: where, and by how much; every token with -v', () =>
    kernel().proc(async sys => {
      await servers(sys, 'stories_q80.bin')
      const { out, status } = await command(sys, ['compare', '-alv', '-n', '12', ...trees])
      const max = Number(/max \|Δ\| (\S+) at \d+/.exec(out)?.[1])
      expect(max).toBeGreaterThan(0)
      expect(max).toBeLessThan(10)
      expect(out.match(/^\d+\*?\t\d+ \S+ .*\t\d+ \S+ /gm)?.length).toBeGreaterThanOrEqual(1)
      expect(out).toMatch(/^logits 1\t[\d.e-]+$/m)
      expect(status).toMatch(/: (tokens|logits)$/)
      const loose = await command(sys, ['compare', '-n', '1', '-e', '10', ...trees])
      expect(loose.status).toMatch(/tokens identical/.test(loose.out) ? /^$/ : /: tokens$/)
    }))

  test('what cannot be compared: the tree is named, and nothing is left', () =>
    kernel().proc(async sys => {
      await servers(sys, 'stories.bin')
      const fails = async (...argv: string[]) => (await command(sys, ['compare', ...argv])).err
      expect(await fails('/mnt/a', '/nosuch')).toMatch(/^compare: .*\/nosuch/)
      await writefile(sys, '/mnt/b/ctl', 'unload')
      expect(await fails(...trees)).toBe('compare: /mnt/b: model not loaded\n')
      expect(await sessions(sys)).toEqual([])
      expect(await fails('-r', '/lib/llm/tokenizer.bin')).toBe('compare: /lib/llm/tokenizer.bin: not a comparison\n')
      for (const argv of [[], ['/mnt/a'], ['-s', '0', ...trees], ['-t', 'x', ...trees], ['-r', 'x', '/mnt/a']])
        expect(await fails(...argv)).toMatch(/^usage: compare /)
    }))

  test('DEL stops every side', () =>
    kernel().proc(async sys => {
      await servers(sys, 'stories.bin')
      let pid = 0
      const ended = (async () => {
        pid = await sys.rfork(RFPROC | RFFDG, child =>
          child.exec('/js/bin/compare', ['compare', '-a', '-n', '0', '-i', 'Once upon a time', ...trees]),
        )
        return sys.wait()
      })()
      while ((await sessions(sys)).length < 2) await sys.sleep(5)
      await sys.postnote(PNPROC, pid, 'interrupt')
      expect((await ended).msg).toContain('interrupted')
      expect(await sessions(sys)).toEqual([])
    }))
})
