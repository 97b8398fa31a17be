import { DMDIR, OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import {
  type Program,
  RFCFDG,
  RFENVG,
  RFFDG,
  RFNAMEG,
  RFNOTEG,
  RFNOWAIT,
  RFPROC,
  type Sys,
} from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { readfile, write } from '../../plan9/libc/bio.ts'
import { dirreadall } from '../../plan9/libc/dirread.ts'
import { getenv } from '../../plan9/libc/env.ts'
import { strcmp, text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { called, type Lesson, parse, type Step } from './lesson/parse.ts'

const help = `usage: lesson [name [step]]
       lesson hint|reset|test name step
       lesson search word ...
       lesson check [name ...]`

const DIR = '/lib/lessons'
/** Of the user's home: a line for each step that is done. */
const DONE = 'lib/lessons'
/** Milliseconds that an answer may take, and between two looks. */
const PATIENCE = 60_000
const LOOK = 50

interface Found {
  name: string
  lesson: Lesson
}

async function all(sys: Sys): Promise<Found[]> {
  const fd = await sys.open(DIR, OREAD)
  const dirs = await dirreadall(sys, fd)
  await sys.close(fd)
  const found: Found[] = []
  for (const { name } of dirs.filter(d => !(d.mode & DMDIR)).sort((a, b) => strcmp(a.name, b.name))) {
    const file = `${DIR}/${name}`
    try {
      found.push({ name: called(name), lesson: parse(text(await readfile(sys, file))) })
    } catch (e) {
      throw new PlanError(`${file}: ${r(e)}`)
    }
  }
  return found
}

/** Runs a script as a child of this process, silently, in its name space. @returns its status */
async function script(sys: Sys, lines: string, sh: number): Promise<string> {
  await sys.rfork(RFPROC | RFCFDG | RFENVG | RFNOTEG, async child => {
    for (const mode of [OREAD, OWRITE, OWRITE]) await child.open('/dev/null', mode)
    return child.exec('/bin/rc', ['rc', '-c', `sh=${sh}\n${lines}`])
  })
  return (await sys.wait()).msg
}

class Progress {
  private readonly file: string
  private readonly done = new Set<string>()

  private constructor(file: string) {
    this.file = file
  }

  static async read(sys: Sys): Promise<Progress> {
    const p = new Progress(`${(await getenv(sys, 'home')) ?? '/tmp'}/${DONE}`)
    const b = await attempt(readfile(sys, p.file))
    for (const line of b ? text(b).split('\n') : []) p.done.add(line)
    return p
  }

  has(name: string, n: number): boolean {
    return this.done.has(`${name} ${n}`)
  }

  /** Keeps that a step is done; where that cannot be written, for now only. */
  async add(sys: Sys, name: string, n: number): Promise<void> {
    if (this.has(name, n)) return
    this.done.add(`${name} ${n}`)
    const lines = [...this.done].filter(l => l !== '').map(l => `${l}\n`)
    const put = async () => {
      const fd = await sys.create(this.file, OWRITE, 0o664)
      await write(sys, fd, lines.join(''))
      await sys.close(fd)
    }
    await attempt(put())
  }

  /** The first step that is not done; undefined: all are. */
  next({ name, lesson }: Found): number | undefined {
    const n = lesson.steps.findIndex((_, i) => !this.has(name, i + 1))
    return n < 0 ? undefined : n + 1
  }
}

async function show(sys: Sys, { name, lesson }: Found, n: number): Promise<void> {
  const { title, text } = lesson.steps[n - 1]!
  const head = `${lesson.title}, ${n} of ${lesson.steps.length}: ${title}`
  await write(sys, 1, `${head}\n\n${text.join('\n')}\n\nlesson ${name} looks whether it is done.\n`)
}

async function list(sys: Sys, found: Found[], progress: Progress): Promise<void> {
  for (const f of found) {
    const done = f.lesson.steps.filter((_, i) => progress.has(f.name, i + 1)).length
    await write(sys, 1, `${f.name.padEnd(12)} ${done}/${f.lesson.steps.length}  ${f.lesson.title}\n`)
  }
}

/** Whoever reads the shell's input writes it, and waits until a file appears that tells that all of it was done. */
class Learner {
  private readonly sys: Sys
  private readonly fd: number
  private readonly dir: string
  private readonly pid: number
  private n = 0

  private constructor(sys: Sys, fd: number, dir: string, pid: number) {
    this.sys = sys
    this.fd = fd
    this.dir = dir
    this.pid = pid
  }

  /** A shell with a name space and an environment of its own; `dir` is its home. */
  static async start(sys: Sys, dir: string): Promise<Learner> {
    const [ours, theirs] = await sys.pipe()
    const pid = await sys.rfork(RFPROC | RFFDG | RFENVG | RFNAMEG | RFNOTEG | RFNOWAIT, async child => {
      await child.dup(theirs, 0)
      for (const fd of [ours, theirs]) await child.close(fd)
      const out = await child.create(`${dir}/out`, OWRITE, 0o664)
      for (const fd of [1, 2]) await child.dup(out, fd)
      await child.close(out)
      return child.exec('/bin/rc', ['rc', '-i'])
    })
    await sys.close(theirs)
    const learner = new Learner(sys, ours, dir, pid)
    await learner.type(`home=${dir}; prompt=('' '')`)
    return learner
  }

  /** Types lines. @returns what the status of the last of them was */
  async type(lines: string): Promise<string> {
    const file = `${this.dir}/${++this.n}`
    await write(this.sys, this.fd, `${lines.replace(/\n$/, '')}\necho $status >${file}.part; mv ${file}.part ${file}\n`)
    for (let waited = 0; waited < PATIENCE; waited += LOOK) {
      const b = await attempt(readfile(this.sys, file))
      if (b !== undefined) return text(b).trim()
      if ((await attempt(this.sys.stat(`/proc/${this.pid}`))) === undefined) break
      await this.sys.sleep(LOOK)
    }
    throw new PlanError(`it did not end: ${lines.trim().split('\n').at(-1)}`)
  }

  async output(): Promise<string> {
    return text((await attempt(readfile(this.sys, `${this.dir}/out`))) ?? new Uint8Array(0))
  }

  async end(): Promise<void> {
    await attempt(write(this.sys, this.fd, 'exit\n'))
    await attempt(this.sys.close(this.fd))
  }
}

/** Does the lessons by their own answers; each step must not be done before, and be done after. */
async function check(sys: Sys, found: Found[]): Promise<string> {
  let wrong = 0
  for (const { name, lesson } of found) {
    const dir = `/tmp/lesson.${sys.pid}.${name}`
    for (const d of [dir, `${dir}/lib`]) await sys.close(await sys.create(d, OREAD, DMDIR | 0o775))
    const learner = await Learner.start(sys, dir)
    const complain = async (n: number, why: string) => {
      wrong++
      await eprint(sys, `lesson: ${name} ${n}: ${why}\n`)
    }
    try {
      for (const [i, step] of lesson.steps.entries()) {
        const n = i + 1
        const test = () => learner.type(`lesson test ${name} ${n}`)
        await learner.type(`lesson reset ${name} ${n}`)
        if ((await test()) === '') await complain(n, 'is done before anything was')
        if (step.answer.trim() === '') {
          await complain(n, 'no .answer')
          continue
        }
        await learner.type(step.answer)
        const status = await test()
        if (status !== '') await complain(n, `its answer does not do: ${status}\n${await learner.output()}`)
      }
      await write(sys, 1, `${name}: ${lesson.steps.length} steps\n`)
    } catch (e) {
      await complain(0, `${r(e)}\n${await learner.output()}`)
    } finally {
      await learner.end()
    }
  }
  return wrong === 0 ? '' : 'wrong'
}

const lesson: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  for (const _ of arg) await usage(sys, help)
  const args = arg.argv
  const one = (found: Found[], name: string) =>
    found.find(f => f.name === name) ?? sysfatal(sys, 'lesson', `no such lesson: ${name}`)
  try {
    const found = await all(sys)
    const [verb, ...rest] = args
    if (verb === 'check')
      return await check(sys, rest.length === 0 ? found : await Promise.all(rest.map(n => one(found, n))))
    const progress = await Progress.read(sys)
    if (verb === undefined) {
      await list(sys, found, progress)
      return ''
    }
    if (verb === 'search') {
      const words = rest.map(w => w.toLowerCase())
      if (words.length === 0) await usage(sys, help)
      const hits = found.filter(({ lesson: { title, steps } }) => {
        const texts = [title, ...steps.flatMap(s => [s.title, ...s.text])].join('\n').toLowerCase()
        return words.every(w => texts.includes(w))
      })
      await list(sys, hits, progress)
      return hits.length > 0 ? '' : 'none'
    }
    const sh = Number(text(await readfile(sys, `/proc/${sys.pid}/ppid`)))
    const stepOf = async (f: Found, s: string | undefined): Promise<[Step, number]> => {
      const step = /^\d+$/.test(s ?? '') ? f.lesson.steps[Number(s) - 1] : undefined
      return step ? [step, Number(s)] : sysfatal(sys, 'lesson', `no such step of ${f.name}: ${s}`)
    }
    if (verb === 'hint' || verb === 'reset' || verb === 'test') {
      if (rest.length !== 2) await usage(sys, help)
      const f = await one(found, rest[0]!)
      const [step, n] = await stepOf(f, rest[1])
      if (verb === 'hint') await write(sys, 1, step.hint || 'There is none: the page of the manual is where to look.\n')
      if (verb === 'reset') await script(sys, step.reset, sh)
      if (verb === 'test') {
        if ((await script(sys, step.check, sh)) !== '') return 'not done'
        await progress.add(sys, f.name, n)
      }
      return ''
    }
    if (rest.length > 1) await usage(sys, help)
    const f = await one(found, verb)
    if (rest.length === 1) {
      const [step, n] = await stepOf(f, rest[0])
      await script(sys, step.reset, sh)
      await show(sys, f, n)
      return ''
    }
    for (;;) {
      const n = progress.next(f)
      if (n === undefined) {
        await write(sys, 1, `${f.lesson.title}: done.\n`)
        return ''
      }
      if ((await script(sys, f.lesson.steps[n - 1]!.check, sh)) !== '') {
        await show(sys, f, n)
        return ''
      }
      await progress.add(sys, f.name, n)
      await write(sys, 1, `${n} is done.\n\n`)
    }
  } catch (e) {
    return sysfatal(sys, 'lesson', r(e))
  }
}
export default lesson
