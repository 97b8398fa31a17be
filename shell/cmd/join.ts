import { OREAD } from '../../plan9/9p/const.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Bin, Bout } from '../../plan9/libc/bio.ts'
import { Lines } from '../../plan9/libc/blocks.ts'
import { atoi } from '../../plan9/libc/fmt.ts'
import { utf8 } from '../../plan9/libc/rune.ts'
import { r, sysfatal } from '../../plan9/libc/sysfatal.ts'

const help = 'usage: join [-1 x -2 y] [-o list] file1 file2'
const none = new Uint8Array(0)

/** A field to print: of file 1 or 2, counted from 0; file 0 is the join field. */
interface Field {
  file: 0 | 1 | 2
  n: number
}

interface Options {
  /** Join fields of the two files, from 0. */
  on: [number, number]
  /** Whether the lines of each file that have no partner are printed; `paired`, those that have. */
  unpaired: [boolean, boolean]
  paired: boolean
  /** What stands for an empty field. */
  empty: Uint8Array
  /** Nothing: blanks, as many as stand together. */
  sep: string | undefined
  fields: Field[]
}

/** The fields of a line; blanks, where there is no separator, and spaces for one are one as many as stand together. */
function split({ buf, start, end }: Lines, sep: Uint8Array | undefined): Uint8Array[] {
  const fields: Uint8Array[] = []
  const blanks = sep === undefined || sep[0] === 32
  const separates = (i: number) =>
    blanks ? buf[i] === 32 || (sep === undefined && buf[i] === 9) : sep.every((c, k) => i + k < end && buf[i + k] === c)
  const width = blanks ? 1 : sep.length
  for (let i = start; ; ) {
    while (blanks && i < end && separates(i)) i++
    let j = i
    while (j < end && !(width > 0 && separates(j))) j++
    fields.push(buf.subarray(i, j))
    if (j >= end) return fields
    i = j + width
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** One of the two files, a line ahead. */
class Relation {
  /** The line's fields; undefined at the end. */
  fields: Uint8Array[] | undefined
  readonly #lines: Lines
  readonly #sep: Uint8Array | undefined
  readonly #on: number

  constructor(lines: Lines, sep: Uint8Array | undefined, on: number) {
    this.#lines = lines
    this.#sep = sep
    this.#on = on
  }

  /** Goes to the next line; a promise when it has to be read. */
  next(): Promise<void> | undefined {
    if (!this.#lines.next()) return this.#fill()
    this.fields = split(this.#lines, this.#sep)
    return undefined
  }

  async #fill(): Promise<void> {
    this.fields = (await this.#lines.fill()) ? split(this.#lines, this.#sep) : undefined
  }

  get key(): Uint8Array {
    return this.fields?.[this.#on] ?? none
  }
}

class Join {
  readonly out: Bout
  readonly opt: Options

  constructor(sys: Sys, opt: Options) {
    this.out = new Bout(sys, 1)
    this.opt = opt
  }

  /** Prints a line of either file, or of both. */
  print(a: Uint8Array[] | undefined, b: Uint8Array[] | undefined): void {
    const { out, opt } = this
    const [j1, j2] = opt.on
    if (opt.fields.length === 0) {
      out.put((a ? a[j1] : b?.[j2]) ?? none)
      for (const [line, on] of [[a, j1] as const, [b, j2] as const])
        line?.forEach((f, i) => {
          if (i === on) return
          out.put(opt.sep ?? ' ')
          out.put(f)
        })
    }
    for (const [i, { file, n }] of opt.fields.entries()) {
      if (i > 0) out.put(opt.sep ?? ' ')
      const key = a?.[j1] ?? b?.[j2]
      const f = file === 1 ? a?.[n] : file === 2 ? b?.[n] : key
      out.put(f === undefined || (file !== 0 && f.length === 0) ? opt.empty : f)
    }
    out.put('\n')
  }

  async run(one: Relation, two: Relation): Promise<void> {
    const { out } = this
    const { unpaired, paired } = this.opt
    await one.next()
    await two.next()
    while ((one.fields && two.fields) || (one.fields && unpaired[0]) || (two.fields && unpaired[1])) {
      const d = !one.fields ? 1 : !two.fields ? -1 : compare(one.key, two.key)
      if (d < 0) {
        if (unpaired[0]) this.print(one.fields, undefined)
        const p = one.next()
        if (p) await p
      } else if (d > 0) {
        if (unpaired[1]) this.print(undefined, two.fields)
        const p = two.next()
        if (p) await p
      } else {
        const { key } = two
        const group: Uint8Array[][] = []
        while (two.fields && compare(two.key, key) === 0) {
          group.push(two.fields)
          const p = two.next()
          if (p) await p
        }
        while (one.fields && compare(one.key, key) === 0) {
          for (const fields of group) {
            if (paired) this.print(one.fields, fields)
            if (out.full) await out.flush()
          }
          const p = one.next()
          if (p) await p
        }
      }
      if (out.full) await out.flush()
    }
    await out.flush()
  }
}

const join: Program = async (sys, argv) => {
  const args = argv.slice(1)
  const fatal = (msg: string) => sysfatal(sys, 'join', msg)
  const opt: Options = { on: [0, 0], unpaired: [false, false], paired: true, empty: none, sep: undefined, fields: [] }
  const on: [number, number] = [1, 1]
  /** The argument of the option in front: the rest of its word or the next one. */
  const optarg = async (): Promise<string> => {
    const a = args[0]!
    if (a.length > 2) return a.slice(2)
    if (args[1] === undefined || args[1].startsWith('-')) await fatal(`incomplete option ${a}`)
    args.shift()
    return args[0]!
  }
  const field = (s: string): Field | undefined => {
    if (s === '0') return { file: 0, n: 0 }
    const m = /^([12])\.(\d+)$/.exec(s)
    return m ? { file: m[1] === '1' ? 1 : 2, n: Number(m[2]) - 1 } : undefined
  }
  for (; args[0]?.startsWith('-') && args[0] !== '-'; args.shift()) {
    const a = args[0]
    if (a === '--') {
      args.shift()
      break
    }
    switch (a[1]) {
      case 'a':
      case 'v': {
        const n = (await optarg())[0]
        if (n !== '1' && n !== '2') await fatal(`incomplete option ${a.slice(0, 2)}`)
        opt.unpaired[n === '1' ? 0 : 1] = true
        if (a[1] === 'v') opt.paired = false
        break
      }
      case 'e':
        opt.empty = utf8(await optarg())
        break
      case 't':
        opt.sep = await optarg()
        break
      case 'o':
        opt.fields = []
        if (a.length > 2 || args[1]?.includes(',')) {
          for (const s of (await optarg()).split(',')) opt.fields.push(field(s) ?? (await fatal('invalid -o list')))
        } else
          for (let f = field(args[1] ?? ''); f !== undefined; f = field(args[1] ?? '')) {
            opt.fields.push(f)
            args.shift()
          }
        break
      case 'j': {
        const m = atoi(args[1] ?? '')
        if (a[2] !== '2') on[0] = m
        if (a[2] !== '1') on[1] = m
        args.shift()
        break
      }
      case '1':
      case '2':
        on[a[1] === '1' ? 0 : 1] = atoi(await optarg())
        break
    }
  }
  if (args.length !== 2) await fatal(help)
  if (on[0] < 1 || on[1] < 1) await fatal('invalid field indices')
  opt.on = [on[0] - 1, on[1] - 1]
  // One character separates lines; all of the argument goes between fields that are printed.
  const sep = opt.sep === undefined ? undefined : utf8([...opt.sep][0] ?? '')
  const files: Relation[] = []
  for (const [i, name] of args.entries()) {
    let fd = 0
    if (name !== '-')
      try {
        fd = await sys.open(name, OREAD)
      } catch (e) {
        r(e)
        await fatal(`can't open ${name}`)
      }
    files.push(new Relation(new Lines(new Bin(sys, fd)), sep, opt.on[i]!))
  }
  await new Join(sys, opt).run(files[0]!, files[1]!)
  return ''
}
export default join
