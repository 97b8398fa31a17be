import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { Lines } from '../../plan9/libc/blocks.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import {
  LineMatcher,
  type Node,
  RegexpError,
  type Reprog,
  regcomp,
  regexec,
  regparse,
} from '../../plan9/libc/regexp.ts'
import { bytestorunes, runestobytes, text } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: split [-n num] [-e exp] [-f stem] [-s suff] [-x] [-i] [file]'

const letter = (n: number) => String.fromCharCode(97 + n)

/** The files that the pieces go to. */
class Pieces {
  out: Bout | undefined
  readonly #sys: Sys
  readonly #stem: string
  #n = 0

  constructor(sys: Sys, stem: string) {
    this.#sys = sys
    this.#stem = stem
  }

  async open(name: string): Promise<void> {
    await this.close()
    try {
      this.out = new Bout(this.#sys, await this.#sys.create(name, OWRITE, 0o666))
    } catch (e) {
      await eprint(this.#sys, `split: can't create ${name}: ${r(e)}\n`)
      await this.#sys.exits('create')
    }
  }

  /** Goes to the file of the next letters; false when there are no more, and the last file goes on. */
  async next(): Promise<boolean> {
    const n = this.#n++
    if (n < 26 * 26) await this.open(this.#stem + letter(Math.floor(n / 26)) + letter(n % 26))
    else if (n === 26 * 26) await eprint(this.#sys, `split: file ${this.#stem}zz not split\n`)
    return n < 26 * 26
  }

  async close(): Promise<void> {
    if (this.out === undefined) return
    await this.out.flush()
    await this.#sys.close(this.out.fd)
    this.out = undefined
  }
}

/** Where a file is to be divided. */
class Divider {
  readonly #exps: Reprog[]
  readonly #fold: boolean
  readonly #matcher: LineMatcher

  /** @throws RegexpError */
  constructor(patterns: string[], fold: boolean) {
    this.#exps = patterns.map(p => regcomp(p, { fold })).filter(re => re.nsub > 0)
    this.#fold = fold
    const nodes = patterns.map(p => regparse(p, { fold }).node)
    this.#matcher = new LineMatcher(nodes.reduce((a, b): Node => ({ t: 'alt', a, b })))
  }

  matches({ buf, start, end }: Lines): boolean {
    return this.#matcher.find(buf, start, Math.min(end + 1, buf.length)) >= 0
  }

  /** What the first parenthesis of the pattern takes of a line that matches, if it has one. */
  name({ buf, start, end }: Lines): string | undefined {
    if (this.#exps.length === 0) return undefined
    const runes = bytestorunes(buf.subarray(start, end))
    for (const re of this.#exps) {
      const [, sub] = regexec(re, runes) ?? []
      if (sub === undefined || sub[0] < 0) continue
      const name = text(runestobytes(runes, ...sub))
      return this.#fold ? name.replace(/[A-Z]/g, c => c.toLowerCase()) : name
    }
    return undefined
  }
}

const split: Program = async (sys, argv) => {
  let n = 1000
  const patterns: string[] = []
  let stem = 'x'
  let suffix = ''
  let without = false
  let fold = false
  const arg = new Arg(argv)
  const argf = async () => arg.argf() ?? (await usage(sys, help))
  for (const c of arg)
    if (c === 'n' || c === 'l') n = atoi(await argf())
    else if (c === 'e') patterns.push(await argf())
    else if (c === 'f') stem = await argf()
    else if (c === 's') suffix = await argf()
    else if (c === 'x') without = true
    else if (c === 'i') fold = true
    else await usage(sys, help)
  if (arg.argv.length > 1) await usage(sys, help)
  const name = arg.argv[0]
  let fd = 0
  if (name !== undefined)
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      await eprint(sys, `split: can't open ${name}: ${r(e)}\n`)
      return 'open'
    }
  const lines = new Lines(new Bin(sys, fd))
  const pieces = new Pieces(sys, stem)
  const put = async () => {
    const out = pieces.out!
    out.put(lines.buf, lines.start, Math.min(lines.end + 1, lines.buf.length))
    if (out.full) await out.flush()
  }
  if (patterns.length === 0) {
    let count = 0
    while (lines.next() || (await lines.fill())) {
      // What is left behind the last newline is no line: it goes to the last piece.
      if (pieces.out === undefined || (++count > n && !lines.unended)) {
        await pieces.next()
        count = 1
      }
      await put()
    }
    await pieces.close()
    return ''
  }
  let divider: Divider
  try {
    divider = new Divider(patterns, fold)
  } catch (e) {
    if (!(e instanceof RegexpError)) throw e
    await eprint(sys, 'split: bad regular expression\n')
    return 'bad regular expression'
  }
  await pieces.next()
  while (lines.next() || (await lines.fill())) {
    if (divider.matches(lines)) {
      const name = divider.name(lines)
      if (name !== undefined) await pieces.open(name + suffix)
      else if (!(await pieces.next())) {
        await put()
        continue
      }
      if (without) continue
    }
    await put()
  }
  await pieces.close()
  return ''
}
export default split
