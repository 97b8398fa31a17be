import { runeat, runebefore } from './bytes.ts'
import { chain, emit, type Inst, type Node } from './regexp.ts'

/**
 * Searching strings of bytes for a regular expression in time linear in the string: deterministic automata over classes
 * of runes, built as they are needed.
 *
 *   new Searcher(node).test(s)          -> whether there is a match
 *   new Searcher(node).search(s, from)  -> the leftmost longest match, in `start` and `end`
 *   new Searcher(node).search(s, from, end)  -> that of a piece of the text
 */

const NL = 10
/** States kept at most: past it an automaton is begun anew, so memory stays bounded. */
const MAXSTATES = 1000

/** The runes cut into classes that no part of the expression tells apart; newline is one by itself. */
class Alphabet {
  /** First runes of the classes, ascending. */
  readonly cuts: number[]
  readonly ascii = new Uint8Array(128)
  readonly newline: number

  constructor(node: Node) {
    const cuts = new Set([0, NL, NL + 1])
    const walk = (n: Node): void => {
      // A chain of cat or alt leans left and may be as long as the pattern.
      for (;;) {
        switch (n.t) {
          case 'class':
            for (let i = 0; i < n.ranges.length; i += 2) {
              cuts.add(n.ranges[i]!)
              cuts.add(n.ranges[i + 1]! + 1)
            }
            return
          case 'cat':
          case 'alt':
            walk(n.b)
            n = n.a
            continue
          case 'star':
          case 'plus':
          case 'quest':
          case 'sub':
            n = n.a
            continue
          default:
            return
        }
      }
    }
    walk(node)
    this.cuts = [...cuts].sort((a, b) => a - b)
    for (let c = 0; c < 128; c++) this.ascii[c] = this.find(c)
    this.newline = this.ascii[NL]!
  }

  find(r: number): number {
    let lo = 0
    let hi = this.cuts.length - 1
    while (lo < hi) {
      const mid = (lo + hi + 1) >> 1
      if (this.cuts[mid]! <= r) lo = mid
      else hi = mid - 1
    }
    return lo
  }

  /** Which classes lie in the ranges. */
  members(ranges: number[]): Uint8Array {
    const has = new Uint8Array(this.cuts.length)
    for (let i = 0; i < ranges.length; i += 2)
      for (let k = this.find(ranges[i]!); k < has.length && this.cuts[k]! <= ranges[i + 1]!; k++) has[k] = 1
    return has
  }
}

/** The state in which nothing can match any more. */
const DEAD = 0

/**
 * A state holds the threads of the search in groups, those that began earlier first. A thread is in the earliest group
 * that has it; when a group reaches the match the later ones go, for they could only match further right.
 */
interface State {
  groups: number[][]
  /** Whether a match may yet begin at positions to come. */
  seek: boolean
  /** Whether it stands at the beginning of a line. */
  bol: boolean
  /** The first group is not the one that began when all threads did last: that one has died. */
  lost: boolean
}

class Automaton {
  readonly #prog: Inst<{ op: 'class'; has: Uint8Array }>[] = []
  readonly #abc: Alphabet
  readonly #anchored: boolean
  readonly #nclass: number
  #states: State[] = []
  #index = new Map<string, number>()
  /** state * classes + class -> state; -1 where it is not known yet. */
  next = new Int32Array(0)
  /** Whether the match is reached in a state; and if a line ends there, undefined while that is not known. */
  #match: boolean[] = []
  #eol: (boolean | undefined)[] = []
  /** All threads of the state begin where it stands. */
  readonly #fresh: boolean[] = []
  /** The states to begin with, inside a line and at its beginning. */
  #first: [number, number] = [-1, -1]
  /** The state that waits for a line to begin, or -1. */
  waiting = -1

  constructor(node: Node, abc: Alphabet, back: boolean) {
    this.#abc = abc
    this.#nclass = abc.cuts.length
    this.#anchored = back
    emit(this.#prog, node, ranges => this.#prog.push({ op: 'class', has: abc.members(ranges) }), { back })
    this.#prog.push({ op: 'match' })
    this.#reset()
  }

  #reset(): void {
    this.#states = []
    this.#match = []
    this.#eol = []
    this.#fresh.length = 0
    this.#index.clear()
    this.#first = [-1, -1]
    this.waiting = -1
    this.#state([], false, false, false)
  }

