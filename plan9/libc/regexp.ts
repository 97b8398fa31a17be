import { Runemax, runetochar, stringtorunes } from './rune.ts'

/**
 * Regular expressions, regexp(6). Both matchers take time linear in their input whatever the pattern: `regexec` (with
 * submatches, over runes) steps all threads of an automaton at once; `LineMatcher` (yes or no, over bytes) builds a
 * deterministic automaton as it goes.
 *
 *   regcomp(pattern)                 -> Reprog; throws RegexpError
 *   regexec(prog, runes, start)      -> the leftmost longest match, [[sp, ep], ...], or undefined
 *   regsub(template, runes, match)   -> \1 and & put in, as regexp(2) does
 *   new LineMatcher(node)            -> grep's
 */

export class RegexpError extends Error {
  override name = 'RegexpError'
}

/** A parsed expression. `class` holds inclusive pairs lo, hi in ascending order, disjoint. */
export type Node =
  | { t: 'class'; ranges: number[] }
  | { t: 'bol' | 'eol' | 'empty' }
  | { t: 'cat' | 'alt'; a: Node; b: Node }
  | { t: 'star' | 'plus' | 'quest'; a: Node }
  | { t: 'sub'; a: Node; n: number }

/** How a program differs from regexp(6). */
export interface RegcompOptions {
  /** ASCII letters match in either case. */
  fold?: boolean
  /** A `.` and a negated class match newlines too, regcompnl(2). */
  nl?: boolean
  /** grep(1)'s: newlines in the pattern separate alternatives, and a leading `*` makes the rest of a line literal. */
  grep?: boolean
}

const NL = 10

function normal(pairs: [number, number][]): number[] {
  pairs.sort((a, b) => a[0] - b[0])
  const out: number[] = []
  for (const [lo, hi] of pairs) {
    if (lo > hi) continue
    if (out.length > 0 && lo <= out[out.length - 1]! + 1) out[out.length - 1] = Math.max(out[out.length - 1]!, hi)
    else out.push(lo, hi)
  }
  return out
}

function negate(ranges: number[], max: number): number[] {
  const out: number[] = []
  let lo = 0
  for (let i = 0; i < ranges.length; i += 2) {
    if (ranges[i]! > lo) out.push(lo, ranges[i]! - 1)
    lo = ranges[i + 1]! + 1
  }
  if (lo <= max) out.push(lo, max)
  return out
}

function foldcase(pairs: [number, number][]): [number, number][] {
  const out = [...pairs]
  for (const [lo, hi] of pairs) {
    const up: [number, number] = [Math.max(lo, 97) - 32, Math.min(hi, 122) - 32]
    const down: [number, number] = [Math.max(lo, 65) + 32, Math.min(hi, 90) + 32]
    for (const p of [up, down]) if (p[0] <= p[1]) out.push(p)
  }
  return out
}

/** Bytes that are no UTF-8 stand above Runemax (rune.ts): so `.` and negated classes take them as well. */
const Maxrune = Runemax + 1 + 0xff

class Parser {
  readonly src: number[]
  readonly opt: RegcompOptions
  pos = 0
  nsub = 0
  depth = 0

  constructor(pattern: string, opt: RegcompOptions) {
    this.src = stringtorunes(pattern)
    this.opt = opt
  }

  fail(msg: string): never {
    throw new RegexpError(msg)
  }

  peek(): string | undefined {
    const c = this.src[this.pos]
    return c === undefined ? undefined : String.fromCodePoint(c)
  }

  parse(): Node {
    let node: Node | undefined
    do {
      const e = this.line()
      node = node === undefined ? e : { t: 'alt', a: node, b: e }
    } while (this.opt.grep && this.src[this.pos] === NL && ++this.pos < this.src.length)
    if (this.pos < this.src.length)
      this.fail(this.peek() === ')' ? 'no matching parenthesis' : `syntax error: ${this.peek()}`)
    return node
  }

