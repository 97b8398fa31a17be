import { regexec, regsub } from '../../../plan9/libc/regexp.ts'
import { stringtorunes } from '../../../plan9/libc/rune.ts'
import type { Files } from './file.ts'
import { effectless, match, type Rule, subst } from './rule.ts'
import { Fatal, type Mk } from './state.ts'

export const NOTMADE = 1
export const BEINGMADE = 2
export const MADE = 4

/** A target, with what it is made from. */
export interface Node {
  readonly name: string
  /** Seconds; 0 for what is not there. */
  time: number
  arcs: Arc[]
  /** Of NOTMADE, BEINGMADE, MADE. A target that nothing makes is both of the first, under -k. */
  state: number
  virtual: boolean
  norecipe: boolean
  delete: boolean
  /** It is there, or a rule that is no meta-rule makes it. */
  probable: boolean
  /** Only meta-rules lead to it, and from nothing; undefined until that is known. */
  vacuous: boolean | undefined
  /** A missing file between others may have the time of what it is made from, instead of being made. */
  canpretend: boolean
  pretending: boolean
}

/** What a rule says of a node: it is made from `n`, or from nothing. */
export interface Arc {
  readonly n: Node | undefined
  readonly rule: Rule
  readonly stem: string
  /** The strings of a regular expression's parts; the first one goes on to the end of the name. */
  readonly match: readonly string[]
}

/** The target's node, with all that is below it. @throws Fatal */
export async function graph(mk: Mk, files: Files, target: string): Promise<Node> {
  const node = await new Graph(mk, files).node(target)
  acyclic(node)
  node.probable = true
  vacuous(node)
  ambiguous(node)
  each(node, n => {
    for (const { rule } of n.arcs) {
      if (rule.attr.has('V')) n.virtual = true
      if (rule.attr.has('N')) n.norecipe = true
      if (rule.attr.has('D')) n.delete = true
    }
    if (n.virtual) n.time = 0
  })
  return node
}

/** Calls f for a node and all below it. */
export function each(node: Node, f: (n: Node) => void): void {
  const seen = new Set([node])
  for (const n of seen) {
    f(n)
    for (const a of n.arcs) if (a.n) seen.add(a.n)
  }
}

class Graph {
  readonly mk: Mk
  readonly files: Files
  readonly nrep: number
  /** How often each rule is in use on the way down to here. */
  readonly count: number[]

  constructor(mk: Mk, files: Files) {
    this.mk = mk
    this.files = files
    this.nrep = Math.max(Number.parseInt(mk.vars.get('NREP')?.[0] ?? '', 10) || 1, 1)
    this.count = new Array<number>(mk.rules.length).fill(0)
  }

  async node(target: string): Promise<Node> {
    const { mk, count } = this
    const known = mk.nodes.get(target)
    if (known !== undefined) return known
    const node: Node = {
      name: target,
      time: 0,
      arcs: [],
      state: 0,
      virtual: false,
      norecipe: false,
      delete: false,
      probable: false,
      vacuous: undefined,
      canpretend: false,
      pretending: false,
    }
    mk.nodes.set(target, node)
    node.time = await this.files.time(target)
    node.probable = node.time !== 0
    const arcs: Arc[] = []
    const apply = async (rule: Rule, stem: string, match: string[], name: (w: string) => string) => {
      count[rule.number]!++
      if (rule.tail.length === 0 || rule.tail[0] === '') arcs.push({ n: undefined, rule, stem, match })
      else for (const w of rule.tail) arcs.push({ n: await this.node(name(w)), rule, stem, match })
      count[rule.number]!--
    }
    for (const rule of mk.rules.of.get(target) ?? []) {
      if (rule.meta || effectless(rule) || count[rule.number]! >= this.nrep) continue
      node.probable = true
      await apply(rule, '', [], w => w)
    }
    for (const rule of mk.rules.meta) {
      if (effectless(rule)) continue
      if (rule.attr.has('n') && arcs.at(-1)?.rule.attr.has('V')) continue
      if (rule.pat) {
        const runes = stringtorunes(target)
        const m = regexec(rule.pat, runes)
        if (m === undefined || count[rule.number]! >= this.nrep) continue
        const parts = m.map(([s, e], i) =>
          s < 0 ? '' : String.fromCodePoint(...runes.slice(s, i === 0 ? undefined : e)),
        )
        await apply(rule, '', parts, w => String.fromCodePoint(...regsub(stringtorunes(w), runes, m)))
      } else {
        const stem = match(target, rule.target)
        if (stem === undefined || count[rule.number]! >= this.nrep) continue
        await apply(rule, stem, [], w => subst(stem, w))
      }
    }
    node.arcs = arcs
    return node
  }
}

function acyclic(node: Node, above = new Set<Node>(), done = new Set<Node>()): void {
  if (done.has(node)) return
  if (above.has(node)) throw new Fatal(`mk: cycle in graph detected at target ${node.name}`)
  above.add(node)
  for (const a of node.arcs) if (a.n) acyclic(a.n, above, done)
  above.delete(node)
  done.add(node)
}

/** Takes away what meta-rules would make from nothing; a rule loses all its arcs, or none. */
function vacuous(node: Node): boolean {
  if (node.vacuous !== undefined) return node.vacuous
  node.vacuous = false
  let vac = !node.probable
  const stay = new Set<Rule>()
  for (const a of node.arcs) {
    if (a.n && vacuous(a.n) && a.rule.meta) continue
    vac = false
    stay.add(a.rule)
  }
  node.arcs = node.arcs.filter(a => stay.has(a.rule))
  node.vacuous = vac
  return vac
}

/**
 * A plain rule's recipe goes before those of meta-rules; else there may be only one. Prerequisites come first.
 * @param said of the nodes above @throws Fatal
 */
function ambiguous(node: Node, said = '', seen = new Set<Node>()): void {
  if (seen.has(node)) return
  seen.add(node)
  const gone = new Set<Arc>()
  let first: Arc | undefined
  let msg = ''
  for (const a of node.arcs) {
    if (a.n) ambiguous(a.n, said + msg, seen)
    if (a.rule.recipe === '') continue
    if (first === undefined) first = a
    // The rules of one head have one recipe; like texts of two heads are two.
    else if (first.rule.alltargets !== a.rule.alltargets) {
      if (first.rule.meta && !a.rule.meta) {
        gone.add(first)
        first = a
      } else if (!first.rule.meta && a.rule.meta) gone.add(a)
      else {
        if (msg === '') msg = `mk: ambiguous recipes for ${node.name}:\n${trace(node.name, first)}`
        msg += trace(node.name, a)
      }
    }
  }
  if (msg !== '') throw new Fatal((said + msg).slice(0, -1))
  node.arcs = node.arcs.filter(a => !gone.has(a))
}

/** The way from a node down, by recipes. */
function trace(name: string, arc: Arc): string {
  let s = `\t${name}`
  for (let a: Arc | undefined = arc; a !== undefined; a = a.n?.arcs.find(b => b.rule.recipe !== ''))
    s += ` <-(${a.rule.file}:${a.rule.line})- ${a.n?.name ?? ''}`
  return `${s}\n`
}
