import { PlanError } from '../../../plan9/error.ts'

/** Lessons as files: lesson(6). */

export interface Step {
  title: string
  /** Lines of prose, and of commands, which begin with a tab. */
  text: string[]
  hint: string
  /** Scripts of rc's. `check` has an empty status when the step is done. */
  check: string
  reset: string
  answer: string
}

export interface Lesson {
  title: string
  steps: Step[]
}

const scripts = ['hint', 'check', 'reset', 'answer'] as const

/** @throws PlanError with the line's number */
export function parse(text: string): Lesson {
  const lesson: Lesson = { title: '', steps: [] }
  let step: Step | undefined
  let into: (typeof scripts)[number] | undefined
  text.split('\n').forEach((line, i) => {
    const bad = (why: string) => new PlanError(`line ${i + 1}: ${why}`)
    const [, word, rest] = /^\.([a-z]+) ?(.*)$/.exec(line) ?? []
    if (word === 'title') lesson.title = rest!
    else if (word === 'step') {
      step = { title: rest!, text: [], hint: '', check: '', reset: '', answer: '' }
      lesson.steps.push(step)
      into = undefined
    } else if (word !== undefined) {
      into = scripts.find(s => s === word)
      if (!into) throw bad(`unknown: .${word}`)
      if (!step) throw bad(`.${word} before a .step`)
    } else if (step && into) step[into] += `${line}\n`
    else if (step) step.text.push(line)
    else if (line !== '') throw bad('text before a .step')
  })
  if (lesson.title === '') throw new PlanError('no .title')
  if (lesson.steps.length === 0) throw new PlanError('no .step')
  lesson.steps.forEach((s, i) => {
    if (s.check.trim() === '') throw new PlanError(`step ${i + 1}: no .check`)
    while (s.text.at(-1) === '') s.text.pop()
    while (s.text[0] === '') s.text.shift()
  })
  return lesson
}

/** The name by which a lesson is called, of its file's: without the number that puts it in order. */
export const called = (file: string): string => file.replace(/^\d+-/, '')