  line(): Node {
    if (!this.opt.grep || this.peek() !== '*') return this.alt()
    this.pos++
    let node: Node = { t: 'empty' }
    while (this.pos < this.src.length && this.src[this.pos] !== NL)
      node = { t: 'cat', a: node, b: this.literal(this.src[this.pos++]!) }
    if (node.t === 'empty') this.fail('empty pattern')
    return node
  }

  literal(r: number): Node {
    return this.class([[r, r]])
  }

  class(pairs: [number, number][]): Node {
    return { t: 'class', ranges: normal(this.opt.fold ? foldcase(pairs) : pairs) }
  }

  alt(): Node {
    let node = this.cat()
    while (this.peek() === '|') {
      this.pos++
      node = { t: 'alt', a: node, b: this.cat() }
    }
    return node
  }

  cat(): Node {
    let node: Node | undefined
    for (;;) {
      const c = this.peek()
      if (c === undefined || c === '|' || c === ')' || (this.opt.grep && c === '\n')) break
      const e = this.rep()
      node = node === undefined ? e : { t: 'cat', a: node, b: e }
    }
    if (node === undefined)
      this.fail(
        this.peek() === undefined ? 'empty pattern' : `syntax error: ${JSON.stringify(this.peek()).slice(1, -1)}`,
      )
    return node
  }

  rep(): Node {
    let node = this.atom()
    for (;;) {
      const c = this.peek()
      // Repeating a repetition twice is the same as repeating it once.
      const t = c === '*' ? 'star' : c === '+' ? 'plus' : c === '?' ? 'quest' : undefined
      if (t === undefined) return node
      this.pos++
      node = node.t === t || node.t === 'star' ? node : { t, a: node }
    }
  }

  atom(): Node {
    const c = this.peek()!
    this.pos++
    switch (c) {
      case '*':
      case '+':
      case '?':
        return this.fail(`syntax error: ${c}`)
      case '.':
        return { t: 'class', ranges: this.opt.nl ? [0, Maxrune] : negate([NL, NL], Maxrune) }
      case '^':
        return { t: 'bol' }
      case '$':
        return { t: 'eol' }
      case '[':
        return this.charclass()
      case '(': {
        if (++this.depth > 1000) this.fail('too many parentheses')
        const n = ++this.nsub
        const a = this.alt()
        if (this.peek() !== ')') this.fail('no matching parenthesis')
        this.pos++
        this.depth--
        return { t: 'sub', a, n }
      }
      case '\\': {
        const r = this.src[this.pos]
        if (r === undefined) return this.literal(92)
        this.pos++
        return this.literal(r === 110 && !this.opt.grep ? NL : r)
      }
      default:
        return this.literal(c.codePointAt(0)!)
    }
  }

  charclass(): Node {
    const pairs: [number, number][] = []
    let negated = false
    if (this.peek() === '^') {
      negated = true
      this.pos++
    }
    const one = (): number => {
      let r = this.src[this.pos++]
      if (r === 92) {
        r = this.src[this.pos++]
        if (r === 110 && !this.opt.grep) r = NL
      }
      if (r === undefined) this.fail('No closing ] for class')
      return r
    }
    while (this.peek() !== ']') {
      if (this.peek() === '-' && !this.opt.grep) this.fail('Malformed class')
      const lo = one()
      let hi = lo
      if (this.peek() === '-') {
        this.pos++
        if (this.peek() === ']') this.fail('Malformed class')
        hi = one()
        if (hi < lo && !this.opt.grep) this.fail('Malformed class')
      }
      pairs.push([lo, hi])
    }
    if (pairs.length === 0) this.fail('Malformed class')
    this.pos++
    const ranges = normal(this.opt.fold ? foldcase(pairs) : pairs)
    if (!negated) return { t: 'class', ranges }
    return {
      t: 'class',
      ranges: negate(this.opt.nl ? ranges : normal([...pairsof(ranges), [NL, NL]]), Maxrune),
    }
  }
}

