import { expect, test } from 'vitest'
import { Random } from '../random.ts'
import { real } from './9base.ts'
import { program, shrink } from './random.ts'
import { World } from './world.ts'

const seed = Number(process.env['SEED'] ?? 9)
const PROGRAMS = Number(process.env['PROGRAMS'] ?? 10_000)
/** Programs of one run of rc: each in a process of its own, made by @, and in a directory of its own. */
const BATCH = 250
/** Choices that a program is made of at most. */
const CHOICES = 400

const shared = { 'g/a.c': 'a\n', 'g/b.c': 'b\n', 'g/c.h': 'c\n', 'g/.hidden': '', 'g/d/e': 'e\n', 'g/ f': '' }

function batch(programs: string[]): Record<string, string> {
  const files: Record<string, string> = { ...shared, script: '' }
  programs.forEach((text, i) => {
    files[`${i}/script`] = text
    files['script'] +=
      `@{rfork e; x=(one two three) y=b z=z long_name=(a '' c) é='e f' ref=x; cd ${i}; . ./script}\nEND=$status; whatis END\n`
  })
  return files
}

/** What each program of a batch printed, and `ok` or `failed`; those that were not run to their end are missing. */
function outputs(out: string): string[] {
  return out
    .split(/(?<=END=.*\n)/)
    .filter(s => /END=.*\n$/.test(s))
    .map(s => s.replace(/END='?(.*?)'?\n$/, (_, status: string) => (/^[|0]*$/.test(status) ? 'ok' : 'failed')))
}

async function ours(files: Record<string, string>, seconds = 30): Promise<{ out: string; err: string }> {
  const world = new World(Object.fromEntries(Object.entries(files).map(([name, text]) => [`/t/${name}`, text])))
  let limit: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>(resolve => {
    limit = setTimeout(resolve, seconds * 1000)
  })
  await Promise.race([world.script(['./script']), late])
  clearTimeout(limit)
  return { out: world.text('/io/out'), err: world.text('/io/err') }
}

async function differs(text: string): Promise<boolean> {
  const files = batch([text])
  const [a, b] = await Promise.all([ours(files, 5), real(files, 5)])
  return outputs(a.out)[0] !== outputs(b.out)[0]
}

test(`our rc does with ${PROGRAMS} random programs what 9base's does (SEED=${seed})`, async () => {
  const random = new Random(seed)
  for (let n = 0; n < PROGRAMS; n += BATCH) {
    const choices = Array.from({ length: Math.min(BATCH, PROGRAMS - n) }, () =>
      Array.from({ length: CHOICES }, () => random.int(2520)),
    )
    const texts = choices.map(program)
    const files = batch(texts)
    const [a, b] = await Promise.all([ours(files), real(files, 60)])
    const left = outputs(a.out)
    const right = outputs(b.out)
    const i = texts.findIndex((_, i) => left[i] === undefined || left[i] !== right[i])
    if (i < 0) continue
    const text = program(await shrink(choices[i]!, c => differs(program(c))))
    const alone = batch([text])
    const [x, y] = await Promise.all([ours(alone), real(alone)])
    const what = `program ${n + i} of SEED=${seed}:\n${text}\nsaid\n${x.err}and 9base's\n${y.err}shrunk from\n${texts[i]}`
    expect(outputs(x.out)[0], what).toBe(outputs(y.out)[0])
    throw new Error(`in its batch only, ${left[i] ?? 'no end'} is not ${right[i] ?? 'no end'}: ${what}`)
  }
}, 600_000)
