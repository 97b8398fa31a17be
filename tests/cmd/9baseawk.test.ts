import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../random.ts'
import { type Case, cases, files, filters, names } from './awkprograms.ts'
import { Programs } from './awkrandom.ts'
import { World } from './world.ts'

/** Plan 9's awk as Debian has it: it says what ours is to print. */
const bin = '/usr/lib/plan9/bin'

if (!existsSync(join(bin, 'awk')))
  throw new Error(`${bin} is not there: these tests compare with Plan 9's commands, Debian's package 9base`)

const rcmain = readFileSync(fileURLToPath(new URL('../../plan9/root/rc/lib/rcmain', import.meta.url)))

let dir = ''
let world: World

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), '9baseawk-'))
  for (const [name, data] of Object.entries(files)) writeFileSync(join(dir, name), data)
  world = new World({
    ...Object.fromEntries(Object.entries(files).map(([n, d]) => [`/w/${n}`, d])),
    '/rc/lib/rcmain': rcmain,
  })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

interface Out {
  stdout: string
  failed: boolean
}

/** Undefined when it did not end by itself. */
function theirs(args: string[], stdin: string): Out | undefined {
  const r = spawnSync(join(bin, 'awk'), args, {
    cwd: dir,
    input: stdin,
    timeout: 10_000,
    killSignal: 'SIGKILL',
    env: { PATH: `${bin}:/bin`, PLAN9: '/usr/lib/plan9' },
  })
  return r.signal === null ? { stdout: r.stdout.toString('latin1'), failed: r.status !== 0 } : undefined
}

async function ours(args: string[], stdin: string): Promise<Out & { stderr: string }> {
  const r = await world.run(['awk', ...args], stdin, '/w')
  return { stdout: Buffer.from(r.bytes).toString('latin1'), failed: r.status !== '', stderr: r.stderr }
}

async function same(args: string[], stdin = ''): Promise<void> {
  const { stdout, failed } = await ours(args, stdin)
  expect({ stdout, failed }).toEqual(theirs(args, stdin))
}

const argsof = (c: Case): string[] => [...(c.opts ?? []), ...(c.prog === '' ? [] : [c.prog]), ...(c.args ?? [])]
const show = (c: Case): string => argsof(c).join(' ')

/**
 * 9base's awk counts bytes where 9front's counts characters, and matches nothing inside of characters too: what depends
 * on it is not compared on what is not ASCII.
 */
const bytes = [
  'length > 12',
  '{ print gsub(/e*/, "-"), $0 }',
  '{ printf "%-10s|%5d|%6.2f|%c\\n", $1, $2, $3, NR + 64 }',
]

describe('as 9base awk has it', () => {
  it.each(filters)('%s', async prog => {
    for (const name of names) if (!(name === 'utf' && bytes.includes(prog))) await same([prog, name])
  })
  it.each(cases.filter(c => c.older === undefined).map(c => [show(c), c] as const))('%s', async (_, c) => {
    await same(argsof(c), c.stdin)
  })
})

describe('as 9front awk has it, where 9base is older', () => {
  it.each(cases.filter(c => c.older !== undefined).map(c => [`${show(c)}: ${c.older![0]}`, c] as const))(
    '%s',
    async (_, c) => {
      const o = await ours(argsof(c), c.stdin ?? '')
      expect(o.stdout).toBe(Buffer.from(c.older![1]).toString('latin1'))
      expect({ stdout: o.stdout, failed: o.failed }).not.toEqual(theirs(argsof(c), c.stdin ?? ''))
    },
  )
})

describe('random programs', () => {
  const input = 'a 10 b\n3 ab 1.5\n\nabc e1 2 x\n10 10.0 10x\n'
  /** Numbers that 9base's libc prints otherwise. */
  const large = /\d{15}|e[+-]\d|inf|nan/i

  it.each(Array.from({ length: 10 }, (_, i) => i))('60 of them, the seeds from 1000 * %i', async group => {
    let compared = 0
    for (let seed = 1000 * group; seed < 1000 * group + 60; seed++) {
      const prog = new Programs(new Random(seed)).program()
      const t = theirs([prog], input)
      if (t === undefined) continue
      const { stderr, ...o } = await ours([prog], input)
      // An empty expression is an error in 9front.
      if (stderr.includes('regexp : parsing error') || large.test(o.stdout) || large.test(t.stdout)) continue
      expect(o, `seed ${seed}:\n${prog}`).toEqual(t)
      compared++
    }
    expect(compared).toBeGreaterThan(30)
  })
})
