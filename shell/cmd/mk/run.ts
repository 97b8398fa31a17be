import { PlanError } from '../../../plan9/error.ts'
import { attempt, eprint } from '../../../plan9/libc/sysfatal.ts'
import { now } from '../../../plan9/libc/tm.ts'
import type { Files } from './file.ts'
import { type Arc, MADE, type Node } from './graph.ts'
import { execsh, recipeenv, shprint } from './shell.ts'
import { Fatal, type Mk } from './state.ts'
import { empty } from './word.ts'

/** A recipe to run, and what it is run for. */
export interface Job {
  /** The rule, its stem and its match. */
  arc: Arc
  nodes: Node[]
  prereq: string[]
  newprereq: string[]
  target: string[]
  alltarget: string[]
}

/** The recipes that wait and that run, and all other children of mk's. */
export class Jobs {
  readonly mk: Mk
  readonly files: Files
  /** Called for each target of a recipe that has ended. */
  update: (failed: boolean, node: Node) => Promise<void> = async () => {}
  waiting: Job[] = []
  /** By slots: from 0 up to NPROC. */
  readonly #running: ({ pid: number; job: Job } | undefined)[] = []
  /** The statuses of children that are no recipes. */
  readonly #others = new Map<number, string>()
  #limit = 1
  /** For -u: seconds that so many recipes were running, since the last change. */
  readonly #seconds: number[] = []
  #since = 0

  constructor(mk: Mk, files: Files) {
    this.mk = mk
    this.files = files
  }

