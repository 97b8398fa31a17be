import { OREAD } from '../../plan9/9p/const.ts'
import { PlanError } from '../../plan9/error.ts'
import type { Program, Sys } from '../../plan9/kernel/sys.ts'
import { readall } from '../../plan9/libc/bio.ts'
import { frombytes, fromtext, totext } from '../../plan9/libc/bytes.ts'
import { eprint } from '../../plan9/libc/sysfatal.ts'
import { Compiler } from './awk/compile.ts'
import type { Source } from './awk/lex.ts'
import { isassignment, Machine, qstring } from './awk/machine.ts'
import { Parser } from './awk/parse.ts'
import { Cell, Fatal, STR } from './awk/value.ts'

const version = 'awk version 19990602'

/** Ends awk before the program runs. */
class Done extends Error {
  readonly status: string
  constructor(status: string) {
    super(status)
    this.status = status
  }
}

class Options {
  readonly sys: Sys
  readonly argv0: string
  args: string[]
  safe = false
  debug = false
  fs: string | undefined
  readonly files: string[] = []
  readonly assignments: string[] = []

  constructor(sys: Sys, argv: string[]) {
    this.sys = sys
    this.argv0 = argv[0] ?? 'awk'
    this.args = argv.slice(1)
  }

  async fatal(msg: string): Promise<never> {
    await this.warn(msg)
    throw new Done('FATAL')
  }

  warn(msg: string): Promise<void> {
    return eprint(this.sys, `${this.argv0}: ${msg}\n\n`)
  }

  async version(): Promise<void> {
    await this.sys.write(1, `${version}\n`)
  }

  /** Takes the options, and the program if no file has it. */
  async all(): Promise<string | undefined> {
    const { args } = this
    for (; args[0] !== undefined && args[0][0] === '-' && args[0] !== '-'; args.shift()) {
      const a = args[0]
      if (a === '--') {
        args.shift()
        break
      }
      await this.#option(a)
    }
    if (this.files.length > 0) return undefined
    if (args.length > 0) return args.shift()
    if (this.debug) throw new Done('')
    return this.fatal('no program given')
  }

  async #option(a: string): Promise<void> {
    const { args } = this
    switch (a[1]) {
      case 's':
        if (a === '-safe') this.safe = true
        return
      case 'f':
        args.shift()
        if (args.length === 0) await this.fatal('no program filename')
        this.files.push(args[0]!)
        return
      case 'F': {
        if (a === '-F') args.shift()
        const fs = a === '-F' ? (args[0] ?? '') : a.slice(2)
        this.fs = fs === 't' ? '\t' : fs
        if (fs === '') await this.warn('field separator FS is empty')
        return
      }
      case 'v':
        if (a === '-version') {
          await this.version()
          throw new Done('')
        }
        if (a !== '-v') return
        args.shift()
        if (args[0] !== undefined && isassignment(args[0])) this.assignments.push(args[0])
        return
      case 'm':
        if (a[2] !== 'r' && a[2] !== 'f') await this.fatal(`unknown option ${a}\n`)
        if (a.length === 3) args.shift()
        return
      case 'd':
        this.debug = true
        await this.version()
        return
      case 'V':
        await this.version()
        throw new Done('')
      default:
        await this.warn(`unknown option ${a} ignored`)
    }
  }
}

/** Reads the files that the program is in. */
async function read(opt: Options): Promise<Source[]> {
  const sources: Source[] = []
  for (const name of opt.files) {
    let fd = 0
    try {
      if (name !== '-') fd = await opt.sys.open(name, OREAD)
    } catch (e) {
      if (!(e instanceof PlanError)) throw e
      await eprint(opt.sys, `${opt.argv0}: can't open file ${name}\n source ${name}:1\n context is\n\t >>>  <<< \n`)
      throw new Done('FATAL')
    }
    sources.push({ name: fromtext(name), text: frombytes(await readall(opt.sys, fd)) })
    if (fd !== 0) await opt.sys.close(fd)
  }
  return sources
}

async function run(sys: Sys, argv: string[]): Promise<string> {
  const opt = new Options(sys, argv)
  if (opt.args.length === 0) {
    const usage = '[-F fieldsep] [-d] [-mf n] [-mr n] [-safe] [-v var=value] [-f programfile | program] [file ...]'
    await eprint(sys, `usage: ${opt.argv0} ${usage}\n`)
    return 'usage'
  }
  const program = await opt.all()
  const sources = program === undefined ? await read(opt) : [{ name: undefined, text: fromtext(program) }]

  const globals = new Map<string, Cell>()
  for (const a of opt.assignments.map(fromtext)) {
    const eq = a.indexOf('=')
    const c = new Cell(a.slice(0, eq), STR)
    c.setinput(qstring(a.slice(eq + 1)))
    globals.set(c.name, c)
  }
  const m = new Machine(sys, fromtext(opt.argv0), globals, opt.args.map(fromtext))
  const parser = new Parser(sources, globals, { argv0: fromtext(opt.argv0), safe: opt.safe })
  let tree: ReturnType<Parser['parse']>
  try {
    tree = parser.parse()
  } catch (e) {
    if (!(e instanceof Fatal)) throw e
    await eprint(sys, totext(parser.errors))
    return 'FATAL'
  }
  if (tree === undefined) {
    await eprint(sys, totext(parser.errors))
    return 'syntax error'
  }
  const environ = globals.get('ENVIRON')
  if (environ !== undefined) await m.environ(environ, opt.safe)
  if (opt.fs !== undefined) m.fs.sets(qstring(fromtext(opt.fs)))
  m.line = parser.line
  new Compiler(m).program(tree)
  sys.notify(async note => {
    // A reader that went away is told of by the status.
    if (note.startsWith('sys: write on closed pipe')) return false
    await m.files.complain(`${fromtext(note)}\n`)
    return false
  })
  return m.run()
}

const awk: Program = async (sys, argv) => {
  try {
    return await run(sys, argv)
  } catch (e) {
    if (!(e instanceof Done)) throw e
    return e.status
  }
}
export default awk
