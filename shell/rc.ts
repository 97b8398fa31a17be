import { PlanError } from '../plan9/error.ts'
import type { Program, Sys } from '../plan9/kernel/sys.ts'
import { LAST, Rc, Unwind } from './eval.ts'
import { Vars } from './var.ts'

/** rc(1). What it does at the start is written in rc itself, in /rc/lib/rcmain. */
const rc: Program = async (sys, argv) => {
  const flags = new Map<string, string>()
  const name = argv[0] ?? 'rc'
  const bad = getflags(argv, flags)
  if (bad !== undefined) {
    const usage = `Usage: ${name} [-srdiIlxebpvV] [-c arg] [-m command] [file [arg ...]]\n`
    await sys.write(2, `${bad}\n${usage}`)
    return 'bad flags'
  }
  const args = argv.slice(1)
  if (name[0] === '-') flags.set('l', '')
  if (flags.has('I')) flags.delete('i')
  else if (args.length === 0 && (await isatty(sys, 0))) flags.set('i', '')

  const vars = new Vars()
  const shell = new Rc(sys, vars, flags, true)
  sys.notify(note => shell.note(note))
  try {
    await vars.init(sys)
  } catch (e) {
    if (!(e instanceof PlanError)) throw e
    shell.err += `rc: can't open: ${e.message}\n`
  }
  vars.set('pid', [String(sys.pid)])
  const cflag = flags.get('c')
  vars.set('cflag', cflag === undefined ? [] : [cflag])
  vars.set('rcname', [name])
  vars.set('*', args)
  shell.file = '*bootstrap*'
  try {
    await shell.run(
      {
        type: 'simple',
        line: 0,
        words: ['.', '-bq', flags.get('m') ?? '/rc/lib/rcmain', ...args].map(text => ({
          type: 'word',
          line: 0,
          text,
          quoted: true,
        })),
      },
      LAST,
    )
    return await shell.exit()
  } catch (e) {
    if (!(e instanceof Unwind)) throw e
    return await shell.finish()
  }
}

export default rc

/** Takes the flags out of argv. @returns the complaint when one is not as it should be */
function getflags(argv: string[], flags: Map<string, string>): string | undefined {
  while (argv.length > 1) {
    const arg = argv[1]!
    if (arg[0] !== '-' || arg === '-') return undefined
    for (let i = 1; i < arg.length; i++) {
      const c = arg[i]!
      if (!'srdiIlxebpvVcm'.includes(c)) return `Illegal flag -${c}`
      if (flags.has(c)) return `Flag -${c}: set twice`
      if (c !== 'c' && c !== 'm') {
        flags.set(c, '')
        continue
      }
      if (i + 1 === arg.length) {
        if (argv.length < 3) return `Flag -${c}: too few arguments`
        flags.set(c, argv[2]!)
        argv.splice(2, 1)
      } else flags.set(c, arg.slice(i + 1))
      break
    }
    argv.splice(1, 1)
  }
  return undefined
}

async function isatty(sys: Sys, fd: number): Promise<boolean> {
  try {
    return (await sys.fd2path(fd)).endsWith('/dev/cons')
  } catch (e) {
    if (e instanceof PlanError) return false
    throw e
  }
}