  get #nrunning(): number {
    return this.#running.filter(s => s !== undefined).length
  }

  /** Takes NPROC as it is now. */
  async setlimit(): Promise<void> {
    const n = this.mk.vars.get('NPROC')
    if (n !== undefined && !empty(n)) this.#limit = Number.parseInt(n[0]!, 10) || 0
    this.#limit = Math.max(this.#limit, 1)
    if (this.mk.flags.debugexec) await this.mk.print(`nprocs = ${this.#limit}\n`)
  }

  async run(job: Job): Promise<void> {
    this.waiting.push(job)
    if (this.#nrunning < this.#limit) await this.#next()
  }

  async #next(): Promise<void> {
    const { mk, files } = this
    const { flags } = mk
    await this.tick()
    const job = this.waiting.shift()
    if (job === undefined) return
    const { rule } = job.arc
    if (flags.debugexec) await mk.print(`firing up job for target ${job.target.join(' ')}\n`)
    const slot = Array.from({ length: this.#limit }, (_, i) => this.#running[i]).indexOf(undefined)
    const own = this.#variables(job, slot)
    if (!flags.touch && (flags.noexec || !rule.attr.has('Q'))) await mk.out.write(shprint(mk, rule.recipe, own))
    if (!flags.noexec && !flags.touch) {
      if (flags.debugexec) await mk.print(`recipe='${rule.recipe}'\n`)
      const pid = await execsh(mk, rule.recipe, recipeenv(mk, own), { e: !rule.attr.has('E') })
      this.#running[slot] = { pid, job }
      if (flags.debugexec) await mk.print(`pid for target ${job.target.join(' ')} = ${pid}\n`)
      return
    }
    for (const n of job.nodes) {
      if (flags.touch && !n.virtual) await files.touch(n.name)
      else if (flags.touch && flags.explain) await mk.out.write(`no touch of virtual '${n.name}'\n`)
      n.time = (await now(mk.sys)).sec
      n.state = MADE
    }
  }

  #variables({ arc, ...job }: Job, slot: number): Map<string, string[]> {
    const isre = arc.rule.pat !== undefined
    const newmember = job.newprereq.flatMap(p => /\(([^)]*)\)/.exec(p)?.[1] ?? [])
    return new Map([
      ['target', job.target],
      ['stem', [isre ? '' : arc.stem]],
      ['prereq', job.prereq],
      ['pid', [String(this.mk.sys.pid)]],
      ['nproc', [String(slot)]],
      ['newprereq', job.newprereq],
      ['alltarget', job.alltarget],
      ['newmember', newmember],
      ...Array.from({ length: 10 }, (_, i): [string, string[]] => [`stem${i}`, [arc.match[i] ?? '']]),
    ])
  }

  /** Waits until a recipe has ended. False when there are no children. @throws Fatal for a recipe that failed, without -k */
  async wait(): Promise<boolean> {
    for (;;) {
      const w = await this.#child()
      if (w === undefined) return false
      const slot = this.#running.findIndex(s => s?.pid === w.pid)
      if (slot >= 0) {
        await this.#ended(slot, w.msg)
        return true
      }
      this.#others.set(w.pid, w.msg)
    }
  }

  /** The status of a child that is no recipe; recipes may end meanwhile. */
  async status(pid: number): Promise<string> {
    for (;;) {
      const msg = this.#others.get(pid)
      if (msg !== undefined) {
        this.#others.delete(pid)
        return msg
      }
      const w = await this.#child()
      if (w === undefined) throw new Fatal('mk: (waitup -3) mk wait: no living children')
      const slot = this.#running.findIndex(s => s?.pid === w.pid)
      if (slot >= 0) await this.#ended(slot, w.msg)
      else this.#others.set(w.pid, w.msg)
    }
  }

  async #child() {
    const w = await attempt(this.mk.sys.wait())
    if (w !== undefined && this.mk.flags.debugexec) await this.mk.print(`waitup got pid=${w.pid}, status='${w.msg}'\n`)
    return w
  }

  async #ended(slot: number, msg: string): Promise<void> {
    const { mk, files } = this
    const { job } = this.#running[slot]!
    await this.tick()
    this.#running[slot] = undefined
    if (msg !== '') {
      const doomed = job.nodes.filter(n => n.delete).map(n => n.name)
      const names = doomed.map(n => ` '${n}'`).join('')
      const recipe = front(shprint(mk, job.arc.rule.recipe, this.#variables(job, slot)))
      for (const n of doomed) await files.remove(n)
      await eprint(mk.sys, `mk: ${recipe}: exit status=${msg}${doomed.length > 0 ? `, deleting${names}` : ''}\n`)
      if (!mk.flags.keepgoing) {
        this.waiting = []
        throw new Fatal('')
      }
      mk.runerrs++
    }
    for (const t of job.target) {
      const n = mk.nodes.get(t)
      if (n !== undefined) await this.update(msg !== '', n)
    }
    if (this.#nrunning < this.#limit) await this.#next()
  }

  /** No more recipes; waits for those that run. */
  async interrupt(note: string): Promise<void> {
    this.mk.flags.keepgoing = true
    this.waiting = []
    while (await this.wait());
    await this.mk.out.write(`mk: ${note}\n`)
  }

  /** Waits for all children, whatever becomes of them. */
  async drain(): Promise<void> {
    try {
      for (;;) await this.mk.sys.wait()
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
    }
  }

  async tick(): Promise<void> {
    const { sec } = await now(this.mk.sys)
    const n = this.#nrunning
    if (this.#since !== 0) this.#seconds[n] = (this.#seconds[n] ?? 0) + sec - this.#since
    this.#since = sec
  }

  /** -u: for each number of recipes, the seconds that so many ran. */
  async usage(): Promise<void> {
    await this.tick()
    for (let i = 0; i <= this.#limit; i++) await this.mk.print(`${i}: ${this.#seconds[i] ?? 0}\n`)
  }
}

/** The first words of a recipe and its last, each with a blank. */
function front(recipe: string): string {
  const words = recipe.split(/[ \t\n]/)
  const shown = words.length > 5 ? [...words.slice(0, 3), '...', words.at(-1)!] : words
  return shown.map(w => `${w} `).join('')
}