function pairsof(ranges: number[]): [number, number][] {
  const out: [number, number][] = []
  for (let i = 0; i < ranges.length; i += 2) out.push([ranges[i]!, ranges[i + 1]!])
  return out
}

/** Parses only. @throws RegexpError */
export function regparse(pattern: string, opt: RegcompOptions = {}): { node: Node; nsub: number } {
  const p = new Parser(pattern, opt)
  const node = p.parse()
  return { node, nsub: p.nsub }
}

/** `class` is what stands for a class of characters. */
export type Inst<Class> =
  | Class
  | { op: 'split'; x: number; y: number }
  | { op: 'jmp'; x: number }
  | { op: 'save'; n: number }
  | { op: 'bol' | 'eol' | 'match' }

type RangesInst = Inst<{ op: 'class'; ranges: number[] }>

/** The parts of a chain of cat or alt. It leans left and may be as long as the pattern: too long to recurse into. */
export function chain(node: Node, t: 'cat' | 'alt'): Node[] {
  const parts: Node[] = []
  while (node.t === t) {
    parts.push(node.b)
    node = node.a
  }
  parts.push(node)
  return parts.reverse()
}

/**
 * Lays a node out as instructions behind those of `prog`; `leaf` lays out a class. Split prefers x.
 *
 *   save   whether there are instructions that note where parentheses begin and end
 *   back   what matches its strings read backwards
 */
export function emit<Class>(
  prog: Inst<Class>[],
  node: Node,
  leaf: (ranges: number[]) => void,
  { save = false, back = false } = {},
): void {
  const lay = (node: Node): void => {
    switch (node.t) {
      case 'class':
        leaf(node.ranges)
        return
      case 'bol':
      case 'eol':
        prog.push({ op: back ? (node.t === 'bol' ? 'eol' : 'bol') : node.t })
        return
      case 'empty':
        return
      case 'cat': {
        const parts = chain(node, 'cat')
        for (const p of back ? parts.reverse() : parts) lay(p)
        return
      }
      case 'alt':
        choice(
          prog,
          chain(node, 'alt').map(p => () => lay(p)),
        )
        return
      case 'star':
      case 'quest': {
        const at = prog.length
        const split = { op: 'split' as const, x: at + 1, y: 0 }
        prog.push(split)
        lay(node.a)
        if (node.t === 'star') prog.push({ op: 'jmp', x: at })
        split.y = prog.length
        return
      }
      case 'plus': {
        const at = prog.length
        lay(node.a)
        prog.push({ op: 'split', x: at, y: prog.length + 1 })
        return
      }
      case 'sub':
        if (save) prog.push({ op: 'save', n: 2 * node.n })
        lay(node.a)
        if (save) prog.push({ op: 'save', n: 2 * node.n + 1 })
    }
  }
  lay(node)
}

/** Lays out alternatives, the first preferred. */
function choice<Class>(prog: Inst<Class>[], parts: (() => void)[]): void {
  const ends: { op: 'jmp'; x: number }[] = []
  for (const [i, lay] of parts.entries()) {
    if (i === parts.length - 1) {
      lay()
      break
    }
    const split = { op: 'split' as const, x: prog.length + 1, y: 0 }
    prog.push(split)
    lay()
    const jmp = { op: 'jmp' as const, x: 0 }
    prog.push(jmp)
    ends.push(jmp)
    split.y = prog.length
  }
  for (const e of ends) e.x = prog.length
}

function inranges(ranges: number[], r: number): boolean {
  if (ranges.length <= 8) {
    for (let i = 0; i < ranges.length; i += 2) if (r <= ranges[i + 1]!) return r >= ranges[i]!
    return false
  }
  let lo = 0
  let hi = ranges.length / 2 - 1
  while (lo <= hi) {
    const mid = (lo + hi) >> 1
    if (r < ranges[2 * mid]!) hi = mid - 1
    else if (r > ranges[2 * mid + 1]!) lo = mid + 1
    else return true
  }
  return false
}

