import { concat } from '../../plan9/9p/bit.ts'
import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bsize, write } from '../../plan9/libc/bio.ts'
import { Runeerror } from '../../plan9/libc/rune.ts'
import { eprint, r, sysfatal } from '../../plan9/libc/sysfatal.ts'
import { type Charset, charset, charsets } from './tcs/charsets.ts'
import { type Encoder, utf } from './tcs/codec.ts'

class Tcs {
  readonly sys: Sys
  squawk = true
  clean = false
  ninput = 0
  noutput = 0
  nrunes = 0
  nerrors = 0
  #warnings = ''

  constructor(sys: Sys) {
    this.sys = sys
  }

  #warn(msg: string): void {
    this.nerrors++
    if (this.squawk) this.#warnings += `tcs: ${msg}\n`
  }

  async #encode(encode: Encoder, runes: number[], last: boolean): Promise<void> {
    const out = encode(runes, last, rune => {
      this.#warn(`rune 0x${rune.toString(16)} not in output cs`)
      return this.clean ? [] : [0x3f]
    })
    this.nrunes += runes.length
    this.noutput += out.length
    if (this.#warnings !== '') await eprint(this.sys, this.#warnings)
    this.#warnings = ''
    if (out.length > 0) await write(this.sys, 1, out)
  }

  /** Converts a file. `name` is what warnings call it. */
  async convert(fd: number, name: string, from: Charset, to: Charset): Promise<void> {
    const decode = from.codec.of()
    const encode = to.codec.to()
    const where = from.codec.of === utf.of ? 'input' : name
    let rest = new Uint8Array(0)
    for (;;) {
      const more = await this.sys.read(fd, Bsize)
      const last = more.length === 0
      const b = rest.length > 0 ? concat([rest, more]) : more
      const runes: number[] = []
      const n = decode(b, last, {
        runes,
        bad: (off, msg) => {
          this.#warn(`${msg} near byte ${this.ninput + off} in ${where}`)
          if (!this.clean) runes.push(Runeerror)
        },
      })
      this.ninput += n
      rest = b.slice(n)
      await this.#encode(encode, runes, last)
      if (last) return
    }
  }
}

async function list(sys: Sys, verbose: boolean): Promise<void> {
  if (verbose) await eprint(sys, `character sets:\n${charsets.map(c => `\t${c.name}\t${c.chatter}\n`).join('')}`)
  else await eprint(sys, `cs: ${charsets.map(c => c.name).join(' ')}\n`)
}

const tcs: Program = async (sys, argv) => {
  const t = new Tcs(sys)
  const usage = async (): Promise<never> => {
    await eprint(sys, 'usage: tcs [-slcv] [-f ics] [-t ocs] [file ...]\n')
    await list(sys, true)
    return sys.exits('usage')
  }
  const known = async (name: string) => charset(name) ?? (await sysfatal(sys, 'tcs', `charset \`${name}' unknown`))
  let from = 'utf'
  let to = 'utf'
  let listing = false
  let verbose = false
  const arg = new Arg(argv)
  for (const c of arg)
    if (c === 'c') t.clean = true
    else if (c === 'f') from = arg.argf() ?? (await usage())
    else if (c === 'l') listing = true
    else if (c === 's') t.squawk = false
    else if (c === 't') to = arg.argf() ?? (await usage())
    else if (c === 'v') verbose = true
    else await usage()
  if (verbose) t.squawk = true
  if (listing) {
    await list(sys, verbose)
    return ''
  }
  const ics = await known(from)
  const ocs = await known(to)
  if (arg.argv.length === 0) await t.convert(0, 'stdin', ics, ocs)
  for (const name of arg.argv) {
    let fd: number
    try {
      fd = await sys.open(name, OREAD)
    } catch (e) {
      return sysfatal(sys, 'tcs', `${name}: ${r(e)}`)
    }
    await t.convert(fd, name, ics, ocs)
    await sys.close(fd)
  }
  if (verbose) {
    const { ninput, nrunes, noutput, nerrors } = t
    const counts = `${ninput} input bytes, ${nrunes} runes, ${noutput} output bytes (${nerrors} errors)`
    await eprint(sys, `tcs: ${counts}\n`)
  }
  return t.nerrors > 0 && t.squawk ? 'conversion error' : ''
}
export default tcs
