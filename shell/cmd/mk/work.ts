import { AEXIST, access } from '../../../plan9/libc/dirread.ts'
import { getwd } from '../../../plan9/libc/env.ts'
import { quoterc } from '../../../plan9/libc/quote.ts'
import { attempt, eprint } from '../../../plan9/libc/sysfatal.ts'
import type { Files } from './file.ts'
import { type Arc, BEINGMADE, each, graph, MADE, NOTMADE, type Node } from './graph.ts'
import { subst } from './rule.ts'
import type { Jobs } from './run.ts'
import { execsh } from './shell.ts'
import { Fatal, type Mk } from './state.ts'

/** Makes targets: goes down the graph for what is out of date, and has its recipes run. */
export class Work {
  readonly mk: Mk
  readonly files: Files
  readonly jobs: Jobs
  /** What programs of P attributes said, by their command lines. */
  readonly #compared = new Map<string, boolean>()

  constructor(mk: Mk, files: Files, jobs: Jobs) {
    this.mk = mk
    this.files = files
    this.jobs = jobs
    jobs.update = (failed, node) => this.update(failed, node)
  }

  async make(target: string): Promise<void> {
    const { mk, jobs } = this
    await jobs.setlimit()
    mk.runerrs = 0
    const root = await graph(mk, this.files, target)
    if (mk.flags.debuggraph) await dump(mk, root)
    each(root, n => {
      n.pretending = false
      n.canpretend = !n.name.includes('(') || n.time !== 0
      n.state = NOTMADE
    })
    let did = false
    while (root.state & NOTMADE) {
      if (await this.work(root)) did = true
      else if (!(await jobs.wait())) break
    }
    if (root.state & BEINGMADE && !(await jobs.wait())) throw new Fatal('mk: (waitup -1) mk wait: no living children')
    while (jobs.waiting.length > 0)
      if (!(await jobs.wait())) throw new Fatal('mk: (waitup -2) mk wait: no living children')
    if (!did) await mk.out.write(`mk: '${root.name}' is up to date\n`)
  }

  /** Does what can be done for a node now: for its parent, by an arc of the parent's. @returns whether it did something */
  async work(node: Node, parent?: Node, parc?: Arc): Promise<boolean> {
    const { mk } = this
    const { flags } = mk
    const stale = async (a: Arc) => parent !== undefined && (await this.outofdate(parent, a))
    let did = false
    if (node.state & BEINGMADE) return false
    if (node.state & MADE && node.pretending && parc && (await stale(parc))) {
      if (flags.explain)
        await mk.print(
          `unpretending ${node.name}(${node.time}) because ${parent!.name} is out of date(${parent!.time})\n`,
        )
      unpretend(node)
    }
    // It may have been unpretended on another way.
    if (node.state & MADE) {
      if (!node.pretending) return false
      node.time = 0
    }
    if (node.arcs.length === 0) {
      if (node.time !== 0) {
        node.state = MADE
        return false
      }
      await mk.out.flush()
      await eprint(mk.sys, `mk: don't know how to make '${node.name}'${await this.#indir()}\n`)
      if (!flags.keepgoing) throw new Fatal('')
      node.state |= BEINGMADE
      mk.runerrs++
      return false
    }
    let ready = true
    let old = flags.all
    let newest: Arc | undefined
    for (const a of node.arcs) {
      if (a.n === undefined) {
        if (node.time === 0) {
          newest ??= a
          old = true
        }
        continue
      }
      did = (await this.work(a.n, node, a)) || did
      if (a.n.state & (NOTMADE | BEINGMADE)) ready = false
      if (await this.outofdate(node, a)) {
        old = true
        if (newest?.n === undefined || newest.n.time < a.n.time) newest = a
      }
    }
    if (!ready) return did
    if (!old) {
      node.state = MADE
      return did
    }
    if (
      !flags.intermediate &&
      node.time === 0 &&
      (node.pretending || node.canpretend) &&
      parent !== undefined &&
      newest?.n !== undefined &&
      !(await stale(newest))
    ) {
      node.canpretend = false
      node.state = MADE
      if (flags.explain && !node.pretending) await mk.print(`pretending ${node.name} has time ${node.time}\n`)
      node.pretending = true
      return did
    }
    for (const a of node.arcs) {
      const { n } = a
      if (!n?.pretending) continue
      if (flags.explain)
        await mk.out.write(
          `unpretending ${n.name} because of ${node.name} because of ${newest?.n?.name ?? 'rule with no prerequisites'}\n`,
        )
      unpretend(n)
      did = (await this.work(n, node, a)) || did
      ready = false
    }
    // With -k it may be that nothing happens any more.
    if (!ready) return did || (await this.work(node, parent, parc))
    return (await this.#recipe(node)) || did
  }

  async #indir(): Promise<string> {
    const dir = await attempt(getwd(this.mk.sys))
    return dir === undefined ? '' : ` in directory ${dir}`
  }