/** A compiled expression. */
export interface Reprog {
  readonly prog: readonly RangesInst[]
  /** Parenthesised expressions. */
  readonly nsub: number
  /** Instructions looked at by `regexec` so far: what the tests of linearity count. */
  steps: number
}

/** Compiles a pattern. @throws RegexpError @see regexp(2) */
export function regcomp(pattern: string, opt: RegcompOptions = {}): Reprog {
  const { node, nsub } = regparse(pattern, opt)
  const prog: RangesInst[] = []
  emit(prog, node, ranges => prog.push({ op: 'class', ranges }), { save: true })
  prog.push({ op: 'match' })
  return { prog, nsub, steps: 0 }
}

/** Element 0 is the whole match, n the n'th parenthesis: [start, end) in runes, or [-1, -1] where it took no part. */
export type Resub = [number, number][]

interface Thread {
  pc: number
  start: number
  saved: Int32Array | undefined
}

/**
 * The leftmost match that begins at `start` or later, the longest of those. `^` matches at 0 and after a newline, `$`
 * at `end` and before a newline, wherever `start` is.
 *
 *   runes    code points: `bytestorunes` of some bytes, or `stringtorunes` of a string
 */
export function regexec(re: Reprog, runes: ArrayLike<number>, start = 0, end = runes.length): Resub | undefined {
  const { prog } = re
  const nsave = 2 * (re.nsub + 1)
  const mark = new Int32Array(prog.length).fill(-1)
  let clist: Thread[] = []
  let nlist: Thread[] = []
  let match: Thread | undefined
  let matchEnd = -1

  const add = (list: Thread[], pc0: number, at: number, begin: number, saved0: Int32Array | undefined) => {
    const stack: [number, Int32Array | undefined][] = [[pc0, saved0]]
    for (;;) {
      const top = stack.pop()
      if (top === undefined) return
      let [pc, saved] = top
      for (;;) {
        if (mark[pc] === at) break
        mark[pc] = at
        re.steps++
        const i = prog[pc]!
        if (i.op === 'jmp') {
          pc = i.x
          continue
        }
        if (i.op === 'split') {
          stack.push([i.y, saved])
          pc = i.x
          continue
        }
        if (i.op === 'save') {
          saved = saved ? saved.slice() : new Int32Array(nsave).fill(-1)
          saved[i.n] = at
          pc++
          continue
        }
        if (i.op === 'bol') {
          if (at !== 0 && runes[at - 1] !== NL) break
          pc++
          continue
        }
        if (i.op === 'eol') {
          if (at !== end && runes[at] !== NL) break
          pc++
          continue
        }
        list.push({ pc, start: begin, saved })
        break
      }
    }
  }

  for (let at = start; ; at++) {
    // Threads already in clist were added at this position, so a new one yields to them.
    if (match === undefined) add(clist, 0, at, at, undefined)
    nlist.length = 0
    for (const t of clist) {
      if (match !== undefined && t.start > match.start) continue
      const i = prog[t.pc]!
      if (i.op === 'match') {
        if (match === undefined || t.start < match.start || at > matchEnd) {
          match = t
          matchEnd = at
        }
      } else if (i.op === 'class' && at < end && inranges(i.ranges, runes[at]!)) {
        add(nlist, t.pc + 1, at + 1, t.start, t.saved)
      }
    }
    if (at >= end) break
    ;[clist, nlist] = [nlist, clist]
    if (match !== undefined && clist.length === 0) break
  }
  if (match === undefined) return undefined
  const sub: Resub = [[match.start, matchEnd]]
  for (let n = 1; n <= re.nsub; n++) {
    const s = match.saved?.[2 * n] ?? -1
    const e = match.saved?.[2 * n + 1] ?? -1
    sub.push(s < 0 || e < 0 ? [-1, -1] : [s, e])
  }
  return sub
}

