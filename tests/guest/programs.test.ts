import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aoutimage } from '../../emulator/cpu/image.ts'
import { setEngineWorker } from '../../llmfs/host.ts'
import { llmPrograms } from '../../llmfs/programs.ts'
import { PNGROUP } from '../../plan9/kernel/sys.ts'
import { Testcons } from '../../plan9/kernel/testkernel.ts'
import { boot, type Machine } from '../../shell/boot.ts'
import { cpuWorker } from '../../shell/node/cpuworker.ts'
import { engineWorker } from '../../shell/node/engineworker.ts'
import { fillRoot } from '../../shell/node/root.ts'
import { golden, goldens } from '../llm/models.ts'

/** The programs that are kept in /386/bin, as they come with the system, in v86. */

let m: Machine
let cons: Testcons[]

beforeAll(() => {
  setEngineWorker(engineWorker)
  cons = [new Testcons(), new Testcons()]
  m = boot({ fill: fillRoot, programs: llmPrograms, images: [aoutimage(cpuWorker)], cons })
})
afterAll(() => setEngineWorker(undefined))

/** An rc with these commands, and what it says on fds 1 and 2. */
async function start(commands: string) {
  for (const c of cons) c.out = ''
  return m.start({ argv: ['rc', '-c', commands], cons: 0, fds: ['/dev/null', '#c0/cons', '#c1/cons'] })
}

async function rc(commands: string) {
  const status = await (await start(commands)).exited
  return { status, out: cons[0]!.out, err: cons[1]!.out }
}

const quoted = (s: string) => `'${s.replaceAll("'", "''")}'`
const stories = '/lib/llm/stories.bin -z /lib/llm/tokenizer.bin'
const q80 = '/lib/llm/stories_q80.bin -z /lib/llm/tokenizer.bin'

describe('run', () => {
  test.each(goldens('stories.json'))('gives run.c’s greedy text for $prompt', async ({ prompt, text }) => {
    const { out, err, status } = await rc(`/386/bin/run ${stories} -t 0 -n 320 -i ${quoted(prompt)}`)
    expect(out).toBe(`${text}\n`)
    expect(err).toMatch(/^achieved tok\/s: \d+\.\d{6}\n$/)
    expect(status).toBe('')
  })

  test.each([
    ['sample-t1-p0.9-s42-n100.txt', '-t 1 -p 0.9 -s 42 -n 100'],
    ['sample-t0.8-p0.95-s7-n100-lily.txt', "-t 0.8 -p 0.95 -s 7 -n 100 -i 'Lily and Tom'"],
  ])('gives run.c’s sample %s', async (file, flags) => {
    expect((await rc(`/386/bin/run ${stories} ${flags}`)).out).toBe(readFileSync(join(golden, file), 'utf8'))
  })

  test('is the same on threads and without SIMD, and as the host’s', async () => {
    const flags = "-t 0.8 -s 3 -n 40 -i 'One day'"
    const { out } = await rc(`/386/bin/run ${stories} ${flags}`)
    expect((await rc(`/386/bin/run ${stories} ${flags} -j 3`)).out).toBe(out)
    expect((await rc(`/386/bin/run ${stories} ${flags} --no-simd`)).out).toBe(out)
    expect((await rc(`run ${stories} ${flags}`)).out).toBe(out)
  })

  test('a model that there is not', async () => {
    const { status, err } = await rc('/386/bin/run /tmp/nosuch')
    expect(err).toContain('/tmp/nosuch')
    expect(status).not.toBe('')
  })
})

describe('runq', () => {
  test.each(["-t 0 -n 100 -i 'Once upon a time'", '-t 0.8 -s 11 -n 100', '-t 1 -p 0.5 -s 12 -n 60 -i Lily'])(
    'gives the tokens of the host’s: %s',
    async flags => {
      const host = await rc(`runq ${q80} ${flags}`)
      expect(host.out.length).toBeGreaterThan(50)
      const guest = await rc(`/386/bin/runq ${q80} ${flags}`)
      expect(guest.out).toBe(host.out)
      expect(guest.status).toBe('')
    },
  )
})

test('export says what the host’s says, and makes the same bytes', async () => {
  expect((await rc('/386/bin/export info /lib/llm/stories.bin')).out).toBe(
    (await rc('export info /lib/llm/stories.bin')).out,
  )
  await rc('/386/bin/export quantize /lib/llm/stories.bin /tmp/guest.bin')
  const { out, status } = await rc(
    'export quantize /lib/llm/stories.bin /tmp/host.bin; cmp /tmp/guest.bin /tmp/host.bin && ls -l /tmp/guest.bin',
  )
  expect(status).toBe('')
  expect(out).toContain('/tmp/guest.bin')
})

test('what a guest writes to a pipe is what the next one reads', async () => {
  const flags = "-z /lib/llm/tokenizer.bin -t 0 -n 20 -i 'One day'"
  const { out } = await rc(
    `/386/bin/export quantize /lib/llm/stories.bin /fd/1 | cat >/tmp/q80.bin && /386/bin/runq /tmp/q80.bin ${flags} | tr a-z A-Z`,
  )
  expect(out).toBe((await rc(`runq ${q80} -t 0 -n 20 -i 'One day'`)).out.toUpperCase())
})

test('two guests at once, and what filters make of them', async () => {
  const { out } = await rc(
    `/386/bin/run ${stories} -t 0 -n 30 -i 'Once upon a time' >[2]/dev/null | tr a-z A-Z | wc -w`,
  )
  expect(Number(out)).toBeGreaterThan(10)
  const story = goldens('stories.json')[0]!
  const two = await rc(
    `/386/bin/run ${stories} -t 0 -n 20 -i ${quoted(story.prompt)} >[2]/dev/null | sed 1q | tr A-Z a-z >/tmp/p; ` +
      `{/386/bin/run ${stories} -t 0 -n 20 >[2]/dev/null & /386/bin/run ${stories} -t 0 -n 20 -i Lily >[2]/dev/null & wait} | sort | wc -l; cat /tmp/p`,
  )
  expect(two.out).toMatch(/^ +2\n/)
  expect(two.out.toLowerCase()).toBe(two.out)
})

test('DEL ends a generation, and nothing else', async () => {
  const { pid, exited } = await start(`/386/bin/run ${stories} -t 0.9 -s 5 -n 320`)
  while (cons[0]!.out.length < 10) await new Promise(resolve => setTimeout(resolve, 5))
  m.kernel.postnote(PNGROUP, pid, 'interrupt')
  expect(await exited).toContain('interrupt')
  expect((await rc(`/386/bin/run ${stories} -t 0 -n 5`)).status).toBe('')
})

test('nm, size, file and strings know what they are', async () => {
  expect((await rc('file /386/bin/run')).out).toMatch(/386 plan 9 executable/)
  expect((await rc('size /386/bin/run')).out).toMatch(/^\d+t \+ \d+d \+ \d+b = \d+\t\/386\/bin\/run\n$/)
  expect((await rc("nm /386/bin/run | grep ' T forward$'")).out).toMatch(/^ +1[0-9a-f]{3} T forward\n|T forward\n$/)
  expect((await rc('strings /386/bin/run | grep achieved')).out).toContain('achieved tok/s')
})