  /** After its recipe: what time the node has, and whether others are. */
  async update(failed: boolean, node: Node): Promise<void> {
    node.state = failed ? BEINGMADE : MADE
    if (!node.virtual && (await access(this.mk.sys, node.name, AEXIST))) {
      node.time = await this.files.time(node.name, true)
      node.canpretend = node.pretending = false
      for (const a of node.arcs) if (a.n && a.rule.prog !== undefined) await this.outofdate(node, a, true)
      return
    }
    node.time = 1
    for (const a of node.arcs) if (a.n && (await this.outofdate(node, a, true))) node.time = a.n.time
  }

  /** Whether the node is older than what the arc leads to; one of the same second is, as nobody knows which was first. */
  async outofdate(node: Node, arc: Arc, fresh = false): Promise<boolean> {
    const n = arc.n
    if (n === undefined) return false
    if (arc.rule.prog !== undefined) {
      const cmd = `${arc.rule.prog} ${quoterc(node.name)} ${quoterc(n.name)}\n`
      let old = this.#compared.get(cmd)
      if (old === undefined || fresh) {
        old = (await this.jobs.status(await execsh(this.mk, cmd, []))) !== ''
        this.#compared.set(cmd, old)
      }
      return old
    }
    if (n.name.includes('(') && n.time === 0) return true
    return node.time <= n.time
  }

  /** Has the node's recipe run, for all targets of its rule that are out of date. */
  async #recipe(node: Node): Promise<boolean> {
    const { mk, files } = this
    const arc = node.arcs.findLast(a => a.rule.recipe !== '')
    if (arc === undefined) {
      if (!node.virtual && !node.norecipe) throw new Fatal(`mk: no recipe to make '${node.name}'${await this.#indir()}`)
      if (node.name.includes('(') && node.time === 0) node.state = MADE
      else await this.update(false, node)
      if (mk.flags.touch) {
        if (!node.virtual) await files.touch(node.name)
        else if (mk.flags.explain) await mk.out.write(`no touch of virtual '${node.name}'\n`)
      }
      return false
    }
    const { rule } = arc
    const nodes = [node]
    const target: string[] = []
    const alltarget: string[] = []
    for (const w of rule.attr.has('R') ? [node.name] : rule.alltargets) {
      const name = rule.meta && !rule.attr.has('R') ? subst(arc.stem, w) : w
      alltarget.push(name)
      const n = mk.nodes.get(name)
      if (n === undefined) continue
      if (!rule.attr.has('R') && !mk.flags.all && n.time !== 0 && !(await this.#anystale(n))) continue
      target.push(name)
      if (n !== node) nodes.splice(1, 0, n)
    }
    if (nodes.some(n => n.vacuous === undefined)) return false
    const prereq = new Set<string>()
    const newprereq = new Set<string>()
    for (const n of nodes) {
      for (const a of n.arcs) {
        if (a.n === undefined) {
          if (mk.flags.explain) await mk.print(`${n.name} has no prerequisites\n`)
          continue
        }
        prereq.add(a.n.name)
        if (!(await this.outofdate(n, a))) continue
        newprereq.add(a.n.name)
        if (mk.flags.explain) await mk.print(`${n.name}(${n.time}) < ${a.n.name}(${a.n.time})\n`)
      }
      n.state = BEINGMADE
    }
    await this.jobs.run({ arc, nodes, prereq: [...prereq], newprereq: [...newprereq], target, alltarget })
    return true
  }

  async #anystale(n: Node): Promise<boolean> {
    for (const a of n.arcs) if (await this.outofdate(n, a)) return true
    return false
  }
}

function unpretend(n: Node): void {
  n.state = NOTMADE
  n.canpretend = n.pretending = false
  n.time = 0
}

/** -dg */
async function dump(mk: Mk, root: Node): Promise<void> {
  await mk.out.write('new target\n')
  const lines: string[] = []
  each(root, n => {
    lines.push(`${n.name}: time=${n.time}${n.virtual ? ' virtual' : ''}${n.vacuous ? ' vacuous' : ''}\n`)
    for (const { n: to, rule, stem } of n.arcs)
      lines.push(`    ${to?.name ?? ''} ${rule.file}:${rule.line} stem='${stem}'\n`)
  })
  for (const l of lines) await mk.out.write(l)
  await mk.out.flush()
}