/** regsub(2): `&` and `\0` stand for the match, `\1` to `\9` for its parts, `\x` for x. */
export function regsub(template: ArrayLike<number>, runes: ArrayLike<number>, match: Resub): number[] {
  const out: number[] = []
  const put = (n: number) => {
    const [s, e] = match[n] ?? [0, 0]
    for (let i = s; i < e; i++) out.push(runes[i]!)
  }
  for (let i = 0; i < template.length; i++) {
    const c = template[i]!
    if (c === 38) put(0)
    else if (c === 92 && i + 1 < template.length) {
      const d = template[++i]!
      if (d >= 48 && d <= 57) put(d - 48)
      else out.push(d)
    } else out.push(c)
  }
  return out
}

/** The byte sequences that are the UTF-8 of lo to hi, as lists of byte ranges. */
function utf8ranges(lo: number, hi: number, out: [number, number][][]): void {
  for (const max of [0x7f, 0x7ff, 0xffff])
    if (lo <= max && hi > max) {
      utf8ranges(lo, max, out)
      utf8ranges(max + 1, hi, out)
      return
    }
  if (hi > 0x7f)
    for (const m of [0x3f, 0xfff, 0x3ffff]) {
      if ((lo & ~m) === (hi & ~m)) continue
      if ((lo & m) !== 0) {
        utf8ranges(lo, lo | m, out)
        utf8ranges((lo | m) + 1, hi, out)
        return
      }
      if ((hi & m) !== m) {
        utf8ranges(lo, (hi & ~m) - 1, out)
        utf8ranges(hi & ~m, hi, out)
        return
      }
    }
  const a = new Uint8Array(4)
  const b = new Uint8Array(4)
  const n = runetochar(a, 0, lo)
  runetochar(b, 0, hi)
  out.push(Array.from({ length: n }, (_, i): [number, number] => [a[i]!, b[i]!]))
}

function byteclass(prog: RangesInst[], ranges: number[]): void {
  const seqs: [number, number][][] = []
  for (let i = 0; i < ranges.length; i += 2) {
    const lo = ranges[i]!
    if (lo > Runemax) continue
    utf8ranges(lo, Math.min(ranges[i + 1]!, Runemax), seqs)
  }
  const single = normal(seqs.filter(s => s.length === 1).map(s => s[0]!))
  const parts: number[][][] = seqs.filter(s => s.length > 1)
  if (single.length > 0 || parts.length === 0) parts.unshift([single])
  choice(
    prog,
    parts.map(seq => () => {
      for (const r of seq) prog.push({ op: 'class', ranges: r })
    }),
  )
}

/** DFA states kept at most: past it the table is begun anew, so memory stays bounded and time linear. */
const MAXSTATES = 2000
/** The state after which the rest of the line does not matter. */
const MATCHED = 0
/** Bytes that a jump must save on average to be worth its call. */
const JUMP = 32

/** Bytes at the front of a match that are looked for by themselves, at most. */
const FRONT = 8
/** Instructions, and bytes of a place, at which looking for them is not worth it. */
const FRONTTHREADS = 16
const FRONTBYTES = 64
/** As JUMP, where the jump is no call of the host's. */
const FRONTJUMP = 6

/**
 * Looks for places at which each of some bytes, two or more, is in the set for it: at every pair of bytes so far apart that one
 * of them would lie inside.
 */
class Front {
  readonly #sets: Uint8Array[]
  /** By pair of bytes: the places in `sets`, as bits, at which it may stand. */
  readonly #pairs = new Uint8Array(1 << 16)

  constructor(sets: Uint8Array[]) {
    this.#sets = sets
    for (let j = 0; j + 1 < sets.length; j++)
      for (let x = 0; x < 256; x++)
        if (sets[j]![x] === 1)
          for (let y = 0; y < 256; y++) if (sets[j + 1]![y] === 1) this.#pairs[(x << 8) | y]! |= 1 << j
  }

