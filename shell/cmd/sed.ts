import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { Enovmem, PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { Arg } from '../../plan9/libc/arg.ts'
import { Bin, Bsize, Memmax, readfile, write } from '../../plan9/libc/bio.ts'
import { frombytes, own, runeat, tobytes, totext } from '../../plan9/libc/bytes.ts'
import { text } from '../../plan9/libc/rune.ts'
import { attempt, eprint, r } from '../../plan9/libc/sysfatal.ts'
import { type Address, type Command, Quit, Script, type Substitution } from './sed/script.ts'

const escapes: Record<string, string> = { '\b': '\\b', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

/** The l command: a string of bytes in ASCII, in lines of 72 characters. */
function list(s: string): string {
  let out = ''
  let col = 0
  for (let i = 0; i < s.length; ) {
    const x = runeat(s, i)
    const c = s[i]!
    i += x & 7
    const shown =
      c >= ' ' && c <= '~' && c !== '\\' ? c : (escapes[c] ?? `\\x${(x >>> 3).toString(16).padStart(4, '0')}`)
    for (const d of shown) {
      out += d
      if (col++ > 71) {
        out += '\\\n'
        col = 0
      }
    }
  }
  return `${out}${s.endsWith(' ') ? '\\n' : ''}\n`
}

function transform(s: string, map: Map<number, string>): string {
  let out = ''
  for (let i = 0; i < s.length; ) {
    const x = runeat(s, i)
    const len = x & 7
    out += map.get(x >>> 3) ?? s.slice(i, i + len)
    i += len
  }
  return out
}

/** @throws PlanError for more text than may be held */
function bounded(s: string): string {
  if (s.length > Memmax) throw new PlanError(Enovmem)
  return s
}

/** Output gathered as a string of bytes. */
class Output {
  readonly fd: number
  text = ''

  constructor(fd: number) {
    this.fd = fd
  }

  async flush(sys: Sys): Promise<void> {
    if (this.text === '') return
    const b = tobytes(this.text)
    this.text = ''
    await write(sys, this.fd, b)
  }
}

/** Backward branches that are taken between two looks at the kernel. */
const TURNS = 10_000

class Sed {
  readonly #sys: Sys
  readonly #commands: Command[]
  /** Whether the last line must be known as such. */
  readonly #dollar: boolean
  readonly #quiet: boolean
  readonly #unbuffered: boolean
  readonly #out = new Output(1)
  readonly #wfiles = new Map<string, Output>()
  readonly #files: (string | undefined)[]
  #bin: Bin | undefined
  /** Lines that have been read, as a string of bytes; where the next one begins; and what comes after them, if read. */
  #block = ''
  #at = 0
  #ahead: string | undefined
  /** The block's last line is the last of all. */
  #final = false
  #line = 0
  #last = false
  #space = ''
  #hold = ''
  /** What the next line is put behind. */
  #before = ''
  #substituted = false
  /** a's and r's of this cycle. */
  readonly #queue: Command[] = []
  #turns = 0
  #paused = false
  #done = false

  constructor(sys: Sys, script: Script, files: string[], flags: Set<string>) {
    this.#sys = sys
    this.#commands = script.end()
    this.#dollar = script.dollar
    this.#files = files.length === 0 ? [undefined] : [...files]
    this.#quiet = flags.has('n')
    this.#unbuffered = flags.has('u')
  }

  /** Opens what is written to: before a line is read. */
  async create(): Promise<void> {
    const sys = this.#sys
    for (const { wfile } of this.#commands) {
      if (wfile === undefined || this.#wfiles.has(wfile)) continue
      const name = totext(wfile)
      let fd = await attempt(sys.open(name, OWRITE))
      fd ??= await attempt(sys.create(name, OWRITE, 0o666))
      if (fd === undefined) throw new Quit(`Cannot create ${name}`)
      await attempt(sys.seek(fd, 0, 2))
      this.#wfiles.set(wfile, new Output(fd))
    }
  }

  async run(): Promise<void> {
    let pc = 0
    for (;;) {
      if (this.#paused) await this.#sys.sleep(0)
      else if (this.#done || !(this.#next() || (await this.#fill()))) return
      this.#paused = false
      this.#turns = 0
      pc = this.#execute(pc)
      if (this.#queue.length > 0 && !this.#paused) await this.#appends()
      if (this.#out.text.length >= Bsize) await this.#out.flush(this.#sys)
      for (const w of this.#wfiles.values()) if (w.text.length >= Bsize) await w.flush(this.#sys)
    }
  }

  async flush(): Promise<void> {
    await this.#out.flush(this.#sys)
    for (const w of this.#wfiles.values()) await w.flush(this.#sys)
  }

  /** Takes the next line, if it has been read. */
  #next(): boolean {
    if (this.#at >= this.#block.length) return false
    const nl = this.#block.indexOf('\n', this.#at)
    const end = nl < 0 ? this.#block.length : nl
    this.#space = this.#before + this.#block.slice(this.#at, end)
    this.#before = ''
    this.#at = end + 1
    this.#last = this.#final && this.#at >= this.#block.length
    this.#substituted = false
    this.#line++
    return true
  }

  async #read(bin: Bin): Promise<string> {
    if (this.#unbuffered) await this.flush()
    return frombytes(await bin.rdlines())
  }

  /** Reads on and takes the next line; false at the end of the last file. */
  async #fill(): Promise<boolean> {
    for (;;) {
      this.#bin ??= await this.#open()
      if (this.#bin === undefined) return false
      this.#block = this.#ahead ?? (await this.#read(this.#bin))
      this.#at = 0
      this.#ahead = undefined
      if (this.#block !== '') {
        if (this.#dollar) this.#ahead = await this.#read(this.#bin)
        this.#final = this.#ahead === '' && this.#files.length === 0
        return this.#next()
      }
      if (this.#bin.fd !== 0) await this.#sys.close(this.#bin.fd)
      this.#bin = undefined
    }
  }

  async #open(): Promise<Bin | undefined> {
    if (this.#files.length === 0) return undefined
    const name = this.#files.shift()
    if (name === undefined) return new Bin(this.#sys, 0)
    const fd = await attempt(this.#sys.open(name, OREAD))
    if (fd === undefined) throw new Quit(`Can't open ${name}`)
    return new Bin(this.#sys, fd)
  }

  async #appends(): Promise<void> {
    for (const c of this.#queue.splice(0)) {
      if (c.name === 'a') this.#out.text += `${c.text}\n`
      else await this.#copy(totext(c.text))
    }
  }

  /** Puts a file on the output; one that is not there is no error. */
  async #copy(name: string): Promise<void> {
    const fd = await attempt(this.#sys.open(name, OREAD))
    if (fd === undefined) return
    try {
      const bin = new Bin(this.#sys, fd)
      for (;;) {
        const b = await bin.chunk()
        if (b.length === 0) return
        this.#out.text += frombytes(b)
        await this.#out.flush(this.#sys)
      }
    } finally {
      await this.#sys.close(fd)
    }
  }

  #matches(a: Address): boolean {
    if (a.t === '$') return this.#last
    if (a.t === 'line') return a.n === this.#line
    return a.re?.test(this.#space) ?? false
  }

  #selected(c: Command): boolean {
    if (c.active !== 0) {
      c.active = 2
      if (c.to === undefined) c.active = 0
      else if (c.to.t === '$') return true
      else if (c.to.t === 'line') {
        if (this.#line >= c.to.n) c.active = 0
        return this.#line <= c.to.n
      } else {
        if (this.#matches(c.to)) c.active = 0
        return true
      }
    }
    if (c.from === undefined) return true
    if (!this.#matches(c.from)) return false
    // Nothing comes after the last line.
    if (c.from.t !== '$') c.active = 1
    return true
  }

  /** Whether there is time for another jump from `pc` to `target`: backwards they may go on for ever. */
  #jump(pc: number, target: number): boolean {
    if (target > pc) return true
    this.#paused = ++this.#turns > TURNS || this.#out.text.length >= Bsize
    return !this.#paused
  }

  /** Runs the script from `pc` until it needs a line, and returns where it goes on with that; or with this one, if `#paused`. */
  #execute(pc: number): number {
    const commands = this.#commands
    for (;;) {
      const c = commands[pc]
      if (c === undefined) break
      if (this.#selected(c) === c.not) {
        pc++
        continue
      }
      switch (c.name) {
        case '{':
          pc = c.target
          continue
        case 'b':
        case 't':
          if (c.name === 't') {
            if (!this.#substituted) break
            this.#substituted = false
          }
          if (!this.#jump(pc, c.target)) return c.target
          pc = c.target
          continue
        case 'a':
        case 'r':
          this.#queue.push(c)
          break
        case 'i':
          this.#out.text += `${c.text}\n`
          break
        case 'c':
          if (c.active === 1) this.#out.text += `${c.text}\n`
          return 0
        case 'd':
          return 0
        case 'D': {
          const nl = this.#space.indexOf('\n')
          if (nl < 0) return 0
          this.#space = this.#space.slice(nl + 1)
          if (!this.#jump(pc, 0)) return 0
          pc = 0
          continue
        }
        case 'g':
          this.#space = this.#hold
          break
        case 'G':
          this.#space = bounded(`${this.#space}\n${this.#hold}`)
          break
        case 'h':
          this.#hold = own(this.#space)
          break
        case 'H':
          this.#hold = bounded(`${this.#hold}\n${own(this.#space)}`)
          break
        case 'x':
          ;[this.#space, this.#hold] = [this.#hold, own(this.#space)]
          break
        case 'l':
          this.#out.text += list(this.#space)
          break
        case 'n':
          if (!this.#quiet) this.#print()
          return pc + 1
        case 'N':
          this.#before = bounded(`${this.#space}\n`)
          return pc + 1
        case 'p':
          this.#print()
          break
        case 'P':
          this.#printfirst()
          break
        case 'q':
          if (!this.#quiet) this.#print()
          this.#done = true
          return 0
        case 's':
          if (!this.#substitute(c.sub!)) break
          if (c.sub!.print === 'p') this.#print()
          else if (c.sub!.print === 'P') this.#printfirst()
          if (c.wfile !== undefined) this.#wfiles.get(c.wfile)!.text += `${this.#space}\n`
          break
        case 'w':
          this.#wfiles.get(c.wfile!)!.text += `${this.#space}\n`
          break
        case 'y':
          this.#space = transform(this.#space, c.map)
          break
        case '=':
          this.#out.text += `${this.#line}\n`
      }
      pc++
    }
    if (!this.#quiet) this.#print()
    return 0
  }

  #print(): void {
    this.#out.text += this.#space
    this.#out.text += '\n'
  }

  #printfirst(): void {
    const nl = this.#space.indexOf('\n')
    this.#out.text += `${nl < 0 ? this.#space : this.#space.slice(0, nl)}\n`
  }

  #substitute({ re, to, all }: Substitution): boolean {
    const s = re.replace(this.#space, to, { all }, n => {
      throw new Quit(`Invalid back reference \\${n}`)
    })
    if (s === undefined) return false
    this.#space = s
    this.#substituted = true
    return true
  }
}

const sed: Program = async (sys, argv) => {
  const arg = new Arg(argv)
  const flags = new Set<string>()
  const scripts: { text?: string; file?: string }[] = []
  let sed: Sed | undefined
  if (argv.length === 1) return ''
  try {
    for (const c of arg) {
      if (c === 'e') scripts.push({ text: given(arg.argf(), 'missing pattern') })
      else if (c === 'f') scripts.push({ file: given(arg.argf(), 'no pattern-file') })
      else if ('gnuEr'.includes(c)) flags.add(c)
      else throw new Quit(`Unknown flag: ${c}`)
    }
    if (scripts.length === 0) scripts.push({ text: given(arg.argv.shift(), 'missing pattern') })
    const script = new Script(flags.has('g'))
    for (const { text: t, file } of scripts) script.add(t ?? (await scriptfile(sys, file!)))
    sed = new Sed(sys, script, arg.argv, flags)
    await sed.create()
    await sed.run()
    await sed.flush()
    return ''
  } catch (e) {
    const words = e instanceof Quit ? e.message : r(e)
    await sed?.flush()
    await eprint(sys, `sed: ${words}\n`)
    return 'error'
  }
}
export default sed

function given(s: string | undefined, otherwise: string): string {
  if (s === undefined) throw new Quit(otherwise)
  return s
}

async function scriptfile(sys: Sys, name: string): Promise<string> {
  const b = await attempt(readfile(sys, name))
  if (b === undefined) throw new Quit(`Cannot open pattern-file: ${name}`)
  return text(b)
}
