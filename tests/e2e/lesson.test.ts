import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from '../../shell/cmd/lesson/parse.ts'
import { ml } from './ml.ts'

/** The lessons, each done by its own answers; and the command as a learner meets it. */

const dir = join(import.meta.dirname, '..', '..', 'plan9', 'root', 'lib', 'lessons')

test.each(readdirSync(dir))('%s can be done, and is not done before', { timeout: 120_000 }, async file => {
  const { steps } = parse(readFileSync(join(dir, file), 'utf8'))
  const name = file.replace(/^\d+-/, '')
  const { code, out, err } = await ml(['-c', `lesson check ${name}`])
  expect(err).toBe('')
  expect(out).toBe(`${name}: ${steps.length} steps\n`)
  expect(code).toBe(0)
})

test('there are at least twelve', () => expect(readdirSync(dir).length).toBeGreaterThanOrEqual(12))

test('a learner is led from step to step, and may go back', { timeout: 60_000 }, async () => {
  const { out } = await ml([
    '-c',
    'home=/tmp; mkdir /tmp/lib; lesson files; mkdir /tmp/l; echo hello >/tmp/l/greeting; lesson files; ' +
      'lesson hint files 1; lesson files 1; lesson test files 1; echo $status; lesson | sed 1q; lesson search unions',
  ])
  expect(out).toMatch(
    /^Files and rc, 1 of 4: A line to rc\n[\s\S]*\n1 is done\.\n\nFiles and rc, 2 of 4: A line more\n/,
  )
  expect(out).toContain('\nThe directory must be there before a file can be made in it.\nFiles and rc, 1 of 4')
  expect(out).toMatch(/\nlesson \d+: not done\nfiles +1\/4 +Files and rc\nbind +0\/3 +Bind and unions\n$/)
})

test('what is wrong with a lesson is told, and check can fail', { timeout: 60_000 }, async () => {
  const check = (text: string) =>
    ml(['-c', `mkdir /tmp/m; cat >/tmp/m/x <<'E'\n${text}\nE\nbind /tmp/m /lib/lessons && lesson check`])
  const step = '.title t\n.step s\ndo it\n'
  expect((await check(`${step}.check\ntest -f /tmp/a\n.answer\ntouch /tmp/a`)).out).toBe('x: 1 steps\n')
  const early = await check(`${step}.check\ntest -d /tmp\n.answer\necho`)
  expect(early.err).toBe('lesson: x 1: is done before anything was\n')
  expect(early.code).toBe(1)
  expect((await check(`${step}.check\ntest -f /tmp/a\n.answer\necho no`)).err).toContain('its answer does not do')
  expect((await check(`${step}.check\ntest -f /tmp/a`)).err).toContain('no .answer')
  expect((await check('.title t\n.step s\n.what')).err).toBe('lesson: /lib/lessons/x: line 3: unknown: .what\n')
  expect((await check(step)).err).toBe('lesson: /lib/lessons/x: step 1: no .check\n')
  expect((await ml(['-c', 'lesson nosuch'])).err).toBe('lesson: no such lesson: nosuch\n')
  expect((await ml(['-c', 'lesson files 9'])).err).toBe('lesson: no such step of files: 9\n')
})