  /** The first place from `start`, all of it before `end`; -1 where there is none. */
  find(buf: Uint8Array, start: number, end: number): number {
    const pairs = this.#pairs
    const n = this.#sets.length
    const last = end - 1
    for (let i = start + n - 2; i < last; i += n - 1) {
      const at = pairs[(buf[i]! << 8) | buf[i + 1]!]!
      if (at === 0) continue
      for (let j = n - 2; j >= 0; j--) if ((at >> j) & 1 && i - j + n <= end && this.#fits(buf, i - j)) return i - j
    }
    return -1
  }

  #fits(buf: Uint8Array, at: number): boolean {
    const sets = this.#sets
    for (let j = 0; j < sets.length; j++) if (sets[j]![buf[at + j]!] === 0) return false
    return true
  }
}

/**
 * Tells which lines match, bytes in, by a deterministic automaton over bytes that is built as it is needed.
 * Time is one table look-up a byte once warm; a cold state costs the size of the pattern.
 */
export class LineMatcher {
  readonly #prog: RangesInst[] = []
  /** Whether lines' beginnings are told apart. */
  readonly #bol: boolean
  /** By state + byte, where states are multiples of 256; -1 where it is not known yet. A newline ends a line. */
  #next = new Int32Array(0)
  #sets: { pcs: number[]; bol: boolean }[] = []
  /** Whether the line matches if it ends in this state; undefined until asked. */
  #end: (boolean | undefined)[] = []
  #index = new Map<string, number>()
  #start = -1
  /** The only byte that leads out of the first state, if there is one; undefined until asked. */
  #exit: number | undefined
  /** Where a match may begin, found faster than by the automaton; undefined until asked. */
  #front: Front | undefined | null
  /** Instructions looked at while building states. */
  built = 0

  constructor(node: Node) {
    emit(this.#prog, node, ranges => byteclass(this.#prog, ranges))
    this.#bol = this.#prog.some(i => i.op === 'bol')
    this.#prog.push({ op: 'match' })
    this.#reset()
  }

  #reset(): void {
    this.#next = new Int32Array(16 * 256).fill(-1)
    this.#sets = [{ pcs: [], bol: false }]
    this.#end = [true]
    this.#index.clear()
    this.#start = this.#state([0], this.#bol)
  }