  /** Follows what consumes nothing, from `pcs`. */
  #closure(pcs: number[], bol: boolean, eol: boolean, seen: Set<number>): number[] {
    const out: number[] = []
    const stack = [...pcs].reverse()
    for (;;) {
      const pc = stack.pop()
      if (pc === undefined) return out.sort((a, b) => a - b)
      if (seen.has(pc)) continue
      seen.add(pc)
      const i = this.#prog[pc]!
      if (i.op === 'jmp') stack.push(i.x)
      else if (i.op === 'split') stack.push(i.y, i.x)
      else if (i.op === 'bol') {
        if (bol) stack.push(pc + 1)
      } else {
        out.push(pc)
        if (i.op === 'eol' && eol) stack.push(pc + 1)
      }
    }
  }

  /** The groups up to the first that has the match, followed; whether there is one; and which is first now. */
  #follow(raw: number[][], bol: boolean, eol: boolean): { groups: number[][]; match: boolean; first: number } {
    const seen = new Set<number>()
    const groups: number[][] = []
    let first = raw.length
    for (const [n, g] of raw.entries()) {
      const c = this.#closure(g, bol, eol, seen)
      if (c.length === 0) continue
      groups.push(c)
      first = Math.min(first, n)
      // The match is the last instruction.
      if (c[c.length - 1] === this.#prog.length - 1) return { groups, match: true, first }
    }
    return { groups, match: false, first }
  }

  #state(raw: number[][], seek: boolean, bol: boolean, lost: boolean): number {
    const { groups, match, first } = this.#follow(seek ? [...raw, [0]] : raw, bol, false)
    if (match) seek = false
    const fresh = first >= raw.length
    lost = !fresh && (lost || first > 0)
    const key = `${seek ? 's' : ''}${bol ? '^' : ''}${lost ? '-' : ''}${fresh ? '' : '+'}${groups.join('|')}`
    let s = this.#index.get(key)
    if (s !== undefined) return s
    s = this.#states.length
    this.#index.set(key, s)
    this.#states.push({ groups, seek, bol, lost })
    this.#fresh.push(fresh)
    this.#match.push(match)
    this.#eol.push(undefined)
    if (this.next.length < (s + 1) * this.#nclass) {
      const next = new Int32Array(Math.max(64, 2 * (s + 1)) * this.#nclass)
      next.set(this.next)
      this.next = next
    }
    this.next.fill(-1, s * this.#nclass, (s + 1) * this.#nclass)
    if (s === DEAD) this.next.fill(DEAD, 0, this.#nclass)
    if (seek && groups.length === 0 && !bol) this.waiting = s
    return s
  }

  begin(bol: boolean): number {
    const s = this.#first[bol ? 1 : 0]
    if (s >= 0) return s
    return (this.#first[bol ? 1 : 0] = this.#state(this.#anchored ? [[0]] : [], !this.#anchored, bol, false))
  }

  step(s: number, k: number): number {
    if (this.#states.length > MAXSTATES) {
      const { groups, seek, bol, lost } = this.#states[s]!
      this.#reset()
      s = this.#state(groups, seek, bol, lost)
    }
    let { groups, seek, lost } = this.#states[s]!
    const nl = k === this.#abc.newline
    if (nl) {
      const f = this.#follow(groups, this.#states[s]!.bol, true)
      groups = f.groups
      if (f.match) seek = false
    }
    const to: number[][] = []
    for (const [n, g] of groups.entries()) {
      const t: number[] = []
      for (const pc of g) {
        const i = this.#prog[pc]!
        if (i.op === 'class' && i.has[k] === 1) t.push(pc + 1)
      }
      if (t.length > 0) to.push(t)
      else if (n === 0) lost = true
    }
    const n = to.length === 0 && !seek ? DEAD : this.#state(to, seek, nl, lost)
    this.next[s * this.#nclass + k] = n
    return n
  }

  matched(s: number): boolean {
    return this.#match[s]!
  }

  fresh(s: number): boolean {
    return this.#fresh[s]!
  }

  /** Whether the match of a state began where the last fresh one stood. */
  sure(s: number): boolean {
    const { groups, lost } = this.#states[s]!
    return !lost && groups.length === 1
  }

  /** Whether the match is reached where a line ends. */
  ends(s: number): boolean {
    let m = this.#eol[s]
    if (m === undefined) {
      const { groups, bol } = this.#states[s]!
      m = this.#follow(groups, bol, true).match
      this.#eol[s] = m
    }
    return m
  }
}

/** The text that an expression stands for, when it stands for one only. */
function literal(node: Node): string | undefined {
  const runes: number[] = []
  for (const p of chain(node, 'cat')) {
    if (p.t !== 'class' || p.ranges.length !== 2 || p.ranges[0] !== p.ranges[1] || p.ranges[0]! >= 0x80)
      return undefined
    runes.push(p.ranges[0]!)
  }
  return String.fromCharCode(...runes)
}

export class Searcher {
  /** Where the match that `search` found begins and ends, in bytes. */
  start = 0
  end = 0
  readonly #literal: string | undefined
  readonly #node: Node
  readonly #abc: Alphabet
  readonly #nclass: number
  readonly #forth: Automaton
  #back: Automaton | undefined

  constructor(node: Node) {
    this.#node = node
    this.#literal = literal(node)
    this.#abc = new Alphabet(node)
    this.#nclass = this.#abc.cuts.length
    this.#forth = new Automaton(node, this.#abc, false)
  }

  test(s: string): boolean {
    if (this.#literal !== undefined) return s.includes(this.#literal)
    return this.#forward(s, 0, true) >= 0
  }

  /**
   * Finds the leftmost longest match that begins at `from` or later; `^` matches at 0 and after newlines only. With `limit`
   * it ends there at the latest, and `$` matches before newlines only.
   */
  search(s: string, from = 0, limit?: number): boolean {
    if (this.#literal !== undefined) {
      // What lies behind the limit is not searched.
      const at = limit === undefined ? s.indexOf(this.#literal, from) : s.slice(from, limit).indexOf(this.#literal)
      this.start = at < 0 || limit === undefined ? at : from + at
      this.end = this.start + this.#literal.length
      return at >= 0
    }
    const end = this.#forward(s, from, false, limit)
    if (end < 0) return false
    this.end = end
    if (this.start < 0) this.start = this.#backward(s, from, end, limit === undefined)
    return true
  }

  /**
   * Where the leftmost longest match ends, or the first match when any will do; -1: there is none. `start` is set, to -1
   * when it is not known.
   */
  #forward(s: string, from: number, any: boolean, limit?: number): number {
    const dfa = this.#forth
    const { ascii, newline } = this.#abc
    const nclass = this.#nclass
    const n = limit ?? s.length
    let end = -1
    let st = dfa.begin(from === 0 || s.charCodeAt(from - 1) === NL)
    let i = from
    let fresh = from
    for (;;) {
      if (dfa.fresh(st)) fresh = i
      if (dfa.matched(st)) {
        end = i
        if (any) return end
        this.start = dfa.sure(st) ? fresh : -1
      }
      if (i >= n) break
      if (st === dfa.waiting) {
        i = s.indexOf('\n', i)
        if (i < 0 || i >= n) return end
      }
      const c = s.charCodeAt(i)
      let k: number
      let len = 1
      if (c < 0x80) k = ascii[c]!
      else {
        const x = runeat(s, i)
        len = x & 7
        k = this.#abc.find(x >>> 3)
      }
      if (k === newline && dfa.ends(st)) {
        end = i
        if (any) return end
        this.start = -1
      }
      const t = dfa.next[st * nclass + k]!
      st = t >= 0 ? t : dfa.step(st, k)
      if (st === DEAD) return end
      i += len
    }
    if (dfa.matched(st) || (limit !== undefined && s.charCodeAt(n) !== NL) || !dfa.ends(st)) return end
    this.start = -1
    return n
  }

  /** Where the longest match begins that ends at `end`, at `from` or later; `eof`: a line ends where the string does. */
  #backward(s: string, from: number, end: number, eof: boolean): number {
    this.#back ??= new Automaton(this.#node, this.#abc, true)
    const dfa = this.#back
    const { newline } = this.#abc
    let start = end
    let st = dfa.begin((eof && end === s.length) || s.charCodeAt(end) === NL)
    let i = end
    for (;;) {
      if (dfa.matched(st)) start = i
      if (i <= from) {
        if ((i === 0 || s.charCodeAt(i - 1) === NL) && dfa.ends(st)) start = i
        return start
      }
      const x = runebefore(s, i)
      const k = this.#abc.find(x >>> 3)
      if (k === newline && dfa.ends(st)) start = i
      const t = dfa.next[st * this.#nclass + k]!
      st = t >= 0 ? t : dfa.step(st, k)
      if (st === DEAD) return start
      i -= x & 7
    }
  }
}
