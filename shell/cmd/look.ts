import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { stringtorunes, text } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const words = '/lib/words'
const NL = 10

/** How two keys compare: below zero when s comes before t. ±1: one begins with the other. */
type Compare = (s: number[], t: number[]) => number

function acomp(s: number[], t: number[]): number {
  const n = Math.min(s.length, t.length)
  for (let i = 0; i < n; i++) if (s[i] !== t[i]) return s[i]! < t[i]! ? -2 : 2
  return Math.sign(s.length - t.length)
}

const between = (r: number | undefined, lo: string, hi: string) =>
  r !== undefined && r >= lo.charCodeAt(0) && r <= hi.charCodeAt(0)

/** A number at the front of a key: `int` and `frac` without the zeros that say nothing. */
interface Num {
  negative: boolean
  int: number[]
  frac: number[]
}

/** Compares the numbers that keys begin with, digits in the base. */
function ncomp(base: number): Compare {
  const digit = (r: number | undefined): number => {
    if (between(r, '0', '9')) return r! - 48
    return between(r, 'a', 'z') ? r! - 87 : between(r, 'A', 'Z') ? r! - 55 : base
  }
  const parse = (key: number[]): Num => {
    let i = 0
    while (key[i] === 32 || between(key[i], '\t', '\r')) i++
    const negative = key[i] === 45
    if (negative) i++
    const digits = () => {
      const d: number[] = []
      for (; digit(key[i]) < base; i++) d.push(digit(key[i]))
      return d
    }
    const int = digits()
    if (key[i] === 46) i++
    const frac = digits()
    while (int[0] === 0) int.shift()
    while (frac.at(-1) === 0) frac.pop()
    return { negative: negative && int.length + frac.length > 0, int, frac }
  }
  return (s, t) => {
    const [a, b] = [parse(s), parse(t)]
    if (a.negative !== b.negative) return a.negative ? -2 : 2
    const d = a.int.length - b.int.length || acomp(a.int, b.int) || acomp(a.frac, b.frac)
    return 2 * Math.sign(a.negative ? -d : d)
  }
}

/** A letter of Latin-1 without its accent, in lower case; other runes as they are. */
function latinfold(r: number): number {
  if (r < 0xc0 || r > 0xff) return r
  const c = String.fromCharCode(r)
  const plain = { Æ: 'a', æ: 'a', Ð: 'd', ð: 'd', Ø: 'o', ø: 'o' }[c] ?? c.normalize('NFD')[0]!.toLowerCase()
  const code = plain.charCodeAt(0)
  return code < 0x80 ? code : r
}

class Look {
  readonly sys: Sys
  readonly fd: number
  directory = false
  fold = false
  exact = false
  tab = 9
  compare: Compare = acomp
  /** The dictionary from where it was sought last. */
  #bin: Bin

  constructor(sys: Sys, fd: number) {
    this.sys = sys
    this.fd = fd
    this.#bin = new Bin(sys, fd)
  }

  /** What of a line, or of a string looked for, takes part in comparisons. */
  canon(line: number[]): number[] {
    const key: number[] = []
    for (const c of line) {
      if (c === this.tab) break
      const r = latinfold(c)
      const letter = between(r, 'a', 'z') || between(r, 'A', 'Z') || between(r, '0', '9')
      if (this.directory && !letter && r !== 32 && r !== 9) continue
      key.push(this.fold && between(r, 'A', 'Z') ? r + 32 : r)
    }
    return key
  }

  async seek(off: number): Promise<void> {
    await this.sys.seek(this.fd, off, 0)
    this.#bin = new Bin(this.sys, this.fd)
  }

  /** The next line with its newline, its key, and how the one looked for compares with that. */
  async next(key: number[]): Promise<{ line: Uint8Array; word: number[]; n: number } | undefined> {
    const line = await this.#bin.rdline()
    if (line === undefined) return undefined
    const word = this.canon(stringtorunes(text(line[line.length - 1] === NL ? line.subarray(0, -1) : line)))
    return { line, word, n: this.compare(key, word) }
  }

  /** Prints the lines that begin with the key, or are it; whether there was one. */
  async look(key: number[], out: Bout): Promise<boolean> {
    let top = await this.sys.seek(this.fd, 0, 2)
    let bot = 0
    for (;;) {
      let mid = Math.floor((top + bot) / 2)
      await this.seek(mid)
      mid += (await this.#bin.rdline())?.length ?? 0
      const at = await this.next(key)
      // Where the file is not sorted the search could go on for ever.
      if (at === undefined || (at.n <= 0 ? top <= mid : mid <= bot)) break
      if (at.n <= 0) top = mid
      else bot = mid
    }
    await this.seek(bot)
    let any = false
    for (;;) {
      const at = await this.next(key)
      if (at === undefined || at.n === -2 || (at.n === -1 && this.exact)) return any
      if (at.n <= 0) {
        any = true
        if (this.exact && acomp(at.word, key) !== 0) continue
        await out.write(at.line)
        if (at.line[at.line.length - 1] !== NL) await out.write('\n')
      } else if (any) return true
    }
  }
}

const look: Program = async (sys, argv) => {
  const help = 'usage: look [-dfinx] [-t c] [string] [file]'
  const flags = new Set<string>()
  let base: number | undefined
  let tab = '\t'
  const arg = new Arg(argv)
  for (const c of arg)
    if ('dfinx'.includes(c)) flags.add(c)
    else if (c === 'b') base = atoi(arg.argf() ?? (await usage(sys, help)))
    else if (c === 't') tab = arg.argf() ?? (await usage(sys, help))
    else await usage(sys, `look: bad option ${c}\n${help}`)
  let string = flags.has('i') ? undefined : arg.argv.shift()
  const file = arg.argv[0]
  let fd: number
  try {
    fd = await sys.open(file ?? words, OREAD)
  } catch (e) {
    r(e)
    await eprint(sys, `look: can't open ${file ?? words}\n`)
    return 'no dictionary'
  }
  const l = new Look(sys, fd)
  l.directory = flags.has('d') || file === undefined
  l.fold = flags.has('f') || file === undefined
  l.exact = flags.has('x')
  l.tab = tab.codePointAt(0) ?? -1
  if (flags.has('n') || base !== undefined) l.compare = ncomp(base ?? 10)
  const out = new Bout(sys, 1)
  if (string !== undefined) {
    const any = await l.look(l.canon(stringtorunes(string)), out)
    await out.flush()
    return any ? '' : 'not found'
  }
  for (const bin = new Bin(sys, 0); ; ) {
    const line = await bin.rdline()
    if (line === undefined) return ''
    string = text(line).replace(/\n$/, '')
    await l.look(l.canon(stringtorunes(string)), out)
    await out.flush()
  }
}
export default look
