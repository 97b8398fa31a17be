import type { Program } from '../../plan9/kernel/sys.ts'
import { AEXIST, access } from '../../plan9/libc/dirread.ts'
import { eprint } from '../../plan9/libc/sysfatal.ts'
import { now } from '../../plan9/libc/tm.ts'
import { Files } from './mk/file.ts'
import { Parser } from './mk/parse.ts'
import { type Rule, Rules } from './mk/rule.ts'
import { Jobs } from './mk/run.ts'
import { readenv } from './mk/shell.ts'
import { Fatal, type Flags, Mk } from './mk/state.ts'
import { Work } from './mk/work.ts'

const help = 'usage: mk [-f file] [-n] [-a] [-e] [-t] [-k] [-i] [-d[egp]] [targets ...]'
const mkfile = 'mkfile'

interface Args {
  /** The options, as MKFLAGS has them. */
  options: string[]
  rest: string[]
  files: string[]
  whatif: string[]
  sequential: boolean
  usage: boolean
  flags: Flags
}

/** Options are single: what follows a letter is the option's own, or is ignored. Undefined for bad ones. */
function parseargs(argv: string[]): Args | undefined {
  const rest = argv.slice(1)
  const options: string[] = []
  const files = new Set<string>()
  const whatif: string[] = []
  const seen = new Set<string>()
  let debug = ''
  while (rest[0]?.startsWith('-')) {
    const arg = rest.shift()!
    const c = arg[1] ?? ''
    const own = arg.slice(2)
    options.push(arg)
    if (!'adefiknstuw'.includes(c) || c === '') return undefined
    seen.add(c)
    if (c === 'd') debug += own || 'egp'
    else if (c === 'w' && own !== '') whatif.push(own)
    else if (c === 'f' || c === 'w') {
      const next = rest.shift()
      if (next === undefined || (c === 'f' && next === '')) return undefined
      options.push(next)
      if (c === 'f') files.add(next)
      else whatif.push(next)
    }
  }
  return {
    options,
    rest,
    files: [...files],
    whatif: whatif.flatMap(w => w.split(/[ ,\n]+/)).filter(w => w !== ''),
    sequential: seen.has('s'),
    usage: seen.has('u'),
    flags: {
      all: seen.has('a'),
      intermediate: seen.has('a') || seen.has('i'),
      keepgoing: seen.has('k'),
      noexec: seen.has('n'),
      touch: seen.has('t'),
      explain: seen.has('e'),
      debugparse: debug.includes('p'),
      debuggraph: debug.includes('g'),
      debugexec: debug.includes('e'),
    },
  }
}

/** -dp */
async function dump(mk: Mk): Promise<void> {
  const { out, rules } = mk
  const list = (w: readonly string[]) => w.map(s => ` '${s}'`).join('')
  await out.write(`default targets${list(rules.first ?? [])}\n`)
  const print = async (title: string, all: Rule[]) => {
    await out.write(`${title}:\n`)
    for (const r of all) {
      const prog = r.prog === undefined ? '' : ` prog='${r.prog}'`
      await out.write(`\t${r.file}:${r.line} attr=${[...r.attr].join('')}${prog} alltarget=${list(r.alltargets)}\n`)
      await out.write(`\ttarget=${r.target}:${list(r.tail)}\n\trecipe='${r.recipe}'\n`)
    }
  }
  await print('rules', rules.plain)
  await print('metarules', rules.meta)
  await out.write('variables:\n')
  for (const [name, value] of mk.vars) await out.write(`\t${name}=${value.map(w => `'${w}'`).join('')}\n`)
}

const main: Program = async (sys, argv) => {
  const args = parseargs(argv)
  if (args === undefined) {
    await eprint(sys, `${help}\n`)
    return 'error'
  }
  const mk = new Mk(sys, args.flags, new Rules())
  const files = new Files(mk)
  const jobs = new Jobs(mk, files)
  const work = new Work(mk, files, jobs)
  const parser = new Parser(mk, jobs)
  try {
    await readenv(mk)
    mk.file = 'command line args'
    const targets: string[] = []
    for (const a of args.rest) {
      if (!a.includes('=')) targets.push(a)
      else if (!args.options.includes(a)) {
        args.options.push(a)
        await parser.argument(a)
      }
    }
    mk.vars.set('MKFLAGS', args.options)
    const goals = targets.filter(t => t !== '')
    mk.vars.set('MKARGS', goals)
    if (args.files.length > 0) for (const f of args.files) await parser.file(f)
    else if (await access(sys, mkfile, AEXIST)) await parser.file(mkfile)
    if (mk.flags.debugparse) await dump(mk)
    const { sec } = await now(sys)
    for (const w of args.whatif) mk.times.set(w, sec)
    sys.notify(async note => {
      if (note !== 'interrupt' && note !== 'hangup') return false
      await jobs.interrupt(note)
      await mk.out.flush()
      return sys.exits('error')
    })
    if (goals.length === 0) {
      if (mk.rules.first === undefined) throw new Fatal('mk: nothing to mk')
      for (const t of mk.rules.first) await work.make(t)
    } else if (args.sequential || goals.length === 1) for (const t of goals) await work.make(t)
    else {
      mk.rules.add(mk, [mk.file], goals, { recipe: '', attr: new Set(['V']), line: 0, prog: undefined })
      await work.make(mk.file)
    }
    if (args.usage) await jobs.usage()
    await mk.out.flush()
    return ''
  } catch (e) {
    if (!(e instanceof Fatal)) throw e
    await mk.speak()
    if (e.message !== '') await eprint(sys, `${e.message}\n`)
    await jobs.drain()
    await mk.out.flush()
    return 'error'
  }
}
export default main
