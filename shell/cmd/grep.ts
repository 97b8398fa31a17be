import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg, usage } from '../../plan9/libc/arg.ts'
import { Bin, Bout, readfile } from '../../plan9/libc/bio.ts'
import { LineMatcher, type Node, RegexpError, regparse } from '../../plan9/libc/regexp.ts'
import { text } from '../../plan9/libc/rune.ts'
import { eprint, r } from '../../plan9/libc/sysfatal.ts'

const valid = 'bchiLlnsv'

const NL = 10

/** Where the line begins that holds the byte at `at`; `start` is the beginning of one. */
function linestart(buf: Uint8Array, start: number, at: number): number {
  return at === start ? start : Math.max(start, buf.lastIndexOf(NL, at - 1) + 1)
}

/** Where the line ends that holds the byte at `at`, behind its newline if it has one. */
function lineend(buf: Uint8Array, at: number, end: number): number {
  const nl = buf.indexOf(NL, at)
  return nl < 0 || nl >= end ? end : nl + 1
}

function nlines(buf: Uint8Array, start: number, end: number): number {
  let n = 0
  for (let at = start; at < end; at = lineend(buf, at, end)) n++
  return n
}

class Grep {
  readonly sys: Sys
  readonly out: Bout
  readonly flags: Set<string>
  readonly re: LineMatcher

  constructor(sys: Sys, flags: Set<string>, node: Node) {
    this.sys = sys
    this.out = new Bout(sys, 1)
    this.flags = flags
    this.re = new LineMatcher(node)
  }

  /** Searches one file, or standard input; whether a line was selected. */
  async search(file: string | undefined, tag: boolean): Promise<boolean> {
    const { sys, out, flags, re } = this
    const name = file ?? 'stdin'
    let fd = 0
    if (file !== undefined)
      try {
        fd = await sys.open(file, OREAD)
      } catch (e) {
        await eprint(sys, `grep: can't open ${file}: ${r(e)}\n`)
        return false
      }
    const silent = ['c', 's', 'l', 'L'].some(f => flags.has(f))
    const invert = flags.has('v')
    const numbered = flags.has('n')
    const unbuffered = flags.has('b') || file === undefined
    const b = new Bin(sys, fd)
    let count = 0
    let lineno = 0
    /** Takes whole lines that are selected. */
    const select = async (buf: Uint8Array, start: number, end: number) => {
      if (silent || !(tag || numbered)) {
        count += flags.has('c') ? nlines(buf, start, end) : 1
        if (!silent) await out.write(buf.subarray(start, end))
        return
      }
      for (let at = start; at < end; ) {
        const to = lineend(buf, at, end)
        count++
        await out.write(`${tag ? `${name}:` : ''}${numbered ? `${++lineno}: ` : ''}`)
        await out.write(buf.subarray(at, to))
        if (buf[to - 1] !== NL && tag) await out.write('\n')
        at = to
      }
    }
    try {
      for (;;) {
        let buf: Uint8Array
        try {
          buf = await b.rdlines()
        } catch (e) {
          await eprint(sys, `grep: read error on ${name}: ${r(e)}\n`)
          return count > 0
        }
        if (buf.length === 0) break
        for (let at = 0; at < buf.length; ) {
          const hit = re.find(buf, at, buf.length)
          const from = hit < 0 ? buf.length : linestart(buf, at, hit)
          const to = hit < 0 ? buf.length : lineend(buf, hit, buf.length)
          if (invert && from > at) await select(buf, at, from)
          else if (numbered) lineno += nlines(buf, at, from)
          if (to > from) {
            if (!invert) await select(buf, from, to)
            else if (numbered) lineno++
          }
          at = to
        }
        if (unbuffered) await out.flush()
      }
    } finally {
      if (file !== undefined) await sys.close(fd)
    }
    if (flags.has('c')) await out.write(`${tag ? `${name}:` : ''}${count}\n`)
    if ((flags.has('l') && count > 0) || (flags.has('L') && count === 0)) await out.write(`${name}\n`)
    await out.flush()
    return count > 0
  }
}

const grep: Program = async (sys, argv) => {
  const help = `usage: grep [-${valid}] [-e pattern] [-f patternfile] [file ...]`
  const flags = new Set<string>()
  const patterns: { pattern: string; where: string }[] = []
  const arg = new Arg(argv)
  for (const c of arg) {
    if (c === 'e') {
      const pattern = arg.argf() ?? (await usage(sys, help))
      patterns.push({ pattern, where: pattern })
    } else if (c === 'f') {
      const file = arg.argf() ?? (await usage(sys, help))
      try {
        patterns.push({ pattern: text(await readfile(sys, file)), where: `${file}:1` })
      } catch (e) {
        await eprint(sys, `grep: can't open ${file}: ${r(e)}\n`)
        return 'open'
      }
    } else if (valid.includes(c)) flags.add(c)
    else await usage(sys, help)
  }
  if (patterns.length === 0) {
    const pattern = arg.argv.shift() ?? (await usage(sys, help))
    patterns.push({ pattern, where: pattern })
  }
  let node: Node | undefined
  for (const { pattern, where } of patterns) {
    try {
      const n = regparse(pattern, { grep: true, fold: flags.has('i') }).node
      node = node === undefined ? n : { t: 'alt', a: node, b: n }
    } catch (e) {
      if (!(e instanceof RegexpError)) throw e
      const empty = pattern === ''
      await eprint(sys, `grep: ${empty ? '' : `${where}: `}${empty ? 'empty pattern' : 'syntax error'}\n`)
      return 'syntax'
    }
  }
  const g = new Grep(sys, flags, node!)
  let any = false
  if (arg.argv.length === 0) any = await g.search(undefined, false)
  const tag = arg.argv.length > 1 && !flags.has('h')
  for (const file of arg.argv) any = (await g.search(file, tag)) || any
  return any ? '' : 'no matches'
}
export default grep