  /** Follows what consumes nothing. Undefined when the match is reached. */
  #closure(pcs: number[], bol: boolean, eol: boolean): number[] | undefined {
    const seen = new Set<number>()
    const out: number[] = []
    const stack = [...pcs]
    for (;;) {
      const pc = stack.pop()
      if (pc === undefined) break
      if (seen.has(pc)) continue
      seen.add(pc)
      this.built++
      const i = this.#prog[pc]!
      switch (i.op) {
        case 'match':
          return undefined
        case 'jmp':
          stack.push(i.x)
          break
        case 'split':
          stack.push(i.y, i.x)
          break
        case 'bol':
          if (bol) stack.push(pc + 1)
          break
        case 'eol':
          if (eol) stack.push(pc + 1)
          else out.push(pc)
          break
        case 'class':
          out.push(pc)
          break
        case 'save':
          stack.push(pc + 1)
      }
    }
    return out.sort((a, b) => a - b)
  }

  #state(from: number[], bol: boolean): number {
    const pcs = this.#closure(from, bol, false)
    if (pcs === undefined) return MATCHED
    const key = `${bol ? '^' : ''}${pcs.join()}`
    let s = this.#index.get(key)
    if (s === undefined) {
      s = 256 * this.#sets.length
      this.#sets.push({ pcs, bol })
      this.#end.push(undefined)
      this.#index.set(key, s)
      if (s === this.#next.length) {
        const next = new Int32Array(2 * s).fill(-1, s)
        next.set(this.#next)
        this.#next = next
      }
    }
    return s
  }

  #step(s: number, c: number): number {
    if (this.#sets.length > MAXSTATES) {
      const { pcs, bol } = this.#sets[s >> 8]!
      this.#reset()
      s = this.#state(pcs, bol)
    }
    let n: number
    if (c === NL) n = this.#ends(s) ? MATCHED : this.#start
    else {
      const to = [0]
      for (const pc of this.#sets[s >> 8]!.pcs) {
        const i = this.#prog[pc]!
        if (i.op === 'class' && inranges(i.ranges, c)) to.push(pc + 1)
      }
      n = this.#state(to, false)
    }
    return (this.#next[s + c] = n)
  }

  #ends(s: number): boolean {
    let m = this.#end[s >> 8]
    if (m === undefined) {
      const { pcs, bol } = this.#sets[s >> 8]!
      m = this.#closure(pcs, bol, true) === undefined
      this.#end[s >> 8] = m
    }
    return m
  }

  /** The bytes that a match may have at each of its first places; the last set is a full one where nothing is known. */
  #prefix(): Uint8Array[] {
    const sets: Uint8Array[] = []
    if (this.#bol) return sets
    for (let pcs = this.#closure([0], false, false); pcs !== undefined && sets.length < FRONT; ) {
      const set = new Uint8Array(256)
      const to: number[] = []
      for (const pc of pcs) {
        const i = this.#prog[pc]!
        // `$`: what follows it is not in the line.
        if (i.op !== 'class') return sets
        for (let c = 0; c < 256; c++) if (c !== NL && inranges(i.ranges, c)) set[c] = 1
        to.push(pc + 1)
      }
      if (pcs.length > FRONTTHREADS || set.reduce((n, x) => n + x, 0) > FRONTBYTES) return sets
      sets.push(set)
      pcs = this.#closure(to, false, false)
    }
    return sets
  }

  /** The byte that every match begins with, or -1. */
  #first(): number {
    let exit = -1
    for (let c = 0; c < 256; c++) {
      if (this.#step(this.#start, c) === this.#start) continue
      if (exit >= 0) return -1
      exit = c
    }
    return exit
  }

  /** Whether the bytes from `start` to `end`, a line without its newline, have a match in them. */
  match(buf: Uint8Array, start: number, end: number): boolean {
    let s = this.#start
    for (let i = start; i < end && s !== MATCHED; i++) {
      const c = buf[i]!
      const n = this.#next[s + c]!
      s = n >= 0 ? n : this.#step(s, c)
    }
    return s === MATCHED || this.#ends(s)
  }

  /**
   * Finds the first line that has a match, of those that `buf` holds from `start`, where one begins, to `end`: the place
   * of a byte of it, its newline at the latest; -1 where there is none.
   */
  find(buf: Uint8Array, start: number, end: number): number {
    if (start >= end) return -1
    if (this.#start === MATCHED) return start
    if (this.#exit === undefined && end - start > 1024) this.#exit = this.#first()
    if (this.#front === undefined && end - start > 1024) {
      const sets = this.#prefix()
      this.#front = sets.length > 1 ? new Front(sets) : null
    }
    const exit = this.#exit ?? -1
    const front = this.#front
    let jumps = 0
    let saved = 0
    let jumping = front != null || exit >= 0
    let next = this.#next
    let s = this.#start
    for (let i = start; i < end; i++) {
      if (jumping && s === this.#start) {
        const j = front ? front.find(buf, i, end) : buf.indexOf(exit, i)
        if (j < 0 || j >= end) return this.#last(s, buf, end)
        saved += j - i
        if (++jumps === 16) jumping = saved >= 16 * (front ? FRONTJUMP : JUMP)
        i = j
      }
      let n = next[s + buf[i]!]!
      if (n <= 0) {
        if (n < 0) {
          n = this.#step(s, buf[i]!)
          next = this.#next
        }
        if (n === MATCHED) return i
      }
      s = n
    }
    return this.#last(s, buf, end)
  }

  /** What `find` finds at the end: a last line may lack its newline. */
  #last(s: number, buf: Uint8Array, end: number): number {
    return buf[end - 1] !== NL && this.#ends(s) ? end - 1 : -1
  }
}
