import { spawnSync } from 'node:child_process'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { buildLinux, buildX87 } from '../../emulator/guest/build.ts'
import { buildNode } from '../build.mjs'

const top = join(import.meta.dirname, '..', '..')
const cli = join(top, 'shell', 'node', '9ml.mjs')

/** Rounds, in each of which every way runs once; the median counts. */
const ROUNDS = 5
const STEPS = 320
/** What the 387 in v86 makes in a time that one can wait for. */
const FEW = 60

const programs = ['run', 'runq'] as const
type Name = (typeof programs)[number]
const models: Record<Name, string> = { run: 'stories.bin', runq: 'stories_q80.bin' }

interface Way {
  name: string
  steps?: number
  /** The program, and flags of its own. */
  argv(name: Name): string[]
  /** Inside 9ml, by its own shell; otherwise a program of this machine. */
  inside: boolean
}

/** Tokens a second, as the program says. */
function rate({ argv, inside }: Way, name: Name, steps: number): number {
  const lib = inside ? '/lib/llm' : join(top, 'plan9', 'root', 'lib', 'llm')
  const flags = [join(lib, models[name]), '-z', join(lib, 'tokenizer.bin'), '-t', '0', '-n', String(steps)]
  const [file, ...rest] = argv(name)
  const words = [file!, ...flags, ...rest]
  const { stderr, stdout } = inside
    ? spawnSync(process.execPath, [cli, '-c', `${words.map(w => `'${w}'`).join(' ')}`], { encoding: 'utf8' })
    : spawnSync(words[0]!, words.slice(1), { encoding: 'utf8' })
  const said = /achieved tok\/s: ([\d.]+)/.exec(stderr)
  if (!said) throw new Error(`${words.join(' ')}: ${stderr}${stdout}`)
  return Number(said[1])
}

const median = (v: number[]): number => v.sort((a, b) => a - b)[v.length >> 1]!

/**
 * run and runq: our C in v86, the same C on Linux, and the host's engine, all with one thread and on the embedded model, as
 * tokens a second of a whole run. In v86 the first hundred or so tokens are slower, until what computes is compiled:
 * `from 160 on` leaves them out.
 */
export default async function guest(_options: { json: boolean }): Promise<{ name: string; rows: string[][] }> {
  await buildNode()
  const linux = await buildLinux([...programs])
  const x87 = await buildX87([...programs])
  const plain = '--no-simd'
  const native = (name: string, dir: string, ...flags: string[]): Way => ({
    name,
    inside: false,
    argv: p => [join(dir, p), ...flags, '-j', '1'],
  })
  const v86 = (name: string, path: (p: Name) => string, ...flags: string[]): Way => ({
    name,
    inside: true,
    argv: p => [path(p), ...flags],
  })
  const ways: Way[] = [
    { name: 'the host’s engine, Node', inside: true, argv: p => [p, '-j', '1', '--no-shortcuts'] },
    native('the C, Linux, amd64', join(linux, 'amd64')),
    native('the C, Linux, 386', join(linux, '386')),
    native('the C, Linux, 386, --no-simd', join(linux, '386'), plain),
    native('the C, Linux, 387', join(x87, 'linux', '386'), plain),
    v86('the C, v86', p => `/386/bin/${p}`),
    v86('the C, v86, --no-simd', p => `/386/bin/${p}`, plain),
    { ...v86('the C, v86, 387', p => `/n/host${join(x87, 'plan9', '386', p)}`, plain), steps: FEW },
  ]

  const load = () => loadavg()[0]!.toFixed(1)
  const before = load()
  const late = 'the C, v86, from 160 on'
  const got = new Map<string, number[]>()
  const add = (way: string, name: Name, r: number) => {
    const key = `${way} ${name}`
    got.set(key, [...(got.get(key) ?? []), r])
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const name of programs)
      for (const way of ways) {
        const r = rate(way, name, way.steps ?? STEPS)
        add(way.name, name, r)
        if (way.name !== 'the C, v86') continue
        // The first token is not counted.
        const half = rate(way, name, STEPS / 2)
        add(late, name, STEPS / 2 / ((STEPS - 1) / r - (STEPS / 2 - 1) / half))
      }

  const of = (way: string, name: Name): number => median(got.get(`${way} ${name}`)!)
  const digits = (v: number): string => v.toFixed(v < 100 ? 1 : 0)
  const rows = [['tok/s, one thread', ...programs.map(p => `${p} ${models[p]}`)]]
  const names = ways.map(w => w.name)
  names.splice(names.indexOf('the C, v86') + 1, 0, late)
  for (const way of names) rows.push([way, ...programs.map(p => digits(of(way, p)))])
  for (const [what, a, b] of [
    ['v86: SIMD beside the 387', 'the C, v86', 'the C, v86, 387'],
    ['the same, from 160 on', late, 'the C, v86, 387'],
    ['v86 beside the same C on Linux', 'the C, v86', 'the C, Linux, 386'],
    ['v86 beside the host’s engine', 'the C, v86', 'the host’s engine, Node'],
  ] as const)
    rows.push([what, ...programs.map(p => (of(a, p) / of(b, p)).toPrecision(3))])
  rows.push([`load average on ${availableParallelism()} cores: ${before} before, ${load()} after`])
  return { name: 'guest', rows }
}
